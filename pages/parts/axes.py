"""Axes of a label or of words on the page Maps: what they are made of, what they show, and how well they part rows held out."""

from typing import Any

import streamlit as st

from core.analyses.label_axes import LEAST, MOST_VALUES, FoundAxes, LabelAxes
from core.charts import label_axes as drawn
from core.charts.scatter import shortened
from pages.parts import figures, notes, show
from pages.parts.lab import get_lab
from pages.parts.selection import Selection, label_said

KINDS = {"label": "Values of the label", "values": "Two values", "words": "Two lists of words"}
DIRECTIONS = {"means": "Means", "probe": "A linear probe"}
_DIRECTION_HELP = (
    "**Means**: the axis leads from one mean to the other; of a label, linear discriminants (LDA). **A linear probe**: the axes "
    "are those by which a probe answers, of a label the principal components of its logits. A probe was made to answer rightly "
    "and may lean on directions in which the groups hardly differ: hold what it parts beside what the means part."
)
HELP = (
    "Sentences are dealt into two halves. Axes are **fitted on one half** of one side; **only the other half is drawn**, both "
    "sides on the same axes. A picture of the rows that axes were fitted on would part anything: with more dimensions than rows "
    "some direction always does. Between two values or lists the axis is the difference of their means; for a label, linear "
    "discriminants with a scatter shrunk as Ledoit & Wolf (2004); or, where that is chosen, what a linear probe reads by. What "
    "varies most beside a single axis is the second."
)
_CURVE_HELP = (
    "Of a pair, one row of either end, that of the second end should lie further right: the share of such pairs (AUC) is 50 % by "
    "chance. Of a label, a row is right where the mean of its own value is nearest on the axes; means are of the fitted half of "
    "the same side. So a common shift of a side costs nothing. **Control**: the same for values that mean nothing. Words recur in "
    "both halves, so what it has above chance is memory of words."
)

_TURNED_HELP = (
    " **Cosine** of the axis fitted on base and that fitted on tuned, same rows: 1 = it did not turn; of two discriminants, of "
    "their planes. Few rows alone turn an axis: beside it stands what two halves of the sentences give on one side. Only a cosine "
    f"well below that says that tuning turned it. Each end needs {LEAST} rows in either half; of a label the {MOST_VALUES} "
    "commonest values are parted."
)


def unit_of(found: FoundAxes) -> str:
    """Unit of both axes, in words."""
    return "units of the vectors" if found.is_concept else "sd within a value"


def asked(chosen: Selection, colour: str) -> dict[str, Any]:
    """What the axes are made of, from widgets; colour: the label that colours the points, "text" = there is none."""
    kinds = [kind for kind in KINDS if (chosen.embedded == "word" if kind == "words" else colour != "text")]
    if not kinds:
        return {}
    kind = st.segmented_control(
        "Axes from",
        kinds,
        default=kinds[0],
        format_func=KINDS.__getitem__,
        key="axes_from",
        bind="query-params",
        required=True,
    )
    side = st.segmented_control(
        "Fitted on",
        ["base", "tuned"],
        default="base",
        key="axes_on",
        bind="query-params",
        required=True,
        help="Both sides are drawn on the axes of this one.",
    )
    direction = st.segmented_control(
        "Found by",
        list(DIRECTIONS),
        default="means",
        format_func=DIRECTIONS.__getitem__,
        key="axes_by",
        bind="query-params",
        required=True,
        help=_DIRECTION_HELP,
    )
    found: dict[str, Any] = {"fitted_on": side, "direction": direction}
    if kind == "words":
        return found | _words()
    if kind == "values":
        return found | {"label": colour} | _values(chosen, colour)
    return found | {"label": colour}


def _values(chosen: Selection, label: str) -> dict[str, Any]:
    """The two ends of an axis, among the values of a label, commonest first."""
    counted = next(one for one in get_lab().counts_of(chosen.data.ref).labels if one.name == label)
    values = [value for value in counted.labels if value]
    ends = {}
    for place, (end, title) in enumerate({"first": "From", "second": "To"}.items()):
        ends[end] = st.selectbox(
            title,
            values,
            index=min(place, len(values) - 1),
            key=f"axes_{end}_{label}",
            bind="query-params",
            help=f"{label_said(label)}, commonest first.",
        )
    return ends


def _words() -> dict[str, Any]:
    """Two lists of words; sent together."""
    with st.form("axes-words", border=False):
        ends = {
            end: st.text_input(title, key=f"axes_{end}", persist_state="session", placeholder=hint)
            for end, title, hint in (
                ("words_first", "From words", "bad, boring, weak"),
                ("words_second", "To words", "good, fine, strong"),
            )
        }
        st.form_submit_button("Use these")
    return {
        end: tuple(sorted({word.strip().lower() for word in text.split(",") if word.strip()}))
        for end, text in ends.items()
    }


def spec_of(chosen: Selection, made_of: dict[str, Any]) -> LabelAxes | None:
    """The spec of what was asked for; None, with a message, where it makes no axis in this text."""
    if reason := _missing(chosen, made_of):
        st.info(reason, icon=":material/info:")
        return None
    if "words_first" in made_of:
        absent = get_lab().absent_words(chosen.sample, made_of["words_first"] + made_of["words_second"])
        if absent:
            st.caption(f"Not in the text: {show.escaped(', '.join(absent))}.")
        made_of = {
            name: tuple(word for word in held if word not in absent) if name.startswith("words_") else held
            for name, held in made_of.items()
        }
    return chosen.label_axes(made_of)


def _missing(chosen: Selection, made_of: dict[str, Any]) -> str:
    """Why there is no axis; empty where there is one."""
    if not made_of:
        return "These sentences have no label to make axes of. Choose another text, or embed words."
    if "words_first" not in made_of:
        is_one = "first" in made_of and made_of["first"] == made_of["second"]
        return "An axis needs two different values: choose another one in the settings." if is_one else ""
    lists = made_of["words_first"], made_of["words_second"]
    if not all(lists):
        return "An axis needs words at both ends: write two lists in the settings, with commas between the words."
    if twice := sorted(set(lists[0]) & set(lists[1])):
        return f"At both ends of the axis: {show.escaped(', '.join(twice))}. Leave them out of one."
    for words in lists:
        if len(get_lab().absent_words(chosen.sample, words)) == len(words):
            return (
                f"None of these words is in the text: {show.escaped(', '.join(words))}. Choose others in the settings."
            )
    return ""


def said(found: FoundAxes, spec: LabelAxes, layer: int) -> str:
    """What the axes show at a layer."""
    base, tuned, change = found.base_score[layer], found.tuned_score[layer], found.difference[layer]
    assert base is not None
    assert tuned is not None
    assert change is not None
    control = drawn.control_means(found)[:, layer]
    beside = f"control {control[0]:.0%} and {control[1]:.0%}, " if (control == control).all() else ""
    inside = " (inside the noise)" if change.low <= 0 <= change.high else ""
    if found.is_concept:
        ends = (show.escaped(shortened(value)) for value in found.values)
        name, what = f"axis from {' to '.join(ends)}", "pairs are in order"
    else:
        label = label_said(spec.label)
        name, what = (
            f"axes that part {len(found.values)} values of {label}",
            "rows lie nearest to the mean of their own value",
        )
    probe = "of a linear probe " if spec.direction == "probe" else ""
    return (
        f"**Layer {layer}** · {name}, {probe}fitted on {spec.fitted_on}: {base.value:.0%} of held-out {what} in base, "
        f"{tuned.value:.0%} in tuned{inside}; {beside}{'chance' if found.is_concept else 'commonest value'} {found.chance:.0%}."
    )


def none_here(layer: int) -> None:
    """Said where a layer has no axes."""
    st.info(
        f"Layer {layer} has no such axes: its rows do not differ there. Choose another layer.", icon=":material/info:"
    )


def curve(chosen: Selection, found: FoundAxes, spec: LabelAxes) -> None:
    """How well the axes part rows held out, layer by layer, and how far they turned."""
    layer = chosen.layer
    turned = (
        f" Axes of base and tuned at layer {layer}: cosine **{found.cosine[layer]:.2f}**; of {spec.fitted_on} from other sentences "
        f"{found.halves_cosine[layer]:.2f}."
        if found.base_score[layer] is not None
        else ""
    )
    st.markdown(f"**How well do they part rows held out?**{turned}", help=_CURVE_HELP + _TURNED_HELP)
    figures.figure(
        drawn.parted_curve(found, show.look(), layer),
        drawn.parted_table(found),
        name="axes-by-layer",
        alt_text="How well the axes part held-out rows, base and tuned, by layer, with the control",
        specs=[spec],
        note=notes.parted(found),
    )
