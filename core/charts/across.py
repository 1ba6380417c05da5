"""What tunings on several tasks did to one label: its distances in the top layer, and what a probe reads (cross-task tuning)."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from core.analyses.direct_probe import LabelHulls
from core.analyses.direct_probe_change import LabelHullChanges
from core.analyses.probe import ProbeScores
from core.analyses.probe_change import ProbeDifference
from core.analyses.spatial_change import SpatialDifference
from core.analyses.spatial_similarity import SpatialSimilarities
from core.charts.geometry import counted
from core.charts.look import Look, framed, two_lines
from core.maths.statistics import Estimate
from core.origins import traced


@dataclass(frozen=True, kw_only=True)
class Row:
    """One tuned checkpoint beside its base."""

    name: str
    layer: int
    """Of the base, the top one."""
    base_hulls: LabelHulls
    tuned_hulls: LabelHulls
    change: LabelHullChanges
    read: ProbeDifference
    base_probe: ProbeScores
    tuned_probe: ProbeScores
    base_alike: SpatialSimilarities
    tuned_alike: SpatialSimilarities
    alike: SpatialDifference


@traced
def across_table(rows: Sequence[Row]) -> pd.DataFrame:
    """A row a tuned checkpoint, at the top layers: name; up, down, same (labels moved apart, nearer, neither beyond the noise);
    distance (mean change, shares of a vector's length), its low and high; base_accuracy, accuracy, gain with low and high;
    labels and clusters before and after (as many as labels: planes part all); agreement of label distances with another text before
    and after, and its change with low and high. NaN where there is no value."""
    found = []
    for row in rows:
        up, down, same = counted(row.change, row.layer)
        before, after = row.base_probe.score[row.layer], row.tuned_probe.score[-1]
        found.append({
            "name": row.name, "up": up, "down": down, "same": same,
            **_ends("distance", row.change.mean_difference[row.layer]),
            "base_accuracy": before.value, "accuracy": after.value, **_ends("gain", row.read.difference[row.layer]),
            "labels": len(row.base_hulls.labels),
            "base_clusters": int(row.base_hulls.n_clusters[row.layer]), "clusters": int(row.tuned_hulls.n_clusters[-1]),
            "base_agreement": _value(row.base_alike.similarity[row.layer]),
            "agreement": _value(row.tuned_alike.similarity[-1]),
            **_ends("agreement_change", row.alike.difference[row.layer]),
        })  # fmt: skip
    return pd.DataFrame(found)


def _value(one: Estimate | None) -> float:
    return float("nan") if one is None else one.value


def _ends(name: str, one: Estimate | None) -> dict[str, float]:
    values = (float("nan"),) * 3 if one is None else (one.value, one.low, one.high)
    return {name: values[0], f"{name}_low": values[1], f"{name}_high": values[2]}


def finding(table: pd.DataFrame) -> str:
    """What each tuning did to the label, in a sentence each."""
    said = []
    for row in table.to_dict("records"):
        known = not pd.isna(row["gain_low"])
        noise = " (inside the noise)" if not known or row["gain_low"] <= 0 <= row["gain_high"] else ""
        said.append(
            f"After {row['name']}: {row['up']} labels farther apart, {row['down']} nearer; a probe reads {row['accuracy']:.1%}, "
            f"{100 * row['gain']:+.1f} points{noise}."
        )
    return " ".join(said)


@traced
def across_chart(table: pd.DataFrame, look: Look) -> alt.HConcatChart:
    """Two panels, a row a tuned checkpoint: mean change of label distances, and change of what a probe reads."""
    n = len(table)
    panels = []
    for name, title, number in (
        ("distance", "change of the distance to the nearest label, share of a vector's length", "+.1%"),
        ("gain", "change of probe accuracy", "+.1%"),
    ):
        own = table.assign(is_noise=(table[f"{name}_low"] <= 0) & (table[f"{name}_high"] >= 0))
        own["said"] = [
            f"{row['up']} apart · {row['down']} nearer · {row['same']} noise"
            if name == "distance"
            else f"{row['base_accuracy']:.1%} → {row['accuracy']:.1%}"
            for row in own.to_dict("records")
        ]
        y = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=190) if name == "distance" else None)
        x = alt.X(f"{name}:Q", title=two_lines(title, 42), axis=alt.Axis(format=number, tickCount=5))
        tips = [
            alt.Tooltip("name:N", title="tuned on"),
            *(alt.Tooltip(f"{one}:Q", format=number) for one in (name, f"{name}_low", f"{name}_high")),
            alt.Tooltip("said:N", title="labels" if name == "distance" else "accuracy"),
        ]
        drawn = alt.Chart(own).encode(y=y)
        point = drawn.encode(x=x, tooltip=tips)
        layers = [
            alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(color=look.quiet, strokeDash=[4, 4]).encode(x="x:Q"),
            drawn.mark_rule(color=look.tuned, strokeWidth=2.5, opacity=0.6).encode(
                x=f"{name}_low:Q", x2=f"{name}_high:Q"
            ),
            point.transform_filter("!datum.is_noise").mark_point(
                filled=True, size=130, opacity=1, color=look.tuned, shape="triangle-up"
            ),
            point.transform_filter("datum.is_noise").mark_point(
                filled=False, fill=look.paper, size=110, strokeWidth=2, opacity=1, color=look.tuned, shape="triangle-up"
            ),
            drawn.mark_text(dy=-15, fontSize=look.size - 1).encode(x=x, text="said:N"),
        ]
        panels.append(alt.layer(*layers).properties(width=330, height=max(120, 64 * n)))
    return framed(alt.hconcat(*panels, spacing=24), look)
