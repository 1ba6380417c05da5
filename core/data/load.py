"""From a data-set ref to its examples, and from a sample to its sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.conllu import read_conllu
from core.data.examples import Examples, Mark, joined, split_on_space
from core.data.lines import Source, refuse_what_is_no_data
from core.data.marked import read_marked
from core.data.marks import ANSWER, DEPENDENCY, PHRASE, mark_names
from core.data.numbers import number_names, offered
from core.data.sampling import rows_within, sampled_rows
from core.data.table import read_table
from core.errors import DatasetInvalid, DatasetNotFound
from core.refs import COARSE, DataFile, Dataset, MarkedFile, Sample, Suite, TableFile, Typed, file_digest

if TYPE_CHECKING:
    from core.data.suite import SuiteSentence


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """What a picker needs to know of a data set."""

    n_sentences: int
    word_labels: tuple[str, ...]
    sentence_labels: tuple[str, ...]
    pair_labels: tuple[str, ...] = ()
    """Of two words or spans of an example."""
    span_labels: tuple[str, ...] = ()
    """Of runs of words."""
    several_labels: tuple[str, ...] = ()
    """Marks of spans or pairs that give several labels at once, or none: only edge probes read them."""
    sentence_numbers: tuple[str, ...] = ()
    """Real numbers of sentences, for ridge probes."""
    word_numbers: tuple[str, ...] = ()
    """Real numbers of words."""
    tree_labels: tuple[str, ...] = ()
    """Word labels that name the relations of trees over single sentences: what a parser can be tuned on."""
    answers: tuple[str, ...] = ()
    """Marks that are answers to questions about a text."""


def facts_of(ref: Dataset) -> DatasetFacts:
    """Size and label names of a data set; a file is read once in a process, the built-in suite not at all."""
    if isinstance(ref, Suite):
        from core.data.suite import LABELS, MARKS, PAIRS, SIZES, WORD_LABELS

        numbers = offered((), (), has_trees=True)
        return DatasetFacts(
            n_sentences=SIZES[ref.part][ref.split],
            word_labels=WORD_LABELS,
            sentence_labels=LABELS[ref.part],
            pair_labels=(DEPENDENCY,),
            span_labels=(*MARKS.get(ref.part, ()), PHRASE),
            sentence_numbers=numbers["sentence"],
            word_numbers=numbers["word"],
            tree_labels=() if ref.part in PAIRS else _relations(WORD_LABELS),
            answers=MARKS.get(ref.part, ()),
        )
    return facts_of_examples(load_dataset(ref))


def facts_of_examples(examples: Examples) -> DatasetFacts:
    """Size, and the names of numbers and of labels that give one each: what a probe can read."""
    numbers = number_names(examples)
    marks = {unit: tuple(n for n in names if n not in examples.several) for unit, names in mark_names(examples).items()}
    return DatasetFacts(
        n_sentences=len(examples),
        word_labels=tuple(examples.word_labels),
        sentence_labels=tuple(examples.sentence_labels),
        pair_labels=marks["pair"],
        span_labels=marks["span"],
        several_labels=tuple(sorted(examples.several)),
        sentence_numbers=numbers["sentence"],
        word_numbers=numbers["word"],
        tree_labels=() if examples.heads is None or examples.partners else _relations(tuple(examples.word_labels)),
        answers=(ANSWER,) if ANSWER in examples.marks else (),
    )


_RELATION = "relation"


def _relations(word_labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in word_labels if name.removesuffix(COARSE) == _RELATION)


@lru_cache(maxsize=8)
def load_dataset(ref: Dataset) -> Examples:
    """Every sentence of a data set, kept in memory for the process (the last eight).

    Raises:
        DatasetNotFound: the file is gone.
        DatasetInvalid: it changed since it was picked, or does not hold what was said of it.
    """
    if isinstance(ref, Suite):
        return _suite(ref)
    if isinstance(ref, Typed):
        return Examples(texts=(ref.text,), spans=(split_on_space(ref.text),))
    path = Path(ref.path)
    asked = f"Opening the data file {path}."
    if not path.is_file():
        raise DatasetNotFound(asked, "It is no longer there.", "Put it back, or add it again on the data picker.")
    if file_digest(path) != ref.digest:
        raise DatasetInvalid(asked, "Its content changed since it was added.", "Add it again; old results stay valid.")
    return read_file(ref, path, path.name)


def read_file(ref: DataFile, source: Source, name: str) -> Examples:
    """Every example of a file, on disk or still in memory. Raises DatasetInvalid."""
    refuse_what_is_no_data(source, f"Reading {name}.")
    if isinstance(ref, TableFile):
        return read_table(ref, source, name)
    return read_marked(source, name) if isinstance(ref, MarkedFile) else read_conllu(source, name)


def load_sample(sample: Sample) -> Examples:
    """The sentences of a sample, in file order, so that the same seed and a larger n overlap as little or much as chance.

    Raises:
        NotEnoughData: more sentences asked than there are.
        SpecInvalid: a label or value that the data set does not have.
    """
    examples = load_dataset(sample.of)
    if not sample.n and not sample.only:
        return examples
    return examples.pick(sampled_rows(examples, sample))


def sample_size(sample: Sample) -> int:
    """Sentences in a sample. Raises SpecInvalid."""
    if sample.only and not sample.n:
        return len(rows_within(load_dataset(sample.of), sample))
    if sample.n and getattr(sample.of, "contrast", False):  # minimal pairs are drawn whole
        return len(sampled_rows(load_dataset(sample.of), sample))
    return sample.n or facts_of(sample.of).n_sentences


def _suite(ref: Suite) -> Examples:
    from core.data.suite import LABELS, MARKS, SUITE_VERSION, sentences

    if ref.edition != SUITE_VERSION:
        raise DatasetNotFound(
            f"The built-in suite, edition {ref.edition}.", f"This program has {SUITE_VERSION}.", "Pick it again."
        )
    made = sentences(ref.split, ref.part, ref.lexicon)
    texts, spans = zip(*(joined(sentence.words) for sentence in made), strict=True)
    second = [joined(sentence.partner.words) for sentence in made if sentence.partner]
    both = [(sentence, sentence.partner) if sentence.partner else (sentence,) for sentence in made]
    return Examples(
        texts=texts,
        spans=spans,
        word_labels={
            "upos": tuple(sum((one.upos for one in ones), ()) for ones in both),
            "relation": tuple(sum((one.relations for one in ones), ()) for ones in both),
        },
        sentence_labels={name: tuple(sentence.labels[name] for sentence in made) for name in LABELS[ref.part]},
        heads=tuple(_heads_of([one.heads for one in ones]) for ones in both),
        partners=tuple(text for text, _ in second) if second else None,
        partner_spans=tuple(spans for _, spans in second) if second else None,
        groups=_versions(made),
        marks={
            name: tuple(tuple(Mark(span, None, (label,)) for span, label in sentence.marks) for sentence in made)
            for name in MARKS.get(ref.part, ())
        },
    )


def _versions(made: Sequence["SuiteSentence"]) -> tuple[int, ...] | None:
    """One number for both members of a minimal pair; None where a part has none."""
    if not any(sentence.contrast for sentence in made):
        return None
    number: dict[frozenset[tuple[str, ...]], int] = {}
    pairs = (frozenset((sentence.words, sentence.contrast or sentence.words)) for sentence in made)
    return tuple(number.setdefault(pair, len(number)) for pair in pairs)


def _heads_of(trees: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Heads of an example's words, numbered through both texts of a pair; each text keeps its own root, 0."""
    heads: list[int] = []
    for tree in trees:
        before = len(heads)
        heads += [head + before if head else 0 for head in tree]
    return tuple(heads)
