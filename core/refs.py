"""What we talk about: checkpoints and data sets, by what they are, with where they lie beside.

A file or folder is identified by the SHA-256 of its content; its path is only a locator, so a moved file keeps its
results. Tuned checkpoints made here are not refs of their own: the spec of the fine-tuning run identifies them.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from core.errors import CheckpointNotFound, DatasetNotFound, SpecInvalid
from core.keys import Described, Spec, later, locator

PACKAGED_NAME = "all-MiniLM-L6-v2"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the packaged base checkpoint's model.safetensors, checked on first use."""

COARSE = ".coarse"
"""After the name of a label column: the part of the label before its first colon."""

ACCEPTABLE = "acceptable"
"""The label of minimal pairs: "yes" for the right version, "no" for the wrong one."""

LABEL_NAMES = {
    "upos": "word classes",
    "relation": "grammatical relations",
    "sentiment": "sentiment",
    "xpos": "fine word classes",
    "tense": "tense",
    "number": "singular or plural",
    "question": "question type",
    "agreement": "agreement",
    "entailment": "inference",
    "asked": "what is asked",
    "chunk": "chunks",
    "entity": "names of things",
    "dependency": "dependencies",
    "phrase": "phrase roles",
    "answer": "answers",
    "target": "marked spans",
    "acceptable": "acceptability",
}
"""Labels in words a student knows; a label that is not here goes by its own name."""

POOLING_FILES = ("modules.json", "1_Pooling/config.json")
"""Where sentence-transformers writes down how a checkpoint's sentences are pooled."""

CHECKPOINT_FILES = (
    "config.json", "tokenizer", "vocab", "merges", "special_tokens", "added_tokens", "spiece", "spm.", "sentencepiece",
    "bpe.codes",
)  # fmt: skip
"""How the names of the files begin that make a checkpoint beside its weights."""


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
                "Save the model with safe_serialization=True; pickled weights can be converted on the page Checkpoints.",
            )
        beside = sorted(p for p in folder.iterdir() if p.is_file() and p.name.startswith(CHECKPOINT_FILES))
        parts = [f"{p.name}:{file_digest(p)}" for p in [*beside, *weights]]
        return cls(digest=hashlib.sha256("\n".join(parts).encode()).hexdigest(), path=str(folder))


@dataclass(frozen=True, kw_only=True)
class OnHub(Spec):
    """What lies in a repository of the Hugging Face Hub at one commit. As a spec it stands for downloading that.

    The files lie where all Hugging Face tools keep them, so that what is there already is not downloaded again.
    """

    title: ClassVar[str] = "Download"
    seconds_per_unit: ClassVar[float] = 1e-7
    shelf: ClassVar[str]
    """What the Hub's tools call this kind of repository: models, datasets."""

    repo: str
    commit: str
    """40 hex digits; branches and tags move."""
    revision: str = locator()
    """The branch, tag or commit by whose name it was found."""
    n_bytes: int = locator(0)
    """Of the files taken, as the Hub states them."""

    def validate(self) -> None:
        # All three become parts of paths and addresses.
        asked = f"Naming the repository {self.repo[:100]!r} at {self.commit[:50]!r}."
        part = r"\w([\w.-]*\w)?"
        is_name = re.fullmatch(rf"(?!.*(\.\.|--|\.git$|\.git/)){part}(/{part})?", self.repo, re.ASCII)
        if not is_name or len(self.repo) > 96:
            raise SpecInvalid(asked, "That is no name on the Hub.", "Write it as organisation/name.")
        if not re.fullmatch("[0-9a-f]{40}", self.commit):
            raise SpecInvalid(asked, "That is no commit.", "Look the repository up, which finds its commit.")
        if not re.fullmatch(r"(?!.*(\.\.|//))[\w.+-][\w.+/-]{0,200}|", self.revision):
            raise SpecInvalid(asked, f"{self.revision[:50]!r} is no revision.", "Give a branch, a tag or a commit.")

    @property
    def repository(self) -> Path:
        """Where all its commits lie."""
        return hub_cache() / f"{self.shelf}--{self.repo.replace('/', '--')}"

    @property
    def folder(self) -> Path:
        """Where the files of this commit lie, or will lie."""
        return self.repository / "snapshots" / self.commit

    def cost(self) -> tuple[float, float]:
        """Bytes to download, which are kept on disk."""
        return float(self.n_bytes), float(self.n_bytes)


@dataclass(frozen=True, kw_only=True)
class Hub(OnHub, kind="checkpoint.hub"):
    """A checkpoint of the Hugging Face Hub."""

    shelf: ClassVar[str] = "models"

    holds: Literal["model", "adapter", "pickled"] = "model"
    """What is taken of it: a whole checkpoint, a LoRA adapter, or weights that are only to be had pickled. The last two
    are made into an Adapter or a Folder before anything reads them."""

    def is_at_hand(self) -> bool:
        """Whether its files are there."""
        begin = {"model": "model", "adapter": "adapter_model", "pickled": "pytorch_model"}[self.holds]
        end = "bin" if self.holds == "pickled" else "safetensors"
        configuration = "adapter_config.json" if self.holds == "adapter" else "config.json"
        whole = self.folder / f"{begin}.{end}"
        if not (self.folder / configuration).is_file():
            return False
        if whole.is_file():
            return True
        try:
            with whole.with_name(f"{whole.name}.index.json").open(encoding="utf-8") as stream:
                parts = set(json.load(stream)["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False
        return all((self.folder / str(name)).is_file() for name in parts)


@dataclass(frozen=True, kw_only=True)
class HubFile(OnHub, kind="data.hub"):
    """One file of a data set on the Hugging Face Hub.

    Once here it is a file like any other; what is read from it goes by the digest of its content.
    """

    shelf: ClassVar[str] = "datasets"

    name: str
    """In the repository: sst2/validation-00000-of-00001.parquet."""

    def validate(self) -> None:
        super().validate()
        if not self.is_name(self.name):
            raise SpecInvalid(f"Naming the file {self.name[:100]!r} of {self.repo}.", "That is no name.", "Look it up.")

    @staticmethod
    def is_name(name: str) -> bool:
        """Whether a file may be called so: it becomes part of a path and of an address."""
        parts = name.split("/")
        return len(name) <= 300 and all(re.fullmatch(r"(?!\.)[\w .,()+=@-]+", part) for part in parts)

    @property
    def path(self) -> Path:
        """Where the file lies, or will lie."""
        return self.folder / self.name

    def is_at_hand(self) -> bool:
        """Whether it is there."""
        return self.path.is_file()


def hub_cache() -> Path:
    """Where the Hugging Face tools of this machine keep what they download."""
    get = os.environ.get
    home = get("HF_HOME") or Path(get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    named = get("HF_HUB_CACHE") or get("HUGGINGFACE_HUB_CACHE") or Path(home) / "hub"
    return Path(os.path.expandvars(named)).expanduser().absolute()


Whole = Packaged | Folder | Hub
"""A checkpoint with all its weights: what can be tuned, and what an adapter can stand on."""


@dataclass(frozen=True, kw_only=True)
class Surgery(Described, kind="surgery"):
    """What is done to a checkpoint's blocks before it is tuned; at its defaults nothing. Blocks count from 0, bottom to top."""

    reset: tuple[int, ...] = ()
    """Blocks whose linear weights are drawn anew (Tamkin et al. 2020); biases stay as they were."""
    scale: Literal["bert", "tamkin-code"] = "bert"
    """bert: normal, sd 0.02, cut off at two sd, as BERT was initialised. tamkin-code: what the authors' code draws, 38 times
    smaller, so that a block hands on what it is given."""
    keeps_norms: bool = False
    """Whether layer norms of reset blocks keep their weights, instead of 1 and 0."""
    order: tuple[int, ...] = ()
    """The block that stands at each place; empty = as they were."""
    n_kept: int | None = None
    """Blocks from the bottom that are kept, the others left out; None = all."""
    n_frozen: int = 0
    """Blocks from the bottom that are not trained, and the embeddings with them; 0 = all is trained."""
    resets_pooler: bool = later(False)
    """Whether the weights of the pooler, where there is one, are drawn anew as those of reset blocks are."""
    from_scratch: bool = later(False)
    """Whether all of the network is drawn anew, as its family initialises it."""
    reset_rate: float = later(1.0)
    """Learning rate of reset blocks, as a multiple of the others'."""
    skips_pooler: bool = later(False)
    """Whether the head reads the first piece ([CLS]) of the last block as it is, and not through the pooler."""

    @property
    def draws(self) -> bool:
        """Whether weights are drawn anew."""
        return bool(self.reset) or self.resets_pooler or self.from_scratch

    @property
    def moves(self) -> bool:
        """Whether what is left is another network than the start's: blocks are gone or stand elsewhere, or there is no pooler."""
        return bool(self.order) or self.n_kept is not None or self.skips_pooler

    def validate(self) -> None:
        asked = "Changing a checkpoint before it is tuned."
        if not 0.001 <= self.reset_rate <= 1000:
            raise SpecInvalid(asked, f"Reset blocks learn {self.reset_rate:g} times as fast.", "Give 0.001 to 1000.")
        if list(self.reset) != sorted(set(self.reset)) or any(block < 0 for block in self.reset):
            raise SpecInvalid(asked, f"Blocks to reset: {self.reset}.", "Give rising numbers from 0 on.")
        if sorted(self.order) != list(range(len(self.order))):
            raise SpecInvalid(asked, f"An order of blocks: {self.order}.", "Give each block once.")
        if self.skips_pooler and self.resets_pooler:
            raise SpecInvalid(asked, "The pooler is drawn anew and then not read.", "Choose one of the two.")
        if self.n_frozen < 0 or (self.n_kept is not None and self.n_kept < 0):
            raise SpecInvalid(asked, f"{self.n_frozen} frozen, {self.n_kept} kept.", "Give 0 or more.")


NOTHING = Surgery()


@dataclass(frozen=True, kw_only=True)
class Adapter(Described, kind="checkpoint.adapter"):
    """A low-rank adapter made elsewhere, over the checkpoint it was trained on."""

    of: Whole
    digest: str
    """SHA-256 of what it changes, as core.models.changes writes it down."""
    path: str = locator()


@dataclass(frozen=True, kw_only=True)
class RandomWeights(Described, kind="checkpoint.random"):
    """A checkpoint's shape and tokenizer with freshly drawn weights: what a probe reads from it, training did not put there."""

    of: Whole
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Suite(Described, kind="data.suite"):
    """One split of one part of the built-in suite."""

    split: Literal["train", "dev", "test"] = "dev"
    edition: int = 2
    """SUITE_VERSION of the grammar that generates it."""
    part: Literal["reviews", "harbour", "questions", "agreement", "entailment", "answers"] = later("reviews")
    lexicon: Literal["shared", "split"] = later("shared")
    """Whether train shares its open-class words with dev and test."""


@dataclass(frozen=True, kw_only=True)
class OneFile(Described):
    """A file that says by itself how it is to be read."""

    digest: str
    path: str = locator()

    @classmethod
    def at(cls, path: str | Path) -> Self:
        """The file's ref. Raises DatasetNotFound."""
        file = existing(path)
        return cls(digest=file_digest(file), path=str(file))


@dataclass(frozen=True, kw_only=True)
class ConlluFile(OneFile, kind="data.conllu"):
    """A CoNLL-U file: words with UPOS, heads and relations; or CoNLL-U-Lex, with supersenses beside them."""


@dataclass(frozen=True, kw_only=True)
class MarkedFile(OneFile, kind="data.marked"):
    """An edge-probing file: JSON Lines with a text and labelled spans or pairs of spans of it."""


@dataclass(frozen=True, kw_only=True)
class TableFile(Described, kind="data.table", version=2):
    """A file with one text or pair a row: which columns to read, and how it is written down.

    Columns go by the names the file gives them; without a header they are "1", "2", … and in a spaced file "label" and
    "text". A label column may be followed by ".coarse": the part before its first colon ("LOC" of "LOC:city").
    """

    digest: str
    path: str = locator()
    format: Literal["tsv", "csv", "jsonl", "parquet", "spaced", "columns"] = "tsv"
    """"spaced": the first blank of a line separates its label from its text. "columns": a word a line with its labels beside
    it, a blank line after each sentence."""
    text: str = "1"
    """Column of the text; where it holds lists, they are its words."""
    partner: str = ""
    """Column of the second text of a pair; empty = single texts."""
    contrast: bool = later(False)
    """Whether text and partner are no pair to be read together but a minimal pair, the right version and the wrong one:
    two examples, labelled "acceptable" yes and no."""
    answers: str = later("")
    """Column of answers as SQuAD writes them, {"text": […], "answer_start": […]}, places in the last of the two texts:
    the first of them is marked, beside as many words elsewhere that are none."""
    labels: tuple[str, ...] = ()
    """Columns of sentence labels."""
    label_names: tuple[str, ...] = ()
    """What the sentence labels are called, in the same order; empty = as their columns."""
    word_labels: tuple[str, ...] = ()
    """Columns with one label a word: lists, or text separated by blanks."""
    word_label_names: tuple[str, ...] = later(())
    """What the word labels are called, in the same order; empty = as their columns."""
    numbers: tuple[str, ...] = later(())
    """Columns with one real number a text; where a cell is empty, or says NA or NaN, there is none."""
    word_numbers: tuple[str, ...] = later(())
    """Columns with one real number a word: lists, or numbers separated by blanks."""
    leave_out: tuple[str, ...] = ()
    """Rows with one of these sentence labels are left out; "" = rows without one."""
    header: bool = False
    """Whether the first line names the columns."""
    encoding: Literal["utf-8", "utf-16", "cp1252", "latin-1"] = "utf-8"
    delimiter: Literal[",", ";", "|"] = ","
    """Between the cells of a CSV file."""
    quoted: bool = False
    """Whether cells may stand in double quotes; otherwise quotes are text like any other."""

    @classmethod
    def at(cls, path: str | Path, **fields: Any) -> "TableFile":
        """The file's ref. Raises DatasetNotFound, SpecInvalid."""
        file = existing(path)
        return cls(digest=file_digest(file), path=str(file), **fields)

    def validate(self) -> None:
        asked = f"Reading a table in the format {self.format}."
        if not self.text:
            raise SpecInvalid(asked, "No column of the text is given.", "Choose the column that holds the text.")
        columns = [self.text, self.partner, self.answers, *self.labels, *self.word_labels]
        columns += [*self.numbers, *self.word_numbers]
        if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
            raise SpecInvalid(asked, f"The column {twice[0]!r} is asked for twice.", "Choose different columns.")
        if self.label_names and len(self.label_names) != len(self.labels):
            raise SpecInvalid(
                asked,
                f"{len(self.labels)} label columns have {len(self.label_names)} names.",
                "Give one name a label, or none.",
            )
        if self.word_label_names and len(self.word_label_names) != len(self.word_labels):
            raise SpecInvalid(
                asked,
                f"{len(self.word_labels)} columns of word labels have {len(self.word_label_names)} names.",
                "Give one name a column, or none.",
            )
        names = [*self.names, *self.word_names, *self.number_names, *self.word_number_names]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SpecInvalid(asked, f"Two labels are called {twice[0]!r}.", "Give them different names.")
        if self.contrast and not self.partner:
            raise SpecInvalid(asked, "A minimal pair has two versions.", "Choose the column of the wrong one.")
        if self.contrast and ACCEPTABLE in self.names:
            raise SpecInvalid(asked, f"Its own label is called {ACCEPTABLE!r}.", "Call the other one differently.")
        if self.answers and (self.contrast or self.format not in ("jsonl", "parquet")):
            raise SpecInvalid(asked, "It has no answers to read.", "Leave the column of answers out.")
        if self.partner and (self.word_labels or self.word_numbers):
            what = "word labels" if self.word_labels else "numbers of words"
            raise SpecInvalid(asked, f"Pairs cannot have {what}.", f"Leave out the second text or the {what}.")
        # One way to say a thing, so that one file read one way has one key.
        if self.header and self.format not in ("tsv", "csv"):
            raise SpecInvalid(asked, "It has no header line.", "Leave the header out.")
        if self.quoted and self.format not in ("tsv", "csv"):
            raise SpecInvalid(asked, "It has no quoted cells.", "Leave the quotes out.")
        if self.delimiter != "," and self.format != "csv":
            raise SpecInvalid(asked, f"{self.delimiter!r} does not separate its cells.", "Leave the delimiter out.")
        if self.encoding != "utf-8" and self.format == "parquet":
            raise SpecInvalid(asked, "It is always UTF-8.", "Leave the encoding out.")

    @property
    def names(self) -> tuple[str, ...]:
        """What the sentence labels are called, one a label column; a column that is only a number is called "label"."""
        if self.label_names:
            return tuple(map(_plain_name, self.label_names))
        columns = [name.removesuffix(COARSE) for name in self.labels]
        numbered = [name for name in dict.fromkeys(columns) if name.isdecimal()]
        plain = {name: "label" if len(numbered) == 1 else f"label {name}" for name in numbered}
        return tuple(
            _plain_name(("coarse " if label.endswith(COARSE) else "") + plain.get(column, column))
            for label, column in zip(self.labels, columns, strict=True)
        )

    @property
    def word_names(self) -> tuple[str, ...]:
        """What the word labels are called, one a column; a column that is only a number is called "column 2"."""
        named = (f"column {name}" if name.isdecimal() else name for name in self.word_labels)
        return tuple(map(_plain_name, self.word_label_names or named))

    @property
    def number_names(self) -> tuple[str, ...]:
        """What the numbers of texts are called: as their columns; a column that is only a number is called "number 2"."""
        return tuple(_plain_name(f"number {name}" if name.isdecimal() else name) for name in self.numbers)

    @property
    def word_number_names(self) -> tuple[str, ...]:
        """What the numbers of words are called; a column that is only a number is called "word number 2"."""
        return tuple(_plain_name(f"word number {name}" if name.isdecimal() else name) for name in self.word_numbers)


def _plain_name(name: str) -> str:
    """A label's name that figures and tables can carry: no signs of their grammar, no name of a column of theirs."""
    name = re.sub(r"[.:\[\]\\'\"]", "_", name)
    return f"{name} label" if name in ("text", "sentence", "word", "layer") else name


@dataclass(frozen=True, kw_only=True)
class Typed(Described, kind="data.typed"):
    """One text that somebody typed, without any label."""

    text: str

    def validate(self) -> None:
        if not 1 <= len(self.text) <= MOST_TYPED or self.text != " ".join(self.text.split()):
            raise SpecInvalid(
                "Reading a typed text.",
                f"It has {len(self.text):,} characters, or blanks that mean nothing.",
                f"Give 1 to {MOST_TYPED:,} characters, words parted by single blanks.",
            )

    @classmethod
    def of(cls, text: str) -> Self:
        """The ref of a text as it was typed; blanks are put in order. Raises SpecInvalid."""
        return cls(text=" ".join(text.split()))


MOST_TYPED = 1000
"""Characters of a typed text."""
DataFile = ConlluFile | TableFile | MarkedFile
Dataset = Suite | DataFile | Typed


@dataclass(frozen=True, kw_only=True)
class Sample(Described, kind="data.sample"):
    """Which sentences of a data set: n of them, drawn without replacement by seed; n = 0 means all, in file order."""

    of: Dataset
    n: int = 0
    seed: int = 0
    strata: str = later("")
    """Sentence label whose shares the sample keeps; empty = drawn as chance has it."""
    only: str = later("")
    """Sentence label that says which sentences may be drawn (a genre, a domain); empty = all."""
    value: str = later("")
    """What that label must be."""
    apart_n: int = later(0)
    """Of a draw of so many, with the seed apart_seed, none is among these; 0 = of none."""
    apart_seed: int = later(0)
    """See apart_n."""

    def validate(self) -> None:
        asked = f"A sample of {self.n} sentences."
        if self.apart_n < 0 or (self.apart_n and not self.n) or (self.apart_seed and not self.apart_n):
            raise SpecInvalid(asked, "It is to be apart from a draw that is none.", "Give the size of both.")
        if self.n < 0:
            raise SpecInvalid(asked, "Negative.", "Give 0 for all, or a positive number.")
        if bool(self.only) != bool(self.value):
            raise SpecInvalid(asked, "Of a label and its value one is missing.", "Give both, or neither.")
        # One way to say a thing, so that it has one key.
        if self.strata and not self.n:
            raise SpecInvalid(asked, "All of them keep every share.", "Leave the strata out.")
        if self.strata and self.strata == self.only:
            raise SpecInvalid(asked, "Sentences of one value have no shares of it.", "Leave the strata out.")


@dataclass(frozen=True, kw_only=True)
class Vectors(Described, kind="checkpoint.vectors"):
    """Vectors computed elsewhere for every sentence or word of a data set: a side without weights."""

    of: Dataset
    unit: Literal["word", "sentence"]
    digest: str
    """Of the .npy file."""
    path: str = locator()
    n_layers: int = locator(0)
    """Of the highest layer; 0 where there is one."""
    width: int = locator(0)


def digest_of(source: Path | bytes) -> str:
    """SHA-256 of a file's content, or of an upload's. Raises DatasetNotFound."""
    return hashlib.sha256(source).hexdigest() if isinstance(source, bytes) else file_digest(existing(source))


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content; remembered in this process by path, size and time of change."""
    facts = path.stat()
    return _digest(str(path), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=512)
def _digest(path: str, size: int, changed: int) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def existing(path: str | Path) -> Path:
    """The absolute path of a data file that is there and can be read. Raises DatasetNotFound."""
    file = Path(path).expanduser().absolute()
    asked = f"Opening the data file {file}."
    try:
        if not file.is_file():
            raise DatasetNotFound(asked, "There is no such file.", "Check the path.")
        with file.open("rb"):
            return file
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        raise DatasetNotFound(
            asked,
            f"It cannot be opened: {getattr(error, 'strerror', None) or error}.",
            "Check the path and its permissions.",
        ) from error
