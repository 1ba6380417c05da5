"""What stands below a figure: estimator, n and interval, in a few words; the same wherever the result is drawn.

All of it is Markdown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.analyses.ablation import Ablation
from core.analyses.activation_difference import ActivationDifferences
from core.analyses.codelength import Codelengths
from core.analyses.crowding import CrowdingCurves
from core.analyses.direct_probe import LEAST_POINTS, LabelHulls
from core.analyses.edge_probe import EdgeScores
from core.analyses.fine_tune import FineTune, TunedCheckpoint
from core.analyses.goals import goal_name
from core.analyses.head_agreement import HeadAgreements
from core.analyses.isotropy import Isotropies
from core.analyses.joint_tsne import JointTsne
from core.analyses.joint_umap import JointUmap, LaidOut
from core.analyses.label_axes import PROBE_C, FoundAxes, LabelAxes
from core.analyses.label_geometry import LEAST_ROWS as LEAST_ROWS_PLACED
from core.analyses.label_geometry import LabelPlaces
from core.analyses.map_chain import ChainedMaps, MapChain
from core.analyses.map_steps import MapSteps, SteppedMaps
from core.analyses.movers import Moved
from core.analyses.neuron_twins import Twins
from core.analyses.neurons import NeuronScores
from core.analyses.probe import ProbeScores
from core.analyses.probe_kinds import HULL_ROWS, KindScores
from core.analyses.probe_slices import LEAST_ROWS, LEAST_SENTENCES
from core.analyses.probe_transfer import Transfers
from core.analyses.ridge_probe import RidgeScores
from core.analyses.similarity import LayerSimilarity
from core.analyses.spatial_similarity import SpatialSimilarities
from core.analyses.structural_probe import StructuralScores
from core.analyses.task_vectors import TaskCosines
from core.analyses.umap_seeds import SeededMaps, UmapSeeds
from core.analyses.weight_change import WeightChanges
from core.analyses.weight_spectra import WeightSpectraFound
from core.charts.neuron_twins import best_by_chance
from pages.parts.selection import USUAL, Fitting, Selection, caveat_of
from pages.parts.show import escaped

_BY_CHANCE = "two standard deviations, were the signs of all changes random and independent"
NO_WEIGHTS = "How far weights moved is only asked of two checkpoints of one family, depth and width."


def similarity(result: LayerSimilarity, chosen: Selection, kind: str = "") -> str:
    """Of a measure of similarity; of words of one kind, where it is named."""
    of_kind = f" ({escaped(kind)} only)" if kind else ""
    return (
        f"{result.estimator}, n = {result.n_rows:,} {chosen.embedded}s{of_kind} of {result.n_sentences:,} sentences, "
        "95 % interval: delete-a-group jackknife over groups of sentences"
    )


def kept(
    result: LayerSimilarity,
    chosen: Selection,
    kind: str,
    floors: Sequence[LayerSimilarity],
    same: tuple[int, int] | None = None,
) -> str:
    """Of a measure of similarity beside what noise keeps; same: of the other sentences, those in the curve too, and all."""
    shuffled = "; rows shuffled: the tuned side's rows in another order, seed 0" if result.shuffled else ""
    beside = f"; in grey, with intervals of their own: n = {' and '.join(f'{held.n_rows:,}' for held in floors)}"
    again = f"; other sentences: {same[0] / same[1]:.0%} of them are the curve's own" if same else ""
    return similarity(result, chosen, kind) + shuffled + (beside if floors else "") + again


def two_texts(results: Mapping[str, LayerSimilarity], chosen: Selection, same: tuple[int, int]) -> str:
    """Of a measure of similarity on two texts; same: of the second's sentences, those in the first too, and all."""
    rows = "; ".join(
        f"{escaped(name)}: n = {held.n_rows:,} {chosen.embedded}s of {held.n_sentences:,} sentences"
        for name, held in results.items()
    )
    first = next(iter(results.values()))
    shared = f"{same[0]:,} of the second's {same[1]:,} sentences stand in the first too" if same[0] else ""
    return (
        f"{first.estimator}; {rows}"
        + (", equally many, as its value moves with their number" if first.moves_with_rows else "")
        + "; 95 % interval of each: delete-a-group jackknife over groups of sentences; of the difference: "
        "standard errors in squares, Welch's degrees of freedom; hollow: inside the noise; "
        + (
            f"{shared}: the texts are no two samples, and the interval is too wide"
            if shared
            else "no sentence stands in both"
        )
    )


def probe(base: ProbeScores, tuned: ProbeScores, chosen: Selection, fitting: Fitting = USUAL) -> str:
    """Of probes on both sides."""
    failed = base.n_unconverged + tuned.n_unconverged
    other = (
        f" (tuned {tuned.n_train:,} and {tuned.n_test:,}: a tokenizer drops some)"
        if (base.n_train, base.n_test) != (tuned.n_train, tuned.n_test)
        else ""
    )
    used = sorted({C for side in (base, tuned) for layer in side.chosen for C in layer})
    penalty = f"C chosen in each split, {used[0]:g} to {used[-1]:g}" if used else f"C = {chosen.probes[0].C:g}"
    return (
        f"logistic regression, {_regularised(base, tuned, fitting)}, {penalty}, {len(base.labels)} classes, "
        f"{base.n_train:,} training and {base.n_test:,} test {chosen.unit_name}s{other}, {base.accuracy.shape[1]} random "
        "splits by sentence, 95 % interval "
        f"corrected for their overlap (Nadeau & Bengio 2003); hollow ▲: the paired difference is inside the noise; control: "
        f"{base.control_kind}, {base.overlap:.0%} of test {chosen.unit_name}s also in training"
        + (f"; {failed} fits stopped unconverged" if failed else "")
    )


def _regularised(base: ProbeScores, tuned: ProbeScores, fitting: Fitting) -> str:
    """Which penalty, what it leaves of the features, and how classes count."""
    used = [share for side in (base, tuned) for layer in side.used for share in layer]
    weighed = f" ({min(used):.0%} to {max(used):.0%} of the features have a weight)" if used else ""
    alike = ", all classes count the same: accuracy is the mean over classes" if fitting.balanced else ""
    return f"{fitting.penalty}{weighed}{alike}"


def ridge(base: RidgeScores, tuned: RidgeScores, chosen: Selection) -> str:
    """Of ridge probes on both sides."""
    used = sorted({alpha for side in (base, tuned) for layer in side.chosen for alpha in layer})
    sizes = base.n_train, base.n_test
    other = (
        f" (tuned {tuned.n_train:,} and {tuned.n_test:,}: a tokenizer drops some)"
        if sizes != (tuned.n_train, tuned.n_test)
        else ""
    )
    missing = f"; {base.n_missing:,} {chosen.unit_name}s without a number left out" if base.n_missing else ""
    return (
        f"ridge regression, penalty chosen in each split by a seventh of its training sentences, {used[0]:g} to {used[-1]:g} "
        f"taken; values: mean {base.mean:.3g}, standard deviation {base.deviation:.3g}; {sizes[0]:,} training and "
        f"{sizes[1]:,} test {chosen.unit_name}s{other} of {base.n_sentences:,} sentences{missing}, {base.r2.shape[1]} random "
        "splits by sentence, 95 % interval corrected for their overlap (Nadeau & Bengio 2003); hollow ▲: the paired difference "
        f"is inside the noise; control: {base.control_kind}, {base.overlap:.0%} of test {chosen.unit_name}s also in training"
    )


def tasks(board: Mapping[str, tuple[Any, ProbeScores, ProbeScores]], chosen: Selection) -> str:
    """Of probes for several labels."""
    return _several([scores for _, *sides in board.values() for scores in sides], chosen)


def crossed(board: Mapping[Any, tuple[Any, ProbeScores]], chosen: Selection) -> str:
    """Of probes for several labels on several checkpoints."""
    return _several([base for _, base in board.values()], chosen)


def _several(held: Sequence[ProbeScores], chosen: Selection) -> str:
    rows = sorted({(scores.n_train, scores.n_test) for scores in held})
    sizes = ", ".join(f"{n_train:,} + {n_test:,}" for n_train, n_test in rows)
    failed = sum(scores.n_unconverged for scores in held)
    return (
        f"logistic regression, L2, C = {chosen.probes[0].C:g}, training + test rows: {sizes}, {held[0].accuracy.shape[1]} "
        "random splits by sentence, 95 % interval corrected for their overlap (Nadeau & Bengio 2003); inside the noise: "
        "the interval of the paired difference holds 0; no correction for looking at many cells"
        + (f"; {failed} fits stopped unconverged" if failed else "")
    )


def codelength(base: Codelengths, tuned: Codelengths, chosen: Selection) -> str:
    """Of online codelengths."""
    failed = base.n_unconverged + tuned.n_unconverged
    return (
        f"online code, {len(base.n_before) + 1} blocks, linear probes, L2, C = {chosen.codelengths[0].C:g}, {len(base.labels)} "
        f"classes, n = {base.n_rows:,} {chosen.unit_name}s of {base.n_sentences:,} sentences, mean over {base.bits.shape[1]} "
        "orders, 95 % interval: delete-a-group jackknife over groups of sentences, the probes as they are; hollow ▲: the paired "
        f"difference is inside the noise; control: {base.control_kind}"
        + (f"; {failed} fits stopped unconverged" if failed else "")
    )


def kinds(result: KindScores, kind: str, layer: int, chosen: Selection) -> str:
    """Of a kind of probe that is not linear."""
    sides = result.base_settings[layer], result.tuned_settings[chosen.facing_layer]
    used = sorted(
        {f"{first} and {second} units with L2 {penalty:g}" for side in sides for first, second, penalty in side}
    )
    how = {
        "perceptron": f"two hidden layers; at layer {layer}: {', '.join(used)}"
        + (
            f", in each split the best of {result.n_searched} on a part of its training"
            if result.n_searched > 1
            else ""
        )
        + (f"; {result.n_unconverged} stopped unconverged" if result.n_unconverged else ""),
        "nearest centroid": "the class whose mean is nearest",
        "nearest neighbours": f"the commonest class of the {result.n_neighbours} nearest",
        "nearest hull": f"the class whose convex hull is nearest, at most {HULL_ROWS[0]:,} training and {HULL_ROWS[1]:,} test rows"
        + (f"; {result.n_uncertain} of {result.n_hull:,} uncertain" if result.n_uncertain else ""),
    }[kind]
    return (
        f"{kind}: {how}; {len(result.labels)} classes, {result.n_train:,} training and {result.n_test:,} test "
        f"{chosen.unit_name}s, {result.base.shape[2]} random splits by sentence, 95 % interval corrected for their overlap "
        f"(Nadeau & Bengio 2003); hollow ▲: the paired difference is inside the noise; control: {result.control_kind}, "
        f"{result.overlap:.0%} of test {chosen.unit_name}s also in training"
    )


def slices(chosen: Selection, n_left_out: int = 0) -> str:
    """Of probes on parts of the rows. Args: n_left_out: parts that were too small."""
    return (
        f"logistic regression, L2, C = {chosen.transfer.C:g}, each {chosen.unit_name} judged in the first of "
        f"{chosen.transfer.n_seeds} random splits that holds it out, 95 % interval: delete-a-group jackknife over groups of "
        "sentences, the probes as they are"
        + (
            f"; {n_left_out} parts under {LEAST_ROWS} rows or {LEAST_SENTENCES} sentences left out"
            if n_left_out
            else ""
        )
    )


def transfer(result: Transfers, chosen: Selection) -> str:
    """Of probes read on the other side."""
    return (
        f"logistic regression, L2, C = {chosen.transfer.C:g}, {result.n_train:,} training and {result.n_test:,} test "
        f"{chosen.unit_name}s, {result.accuracy.shape[1]} random splits by sentence, 95 % interval corrected for their overlap "
        "(Nadeau & Bengio 2003)"
        + (f"; {result.n_unconverged} fits stopped unconverged" if result.n_unconverged else "")
    )


def edge_probe(base: EdgeScores, tuned: EdgeScores) -> str:
    """Of edge probes with scalar mixing."""
    unfinished, several = base.n_stopped + tuned.n_stopped, {"pair": "word pairs"}.get(base.unit, f"{base.unit}s")
    rows = f"{base.n_train:,} training, {base.n_dev:,} dev and {base.n_test:,} test {several} of {base.n_sentences:,} sentences"
    return (
        f"edge probes, a network of one hidden layer, {len(base.labels)} labels, {rows}, {base.f1.shape[1]} random splits, 95 % "
        "interval corrected for their overlap (Nadeau & Bengio 2003); hollow ▲: the paired difference is inside the noise; "
        f"control: {base.control_kind}, {base.overlap:.0%} of test {several} also in training; a label counts as said from a "
        "probability of 0.5, so that a control which is sure of nothing may fall below the majority"
        + (f"; never in training in some split: {escaped(', '.join(base.unseen[:5]))}" if base.unseen else "")
        + (f"; {base.n_left_out:,} {several} with a lost word left out" if base.n_left_out else "")
        + (
            f"; {unfinished} of {base.n_models + tuned.n_models} probes stopped while still gaining"
            if unfinished
            else ""
        )
    )


def structure(base: StructuralScores, tuned: StructuralScores) -> str:
    """Of structural probes."""
    unfinished = base.n_at_limit + tuned.n_at_limit
    return (
        f"structural probes of rank {base.rank}, {base.n_train:,} training and {base.n_test:,} test sentences, "
        f"{base.scores.shape[1]} random splits, 95 % interval corrected for their overlap (Nadeau & Bengio 2003); hollow ▲: the "
        "paired difference is inside the noise"
        + (f"; {base.n_left_out:,} sentences without one whole tree left out" if base.n_left_out else "")
        + (f"; {unfinished} probes still gaining when training ended" if unfinished else "")
    )


def relations(base: StructuralScores) -> str:
    """Of the relations that structural probes find."""
    return (
        f"structural probes of rank {base.rank}, each sentence read by the first probe of {base.scores.shape[1]} splits that did "
        "not see it, 95 % interval: delete-a-group jackknife over groups of sentences; what another training would change is "
        "not in it"
    )


def trees(base: StructuralScores) -> str:
    """Of the trees of a sentence."""
    return (
        f"structural probes of rank {base.rank}, trained on about {base.n_train:,} other sentences; the first of "
        f"{base.scores.shape[1]} splits that holds this one out"
    )


def sizes(held: Mapping[str, ProbeScores], chosen: Selection) -> str:
    """Of probes on checkpoints of any size."""
    overlap = next(iter(held.values())).overlap
    rows = sorted({(scores.n_train, scores.n_test) for scores in held.values()})
    failed = sum(scores.n_unconverged for scores in held.values())
    return (
        f"logistic regression, L2, C = {chosen.probes[0].C:g}, training + test {chosen.unit_name}s: "
        + ", ".join(f"{n_train:,} + {n_test:,}" for n_train, n_test in rows)
        + f", {next(iter(held.values())).accuracy.shape[1]} random splits by sentence, 95 % interval of each curve by itself, "
        f"corrected for the overlap of splits (Nadeau & Bengio 2003); control: {next(iter(held.values())).control_kind}, "
        f"{overlap:.0%} of test {chosen.unit_name}s also in training"
        + (f"; {failed} fits stopped unconverged" if failed else "")
    )


def umap(result: LaidOut, spec: JointUmap, chosen: Selection) -> str:
    """Of a joint UMAP."""
    return (
        f"joint UMAP, {len(result.points):,} {chosen.embedded}s a side, {spec.n_neighbors} neighbours ({spec.metric}), "
        f"min_dist {spec.min_dist:g}, {result.n_epochs} epochs, seed {spec.seed}; trustworthiness, {result.n_trust} "
        f"neighbours: base {result.base_trust:.2f}, tuned {result.tuned_trust:.2f}"
    )


def umap_seeds(result: SeededMaps, spec: UmapSeeds, chosen: Selection) -> str:
    """Of a joint UMAP under several seeds."""
    return (
        f"joint UMAP, {len(result.points):,} {chosen.embedded}s a side, {spec.n_neighbors} neighbours ({spec.metric}), "
        f"min_dist {spec.min_dist:g}, {result.n_epochs} epochs, seeds {spec.seed} to {spec.seed + spec.n_seeds - 1}, kept: mean "
        f"over pairs of seeds; trustworthiness, {result.n_trust} neighbours: base {result.trust[0].min():.2f} to "
        f"{result.trust[0].max():.2f}, tuned {result.trust[1].min():.2f} to {result.trust[1].max():.2f}"
    )


def tsne(result: LaidOut, spec: JointTsne, chosen: Selection) -> str:
    """Of a joint t-SNE."""
    return (
        f"joint t-SNE, {len(result.points):,} {chosen.embedded}s a side, perplexity {spec.perplexity} ({spec.metric}), "
        f"{result.n_epochs} steps, rows drawn with seed {spec.seed}"
    )


def label_axes(result: FoundAxes, spec: LabelAxes, chosen: Selection) -> str:
    """Of axes of a label or of words."""
    if spec.direction == "probe":
        how = f"what a linear probe reads by (C = {PROBE_C}), {len(result.values)} values"
    elif result.is_concept:
        how = "difference of means"
    else:
        how = f"shrunken LDA (Ledoit-Wolf), {len(result.values)} values"
    return (
        f"{how}, fitted on {sum(result.n_fitted):,} {chosen.embedded}s of {spec.fitted_on} in one half of "
        f"{result.n_sentences:,} sentences; drawn: {len(result.points):,} {chosen.embedded}s a side of the other half"
    )


def parted(result: FoundAxes) -> str:
    """Of how well such axes part rows held out."""
    draws = int(np.isfinite(result.control).all(axis=(0, 1)).sum())
    what = "pairs in order (AUC)" if result.is_concept else "rows nearest to the mean of their own value, on the axes"
    return (
        f"{what}, n = {sum(result.n_held):,} rows held out, 95 % interval: delete-a-group jackknife over groups of sentences, the "
        f"axes as they are; hollow ▲: the paired difference is inside the noise; control task: {result.control_kind}, mean of "
        f"{draws} draws"
    )


def movers(result: Moved, chosen: Selection) -> str:
    """Of movers."""
    return (
        f"n = {len(result.points):,} {chosen.embedded}s of {result.n_sentences:,} sentences, {result.k} neighbours by cosine, "
        f"noise from {result.n_halves} halves of the sentences, seed {chosen.movers.seed}"
    )


TRUST = (
    "Trustworthiness (Venna & Kaski 2001): 1 = neighbours on the map are neighbours in the layer, about 0.5 = a map drawn at "
    "random. Try another seed and other settings before you believe a shape."
)


def trust(base: float, tuned: float) -> str:
    """How far a map can be trusted, in words."""
    return f"Trustworthiness {base:.2f} (base), {tuned:.2f} (tuned); 1 = neighbours on the map are neighbours in the layer."


def chain(result: ChainedMaps, spec: MapChain, chosen: Selection) -> str:
    """Of a chain of UMAPs."""
    continuity = result.continuity[:, chosen.layer]
    return (
        f"chain of UMAPs, {len(result.points):,} {chosen.embedded}s a side, {spec.n_neighbors} neighbours ({spec.metric}), "
        f"min_dist {spec.min_dist:g}, {result.n_epochs} epochs, seed {spec.seed}; continuity, {result.n_trust} "
        f"neighbours: base {continuity[0]:.2f}, tuned {continuity[1]:.2f}"
    )


def head(result: TunedCheckpoint, run: FineTune) -> str:
    """Of a head's answers."""
    is_wilson = run.unit == "sentence" and run.goal != "number"
    interval = "Wilson" if is_wilson else "a jackknife over groups of sentences"
    return (
        f"n = {result.score.n:,} {run.unit}s of this run's own dev examples, 95 % interval: {interval}; {result.n_train:,} "
        f"training examples, {result.n_steps:,} steps; one run: no spread over seeds"
    )


def crowding(result: CrowdingCurves) -> str:
    """Of the mean cosine."""
    return f"{result.n_pairs:,} pairs from different sentences, 95 % interval over groups of sentences"


def isotropy(result: Isotropies, measure: str, chosen: Selection) -> str:
    """Of a measure of isotropy."""
    n = result.n_points if measure in ("partition", "dimension") else result.n_rows
    ratio = result.n_rows / result.width
    bias = {"isoscore": "low", "top_component": "high"}.get(measure)
    few = (
        f"; {ratio:.1f} rows a dimension: below about 10 the value of either side is too {bias}"
        if bias and ratio < 10
        else ""
    )
    return (
        f"n = {n:,} {chosen.embedded}s of {result.n_sentences:,} sentences, 95 % interval: delete-a-group jackknife over groups of "
        f"sentences; hollow ▲: the paired difference is inside the noise{few}"
    )


def outliers(result: Isotropies, chosen: Selection) -> str:
    """Of outlier dimensions."""
    return (
        f"n = {result.n_rows:,} {chosen.embedded}s of {result.n_sentences:,} sentences; outlier: mean absolute value or standard "
        f"deviation more than 3 standard deviations above the mean of all {result.width:,} dimensions; bold: the share changed "
        "beyond its 95 % interval (jackknife over groups of sentences), not corrected for looking at many"
    )


def head_agreement(result: HeadAgreements) -> str:
    """Of the answers of two heads."""
    return (
        f"n = {result.n_rows:,} answers in {result.n_sentences:,} sentences of the sidebar's text, 95 % interval: delete-a-group "
        "jackknife over groups of sentences; shares are of a row; the table has the rows on which they differ most"
    )


def mean_shift(result: ActivationDifferences, place: int) -> str:
    """Of the common step of all vectors."""
    return (
        f"mean of tuned minus base, n = {result.n_rows[place]:,} words of {result.n_sentences:,} sentences, 95 % interval: "
        "delete-a-group jackknife over groups of sentences"
    )


HALVES = (
    "95 % interval: what another sample of as many sentences would give (delete-half jackknife, ten halves, the same for both "
    "sides); hollow ▲: inside the noise, or too rare to tell"
)


def control(kind: str) -> str:
    """Of the control task."""
    return f"control task: {kind}"


def hulls(result: LabelHulls) -> str:
    """Of clusters and hull distances."""
    rare = sum(count < LEAST_POINTS for count in result.counts)
    middle = sorted(one + other for at, one in enumerate(result.counts) for other in result.counts[:at])
    return (
        f"n = {len(result.label):,} rows of {result.n_sentences:,} sentences, {len(result.labels)} labels, commonly "
        f"{middle[len(middle) // 2]:,} rows a pair of labels in {result.n_dims:,} dimensions"
        + (f"; {rare} labels of fewer than {LEAST_POINTS} rows without distances" if rare else "")
    )


def spatial(result: SpatialSimilarities) -> str:
    """Of the similarity of label distances."""
    return (
        f"Pearson correlation over {result.n_pairs} of {result.n_all_pairs} pairs of labels (those with {LEAST_POINTS} rows or "
        "more in both texts), at layers where planes part all labels; 95 % interval: jackknife over labels; hollow ▲: the paired "
        "difference is inside the noise"
    )


def places(result: LabelPlaces, chosen: Selection, *, with_rare: bool = False) -> str:
    """Of centroids and what follows from them; with_rare: of a figure that has the rare labels, where the result kept them."""
    is_drawn = with_rare and bool(result.rare_labels)
    told = "in grey, not judged" if is_drawn else "left out"
    rare = f"; {result.n_left_out} rarer labels {told}" if result.n_left_out else ""
    return (
        f"n = {result.n_rows:,} {chosen.unit_name}s of {result.n_sentences:,} sentences, {len(result.labels)} labels of "
        f"{LEAST_ROWS_PLACED} rows or more{rare}, 95 % interval: delete-a-group jackknife over groups of sentences"
    )


def weights(result: WeightChanges, chosen: Selection) -> str:
    """Of the weight change."""
    assert chosen.tuned is not None
    caveat = caveat_of(chosen.tuned)
    return (
        f"Frobenius norm of tuned minus base over that of base, {result.n_parameters:,} weights, without pooler and head; "
        f"one run: no interval" + (f"; {caveat}" if caveat else "")
    )


def weight_spectra(result: WeightSpectraFound) -> str:
    """Of singular values and vectors."""
    return (
        f"singular values of {len(result.matrices)} matrices of the blocks, embeddings left out, the {result.n_top} strongest "
        "directions compared; control: base plus a Gaussian random change of the same Frobenius norm, one draw; one run: no "
        "interval" + (f"; {result.n_left_out} stacked tensors left out" if result.n_left_out else "")
    )


def beside(similarity: LayerSimilarity, changes: WeightChanges, chosen: Selection) -> str:
    """Of change of the space over change of the weights."""
    return (
        f"√(1 − {similarity.estimator}) over the steps so far (root of the sum of squared changes, layers 0 to this one), n = "
        f"{similarity.n_rows:,} {chosen.embedded}s of {similarity.n_sentences:,} sentences, 95 % "
        f"interval: delete-a-group jackknife over groups of sentences; {weights(changes, chosen)}; hollow: the interval of "
        "1 − CKA holds 0"
    )


def task_vectors(result: TaskCosines, layer: int | None, reach: float | None) -> str:
    """Of cosines between tunings; reach: of the pair that chance lets reach furthest, None for no pair."""
    by_chance = f"; by chance 0 ± {reach:.2g} at most ({_BY_CHANCE})" if reach is not None else ""
    return _cosines(result.n_weights.sum() if layer is None else result.n_weights[layer], "", by_chance)


def task_vectors_by_layer(result: TaskCosines) -> str:
    """Of the same, layer by layer."""
    return _cosines(
        result.n_weights[result.n_weights > 0].min(),
        " or more a layer",
        f"; hollow: within what chance gives ({_BY_CHANCE})",
    )


def _cosines(n: int, of: str, by_chance: str) -> str:
    return f"cosine of tuned minus base over {n:,} weights{of}, without pooler and head{by_chance}; one run each: no interval"


def steps(result: SteppedMaps, spec: MapSteps, places: Mapping[str, int], chosen: Selection) -> str:
    """Of UMAPs begun from one map of the base. Args: places: of the maps that are drawn, by name."""
    kept = ", ".join(f"{name} {result.continuity[at]:.2f}" for name, at in places.items())
    return (
        f"UMAPs begun from one map of the base, {len(result.points):,} {chosen.embedded}s each, {spec.n_neighbors} neighbours "
        f"({spec.metric}), min_dist {spec.min_dist:g}, {result.n_epochs} epochs, seed {spec.seed}; continuity, {result.n_trust} "
        f"neighbours: {kept}"
    )


def trials(table: pd.DataFrame, ablation: Ablation) -> str:
    """Of trials of tuning."""
    run = ablation.of
    drawn = ""
    if ablation.asked.resets:
        norms = ", layer norms kept" if ablation.keeps_norms else ""
        rate = f", {ablation.reset_rate:g} times the learning rate" if ablation.reset_rate != 1 else ""
        drawn = f"; weights drawn anew: {ablation.scale}{norms}{rate}"
    of = [point.trial.of for point in ablation.points]
    epochs, rates = (
        " or ".join(f"{one:g}" for one in dict.fromkeys(values))
        for values in ((one.epochs for one in of), (one.learning_rate for one in of))
    )
    head = f" (head × {run.head_rate:g})" if any(one.head_rate != 1 for one in of) else ""
    return (
        f"tuning on {escaped(goal_name(run.goal, run.label))}, {int(table['n_train'].iloc[0]):,} examples, {epochs} epochs, "
        f"learning rate {rates}{head}, batch {run.batch_size}, {ablation.n_seeds} seeds; "
        f"n = {int(table['n'].iloc[0]):,} dev {run.unit}s, thin lines: 95 % over dev examples (Wilson, or a jackknife){drawn}"
    )


def neurons(chosen: Selection, *sides: NeuronScores) -> str:
    """Of rankings of neurons. Args: sides: those that a figure shows."""
    scores = sides[0]
    strengths = " or ".join(f"{one:g}" for one in sorted({one for side in sides for one in side.strengths}))
    stopped, nets = sum(one.n_unconverged for one in sides), sum(one.orders.shape[1] for one in sides)
    still = sum(one.n_constant for one in sides)
    return (
        f"{scores.orders.shape[2]:,} neurons of {_layers_said(scores)}; elastic net (half L1), C = {strengths}, the "
        "sparsest within 1 % of the best on a fifth of the training sentences; probes trained again: L2; "
        f"{scores.n_train:,} training and {scores.n_test:,} test {chosen.unit_name}s, {scores.orders.shape[1]} random splits by "
        "sentence, 95 % interval corrected for their overlap (Nadeau & Bengio 2003); control: "
        f"{scores.control_kind}, {scores.overlap:.0%} of test types also in training"
        + (f"; {still} neurons never change" if still else "")
        + (f"; {stopped} of {nets} elastic nets stopped before they had converged" if stopped else "")
    )


def _layers_said(scores: NeuronScores) -> str:
    return f"{len(scores.layers)} layers" if len(scores.layers) > 1 else f"layer {scores.layers[0]}"


def twins(found: Twins) -> str:
    """Of neurons and what became of them."""
    by_row, by_sentence = best_by_chance(found)
    return (
        f"Pearson correlation over {found.n_rows:,} rows of {found.n_sentences:,} sentences; by chance the best match of a "
        f"neuron is "
        f"about {by_row:.2f} (rows all independent) to {by_sentence:.2f} (rows of a sentence all one)"
    )
