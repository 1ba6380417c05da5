"""Making a claim: its parts, chosen from what the sidebar compares, and what follows from them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from core.analyses.claim import ALL, MEAN, SOME, Claim
from core.analyses.neuron_depth import NeuronDepth
from core.analyses.quantities import Quantity, quantity_of
from core.analyses.ready_claims import Compared, foretold, small_run
from core.analyses.spatial_change import SpatialChange
from core.charts import claim_words, similarity
from core.errors import TunescopeError
from core.keys import Spec
from core.lab import Named
from core.refs import Sample, Suite
from pages.parts import picker, show
from pages.parts.lab import get_lab
from pages.parts.selection import Selection, distinct_names, without_seed

NOTHING, LAYERS, TUNING, TEXT = "nothing", "other layers", "another tuning", "another text"
AGAINST = {
    NOTHING: "with no change at all",
    LAYERS: "with other layers",
    TUNING: "with another tuned checkpoint",
    TEXT: "with another text",
}
OVERS = {MEAN: "on their mean", ALL: "at every one of them", SOME: "at one of them at least"}
_HARBOUR = Suite(part="harbour")
"""The built-in text of another domain."""


def compared(chosen: Selection) -> Compared:
    """What claims after the papers can be made about: words and sentences of the chosen text, whatever the sidebar reads."""
    lab = get_lab()
    labels = lab.labels_of(chosen.data.ref)
    words = [name for name in ("upos", *labels["word"]) if name in labels["word"]]
    both = {unit: chosen.reading(unit, "").sides for unit in ("word", "sentence")}
    elsewhere = None
    if isinstance(chosen.data.ref, Suite) and chosen.data.ref.part != _HARBOUR.part:
        elsewhere = Sample(of=_HARBOUR.replace(split=chosen.data.ref.split), n=chosen.sample.n)
    return Compared(
        words=both["word"],
        sentences=both["sentence"],
        word_label=words[0] if words else "",
        sentence_labels=labels["sentence"],
        elsewhere=elsewhere,
    )


def measurable(chosen: Selection) -> dict[str, Callable[[Selection], Spec]]:
    """What can be measured of this comparison, by name on screen: how it is asked of a view."""
    found: list[Callable[[Selection], Spec]] = [lambda view: view.similarity, lambda view: view.crowding]
    if chosen.label:
        found += [lambda view: view.probe_change, lambda view: view.codelength_change]
        if chosen.unit in ("word", "sentence"):
            found += [lambda view: view.hull_change, lambda view: view.places, _halves]
        if chosen.unit in ("word", "span", "sentence"):
            found.append(_depth)
    if chosen.number:
        found.append(lambda view: view.ridge_change)
    found += [lambda view: view.isotropy]
    if "upos" in get_lab().labels_of(chosen.data.ref)["word"]:
        found.append(lambda view: view.structural_change)
    if _prediction(chosen) is not None:
        found.append(_prediction)  # type: ignore[arg-type]  # it was there a moment ago
    named: dict[str, Callable[[Selection], Spec]] = {}
    for ask in found:
        try:
            named[quantity_of(ask(chosen)).name] = ask
        except TunescopeError:
            continue  # not of this pair, as a tree of sentences: it is not offered
    return named


def _halves(view: Selection) -> Spec:
    base, tuned = view.spatial_halves()
    return SpatialChange(base=base, tuned=tuned)


def _depth(view: Selection) -> Spec:
    base, tuned = view.neurons()
    return NeuronDepth(base=base, tuned=tuned)


def _prediction(view: Selection) -> Spec | None:
    sides = view.reading("sentence", "").sides
    run = small_run(sides)
    if run is None or run.label not in get_lab().labels_of(view.data.ref)["sentence"]:
        return None
    return foretold(sides, run)


def composed(chosen: Selection) -> tuple[Claim, str] | None:
    """The claim that the widgets make, with its sentence; None while a part is missing, with a word on which."""
    asks = measurable(chosen)
    first, second, third = st.columns([1.25, 0.75, 1])
    name = first.selectbox(
        "What is measured", list(asks), key="claim_what", persist_state="session",
        help="Labels and numbers are those that the sidebar reads; text and layers can be chosen here.",
    )  # fmt: skip
    ask = asks[name]
    if ask(chosen).kind == "similarity":
        measure = second.selectbox(
            "Measure", list(similarity.NAMES), format_func=similarity.NAMES.__getitem__, key="claim_measure",
            persist_state="session",
        )  # fmt: skip
        ask = lambda view: view.similarity_by(measure)  # noqa: E731  # a field of one name for the rest
    quantity = quantity_of(ask(chosen))
    against = (third if ask(chosen).kind == "similarity" else second).selectbox(
        "Compared", list(_comparable(chosen, quantity)), format_func=AGAINST.__getitem__, key="claim_against",
        persist_state="session",
    )  # fmt: skip
    layers, over = _layers(chosen, quantity, "Layers", "claim_layers", with_over=against == NOTHING)
    other = _other(chosen, quantity, against, ask, layers)
    if other is None or (quantity.has_layers and not layers):
        st.info("Choose layers on both sides, and what to compare with.", icon=":material/info:")
        return None
    there, there_layers, sides = other
    way, least, n_claims = _size(quantity, against)
    mine = _seeds(chosen, ask)
    claim = Claim(
        of=mine, against=mine if against == LAYERS else there, layers=layers, against_layers=there_layers, over=over,
        way=way, least=least, n_claims=n_claims,
    )  # fmt: skip
    return claim, claim_words.said(claim, sides)


def _comparable(chosen: Selection, quantity: Quantity) -> list[str]:
    if not quantity.is_after_tuning:
        return [NOTHING]
    found = [NOTHING]
    if quantity.has_layers and chosen.n_layers > 1:
        found.append(LAYERS)
    if _others(chosen):
        found.append(TUNING)
    if len(get_lab().datasets()) > 1:
        found.append(TEXT)
    return found


def _others(chosen: Selection) -> list[Named]:
    """Further tuned checkpoints."""
    assert chosen.tuned is not None
    lab = get_lab()
    return [one for one in lab.tunings() if one.id not in (chosen.tuned.id, chosen.base.id)]


def _layers(
    chosen: Selection, quantity: Quantity, label: str, key: str, *, with_over: bool
) -> tuple[tuple[int, ...], Any]:
    if not quantity.has_layers:
        return (), MEAN
    left, right = st.columns([1.25, 1])
    # Beside the layer of the cursor stand, at first, others than it.
    first = chosen.layer if key == "claim_layers" else 1 if chosen.layer != 1 else 0
    layers = left.multiselect(label, list(range(chosen.n_layers)), default=[first], key=key, persist_state="session")
    over: Any = MEAN
    if with_over and len(layers) > 1:
        over = right.selectbox(
            "It holds", list(OVERS), format_func=OVERS.__getitem__, key="claim_over", persist_state="session"
        )
    return tuple(sorted(layers)), over


def _other(
    chosen: Selection, quantity: Quantity, against: str, ask: Callable[[Selection], Spec], layers: tuple[int, ...]
) -> tuple[tuple[Any, ...], tuple[int, ...], tuple[str, str]] | None:
    """What is compared with: measurements, layers, and what both sides are called; None where it is not chosen yet."""
    assert chosen.tuned is not None
    if against == NOTHING:
        return (), (), ("", "")
    if against == LAYERS:
        there, _ = _layers(chosen, quantity, "Other layers", "claim_against_layers", with_over=False)
        return ((), there, ("", "")) if there else None
    if against == TUNING:
        options = {one.id: one for one in _others(chosen)}
        names = distinct_names(list(options.values()))
        picked = st.selectbox(
            "Other tuned checkpoint", list(options), format_func=names.__getitem__, key="claim_tuning", persist_state="session"
        )  # fmt: skip
        view = chosen.with_tuned(options[picked])
        return (ask(view),), layers, (chosen.tuned.name, options[picked].name)
    texts = {one.id: one for one in get_lab().datasets() if one.ref != chosen.data.ref}
    picked = st.selectbox(
        "Other text", list(texts), format_func=lambda one: texts[one].name, key="claim_text", persist_state="session"
    )
    text = texts[picked]
    if not _reads(text, chosen):
        st.info(f"“{show.escaped(text.name)}” has no such label. Choose another.", icon=":material/info:")
        return None
    n = chosen.sample.n or get_lab().size_of(chosen.data.ref)
    view = chosen.on_text(text, get_lab().size_of(text.ref))
    view = replace(view, sample=view.sample.replace(n=n if n < get_lab().size_of(text.ref) else 0))
    return (ask(view),), layers, (chosen.data.name, text.name)


def _reads(text: Named, chosen: Selection) -> bool:
    """Whether a text has what the sidebar reads."""
    if chosen.number:
        return any(chosen.number in names for names in get_lab().numbers_of(text.ref).values())
    return picker.has_label(text, chosen) if chosen.label else True


def _size(quantity: Quantity, against: str) -> tuple[Any, float, int]:
    """Direction, smallest effect that matters in the analysis' own unit, and claims judged together."""
    left, right, last = st.columns([1.25, 0.75, 1])
    alone = dict(zip(("more", "less", "same"), quantity.alone, strict=True)) if against == NOTHING else {}
    words = {
        "more": alone.get("more") or quantity.more,
        "less": alone.get("less") or quantity.less,
        "same": alone.get("same") or quantity.same,
    }
    ways = [way for way in words if not (way == "less" and quantity.is_never_less and against == NOTHING)]
    way = left.segmented_control(
        "It",
        ways,
        format_func=words.__getitem__,
        default="more",
        key="claim_way",
        required=True,
        persist_state="session",
    )
    usual = quantity.least * quantity.scale
    # What is a size by itself is above 0 in any case, and "the same" needs a size to be within.
    needs_size = way == "same" or (quantity.is_never_less and against == NOTHING)
    least = right.number_input(
        f"Smallest effect that matters{f' ({quantity.unit.strip()})' if quantity.unit else ''}",
        min_value=usual / 100 if needs_size else 0.0, max_value=min(1000.0, 0.99 * quantity.most * quantity.scale),
        value=float(f"{usual:.4g}"), step=float(f"{usual / 2:.4g}"), format="%.4g",
        key=f"claim_least-{quantity.name}-{needs_size}", persist_state="session",
        help="An effect smaller than this would not matter to you, even if it were real. 0: any at all.",
    )  # fmt: skip
    n_claims = last.number_input(
        "Claims judged together", 1, 100, 1, key="claim_together", persist_state="session",
        help="If you make several claims of the same sentences, say how many: each interval becomes wider, so that all verdicts "
        "hold at once (Bonferroni).",
    )  # fmt: skip
    return way or "more", float(least) / quantity.scale, int(n_claims)


def _seeds(chosen: Selection, ask: Callable[[Selection], Spec]) -> tuple[Any, ...]:
    """The measurement, and of every other seed of the same tuning where that is asked for."""
    assert chosen.tuned is not None
    asked = without_seed(chosen.tuned.ref)
    twins = [
        one for one in get_lab().tunings() if asked and one.ref != chosen.tuned.ref and without_seed(one.ref) == asked
    ]
    views = [chosen, *(chosen.with_tuned(one) for one in twins)]
    if twins and st.checkbox(f"Over all {len(views)} seeds of this tuning", value=True, key="claim_seeds"):
        return tuple(ask(view) for view in views)
    return (ask(chosen),)
