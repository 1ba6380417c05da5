"""A map as messages: what the canvas reads out of them is what was put in, and what did not change keeps its name."""

import base64
import json
import struct
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.charts.labels import N_NAMED, OTHER
from core.charts.look import Look
from core.charts.points import NO_NUMBER, Colouring, Drawn, Message, Panel, colouring_of, draw, picked_in
from core.charts.points_svg import svg_of
from core.maths.quantising import STEPS, bits_of

TEXTS = st.lists(st.text(max_size=6), min_size=1, max_size=40)


def read(message: Message) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Head and blocks, as the module's docstring says they lie."""
    (length,) = struct.unpack_from("<I", message.content)
    head = json.loads(message.content[4 : 4 + length])
    blocks = {}
    for name, (at, items, kind) in head["blocks"].items():
        assert (4 + length + at) % 8 == 0
        blocks[name] = np.frombuffer(message.content, np.dtype(kind).newbyteorder("<"), items, 4 + length + at)
    return head, blocks


def drawn(texts: list[str], seed: int = 0, look: Look | None = None, **options: Any) -> tuple[Drawn, list[Panel]]:
    """A map of random places under these texts, in two panels, coloured by the texts."""
    rng = np.random.default_rng(seed)
    panels = [
        Panel(title=name, colour="#000000", positions=rng.normal(size=(len(texts), 2)).astype(np.float32))
        for name in ("before", "after")
    ]
    look = look or Look()
    options = {
        "colouring": colouring_of(pd.Series(texts, dtype=object), look, title="text"),
        "texts": texts,
        "look": look,
        "alt_text": "a map",
        "key": "map",
        "axes": ("x", "y"),
        "height": 300,
        **options,
    }
    return draw(panels, **options), panels


@given(TEXTS, st.integers(0, 2**32 - 1))
def test_texts_and_positions_come_back(texts: list[str], seed: int) -> None:
    made, panels = drawn(texts, seed, details={"length": [str(len(text)) for text in texts]})
    head, blocks = read(made.words)
    for at, strings in enumerate((texts, [str(len(text)) for text in texts])):
        column = head["columns"][at]
        assert [column["strings"][code] for code in blocks[str(at)]] == strings
        assert len(set(column["strings"])) == len(column["strings"])
    head, blocks = read(made.positions)
    steps = blocks["positions"].reshape(2, len(texts), 2).astype(float)
    rows = np.stack([panel.positions for panel in panels]).astype(float)
    # One unit on both axes and in both panels: differences in steps are differences of positions.
    unit = max(float(np.ptp(rows.reshape(-1, 2), axis=0).max()), 1e-9) / STEPS
    apart = (rows - rows[0, 0]) / unit
    assert np.abs((steps - steps[0, 0]) - apart).max() <= 1 + 1e-6
    assert head["box"] == [*steps.min((0, 1)), *steps.max((0, 1))]


@given(st.integers(2, 40), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_neighbours_come_back_panel_by_panel_and_change_no_other_message(n: int, k: int, seed: int) -> None:
    texts = [f"w{i}" for i in range(n)]
    near = np.random.default_rng(seed).integers(0, n, size=(2, n, k))
    without, made = drawn(texts)[0], drawn(texts, neighbours=list(near))[0]
    assert without.neighbours is None
    assert made.neighbours is not None
    head, blocks = read(made.neighbours)
    assert head["k"] == k
    for panel in (0, 1):
        np.testing.assert_array_equal(blocks[str(panel)].reshape(n, k), near[panel])
    assert read(made.view)[0]["neighbours"] == made.neighbours.name
    assert (made.positions, made.words) == (without.positions, without.words)
    assert set(made.held) == {"positions", "words", "neighbours"}


@pytest.mark.parametrize(
    "near",
    [
        [np.zeros((5, 2), int)],
        [np.zeros((5, 2), int), np.zeros((5, 3), int)],
        [np.zeros((4, 2), int)] * 2,
        [np.full((5, 2), 5)] * 2,
        [np.full((5, 2), -1)] * 2,
    ],
    ids=["one panel", "other counts", "other points", "beyond", "below"],
)
def test_neighbours_of_other_points_are_refused(near: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="neighbours"):
        drawn([f"w{i}" for i in range(5)], neighbours=near)


def test_many_distinct_texts_take_wider_codes() -> None:
    for n, kind in ((256, "uint8"), (257, "uint16"), (65_537, "uint32")):
        head, blocks = read(drawn([f"w{i}" for i in range(n)], look=Look())[0].words)
        assert head["blocks"]["0"][2] == kind
        assert head["columns"][0]["strings"][blocks["0"][-1]] == f"w{n - 1}"


@given(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60))
def test_each_point_has_the_colour_of_its_label_and_rare_ones_that_of_other(labels: list[str]) -> None:
    look = Look()
    series = pd.Series(labels)
    made = colouring_of(series, look, title="letter")
    counts = series.value_counts()
    for label, code in zip(labels, made.codes, strict=True):
        if made.names[code] == OTHER:
            assert len(counts) > N_NAMED + 1
            assert made.colours[code] == look.quiet
            assert counts[label] <= min(counts[name] for name in made.names if name != OTHER)
        else:
            assert made.names[code] == label
    assert len(made.names) == len(made.colours) == len(made.shapes) <= N_NAMED + 1
    assert len(set(made.colours)) == len(made.colours)


@given(st.lists(st.floats(-1e3, 1e3), min_size=9, max_size=40, unique=True))
def test_numbers_keep_their_order_on_the_scale(values: list[float]) -> None:
    made = colouring_of(pd.Series(values), Look(), title="number")
    assert made.names == ()
    codes = made.codes[np.argsort(values)].astype(int)
    assert (np.diff(codes) >= 0).all()
    assert (codes[0], codes[-1]) == (0, NO_NUMBER - 1)
    back = made.low + codes / (NO_NUMBER - 1) * (made.high - made.low)
    assert np.abs(back - np.sort(values)).max() <= (made.high - made.low) / (NO_NUMBER - 1) / 2 * (1 + 1e-9)


def test_what_did_not_change_keeps_its_name() -> None:
    texts = [f"w{i}" for i in range(30)]
    first, _ = drawn(texts)
    same, _ = drawn(texts)
    assert (first.positions, first.words, first.view) == (same.positions, same.words, same.view)
    dark, _ = drawn(texts, look=Look(dark=True))
    marked, _ = drawn(texts, highlight=np.arange(30) < 3)
    for other in (dark, marked):
        assert (other.positions.name, other.words.name) == (first.positions.name, first.words.name)
        assert other.view.name != first.view.name
    moved, _ = drawn(texts, seed=1)
    assert moved.words.name == first.words.name
    assert moved.positions.name != first.positions.name
    assert read(moved.view)[0]["positions"] == moved.positions.name


@given(st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_a_choice_comes_back_and_one_of_other_points_is_none(n: int, seed: int) -> None:
    made, _ = drawn([f"w{i}" for i in range(n)])
    marked = np.random.default_rng(seed).random(n) < 0.5
    state = {"of": made.words.name, "point": n - 1, "selected": base64.b64encode(bits_of(marked)).decode()}
    picked = picked_in(state, made)
    assert picked.point == n - 1
    assert picked.selected.tolist() == np.flatnonzero(marked).tolist()
    other = picked_in({**state, "of": "0" * 16}, made)
    assert other.point is None
    assert not len(other.selected)


@pytest.mark.parametrize(
    "change",
    [{"point": 99}, {"point": -1}, {"point": "1"}, {"point": True}, {"point": None}],
    ids=str,
)
def test_a_point_that_is_none_is_not_picked(change: dict[str, Any]) -> None:
    made, _ = drawn(["a", "b", "c"])
    assert picked_in({"of": made.words.name, "point": 1, **change}, made).point is None
    assert picked_in({"of": made.words.name, "point": 1}, made).point == 1


@pytest.mark.parametrize("selected", ["!", "AAAA", 7, ["A"], "é"], ids=str)
def test_marks_that_no_map_sends_are_refused(selected: Any) -> None:
    made, _ = drawn(["a", "b", "c"])
    assert not len(picked_in({"of": made.words.name, "selected": selected}, made).selected)
    assert picked_in(None, made).point is None


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="highlight: 2 rows for 3 points"):
        drawn(["a", "b", "c"], highlight=np.ones(2, np.bool_))
    codes = Colouring(title="t", codes=np.zeros(4, np.uint8), colours=("#000000",), names=("a",), shapes=("circle",))
    with pytest.raises(ValueError, match="codes: 4 rows for 3 points"):
        drawn(["a", "b", "c"], colouring=codes)
    with pytest.raises(ValueError, match="0 panels"):
        draw([], codes, texts=["a"] * 4, look=Look(), alt_text="", key="map", axes=("x", "y"), height=300)


def test_limits_are_the_first_view_and_no_point_is_cut() -> None:
    made, panels = drawn([f"w{i}" for i in range(50)], limits=(-0.5, 0.5, -0.25, 0.25))
    head, blocks = read(made.positions)
    left, bottom, right, top = head["box"]
    assert (right - left) / (top - bottom) == pytest.approx(2, rel=1e-3)
    steps = blocks["positions"].reshape(2, 50, 2)[0]
    inside = (np.abs(panels[0].positions) <= (0.5, 0.25)).all(1)
    shown = ((steps >= (left, bottom)) & (steps <= (right, top))).all(1)
    assert (inside == shown).all()
    assert not inside.all()


@given(st.integers(1, 40), st.integers(0, 2**31), st.floats(0.1, 1))
def test_maps_within_the_same_limits_share_a_frame_and_a_place_is_the_same_step_in_both(
    n: int, seed: int, reach: float
) -> None:
    texts, rng = [f"w{i}" for i in range(n)], np.random.default_rng(seed)
    limits = (-1.0, 1.0, -1.0, 1.0)
    layers = []
    for size in (1.0, reach):
        places = rng.uniform(-size, size, (n, 2)).astype(np.float32)
        places[0] = 0.05
        panels = [Panel(title="layer", colour="#000000", positions=places)]
        colouring = colouring_of(pd.Series(texts), Look(), title="text")
        options: dict[str, Any] = {"look": Look(), "alt_text": "", "key": "map", "axes": ("x", "y"), "height": 300}
        layers.append([draw(panels, colouring, texts=texts, limits=ends, **options) for ends in (limits, None)])
    (first, whole), (second, smaller) = ([read(one.positions) for one in pair] for pair in layers)
    for name in ("box", "frame"):
        assert first[0][name] == second[0][name]
    assert first[1]["positions"][:2].tolist() == second[1]["positions"][:2].tolist()
    # Without limits each map has a frame of its own, whatever its box in steps.
    if n > 1:
        assert whole[0]["frame"] != smaller[0]["frame"]


@given(TEXTS, st.integers(0, 2**31), st.booleans())
def test_a_map_as_svg_has_every_point_in_its_colour_and_its_order_in_each_panel(
    texts: list[str], seed: int, dark: bool
) -> None:
    look, (_, panels) = Look(dark=dark), drawn(texts, seed)
    colouring = colouring_of(pd.Series(texts, dtype=object), look, title="<text>")
    faint = np.arange(len(texts)) % 2 == 0
    root = ElementTree.fromstring(svg_of(panels, colouring, look=look, axes=("x & y", "y"), faint=faint))
    space = "{http://www.w3.org/2000/svg}"
    marks = {mark.get("id"): mark for mark in root.find(f"{space}defs") or []}
    uses = list(root.iter(f"{space}use"))
    assert len(uses) == 2 * len(texts)
    for side, panel in enumerate(panels):
        own = uses[side * len(texts) : (side + 1) * len(texts)]
        places = np.array([[float(use.get("x", "")), -float(use.get("y", ""))] for use in own])
        # One unit across and up, and in both panels.
        apart = places - [float(uses[0].get("x", "")), -float(uses[0].get("y", ""))]
        wanted = (panel.positions - panels[0].positions[0]).astype(float)
        unit = np.linalg.norm(wanted)
        if unit > 1e-6:
            fitted = float((apart * wanted).sum() / (wanted**2).sum())
            assert np.abs(apart - fitted * wanted).max() < 0.05
        for use, code, is_faint in zip(own, colouring.codes, faint, strict=True):
            mark = marks[use.get("href", "")[1:]]
            if colouring.names:
                assert mark.get("stroke" if is_faint else "fill") == colouring.colours[code]
