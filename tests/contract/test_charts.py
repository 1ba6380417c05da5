"""Every chart over real results, in every look: valid, labelled, with its data and its controls, readable on its page."""

import importlib
import inspect
import json
import pkgutil
import re
import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from altair.utils import schemapi

import core.charts
from core.analyses import neuron_depth
from core.analyses.claim import CANNOT_TELL, SUPPORTED, Claim
from core.analyses.dynamics import MEASURES
from core.analyses.experiments import BY_NAME
from core.analyses.grafts import ADD, WAYS
from core.analyses.multiverse import flips
from core.analyses.neuron_profile import profile
from core.analyses.patching import DIRECTIONS
from core.analyses.places import among, places_of
from core.analyses.probe import ProbeScores
from core.analyses.probe_change import ProbeDifference
from core.analyses.similarity import LayerSimilarity
from core.charts import (
    ablations,
    across,
    board,
    confusion,
    counts,
    curves,
    geometry,
    heat,
    isotropy,
    label_axes,
    labels,
    mixing,
    movers,
    neuron_twins,
    numbers,
    paired,
    patches,
    readout,
    rows,
    scatter,
    strip,
    structure,
)
from core.charts import claims as claim_charts
from core.charts import dynamics as steps
from core.charts import grafts as graft_charts
from core.charts import neurons as neuron_charts
from core.charts import runs as run_charts
from core.charts import similarity as similarity_charts
from core.charts import spectra as spectra_charts
from core.charts import tunings as tunings_charts
from core.charts import weights as weight_charts
from core.charts.cursor import HOVER, PICK
from core.charts.headline import difference, headline, reading
from core.charts.heads import with_answers
from core.charts.keeping import drawing_of, save, svg_of_drawing
from core.charts.kept import kept_bars, kept_table
from core.charts.look import Look
from core.charts.points import colouring_of
from core.lab import Lab
from core.maths.cards import CARDS
from core.maths.statistics import Estimate, simultaneous
from core.origins import origin_of
from core.scripts import Redrawn, cannot, redrawing
from tests.small import BASE, TUNE, comparison

MADE_UP = {
    "room on disk",
    "sizes",
    "ratio over nothing",
    "Shuffle",
    "Reinitialise from the top",
    "a sentence without a way",
}
"""Figures of tables and results that are put together or changed by hand here, so that nobody can say where they come from."""
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
    (similarity, rsa, *others), (crowding,), (weights,), (maps,), (bent,) = (
        results[kind] for kind in ("similarity", "crowding", "weight_change", "joint_map", "joint_umap")
    )
    base, tuned, *_ = results["probe"]
    (change,) = results["probe_change"]
    probe_table, crowding_table = strip.probe_table(base, tuned, change), strip.crowding_table(crowding)
    tasks = board.task_table({"word classes": (change, base, tuned), "again": (change, tuned, base)})
    runs = ["base", "sentiment", "sentiment · seed 1"]
    each = board.checkpoint_table(base, dict.fromkeys(runs[1:], (change, tuned)))
    kept = board.kept_tables(dict.fromkeys(runs[1:], similarity))
    two_texts = similarity_charts.texts_table({"Reviews · dev": similarity, "Harbour · dev": similarity})
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
        "similarity curve": similarity_charts.kept_curve(similarity, look, 3),
        "similarity curve beside noise": similarity_charts.kept_curve(
            similarity, look, 3, {"other sentences": similarity}
        ),
        "two texts": similarity_charts.texts_curves(two_texts, look, 3, measure="cka"),
        "two texts, difference": similarity_charts.texts_difference(two_texts, look, 3, measure="cka"),
        **{f"{one.measure} curve": similarity_charts.kept_curve(one, look, 3) for one in others},
        **{f"{one.measure} heat": heat.similarity_heat(one, look, 3) for one in others},
        "probe curve": curves.side_curves(
            probe_table, "accuracy", look, 3, title="accuracy", percent=True, controls=True
        ),
        "crowding curve": curves.side_curves(
            crowding_table, "mean_cosine", look, 3, title="cosine", percent=False, controls=False
        ),
        "weight bars": curves.weight_bars(strip.weights_table(weights), look, 3),
        "heat": heat.similarity_heat(similarity, look, 3),
        "rsa curve": similarity_charts.kept_curve(rsa, look, 3),
        "rsa heat": heat.similarity_heat(rsa, look, 3),
        "probe and random weights": strip.probe_panel(base, tuned, change, look, 3, label="word classes", random=base),
        "probe curve and random weights": curves.side_curves(
            strip.probe_table(base, tuned, change, base), "accuracy", look, 3, title="a", percent=True, controls=True
        ),
        "task panel": curves.side_curves(
            rows.only(tasks, "task", "again"),
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
        "number panel": strip.number_panel(
            *results["ridge_probe"],
            results["ridge_probe_change"][0],
            look,
            3,
            number="tree depth",
            random=results["ridge_probe"][0],
        ),
        "number": curves.side_curves(
            numbers.ridge_table(*results["ridge_probe"], results["ridge_probe_change"][0], "r2"),
            "r2",
            look,
            3,
            title="R²",
            percent=False,
            controls=True,
            guess="always the mean",
        ),
        "number, its order, and random weights": curves.side_curves(
            numbers.ridge_table(
                *results["ridge_probe"], results["ridge_probe_change"][0], "rank", results["ridge_probe"][0]
            ),
            "rank",
            look,
            3,
            title="rank correlation",
            percent=False,
            controls=True,
            guess="always the mean",
        ),
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
        "a saved slice": paired.paired_chart(
            paired.saved_table(carried, 3, places_of(carried.rows.iloc[::8]), "every eighth"),
            look,
            what="saved as",
            title="share",
        ),
        "learning": readout.learning_curve(
            readout.learning_table(*sent, 3), look, n_classes=len(sent[0].labels), prior_bits=sent[0].prior_bits
        ),
        "transfer": board.checkpoint_curves(
            readout.transfer_table(carried), "accuracy", look, 3, checkpoints=readout.HOME_AWAY, title="a", percent=True
        ),
        "confusion": confusion.confusion_heat(results["fine_tune"][0].labels, results["fine_tune"][0].confusion, look),
        "isotropy": curves.side_curves(
            isotropy.measure_table(results["isotropy"][0], "isoscore"),
            "isoscore",
            look,
            3,
            title="IsoScore",
            percent=False,
            controls=False,
        ),
        "outlier dimensions": isotropy.outliers_heat(isotropy.outliers_table(results["isotropy"][0]), look, 3),
        "mean shift": isotropy.shift_curve(
            isotropy.shift_table(results["activation_difference"][0], "share", 0), look, 3, title="share", depth=6
        ),
        "shifts of places": isotropy.cosines_heat(
            isotropy.cosines_table(
                results["activation_difference"][0].between_places[3],
                isotropy.place_names(3),
            ),
            look,
            names=isotropy.place_names(3),
            what="words",
        ),
        "shifts of layers": isotropy.cosines_heat(
            isotropy.cosines_table(results["activation_difference"][0].between_layers, [str(at) for at in range(7)]),
            look,
            names=[str(at) for at in range(7)],
            what="layer",
            layer=3,
        ),
        "umap": scatter.of_layout(bent, "UMAP").figure(look, colour="upos"),
        "label axes": scatter.of_axes(results["label_axes"][0], 3, "units of the vectors").figure(look, colour="upos"),
        "label axes by layer": label_axes.parted_curve(results["label_axes"][0], look, 3),
        "map": scatter.of_pca(maps, 3).figure(look, colour="upos"),
        "map of tunings": scatter.of_tunings(results["map_steps"][0], ["one"]).figure(look, colour="upos"),
        "label counts": counts.counts_bars(
            counts.counts_table(("NOUN", "VERB"), (3, 1), (0.75, 0.25)), look, what="Word classes", unit="word"
        ),
        "room on disk": kept_bars(
            kept_table(pd.DataFrame({"what": ["Embeddings", "Linear probe", "Embeddings"], "size": [3e6, 2e3, 1e6]})),
            look,
        ),
        "loss": curves.loss_curve(results["fine_tune"][0].curve, look, n_steps=4, snapshots=(1, 2)),
        **weight_figures(results, look),
        **geometry_figures(results, look),
        **neuron_figures(results, look),
        **run_figures(results, look),
        **cause_figures(results, look),
        **step_figures(results, look),
        **claim_figures(results, look),
    }


def cause_figures(results: dict[str, Any], look: Look) -> dict[str, Any]:
    """Those of the page Ablations that train nothing."""
    ways = "Base below, tuned above", "Scale the change", ADD
    (over,), (one,) = results["patched_sample"], results["patched_sentence"]
    return {
        **{
            f"grafts: {way}": graft_charts.grafts_chart(found, WAYS[way], look)
            for way, found in zip(ways, results["grafts"], strict=True)
        },
        **{
            f"{measure}, {direction}": patches.effects_chart(over, direction, measure, look, 3)
            for measure in patches.MEASURES
            for direction in DIRECTIONS
        },
        **{f"a sentence, {direction}": patches.sentence_heat(one, direction, look, 3) for direction in DIRECTIONS},
        "a sentence without a way": patches.sentence_heat(
            replace(one, base_odds=one.tuned_odds), DIRECTIONS[0], look, 3
        ),
    }


def claim_figures(results: dict[str, Any], look: Look) -> dict[str, Any]:
    """Those of the page Hypotheses."""
    made = dict(zip((spec for spec in comparison() if isinstance(spec, Claim)), results["claim"], strict=True))
    every, between, foretold = made
    turned = flips(["letter"], [("x",), ("y",)], [SUPPORTED, CANNOT_TELL], SUPPORTED)
    ways = claim_charts.multiverse_table(
        between, ["measure"], [("CKA",), ("RSA",)], [made[between]] * 2, [between, between.replace(least=0.0)]
    )
    return {
        "claim on every layer": claim_charts.claim_chart(every, made[every], look),
        "claim between layers": claim_charts.claim_chart(between, made[between], look),
        "claim on a correlation": claim_charts.claim_chart(foretold, made[foretold], look),
        "power": claim_charts.power_chart(between, made[between], look),
        "power of sameness": claim_charts.power_chart(every, made[every], look),
        "choices that turn": claim_charts.turning_chart(claim_charts.turning_table(turned), look),
        "ways of asking": claim_charts.multiverse_chart(ways, ["measure"], look),
    }


def step_figures(results: dict[str, Any], look: Look) -> dict[str, Any]:
    """Those of the page Dynamics."""
    (layers,), (labelled,), (scored,) = (results[kind] for kind in ("dynamics", "label_dynamics", "step_scores"))
    base, tuned, *_ = results["probe"]
    (hulls,), (read,), (alike,) = (results[kind] for kind in ("direct_probe_change", "probe_change", "spatial_change"))
    agreed, parted = results["spatial_similarity"], results["direct_probe"]
    row = across.Row(
        name="one", layer=6, base_hulls=parted[0], tuned_hulls=parted[1], change=hulls, read=read, base_probe=base,
        tuned_probe=tuned, base_alike=agreed[0], tuned_alike=agreed[1], alike=alike,
    )  # fmt: skip
    return {
        **{
            f"{measure} over steps": steps.layers_chart(steps.layers_table(layers, measure), measure, look, 6, 3)
            for measure in MEASURES
        },
        "read over steps": steps.layers_chart(steps.read_table([(0, base), (4, tuned)]), "accuracy", look, 0, 3),
        "labels over steps": steps.labels_chart(
            steps.labels_table(labelled, 6), steps.control_table(labelled, 6), look, 3
        ),
        "paths of labels": steps.paths_chart(steps.paths_table(labelled, [1, 6], labelled.labels[:3]), look, 3),
        "scores over steps": steps.scores_chart(scored, look, 6),
        "across tasks": across.across_chart(across.across_table([row, replace(row, name="other")]), look),
    }


def neuron_figures(results: dict[str, Any], look: Look) -> dict[str, Any]:
    """Those of the page Neurons."""
    base, tuned = results["neurons"]
    (twins, *_), (without,), held = results["neuron_twins"], results["neuron_ablation"], results["embed"]
    span = neuron_charts.span_of(base, tuned)
    profiles = {side: profile(BASE, one, 3, 17, "upos") for side, one in zip(("base", "tuned"), held, strict=False)}
    return {
        "where neurons live": curves.side_curves(
            neuron_charts.living_table(base, tuned, "linear correlation", neuron_depth.MINIMAL),
            "share",
            look,
            3,
            title="share",
            percent=True,
            controls=True,
            guess="neurons drawn at random",
        ),
        "neurons of several": board.depth_curves(
            neuron_charts.several_table({"base": base, "tuned": tuned}, "linear correlation", neuron_depth.MINIMAL),
            look,
            checkpoints=["base", "tuned"],
            name="times",
            title="share",
            guess="at random",
        ),
        "few neurons": neuron_charts.kept_chart(base, look, span),
        "masked neurons": neuron_charts.masked_chart(tuned, look, span),
        "neurons of classes": neuron_charts.tags_heat(neuron_charts.tags_table(base), look, top=0.8, title="Base"),
        "rankings of neurons": neuron_charts.agreement_heat(neuron_charts.agreement_table(base), look),
        "without neurons": neuron_charts.without_chart(without, look),
        "fates of neurons": neuron_twins.fates_chart(twins, look),
        "values of a neuron": neuron_twins.by_label_chart(profiles, look),
    }


def run_figures(results: dict[str, Any], look: Look) -> dict[str, Any]:
    """Those of the pages Lab and Ablations."""
    tuned = results["fine_tune"][0]
    runs = run_charts.runs_table([("one", TUNE, tuned), ("one", TUNE.replace(seed=1), tuned), ("other", TUNE, tuned)])
    found = {}
    for name in ("Shuffle", "Reinitialise from the top"):
        experiment = BY_NAME[name]
        trials = pd.DataFrame([
            {"at": at, "seed": seed, "score": high - 0.05, "low": high - 0.1, "high": high, "guessing": 0.5, "n": 9}
            for high, at in zip(np.linspace(0.55, 0.95, 99), experiment.places(3), strict=False)
            for seed in range(3)
        ])  # fmt: skip
        beside = [
            ablations.Beside(name=str(i), trials=trials.assign(score=trials["score"] - 0.02 * i)) for i in (1, 2, 3)
        ]
        found[name] = ablations.ablation_chart(trials, experiment, look, 3, besides=beside)
    return {"runs": run_charts.runs_chart(runs, look), **found}


def geometry_figures(results: dict[str, Any], look: Look) -> dict[str, Any]:
    """Those of the page Geometry."""
    base, tuned = results["direct_probe"][:2]
    (change,), (places,), (parted,) = (
        results[kind] for kind in ("direct_probe_change", "label_geometry", "spatial_change")
    )
    curved = {
        "label distances over layers": (geometry.nearest_table(change, 6), "distance"),
        "fisher": (geometry.fisher_table(places, 6), "ratio"),
        "silhouette": (geometry.silhouette_table(places, 6), "silhouette"),
        "halves of the text": (geometry.spatial_table(*results["spatial_similarity"], parted), "similarity"),
    }
    return {
        "label distances": paired.paired_chart(
            geometry.distances_table(change, base, tuned, 3), look, what="label", title="distance", domain=(0, 0.9)
        ),
        "clusters": geometry.clusters_chart(geometry.clusters_table(base, tuned), look, 3),
        "displacements": geometry.displacement_panels(geometry.displacement_table(places, 6), look, 3),
        "directions of labels": geometry.directions_curve(geometry.directions_table(places, 6), look, 3),
        **{
            name: curves.side_curves(table, column, look, 3, title=column, percent=False, controls="control" in table)
            for name, (table, column) in curved.items()
        },
    }


def weight_figures(results: dict[str, Any], look: Look) -> dict[str, Any]:
    """Those of the page Weights."""
    (changes,), (found,), (tuned,) = (results[kind] for kind in ("weight_change", "weight_spectra", "task_vectors"))
    similarity, names = results["similarity"][0], ["whole", "small"]
    table = spectra_charts.spectra_table(found, 0.5)
    own, row = rows.only(table, "part", "value"), found.row(6, "value")
    ranks = spectra_charts.ranks_table(found, row)
    beside = weight_charts.beside_table(similarity, changes)
    still = weight_charts.beside_table(similarity, replace(changes, layers=0 * changes.layers))
    new = spectra_charts.intruders_table(found, row)
    against = tunings_charts.against_table(names, tuned)
    return {
        "parts": weight_charts.parts_heat(weight_charts.parts_table(changes), look, 3),
        "lost": weight_charts.lost_panel(beside, look, 3),
        "step": weight_charts.step_panel(beside, look, 3),
        "ratio": weight_charts.ratio_panel(beside, look, 3),
        "ratio over nothing": weight_charts.ratio_panel(still, look, 3),
        "spectrum": spectra_charts.spectrum_chart(ranks, look),
        "strength": spectra_charts.ratio_chart(ranks, look),
        "closest": spectra_charts.closest_chart(ranks, look),
        "energy": spectra_charts.energy_chart(ranks, look),
        "directions": spectra_charts.cosines_heat(spectra_charts.cosines_table(found, row), look),
        "intruders": spectra_charts.intruders_chart(new, look, n_top=found.n_top, threshold=0.5),
        **{
            f"{measure} over layers": spectra_charts.measure_curve(
                own, measure, look, 3, title=measure, digits=".2f", unchanged=unchanged
            )
            for measure, unchanged in (("spectral_ratio", 1.0), ("turned_out", None), ("intruders", None))
        },
        "tunings": tunings_charts.cosines_heat(tunings_charts.cosines_table(names, tuned), names, look),
        "tunings by layer": board.checkpoint_curves(
            against, "cosine", look, 3, checkpoints=["base", *names], title="cosine", percent=False,
            domain=tunings_charts.cosine_domain(against),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "projector"])
def test_every_chart_is_valid_and_large_enough_to_read(results: dict[str, Any], look: Look) -> None:
    for name, chart in charts(results, look).items():
        # Altair checks it against the grammar, once: looks differ in colours and sizes.
        drawn = chart.to_dict(validate=look == LOOKS[0])
        assert drawn["datasets"], name
        assert all(rows for rows in drawn["datasets"].values()), name
        axis = drawn["config"]["axis"]
        assert min(axis["labelFontSize"], axis["titleFontSize"]) >= (16 if look.projector else 13), name


NOT_NOTED = frozenset(
    {"clickable", "layer_axis", "layer_colour", "layer_rings", "cursor_band", "cursor_rects", "cosine_scale"}
)
"""Parts of a figure, which functions of core.charts alone ask for."""


def test_what_draws_or_tabulates_notes_what_it_was_given() -> None:
    seen = set()
    for found in pkgutil.iter_modules(core.charts.__path__, "core.charts."):
        module = importlib.import_module(found.name)
        for name, one in vars(module).items():
            if name.startswith("_") or not inspect.isfunction(one) or one.__module__ != found.name or name in NOT_NOTED:
                continue
            returned = get_type_hints(one).get("return")
            if getattr(returned, "__module__", "").startswith("altair") or returned in (pd.DataFrame, scatter.Flat):
                seen.add(name)
                assert hasattr(one, "is_traced"), f"{found.name}.{name} has to be @traced: its figures have no script"
    assert {"kept_panel", "kept_table", "of_pca", "only", "saved_table", "answered"} <= seen
    assert hasattr(scatter.Flat.figure, "is_traced")


def test_a_script_draws_every_figure_of_stored_results_again(
    made: Lab, results: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESCOPE_CACHE", str(made.store.root))
    look, drawn = Look(dark=True), charts(results, Look(dark=True))
    assert {name for name, chart in drawn.items() if cannot(origin_of(chart))} == MADE_UP
    for name, chart in drawn.items():
        if name in MADE_UP:
            continue
        script = redrawing([Redrawn(chart=origin_of(chart), name="one", title=name)], look, name="one")
        # What comes after keeps it as a page: seconds, all in all, and the same for every figure.
        (tmp_path / "one.py").write_text(script.partition("\nprint(save(")[0], encoding="utf-8")
        assert _as_drawn(runpy.run_path(str(tmp_path / "one.py"))["chart"]) == _as_drawn(chart), name


def _as_drawn(chart: Any) -> str:
    """A figure as JSON, without the names that Altair makes up."""
    written = json.dumps(chart.to_dict(validate=False), sort_keys=True, default=str)
    return re.sub(r'"(view|param)_[0-9a-f]+(_[0-9]+)?"', r'"\1"', written)


def test_saved_points_are_one_row_against_all_others(results: dict[str, Any]) -> None:
    (moved,) = results["movers"]
    places = places_of(moved.points.iloc[::2])
    table = movers.saved_table(moved, 3, places, "every other")
    assert list(table["value"]) == ["every other"] * len(table)
    labelled = replace(
        moved, points=moved.points.assign(half=scatter.in_or_out(among(moved.points, places), "every other"))
    )
    pd.testing.assert_frame_equal(
        table, movers.labels_table(labelled, 3, "half").query("value == 'every other'"), check_like=False
    )


def test_a_map_with_answers_holds_them_beside_its_points(results: dict[str, Any]) -> None:
    flat, said = scatter.of_pca(results["joint_map"][0], 3), results["head_answers"][0]
    answered = scatter.answered(flat, said, "tense")
    pd.testing.assert_frame_equal(answered.points, with_answers(flat.points, said, "tense"))
    assert answered.base is flat.base


def test_a_figure_is_saved_as_one_page_without_network(results: dict[str, Any], tmp_path: Path) -> None:
    path = save(
        strip.kept_panel(results["similarity"][0], Look(), 3), Look(), tmp_path / "kept.html", title="a <b> & c"
    )
    page = path.read_text(encoding="utf-8")
    assert "<h1>a &lt;b&gt; &amp; c</h1>" in page
    assert "vegaEmbed" in page
    assert 'src="http' not in page


def test_the_panels_of_the_strip_share_one_height_and_title_shape(results: dict[str, Any]) -> None:
    drawn = charts(results, Look())
    panels = [drawn[name].to_dict() for name in ("kept", "probe", "number panel", "crowding", "weights")]
    assert len({panel["height"] for panel in panels}) == 1
    assert {len(panel["title"]["text"]) for panel in panels} == {2}
    assert {len(panel["title"]["subtitle"]) for panel in panels} == {2}
    assert all(PICK in str(panel) for panel in panels)


def test_what_can_be_clicked_for_its_layer_lights_up_under_the_mouse_in_every_panel(results: dict[str, Any]) -> None:
    drawn = charts(results, Look())
    linked = {"heat", "rsa heat", "outlier dimensions", "tasks", "parts", "displacements", "shifts of layers", "kept"}
    assert linked <= drawn.keys()
    for name, chart in drawn.items():
        described = chart.to_dict(validate=False)
        found = {param["name"]: param for param in described.get("params", ()) if param["name"] in (PICK, HOVER)}
        if "layer" not in str(found.get(PICK, {}).get("select")):
            assert name not in linked
            continue
        assert found[HOVER]["views"] == found[PICK]["views"], name
        assert found[HOVER]["select"]["fields"] == found[PICK]["select"]["fields"] == ["layer"], name
        assert "'param': 'hover'" in str(described), name
        panels = described.get("hconcat") or described.get("concat") or [described]
        assert len(found[PICK]["views"]) == len(panels), name
        for panel, view in zip(panels, found[PICK]["views"], strict=True):
            assert view in [one.get("name") for one in panel["layer"]], name


def test_tables_hold_intervals_and_controls(results: dict[str, Any]) -> None:
    base, tuned, *_ = results["probe"]
    table = strip.probe_table(base, tuned, results["probe_change"][0])
    assert {"low", "high", "control", "majority", "difference", "is_noise"} <= set(table.columns)
    assert len(table) == 14
    assert (table["low"] <= table["accuracy"]).all()
    assert (table["accuracy"] <= table["high"]).all()


def test_random_weights_stand_beside_both_sides(results: dict[str, Any]) -> None:
    base, tuned, *_ = results["probe"]
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
    base, tuned, *_ = results["probe"]
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
    base, tuned, *_ = results["probe"]
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
    assert labels.is_numeric(pd.Series([str(i / 3) for i in range(20)]))
    assert not labels.is_numeric(pd.Series(["1", "2"] * 10))
    assert not labels.is_numeric(pd.Series([f"w{i}" for i in range(20)]))


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "projector"])
@pytest.mark.parametrize("colour", ["upos", "sentiment", "text"])
def test_the_canvas_and_the_figure_to_keep_give_a_label_one_colour_and_shape(
    results: dict[str, Any], look: Look, colour: str
) -> None:
    (maps,) = results["joint_map"]
    canvas = colouring_of(maps.points[colour], look, title=colour)
    encoding = scatter.of_pca(maps, 3).figure(look, colour=colour).to_dict()["hconcat"][0]["encoding"]
    figure = encoding["color"]["condition"]["scale"]
    assert dict(zip(figure["domain"], figure["range"], strict=True)) == dict(
        zip(canvas.names, canvas.colours, strict=True)
    )
    assert encoding["shape"]["scale"]["range"] == list(canvas.shapes)
    shown = scatter.of_pca(maps, 3).table(colour)["label"]
    assert [canvas.names[code] for code in canvas.codes] == shown.tolist()


def test_the_key_of_a_map_filters_and_a_brush_colours_both_sides(results: dict[str, Any]) -> None:
    for drawn in (
        scatter.of_pca(results["joint_map"][0], 3).figure(Look(), colour="upos"),
        scatter.of_layout(results["joint_umap"][0], "UMAP").figure(Look(), colour="sentiment"),
    ):
        described = drawn.to_dict()
        assert {param["name"] for param in described["params"]} == {"brush", "picked"}
        assert all(panel["encoding"]["color"]["condition"]["param"] == "brush" for panel in described["hconcat"])
        assert all(panel["transform"] for panel in described["hconcat"])


def test_one_map_above_another_is_as_large_and_names_the_layer_of_each_panel(results: dict[str, Any]) -> None:
    (maps,) = results["joint_map"]
    upper, lower = scatter.of_pca(maps, 3), scatter.of_pca(maps, 6)
    both = scatter.above(upper, lower, names=("layer 3", "layer 6"))
    assert [panel.title for panel in both.panels(Look())] == [
        f"{side} · layer {layer}" for layer in (3, 6) for side in ("● base", "▲ tuned")
    ]
    assert "%" in upper.axes[0]
    assert both.axes == ("PC 1", "PC 2")
    np.testing.assert_array_equal(both.base, maps.base[3])
    shown = [np.stack([one.positions for one in panes]) for panes in (both.panes, both.further)]
    sizes = [np.var(rows, axis=1).sum(axis=1).mean() for rows in shown]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-4)
    # Only moved and grown: shares of distances stay.
    apart = [np.linalg.norm(np.diff(rows[0], axis=0), axis=1) for rows in (shown[1], maps.base[[6]])]
    np.testing.assert_allclose(apart[0] / apart[0].sum(), apart[1] / apart[1].sum(), rtol=1e-3)


def test_maps_of_seeds_steps_and_a_chain_say_what_else_is_known_of_each_point(results: dict[str, Any]) -> None:
    (seeds,), (steps,), (chain,) = results["umap_seeds"], results["map_steps"], results["map_chain"]
    drawn = scatter.of_seeds(seeds)
    assert [panel.title for panel in drawn.panels(Look())][2:] == ["● base · another seed", "▲ tuned · another seed"]
    assert drawn.table("upos")["tuned_kept"].tolist() == pytest.approx(seeds.kept[1].tolist())
    assert scatter.unsettled(seeds).tolist() == (np.asarray(seeds.kept).min(axis=0) < 0.5).tolist()
    walked = scatter.of_steps(steps, 0, "after 4 steps")
    np.testing.assert_array_equal(walked.tuned, steps.maps[1])
    assert walked.panels(Look())[1].title == "▲ after 4 steps"
    assert {"base_trust", "tuned_trust"} <= set(walked.table("upos"))
    for maps, all_maps in ((steps, steps.maps), (chain, np.concatenate([chain.base, chain.tuned]))):
        left, right, bottom, top = scatter.limits_of(maps)
        assert (left, bottom) == tuple(all_maps.reshape(-1, 2).min(axis=0))
        assert (right, top) == tuple(all_maps.reshape(-1, 2).max(axis=0))


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
    assert len({look.paper, look.hover, look.cursor}) == 3
    assert contrast(look.hover, look.paper) > 1.1
    for paper in (look.paper, look.hover, look.cursor):
        assert contrast(look.ink, paper) >= 7
        assert contrast(look.base, paper) >= 3
        assert contrast(look.tuned, paper) >= 3
    assert contrast(look.quiet, look.paper) >= 4.5


def seen(colour: str, eye: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of a colour as an eye sees it that mixes linear red, green and blue like this [3, 3]."""
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(eye @ linear, 0, 1) / to_xyz.sum(1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


# Machado, Oliveira and Fernandes 2009, full severity.
EYES = {
    "most": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
}


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("look", LOOKS[:2], ids=["light", "dark"])
def test_labels_look_like_no_side_while_they_can_and_are_told_apart(look: Look, eye: str) -> None:
    assert set(look.labels[-2:]) == {look.base, look.tuned}
    assert set(labels.SHAPES[-2:]) == {"circle", "triangle-up"}
    assert len(set(look.labels)) == labels.N_NAMED + 1
    places = [seen(colour, EYES[eye]) for colour in look.labels]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(places) for b in places[:i]]
    assert min(apart) > 10


def estimate(value: float, half: float = 0.02) -> Estimate:
    """A value with its interval."""
    return Estimate(value=value, low=value - half, high=value + half, standard_error=half / 2, n=100, n_groups=20)


def read_with(*accuracies: float) -> ProbeScores:
    """Probes of a base that are right so often, a layer each."""
    return ProbeScores(
        labels=("a", "b"), counts=(50, 50), accuracy=np.array([accuracies] * 5).T, control=np.full((len(accuracies), 5), 0.5),
        score=tuple(map(estimate, accuracies)), control_score=(estimate(0.5),) * len(accuracies), majority=0.5,
        control_kind="", overlap=0.0, n_train=70, n_test=30, n_sentences=20, n_unconverged=0,
    )  # fmt: skip


def similarity_of(*values: float | None) -> LayerSimilarity:
    """A similarity result with these values."""
    return LayerSimilarity(
        same_layer=tuple(None if value is None else estimate(value) for value in values),
        matrix=None,  # type: ignore[arg-type]  # the sentence does not look at it
        n_rows=100,
        n_sentences=20,
        estimator="",
    )


def test_every_figure_is_kept_as_it_is_drawn(results: dict[str, Any]) -> None:
    for name, chart in charts(results, LOOKS[0]).items():
        drawing = drawing_of(chart, LOOKS[0])
        root = ElementTree.fromstring(svg_of_drawing(drawing))
        assert 200 < float(root.attrib["width"]) < 1700, name
        assert 60 < float(root.attrib["height"]) < 2500, name
        marks = [one for one in root.iter() if one.tag.endswith(("path", "text", "rect", "line"))]
        assert len(marks) > 10, name
        assert not any("NaN" in value for one in root.iter() for value in one.attrib.values()), name


def test_the_headline_follows_the_intervals(results: dict[str, Any]) -> None:
    (weights,) = results["weight_change"]
    assert "rewrote layers 2 and 3" in headline(similarity_of(1.0, 0.99, 0.4, 0.1), weights, "x")
    assert "nearly as it was" in headline(similarity_of(None, 0.99, 0.95, 0.93), weights, "x")
    changed = headline(similarity_of(1.0, 0.99, 0.95, 0.6), weights, "x")
    assert "changed layer 3," in changed
    assert "no layer was rewritten" in changed
    # An interval that reaches over the threshold is no finding, neither of a change nor of none.
    assert "cannot be told" in headline(similarity_of(1.0, 0.99, 0.95, 0.89), weights, "x")


def test_a_cell_of_layers_names_its_layers_and_its_measure(results: dict[str, Any]) -> None:
    for one in results["similarity"]:
        told = [
            tip["title"]
            for layer in heat.similarity_heat(one, Look(), 0).to_dict()["layer"]
            for tip in layer["encoding"].get("tooltip", [])
        ]
        assert set(told) == {"base layer", "tuned layer", CARDS[one.measure].short}


def test_the_reading_never_calls_noise_a_change(results: dict[str, Any]) -> None:
    change, base = results["probe_change"][0], read_with(0.7, 0.6)
    quiet = type(change)(difference=(estimate(0.01), estimate(-0.01)))
    assert "inside the noise." in reading(quiet, base, "word classes").said
    both = type(change)(difference=(estimate(0.1), estimate(-0.2)))
    wide = [simultaneous(one, n_intervals=2) for one in both.difference]
    (low, high), (lower, higher) = (
        [f"{end * 100:+.1f}".replace("-", "−") for end in (one.low, one.high)] for one in wide
    )
    assert reading(both, base, "word classes") == (
        f"Word classes became easier to read at layer 0 (accuracy from 70.0% to 80.0%, +10.0 points [{low}, {high}]) and harder to "
        f"read at layer 1 (accuracy from 60.0% to 40.0%, −20.0 points [{lower}, {higher}]).",
        "",
    )


def test_one_layer_of_seven_beyond_its_own_noise_is_no_finding(results: dict[str, Any]) -> None:
    change, base = results["probe_change"][0], read_with(*[0.7] * 7)
    one, rest = estimate(-0.025), [estimate(0.001)] * 6
    assert one.high < 0  # by itself
    assert reading(type(change)(difference=(*rest[:4], one, *rest[4:])), base, "tense") == (
        "No change of how well tense can be read was found (accuracy 70.0% in the base): every difference lies inside the noise.",
        "By itself layer 4.",
    )
    strong = reading(type(change)(difference=(estimate(-0.2), one, *rest[:5])), base, "tense")
    assert "harder to read at layer 0 (" in strong.said
    assert strong.aside == "By itself also layer 1."
    alone = type(change)(difference=(one,))
    assert "harder to read at layer 0" in reading(alone, base, "tense").said
    assert not reading(alone, base, "tense").aside


def test_two_of_other_shapes_are_said_to_differ_and_none_to_have_become_the_other() -> None:
    assert "share little of their space at layers 2 and 3" in difference(similarity_of(1.0, 0.99, 0.4, 0.1), "A", "B")
    assert "differ at layer 3" in difference(similarity_of(1.0, 0.99, 0.95, 0.6), "A", "B")
    assert "nearly the same space" in difference(similarity_of(None, 0.99, 0.95, 0.93), "A", "B")
    assert "cannot be told" in difference(similarity_of(1.0, 0.99, 0.95, 0.89), "A", "B")
    for values in ((1.0, 0.4), (1.0, 0.99), (1.0, 0.89)):
        assert "rewrote" not in difference(similarity_of(*values), "A", "B")
    change = ProbeDifference(difference=(estimate(0.1), estimate(0.0)))
    base = read_with(0.7, 0.7)
    assert reading(change, base, "tense", is_tuning=False).said.startswith(
        "Tense: easier to read at layer 0 (accuracy 70.0% and 80.0%, +10.0"
    )
    assert reading(change, base, "tense").said.startswith("Tense became easier")
