"""Training as it unfolds: layers, labels and scores over the steps that a run kept."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.dynamics import ALIKE, CROWDED, EVEN, MOVED, LayersOverSteps
from core.analyses.label_dynamics import LabelsOverSteps
from core.analyses.probe import ProbeScores
from core.analyses.scoring import SHARES
from core.analyses.step_scores import ScoresOverSteps
from core.charts.look import Look, framed, moved_apart
from core.charts.scores import dull_name, written
from core.maths.label_geometry import plane_of
from core.maths.statistics import half_interval, simultaneous
from core.maths.turns import turn_of
from core.origins import traced

HEIGHT = 300
SAID = {
    ALIKE: "Linear CKA of a layer with the same layer of the base, debiased: 1 = the same space but for rotation and scale.",
    MOVED: "How far a row moved from where the base has it, on the mean, in mean row lengths of the base's layer: 0 = stayed.",
    CROWDED: "Mean cosine of rows from different sentences: 0 = spread over all directions, 1 = all in one.",
    EVEN: "IsoScore (Rudman et al. 2022): 1 = variance spread evenly over all directions, 0 = all along one.",
}
"""What each measure is."""
_PANEL = 270
"""Width and height of a panel of paths."""
_MOST_NAMES = 13
FEW_GAINERS = 3
"""Labels that gain most, and as many that gain least, are named."""


@traced
def layers_table(found: LayersOverSteps, measure: str) -> pd.DataFrame:
    """step, layer, value, low, high, error of one measure, by layer and step; a run that kept its step 0 has it once."""
    own = (
        found.measures[found.measures["measure"] == measure].drop(columns="measure").drop_duplicates(["layer", "step"])
    )
    return own.sort_values(["layer", "step"]).reset_index(drop=True)


def turns(table: pd.DataFrame) -> dict[int, int]:
    """The step at which each layer's curve bends most, over the logarithm of the step; layers without a clear bend are left out.
    Args: of layers_table."""
    found = {}
    for layer in table["layer"].unique().tolist():
        own = table[table["layer"] == layer]
        turn = turn_of(np.log2(own["step"] + 1), own["value"], own["error"])
        if turn is not None:
            found[layer] = int(own["step"].iloc[turn.at])
    return found


def layers_finding(table: pd.DataFrame, measure: str, layer: int) -> str:
    """The chosen layer from start to end, the layer that changes most, and where the chosen one turns."""
    ends = {int(one): (own["value"].iloc[0], own["value"].iloc[-1]) for one, own in table.groupby("layer")}  # type: ignore[arg-type]
    if layer not in ends:
        return f"Layer {layer} has no {measure}: all its rows are equal."
    (first, last), turned = ends[layer], turns(table).get(layer)
    most = max(ends, key=lambda one: abs(ends[one][1] - ends[one][0]))
    said = f"Layer {layer}: {first:.2f} at the start, {last:.2f} at the end."
    if most != layer:
        said += f" Most changes layer {most}: {ends[most][0]:.2f} to {ends[most][1]:.2f}."
    return said + (f" It bends most at step {turned:,}." if turned is not None else "")


@traced
def layers_chart(table: pd.DataFrame, measure: str, look: Look, layer: int, step: int) -> alt.LayerChart:
    """A line a layer over steps, the chosen one in front with its interval; ◆ where a line turns; the chosen step behind all."""
    x, y = (
        _step_axis(table["step"]),
        alt.Y("value:Q", title=measure, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
    )
    tips = [
        alt.Tooltip("layer:O"),
        alt.Tooltip("step:O"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high")),
    ]
    chosen, others = table[table["layer"] == layer], table[table["layer"] != layer]
    last = table[(table["step"] == table["step"].max()) & table["layer"].isin(_to_name(table, layer))]
    marks = pd.DataFrame([{"layer": one, "step": at} for one, at in turns(table).items()])
    front, shade = alt.Chart(chosen), alt.Color("layer:O", scale=alt.Scale(range=_shades(table, look)), legend=None)
    layers = [
        *_cursor(table["step"], look, step),
        alt.Chart(others).mark_line(strokeWidth=1.5).encode(x=x, y=y, color=shade, detail="layer:O"),
        alt.Chart(others).mark_point(filled=True, size=30, opacity=1).encode(x=x, y=y, color=shade, tooltip=tips),
        front.mark_area(opacity=0.2, color=look.tuned).encode(x=x, y=alt.Y("low:Q"), y2="high:Q"),
        front.mark_line(strokeWidth=3.5, color=look.tuned).encode(x=x, y=y),
        front.mark_point(filled=True, size=90, color=look.tuned, shape="triangle-up", opacity=1).encode(
            x=x, y=y, tooltip=tips
        ),
        _named(_apart(last.assign(said="layer " + last["layer"].astype(str)), table), look).encode(
            x=x,
            y="placed:Q",
            color=alt.condition(f"datum.layer == {layer}", alt.value(look.tuned), alt.value(look.quiet)),
        ),
    ]
    if len(marks):
        bent = alt.Chart(marks.merge(table, on=["layer", "step"])).encode(x=x, y=y)
        tip = [alt.Tooltip("layer:O"), alt.Tooltip("step:O", title="bends most at step")]
        layers.append(
            bent.mark_point(filled=True, size=150, shape="diamond", color=look.ink, opacity=1).encode(tooltip=tip)
        )
    return framed(alt.layer(*layers), look, height=HEIGHT, padding={"left": 2, "right": 70, "top": 4, "bottom": 2})


def _to_name(table: pd.DataFrame, layer: int) -> list[int]:
    """Layers whose lines are named: all, or where their names would not fit the chosen one and both ends."""
    layers = sorted(table["layer"].unique().tolist())
    return layers if len(layers) <= _MOST_NAMES else sorted({layers[0], layer, layers[-1]})


def _shades(table: pd.DataFrame, look: Look) -> list[str]:
    """From quiet for the lowest layer to ink for the top."""
    ends = [tuple(int(one[at : at + 2], 16) for at in (1, 3, 5)) for one in (look.grid, look.quiet)]
    n = table["layer"].nunique()
    mixed = [
        tuple(round(low + (high - low) * (0.35 + 0.65 * at / max(1, n - 1))) for low, high in zip(*ends, strict=True))
        for at in range(n)
    ]
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in mixed]


def _step_axis(steps: pd.Series) -> alt.X:
    """Steps as they were kept, evenly spaced: they lie on a logarithmic scale."""
    has_base = 0 in set(steps.tolist())
    return alt.X(
        "step:O",
        title=f"training step ({'0 = base; ' if has_base else ''}as kept, not to scale)",
        scale=alt.Scale(domain=sorted(set(steps.tolist()))),
        axis=alt.Axis(labelAngle=0, grid=False),
    )


def _cursor(steps: pd.Series, look: Look, step: int) -> list[alt.Chart]:
    """A band behind a step; none behind one that is not there."""
    if step not in set(steps.tolist()):
        return []
    rows = pd.DataFrame({"step": [step]})
    return [alt.Chart(rows).mark_bar(color=look.cursor, width=alt.RelativeBandSize(0.9)).encode(
        x=_step_axis(steps), y=alt.YValue(0), y2=alt.Y2Value("height")
    )]  # fmt: skip


def _apart(last: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The ends of lines with places for their names that do not overlap."""
    ends = last.sort_values("value").reset_index(drop=True)
    low, high = float(table["value"].min()), float(table["value"].max())
    return ends.assign(placed=moved_apart(ends["value"], 0.075 * (high - low), high))


def _named(ends: pd.DataFrame, look: Look) -> alt.Chart:
    return (
        alt.Chart(ends).mark_text(align="left", dx=14, fontSize=look.size - 1, fontWeight="bold").encode(text="said:N")
    )


@traced
def scores_chart(found: ScoresOverSteps, look: Look, step: int) -> alt.LayerChart:
    """What the head scores at each step, with its interval, beside always answering the same."""
    table, number = found.scores, ".0%" if found.measure in SHARES else ".2f"
    low = min(float(table["low"].min()), found.guessing)
    scale = alt.Scale(domain=[low - 0.03 if low < 0 else max(0.0, low - 0.03), 1.0], nice=False)
    x = _step_axis(table["step"])
    y = alt.Y(
        "score:Q", title=f"{found.measure} on dev examples", scale=scale, axis=alt.Axis(format=number, tickCount=5)
    )
    level = alt.Chart(pd.DataFrame({"score": [found.guessing], "said": [dull_name(found.measure)]})).encode(y=y)
    drawn = alt.Chart(table).encode(x=x)
    tip = ".1%" if found.measure in SHARES else ".3f"
    tips = [alt.Tooltip("step:O"), *(alt.Tooltip(f"{name}:Q", format=tip) for name in ("score", "low", "high"))]
    layers = [
        *_cursor(table["step"], look, step),
        level.mark_rule(color=look.quiet, strokeDash=[4, 4]),
        level.mark_text(color=look.quiet, align="right", dy=-8, x=alt.ExprRef("width")).encode(text="said:N"),
        drawn.mark_rule(color=look.tuned, opacity=0.5, strokeWidth=2).encode(
            y=alt.Y("low:Q", scale=scale), y2="high:Q"
        ),
        drawn.mark_line(color=look.tuned, strokeWidth=3).encode(y=y),
        drawn.mark_point(filled=True, size=90, color=look.tuned, shape="triangle-up", opacity=1).encode(
            y=y, tooltip=tips
        ),
    ]
    return framed(alt.layer(*layers), look, height=HEIGHT)


@traced
def labels_table(found: LabelsOverSteps, layer: int) -> pd.DataFrame:
    """step, label, value (distance to the nearest other label, in mean row lengths), n (rows), gain (from the base to the end),
    low, high (of the gain, by random halves of the sentences, 95 % for all labels together), is_noise, rank (1 = gains most)."""
    gains = []
    for at, label in enumerate(found.labels):
        gain = float(found.nearest[-1, layer, at] - found.nearest[0, layer, at])
        halves = found.half_nearest[-1, layer, :, at] - found.half_nearest[0, layer, :, at]
        known = halves[~np.isnan(halves)]
        one = half_interval(gain, known, n=found.counts[at]) if len(known) > 1 and not np.isnan(gain) else None
        one = one and simultaneous(one, n_intervals=len(found.labels))
        low, high = (one.low, one.high) if one else (float("nan"), float("nan"))
        gains.append({"label": label, "n": found.counts[at], "gain": gain, "low": low, "high": high,
                      "is_noise": one is None or one.low <= 0 <= one.high})  # fmt: skip
    of_label = pd.DataFrame(gains)
    of_label["rank"] = of_label["gain"].rank(ascending=False, method="first").astype(int)
    steps = [
        {"step": number, "label": label, "value": float(found.nearest[at, layer, one])}
        for at, number in enumerate(found.numbers)
        for one, label in enumerate(found.labels)
    ]
    return pd.DataFrame(steps).merge(of_label, on="label")


def named_labels(table: pd.DataFrame) -> list[str]:
    """The labels that gain most and least, the largest gain first. Args: of labels_table."""
    order = table.drop_duplicates("label").sort_values("rank")["label"].tolist()
    return list(dict.fromkeys([*order[:FEW_GAINERS], *order[-FEW_GAINERS:]]))


def labels_finding(table: pd.DataFrame) -> str:
    """How many labels moved apart, and which most and least."""
    each = table.drop_duplicates("label").sort_values("rank")
    sure = each[~each["is_noise"]]
    up, down = int((sure["gain"] > 0).sum()), int((sure["gain"] < 0).sum())
    named = [
        f"{row['label']} ({row['gain']:+.2f}, {int(row['n'])} rows{', inside the noise' if row['is_noise'] else ''})"
        for row in each.iloc[[0, -1]].to_dict("records")
    ]
    return (
        f"{up} labels end farther from the one nearest to them, {down} nearer, {len(each) - up - down} inside the noise. Most "
        f"gains {named[0]}, least {named[1]}."
    )


def alike_finding(found: LabelsOverSteps, layer: int) -> str:
    """Whether labels lie to each other at the end as they did at the start, in a sentence; empty where that is not defined."""
    one = found.similarity[-1][layer]
    if one is None:
        return ""
    ends = f", {_signed(one.low)} to {min(one.high, 1.0):.2f}" if np.isfinite(one.low) else ""
    return f" All pairs' distances correlate by {one.value:.2f} with those of the base (Pearson{ends})."


def _signed(value: float) -> str:
    """Two digits, no sign before a zero."""
    return f"{round(value, 2) + 0.0:.2f}"


@traced
def control_table(found: LabelsOverSteps, layer: int) -> pd.DataFrame:
    """step, value: mean distance of the control task's labels to the nearest other."""
    return pd.DataFrame({"step": found.numbers, "value": found.control[:, layer]}).drop_duplicates("step")


@traced
def labels_chart(table: pd.DataFrame, control: pd.DataFrame, look: Look, step: int) -> alt.LayerChart:
    """A line a label over steps; those that gain most (solid) and least (dashed) have colours and names, all others are grey; × is
    the mean of the control task's labels. Args: of labels_table, of control_table."""
    named = named_labels(table)
    hues = dict(zip(named, look.labels, strict=False))
    x = _step_axis(table["step"])
    y = alt.Y("value:Q", title="distance to the nearest other label", axis=alt.Axis(tickCount=5))
    tips = [
        alt.Tooltip("label:N"),
        alt.Tooltip("step:O"),
        alt.Tooltip("value:Q", format=".3f"),
        alt.Tooltip("n:Q", title="rows", format=","),
        *(
            alt.Tooltip(f"{name}:Q", format="+.3f", title=said)
            for name, said in (("gain", "gain in all"), ("low", "low"), ("high", "high"))
        ),
        alt.Tooltip("is_noise:N", title="inside the noise"),
    ]
    is_named = table["label"].isin(named)
    shown = table[is_named]
    colour = alt.Color("label:N", scale=alt.Scale(domain=named, range=[hues[one] for one in named]), legend=None)
    least = alt.condition(
        alt.FieldOneOfPredicate(field="label", oneOf=named[FEW_GAINERS:]), alt.value([6, 3]), alt.value([1, 0])
    )
    last = shown[shown["step"] == table["step"].max()]
    layers = [
        *_cursor(table["step"], look, step),
        *_grey(table[~is_named], look, x, y, tips),
        alt.Chart(control).mark_line(color=look.quiet, strokeDash=[2, 3], strokeWidth=2).encode(x=x, y=y),
        alt.Chart(control)
        .mark_point(filled=True, size=60, color=look.quiet, shape="cross", angle=45, opacity=1)
        .encode(x=x, y=y, tooltip=[alt.Tooltip("step:O"), alt.Tooltip("value:Q", title="control task", format=".3f")]),
        alt.Chart(shown).mark_line(strokeWidth=3).encode(x=x, y=y, color=colour, strokeDash=least),
        alt.Chart(shown).mark_point(filled=True, size=60, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips),
        _named(_apart(last.assign(said=last["label"]), table), look).encode(x=x, y="placed:Q", color=colour),
    ]
    return framed(alt.layer(*layers), look, height=HEIGHT, padding={"left": 2, "right": 70, "top": 4, "bottom": 2})


def _grey(table: pd.DataFrame, look: Look, x: alt.X, y: alt.Y, tips: list[alt.Tooltip]) -> list[alt.Chart]:
    """Lines of the labels that are not named, if there are any."""
    if table.empty:
        return []
    lines = alt.Chart(table).mark_line(strokeWidth=1.2, color=look.quiet, opacity=0.5)
    return [lines.encode(x=x, y=y, detail="label:N", tooltip=tips)]


@traced
def paths_table(found: LabelsOverSteps, layers: Sequence[int], labels: Sequence[str]) -> pd.DataFrame:
    """layer, step, label, x, y (in the plane that holds most of these labels' centres at all steps), moved (how far from the
    start, in all directions), error (standard error, in all directions together), share (of the plane), n (rows)."""
    chosen = [found.labels.index(label) for label in labels]
    rows = []
    for layer in layers:
        centres = found.centres[layer][:, chosen].astype(np.float64)
        flat = centres.reshape(-1, centres.shape[-1])
        middle = flat.mean(axis=0)
        drawn, share = plane_of(flat - middle)
        moved = np.linalg.norm(centres - centres[:1], axis=-1)
        for place, (xx, yy) in enumerate(drawn):
            at, one = divmod(place, len(chosen))
            rows.append({
                "layer": layer, "step": found.numbers[at], "order": at, "label": labels[one], "x": float(xx), "y": float(yy),
                "error": float(found.centre_errors[layer, at, chosen[one]]), "share": share,
                "n": found.counts[chosen[one]], "moved": float(moved[at, one]),
            })  # fmt: skip
    return pd.DataFrame(rows)


def closest_labels(found: LabelsOverSteps, n: int = 3) -> list[str]:
    """The labels that lie nearest to each other at the start of the top layer, as the paper chooses them: by their centres."""
    centres = found.centres[-1, 0].astype(np.float64)
    away = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
    np.fill_diagonal(away, np.inf)
    first, second = np.unravel_index(int(away.argmin()), away.shape)
    chosen = [int(first), int(second)]
    while len(chosen) < min(n, len(found.labels)):
        left = [at for at in range(len(found.labels)) if at not in chosen]
        chosen.append(min(left, key=lambda at: away[at, chosen].sum()))
    return [found.labels[at] for at in sorted(chosen)]


@traced
def paths_chart(table: pd.DataFrame, look: Look, step: int) -> alt.HConcatChart:
    """Centres of labels on their way, a panel a layer, all panels to one scale: ● the base, ▲ the end, ◆ the chosen step; discs: a
    standard error."""
    labels = list(dict.fromkeys(table["label"]))
    reach = float(table[["x", "y"]].abs().max().max()) * 1.1 or 1.0
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=list(look.labels[: len(labels)])), legend=None)
    first, last = table["order"].min(), table["order"].max()
    panels = []
    for layer, own in table.groupby("layer"):
        x, y = (alt.X("x:Q", title=None, scale=scale, axis=alt.Axis(labels=False, ticks=False, tickCount=5)),
                alt.Y("y:Q", title=None, scale=scale, axis=alt.Axis(labels=False, ticks=False, tickCount=5)))  # fmt: skip
        tips = [
            alt.Tooltip("label:N"), alt.Tooltip("step:O"), alt.Tooltip("n:Q", title="rows"),
            alt.Tooltip("moved:Q", title="moved, in all directions", format=".3f"),
            alt.Tooltip("error:Q", title="standard error", format=".3f"),
        ]  # fmt: skip
        drawn = alt.Chart(own).encode(x=x, y=y, color=colour)
        ends = own[own["order"].isin([first, last])].assign(
            area=lambda held: (held["error"] * _PANEL / (2 * reach)) ** 2 * np.pi
        )
        discs = alt.Chart(ends).mark_circle(opacity=0.18).encode(
            x=x, y=y, color=colour, size=alt.Size("area:Q", scale=None, legend=None)
        )  # fmt: skip
        marks = [
            alt.Chart(own[own["order"] == at])
            .mark_point(filled=True, size=130, opacity=1, shape=shape)
            .encode(x=x, y=y, color=colour, tooltip=tips)
            for at, shape in ((first, "circle"), (last, "triangle-up"))
        ]
        if step != own["step"].max():
            marks.append(
                alt.Chart(own[own["step"] == step])
                .mark_point(filled=True, size=190, opacity=1, shape="diamond", stroke=look.ink, strokeWidth=1.5)
                .encode(x=x, y=y, color=colour, tooltip=tips)
            )
        names = alt.Chart(own[own["order"] == last]).mark_text(dy=-14, fontWeight="bold", fontSize=look.size).encode(
            x=x, y=y, color=colour, text="label:N"
        )  # fmt: skip
        panels.append(
            alt.layer(
                discs, drawn.mark_line(strokeWidth=2.5).encode(order="order:Q"),
                drawn.mark_point(filled=True, size=35, opacity=1).encode(tooltip=tips), *marks, names,
            ).properties(width=_PANEL, height=_PANEL, title=f"layer {layer} · the plane holds {own['share'].iloc[0]:.0%}")
        )  # fmt: skip
    return framed(alt.hconcat(*panels, spacing=40), look)


def paths_finding(table: pd.DataFrame) -> str:
    """How far each label's centre is at the end from where it was, in all directions, layer by layer, in a sentence."""
    said = []
    for layer in table["layer"].unique().tolist():
        ends = table[(table["layer"] == layer) & (table["order"] == table["order"].max())]
        parts = [f"{label} {moved:.2f}" for label, moved in zip(ends["label"], ends["moved"], strict=True)]
        said.append(f"Layer {layer}: {', '.join(parts)}")
    return f"From start to end, in all directions, in mean row lengths. {'. '.join(said)}."


def scores_finding(found: ScoresOverSteps) -> str:
    """When the head is first clearly better than guessing, and when within a point of its end, in a sentence."""
    table = found.scores
    end, steps = table.iloc[-1], table["step"].astype(int).tolist()
    better = _for_good(table["low"] > found.guessing)
    if better is None:
        guess = written(found.guessing, found.measure)
        return f"At the end {written(end['score'], found.measure)}, not told from guessing ({guess})."
    near = _for_good(table["high"] >= end["score"])
    return (
        f"Better than guessing from step {steps[better]:,} on; from step {steps[near or 0]:,} on it cannot be told from its end, "
        f"{written(end['score'], found.measure)}."
    )


def _for_good(holds: pd.Series) -> int | None:
    """The first place from which something holds up to the end; None where it does not at the end."""
    found = holds.to_numpy()[::-1].cumprod()[::-1].astype(bool)
    return int(found.argmax()) if found.any() else None


@traced
def read_table(scores: Sequence[tuple[int, ProbeScores]]) -> pd.DataFrame:
    """step, layer, value (accuracy of a linear probe), low, high, error, of each step's probe."""
    return pd.DataFrame(
        [
            {
                "step": number,
                "layer": layer,
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "error": one.standard_error,
            }
            for number, held in scores
            for layer, one in enumerate(held.score)
        ]
    )
