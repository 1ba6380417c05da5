"""How many rows a sample has, which words it lacks, and how many of its sentences another holds: what to know before comparing."""

from functools import lru_cache

from core.data.examples import Examples
from core.data.load import load_sample
from core.refs import Sample


@lru_cache(maxsize=64)
def n_rows(sample: Sample, unit: str) -> int:
    """Words or sentences of a sample, those included that a tokenizer will lose.

    Args:
        sample: of any data set.
        unit: "word" or "sentence".
    Raises:
        NotEnoughData, SpecInvalid, DatasetNotFound, DatasetInvalid: as load_sample.
    """
    examples = load_sample(sample)
    return examples.n_words if unit == "word" else len(examples)


def absent_words(sample: Sample, words: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some words, in lower case, that no sentence of a sample has, upper and lower case alike.

    Raises:
        NotEnoughData, SpecInvalid, DatasetNotFound, DatasetInvalid: as load_sample.
    """
    known = _words(sample)
    return tuple(word for word in words if word not in known)


@lru_cache(maxsize=8)
def _words(sample: Sample) -> frozenset[str]:
    return frozenset(word.lower() for row in load_sample(sample).words for word in row)


@lru_cache(maxsize=64)
def shared_sentences(sample: Sample, other: Sample) -> tuple[int, int]:
    """(sentences of the other sample that read as one of the first, letter by letter; sentences of the other sample).

    Raises:
        NotEnoughData, SpecInvalid, DatasetNotFound, DatasetInvalid: as load_sample.
    """
    known, asked = set(_read(load_sample(sample))), _read(load_sample(other))
    return sum(one in known for one in asked), len(asked)


def _read(examples: Examples) -> list[tuple[str, str]]:
    """Each example's text and partner."""
    return list(zip(examples.texts, examples.partners or ("",) * len(examples), strict=True))
