"""The tasks of the papers and their kin: where each lies, which columns are read, what its labels are, how it is scored.

On the Hub a task is held fast at a commit. Others are read from files as their makers hand them out; nothing of either kind
comes with Tunescope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.data.examples import Examples
from core.data.guess import Guess
from core.errors import DatasetInvalid
from core.refs import COARSE, ConlluFile, DataFile, HubFile, MarkedFile, TableFile

Unit = Literal["word", "span", "sentence", "pair", "question and text", "minimal pair"]
Form = Literal["parquet", "spaced", "columns", "tsv", "conllu", "marked"]
_FORMS: dict[str, str] = {
    "parquet": "Parquet",
    "spaced": "a label, a blank and a text on a line",
    "columns": "a word a line, its labels beside it",
    "tsv": "tabs between cells",
    "conllu": "CoNLL-U",
    "marked": "edge-probing JSON Lines",
}


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task: what is told of what, and where to read it."""

    title: str
    about: str
    """What is told."""
    unit: Unit
    metrics: tuple[str, ...]
    """Usual scores, the first one first."""
    licence: str
    """As the makers or their page on the Hub state it; "not stated" where neither does."""
    form: Form
    repo: str = ""
    """On the Hub; empty = from a file alone."""
    commit: str = ""
    begins: str = ""
    """How the names of its files in the repository begin."""
    files: str = ""
    """What to give, where it is read from files."""
    text: str = ""
    """Column of the text; empty = as guessed from the file."""
    partner: str = ""
    labels: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    """The names of the labels here."""
    classes: tuple[str, ...] = ()
    """Values of the first label; empty = as many as the file has."""
    leave_out: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    answers: str = ""
    contrast: bool = False

    @property
    def columns(self) -> str:
        """What is read from which column, in words."""
        if not self.text:
            return _FORMS[self.form]
        sides = ("right version", "wrong version") if self.contrast else ("text", "second text")
        names = zip(self.labels, self.called, strict=True)
        read = [(self.text, sides[0]), (self.partner, sides[1]), *names, (self.answers, "answers")]
        read += [(column, "number") for column in self.numbers]
        return ", ".join(f"{column} as {what}" for column, what in read if column)

    def of(self, files: Sequence[HubFile]) -> list[HubFile]:
        """Its files in a repository. Parts for GLUE's server are left out: their labels are kept back."""
        hidden = f"{self.begins}test" if self.repo == _GLUE["repo"] else None
        mine = [one for one in files if one.name.startswith(self.begins)]
        return [one for one in mine if hidden is None or not one.name.startswith(hidden)]

    def reading(self, guess: Guess, name: str) -> DataFile:
        """How a file of the task is read.

        Args:
            guess: of the file.
            name: of the file, for messages.
        Raises:
            DatasetInvalid: it is no file of the task: another format, or columns are missing.
        """
        asked, do = f"Reading {name} as {self.title}.", f"Give {self.files or 'a file of the repository'}."
        if guess.problem is not None:
            raise guess.problem
        found = _form_of(guess.proposed)
        if found != self.form:
            raise DatasetInvalid(asked, f"It looks like {_FORMS.get(found, found)}, not {_FORMS[self.form]}.", do)
        if not self.text:
            return guess.proposed
        columns = [column.name for column in guess.columns]
        wanted = (self.text, self.partner, *self.labels, *self.numbers, self.answers)
        if missing := [column for column in wanted if column and column.removesuffix(COARSE) not in columns]:
            shown = ", ".join(repr(column) for column in columns[:12])
            raise DatasetInvalid(asked, f"There is no column {missing[0]!r}. Columns: {shown}.", do)
        assert isinstance(guess.proposed, TableFile)
        read: dict[str, Any] = {
            "text": self.text, "partner": self.partner, "labels": self.labels, "label_names": self.called,
            "leave_out": self.leave_out, "numbers": self.numbers, "answers": self.answers, "contrast": self.contrast,
        }  # fmt: skip
        return guess.proposed.replace(**read, word_labels=(), word_label_names=(), word_numbers=())

    def check(self, examples: Examples, reading: DataFile, name: str) -> None:
        """Raise DatasetInvalid where the first label of what was read has other values than the task's."""
        if not self.classes or not isinstance(reading, TableFile):
            return
        column = self.labels[0]
        if column not in reading.labels:
            return  # somebody chose to read the file without it
        values = set(examples.sentence_labels[reading.names[reading.labels.index(column)]])
        if strange := sorted(values - set(self.classes)):
            shown = ", ".join(repr(value) for value in strange[:6])
            raise DatasetInvalid(
                f"Reading {name} as {self.title}.",
                f"Its labels should be {', '.join(self.classes)}; found {shown}.",
                "Choose another part of it, or add it as a file of your own.",
            )


def _form_of(proposed: DataFile) -> str:
    if isinstance(proposed, ConlluFile | MarkedFile):
        return "conllu" if isinstance(proposed, ConlluFile) else "marked"
    return proposed.format


ACCURACY, F1, MATTHEWS, SPEARMAN = "accuracy", "macro-F1", "Matthews correlation", "Spearman correlation"
EXACT, OVERLAP, MICRO_F1 = "exact match", "word F1", "micro-F1"
_GLUE: dict[str, Any] = {
    "repo": "nyu-mll/glue",
    "commit": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
    "form": "parquet",
    "licence": "each corpus has its maker's own",
}
_THREE = ("entailment", "neutral", "contradiction")
_BY_SA = "CC BY-SA 4.0"
TASKS = (
    Task(
        title="GLUE CoLA", about="Is the sentence acceptable English?", unit="sentence", metrics=(MATTHEWS, ACCURACY),
        begins="cola/", text="sentence", labels=("label",), called=("acceptable",),
        classes=("unacceptable", "acceptable"), **_GLUE,
    ),
    Task(
        title="GLUE SST-2", about="Does a sentence of a review praise or blame?", unit="sentence", metrics=(ACCURACY,),
        begins="sst2/", text="sentence", labels=("label",), called=("sentiment",), classes=("negative", "positive"), **_GLUE,
    ),
    Task(
        title="GLUE MRPC", about="Do two sentences of the news say the same?", unit="pair", metrics=(ACCURACY, F1),
        begins="mrpc/", text="sentence1", partner="sentence2", labels=("label",), called=("paraphrase",),
        classes=("not_equivalent", "equivalent"), **_GLUE,
    ),
    Task(
        title="GLUE QQP", about="Do two questions ask the same?", unit="pair", metrics=(ACCURACY, F1),
        begins="qqp/", text="question1", partner="question2", labels=("label",), called=("paraphrase",),
        classes=("not_duplicate", "duplicate"), **_GLUE,
    ),
    Task(
        title="GLUE STS-B", about="How alike do two sentences mean, 0 to 5?", unit="pair", metrics=(SPEARMAN,),
        begins="stsb/", text="sentence1", partner="sentence2", numbers=("label",), **_GLUE,
    ),
    Task(
        title="GLUE MNLI", about="Does the second text follow from the first, over genres?", unit="pair",
        metrics=(ACCURACY,), begins="mnli/", text="premise", partner="hypothesis", labels=("label",),
        called=("inference",), classes=_THREE, **_GLUE,
    ),
    Task(
        title="MultiNLI", about="The same with the genre beside it, for domains", unit="pair", metrics=(ACCURACY,),
        repo="nyu-mll/multi_nli", commit="da70db2af9d09693783c3320c4249840212ee221", begins="data/", form="parquet",
        licence="mixed: CC BY 3.0, CC BY-SA 3.0, MIT, other", text="premise", partner="hypothesis",
        labels=("label", "genre"), called=("inference", "genre"), classes=_THREE,
    ),
    Task(
        title="SNLI", about="Does the second text follow from a caption?", unit="pair", metrics=(ACCURACY,),
        repo="stanfordnlp/snli", commit="cdb5c3d5eed6ead6e5a341c8e56e669bb666725b", form="parquet", licence=_BY_SA,
        text="premise", partner="hypothesis", labels=("label",), called=("inference",), classes=_THREE, leave_out=("",),
    ),
    Task(
        title="GLUE QNLI", about="Does the sentence answer the question?", unit="pair", metrics=(ACCURACY,),
        begins="qnli/", text="question", partner="sentence", labels=("label",), called=("inference",),
        classes=("entailment", "not_entailment"), **_GLUE,
    ),
    Task(
        title="GLUE RTE", about="Does the second text follow from the first?", unit="pair", metrics=(ACCURACY,),
        begins="rte/", text="sentence1", partner="sentence2", labels=("label",), called=("inference",),
        classes=("entailment", "not_entailment"), **_GLUE,
    ),
    Task(
        title="SQuAD", about="Where in the text is the answer?", unit="question and text", metrics=(EXACT, OVERLAP),
        repo="rajpurkar/squad", commit="7b6d24c440a36b6815f21b70d25016731768db1f", form="parquet", licence=_BY_SA,
        text="question", partner="context", answers="answers",
    ),
    Task(
        title="BLiMP", about="Which of two sentences is acceptable? One phenomenon a file.", unit="minimal pair",
        metrics=(ACCURACY,), repo="nyu-mll/blimp", commit="877fba0801ffb7cbd8c39c1ff314a46f053f6036", form="parquet",
        licence="CC BY 4.0", text="sentence_good", partner="sentence_bad", contrast=True,
    ),
    Task(
        title="TREC, 6 and 50 classes", about="What does a question ask for?", unit="sentence", metrics=(ACCURACY, F1),
        form="spaced", files="train_5500.label or TREC_10.label of Li & Roth (2002)", licence="not stated",
        text="text", labels=("label.coarse", "label"), called=("coarse class", "fine class"),
        classes=("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"),
    ),
    Task(
        title="Universal Dependencies", about="Its class, features and relation to its head (a label of both, too)",
        unit="word", metrics=(ACCURACY, F1), form="conllu",
        files="a .conllu file of a treebank, as en_ewt-ud-dev.conllu of English EWT", licence="the treebank's own",
    ),
    Task(
        title="STREUSLE", about="Supersenses of nouns, verbs and prepositions", unit="word", metrics=(ACCURACY, F1),
        form="conllu", files="streusle.conllulex or a part of it", licence=_BY_SA,
    ),
    Task(
        title="CoNLL-2000 chunking", about="Where phrases begin and end, and which", unit="word", metrics=(ACCURACY, F1),
        form="columns", files="train.txt or test.txt of the shared task", licence="not stated",
    ),
    Task(
        title="Semantic tags", about="What a word means for the whole (Parallel Meaning Bank)", unit="word",
        metrics=(ACCURACY, F1), form="columns", files="words and tags in columns, a blank line after each sentence",
        licence="the release's own",
    ),
    Task(
        title="CCG supertags", about="Categories of CCGbank", unit="word", metrics=(ACCURACY, F1), form="columns",
        files="words and categories in columns, a blank line after each sentence", licence="LDC; yours to have",
    ),
    Task(
        title="Edge probing", about="Entities, roles, coreference, relations of spans", unit="span", metrics=(MICRO_F1,),
        form="marked", files="JSON Lines with text, span1, span2 and label", licence="the corpus's own",
    ),
    Task(
        title="SentEval probing", about="Length, depth, tense, … of a sentence", unit="sentence", metrics=(ACCURACY,),
        form="tsv", files="sentence_length.txt, past_present.txt or another of the ten", licence="see its repository",
    ),
)  # fmt: skip
