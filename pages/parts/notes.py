"""What stands below a figure: estimator, n and interval, in a few words; the same wherever the result is drawn."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.analyses.codelength import Codelengths
from core.analyses.crowding import CrowdingCurves
from core.analyses.edge_probe import EdgeScores
from core.analyses.fine_tune import FineTune, TunedCheckpoint
from core.analyses.joint_umap import JointUmap, UmapMaps
from core.analyses.probe import ProbeScores
from core.analyses.probe_kinds import HULL_ROWS, KindScores
from core.analyses.probe_slices import LEAST_ROWS, LEAST_SENTENCES, Slices
from core.analyses.probe_transfer import Transfers
from core.analyses.similarity import LayerSimilarity
from core.analyses.structural_probe import StructuralScores
from core.analyses.weight_change import WeightChanges
from pages.parts.selection import Selection, caveat_of

NO_WEIGHTS = "How far weights moved is only asked of two checkpoints of one family, depth and width."


def similarity(result: LayerSimilarity, chosen: Selection) -> str:
    """Of CKA or RSA."""
    return (
        f"{result.estimator}, n = {result.n_rows:,} {chosen.embedded}s of {result.n_sentences:,} sentences, "
        "95 % interval: delete-a-group jackknife over groups of sentences"
    )


def probe(base: ProbeScores, tuned: ProbeScores, chosen: Selection) -> str:
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
        f"logistic regression, L2, {penalty}, {len(base.labels)} classes, {base.n_train:,} training and "
        f"{base.n_test:,} test {chosen.unit_name}s{other}, {base.accuracy.shape[1]} random splits by sentence, 95 % interval "
        f"corrected for their overlap (Nadeau & Bengio 2003); hollow ▲: the paired difference is inside the noise; control: "
        f"{base.control_kind}, {base.overlap:.0%} of test {chosen.unit_name}s also in training"
        + (f"; {failed} fits stopped unconverged" if failed else "")
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
        f"online code, {len(base.n_before) + 1} blocks, linear probes, L2, C = {chosen.codelengths[0].C:g}, "
        f"{len(base.labels)} classes, n = {base.n_rows:,} {chosen.unit_name}s of {base.n_sentences:,} sentences, mean over "
        f"{base.bits.shape[1]} orders, 95 % interval: delete-a-group jackknife over groups of sentences, the probes as they are; "
        "hollow ▲: the paired "
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


def slices(result: Slices, chosen: Selection) -> str:
    """Of probes on parts of the rows."""
    return (
        f"logistic regression, L2, C = {chosen.transfer.C:g}, each {chosen.unit_name} judged in the first of "
        f"{chosen.transfer.n_seeds} random splits that holds it out, 95 % interval: delete-a-group jackknife over groups of "
        "sentences, the probes as they are"
        + (
            f"; {result.n_left_out} parts under {LEAST_ROWS} rows or {LEAST_SENTENCES} sentences left out"
            if result.n_left_out
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
        + (f"; never in training in some split: {', '.join(base.unseen[:5])}" if base.unseen else "")
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


def umap(result: UmapMaps, spec: JointUmap, chosen: Selection) -> str:
    """Of a joint UMAP."""
    return (
        f"joint UMAP, {len(result.points):,} {chosen.embedded}s a side, {spec.n_neighbors} neighbours ({spec.metric}), "
        f"min_dist {spec.min_dist:g}, {result.n_epochs} epochs, seed {spec.seed}; trustworthiness, {result.n_trust} "
        f"neighbours: base {result.base_trust:.2f}, tuned {result.tuned_trust:.2f}"
    )


def trust(result: UmapMaps) -> str:
    """How far the map can be trusted, in words."""
    return (
        f"trustworthiness {result.base_trust:.2f} (base), {result.tuned_trust:.2f} (tuned): of 1, how far neighbours on the "
        "map are neighbours in the layer."
    )


def head(result: TunedCheckpoint, run: FineTune) -> str:
    """Of a head's answers."""
    interval = "a jackknife over groups of sentences" if run.unit == "word" else "Wilson"
    return (
        f"n = {result.accuracy.n:,} {run.unit}s of this run's own dev examples, 95 % interval: {interval}; {result.n_train:,} "
        f"training examples, {result.n_steps:,} steps; one run: no spread over seeds"
    )


def crowding(result: CrowdingCurves) -> str:
    """Of the mean cosine."""
    return f"{result.n_pairs:,} pairs from different sentences, 95 % interval over groups of sentences"


def weights(result: WeightChanges, chosen: Selection) -> str:
    """Of the weight change."""
    assert chosen.tuned is not None
    caveat = caveat_of(chosen.tuned)
    return (
        f"Frobenius norm of tuned minus base over that of base, {result.n_parameters:,} weights, without pooler and head; "
        f"one run: no interval" + (f"; {caveat}" if caveat else "")
    )
