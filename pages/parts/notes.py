"""What stands below a figure: estimator, n and interval, in a few words; the same wherever the result is drawn."""

from core.analyses.crowding import CrowdingCurves
from core.analyses.probe import ProbeScores
from core.analyses.similarity import LayerSimilarity
from core.analyses.weight_change import WeightChanges
from pages.parts.selection import Selection


def similarity(result: LayerSimilarity, chosen: Selection) -> str:
    """Of CKA."""
    return (
        f"{result.estimator}, n = {result.n_rows:,} {chosen.unit}s of {result.n_sentences:,} sentences, "
        "95 % interval: delete-a-group jackknife over groups of sentences"
    )


def probe(base: ProbeScores, tuned: ProbeScores, chosen: Selection) -> str:
    """Of probes on both sides."""
    failed = base.n_unconverged + tuned.n_unconverged
    return (
        f"logistic regression, L2, C = {chosen.probes[0].C:g}, {len(base.labels)} classes, {base.n_train:,} training and "
        f"{base.n_test:,} test {chosen.unit}s, {base.accuracy.shape[1]} random splits by sentence, 95 % interval corrected "
        f"for their overlap (Nadeau & Bengio 2003); hollow ▲: the paired difference is inside the noise; control: "
        f"{base.control_kind}, {base.overlap:.0%} of test {chosen.unit}s also in training"
        + (f"; {failed} fits stopped unconverged" if failed else "")
    )


def crowding(result: CrowdingCurves) -> str:
    """Of the mean cosine."""
    return f"{result.n_pairs:,} pairs from different sentences, 95 % interval over groups of sentences"


def weights(result: WeightChanges) -> str:
    """Of the weight change."""
    return (
        f"Frobenius norm of tuned minus base over that of base, {result.n_parameters:,} weights, without pooler and head; "
        "one run: no interval"
    )
