"""Which sentences a sample holds: drawn by seed, in the shares of a label if asked, from one domain if asked.

Versions of one another (minimal pairs) are drawn together, so that none stands without its partner.
"""

import random
from collections import Counter
from collections.abc import Sequence

from core.data.examples import Examples
from core.errors import NotEnoughData, SpecInvalid
from core.refs import Sample


def sampled_rows(examples: Examples, sample: Sample) -> list[int]:
    """Rows of a sample, rising.

    Raises:
        SpecInvalid: a label or value that the data set does not have.
        NotEnoughData: more sentences asked than there are.
    """
    rows = rows_within(examples, sample)
    if not sample.n:
        return rows
    if sample.apart_n:
        other = sample.replace(n=sample.apart_n, seed=sample.apart_seed, apart_n=0, apart_seed=0)
        taken = set(sampled_rows(examples, other))
        rows = [row for row in rows if row not in taken]
    if sample.n > len(rows):
        where = f" where {sample.only} is {sample.value!r}" if sample.only else ""
        raise NotEnoughData(
            f"A sample of {sample.n} sentences.",
            f"The data set has {len(rows)}{where}.",
            "Ask for fewer, or 0 for all.",
        )
    draw = random.Random(sample.seed)
    if examples.groups is not None and getattr(sample.of, "contrast", False):
        return _whole_groups(rows, [examples.groups[row] for row in rows], sample, draw)
    if not sample.strata:
        return sorted(rows[i] for i in draw.sample(range(len(rows)), sample.n))
    labels = _labels(examples, sample.strata)
    strata: dict[str, list[int]] = {}
    for row in rows:
        strata.setdefault(labels[row], []).append(row)
    sizes = shares({label: len(members) for label, members in strata.items()}, sample.n)
    return sorted(row for label in sorted(strata) for row in draw.sample(strata[label], sizes[label]))


def _whole_groups(rows: list[int], groups: list[int], sample: Sample, draw: random.Random) -> list[int]:
    """Groups drawn until no further one fits into the sample. Raises SpecInvalid for strata, which cut through groups."""
    if sample.strata:
        raise SpecInvalid(
            f"A sample in the shares of {sample.strata}.",
            "Its sentences come in minimal pairs, which stay together.",
            "Leave the strata out.",
        )
    members: dict[int, list[int]] = {}
    for row, group in zip(rows, groups, strict=True):
        members.setdefault(group, []).append(row)
    drawn: list[int] = []
    for group in draw.sample(sorted(members), len(members)):
        if len(drawn) + len(members[group]) <= sample.n:
            drawn += members[group]
    if not drawn:
        raise NotEnoughData(f"A sample of {sample.n} sentences.", "A minimal pair has two.", "Ask for two or more.")
    return sorted(drawn)


def rows_within(examples: Examples, sample: Sample) -> list[int]:
    """Rows that a sample may draw from: all, or those of its one value. Raises SpecInvalid."""
    if not sample.only:
        return list(range(len(examples)))
    rows = [row for row, label in enumerate(_labels(examples, sample.only)) if label == sample.value]
    if not rows:
        known = ", ".join(value for value, _ in Counter(examples.sentence_labels[sample.only]).most_common(10))
        raise SpecInvalid(
            f"Sentences where {sample.only} is {sample.value!r}.", "There are none.", f"Its values: {known}."
        )
    return rows


def shares(counts: dict[str, int], n: int) -> dict[str, int]:
    """How many of n fall to each label so that their shares stay: the whole parts, then by largest remainder.

    Args:
        counts: members of each label.
        n: at most their sum.
    Returns:
        n in all; each within one of its exact share, and never more than there are.
    """
    total = sum(counts.values())
    whole = {label: n * count // total for label, count in counts.items()}
    # Equal remainders fall to the larger label, then by name: nothing depends on the order of rows.
    by_rest = sorted(counts, key=lambda label: (-(n * counts[label] % total), -counts[label], label))
    for label in by_rest[: n - sum(whole.values())]:
        whole[label] += 1
    return whole


def _labels(examples: Examples, name: str) -> Sequence[str]:
    if name not in examples.sentence_labels:
        known = ", ".join(examples.sentence_labels) or "none"
        raise SpecInvalid(f"A sample by {name!r}.", "The data set has no such label.", f"Sentence labels: {known}.")
    return examples.sentence_labels[name]
