"""How well axes of a label or of words part rows held out, layer by layer, and how far they turned."""

import warnings
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.analyses.label_axes import FoundAxes
from core.charts.curves import side_curves
from core.charts.look import Look
from core.charts.sides import sides_table
from core.origins import traced

HEIGHT = 190


@traced
def parted_table(found: FoundAxes) -> pd.DataFrame:
    """layer, side, parted with its interval, difference and its interval, is_noise, majority (chance), control (mean over its
    draws, where there are any), cosine (of the axes of base and tuned), halves_cosine (of axes from other sentences); at unequal
    depth also tuned_layer. Layers without axes are left out."""
    depth = len(found.base_score)
    columns: dict[str, Any] = {
        "cosine": (list(found.cosine), list(found.cosine)),
        "halves_cosine": (list(found.halves_cosine), list(found.halves_cosine)),
    }
    control = control_means(found)
    if np.isfinite(control).any():
        columns["control"] = (control[0].tolist(), control[1].tolist())
    table = sides_table(
        "parted", found.base_score, found.tuned_score, found.difference, majority=found.chance, **columns
    )
    if found.facing != tuple(range(depth)):
        table["tuned_layer"] = [found.facing[layer] for layer in table["layer"]]
    return table[table["parted"].notna()].reset_index(drop=True)


@traced
def control_means(found: FoundAxes) -> np.ndarray:
    """Scores of the control task, mean over its draws [2, base layers]; NaN where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a mean of nothing is meant to be NaN
        return np.asarray(np.nanmean(np.asarray(found.control), axis=2))


@traced
def parted_curve(found: FoundAxes, look: Look, layer: int) -> alt.LayerChart:
    """How well the axes part held-out rows of base and tuned, with the control, by layer."""
    return side_curves(
        parted_table(found),
        "parted",
        look,
        layer,
        title="pairs in order" if found.is_concept else "nearest mean right",
        percent=True,
        controls=True,
        height=HEIGHT,
        guess="chance" if found.is_concept else "commonest value",
        tips=[
            alt.Tooltip("cosine:Q", format=".2f", title="axis of base and tuned, cosine"),
            alt.Tooltip("halves_cosine:Q", format=".2f", title="of other sentences, cosine"),
        ],
    )
