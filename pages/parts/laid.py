"""A layer laid flat for the page Maps, by each projection: what is drawn, what is said of it, how far to trust it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.analyses.joint_map import JointMap, Maps
from core.analyses.joint_tsne import JointTsne
from core.analyses.joint_umap import JointUmap, LaidOut
from core.analyses.label_axes import FoundAxes, LabelAxes
from core.analyses.map_chain import ChainedMaps, MapChain
from core.analyses.map_steps import MapSteps, SteppedMaps
from core.analyses.movers import Movers
from core.analyses.umap_seeds import SeededMaps, UmapSeeds
from core.charts import scatter
from core.charts.scatter import Flat
from core.keys import Spec
from core.lab import Named
from pages.parts import axes, map_settings, notes, several, show
from pages.parts.lab import get_lab
from pages.parts.selection import Selection

_PCA_HELP = (
    "Principal component analysis of both sides' rows together. Distances along the two axes are true to scale; points that lie "
    "together here may be far apart on the axes not shown."
)
_GRAPH = "of both sides' rows together, on the exact graph of nearest neighbours in their 50 joint principal components"
_CHAIN_HELP = (
    "One UMAP a layer and side. Each layer's map is begun from the map of the layer below; from there both sides go on "
    "with small steps, each on its own exact graph of neighbours, and the tuned map is turned (never bent) onto the base's. "
    "Equal spaces give equal maps. A space that was only turned does not quite: rounding, blown up by the layout, may shift "
    "its points by up to a third of the map's size (its mean distance from the centre)."
)
_ONE_BEGINNING = (
    "All are begun from one map of the base, and go on with small steps, each on its own exact graph of neighbours; each map is "
    "turned (never bent) onto the base's. Equal spaces give equal maps"
)
_STEPS_HELP = (
    "One UMAP of the base and one for each step of the run that was kept. "
    f"{_ONE_BEGINNING}, however many steps lie between."
)
_TUNINGS_HELP = (
    f"One UMAP of the base and one for each tuning. {_ONE_BEGINNING}. Circle points to find them in every tuning."
)
MOST_BESIDE = 2
"""Further tunings beside the sidebar's: four panels in all."""


@dataclass(frozen=True, kw_only=True)
class Laid:
    """A layer laid flat, ready to be drawn."""

    spec: Spec
    flat: Flat
    said: str
    """What there is to know before one looks."""
    help: str
    name: str
    alt_text: str
    note: str
    limits: tuple[float, float, float, float] | None = None
    faint: Any = None
    """Points not to be trusted, bool [n]."""
    highlight: Any = None
    """Points that keep their colour, bool [n]; the others turn grey."""
    colour: str = ""
    """The column that colours the points, where it is not the one chosen."""
    below: Callable[[], None] | None = None
    """What is drawn below."""
    near: Movers | None = None
    """Holds the true neighbours of these points, in the same order."""
    near_layers: tuple[int, ...] = ()
    """Layers of the base whose neighbours the panels show, two panels a layer."""


def as_pca(chosen: Selection, spec: JointMap, beside: int | None = None) -> Laid | None:
    """Two principal components of both sides together, above those of another layer; None while there are none."""
    maps: Maps | None
    (maps,) = show.results([spec], what="the map")
    if maps is None:
        return None
    layer = chosen.layer
    flat, share = scatter.of_pca(maps, layer), maps.explained[layer].sum()
    said = f"**Layer {layer}** · two axes show {share:.0%} of the joint variance; the rest is folded away."
    if beside is not None:
        flat = scatter.above(flat, scatter.of_pca(maps, beside), names=(f"layer {layer}", f"layer {beside}"))
        said += f" Below it layer {beside} ({maps.explained[beside].sum():.0%}), drawn to the same size."
    return Laid(
        spec=spec,
        flat=flat,
        said=said,
        help=_PCA_HELP,
        name="map",
        alt_text=f"Joint PCA of layer {layer}",
        note=f"joint PCA, {len(maps.points):,} {chosen.embedded}s a side, seed {spec.seed}",
        near=chosen.movers_on(spec),
        near_layers=_layers(layer, beside),
    )


def as_umap(chosen: Selection, spec: JointUmap) -> Laid | None:
    """Both sides' rows on one UMAP; None while there is none."""
    maps: LaidOut | None
    (maps,) = show.results([spec], what=f"the UMAP of layer {chosen.layer}")
    if maps is None:
        return None
    return Laid(
        spec=spec,
        flat=scatter.of_layout(maps, "UMAP"),
        said=f"**Layer {chosen.layer}** · {notes.trust(maps.base_trust, maps.tuned_trust)}",
        help=f"UMAP (McInnes et al. 2018) {_GRAPH}, begun from the PCA. {notes.TRUST}",
        name="umap",
        alt_text=f"Joint UMAP of layer {chosen.layer}",
        note=notes.umap(maps, spec, chosen),
        near=chosen.movers_on(spec),
        near_layers=(chosen.layer,),
    )


def as_seeds(chosen: Selection, spec: UmapSeeds) -> Laid | None:
    """The same UMAP under two seeds; None while there is none."""
    maps: SeededMaps | None
    (maps,) = show.results([spec], what=f"the UMAP of layer {chosen.layer} under {spec.n_seeds} seeds")
    if maps is None:
        return None
    faint, kept = scatter.unsettled(maps), maps.kept.mean(axis=1)
    hollow = f" {int(faint.sum()):,} points, drawn hollow, keep less than half." if faint.any() else ""
    return Laid(
        spec=spec,
        flat=scatter.of_seeds(maps),
        said=f"**Layer {chosen.layer}** · under another seed a point keeps {kept[0]:.0%} of its {maps.n_kept} neighbours on the "
        f"map in base, {kept[1]:.0%} in tuned.{hollow}",
        help=f"The same rows on the same graph, laid out under {spec.n_seeds} seeds, each map turned (never bent) onto the first; "
        "below it the second. Where clumps lie against each other is mostly the seed's doing; who is in them should not be. "
        f"{notes.TRUST}",
        name="umap-seeds",
        alt_text=f"Joint UMAP of layer {chosen.layer} under two seeds",
        note=notes.umap_seeds(maps, spec, chosen),
        faint=faint if faint.any() else None,
        near=chosen.movers_on(spec),
        near_layers=(chosen.layer, chosen.layer),
    )


def as_tsne(chosen: Selection, spec: JointTsne) -> Laid | None:
    """Both sides' rows on one t-SNE; None while there is none."""
    maps: LaidOut | None
    (maps,) = show.results([spec], what=f"the t-SNE of layer {chosen.layer}")
    if maps is None:
        return None
    return Laid(
        spec=spec,
        flat=scatter.of_layout(maps, "t-SNE"),
        said=f"**Layer {chosen.layer}** · {notes.trust(maps.base_trust, maps.tuned_trust)}",
        help=f"t-SNE (van der Maaten & Hinton 2008) {_GRAPH}, begun from the PCA, so that no seed decides its shape. Sizes of "
        f"clumps and gaps between them mean little. {notes.TRUST}",
        name="tsne",
        alt_text=f"Joint t-SNE of layer {chosen.layer}",
        note=notes.tsne(maps, spec, chosen),
        near=chosen.movers_on(spec),
        near_layers=(chosen.layer,),
    )


def as_chain(chosen: Selection, spec: MapChain, beside: int | None = None) -> Laid | None:
    """A layer of a chain of UMAPs, above another of it; None while there is none."""
    maps: ChainedMaps | None
    (maps,) = show.results([spec], what="maps of all layers")
    if maps is None:
        return None
    layer = chosen.layer
    flat, trust = scatter.of_chain(maps, layer), maps.trust[:, layer]
    layers = _layers(layer, beside)
    faint = scatter.doubtful(maps.point_trust[:, list(layers)].reshape(-1, len(maps.points)))
    if beside is not None:
        flat = scatter.above(flat, scatter.of_chain(maps, beside), names=(f"layer {layer}", f"layer {beside}"))
    return Laid(
        spec=spec,
        flat=flat,
        said=f"**Layer {layer}** of {len(maps.base) - 1}: walk through them with the layer in the sidebar. "
        f"{notes.trust(*trust)} Layouts of their own, laid on each other: small shifts say nothing.{_pale(faint)}",
        help=f"{_CHAIN_HELP} {notes.TRUST}",
        name="chain",
        alt_text=f"UMAP of layer {layer}, of a chain",
        note=notes.chain(maps, spec, chosen),
        limits=scatter.limits_of(maps),
        faint=faint if faint.any() else None,
        near=chosen.movers_on(spec),
        near_layers=layers,
    )


def over_training(chosen: Selection, settings: dict[str, Any]) -> Laid | None:
    """The base beside the step of its tuning that the sidebar stands at; None while there is none."""
    kept = chosen.steps_kept
    names = list(kept)
    if not names:
        st.info(
            f"**{show.escaped(chosen.tuned.name if chosen.tuned else '')}** has no steps to walk through: only its end was kept. "
            "Tune on the page Lab with “Steps to keep” above 0, and choose that run.",
            icon=":material/info:",
        )
        return None
    spec = chosen.map_steps(settings)
    maps: SteppedMaps | None
    (maps,) = show.results([spec], what=f"maps of layer {chosen.layer} over training")
    if maps is None:
        return None
    assert chosen.tuned is not None
    at = list(kept.values()).index(chosen.tuned.ref)
    faint = scatter.doubtful(maps.point_trust[[0, 1 + at]])
    return Laid(
        spec=spec,
        flat=scatter.of_steps(maps, at, f"after {names[at]} steps"),
        said=f"**Layer {chosen.layer}, base beside {names[at]} steps of {chosen.tuning}** · trustworthiness "
        f"{maps.trust[0]:.2f} and {maps.trust[1 + at]:.2f} of 1; small shifts say nothing.{_pale(faint)}",
        help=f"{_STEPS_HELP} {notes.TRUST}",
        name="steps",
        alt_text=f"UMAP of layer {chosen.layer} after {names[at]} steps, beside the base",
        note=notes.steps(maps, spec, {"base": 0, "tuned": 1 + at}, chosen),
        limits=scatter.limits_of(maps),
        faint=faint if faint.any() else None,
    )


def over_tunings(chosen: Selection, settings: dict[str, Any], others: Sequence[Named]) -> Laid | None:
    """The base beside the tuned checkpoint and others; None while there is none."""
    assert chosen.tuned is not None
    named = several.by_short_name([chosen.tuned, *others])
    spec = chosen.map_tunings(settings, list(named.values()))
    maps: SteppedMaps | None
    (maps,) = show.results([spec], what=f"maps of layer {chosen.layer} of {len(named)} tunings")
    if maps is None:
        return None
    faint = scatter.doubtful(maps.point_trust)
    trust = ", ".join(f"{value:.2f}" for value in maps.trust)
    return Laid(
        spec=spec,
        flat=scatter.of_tunings(maps, list(named)),
        said=f"**Layer {chosen.layer}, base beside {len(named)} tunings** · trustworthiness {trust} of 1; small shifts say "
        f"nothing.{_pale(faint)}",
        help=f"{_TUNINGS_HELP} {notes.TRUST}",
        name="tunings",
        alt_text=f"UMAP of layer {chosen.layer} of {', '.join(named)}, beside the base",
        note=notes.steps(maps, spec, {name: at for at, name in enumerate(("base", *named))}, chosen),
        limits=scatter.limits_of(maps),
        faint=faint if faint.any() else None,
    )


def on_axes(chosen: Selection, colour: str, spec: LabelAxes) -> Laid | None:
    """Held-out rows on axes of a label or of words; None while there are none."""
    found: FoundAxes | None
    (found,) = show.results([spec], what="the axes")
    if found is None:
        return None
    layer = chosen.layer
    if found.base_score[layer] is None:
        axes.none_here(layer)
        return None
    return Laid(
        spec=spec,
        flat=scatter.of_axes(found, layer, axes.unit_of(found)),
        said=axes.said(found, spec, layer),
        help=axes.HELP,
        name="axes",
        alt_text=f"Rows held out of layer {layer} on axes fitted on {spec.fitted_on}",
        note=notes.label_axes(found, spec, chosen),
        highlight=found.value >= 0 if found.is_concept else None,
        colour=scatter.AXIS if spec.words_first else "",
        below=lambda: axes.curve(chosen, found, spec),
    )


def _pca(chosen: Selection, colour: str, place: Any) -> Laid | None:
    _link_names_a_layer(chosen)
    with _settings(place):
        spec, beside = map_settings.of_pca(chosen.map), map_settings.other_layer(chosen.layer, chosen.n_layers)
    return as_pca(chosen, spec, beside)


def _umap(chosen: Selection, colour: str, place: Any) -> Laid | None:
    with _settings(place):
        has_seeds = map_settings.another_seed()
        asked = map_settings.of_layout("umap", JointUmap)
    return as_seeds(chosen, chosen.umap_seeds(asked)) if has_seeds else as_umap(chosen, chosen.umap(asked))


def _tsne(chosen: Selection, colour: str, place: Any) -> Laid | None:
    with _settings(place):
        asked = map_settings.of_layout("tsne", JointTsne)
    return as_tsne(chosen, chosen.tsne(asked))


def _chain(chosen: Selection, colour: str, place: Any) -> Laid | None:
    _link_names_a_layer(chosen)
    with _settings(place):
        beside = map_settings.other_layer(chosen.layer, chosen.n_layers)
        asked = map_settings.of_layout("chain", MapChain)
    return as_chain(chosen, chosen.map_chain(asked), beside)


def _steps(chosen: Selection, colour: str, place: Any) -> Laid | None:
    with _settings(place):
        asked = map_settings.of_layout("steps", MapSteps)
    return over_training(chosen, asked)


def _tunings(chosen: Selection, colour: str, place: Any) -> Laid | None:
    assert chosen.tuned is not None
    with _settings(place):
        known = {one.id: one for one in (*get_lab().tunings(), *get_lab().checkpoints())}
        options = [one for one in known.values() if one.id not in (chosen.base.id, chosen.tuned.id)]
        others = several.picked(
            options, "Further tunings", "map_tunings", most=MOST_BESIDE, about="Beside the tuned side of the sidebar."
        )
        asked = map_settings.of_layout("tunings", MapSteps)
    if not others:
        st.info(
            "Choose further tunings in the settings: here stand the base and the tuned side alone.",
            icon=":material/info:",
        )
    return over_tunings(chosen, asked, list(others.values()))


def _axes(chosen: Selection, colour: str, place: Any) -> Laid | None:
    with _settings(place):
        labels = get_lab().labels_of(chosen.data.ref)
        is_label = colour in (*labels["sentence"], *(labels["word"] if chosen.embedded == "word" else ()))
        made_of = axes.asked(chosen, colour if is_label else "text")
    wanted = axes.spec_of(chosen, made_of)
    return wanted and on_axes(chosen, colour, wanted)


_BY = {"pca": _pca, "umap": _umap, "tsne": _tsne, "chain": _chain, "steps": _steps, "tunings": _tunings, "axes": _axes}
SHARE_AXES = {"pca", "umap", "tsne", "axes"}
"""Projections that lay both sides' vectors into one space: they need vectors of one width."""


def by(method: str, chosen: Selection, colour: str, place: Any) -> Laid | None:
    """The chosen layer laid flat.

    Args:
        method: a key of map_settings.PROJECTIONS.
        chosen: what is compared.
        colour: the label that colours the points.
        place: where the projection's settings go.
    Returns:
        None, with what is missing or the way to it said, where there is no such map.
    """
    return _BY[method](chosen, colour, place)


def _link_names_a_layer(chosen: Selection) -> None:
    """Say so where it does not, before the settings: what is said inside them is not seen while they are closed."""
    others = [str(layer) for layer in range(chosen.n_layers) if layer != chosen.layer]
    show.link_holds("layer_beside", others, "Another layer")


def _settings(place: Any) -> Any:
    with place:
        return st.popover("Settings", icon=":material/tune:")


def _layers(layer: int, beside: int | None) -> tuple[int, ...]:
    return (layer,) if beside is None else (layer, beside)


def _pale(faint: Any) -> str:
    return f" {int(faint.sum()):,} points, drawn hollow, stand no better than chance." if faint.any() else ""
