"""Data sets on the Hugging Face Hub: the files of a repository that can be read here, and fetching one.

Nothing of a repository is run: a data set that only a script of its own can make is refused.
"""

from dataclasses import dataclass

from core.data.lines import MAX_FILE_BYTES
from core.errors import DatasetNotFound
from core.hub import Fetched, Listed, OnBytes, commit_here, fetch_files, is_offline, listing
from core.refs import HubFile

ENDINGS = (
    ".parquet",
    ".csv",
    ".tsv",
    ".jsonl",
    ".json",
    ".ndjson",
    ".conllu",
    ".conllulex",
    ".conll",
    ".iob2",
    ".txt",
    ".label",
)
_NO_DATA = ("readme", "license", "licence", "requirements", "dataset_infos", "config.json", ".")


@dataclass(frozen=True, kw_only=True)
class DataRepository:
    """What a name on the Hub stands for."""

    repo: str
    commit: str
    revision: str
    files: tuple[HubFile, ...]
    """That may be read here, by name."""
    access: str
    """"open", "gated" or "private"; "" where the Hub was not asked."""
    licence: str
    """As its card says; may be empty."""


def look_up_data(repo: str, revision: str = "main", *, offline: bool = False) -> DataRepository:
    """What a name stands for now, and the files in it that may be read.

    Args:
        repo: organisation/name.
        revision: a branch, a tag or a commit.
        offline: look only among what was downloaded to this machine.
    Raises:
        DatasetNotFound: a wrong name or revision, no access, no answer, or nothing in it that can be read here.
        SpecInvalid: what can be no name.
    """
    ref = HubFile(repo=repo, revision=revision, commit="0" * 40, name="any")
    asked = f"Looking up the data set {repo} at {revision!r} on the Hub."
    if offline or is_offline():
        commit = commit_here(ref, revision)
        listed = _here(ref.replace(commit=commit)) if commit else []
        do = "Go online once and download it, or choose another."
        if not listed:
            raise DatasetNotFound(asked, "Offline: nothing of it was downloaded to this machine.", do)
        access = licence = ""
    else:
        found = listing(ref, revision, asked)
        repo, commit, listed = found.repo, found.commit, list(found.files)
        access, licence = found.access, found.licence
    readable = [one for one in listed if _is_readable(one)]
    if not readable:
        some = ", ".join(sorted(one.name for one in listed)[:6])
        raise DatasetNotFound(
            asked,
            f"It holds no file that can be read here (found: {some}). Scripts that make data are not run.",
            "Choose a repository with Parquet, CSV, JSON Lines or CoNLL-U files.",
        )
    files = (
        HubFile(repo=repo, commit=commit, revision=revision, name=one.name, n_bytes=one.n_bytes)
        for one in sorted(readable, key=lambda one: one.name)
    )
    return DataRepository(
        repo=repo, commit=commit, revision=revision, files=tuple(files), access=access, licence=licence
    )  # fmt: skip


def fetch_data(ref: HubFile, on_bytes: OnBytes) -> list[Fetched]:
    """Bring one file to this machine. Raises as core.hub.fetch_files."""
    asked = f"Downloading {ref.name} of {ref.repo} at {ref.commit[:7]}."
    return fetch_files(ref, [Listed(name=ref.name, n_bytes=ref.n_bytes)], on_bytes, asked)


def _here(ref: HubFile) -> list[Listed]:
    """The files of a commit that were downloaded to this machine."""
    paths = sorted(path for path in ref.folder.rglob("*") if path.is_file())
    return [Listed(name=path.relative_to(ref.folder).as_posix(), n_bytes=path.stat().st_size) for path in paths]


def _is_readable(one: Listed) -> bool:
    last = one.name.rpartition("/")[2].lower()
    is_data = last.endswith(ENDINGS) and not last.startswith(_NO_DATA)
    return is_data and 0 < one.n_bytes <= MAX_FILE_BYTES and HubFile.is_name(one.name)
