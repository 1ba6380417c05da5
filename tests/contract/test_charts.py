"""Every chart over real results, in every look: valid, labelled, with its data and its controls, readable on its page."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from altair.utils import schemapi

from core.analyses.probe_change import ProbeDifference
from core.analyses.similarity import LayerSimilarity
from core.charts import board, confusion, curves, heat, mixing, paired, readout, scatter, strip, structure
from core.charts.headline import difference, headline, reading
from core.charts.look import Look
from core.lab import Lab
from core.maths.statistics import Estimate
from tests.small import comparison

LOOKS = (Look(), Look(dark=True), Look(projector=True))


@pytest.fixture(autouse=True)
def _checked_against_the_grammar() -> Iterator[None]:
    """The app switches Altair's own checks off for speed; here they are what is wanted."""
    with schemapi.debug_mode(True):
        yield


@pytest.fixture(scope="session")
def results(made: Lab) -> dict[str, Any]:
    """Results by kind; the probes as base and tuned."""
    found: dict[str, Any] = {}
    for spec in comparison():
        found.setdefault(spec.kind, []).append(made.peek(spec))
    return found


def charts(results: dict[str, Any], look: Look) -> dict[str, Any]:
    """Every figure the pages draw."""
    (similarity, rsa), (crowding,), (weights,), (maps,), (bent,), (tuning,) = (
        results[kind] for kind in ("similarity", "crowding", "weight_change", "joint_map", "joint_umap", "fine_tune")
    )
    base, tuned = results["probe"]
    (change,) = results["probe_change"]
    probe_table, crowding_table = strip.probe_table(base, tuned, change), strip.crowding_table(crowding)
    tasks = board.task_table({"word classes": (change, base, tuned), "again": (change, tuned, base)})
    runs = ["base", "sentiment", "sentiment · seed 1"]
    each = board.checkpoint_table(base, dict.fromkeys(runs[1:], (change, tuned)))
    kept = board.kept_tables(dict.fromkeys(runs[1:], similarity))
    sizes = {
        "large": base,
        "small": tuned,
        "one layer": replace(base, score=base.score[:1], control_score=base.control_score[:1]),
    }
    sent, (saved,), (carried,) = (results[kind] for kind in ("codelength", "codelength_change", "probe_transfer"))
    compression = readout.compression_table(*sent, saved)
    edges, (edged,) = results["edge_probe"], results["edge_probe_change"]
    trees, (grown,) = results["structural_probe"], results["structural_change"]
    return {
        "kept": strip.kept_panel(similarity, look, 3),
        "probe": strip.probe_panel(base, tuned, change, look, 3, label="word classes"),
        "crowding": strip.crowding_panel(crowding, look, 3, unit="word"),
        "weights": strip.weights_panel(weights, look, 3),
        "similarity curve": curves.similarity_curve(similarity, look, 3),
        "probe curve": curves.side_curves(
            probe_table, "accuracy", look, 3, title="accuracy", percent=True, controls=True
        ),
        "crowding curve": curves.side_curves(
            crowding_table, "mean_cosine", look, 3, title="cosine", percent=False, controls=False
        ),
        "weight bars": curves.weight_bars(strip.weights_table(weights), look, 3),
        "heat": heat.similarity_heat(similarity, look),
        "rsa curve": curves.similarity_curve(rsa, look, 3),
        "rsa heat": heat.similarity_heat(rsa, look),
        "probe and random weights": strip.probe_panel(base, tuned, change, look, 3, label="word classes", random=base),
        "probe curve and random weights": curves.side_curves(
            strip.probe_table(base, tuned, change, base), "accuracy", look, 3, title="a", percent=True, controls=True
        ),
        "task panel": curves.side_curves(
            tasks[tasks["task"] == "again"],
            "accuracy",
            look,
            3,
            title="accuracy",
            percent=True,
            controls=True,
            domain=board.shared_domain(tasks),
            height=200,
            heading="again",
        ),
        "tasks": board.change_heat(tasks, look, 3),
        "checkpoints": board.checkpoint_curves(
            each, "accuracy", look, 3, checkpoints=runs, title="accuracy", percent=True
        ),
        "checkpoints kept": board.checkpoint_curves(kept, "cka", look, 3, checkpoints=runs, title="CKA", percent=False),
        "sizes": board.depth_curves(board.depth_table(sizes), look, checkpoints=list(sizes)),
        "compression": curves.side_curves(
            compression,
            "compression",
            look,
            3,
            title="compression",
            percent=False,
            controls=True,
        ),
        "structure": curves.side_curves(
            structure.scores_table(*trees, grown, "uuas", trees[0]),
            "score",
            look,
            3,
            title="UUAS",
            percent=True,
            controls=True,
            guess="reading order",
        ),
        "crossed": board.cross_heat(
            board.cross_table({(run, task): (change, base) for run in runs[1:] for task in ("upos", "tense")}, 3), look
        ),
        "other kinds": curves.side_curves(
            readout.kind_table(results["probe_kinds"][0], "perceptron"),
            "accuracy",
            look,
            3,
            title="a",
            percent=True,
            controls=True,
        ),
        "cumulative": curves.side_curves(
            mixing.cumulative_table(*edges, edged), "f1", look, 3, title="micro-F1", percent=True, controls=True
        ),
        "mixing weights": mixing.weights_chart(mixing.weights_table(*edges), *edges, look),
        "relations": paired.paired_chart(
            structure.relations_table(grown, 3), look, what="relation (edges)", title="share"
        ),
        "slices": paired.paired_chart(
            paired.slices_table(results["probe_slices"][0], 3, "label"), look, what="label", title="share"
        ),
        "learning": readout.learning_curve(
            readout.learning_table(*sent, 3), look, n_classes=len(sent[0].labels), prior_bits=sent[0].prior_bits
        ),
        "transfer": board.checkpoint_curves(
            readout.transfer_table(carried), "accuracy", look, 3, checkpoints=readout.HOME_AWAY, title="a", percent=True
        ),
        "confusion": confusion.confusion_heat(tuning.labels, tuning.confusion, look),
        "umap": scatter.umap_pair(bent, look, colour="upos"),
        "map": scatter.map_pair(maps, look, 3, colour="upos"),
        "loss": curves.loss_curve(results["fine_tune"][0].curve, look, n_steps=4, snapshots=(1, 2)),
    }


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "projector"])
def test_every_chart_is_valid_and_large_enough_to_read(results: dict[str, Any], look: Look) -> None:
    for name, chart in charts(results, look).items():
        drawn = chart.to_dict()  # Altair checks it against the grammar
        assert drawn["datasets"], name
        assert all(rows for rows in drawn["datasets"].values()), name
        axis = drawn["config"]["axis"]
        assert min(axis["labelFontSize"], axis["titleFontSize"]) >= (16 if look.projector else 13), name


def test_the_panels_of_the_strip_share_one_height_and_title_shape(results: dict[str, Any]) -> None:
    drawn = charts(results, Look())
    panels = [drawn[name].to_dict() for name in ("kept", "probe", "crowding", "weights")]
    assert len({panel["height"] for panel in panels}) == 1
    assert {len(panel["title"]["text"]) for panel in panels} == {2}
    assert {len(panel["title"]["subtitle"]) for panel in panels} == {2}
    assert all(strip.PICK in str(panel) for panel in panels)


def test_tables_hold_intervals_and_controls(results: dict[str, Any]) -> None:
    base, tuned = results["probe"]
    table = strip.probe_table(base, tuned, results["probe_change"][0])
    assert {"low", "high", "control", "majority", "difference", "is_noise"} <= set(table.columns)
    assert len(table) == 14
    assert (table["low"] <= table["accuracy"]).all()
    assert (table["accuracy"] <= table["high"]).all()


def test_random_weights_stand_beside_both_sides(results: dict[str, Any]) -> None:
    base, tuned = results["probe"]
    table = strip.probe_table(base, tuned, results["probe_change"][0], base)
    assert (table.loc[table["side"] == "base", "random"] == table.loc[table["side"] == "base", "accuracy"]).all()
    assert "random" not in strip.probe_table(base, tuned, results["probe_change"][0])


def test_names_keep_what_tells_them_apart() -> None:
    assert board.short_names(["a · x · seed 0", "a · x · seed 1"]) == ["a · seed 0", "a · seed 1"]
    assert board.short_names(["a · x", "b · x"]) == ["a", "b"]
    assert board.short_names(["a · x · 1", "mine"]) == ["a", "mine"]
    assert board.short_names(["a · x · 1", "a"]) == ["a · x · 1", "a"]
    assert board.short_names([]) == []


def test_names_at_the_ends_of_curves_stay_apart(results: dict[str, Any]) -> None:
    base, tuned = results["probe"]
    runs = {f"run {i}": (results["probe_change"][0], tuned) for i in range(5)}
    table = board.checkpoint_table(base, runs)
    drawn = board.checkpoint_curves(
        table, "accuracy", Look(), 3, checkpoints=["base", *runs], title="accuracy", percent=True
    ).to_dict()
    (ends,) = (rows for rows in drawn["datasets"].values() if rows and "at_y" in rows[0])
    places = sorted(row["at_y"] for row in ends)
    assert len(places) == 6
    assert min(np.diff(places)) > 0


def test_a_change_in_points_is_grey_where_its_interval_holds_zero(results: dict[str, Any]) -> None:
    base, tuned = results["probe"]
    table = board.change_table(board.task_table({"t": (results["probe_change"][0], base, tuned)}))
    inside = (table["difference_low"] <= 0) & (table["difference_high"] >= 0)
    assert (table["is_noise"] == inside).all()
    assert len(table) == 7


def test_the_confusion_table_keeps_counts_and_an_empty_row_has_no_share() -> None:
    table = confusion.confusion_table(("a", "b"), [[3, 1], [0, 0]])
    assert table["count"].tolist() == [3, 1, 0, 0]
    assert table["share"].tolist()[:2] == [0.75, 0.25]
    assert table["share"].isna().tolist() == [False, False, True, True]


def test_points_coloured_by_many_numbers_have_a_scale_and_by_names_a_key() -> None:
    assert scatter.is_numeric(pd.Series([str(i / 3) for i in range(20)]))
    assert not scatter.is_numeric(pd.Series(["1", "2"] * 10))
    assert not scatter.is_numeric(pd.Series([f"w{i}" for i in range(20)]))


def test_the_key_of_a_map_filters_and_a_brush_colours_both_sides(results: dict[str, Any]) -> None:
    for drawn in (
        scatter.map_pair(results["joint_map"][0], Look(), 3, colour="upos"),
        scatter.umap_pair(results["joint_umap"][0], Look(), colour="sentiment"),
    ):
        described = drawn.to_dict()
        assert {param["name"] for param in described["params"]} == {"brush", "picked"}
        assert all(panel["encoding"]["color"]["condition"]["param"] == "brush" for panel in described["hconcat"])
        assert all(panel["transform"] for panel in described["hconcat"])


def contrast(first: str, second: str) -> float:
    """WCAG contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", LOOKS[:2], ids=["light", "dark"])
def test_text_and_sides_stand_out_from_the_page_and_the_cursor(look: Look) -> None:
    for paper in (look.paper, look.cursor):
        assert contrast(look.ink, paper) >= 7
        assert contrast(look.base, paper) >= 3
        assert contrast(look.tuned, paper) >= 3
    assert contrast(look.quiet, look.paper) >= 4.5


def estimate(value: float, half: float = 0.02) -> Estimate:
    """A value with its interval."""
    return Estimate(value=value, low=value - half, high=value + half, standard_error=half / 2, n=100, n_groups=20)


def similarity_of(*values: float | None) -> LayerSimilarity:
    """A similarity result with these values."""
    return LayerSimilarity(
        same_layer=tuple(None if value is None else estimate(value) for value in values),
        matrix=None,  # type: ignore[arg-type]  # the sentence does not look at it
        n_rows=100,
        n_sentences=20,
        estimator="",
    )


def test_the_headline_follows_the_intervals(results: dict[str, Any]) -> None:
    (weights,) = results["weight_change"]
    assert "rewrote layers 2 and 3" in headline(similarity_of(1.0, 0.99, 0.4, 0.1), weights, "x")
    assert "nearly as it was" in headline(similarity_of(None, 0.99, 0.95, 0.93), weights, "x")
    changed = headline(similarity_of(1.0, 0.99, 0.95, 0.6), weights, "x")
    assert "changed layer 3," in changed
    assert "no layer was rewritten" in changed
    # An interval that reaches over the threshold is no finding, neither of a change nor of none.
    assert "cannot be told" in headline(similarity_of(1.0, 0.99, 0.95, 0.89), weights, "x")


def test_the_reading_never_calls_noise_a_change(results: dict[str, Any]) -> None:
    change = results["probe_change"][0]
    quiet = type(change)(difference=(estimate(0.01), estimate(-0.01)))
    assert "inside the noise" in reading(quiet, "word classes")
    both = type(change)(difference=(estimate(0.1), estimate(-0.2)))
    assert reading(both, "word classes") == (
        "Word classes became easier to read at layer 0 (+10.0 points, 95 % interval +8.0 to +12.0) and "
        "harder to read at layer 1 (-20.0 points, 95 % interval -22.0 to -18.0)."
    )


def test_two_of_other_shapes_are_said_to_differ_and_none_to_have_become_the_other() -> None:
    assert "share little of their space at layers 2 and 3" in difference(similarity_of(1.0, 0.99, 0.4, 0.1), "A", "B")
    assert "differ at layer 3" in difference(similarity_of(1.0, 0.99, 0.95, 0.6), "A", "B")
    assert "nearly the same space" in difference(similarity_of(None, 0.99, 0.95, 0.93), "A", "B")
    assert "cannot be told" in difference(similarity_of(1.0, 0.99, 0.95, 0.89), "A", "B")
    for values in ((1.0, 0.4), (1.0, 0.99), (1.0, 0.89)):
        assert "rewrote" not in difference(similarity_of(*values), "A", "B")
    change = ProbeDifference(difference=(estimate(0.1), estimate(0.0)))
    assert reading(change, "tense", is_tuning=False).startswith("Tense: easier to read at layer 0 (+10.0")
    assert reading(change, "tense").startswith("Tense became easier")
