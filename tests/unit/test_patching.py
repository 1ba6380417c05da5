"""Patched states: all of them make the other network, none of them nothing, and two ways to the same network agree."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from core.analyses.fine_tune import FineTune
from core.analyses.graft import Graft
from core.analyses.patched_sample import BETWEEN, EVERY, FIRST, KINDS, LAST, PatchedSample, PatchEffects, places_of
from core.analyses.patched_sentence import PatchedSentence, PatchMap
from core.analyses.patching import DIRECTIONS, INTO_BASE, INTO_TUNED, mean_odds, pair_of
from core.charts import patches
from core.data.load import load_sample
from core.errors import NotEnoughData, SpecInvalid
from core.lab import Lab
from core.maths.effects import log_odds
from core.models.checkpoints import backbone_class, load_weights
from core.models.hooks import beginning_at, blocks, editing_layers, reading_layers
from core.models.patching import Pair, mixed
from core.refs import Folder, Packaged, Sample, Suite, Surgery, Typed
from tests.copies import a_copy
from tests.faults import tiny
from tests.golden.test_families import CONFIGS
from tests.golden.test_families import DEPTH as FAMILY_DEPTH
from tests.golden.test_families import made as made_of
from tests.quiet import Quiet
from tests.small import SAMPLE, TUNE

FEW = SAMPLE.replace(n=12)
OVER = PatchedSample(of=TUNE, sample=FEW)
ONE = PatchedSentence(of=TUNE, sample=SAMPLE)
DEPTH = 7
RESET = TUNE.replace(surgery=Surgery(reset=(5,)))
WORDS = FineTune(
    checkpoint=Packaged(), train=Sample(of=Suite(split="train"), n=32), dev=Sample(of=Suite(split="dev"), n=12),
    label="upos", unit="word", epochs=2, batch_size=8, learning_rate=3e-4,
)  # fmt: skip


@pytest.fixture(scope="module")
def made(made: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The small comparison, to be added to."""
    return a_copy(made, tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def pair(made: Lab, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Base and tuned network over a few sentences."""
    run = Quiet()
    run.folder = tmp_path_factory.mktemp("pair")
    return pair_of(TUNE, {"of": made.run(TUNE)}, load_sample(FEW), run)[0]


@pytest.fixture(scope="module")
def effects(made: Lab) -> PatchEffects:
    held: PatchEffects = made.peek(OVER)
    return held


@pytest.fixture(scope="module")
def one(made: Lab) -> PatchMap:
    held: PatchMap = made.peek(ONE)
    return held


ROWS = [0, 3, 5]
INPUTS = {"input_ids": torch.tensor([[5, 6, 7, 8], [9, 5, 6, 7]]), "attention_mask": torch.ones(2, 4, dtype=torch.long)}


@pytest.mark.parametrize("family", list(CONFIGS))
def test_in_every_family_a_pass_that_begins_at_a_layer_ends_as_one_that_is_edited_there(
    family: str, tmp_path: Path
) -> None:
    made_of(family, tmp_path / "checkpoint")
    model = load_weights(backbone_class(tmp_path / "checkpoint"), tmp_path / "checkpoint").eval()

    def ends() -> torch.Tensor:
        with torch.inference_mode():
            found: torch.Tensor = model(**INPUTS).last_hidden_state
        return found

    states: list[torch.Tensor] = []
    with reading_layers(model, FAMILY_DEPTH, lambda _, hidden: states.append(hidden.clone())):
        whole = ends()
    parts = blocks(model, FAMILY_DEPTH)
    can_idle = len(parts) == FAMILY_DEPTH and model.config.model_type != "t5"
    for layer in range(FAMILY_DEPTH + 1):
        drawn = torch.randn(states[layer].shape, generator=torch.Generator().manual_seed(layer))
        for put in (states[layer], drawn):
            edit = partial(_at_layer, put=put, at=layer)
            with editing_layers(model, FAMILY_DEPTH, edit):
                edited = ends()
            weights = [{name: one.clone() for name, one in part.named_parameters()} for part in parts[:layer]]
            if can_idle:  # what does not run cannot matter
                for part in parts[:layer]:
                    for one in part.parameters():
                        one.data.fill_(float("nan"))
            with beginning_at(model, FAMILY_DEPTH, layer, put):
                begun = ends()
            for part, kept in zip(parts, weights, strict=False):
                for name, one in part.named_parameters():
                    one.data.copy_(kept[name])
            assert torch.equal(begun, edited), layer
            if put is states[layer]:
                assert torch.allclose(begun, whole, atol=1e-5)
    assert torch.equal(ends(), whole)  # nothing is left behind
    fresh = load_weights(backbone_class(tmp_path / "checkpoint"), tmp_path / "checkpoint").eval()
    with beginning_at(fresh, FAMILY_DEPTH, 2, states[2]), torch.inference_mode():  # never read: every block runs
        assert torch.allclose(fresh(**INPUTS).last_hidden_state, whole, atol=1e-5)


def _at_layer(layer: int, hidden: torch.Tensor, put: torch.Tensor, at: int) -> torch.Tensor:
    return put if layer == at else hidden


def test_every_state_at_the_top_makes_the_other_network(pair: Pair) -> None:
    for running in (0, 1):
        said, states = pair.says(1 - running, ROWS)
        patched = pair.patched(running, ROWS, DEPTH - 1, states[-1])
        for a, b in zip(said, patched, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_network_patched_with_itself_or_nowhere_stays_as_it_is(pair: Pair) -> None:
    for running in (0, 1):
        said, states = pair.says(running, ROWS)
        other = pair.says(1 - running, ROWS)[1]
        for layer in range(DEPTH):
            with_itself = pair.patched(running, ROWS, layer, states[layer])
            nowhere = pair.patched(
                running, ROWS, layer, mixed(states[layer], other[layer], np.zeros_like(pair.real(ROWS)))
            )
            for a, b, c in zip(said, with_itself, nowhere, strict=True):
                np.testing.assert_array_equal(a, b)
                np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("layer", [0, 3, 5])
def test_all_states_of_a_layer_are_the_graft_that_is_tuned_up_to_it(made: Lab, pair: Pair, layer: int) -> None:
    """Two mechanisms, hooks on states and weights put together, must make the same network."""
    from core.analyses.goals import prepared
    from core.analyses.graft import grafted_model
    from core.models.tuning import answer

    shares = tuple(float(part <= layer) for part in range(DEPTH))
    run = Quiet()
    head = prepared(TUNE).lesson.head
    model, tokenizer = grafted_model(
        Graft(of=TUNE, shares=shares),
        {"of": made.run(TUNE)},
        head,
        made.store.settings.cache / "graft.safetensors",
        run,
    )
    whole = answer(model, tokenizer, load_sample(FEW), head=head, longest=128, on_batch=run.check)
    states = pair.says(1, ROWS)[1]
    patched = pair.patched(0, ROWS, layer, states[layer])
    for row, said in zip(ROWS, patched, strict=True):
        np.testing.assert_allclose(said, whole.log_shares[whole.example == row], atol=1e-5)


def test_a_sentence_alone_is_patched_as_in_a_batch(pair: Pair) -> None:
    def first_put_in(rows: list[int]) -> list[np.ndarray]:
        own, other = (pair.says(side, rows)[1][4] for side in (0, 1))
        return pair.patched(0, rows, 4, mixed(own, other, places_of(FIRST, pair.real(rows))))

    together = first_put_in(ROWS)
    for at, row in enumerate(ROWS):
        np.testing.assert_allclose(together[at], first_put_in([row])[0], atol=1e-5)


def test_kinds_of_places_part_a_sentence() -> None:
    real = np.array([[1, 1, 1, 1, 0], [0, 0, 1, 1, 1], [1, 1, 0, 0, 0]], dtype=bool)  # padded right, left, two pieces
    first, between, last = (places_of(kind, real) for kind in (FIRST, BETWEEN, LAST))
    np.testing.assert_array_equal(first.astype(int) + between + last, real)
    np.testing.assert_array_equal(places_of(EVERY, real), real)
    assert first.argmax(1).tolist() == [0, 2, 0]
    assert last.argmax(1).tolist() == [3, 4, 1]


def test_over_sentences_all_pieces_go_all_the_way_at_the_top(effects: PatchEffects) -> None:
    table = effects.effects
    assert len(table) == len(DIRECTIONS) * DEPTH * len(KINDS)
    top = table[(table["layer"] == DEPTH - 1) & (table["kind"] == EVERY)].set_index("direction")
    assert top.loc[INTO_BASE, "answers"] == 1
    assert top.loc[INTO_TUNED, "answers"] == pytest.approx(effects.base_answers)
    if not np.isnan(top.loc[INTO_BASE, "share"]):
        assert top["share"].to_numpy() == pytest.approx(1)
    assert (effects.first, effects.last) == ("[CLS]", "[SEP]")
    assert effects.n_sentences == effects.n_answers == 12


def test_over_sentences_odds_are_the_means_of_single_sentences(made: Lab, effects: PatchEffects) -> None:
    single = [made.run(PatchedSentence(of=TUNE, sample=FEW, row=row)) for row in range(12)]
    assert effects.base_odds.value == pytest.approx(np.mean([held.base_odds for held in single]), abs=1e-5)
    assert effects.tuned_odds.value == pytest.approx(np.mean([held.tuned_odds for held in single]), abs=1e-5)
    gap = np.mean([held.tuned_odds - held.base_odds for held in single])
    table = effects.effects.set_index(["direction", "layer", "kind"])["share"]
    for layer in range(DEPTH):
        mine = np.mean([held.all_odds[0, layer] - held.base_odds for held in single]) / gap
        if not np.isnan(table[INTO_BASE, layer, EVERY]):
            assert table[INTO_BASE, layer, EVERY] == pytest.approx(mine, abs=1e-4)


def test_in_a_sentence_the_top_is_read_at_the_first_piece_alone(one: PatchMap) -> None:
    """BERT's pooler reads [CLS]: at the top nothing else can matter."""
    top = one.odds[:, -1]
    np.testing.assert_allclose(top[0, 1:], one.base_odds, atol=1e-6)
    assert top[0, 0] == pytest.approx(one.tuned_odds, abs=1e-6)
    np.testing.assert_allclose(top[1, 1:], one.tuned_odds, atol=1e-6)
    assert top[1, 0] == pytest.approx(one.base_odds, abs=1e-6)
    assert one.pieces[0] == "[CLS]"
    assert one.odds.shape == (2, DEPTH, len(one.pieces))


def test_shares_are_0_at_the_running_network_and_1_at_the_other(one: PatchMap) -> None:
    for direction in DIRECTIONS:
        assert one.all_shares(direction)[-1] == pytest.approx(1, abs=1e-4)
        np.testing.assert_allclose(one.shares(direction)[-1, 1:], 0, atol=1e-4)
    moved, every = one.moved(INTO_BASE)
    gap = one.tuned_odds - one.base_odds
    np.testing.assert_allclose(moved, one.shares(INTO_BASE) * gap, atol=1e-6)
    np.testing.assert_allclose(every, one.all_shares(INTO_BASE) * gap, atol=1e-6)


def test_mean_odds_of_a_row_without_an_answer_are_none() -> None:
    said = [np.log([[0.25, 0.75]]), np.zeros((0, 2))]
    found = mean_odds(said, [np.array([1]), np.array([], dtype=int)])
    assert found[0] == pytest.approx(float(log_odds(said[0], [1])[0]))
    assert np.isnan(found[1])


def test_of_a_head_for_words_one_word_is_looked_at_or_all(lab: Lab) -> None:
    sample = Sample(of=Typed.of("The waiter was friendly ."))
    whole: PatchMap = lab.run(PatchedSentence(of=WORDS, sample=sample))
    each: list[PatchMap] = [lab.run(PatchedSentence(of=WORDS, sample=sample, word=at)) for at in range(5)]
    for name in ("odds", "all_odds", "base_odds", "tuned_odds"):
        np.testing.assert_allclose(
            np.mean([getattr(held, name) for held in each], axis=0), getattr(whole, name), atol=1e-5
        )
    # At the top each word's answer is read at its own first piece.
    for at, held in enumerate(each):
        changed = np.flatnonzero(np.abs(held.odds[0, -1] - held.base_odds) > 1e-6)
        assert changed.tolist() == [at + 1]
    over: PatchEffects = lab.run(PatchedSample(of=WORDS, sample=FEW))
    assert over.n_answers > over.n_sentences == 12
    with pytest.raises(SpecInvalid, match="5 words, of which 5"):
        lab.run(PatchedSentence(of=WORDS, sample=sample, word=5))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_what_is_said_of_a_figure_is_in_its_table(effects: PatchEffects, one: PatchMap, direction: str) -> None:
    for measure in patches.MEASURES:
        table = patches.effects_table(effects, direction, measure)
        assert len(table) == DEPTH * len(KINDS)
        assert set(table["kind"]) == {"all pieces", "[CLS] (first piece)", "pieces between", "[SEP] (last piece)"}
    cells = patches.sentence_table(one, direction)
    assert len(cells) == DEPTH * (len(one.pieces) + 1)
    assert one.tuned_said in patches.sentence_finding(one, direction)
    assert "nats" in patches.effects_finding(effects, direction, patches.WAY)
    assert "answers" in patches.effects_finding(effects, direction, patches.ANSWERS)


def test_half_of_the_way_is_covered_where_no_higher_layer_takes_it_back(effects: PatchEffects) -> None:
    table = effects.effects.assign(share=0.0, answers=effects.base_answers)
    own = (table["direction"] == INTO_BASE) & (table["kind"] == EVERY)
    table.loc[own, "share"] = [0.55, 0.2, 0.1, 0.6, 0.7, 0.9, 1.0]
    assert "covered from layer 3 on" in patches.effects_finding(replace(effects, effects=table), INTO_BASE, patches.WAY)
    table.loc[own, "share"] = 0.1
    assert "no layer covers half" in patches.effects_finding(replace(effects, effects=table), INTO_BASE, patches.WAY)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (lambda: PatchedSentence(of=TUNE, sample=SAMPLE, row=-1), "Counted from 0"),
        (lambda: PatchedSample(of=RESET, sample=SAMPLE), "did not begin from the base"),
        (lambda: PatchedSentence(of=TUNE, sample=SAMPLE, word=1), "answers for all"),
        (lambda: PatchedSample(of=TUNE.replace(goal="tree", unit="word", label="relation"), sample=SAMPLE), "a tree"),
        (lambda: PatchedSentence(of=TUNE.replace(goal="number"), sample=SAMPLE), "a number"),
    ],
)
def test_what_cannot_be_patched_is_refused(spec, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SpecInvalid, match=says):
        spec()


def test_a_sentence_that_is_not_there_is_refused(made: Lab) -> None:
    with pytest.raises(SpecInvalid, match="sample has 60"):
        made.run(PatchedSentence(of=TUNE, sample=SAMPLE, row=60))


def test_too_few_sentences_are_told(made: Lab) -> None:
    with pytest.raises(NotEnoughData):
        made.run(PatchedSample(of=TUNE, sample=SAMPLE.replace(n=3)))


def test_cancelled_it_stops(made: Lab) -> None:
    from core.analyses.patched_sample import compute
    from core.errors import Cancelled

    with pytest.raises(Cancelled):
        compute(OVER, {"of": made.run(TUNE)}, Quiet(stop_after=3))


@pytest.mark.parametrize("family", ["gpt2", "roberta"])
def test_in_other_families_too_every_state_at_the_top_makes_the_other_network(
    lab: Lab, family: str, tmp_path: Path
) -> None:
    """GPT-2 has a norm above its last block, which tuning changed: it goes with the head."""
    tiny(family, tmp_path / "tiny")
    run = TUNE.replace(checkpoint=Folder.at(tmp_path / "tiny"), learning_rate=1e-2)
    quiet = Quiet()
    quiet.folder = tmp_path
    own = pair_of(run, {"of": lab.run(run)}, load_sample(FEW), quiet)[0]
    for running in (0, 1):
        said, states = own.says(1 - running, ROWS)
        patched = own.patched(running, ROWS, own.n_layers, states[-1])
        for a, b in zip(said, patched, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
        assert not np.allclose(own.says(running, ROWS)[0][0], said[0], atol=1e-3)
