"""Samples: in the shares of a label, from one domain, the same each time; what is not there is named."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.load import load_dataset, load_sample, sample_size
from core.data.sampling import shares
from core.errors import NotEnoughData, SpecInvalid
from core.keys import from_json, key_of, to_json
from core.lab import Lab
from core.refs import Sample, Suite, TableFile
from tests.faults import says

COUNTS = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(1, 50), min_size=1, max_size=6)


@given(counts=COUNTS, data=st.data())
def test_shares_sum_to_what_was_asked_and_are_within_one_of_exact(counts: dict[str, int], data: st.DataObject) -> None:
    total = sum(counts.values())
    n = data.draw(st.integers(0, total))
    found = shares(counts, n)
    assert sum(found.values()) == n
    for label, count in counts.items():
        assert abs(found[label] - n * count / total) < 1
        assert 0 <= found[label] <= count
    assert shares(dict(reversed(counts.items())), n) == found, "it depends on the order of rows"


@pytest.fixture
def ref(tmp_path: Path) -> TableFile:
    """100 sentences: 70 of news, 20 of fiction, 10 of letters; two classes."""
    genres = ["news"] * 70 + ["fiction"] * 20 + ["letters"] * 10
    rows = [f"sentence number {i}\t{'good' if i % 3 else 'bad'}\t{genre}" for i, genre in enumerate(genres)]
    path = tmp_path / "genres.tsv"
    path.write_text("\n".join(["text\tlabel\tgenre", *rows]) + "\n")
    return TableFile.at(path, text="text", labels=("label", "genre"), header=True)


@pytest.mark.parametrize("n", [1, 7, 10, 55, 99, 100])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_stratified_sample_keeps_the_shares_and_is_the_same_each_time(ref: TableFile, n: int, seed: int) -> None:
    sample = Sample(of=ref, n=n, seed=seed, strata="genre")
    drawn, everything = load_sample(sample), load_dataset(ref)
    assert len(drawn) == n == sample_size(sample)
    rows = [everything.texts.index(text) for text in drawn.texts]
    assert rows == sorted(set(rows))
    counts = Counter(drawn.sentence_labels["genre"])
    assert all(
        abs(counts[genre] - n * share) < 1 for genre, share in (("news", 0.7), ("fiction", 0.2), ("letters", 0.1))
    )
    assert load_sample(sample.replace(seed=seed)) == drawn


def test_another_seed_draws_others_within_the_same_shares(ref: TableFile) -> None:
    one, other = (load_sample(Sample(of=ref, n=20, seed=seed, strata="genre")) for seed in (0, 1))
    assert one.texts != other.texts
    assert Counter(one.sentence_labels["genre"]) == Counter(other.sentence_labels["genre"])


def test_a_sample_of_one_domain_holds_all_of_it_or_some_and_nothing_else(ref: TableFile) -> None:
    whole = Sample(of=ref, only="genre", value="fiction")
    assert sample_size(whole) == len(load_sample(whole)) == 20
    some = load_sample(whole.replace(n=8, strata="label"))
    assert set(some.sentence_labels["genre"]) == {"fiction"}
    assert set(some.texts) <= set(load_sample(whole).texts)
    expected = 8 * Counter(load_sample(whole).sentence_labels["label"])["bad"] / 20
    assert abs(Counter(some.sentence_labels["label"])["bad"] - expected) < 1


def test_two_domains_share_no_sentence(ref: TableFile) -> None:
    inside, outside = (set(load_sample(Sample(of=ref, only="genre", value=one)).texts) for one in ("news", "letters"))
    assert not inside & outside


def test_the_built_in_suite_is_stratified_too() -> None:
    everything = Counter(load_dataset(Suite()).sentence_labels["sentiment"])
    drawn = Counter(load_sample(Sample(of=Suite(), n=100, strata="sentiment")).sentence_labels["sentiment"])
    total = sum(everything.values())
    assert all(abs(drawn[label] - 100 * n / total) < 1 for label, n in everything.items())


def test_what_is_not_there_is_named(ref: TableFile) -> None:
    for sample, words in (
        (Sample(of=ref, n=5, strata="topic"), ("'topic'", "label, genre")),
        (Sample(of=ref, only="topic", value="x"), ("'topic'", "label, genre")),
        (Sample(of=ref, only="genre", value="poems"), ("poems", "news, fiction, letters")),
    ):
        with pytest.raises(SpecInvalid) as problem:
            load_sample(sample)
        says(problem, *words)
    with pytest.raises(NotEnoughData) as problem:
        load_sample(Sample(of=ref, n=21, only="genre", value="fiction"))
    says(problem, "21 sentences", "20 where genre is 'fiction'")


@pytest.mark.parametrize(
    "fields",
    [{"only": "genre"}, {"value": "news"}, {"strata": "genre"}, {"n": 3, "strata": "g", "only": "g", "value": "x"}],
)
def test_a_sample_that_says_one_thing_in_two_ways_is_refused(fields: dict) -> None:
    with pytest.raises(SpecInvalid):
        Sample(of=Suite(), **fields)


def test_keys_of_samples_made_before_are_as_they_were() -> None:
    plain = Sample(of=Suite(), n=250)
    assert to_json(plain) == {"kind": "data.sample", "version": 1, "of": to_json(Suite()), "n": 250, "seed": 0}
    assert from_json(to_json(plain)) == plain
    assert len({key_of(plain), key_of(plain.replace(strata="sentiment"))}) == 2


def test_domains_are_counted_for_files_and_left_to_the_parts_of_the_suite(lab: Lab, ref: TableFile) -> None:
    assert lab.domains_of(ref)[2:] == [("genre", "news", 70), ("genre", "fiction", 20), ("genre", "letters", 10)]
    assert lab.domains_of(Suite()) == []
