"""Edge probes with scalar mixing: what their weights and scores must obey, and what must be refused in words."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from core.errors import Cancelled, NotEnoughData, ShapeError, SpecInvalid
from core.maths.mixing import (
    EdgeProbes,
    Edges,
    EdgeSplit,
    Mix,
    Training,
    commonest_labels,
    localisation,
    micro_f1,
    train_edge_probes,
    words_of,
)
from core.maths.structure import expected_layer, scalar_mix_centre
from tests.faults import says

N_LAYERS, N, D = 4, 400, 16
SMALL = Training(width=16, max_epochs=25)
SHORT = replace(SMALL, max_epochs=4)


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    """So small a product is slower on two."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def one_hot(y: NDArray[Any]) -> NDArray[np.bool_]:
    return np.eye(int(y.max()) + 1, dtype=bool)[y]


def planted(layer: int, *, strength: float = 2.0, seed: int = 0) -> tuple[list[NDArray[np.float32]], Edges]:
    """One word an edge, and a label that one layer alone tells."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=N)
    layers = [rng.normal(size=(N, D)).astype(np.float32) for _ in range(N_LAYERS)]
    layers[layer] += (strength * rng.normal(size=(3, D))[y]).astype(np.float32)
    return layers, Edges(words(range(N)), None, one_hot(y)[None])


def words(rows: Sequence[int]) -> NDArray[np.int64]:
    return np.array([[row, row + 1] for row in rows])


def split(seed: int = 0, n: int = N) -> EdgeSplit:
    drawn = np.random.default_rng(100 + seed).permutation(n)
    return EdgeSplit(drawn[: n * 6 // 10], drawn[n * 6 // 10 : n * 7 // 10], drawn[n * 7 // 10 :], seed)


def scores(found: EdgeProbes, edges: Edges, splits: Sequence[EdgeSplit], models: Sequence[Mix]) -> list[float]:
    return [
        micro_f1(edges.targets[model.task][splits[model.split].test], shares > 0.5)
        for model, shares in zip(models, found.probabilities, strict=True)
    ]


ALL = [Mix(0, top) for top in range(N_LAYERS)]


# --- mixing


@pytest.mark.parametrize("layer", [1, 3])
@pytest.mark.parametrize("equal_norms", [False, True])
def test_what_one_layer_alone_tells_is_read_from_it_and_found_when_it_joins(layer: int, equal_norms: bool) -> None:
    layers, edges = planted(layer)
    found = train_edge_probes(layers, edges, [split()], ALL, replace(SMALL, equal_norms=equal_norms))
    f1 = scores(found, edges, [split()], ALL)
    assert max(f1[:layer]) < 0.5
    assert min(f1[layer:]) > 0.95
    assert found.weights[-1].argmax() == layer
    assert expected_layer(f1) == pytest.approx(layer, abs=0.3)
    assert localisation(f1) > 0.6 * np.log2(N_LAYERS - 1)


def test_mixing_weights_sum_to_one_and_are_none_above_the_top() -> None:
    layers, edges = planted(1)
    models = [Mix(0, top) for top in (3, 0, 2, 1)]
    found = train_edge_probes(layers, edges, [split()], models, SHORT)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-5)
    for row, model in zip(found.weights, models, strict=True):
        assert (row[model.top + 1 :] == 0).all()
        assert (row[: model.top + 1] > 0).all()
    assert found.weights.shape == found.sizes.shape == (4, N_LAYERS)
    assert found.gamma.shape == found.epochs.shape == (4,)
    for shares in found.probabilities:
        assert shares.dtype == np.float32
        assert shares.shape == (len(split().test), 3)
        assert ((shares >= 0) & (shares <= 1)).all()


def test_layers_above_the_top_change_nothing() -> None:
    layers, edges = planted(1)
    moved = [*layers[:2], 1000 * layers[2] + 7, layers[3] - 5]
    found, other = (train_edge_probes(held, edges, [split()], ALL[:2], SHORT) for held in (layers, moved))
    np.testing.assert_array_equal(found.probabilities[1], other.probabilities[1])
    np.testing.assert_array_equal(found.weights, other.weights)


def test_a_common_factor_of_all_layers_changes_nothing() -> None:
    layers, edges = planted(2)
    for equal_norms in (False, True):
        how = replace(SHORT, equal_norms=equal_norms)
        found, scaled = (
            train_edge_probes([np.float32(c) * layer for layer in layers], edges, [split()], ALL, how)
            for c in (1, 1024)
        )
        np.testing.assert_allclose(found.probabilities[-1], scaled.probabilities[-1], atol=1e-4)
        np.testing.assert_allclose(found.sizes * 1024, scaled.sizes, rtol=1e-5)


def test_one_long_layer_moves_the_centre_unless_norms_are_made_equal() -> None:
    layers, edges = planted(1)
    longer = [*layers[:3], 1000 * layers[3]]
    centres = {}
    for equal_norms in (False, True):
        how = replace(SMALL, equal_norms=equal_norms)
        found, other = (train_edge_probes(held, edges, [split()], ALL[-1:], how) for held in (layers, longer))
        centres[equal_norms] = [scalar_mix_centre(one.weights[0]) for one in (found, other)]
        if equal_norms:
            np.testing.assert_allclose(found.weights, other.weights, atol=1e-3)
    assert abs(centres[True][0] - centres[True][1]) < 0.01
    assert abs(centres[False][0] - centres[False][1]) > 0.1


# --- the batch


def test_a_probe_is_the_same_alone_and_beside_others() -> None:
    layers, edges = planted(2)
    control = np.random.default_rng(5).permutation(edges.targets[0])
    edges = Edges(edges.first, None, np.stack([edges.targets[0], control]))
    splits = [split(0), split(1), replace(split(2), test=split(2).test[:-7])]
    models = [Mix(2, 1), *ALL, Mix(1, 3), Mix(1, 3, 1), Mix(0, 3, 1), Mix(2, 3)]
    together = train_edge_probes(layers, edges, splits, models, SMALL)
    assert len({int(n) for n in together.epochs}) > 2  # some left before others
    for at in (0, 2, 5, 8):
        alone = train_edge_probes(layers, edges, splits, [models[at]], SMALL)
        assert alone.epochs[0] == together.epochs[at]
        assert alone.stopped[0] == together.stopped[at]
        np.testing.assert_allclose(alone.weights[0], together.weights[at], atol=1e-3)
        np.testing.assert_allclose(alone.probabilities[0], together.probabilities[at], atol=1e-2)


def test_the_same_seed_gives_the_same_and_another_one_another() -> None:
    layers, edges = planted(1)
    found = [train_edge_probes(layers, edges, [replace(split(), seed=seed)], ALL, SHORT) for seed in (0, 0, 1)]
    for one, same, other in zip(*(each.probabilities for each in found), strict=True):
        np.testing.assert_array_equal(one, same)
        assert np.abs(one - other).max() > 1e-3


def test_the_numbers_of_edges_and_of_words_mean_nothing() -> None:
    layers, edges = planted(1)
    whole, order = split(), np.random.default_rng(3).permutation(N)
    moved = [layer[order] for layer in layers]
    place = np.argsort(order)
    first, renumbered = edges.first[order], words(place[edges.first[order, 0]].tolist())
    assert (first[:, 0] == order).all()
    shuffled = Edges(renumbered, None, edges.targets[:, order])
    other = EdgeSplit(place[whole.train], place[whole.dev], place[whole.test], whole.seed)
    found, again = (
        train_edge_probes(*given, [one], ALL, SHORT)
        for *given, one in ((layers, edges, whole), (moved, shuffled, other))
    )
    np.testing.assert_allclose(found.probabilities[-1], again.probabilities[-1], atol=1e-4)


def test_half_precision_and_memory_maps_are_read_as_they_are(tmp_path: Any) -> None:
    layers, edges = planted(1)
    held = []
    for at, layer in enumerate(layers):
        np.save(tmp_path / f"{at}.npy", layer.astype(np.float16))
        held.append(np.load(tmp_path / f"{at}.npy", mmap_mode="r"))
    found = train_edge_probes(held, edges, [split()], ALL, SHORT)
    rounded = [layer.astype(np.float16).astype(np.float32) for layer in layers]
    whole = train_edge_probes(rounded, edges, [split()], ALL, SHORT)
    np.testing.assert_allclose(found.probabilities[-1], whole.probabilities[-1], atol=1e-5)


def test_progress_never_falls_ends_at_its_total_and_can_stop_anywhere() -> None:
    layers, edges = planted(1)
    seen: list[tuple[int, int]] = []
    train_edge_probes(layers, edges, [split()], ALL, SHORT, on_step=lambda *at: seen.append(at))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] == seen[-1][1]
    assert len(seen) > 8 * SHORT.max_epochs
    asked: list[int] = []
    train_edge_probes(layers, edges, [split()], ALL, SHORT, check=lambda: asked.append(0))
    n_asked = len(asked)
    assert n_asked == len(seen) - 1 + SHORT.max_epochs + 1  # all batches, dev edges, test edges
    for stop_at in (0, 3, n_asked // SHORT.max_epochs, n_asked - 1):

        def stop(left: Iterator[int] = iter(range(stop_at))) -> None:
            if next(left, None) is None:
                raise Cancelled("Computing.", "Somebody cancelled it.", "Start it again.")

        with pytest.raises(Cancelled):
            train_edge_probes(layers, edges, [split()], ALL, SHORT, check=stop)


def test_one_that_still_gains_at_the_limit_is_said_to_be_stopped_by_it() -> None:
    layers, edges = planted(1)
    found = train_edge_probes(layers, edges, [split()], ALL, replace(SMALL, max_epochs=2))
    assert not found.stopped.any()
    assert (found.epochs == 2).all()


# --- spans


def test_a_span_of_one_word_is_the_word_and_a_longer_one_its_weighted_mean() -> None:
    import torch

    from core.maths.edge_models import pooled

    rng = np.random.default_rng(0)
    vectors, attend = (torch.from_numpy(rng.normal(size=size)).float() for size in ((2, 5, 3), (2, 3, 1)))
    places = torch.tensor([[[4, 0, 0], [1, 2, 0], [0, 1, 3]]] * 2)
    within = torch.tensor([[[True, False, False], [True, True, False], [True, True, True]]] * 2)
    found = pooled(vectors, attend, places, within)
    torch.testing.assert_close(found[:, 0], vectors[:, 4])
    for model in range(2):
        for at, members in ((1, [1, 2]), (2, [0, 1, 3])):
            score = (vectors[model, members] @ attend[model])[:, 0].exp()
            by_hand = (score / score.sum()) @ vectors[model, members]
            torch.testing.assert_close(found[model, at], by_hand)


def test_pooling_with_one_long_span_leaves_those_of_one_word_as_they_are() -> None:
    layers, edges = planted(1)
    longer = edges.first.copy()
    longer[split().test[0]] = (3, 9)  # read in the test alone
    given = Edges(longer, None, edges.targets)
    found = train_edge_probes(layers, given, [split()], ALL, SMALL)
    assert scores(found, edges, [split()], ALL)[-1] > 0.95


def test_the_word_that_tells_is_found_within_its_span() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 6, size=N)
    ends = lengths.cumsum()
    y = rng.integers(2, size=N)
    layer = rng.normal(size=(int(ends[-1]), D)).astype(np.float32)
    telling = ends - 1 - rng.integers(lengths)
    layer[telling, 0] += 6  # attention finds the word that has this
    layer[telling, 1] += np.where(y == 1, 4, -4)
    edges = Edges(np.stack([ends - lengths, ends], axis=1), None, one_hot(y)[None])
    found = train_edge_probes([layer], edges, [split()], [Mix(0, 0)], SMALL)
    assert scores(found, edges, [split()], [Mix(0, 0)])[0] > 0.9


def test_a_pair_tells_what_neither_of_its_spans_does_and_its_order_counts() -> None:
    rng = np.random.default_rng(0)
    layer = rng.normal(size=(2 * N, D)).astype(np.float32)
    sign = rng.choice([-1.0, 1.0], size=2 * N)
    layer[:, 0] = 3 * sign
    both = Edges(words(range(N)), words(range(N, 2 * N)), one_hot((sign[:N] > sign[N:]).astype(int))[None])
    found = train_edge_probes([layer], both, [split()], [Mix(0, 0)], SMALL)
    assert scores(found, both, [split()], [Mix(0, 0)])[0] > 0.95
    one = Edges(both.first, None, both.targets)
    found = train_edge_probes([layer], one, [split()], [Mix(0, 0)], SMALL)
    assert scores(found, one, [split()], [Mix(0, 0)])[0] < 0.9


def test_several_labels_at_once_and_none_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    layer = rng.normal(size=(N, D)).astype(np.float32)
    edges = Edges(words(range(N)), None, (layer[None, :, :4] > 0.3))
    assert not edges.targets.any(axis=2).all()
    found = train_edge_probes([layer], edges, [split()], [Mix(0, 0)], SMALL)
    assert scores(found, edges, [split()], [Mix(0, 0)])[0] > 0.85


def test_a_label_without_a_training_edge_is_hardly_ever_given_and_breaks_nothing() -> None:
    layers, edges = planted(1)
    targets = np.concatenate([edges.targets, np.zeros((1, N, 1), dtype=bool)], axis=2)
    targets[0, split().test[:5]] = (False, False, False, True)
    found = train_edge_probes(layers, replace(edges, targets=targets), [split()], ALL, SMALL)
    assert np.isfinite(found.probabilities[-1]).all()
    assert found.probabilities[-1][:, 3].max() < 0.5


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), min_size=20, max_size=20),
)
def test_the_words_of_edges_are_those_in_any_span(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    sides = [np.array([(at, at + n) for at, n in spans]) for spans in (first, second[: len(first)])]
    edges = Edges(sides[0], sides[1], np.ones((1, len(first), 1), dtype=bool))
    wanted = sorted({word for side in sides for span in side.tolist() for word in range(*span)})
    assert words_of(edges).tolist() == wanted
    one = np.array([len(first) - 1])
    assert words_of(edges, one).tolist() == sorted({word for side in sides for word in range(*side[-1].tolist())})


# --- scores


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 5), st.floats(0, 1))
def test_micro_f1_is_scikit_learns(seed: int, n: int, n_labels: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    gold, said = (rng.random((n, n_labels)) < share for _ in range(2))
    if not gold.any() and not said.any():
        with pytest.raises(NotEnoughData):
            micro_f1(gold, said)
        return
    # One column alone is a two-class problem to scikit-learn; beside an empty one it is what it is here.
    table = [np.pad(one, ((0, 0), (0, 1))) for one in (gold, said)]
    assert micro_f1(gold, said) == pytest.approx(f1_score(*table, average="micro", zero_division=0))
    assert micro_f1(gold, said) == micro_f1(said, gold)


def test_micro_f1_of_one_label_each_is_accuracy_and_other_tables_are_refused() -> None:
    rng = np.random.default_rng(0)
    y, guess = rng.integers(4, size=(2, 50))
    guess[:4] = y[:4] = range(4)
    assert micro_f1(one_hot(y), one_hot(guess)) == pytest.approx((y == guess).mean())
    for wrong in (one_hot(y)[:, :3], one_hot(y).astype(int), one_hot(y)[:, 0]):
        with pytest.raises(ShapeError) as caught:
            micro_f1(wrong, one_hot(guess))
        says(caught, "booleans")


def test_the_commonest_labels_are_those_of_most_rows_or_else_one() -> None:
    assert commonest_labels(one_hot(np.array([0, 1, 1, 2, 2]))).tolist() == [False, True, False]
    assert commonest_labels([[1, 1, 0], [1, 1, 1], [1, 0, 0]]).tolist() == [True, True, False]
    with pytest.raises(NotEnoughData) as caught:
        commonest_labels(np.zeros((0, 3), dtype=bool))
    says(caught, "majority")


@pytest.mark.parametrize(
    ("f1", "layer", "bits"),
    [
        ([0.5, 0.5, 0.9, 0.9, 0.9], 2.0, 2.0),  # all at one layer of four
        ([0.1, 0.2, 0.3, 0.4, 0.5], 2.5, 0.0),  # everywhere alike
        ([0.2, 0.5, 0.5, 0.8, 0.8], 2.0, 1.0),  # at two layers of four
        ([0.2, 0.6, 0.4, 0.8, 0.8], (0.4 - 0.4 + 1.2) / 0.6, 1.0),  # a loss counts below, but is no place
    ],
)
def test_where_gains_lie_by_hand(f1: list[float], layer: float, bits: float) -> None:
    assert expected_layer(f1) == pytest.approx(layer)
    assert localisation(f1) == pytest.approx(bits, abs=1e-9)


def test_the_centre_of_gravity_by_hand() -> None:
    assert scalar_mix_centre([0.5, 0.25, 0.25]) == pytest.approx(0.75)
    assert scalar_mix_centre([1, 0, 0]) == 0


@given(st.lists(st.floats(0, 1), min_size=2, max_size=13))
def test_localisation_is_between_nothing_and_one_layer_of_all(f1: list[float]) -> None:
    gains = np.diff(f1).clip(min=0)
    if gains.sum() > 0:
        assert 0 <= localisation(f1) <= np.log2(len(gains)) + 1e-9
    else:
        with pytest.raises(NotEnoughData, match="gains anything"):
            localisation(f1)


@pytest.mark.parametrize("bad", [[0.1, np.nan], [[0.1], [0.2]], [np.inf, 1.0]])
def test_scores_that_are_none_have_no_place(bad: Any) -> None:
    with pytest.raises(SpecInvalid) as caught:
        localisation(bad)
    says(caught, "localisation")


# --- what is refused

LAYERS, EDGES = planted(1)


def spoilt(value: float) -> list[NDArray[np.float32]]:
    found = [layer.copy() for layer in LAYERS]
    found[2][7, 3] = value
    return found


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"layers": spoilt(np.nan)}, ShapeError, "layer 2"),
        ({"layers": spoilt(np.inf)}, ShapeError, "not finite"),
        ({"layers": []}, ShapeError, "0 layers"),
        ({"layers": [LAYERS[0], LAYERS[1][:, :3]]}, ShapeError, "(400, 3)"),
        ({"layers": [layer.astype(np.float64) for layer in LAYERS]}, ShapeError, "float16 or float32"),
        ({"layers": [layer[:0] for layer in LAYERS]}, ShapeError, "(0, 16)"),
        ({"second": EDGES.first[:-1]}, ShapeError, "second span"),
        ({"second": np.zeros_like(EDGES.first)}, ShapeError, "Edge 0 has the span [0, 0]"),
        ({"second": np.full_like(EDGES.first, -1)}, ShapeError, "[-1, -1]"),
        ({"first": EDGES.first + 1}, ShapeError, "[400, 401] of 400 words"),
        ({"first": EDGES.first[:, ::-1].copy()}, ShapeError, "[1, 0]"),
        ({"first": EDGES.first.astype(float)}, ShapeError, "whole numbers"),
        ({"targets": EDGES.targets[:, :-1]}, ShapeError, "(1, 399, 3)"),
        ({"targets": EDGES.targets.astype(int)}, ShapeError, "booleans"),
        ({"targets": EDGES.targets[..., :0]}, NotEnoughData, "labels"),
        ({"targets": np.ones_like(EDGES.targets)}, NotEnoughData, "the same labels"),
        ({"targets": np.zeros_like(EDGES.targets)}, NotEnoughData, "No training edge"),
        ({"splits": [replace(split(), dev=split().dev[:0])]}, NotEnoughData, "240, 0, 120"),
        ({"splits": [replace(split(), test=np.array([400]))]}, ShapeError, "399"),
        ({"splits": [replace(split(), test=np.array([-1]))]}, ShapeError, "399"),
        ({"splits": [replace(split(), test=split().dev)]}, SpecInvalid, "40 edges more than once"),
        ({"splits": [replace(split(), seed=-1)]}, SpecInvalid, "seed"),
        ({"splits": [split(), replace(split(1), train=split(1).train[:-1])]}, ShapeError, "240, 239"),
        ({"models": [Mix(1, 0)]}, SpecInvalid, "1 splits"),
        ({"models": [Mix(0, 4)]}, SpecInvalid, "4 layers"),
        ({"models": [Mix(0, 0, 1)]}, SpecInvalid, "1 tasks"),
        ({"models": []}, SpecInvalid, "No model"),
    ],
)
def test_what_cannot_be_trained_on_is_said(changes: dict[str, Any], error: type[Exception], said: str) -> None:
    given_edges = {name: changes[name] for name in ("first", "second", "targets") if name in changes}
    with pytest.raises(error) as caught:
        train_edge_probes(
            changes.get("layers", LAYERS),
            replace(EDGES, **given_edges),
            changes.get("splits", [split()]),
            changes.get("models", ALL),
            SHORT,
        )
    says(caught, said)


def test_a_label_of_all_training_edges_alone_is_refused_and_a_layer_of_zeros_has_no_norm() -> None:
    targets = EDGES.targets.copy()
    targets[0, split().train] = (True, False, False)
    with pytest.raises(NotEnoughData) as caught:
        train_edge_probes(LAYERS, replace(EDGES, targets=targets), [split()], ALL, SHORT)
    says(caught, "the same labels")
    zeros = [np.zeros_like(LAYERS[0]), *LAYERS[1:]]
    with pytest.raises(NotEnoughData) as caught:
        train_edge_probes(zeros, EDGES, [split()], ALL, replace(SHORT, equal_norms=True))
    says(caught, "no norm")
    found = train_edge_probes(zeros, EDGES, [split()], ALL, SHORT)  # as they are, it can be mixed
    assert all(np.isfinite(shares).all() for shares in found.probabilities)


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"dropout": 1.0}, {"rate": 0.0}, {"batch": 0}, {"max_epochs": 0}, {"mixing_rate": -1.0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecInvalid):
        Training(**wrong)
