"""The view Isotropy: does a space use all its dimensions, by several measures that may disagree."""

from dataclasses import dataclass

import streamlit as st

from core.analyses.isotropy import Isotropies
from core.charts import curves
from core.charts import isotropy as drawn
from pages.parts import figures, notes, show
from pages.parts.selection import Selection


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """A measure as a student meets it."""

    name: str
    """In core.analyses.isotropy.MEASURES."""
    question: str
    answer: str
    """How to read the curve, in a line."""
    title: str
    """Of the axis: the term of art and which way is which."""
    help: str
    """What it is, its range, when not to trust it, its source."""
    percent: bool = False


_DISAGREE = (
    " IsoScore and the mean cosine may move in opposite directions: a space may lean one way (high cosine) and still spread "
    "evenly around that lean (high IsoScore). Neither is the truth; look at both."
)
MEASURES = {
    "Spread": _Measure(
        name="isoscore",
        question="Does the space use all its directions?",
        answer="1 means the same spread in every direction, 0 that all of it lies along one.",
        title="IsoScore (1 = all directions alike, 0 = one only)",
        help="**IsoScore** (Rudman et al. 2022), 0 to 1: how evenly the variance is spread over the principal axes; roughly the "
        "share of the dimensions that is used. Rotation, scale and a shift of all vectors play no part. With fewer than about ten "
        "rows a dimension it is too low on both sides alike." + _DISAGREE,
    ),
    "Cone": _Measure(
        name="mean_cosine",
        question="Do vectors crowd into a cone?",
        answer="0 means that vectors of different sentences point anywhere, 1 that all point one way.",
        title="mean cosine (0 = spread out, 1 = one direction)",
        help="**Mean cosine** of all pairs from different sentences (Ethayarajh 2019), -1 to 1. A few large dimensions can raise "
        "it alone (Rudman & Eickhoff 2024)." + _DISAGREE,
    ),
    "Lean": _Measure(
        name="partition",
        question="Is any direction favoured?",
        answer="0 means none; -3 that the sum over words differs a thousandfold between two directions.",
        title="partition isotropy, power of ten (0 = no direction favoured)",
        help="**Partition isotropy** (Mu & Viswanath 2018; Rajaee & Pilehvar 2021): the least over the largest of the sums of "
        "exp(direction · vector), over both signs of the eigenvectors, vectors as they are; shown as a power of ten, 0 or below. "
        "Longer vectors lower it, so compare layers and checkpoints with care: tuning that only stretches vectors moves it.",
    ),
    "How many": _Measure(
        name="dimension",
        question="How many directions does it really need?",
        answer="So many numbers say where a vector lies among its neighbours.",
        title="intrinsic dimension (number of directions)",
        help="**TwoNN** (Facco et al. 2017), above 0: from how much farther the second neighbour lies than the first. Equal "
        "vectors count once, and the tenth of largest ratios is left out. Above about ten it is too low unless vectors are many, "
        "and at layer 0, where the same words recur, it describes the vocabulary. The interval is on the wide side.",
    ),
    "Top axis": _Measure(
        name="top_component",
        question="Does one direction carry the variance?",
        answer="The share of all variance along the first principal axis.",
        title="variance on the first component",
        help="**Share of the first principal component**, 0 to 100 %. A round cloud would have one part in as many as there are "
        "dimensions, and more where rows are few: with one row a dimension about four times as much. Rotation, scale and shift "
        "play no part.",
        percent=True,
    ),
    "Top dimensions": _Measure(
        name="top_dimensions",
        question="Do a few dimensions carry everything?",
        answer="What three dimensions alone add to the mean cosine, of all that it is.",
        title="share of three dimensions in the mean cosine",
        help="**Rogue dimensions** (Timkey & van Schijndel 2021): share of the mean cosine that its three largest contributions "
        "make up. Above 100 % where other dimensions pull the other way. Where the mean cosine is inside the noise around 0 there "
        "is nothing to share out, and no value is shown.",
        percent=True,
    ),
    "Same word": _Measure(
        name="self_similarity",
        question="Is a word still itself in another sentence?",
        answer="0 means no more alike than any two words, larger that the word keeps its vector whatever stands around it.",
        title="self-similarity above baseline (0 = as any two words)",
        help="**Self-similarity** (Ethayarajh 2019): mean cosine of a word with itself in other sentences, over words of five "
        "sentences or more, less the mean cosine of any two words of different sentences. Frequent words weigh as much as rare "
        "ones. Low values mean that context decides; they do not say that it decides well.",
    ),
    "Same sentence": _Measure(
        name="intra_similarity",
        question="Do the words of a sentence resemble their sentence?",
        answer="0 means no more than any two words resemble each other, larger that the sentence colours its words.",
        title="similarity inside sentences above baseline",
        help="**Intra-sentence similarity** (Ethayarajh 2019): mean cosine of a sentence's words with their mean, less the mean "
        "cosine of any two words of different sentences. A word is part of its own mean, so that short sentences score high "
        "even of unrelated words: n of them give about 1/√n. Compare sides and layers, not texts.",
    ),
}
_OUTLIERS = "Outliers"


def isotropy(chosen: Selection) -> None:
    """A switch between measures, each a curve over layers, and the outlier dimensions."""
    spec = chosen.isotropy
    (result,) = show.results([spec], what="isotropy")
    if result is None:
        return
    measures = {name: one for name, one in MEASURES.items() if chosen.embedded == "word" or one.name not in _OF_WORDS}
    picked = st.segmented_control(
        "Measure", [*measures, _OUTLIERS], default="Spread", key="isotropy_measure", bind="query-params",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    if picked == _OUTLIERS:
        _outliers(chosen, result)
        return
    _curve(chosen, result, measures[picked])


_OF_WORDS = ("self_similarity", "intra_similarity")


def _curve(chosen: Selection, result: Isotropies, measure: _Measure) -> None:
    """One measure by layer."""
    st.markdown(f"**{measure.question}** {measure.answer}", help=measure.help)
    table = drawn.isotropy_table(result, measure.name)
    if reason := result.missing.get(measure.name):
        where = "At no layer" if table.empty else "Not at every layer"
        st.info(f"{where} is there an answer: {show.escaped(reason)}", icon=":material/info:")
    if table.empty:
        return
    figures.figure(
        curves.side_curves(
            drawn.measure_table(result, measure.name),
            measure.name,
            show.look(),
            chosen.layer,
            title=measure.title,
            percent=measure.percent,
            controls=False,
        ),
        table,
        name=f"isotropy-{measure.name}",
        alt_text=f"{measure.title} by layer, base and tuned",
        specs=[chosen.isotropy],
        note=notes.isotropy(result, measure.name, chosen),
    )


def _outliers(chosen: Selection, result: Isotropies) -> None:
    """Which dimensions are far larger than the others."""
    counted = drawn.outlier_counts(result, chosen.layer)
    here = f" At layer {chosen.layer}: {counted[0]} in base, {counted[1]} in tuned." if counted else ""
    st.markdown(
        f"**Do a few dimensions stand out, and the same ones after tuning?**{here} Numbers are a dimension's share of all "
        "variance; bold where tuning changed it beyond the noise.",
        help="**Outlier dimensions** (Kovaleva et al. 2021; Luo et al. 2021): those whose mean absolute value or whose standard "
        "deviation lies more than three standard deviations above the mean over all dimensions. Cutting them out hurts many "
        "models, yet their size says nothing of what they do. Dimension numbers mean the same on both sides only where one "
        "checkpoint was tuned from the other. An empty cell: no outlier at that layer.",
    )
    table = drawn.outliers_table(result)
    if table.empty:
        st.info("No dimension stands out on either side, or the sides differ in width.", icon=":material/info:")
        return
    figures.figure(
        drawn.outliers_heat(table, show.look(), chosen.layer),
        table,
        name="isotropy-outliers",
        alt_text="Share of the variance in each outlier dimension by layer, base beside tuned",
        specs=[chosen.isotropy],
        note=notes.outliers(result, chosen),
    )
