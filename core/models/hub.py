"""Checkpoints on the Hugging Face Hub: what a name stands for today, and fetching it.

A name is looked up once: its branch or tag becomes a commit, and all that would be refused later (no safetensors, code of
its own, an unknown family) is refused before anything large is fetched. What is fetched lies where every Hugging Face tool
keeps it, under its own hash; a transfer that was cut off, by a kill too, goes on where it stopped.

The person's own token, if there is one (HF_TOKEN, or `hf auth login`), is read here, sent to the Hub, and goes nowhere
else: not to the hosts that the Hub hands a transfer on to, not into a spec, a record, a message or a log.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from core.errors import CheckpointDamaged, CheckpointNotFound, StoreUnusable, TunescopeError
from core.models.checkpoints import Shape, shape
from core.refs import CHECKPOINT_FILES, Hub, hub_cache

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_WEIGHTS = {"model": "model.safetensors", "adapter": "adapter_model.safetensors", "pickled": "pytorch_model.bin"}
_SECONDS = 15.0
"""To wait for an answer."""
_TRIES = 4
"""In a row that bring nothing, before a transfer is given up."""
_CHUNK, _PARTIAL = 1 << 18, 206
_MOST_BESIDE = 100_000_000
"""Bytes of configuration and vocabulary together."""

OnBytes = Callable[[int, int], None]
"""Told bytes that are here and bytes in all; what it raises ends the transfer."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """What a name on the Hub stands for."""

    ref: Hub
    shape: Shape | None
    """Of a checkpoint; None for an adapter."""
    access: str
    """"open", "gated" or "private"; "" where the Hub was not asked."""
    licence: str
    """As its card says; may be empty."""
    adapts: str
    """What an adapter says it was trained on; may be empty."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """One file of a repository, here."""

    name: str
    n_bytes: int
    sha256: str
    """As the Hub names it; empty for small files, which it names otherwise."""


@dataclass(frozen=True, kw_only=True)
class _Listed:
    name: str
    n_bytes: int


def is_offline() -> bool:
    """Whether this machine's settings forbid asking the Hub (HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE)."""
    return any(
        os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )  # fmt: skip


def has_token() -> bool:
    """Whether this machine has a token of the Hub."""
    from huggingface_hub import get_token

    return bool(get_token())


def look_up(repo: str, revision: str = "main", *, offline: bool = False) -> Repository:
    """What a name stands for now; only its configuration is fetched.

    Args:
        repo: organisation/name.
        revision: a branch, a tag or a commit.
        offline: look only among what was downloaded to this machine.
    Raises:
        CheckpointNotFound: a wrong name or revision, no access, no answer, or nothing in it that can be read here.
        SpecInvalid: what can be no name.
    Cost:
        One or two questions to the Hub, at most 15 s each.
    """
    # Refuses what is no name, before any address or path is made of it.
    Hub(repo=repo, revision=revision, commit="0" * 40)
    asked = f"Looking up {repo} at {revision!r} on the Hub."
    if offline or is_offline():
        return _look_up_here(repo, revision, asked)
    with _told(asked, repo):
        info = _api().model_info(repo, revision=revision, files_metadata=True, timeout=_SECONDS)
    if not info.sha or not info.siblings:
        raise CheckpointNotFound(asked, "It is empty.", "Choose another repository.")
    listed = [_Listed(name=one.rfilename, n_bytes=one.size or 0) for one in info.siblings]
    holds, files = _taken(listed, asked)
    n_bytes = sum(one.n_bytes for one in files)
    ref = Hub(repo=repo, commit=info.sha, revision=revision, holds=holds, n_bytes=n_bytes)
    card = info.card_data.to_dict() if info.card_data else {}
    with _told(asked, repo):
        configuration = _to_cache(ref, "adapter_config.json" if holds == "adapter" else "config.json")
    return Repository(
        ref=ref,
        shape=None if holds == "adapter" else _readable(configuration, asked),
        access="private" if info.private else "gated" if info.gated else "open",
        licence=str(card.get("license") or ""),
        adapts=_adapts(configuration) if holds == "adapter" else "",
    )


def fetch(ref: Hub, on_bytes: OnBytes) -> list[Fetched]:
    """Bring a repository's files to this machine, where they are not there yet; what was cut off goes on.

    Raises:
        CheckpointNotFound: no access, no answer, or a transfer that broke off for good.
        CheckpointDamaged: a file that is not what the Hub says it is; it is not kept.
        StoreUnusable: no room for it.
    """
    asked = f"Downloading {ref.repo} at {ref.commit[:7]}."
    if is_offline():
        raise CheckpointNotFound(
            asked, "This machine is set to stay offline.", "Unset HF_HUB_OFFLINE, or choose another."
        )
    with _told(asked, ref.repo):
        info = _api().model_info(ref.repo, revision=ref.commit, files_metadata=True, timeout=_SECONDS)
    listed = [_Listed(name=one.rfilename, n_bytes=one.size or 0) for one in info.siblings or []]
    holds, files = _taken(listed, asked)
    if holds != ref.holds:
        raise CheckpointNotFound(asked, f"It holds {holds} weights, not {ref.holds}.", "Look it up again.")
    total, done, found = sum(one.n_bytes for one in files), 0, []
    on_bytes(0, total)
    for one in files:
        with _told(asked, ref.repo):
            found.append(_fetch_file(ref, one, lambda n, before=done: on_bytes(before + n, total), asked))
        done += one.n_bytes
        on_bytes(done, total)
    if ref.revision and ref.revision != ref.commit:
        # So that this and other tools know offline what the name stood for; not before all of it is here.
        named = ref.folder.parent.parent / "refs" / ref.revision
        with _told(asked, ref.repo):
            named.parent.mkdir(parents=True, exist_ok=True)
            beside = named.with_name(f".{named.name}.{os.getpid()}")
            beside.write_text(ref.commit, encoding="utf-8")
            beside.replace(named)
    return found


def _taken(listed: list[_Listed], asked: str) -> tuple[Any, list[_Listed]]:
    """(what it holds, the files to take): one form of the weights, and what makes a checkpoint beside them."""
    top = {one.name: one for one in listed if "/" not in one.name}
    holds = next((kind for kind, name in _WEIGHTS.items() if name in top or f"{name}.index.json" in top), None)
    if "adapter_config.json" in top and "config.json" not in top:
        if holds != "adapter":
            raise CheckpointNotFound(asked, "It is an adapter without safetensors.", "Ask its owners for safetensors.")
    elif holds in (None, "adapter") or "config.json" not in top:
        some = ", ".join(sorted(name for name in top if not name.startswith("."))[:6]) or "folders only"
        raise CheckpointNotFound(
            asked,
            f"It holds no checkpoint of transformers that can be read (found: {some}).",
            "Choose another repository.",
        )
    weights = _WEIGHTS[holds]
    stem, _, end = weights.rpartition(".")
    parts = re.compile(rf"{stem}-\d+-of-\d+\.{end}")
    names = [weights] if weights in top else [f"{weights}.index.json", *filter(parts.fullmatch, top)]
    start = ("adapter_config.json",) if holds == "adapter" else CHECKPOINT_FILES
    beside = [one for one in top.values() if one.name.startswith(start)]
    if (size := sum(one.n_bytes for one in beside)) > _MOST_BESIDE:
        raise CheckpointNotFound(asked, f"Its configuration and vocabulary are {size:,} bytes.", "Choose another.")
    return holds, [*beside, *(top[name] for name in names)]


def _readable(configuration: Path, asked: str) -> Shape:
    """The shape of a checkpoint that can be read here, by its configuration alone."""
    found = shape(configuration.parent)
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    said = json.loads(configuration.read_text(encoding="utf-8"))
    if found.family not in CONFIG_MAPPING_NAMES:
        why = (
            "It runs only with code of its own (auto_map), which is never run here."
            if said.get("auto_map")
            else f"Its family, {found.family[:60]!r}, is not known to this installation."
        )
        raise CheckpointNotFound(asked, why, "Choose a checkpoint of a family that transformers has.")
    if quantised := said.get("quantization_config"):
        how = str(quantised.get("quant_method", "") if isinstance(quantised, dict) else quantised)[:40]
        raise CheckpointNotFound(asked, f"Its weights are quantised ({how}).", "Choose the unquantised checkpoint.")
    return found


def _adapts(configuration: Path) -> str:
    try:
        return str(json.loads(configuration.read_text(encoding="utf-8")).get("base_model_name_or_path") or "")[:200]
    except (ValueError, AttributeError):
        return ""  # adding it will say what is wrong with it


def _look_up_here(repo: str, revision: str, asked: str) -> Repository:
    """The same from what was downloaded; the Hub is not asked."""
    folder = Hub(repo=repo, commit="0" * 40).folder.parent.parent
    commit = revision
    if not re.fullmatch("[0-9a-f]{40}", revision):
        known = folder / "refs" / revision
        commit = known.read_text(encoding="utf-8").strip() if known.is_file() else ""
    for holds in _WEIGHTS if re.fullmatch("[0-9a-f]{40}", commit) else ():
        ref = Hub(repo=repo, commit=commit, revision=revision, holds=holds)
        if ref.is_at_hand():
            files = [path for path in ref.folder.iterdir() if path.is_file()]
            configuration = ref.folder / ("adapter_config.json" if holds == "adapter" else "config.json")
            return Repository(
                ref=ref.replace(n_bytes=sum(path.stat().st_size for path in files)),
                shape=None if holds == "adapter" else _readable(configuration, asked),
                access="",
                licence="",
                adapts=_adapts(configuration) if holds == "adapter" else "",
            )
    raise CheckpointNotFound(
        asked, "Offline: it was not downloaded to this machine.", "Go online once and download it, or choose another."
    )


def _api() -> "HfApi":
    from huggingface_hub import HfApi, get_token

    return HfApi(endpoint=_endpoint(), token=get_token() or False)


def _endpoint() -> str:
    """The Hub, or what stands in for it."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _to_cache(ref: Hub, name: str) -> Path:
    """A file's place in the cache; fetched by the library's own hand where its content is not there."""
    from huggingface_hub import get_token, hf_hub_download

    return Path(
        hf_hub_download(
            ref.repo, name, revision=ref.commit, cache_dir=hub_cache(), endpoint=_endpoint(), token=get_token() or False,
            etag_timeout=_SECONDS,
        )
    )  # fmt: skip


def _fetch_file(ref: Hub, wanted: _Listed, on_bytes: Callable[[int], None], asked: str) -> Fetched:
    """One file into the cache under its hash, then under its name.

    The library writes each transfer into a file of its own, throws that away when it is cut off, and looks up only every
    10 MB; here what came is kept, and a person who cancels need not wait.
    """
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url
    from huggingface_hub.utils import WeakFileLock, build_hf_headers

    token = get_token() or False
    url = hf_hub_url(ref.repo, wanted.name, revision=ref.commit, endpoint=_endpoint())
    known = get_hf_file_metadata(url, token=token, timeout=_SECONDS, endpoint=_endpoint())
    if (
        not known.etag
        or not re.fullmatch(r"[\w-]+", known.etag)
        or known.commit_hash != ref.commit
        or known.size is None
    ):
        raise CheckpointDamaged(asked, f"The answer for {wanted.name} is not that of a Hub.", "Check HF_ENDPOINT.")
    sha256 = known.etag if re.fullmatch("[0-9a-f]{64}", known.etag) else ""
    store = ref.folder.parent.parent
    content = store / "blobs" / known.etag
    lock = hub_cache() / ".locks" / store.name / f"{known.etag}.lock"
    for folder in (content.parent, lock.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if content.is_file() and not _is_whole(content, known.size, sha256):
            content.unlink()
        if not content.is_file():
            # Whoever the Hub hands a transfer on to gets no token.
            is_hub = urlsplit(known.location).netloc == urlsplit(_endpoint()).netloc
            headers = build_hf_headers(token=token if is_hub else False)
            part = content.with_name(f"{known.etag}.incomplete")
            _transfer(known.location, part, known.size, headers, on_bytes)
            if not _is_whole(part, known.size, sha256):
                part.unlink()
                raise CheckpointDamaged(asked, f"What came as {wanted.name} is not what the Hub names.", "Try again.")
            part.replace(content)
    _to_cache(ref, wanted.name)
    return Fetched(name=wanted.name, n_bytes=known.size, sha256=sha256)


def _transfer(url: str, part: Path, size: int, headers: dict[str, str], on_bytes: Callable[[int], None]) -> None:
    """Fetch the rest of a file; asks on after a break, so long as something comes."""
    import httpx2
    from huggingface_hub.utils import hf_raise_for_status, http_stream_backoff

    with part.open("ab") as stream:
        if stream.tell() > size:
            _empty(stream)
        if size - stream.tell() > shutil.disk_usage(part.parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        in_vain = 0
        while (begun := stream.tell()) < size:
            wanted = headers | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
            try:
                with http_stream_backoff(
                    "GET",
                    url,
                    headers=wanted,
                    timeout=_SECONDS,
                    retry_on_exceptions=(),
                    retry_on_status_codes=(408, 429),
                ) as response:
                    hf_raise_for_status(response)
                    if begun and response.status_code != _PARTIAL:  # it sends all of it again
                        _empty(stream)
                    for chunk in response.iter_bytes(_CHUNK):
                        if stream.tell() + len(chunk) > size:
                            raise httpx2.RemoteProtocolError("more came than it is")
                        stream.write(chunk)
                        on_bytes(stream.tell())
            except (httpx2.TransportError, httpx2.TimeoutException):
                in_vain = 0 if stream.tell() > begun else in_vain + 1
                if in_vain >= _TRIES:
                    raise
                time.sleep(in_vain)
                continue
            if stream.tell() == begun:
                raise httpx2.RemoteProtocolError("nothing came")
            stream.flush()


def _empty(stream: BinaryIO) -> None:
    stream.truncate(0)
    stream.seek(0)


def _is_whole(path: Path, size: int, sha256: str) -> bool:
    if path.stat().st_size != size:
        return False
    if not sha256:
        return True
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


@contextmanager
def _told(asked: str, repo: str) -> Iterator[None]:
    """Say what went wrong between this machine and the Hub in words, none of them the library's: they name requests."""
    import httpx2
    from huggingface_hub.errors import (
        EntryNotFoundError,
        FileMetadataError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    host = urlsplit(_endpoint()).netloc
    sign_in = "sign in on this machine (hf auth login) or set HF_TOKEN"
    try:
        yield
    except TunescopeError:
        raise
    except GatedRepoError as error:
        do = f"Open {_endpoint()}/{repo}, accept its terms, and {sign_in}."
        raise CheckpointNotFound(asked, "Its owners give it only to those who accept their terms.", do) from error
    except RevisionNotFoundError as error:
        raise CheckpointNotFound(
            asked, "There is no such branch, tag or commit.", "Use main, or one it has."
        ) from error
    except RepositoryNotFoundError as error:
        found = "There is no such repository, or this machine's token may not see it."
        if not has_token():
            found = "There is no such repository; or it is private, and this machine has no token."
        raise CheckpointNotFound(asked, found, f"Check the name; if it is private, {sign_in}.") from error
    except EntryNotFoundError as error:
        raise CheckpointNotFound(asked, "A file that it lists is not in it.", "Look it up again.") from error
    except HfHubHTTPError as error:
        code = error.response.status_code if error.response is not None else "no"
        do = "Your token may lack the right to read it." if code in (401, 403) else "Try again later."
        raise CheckpointNotFound(asked, f"{host} answered with an error ({code}).", do) from error
    except (httpx2.HTTPError, OfflineModeIsEnabled, FileMetadataError) as error:
        raise CheckpointNotFound(
            asked,
            f"{host} does not answer as a Hub, or no longer ({type(error).__name__}).",
            "Check the network and try again: what has come is kept. What is here already can be had offline.",
        ) from error
    except OSError as error:
        if error.errno is None:  # the library's own, as for a length that does not fit
            raise CheckpointNotFound(
                asked, f"The transfer broke off ({type(error).__name__}).", "Try again."
            ) from error
        do = f"Free some space under {hub_cache()}, then download it again: what has come is kept."
        raise StoreUnusable(asked, f"The system answered: {error.strerror}.", do) from error
