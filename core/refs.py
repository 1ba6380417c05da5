"""What we talk about: checkpoints and data sets, by what they are, with where they lie beside.

A file or folder is identified by the SHA-256 of its content; its path is only a locator, so a moved file keeps its
results. Tuned checkpoints made here are not refs of their own: the spec of the fine-tuning run identifies them.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from core.errors import CheckpointNotFound, DatasetNotFound, SpecInvalid
from core.keys import Described, later, locator

PACKAGED_NAME = "all-MiniLM-L6-v2"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the packaged base checkpoint's model.safetensors, checked on first use."""

_CHECKPOINT_FILES = ("config.json", "tokenizer", "vocab", "merges", "special_tokens", "spiece", "sentencepiece")


@dataclass(frozen=True, kw_only=True)
class Packaged(Described, kind="checkpoint.packaged"):
    """The base checkpoint that comes with the installation."""

    name: str = PACKAGED_NAME
    sha256: str = PACKAGED_SHA256


@dataclass(frozen=True, kw_only=True)
class Folder(Described, kind="checkpoint.folder"):
    """A local folder with config.json, a fast tokenizer and safetensors weights."""

    digest: str
    path: str = locator()

    @classmethod
    def at(cls, path: str | Path) -> "Folder":
        """The folder's ref. Reads every weight file once to hash it (about 1 s per GB).

        Raises:
            CheckpointNotFound: no such folder, or no config.json or safetensors in it.
        """
        folder = Path(path).expanduser().absolute()
        asked = f"Opening the checkpoint folder {folder}."
        if not folder.is_dir():
            raise CheckpointNotFound(asked, "There is no such folder.", "Check the path.")
        weights = sorted(folder.glob("*.safetensors"))
        if not (folder / "config.json").is_file():
            raise CheckpointNotFound(asked, "It holds no config.json.", "Give the folder that save_pretrained wrote.")
        if not weights:
            others = ", ".join(sorted(p.name for p in folder.glob("*.bin"))) or "no weights at all"
            raise CheckpointNotFound(
                asked,
                f"It holds no .safetensors file (found: {others}).",
                "Save the model with safe_serialization=True; pickled weights are never read.",
            )
        beside = sorted(p for p in folder.iterdir() if p.is_file() and p.name.startswith(_CHECKPOINT_FILES))
        parts = [f"{p.name}:{file_digest(p)}" for p in [*beside, *weights]]
        return cls(digest=hashlib.sha256("\n".join(parts).encode()).hexdigest(), path=str(folder))


@dataclass(frozen=True, kw_only=True)
class Suite(Described, kind="data.suite"):
    """One split of one part of the built-in suite."""

    split: Literal["train", "dev", "test"] = "dev"
    edition: int = 2
    """SUITE_VERSION of the grammar that generates it."""
    part: Literal["reviews", "harbour", "questions", "agreement", "entailment"] = later("reviews")
    lexicon: Literal["shared", "split"] = later("shared")
    """Whether train shares its open-class words with dev and test."""


@dataclass(frozen=True, kw_only=True)
class ConlluFile(Described, kind="data.conllu"):
    """A CoNLL-U file: words with UPOS, heads and relations."""

    digest: str
    path: str = locator()

    @classmethod
    def at(cls, path: str | Path) -> "ConlluFile":
        """The file's ref. Raises DatasetNotFound."""
        file = _existing(path)
        return cls(digest=file_digest(file), path=str(file))


@dataclass(frozen=True, kw_only=True)
class TableFile(Described, kind="data.table"):
    """A tab-separated file with one sentence a line."""

    digest: str
    path: str = locator()
    text: int
    """Column of the sentence, from 0."""
    label: int
    """Column of its label, from 0; -1 = none."""
    label_name: str = "label"
    header: bool = False
    """Whether the first line names the columns."""

    @classmethod
    def at(
        cls, path: str | Path, *, text: int = 0, label: int = -1, label_name: str = "label", header: bool = False
    ) -> "TableFile":
        """The file's ref. Raises DatasetNotFound."""
        file = _existing(path)
        return cls(
            digest=file_digest(file), path=str(file), text=text, label=label, label_name=label_name, header=header
        )


Dataset = Suite | ConlluFile | TableFile


@dataclass(frozen=True, kw_only=True)
class Sample(Described, kind="data.sample"):
    """Which sentences of a data set: n of them, drawn without replacement by seed; n = 0 means all, in file order."""

    of: Dataset
    n: int = 0
    seed: int = 0

    def validate(self) -> None:
        if self.n < 0:
            raise SpecInvalid(f"A sample of {self.n} sentences.", "Negative.", "Give 0 for all, or a positive number.")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content; remembered in this process by path, size and time of change."""
    facts = path.stat()
    return _digest(str(path), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=512)
def _digest(path: str, size: int, changed: int) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _existing(path: str | Path) -> Path:
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise DatasetNotFound(f"Opening the data file {file}.", "There is no such file.", "Check the path.")
    return file
