"""The demo pack: a comparison that is there on the first start, made by one command (python -m core demo).

Each demo checkpoint is a tuned one reduced to a change of low rank, so that it takes a megabyte and not ninety; that
reconstruction is the checkpoint, and everything shown was computed on it. The pack carries results, and the vectors of a
few sentences only: whoever asks for more computes it from the checkpoint in the pack.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from core.analyses.ablation import Ablation
from core.analyses.activation_difference import ActivationDifference
from core.analyses.checkpoint import Checkpoint
from core.analyses.claim import Claim
from core.analyses.codelength import Codelength
from core.analyses.codelength_change import CodelengthChange
from core.analyses.compress import Compress
from core.analyses.crowding import Crowding
from core.analyses.direct_probe import DirectProbe
from core.analyses.direct_probe_change import DirectProbeChange
from core.analyses.dynamics import Dynamics
from core.analyses.embed import Embed
from core.analyses.experiments import CLASSROOM, CLASSROOM_EXAMPLES, CLASSROOM_SEEDS
from core.analyses.fine_tune import FineTune, Snapshot, spaced_steps
from core.analyses.grafts import ADD, WAYS, Grafts
from core.analyses.head_answers import HeadAnswers
from core.analyses.isotropy import Isotropy
from core.analyses.joint_map import JointMap
from core.analyses.joint_tsne import JointTsne
from core.analyses.joint_umap import JointUmap
from core.analyses.label_axes import LabelAxes
from core.analyses.label_dynamics import LabelDynamics
from core.analyses.label_geometry import LabelGeometry
from core.analyses.map_chain import MapChain
from core.analyses.movers import Movers
from core.analyses.multiverse import choices, worlds
from core.analyses.neuron_ablation import NeuronAblation
from core.analyses.neuron_reading import NeuronReading
from core.analyses.neuron_twins import NeuronTwins
from core.analyses.neurons import Neurons
from core.analyses.patched_sample import PatchedSample
from core.analyses.patched_sentence import PatchedSentence
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.probe_slices import ProbeSlices
from core.analyses.probe_transfer import ProbeTransfer
from core.analyses.ready_claims import Compared, Ready, ready
from core.analyses.similarity import Similarity
from core.analyses.spatial_change import SpatialChange
from core.analyses.spatial_similarity import SpatialSimilarity
from core.analyses.step_scores import StepScores
from core.analyses.structural_change import StructuralChange
from core.analyses.structural_probe import StructuralProbe
from core.analyses.task_vectors import TaskVectors
from core.analyses.umap_seeds import UmapSeeds
from core.analyses.weight_change import WeightChange
from core.analyses.weight_spectra import WeightSpectra
from core.keys import Spec, key_of
from core.lab import Lab
from core.refs import Packaged, RandomWeights, Sample, Suite
from core.settings import ROOT, Settings
from core.store.artifacts import Store

log = logging.getLogger(__name__)

PACK = ROOT / "cache" / "packs" / "demo.tunescope"
TITLE = "Demo: sentiment, agreement, question types and word classes"
BASE = Packaged()
SEEN = Sample(of=Suite(split="dev"), n=500)
"""The sentences of every result: what the pickers offer first."""
ELSEWHERE = Sample(of=Suite(part="harbour", split="dev"), n=500)
"""Sentences of another domain than any tuning saw."""
LIVE = Sample(of=Suite(split="dev"), n=12)
"""The sentences whose vectors are in the pack."""
RANK = 8
N_STEPS = 8
"""Kept by the run that is followed, before its end."""
Part = Literal["reviews", "questions", "agreement"]
Unit = Literal["word", "sentence"]
Pooling = Literal["average", "mean"]
UNITS: tuple[tuple[Unit, Pooling, tuple[str, ...]], ...] = (
    ("sentence", "mean", ("sentiment", "tense", "number")),
    ("word", "average", ("upos", "relation")),
)
"""What is read, how it is pooled, and the labels that are probed."""
OPENED_AT = ("sentiment", "upos")
"""Of sentences and of words, the label that is looked into closely for the checkpoint that home opens with."""


def _run(part: Part, label: str, **settings: Any) -> FineTune:
    """A tuning on a part of the suite, its dev split held out."""
    train, dev = (Suite(split=split, part=part) for split in ("train", "dev"))
    sample = Sample(of=train, n=settings.pop("n", 0))
    return FineTune(checkpoint=BASE, train=sample, dev=Sample(of=dev, n=500), label=label, **settings)


def runs() -> tuple[FineTune, ...]:
    """What was tuned whole, once each; the first is the one that home opens with.

    Of agreement the subject's number is learnt, from sentences whose other nouns and whose verb may have another. Whether
    subject and verb agree this small network does not learn from 3,000 sentences: after 750 steps at 3e-4 it guesses.
    """
    return (
        _run("reviews", "sentiment"),
        _run("questions", "question"),
        _run("reviews", "upos", n=1000, unit="word", learning_rate=1e-4),
        _run("agreement", "number"),
    )


def variants() -> tuple[FineTune, ...]:
    """The first of them again: by adapters of low rank, by its head alone, and from another seed."""
    first = runs()[0]
    return (
        first.replace(method="lora", learning_rate=1e-3),
        first.replace(method="head", learning_rate=1e-3),
        first.replace(seed=1),
    )


def checkpoints() -> tuple[Compress, ...]:
    """The demo checkpoints."""
    return tuple(Compress(of=run, rank=RANK) for run in (*runs(), *variants()))


def ablations() -> tuple[Ablation, ...]:
    """The experiment that the page Ablations opens with, and what stands beside it in the papers."""
    reviews = {split: Suite(split=split, part="reviews") for split in ("train", "dev")}
    run = FineTune(
        checkpoint=BASE, train=Sample(of=reviews["train"], n=CLASSROOM_EXAMPLES), dev=Sample(of=reviews["dev"], n=500),
        label="sentiment", **CLASSROOM,
    )  # fmt: skip
    names = "Reinitialise from the top", "Leave out from the top"
    return tuple(Ablation(experiment=name, of=run, n_blocks=6, n_seeds=CLASSROOM_SEEDS) for name in names)


def stepped() -> tuple[FineTune, ...]:
    """The runs that the page Dynamics follows, the one that it opens with last. Their weights are not in the pack."""
    return tuple(run.replace(snapshots=spaced_steps(run.n_steps, N_STEPS)) for run in (runs()[0], runs()[3], runs()[2]))


def _followed(run: FineTune) -> Iterator[Spec]:
    """Every step of it, read like the base, where its own label is."""
    unit: Unit = run.unit
    pooling: Pooling = "average" if unit == "word" else "mean"
    where = Sample(of=run.dev.of, n=SEEN.n)
    steps = [_embed(Snapshot(run=run, step=step), unit, pooling, where) for step in run.snapshots]
    steps.append(_embed(run, unit, pooling, where))
    base = _embed(BASE, unit, pooling, where)
    yield from (StepScores(run=run), Dynamics(base=base, steps=tuple(steps)))
    yield LabelDynamics(base=base, steps=tuple(steps), label=run.label)
    yield from (Probe(embed=one, label=run.label) for one in (base, *steps))


def _taken_apart(tuned: Compress, others: tuple[Compress, ...]) -> Iterator[Spec]:
    """What the page Ablations does without training."""
    yield from (Grafts(of=tuned, way=way) for way in WAYS if way != ADD)
    yield from (Grafts(of=tuned, way=ADD, other=other) for other in others)
    yield from (PatchedSample(of=tuned, sample=SEEN.replace(n=100)), PatchedSentence(of=tuned, sample=SEEN))


def _across(tuned: Compress, label: str) -> Iterator[Spec]:
    """What one tuning did to a label of words, as the page Dynamics sets tunings beside each other."""
    base, other = (_embed(side, "word", "average") for side in (BASE, tuned))
    hulls = [DirectProbe(embed=side, label=label) for side in (base, other)]
    yield DirectProbeChange(base=hulls[0], tuned=hulls[1])
    there = SEEN.replace(of=tuned.run.train.of)
    learnt = [side.replace(embed=side.embed.replace(sample=there)) for side in hulls]
    alike = [SpatialSimilarity(first=first, second=second) for first, second in zip(hulls, learnt, strict=True)]
    yield from (*hulls, *alike, SpatialChange(base=alike[0], tuned=alike[1]))


def contents() -> list[Spec]:
    """All that the pack carries, the first checkpoint last, so that it is the newest."""
    found: list[Spec] = []
    for tuned in reversed(checkpoints()):
        found += [tuned, WeightChange(base=BASE, tuned=tuned)]
        for unit, pooling, labels in UNITS:
            found += _compared(tuned, unit, pooling, labels, SEEN)
            if tuned == checkpoints()[0]:
                found += _compared(tuned, unit, pooling, labels, ELSEWHERE)
    opened = checkpoints()[0]
    for (unit, pooling, _), label in zip(UNITS, OPENED_AT, strict=True):
        found += _inspected(opened, unit, pooling, label)
    found += _words_inspected(opened)
    found += [HeadAnswers(checkpoint=opened, sample=SEEN)]
    found += [WeightSpectra(base=BASE, tuned=opened), TaskVectors(base=BASE, tuned=checkpoints()[: len(runs())])]
    found += [spec for run in stepped() for spec in _followed(run)]
    found += _taken_apart(opened, checkpoints()[1 : len(runs())])
    found += [spec for tuned in checkpoints() for spec in _across(tuned, OPENED_AT[1])]
    found += [point.trial for one in ablations() for point in one.points]
    found += [spec for claim in claims() for spec in claim.dependencies().values()]
    found += [Embed(checkpoint=side, sample=LIVE) for side in (BASE, checkpoints()[0])]
    return list(dict.fromkeys(found))


def papers_claims() -> list[Ready]:
    """What the page Hypotheses opens with: the papers' findings as claims about the first checkpoint."""
    words, sentences = (
        (_embed(BASE, unit, pooling), _embed(checkpoints()[0], unit, pooling)) for unit, pooling, _ in reversed(UNITS)
    )
    return ready(
        Compared(
            words=words,
            sentences=sentences,
            word_label=OPENED_AT[1],
            sentence_labels=UNITS[0][2],
            elsewhere=ELSEWHERE,
        )
    )


def claims() -> list[Claim]:
    """These, and other ways of asking the one that compares layers."""
    found = [one.claim for one in papers_claims()]
    between = next(claim for claim in found if claim.is_of_layers)
    return [*found, *(way.claim for way in worlds(between, list(choices(between))[:2]))]


def _compared(tuned: Compress, unit: Unit, pooling: Pooling, labels: tuple[str, ...], sample: Sample) -> Iterator[Spec]:
    """Every analysis of one unit, base against one demo checkpoint."""
    base, other, random = (_embed(side, unit, pooling, sample) for side in (BASE, tuned, RandomWeights(of=BASE)))
    for label in labels:
        probes = [Probe(embed=side, label=label) for side in (base, other)]
        yield from (*probes, Probe(embed=random, label=label), ProbeChange(base=probes[0], tuned=probes[1]))
    for measure in ("cka", "rsa"):
        yield Similarity(base=base, tuned=other, measure=measure)
    yield Crowding(base=base, tuned=other)
    yield JointMap(base=base, tuned=other)
    if tuned == checkpoints()[0] and sample == SEEN:
        yield from _drawn(base, other, OPENED_AT[unit == "word"])


def _drawn(base: Embed, tuned: Embed, label: str) -> Iterator[Spec]:
    """What the page Maps opens with, by each projection, and the true neighbours of the points on each of its maps."""
    top = base.n_layers - 1
    bent, chain, movers = (
        JointUmap(base=base, tuned=tuned, layer=top),
        MapChain(base=base, tuned=tuned),
        Movers(base=base, tuned=tuned),
    )
    yield from (
        bent,
        UmapSeeds(base=base, tuned=tuned, layer=top),
        JointTsne(base=base, tuned=tuned, layer=top),
        chain,
        movers,
    )
    yield from (movers.replace(n_points=one.n_points) for one in (bent, chain))
    yield LabelAxes(base=base, tuned=tuned, label=label)


def _inspected(tuned: Compress, unit: Unit, pooling: Pooling, label: str) -> Iterator[Spec]:
    """What the pages under Inspect show first, of words and sentences alike."""
    base, other = (_embed(side, unit, pooling) for side in (BASE, tuned))
    random = _embed(RandomWeights(of=BASE), unit, pooling)
    codes = [Codelength(embed=side, label=label) for side in (base, other, random)]
    yield from (*codes, CodelengthChange(base=codes[0], tuned=codes[1]))
    transfer = ProbeTransfer(base=base, tuned=other, label=label)
    yield from (transfer, ProbeSlices(of=transfer))
    hulls = [DirectProbe(embed=side, label=label) for side in (base, other)]
    yield from (*hulls, DirectProbeChange(base=hulls[0], tuned=hulls[1]))
    halves = [(side.replace(half="first"), side.replace(half="second")) for side in hulls]
    alike = [SpatialSimilarity(first=first, second=second) for first, second in halves]
    yield from (*halves[0], *halves[1], *alike, SpatialChange(base=alike[0], tuned=alike[1]))
    yield LabelGeometry(base=base, tuned=other, label=label)
    yield Isotropy(base=base, tuned=other)


def _words_inspected(tuned: Compress) -> Iterator[Spec]:
    """The same of words alone: trees, the step that all words took, and neurons."""
    base, other, random = (_embed(side, "word", "average") for side in (BASE, tuned, RandomWeights(of=BASE)))
    trees = [StructuralProbe(embed=side) for side in (base, other)]
    yield from (*trees, StructuralProbe(embed=random), StructuralChange(base=trees[0], tuned=trees[1]))
    yield ActivationDifference(base=base, tuned=other, checkpoint=tuned)
    ranked = [Neurons(embed=side, label=OPENED_AT[1]) for side in (base, other)]
    yield from (*ranked, NeuronTwins(base=base, tuned=other, label=OPENED_AT[1]), NeuronAblation(of=ranked[1]))
    yield from (NeuronReading(of=one) for one in ranked)


def _embed(checkpoint: Checkpoint, unit: Unit, pooling: Pooling, sample: Sample = SEEN) -> Embed:
    return Embed(checkpoint=checkpoint, sample=sample, unit=unit, pooling=pooling)


def make(path: Path) -> int:
    """Compute what is not stored in the cache folder yet and write the pack; returns its bytes.

    About fifty minutes on two cores. An older demo pack is not looked at.

    Raises:
        TunescopeError: as the analyses do.
    """
    lab = Lab(Store(replace(Settings.from_environment(), packs=None)), engine="none")
    for tuned in checkpoints():
        lab.discard(tuned)  # pickers list the newest first: made again, the first of them is that
    for spec in contents():
        log.info("%s %s", spec.kind, key_of(spec)[:12])
        lab.run(spec)
    lab.export_pack([key_of(spec) for spec in contents()], path, title=TITLE)
    return path.stat().st_size
