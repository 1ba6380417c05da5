"""Claims over real measurements: verdicts follow from what pages show, odd claims are refused, and what is kept stays."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analyses.ablation import Ablation
from core.analyses.claim import ALL, SOME, Claim, Claimed, foreseen, supposed, times_more
from core.analyses.crowding import Crowding
from core.analyses.multiverse import CENTRING, LAYER, MEASURE, NEAREST, POOLING, choices, flips, worlds
from core.analyses.neuron_depth import NeuronDepth, mean_depth
from core.analyses.neurons import Neurons
from core.analyses.prediction import ONE_BLOCK, Prediction
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.quantities import QUANTITIES, embeds_of, label_of, rewritten
from core.analyses.ready_claims import Compared, ready, thirds
from core.analyses.similarity import Similarity
from core.charts import claim_words, claims
from core.charts.look import Look
from core.data.load import load_dataset
from core.data.sampling import sampled_rows
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid, StoreUnusable
from core.keys import KINDS, from_json, key_of, to_json
from core.lab import Lab
from core.maths.similarity import knn_overlap, rsa
from core.maths.statistics import simultaneous
from core.maths.verdicts import CANNOT_TELL, CONTRADICTED, SUPPORTED
from core.refs import Sample, Suite
from core.store.claims import MOST_NOTE, Claims, Made
from tests.copies import a_copy
from tests.small import BASE, SENTENCES, TUNE, TUNED, comparison

SPACE = Similarity(base=BASE, tuned=TUNED)
CROWDED = Crowding(base=BASE, tuned=TUNED)
READ = ProbeChange(base=Probe(embed=BASE, label="upos", n_seeds=2), tuned=Probe(embed=TUNED, label="upos", n_seeds=2))


@pytest.fixture
def own(made: Lab, tmp_path: Path) -> Lab:
    """A copy that may be written to."""
    return a_copy(made, tmp_path / "own")


def test_a_claim_on_one_layer_is_judged_by_the_interval_that_pages_show(made: Lab) -> None:
    shown = made.peek(READ).difference
    for layer in range(7):
        found = made.judged(Claim(of=(READ,), layers=(layer,), way="less", least=0.01))
        assert found is not None
        assert (found.value, found.low, found.high) == pytest.approx(
            (shown[layer].value, shown[layer].low, shown[layer].high)
        )
        expected = SUPPORTED if shown[layer].high < -0.01 else CONTRADICTED if shown[layer].low > -0.01 else CANNOT_TELL
        assert found.verdict == expected


def test_claims_that_are_judged_together_have_bonferronis_intervals(made: Lab) -> None:
    found = made.judged(Claim(of=(CROWDED,), layers=(4,), n_claims=9))
    wide = simultaneous(made.peek(CROWDED).difference[4], n_intervals=9)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((wide.low, wide.high))


def test_a_space_that_is_compared_with_itself_is_unchanged_and_its_layers_change_alike(own: Lab) -> None:
    itself = Similarity(base=BASE, tuned=BASE)
    same = own.run(Claim(of=(itself,), layers=tuple(range(7)), over=ALL, way="same", least=0.01))
    assert same.verdict == SUPPORTED
    assert same.value == pytest.approx(0, abs=1e-6)


def test_layers_against_layers_is_the_difference_of_their_means(made: Lab) -> None:
    claim = Claim(of=(SPACE,), against=(SPACE,), layers=(5, 6), against_layers=(1, 2))
    found, alike = made.judged(claim), made.peek(SPACE).same_layer
    assert found is not None
    away = [1 - one.value for one in alike]
    assert found.value == pytest.approx(np.mean(away[5:7]) - np.mean(away[1:3]))
    errors = [one.standard_error for one in alike]
    assert found.standard_error == pytest.approx(np.mean(errors[5:7]) + np.mean(errors[1:3]))
    turned = made.judged(claim.replace(layers=(1, 2), against_layers=(5, 6), way="less"))
    assert turned is not None
    assert turned.verdict == found.verdict
    assert turned.value == pytest.approx(-found.value)


def test_a_distance_counts_as_a_similarity_turned_round(made: Lab) -> None:
    apart = Similarity(base=BASE, tuned=TUNED, measure="procrustes")
    found = made.judged(Claim(of=(apart,), layers=(6,), least=0.001))
    assert found is not None
    assert found.value == pytest.approx(made.peek(apart).same_layer[6].value)
    assert found.verdict == SUPPORTED


def test_all_is_stricter_than_some(made: Lab) -> None:
    every, some = (
        made.judged(Claim(of=(CROWDED,), layers=tuple(range(7)), over=over, way="more", least=0.001))
        for over in (ALL, SOME)
    )
    assert every is not None
    assert some is not None
    order = [CONTRADICTED, CANNOT_TELL, SUPPORTED]
    assert order.index(every.verdict) <= order.index(some.verdict)
    assert len(every.layers) == 7
    assert every.value <= some.value


def test_an_experiment_costs_what_its_scores_say(made: Lab) -> None:
    (ablation,) = (spec for spec in comparison() if isinstance(spec, Ablation))
    trials = made.peek(ablation).trials
    scores = trials[trials["measure"] == trials["measure"].iloc[0]].set_index("at")["score"]
    places = list(ablation.asked.places(ablation.n_blocks))
    found = made.judged(Claim(of=(ablation,), layers=(places.index("all"),)))
    assert found is not None
    assert found.value == pytest.approx(scores["none"] - scores["all"])
    with pytest.raises(NotEnoughData, match="no such number"):
        made.judged(Claim(of=(ablation,), layers=(places.index("none"),)))
    (foretold,) = (spec for spec in comparison() if isinstance(spec, Prediction))
    blocks = made.peek(foretold).blocks
    assert blocks["cost"].tolist() == pytest.approx([scores["none"] - scores[str(block)] for block in range(6)])
    assert blocks["probe"].tolist() == pytest.approx(
        [float(accuracy.mean()) for accuracy in made.peek(foretold.probe).accuracy[1:]]
    )


def test_the_depth_of_neurons_is_that_of_the_page(made: Lab) -> None:
    (spec,) = (spec for spec in comparison() if isinstance(spec, NeuronDepth))
    found = made.peek(spec)
    depths = [mean_depth(made.peek(side), spec.ranking, spec.how_many) for side in (spec.base, spec.tuned)]
    assert found.difference.value == pytest.approx(float((depths[1] - depths[0]).mean()))
    assert 0 <= found.base.value <= 1


def test_other_ways_of_asking_are_other_measurements_and_begin_with_the_claim_itself() -> None:
    claim = Claim(of=(SPACE,), layers=(5,), least=0.05)
    known = choices(claim)
    asked = worlds(claim, list(known))
    assert asked[0].claim == claim
    assert len({one.claim for one in asked}) == len(asked)
    assert list(known[LAYER]) == ["layer 5", "layer 4", "layer 6"]
    # That a size is above 0 says nothing: only where two are compared another measure is asked.
    assert MEASURE not in known
    between = Claim(of=(SPACE,), against=(SPACE,), layers=(5,), against_layers=(1,), least=0.05)
    by_rsa = next(one for one in worlds(between, [MEASURE, POOLING]) if one.picks == ("RSA", "first"))
    (found,) = by_rsa.claim.of
    assert found.measure == "rsa"
    assert found.base.pooling == found.tuned.pooling == "first"
    assert by_rsa.is_direction_only
    assert by_rsa.claim.least == 0
    assert asked[0].is_direction_only is False
    # What is "the same" in one unit is nothing in another.
    assert MEASURE not in choices(between.replace(way="same"))


def test_rsa_may_be_centred_and_neighbours_be_more(own: Lab) -> None:
    by_rsa = Claim(of=(SPACE.replace(measure="rsa"),), layers=(6,), least=0.001)
    assert list(choices(by_rsa)[CENTRING]) == ["as they are", "centred"]
    near_by = SPACE.replace(measure="knn")
    by_neighbours = Claim(of=(near_by,), against=(near_by,), layers=(6,), against_layers=(1,))
    assert list(choices(by_neighbours)[NEAREST]) == ["k = 10", "k = 5", "k = 20"]
    assert CENTRING not in choices(Claim(of=(SPACE,), layers=(6,), least=0.001))
    # A world of another measure has that one's usual settings.
    assert all(
        world.claim.of[0].k == 10 for world in worlds(by_neighbours, [NEAREST, MEASURE]) if world.is_direction_only
    )
    base, tuned = (own.run(side) for side in (BASE, TUNED))
    X, Y = (np.asarray(side.layers[6], dtype=np.float32) for side in (base, tuned))
    centred = own.run(SPACE.replace(measure="rsa", centred=True))
    assert centred.measure == "rsa"
    assert centred.same_layer[6].value == pytest.approx(rsa(X, Y, centred=True), abs=1e-4)
    near = own.run(SPACE.replace(measure="knn", k=5))
    assert near.measure == "knn"
    assert "5 nearest" in near.estimator
    assert near.same_layer[6].value == pytest.approx(knn_overlap(X, Y, k=5), abs=1e-9)
    with pytest.raises(SpecInvalid, match="Only RSA"):
        SPACE.replace(centred=True)
    with pytest.raises(SpecInvalid, match="Only knn"):
        SPACE.replace(k=5)


def test_a_choice_that_turns_the_verdict_is_found() -> None:
    picked = [(a, b) for a in ("x", "y") for b in ("1", "2", "3")]
    told = [SUPPORTED if a == "x" else CANNOT_TELL for a, _ in picked]
    turned = flips(("letter", "number"), picked, told, SUPPORTED)
    assert turned == {"letter": {"x": (3, 3), "y": (0, 3)}, "number": {"1": (1, 2), "2": (1, 2), "3": (1, 2)}}
    own = {"letter": "x", "number": "1"}
    said = claim_words.multiverse_said(SUPPORTED, 3, 6, turned, own)
    assert "3 of 6" in said
    assert "letter “y”: there 0 of 3" in said
    assert "No single choice" in claim_words.multiverse_said(SUPPORTED, 3, 6, {"number": turned["number"]}, own)
    assert "No choice" in claim_words.multiverse_said(SUPPORTED, 6, 6, turned, own)
    # What the claim itself chose is never what turns it, though it has fewer that agree.
    odd = {"letter": {"x": (1, 2), "y": (2, 2)}, "number": {"1": (2, 2), "2": (1, 2)}}
    assert "letter" not in claim_words.multiverse_said(SUPPORTED, 3, 4, odd, own)


def test_rewriting_reaches_every_embedding() -> None:
    changed = rewritten(READ, lambda one: one.replace(pooling="last"))
    assert {one.pooling for one in embeds_of(changed)} == {"last"}
    assert changed.base.n_seeds == READ.base.n_seeds
    assert rewritten(READ, lambda one: one) == READ


def test_a_pilot_reads_few_other_sentences_and_foresees_by_its_noise(made: Lab) -> None:
    large = Sample(of=Suite(split="dev"), n=500)
    claim = Claim(
        of=(CROWDED.replace(base=BASE.replace(sample=large), tuned=TUNED.replace(sample=large)),), layers=(6,)
    )
    pilot = claim.pilot
    assert pilot is not None
    samples = {one.sample for spec in pilot.of for one in embeds_of(spec)}
    assert samples == {large.replace(n=100, seed=97)}
    assert Claim(of=(CROWDED,), layers=(6,)).pilot is None  # there are no more than a pilot has
    small = made.judged(Claim(of=(CROWDED,), layers=(6,)))
    assert small is not None
    few, many = (foreseen(claim, small, times=times) for times in (1.0, 9.0))
    assert many.standard_error == pytest.approx(few.standard_error / 3)
    assert many.detectable < few.detectable
    assert many.power >= few.power
    assert supposed(claim) == claim.quantity.least
    assert (times_more(claim, small) == 1.0) == (small.verdict != CANNOT_TELL)


def test_other_sentences_are_others() -> None:
    whole = Suite(split="dev")
    sample = Sample(of=whole, n=500)
    claim = Claim(
        of=(CROWDED.replace(base=BASE.replace(sample=sample), tuned=TUNED.replace(sample=sample)),), layers=(6,)
    )
    again = claim.of_others
    assert again is not None
    (other,) = {one.sample for spec in again.of for one in embeds_of(spec)}
    read = [set(sampled_rows(load_dataset(whole), one)) for one in (sample, other)]
    assert len(read[0]) == len(read[1]) == 500
    assert not read[0] & read[1]
    assert again.of_others is None  # a third draw would meet the first again
    assert key_of(again) != key_of(claim)
    assert Claim(of=(CROWDED.replace(base=BASE.replace(sample=Sample(of=whole)), tuned=TUNED.replace(sample=Sample(of=whole))),),
                 layers=(6,)).of_others is None  # fmt: skip
    few = sample.replace(n=980)
    assert (
        claim.replace(of=(CROWDED.replace(base=BASE.replace(sample=few), tuned=TUNED.replace(sample=few)),)).of_others
        is None
    )
    with pytest.raises(SpecInvalid, match="apart"):
        Sample(of=whole, apart_n=5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"least": 0.0}, "never below 0"),
        ({"way": "less"}, "never below 0"),
        ({"of": ()}, "nothing"),
        ({"layers": ()}, "none is chosen"),
        ({"layers": (3, 3)}, "twice"),
        ({"layers": (-1,)}, "below 0"),
        ({"way": "same", "least": 0.0}, "Within 0"),
        ({"least": -1.0}, "smallest effect"),
        ({"against": (SPACE,)}, "layers are missing"),
        ({"against_layers": (1,)}, "layers are missing"),
        ({"against": (SPACE,), "against_layers": (6,)}, "itself"),
        ({"against": (SPACE,), "against_layers": (5,), "over": "all"}, "means"),
        ({"n_claims": 0}, "judged together"),
        ({"against": (READ,), "against_layers": (1,)}, "kinds"),
        ({"against": (SPACE.replace(measure="rsa"),), "against_layers": (1,)}, "measures"),
    ],
)
def test_contradictory_choices_are_refused(change: dict[str, Any], words: str) -> None:
    claim = Claim(of=(SPACE,), layers=(6,), least=0.001)
    with pytest.raises((SpecInvalid, IncompatibleRefs), match=words):
        claim.replace(**change)


def test_no_correlation_is_asked_to_be_beyond_one() -> None:
    (found,) = (spec for spec in comparison() if isinstance(spec, Prediction))
    with pytest.raises(SpecInvalid, match="as large as 1"):
        Claim(of=(found,), least=1.0)
    assert supposed(Claim(of=(found,), least=0.6)) == pytest.approx(0.8)


def test_a_layer_that_is_not_there_is_named(made: Lab) -> None:
    with pytest.raises(NotEnoughData, match="layer 9"):
        made.judged(Claim(of=(SPACE,), layers=(9,), least=0.001))


def test_too_few_sentences_are_named(own: Lab) -> None:
    few = SPACE.base.sample.replace(n=3)
    space = SPACE.replace(base=BASE.replace(sample=few), tuned=TUNED.replace(sample=few))
    with pytest.raises(NotEnoughData, match="3"):
        own.run(Claim(of=(space,), layers=(6,), least=0.01))


def test_neurons_have_no_layers_to_choose() -> None:
    base, tuned = (Neurons(embed=side, label="upos", n_seeds=2) for side in (BASE, TUNED))
    with pytest.raises(SpecInvalid, match="has no layers"):
        Claim(of=(NeuronDepth(base=base, tuned=tuned),), layers=(1,))
    with pytest.raises(IncompatibleRefs, match="differ"):
        NeuronDepth(base=base, tuned=tuned.replace(n_seeds=3))
    with pytest.raises(SpecInvalid, match="one layer"):
        NeuronDepth(base=base.replace(layer=2), tuned=tuned.replace(layer=2))


def test_a_prediction_is_of_one_checkpoint_and_one_experiment() -> None:
    (found,) = (spec for spec in comparison() if isinstance(spec, Prediction))
    with pytest.raises(SpecInvalid, match=ONE_BLOCK):
        found.replace(ablation=found.ablation.replace(experiment="Freeze from the bottom"))
    with pytest.raises(IncompatibleRefs, match="another checkpoint"):
        found.replace(probe=found.probe.replace(embed=found.probe.embed.replace(checkpoint=TUNE)))


def test_the_papers_claims_are_judged_together_and_need_what_they_need() -> None:
    whole = Compared(
        words=(BASE, TUNED), sentences=(SENTENCES, SENTENCES.replace(checkpoint=TUNE)), word_label="upos",
        sentence_labels=("sentiment",), elsewhere=Sample(of=Suite(part="harbour"), n=60),
    )  # fmt: skip
    found = ready(whole)
    assert {one.paper for one in found} == set("ABCD")
    assert {one.claim.n_claims for one in found} == {len(found)}
    assert len({key_of(one.claim) for one in found}) == len(found)
    assert all(from_json(to_json(one.claim)) == one.claim for one in found)
    assert sum(one.claim.is_of_texts for one in found) == 1
    unread = ready(replace(whole, word_label="", sentence_labels=(), elsewhere=None))
    assert {one.paper for one in unread} == {"B", "C"}
    assert ready(Compared(words=None, sentences=None)) == []
    assert thirds(6) == ((1, 2), (5, 6))
    assert thirds(1) == ((1,), (1,))


def test_every_claim_is_said_in_a_sentence_and_drawn(made: Lab) -> None:
    spoken = [spec for spec in comparison() if isinstance(spec, Claim)]
    kinds = {
        type(spec): Claim(of=(spec,), layers=(1,) if QUANTITIES[type(spec)].has_layers else (), least=0.03)
        for spec in comparison()
        if type(spec) in QUANTITIES
    }
    assert set(kinds) == set(QUANTITIES)
    for claim in [*spoken, *kinds.values()]:
        ways = ("more", "same") if claim.quantity.is_never_less and not claim.against else ("more", "less", "same")
        for way in ways:
            said = claim_words.said(claim.replace(way=way, least=0.03))
            assert said[0].isupper()
            assert said.endswith(".")
            assert "  " not in said
            assert claim_words.tested(claim.replace(way=way, least=0.03))
        found = made.judged(claim)
        assert found is not None
        assert claim_words.would_change(claim, found)
        assert claim_words.power_said(claim, foreseen(claim, found), "of these sentences")
        for look in (Look(), Look(dark=True)):
            claims.claim_chart(claim, found, look).to_dict()
            claims.power_chart(claim, found, look).to_dict()


def test_a_sentence_says_what_is_claimed() -> None:
    said = claim_words.said
    assert said(Claim(of=(READ,), layers=(6,), way="less", least=0.01)) == (
        "After tuning, a linear probe for word classes scores lower at layer 6, by more than 1 point."
    )
    assert said(Claim(of=(READ,), layers=(1, 2, 3), over=ALL, way="same", least=0.02)) == (
        "After tuning, a linear probe for word classes scores as high as before at every one of layers 1 to 3, to within 2 points."
    )
    assert said(Claim(of=(SPACE,), against=(SPACE,), layers=(5, 6), against_layers=(1,), least=0.05)) == (
        "After tuning, the space (CKA) changes more at layers 5 and 6 than at layer 1, by more than 0.05."
    )
    there = SPACE.replace(base=BASE.replace(sample=BASE.sample.replace(of=Suite(part="harbour"))),
                          tuned=TUNED.replace(sample=BASE.sample.replace(of=Suite(part="harbour"))))  # fmt: skip
    assert (
        said(Claim(of=(there,), against=(SPACE,), layers=(6,), against_layers=(6,), way="less"), ("harbour", "reviews"))
        == "After tuning, the space (CKA) changes less at layer 6 with harbour than with reviews."
    )
    assert label_of(READ) == "upos"
    assert label_of(SPACE) == ""


def test_what_would_change_a_verdict_would(made: Lab) -> None:
    """The size that is named as the edge is the edge: just beyond it, the claim cannot be told."""
    claim = Claim(of=(SPACE,), layers=(6,), least=0.0001)
    found = made.judged(claim)
    assert found is not None
    assert found.verdict == SUPPORTED
    assert "above" in claim_words.would_change(claim, found)
    beyond = made.judged(claim.replace(least=found.low * 1.001))
    assert beyond is not None
    assert beyond.verdict == CANNOT_TELL
    within = made.judged(claim.replace(least=found.low * 0.999))
    assert within is not None
    assert within.verdict == SUPPORTED
    assert "times as many sentences" in claim_words.would_change(claim.replace(least=found.low * 1.001), beyond)


def made_of(claim: Claim, made: float = 1.0, **others: Any) -> Made:
    held: dict[str, Any] = {"said": "So it is.", "about": "this and that", "was_known": False, **others}
    return Made(key=key_of(claim), claim=to_json(claim), made=made, **held)


def test_a_claim_that_was_made_stays_as_it_was(tmp_path: Path) -> None:
    kept = Claims(tmp_path / "claims")
    claim = Claim(of=(SPACE,), layers=(6,), least=0.001)
    first = kept.make(made_of(claim))
    again = kept.make(made_of(claim, 99.0, was_known=True, said="Otherwise."))
    assert again == first == kept.read(key_of(claim))
    kept.annotate(key_of(claim), "because")
    assert kept.read(key_of(claim)).note == "because"
    assert kept.read(key_of(claim)).made == 1.0
    other = claim.replace(least=0.1)
    kept.make(made_of(other))
    assert set(kept.keys()) == {key_of(claim), key_of(other)}
    assert (tmp_path / "claims").stat().st_mode & 0o077 == 0
    kept.delete(key_of(claim))
    assert kept.keys() == [key_of(other)]


@pytest.mark.parametrize(
    "written", ["", "{", "[]", '{"claim": 3}', '{"claim": {}, "said": 1}', "\x00", "x" * 500_000], ids=range(7)
)
def test_a_damaged_claim_is_named(tmp_path: Path, written: str) -> None:
    kept = Claims(tmp_path / "claims")
    key = key_of(Claim(of=(SPACE,), layers=(6,), least=0.001))
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / f"{key}.json").write_text(written)
    with pytest.raises(StoreUnusable, match=key[:8]):
        kept.read(key)


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "a" * 39, "A" * 40, "a" * 40 + "\n"])
def test_a_name_that_is_none_reads_nothing(tmp_path: Path, key: str) -> None:
    with pytest.raises(StoreUnusable, match="cannot be read"):
        Claims(tmp_path / "claims").read(key)


def test_a_note_has_an_end_and_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    kept = Claims(tmp_path / "claims")
    claim = Claim(of=(SPACE,), layers=(6,), least=0.001)
    kept.make(made_of(claim))
    with pytest.raises(SpecInvalid, match="letters"):
        kept.annotate(key_of(claim), "x" * (MOST_NOTE + 1))
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match="cannot be written"):
        Claims(tmp_path / "file").make(made_of(claim))


def test_whether_a_result_could_be_seen_before_is_written_down(own: Lab) -> None:
    known, unknown = (
        Claim(of=(SPACE,), layers=(6,), least=0.001),
        Claim(of=(SPACE.replace(measure="pwcca"),), layers=(6,), least=0.001),
    )
    assert own.make_claim(known, "One.").was_known
    assert not own.make_claim(unknown, "Other.").was_known
    assert "500 sentences" not in own.make_claim(known, "One.").about


def test_a_claims_file_runs_by_itself(own: Lab, tmp_path: Path) -> None:
    claim = Claim(of=(SPACE,), layers=(6,), least=0.01)
    file = tmp_path / "claim.json"
    file.write_text(json.dumps(to_json(claim, places=False)))
    read = from_json(json.loads(file.read_text()))
    found = own.run(read)
    assert isinstance(found, Claimed)
    judged = own.judged(claim)
    assert judged is not None
    assert (found.verdict, found.low, found.high) == (judged.verdict, judged.low, judged.high)
    assert KINDS["claim"] is Claim
