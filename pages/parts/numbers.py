"""How exactly a real number can be read from each layer, by ridge regression."""

import streamlit as st

from core.analyses.ridge_probe import RidgeScores
from core.analyses.ridge_probe_change import RidgeProbeDifference
from core.charts import curves
from core.charts import numbers as number_charts
from core.charts.headline import reading_number
from pages.parts import figures, notes, show
from pages.parts.selection import Selection

SCORES: dict[str, number_charts.Score] = {"Value (R²)": "r2", "Order (Spearman)": "rank"}


def draw(chosen: Selection) -> None:
    """The view of the page Probes."""
    specs = [chosen.ridge_change, *chosen.ridge_probes]
    change, base, tuned = show.results(specs, what=f"ridge probes for {chosen.number_said}")
    if not (change and base and tuned):
        return
    place, random = show.control(chosen.random_ridge, what="the ridge probe on random weights")
    with place:
        curve(chosen, change, base, tuned, random)


def curve(
    chosen: Selection, change: RidgeProbeDifference, base: RidgeScores, tuned: RidgeScores, random: RidgeScores | None
) -> None:
    """The finding in words and the score by layer."""
    name = st.segmented_control(
        "Score", list(SCORES), default="Value (R²)", key="number_score", bind="query-params", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    specs = [chosen.ridge_change, *chosen.ridge_probes, *([chosen.random_ridge] if random else [])]
    score, number = SCORES[name], chosen.number_said
    table = number_charts.ridge_table(base, tuned, change, score, random)
    memory = "memorised words" if chosen.embedded == "word" else "shuffled numbers"
    st.markdown(
        f"**How exactly can {number} be read, one number a {chosen.unit}?** Above the grey lines a layer tells more than "
        f"the mean and {memory} do.",
        help="Ridge regression: a weighted sum of the features, its weights kept small by a penalty. R² is the share of the "
        "variance told on held-out sentences: 1 = every value exactly, 0 = no better than always answering the mean, below 0 = "
        "worse. The rank correlation asks for the order alone. "
        + (
            "The control task gives every word type one random number: what memorised types alone can tell. "
            if chosen.embedded == "word"
            else "The control task shuffles the numbers over the sentences. "
        )
        + "A change drawn hollow lies inside the noise.",
    )
    read = reading_number(
        number_charts.differences_of(change, score),
        base.score if score == "r2" else base.rank_score,
        number,
        "R²" if score == "r2" else "rank correlation",
        is_tuning=chosen.is_tuning,
    )
    st.markdown(f"{read.said} {read.aside}", help="In brackets the 95 % interval that holds for all layers together.")
    figures.figure(
        curves.side_curves(
            table,
            score,
            show.look(),
            chosen.layer,
            title=number_charts.TITLES[score],
            percent=False,
            controls=True,
            guess="always the mean",
        ),
        table,
        name=f"number-{score}",
        alt_text=f"{name} of {chosen.number} by layer, base and tuned",
        specs=specs,
        note=notes.ridge(base, tuned, chosen),
    )
