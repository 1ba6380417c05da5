"""Where a number comes from: also what of the text never reached its vectors."""

from pathlib import Path

import pytest

from core.analyses.crowding import Crowding
from core.analyses.embed import Embed
from core.analyses.probe import Probe
from core.lab import HowRead, Lab
from core.refs import Folder, Sample, Suite
from core.settings import Settings
from core.store.artifacts import Store
from pages.parts.figures import _how_read
from tests.faults import tiny


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, Crowding]:
    """Two sides of which the second read no more than ten pieces of a sentence."""
    place = tmp_path_factory.mktemp("provenance")
    tiny("bert", place / "tiny")
    lab = Lab(Store(Settings(cache=place / "cache", device="cpu")), engine="none")
    whole = Embed(checkpoint=Folder.at(place / "tiny"), sample=Sample(of=Suite(split="dev"), n=40))
    cut = whole.replace(max_pieces=10)
    for side in (whole, cut):
        lab.run(Probe(embed=side, label="upos"))
    return lab, Crowding(base=whole, tuned=cut)


def test_a_result_tells_what_was_cut_and_lost_on_the_way_to_its_vectors(read: tuple[Lab, Crowding]) -> None:
    lab, both = read
    for side in (both.base, both.tuned):
        vectors = lab.peek(side)
        (how,) = lab.provenance(Probe(embed=side, label="upos")).read
        assert (how.n_cut_sentences, how.n_lost_words) == (vectors.n_cut_sentences, vectors.n_lost_words)
        assert how.precision == "float32"
    (cut,) = lab.provenance(Probe(embed=both.tuned, label="upos")).read
    assert cut.n_cut_sentences > 0
    assert cut.n_lost_words >= cut.n_cut_sentences


def test_vectors_that_are_gone_or_damaged_are_left_out_and_the_result_stands(
    read: tuple[Lab, Crowding], tmp_path: Path
) -> None:
    lab, both = read
    spec = Probe(embed=both.base, label="upos")
    manifest = lab.store.folder(both.base) / "artifact.json"
    held = manifest.read_bytes()
    manifest.write_bytes(held[:100])
    try:
        assert lab.provenance(spec).read == ()
        manifest.unlink()
        assert lab.provenance(spec).read == ()
    finally:
        manifest.write_bytes(held)
    assert len(lab.provenance(spec).read) == 1


def test_what_is_as_it_should_be_is_not_spoken_of() -> None:
    def how(cut: int, lost: int, precision: str, text: str = "one") -> HowRead:
        return HowRead(n_cut_sentences=cut, n_lost_words=lost, precision=precision, text=text)

    assert _how_read([]) == _how_read([how(0, 0, "float32"), how(0, 0, "as given")]) == ""
    assert _how_read([how(1, 12, "float32"), how(0, 1, "float32")]) == (
        " · 1 sentence cut at the longest input, 12 words without a vector"
    )
    assert _how_read([how(0, 1, "bfloat16"), how(0, 0, "float32")]) == " · 1 word without a vector, read in bfloat16"
    # Two sides of one text lost the same; two texts lost each its own.
    sides = [how(40, 50, "float32"), how(38, 52, "float32")]
    assert "40 sentences cut at the longest input, 52 words" in _how_read(sides)
    assert "70 sentences cut at the longest input, 82 words" in _how_read([*sides, how(30, 30, "float32", "two")])
