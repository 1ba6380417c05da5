"""The smallest real comparison: the packaged checkpoint tuned for seconds on the built-in suite, and every analysis."""

from core.analyses.ablation import Ablation
from core.analyses.activation_difference import ActivationDifference
from core.analyses.claim import Claim
from core.analyses.codelength import Codelength
from core.analyses.codelength_change import CodelengthChange
from core.analyses.compress import Compress
from core.analyses.crowding import Crowding
from core.analyses.direct_probe import DirectProbe
from core.analyses.direct_probe_change import DirectProbeChange
from core.analyses.dynamics import Dynamics
from core.analyses.edge_probe import EdgeProbe
from core.analyses.edge_probe_change import EdgeProbeChange
from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune, Snapshot
from core.analyses.graft import Graft
from core.analyses.grafts import ADD, Grafts
from core.analyses.head_agreement import HeadAgreement
from core.analyses.head_answers import HeadAnswers
from core.analyses.inner_embed import InnerEmbed
from core.analyses.isotropy import Isotropy
from core.analyses.joint_map import JointMap
from core.analyses.joint_tsne import JointTsne
from core.analyses.joint_umap import JointUmap
from core.analyses.label_axes import LabelAxes
from core.analyses.label_dynamics import LabelDynamics
from core.analyses.label_geometry import LabelGeometry
from core.analyses.map_chain import MapChain
from core.analyses.map_steps import MapSteps
from core.analyses.movers import Movers
from core.analyses.neuron_ablation import NeuronAblation
from core.analyses.neuron_depth import NeuronDepth
from core.analyses.neuron_reading import NeuronReading
from core.analyses.neuron_twins import NeuronTwins
from core.analyses.neurons import Neurons
from core.analyses.patched_sample import PatchedSample
from core.analyses.patched_sentence import PatchedSentence
from core.analyses.prediction import ONE_BLOCK, Prediction
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.probe_kinds import ProbeKinds
from core.analyses.probe_slices import ProbeSlices
from core.analyses.probe_transfer import ProbeTransfer
from core.analyses.ridge_probe import RidgeProbe
from core.analyses.ridge_probe_change import RidgeProbeChange
from core.analyses.self_test import SelfTest
from core.analyses.similarity import Similarity
from core.analyses.spatial_change import SpatialChange
from core.analyses.spatial_similarity import SpatialSimilarity
from core.analyses.step_scores import StepScores
from core.analyses.structural_change import StructuralChange
from core.analyses.structural_probe import StructuralProbe
from core.analyses.task_vectors import TaskVectors
from core.analyses.trial import Trial
from core.analyses.umap_seeds import UmapSeeds
from core.analyses.weight_change import WeightChange
from core.analyses.weight_spectra import WeightSpectra
from core.keys import Spec
from core.refs import Packaged, Sample, Suite, Surgery

TUNE = FineTune(
    checkpoint=Packaged(),
    train=Sample(of=Suite(split="train"), n=64),
    dev=Sample(of=Suite(split="dev"), n=40),
    label="sentiment",
    epochs=1,
    batch_size=16,
)
SAMPLE = Sample(of=Suite(split="dev"), n=60)
BASE = Embed(checkpoint=Packaged(), sample=SAMPLE)
TUNED = Embed(checkpoint=TUNE, sample=SAMPLE)
SENTENCES = Embed(checkpoint=Packaged(), sample=SAMPLE, unit="sentence", pooling="mean")


def experiment() -> list[Spec]:
    """The trials of an experiment of its own, the experiment, and a probe beside it: nothing of it is about TUNE."""
    ablation = Ablation(experiment=ONE_BLOCK, of=TUNE.replace(train=TUNE.train.replace(n=16)), n_blocks=6, n_seeds=1)
    marks = SENTENCES.replace(pooling="cls")
    probe = Probe(embed=marks, label=TUNE.label, n_seeds=2)
    prediction = Prediction(probe=probe, ablation=ablation)
    return [*ablation.dependencies().values(), ablation, marks, probe, prediction, Claim(of=(prediction,))]


STEPPED = TUNE.replace(train=TUNE.train.replace(n=16), epochs=3, batch_size=8, snapshots=(0, 2, 3))
"""A run of six steps that kept three."""
STEPS = tuple(
    Embed(checkpoint=one, sample=SAMPLE) for one in (*(Snapshot(run=STEPPED, step=step) for step in (0, 2, 3)), STEPPED)
)


def followed() -> list[Spec]:
    """A run of its own, step by step: nothing of it is about TUNE."""
    return [
        STEPPED,
        *STEPS,
        StepScores(run=STEPPED),
        Dynamics(base=BASE, steps=STEPS),
        LabelDynamics(base=BASE, steps=STEPS, label="upos", n_rows=200),
    ]


def apart() -> list[Spec]:
    """What is nothing of TUNE, nor needed by what is: the experiment, a run step by step, and the base by itself."""
    return [*experiment(), *followed(), NeuronReading(of=Neurons(embed=BASE, label="upos", n_seeds=2))]


def claims(read: ProbeChange, alike: Similarity) -> list[Claim]:
    """One that speaks of every layer, and one that compares layers."""
    return [
        Claim(of=(read,), layers=(0, 3, 6), over="all", way="same", least=0.05),
        Claim(of=(alike,), against=(alike,), layers=(5, 6), against_layers=(1, 2), least=0.01),
    ]


def comparison() -> list[Spec]:
    """One spec of every kind, dependencies first."""
    base, tuned = (Probe(embed=side, label="upos", n_seeds=2) for side in (BASE, TUNED))
    ridges = [RidgeProbe(embed=side, number="tree depth", n_seeds=2) for side in (BASE, TUNED)]
    codelengths = [Codelength(embed=side, label="upos", n_seeds=2) for side in (BASE, TUNED)]
    trees = [StructuralProbe(embed=side, rank=8, n_seeds=2) for side in (BASE, TUNED)]
    edges = [EdgeProbe(embed=side, label="upos", n_seeds=2, width=8) for side in (BASE, TUNED)]
    hulls = [DirectProbe(embed=side, label="upos", n_rows=150) for side in (BASE, TUNED)]
    halves = [one.replace(half=half) for one in hulls for half in ("first", "second")]
    neurons = [Neurons(embed=side, label="upos", n_seeds=2) for side in (BASE, TUNED)]
    spatial = [SpatialSimilarity(first=halves[at], second=halves[at + 1]) for at in (0, 2)]
    return [
        TUNE,
        BASE,
        TUNED,
        SelfTest(checkpoint=TUNE),
        Similarity(base=BASE, tuned=TUNED),
        Similarity(base=BASE, tuned=TUNED, measure="rsa"),
        Similarity(base=BASE, tuned=TUNED, measure="procrustes"),
        Similarity(base=BASE, tuned=TUNED, measure="knn", label="upos", value="NOUN"),
        base,
        tuned,
        ProbeChange(base=base, tuned=tuned),
        *ridges,
        RidgeProbeChange(base=ridges[0], tuned=ridges[1]),
        *codelengths,
        CodelengthChange(base=codelengths[0], tuned=codelengths[1]),
        ProbeKinds(base=BASE, tuned=TUNED, label="upos", n_seeds=2, sizes=(8,)),
        ProbeTransfer(base=BASE, tuned=TUNED, label="upos", n_seeds=2),
        ProbeSlices(of=ProbeTransfer(base=BASE, tuned=TUNED, label="upos", n_seeds=2)),
        *trees,
        StructuralChange(base=trees[0], tuned=trees[1]),
        Crowding(base=BASE, tuned=TUNED),
        *hulls,
        DirectProbeChange(base=hulls[0], tuned=hulls[1]),
        *halves,
        *spatial,
        SpatialChange(base=spatial[0], tuned=spatial[1]),
        LabelGeometry(base=BASE, tuned=TUNED, label="upos"),
        *neurons,
        NeuronTwins(base=BASE, tuned=TUNED, label="upos"),
        *(inside := [InnerEmbed(checkpoint=side.checkpoint, sample=SAMPLE, site="heads") for side in (BASE, TUNED)]),
        NeuronTwins(base=inside[0], tuned=inside[1], label="upos"),
        NeuronAblation(of=neurons[1]),
        *(NeuronReading(of=one) for one in neurons),
        NeuronDepth(base=neurons[0], tuned=neurons[1]),
        *claims(ProbeChange(base=base, tuned=tuned), Similarity(base=BASE, tuned=TUNED)),
        Isotropy(base=BASE, tuned=TUNED, n_points=300),
        ActivationDifference(base=BASE, tuned=TUNED, checkpoint=TUNE, n_positions=3, n_tokens=5),
        WeightChange(base=Packaged(), tuned=TUNE),
        WeightSpectra(base=Packaged(), tuned=TUNE),
        JointMap(base=BASE, tuned=TUNED, n_points=100),
        JointUmap(base=BASE, tuned=TUNED, layer=6, n_points=100),
        UmapSeeds(base=BASE, tuned=TUNED, layer=6, n_points=50, n_seeds=2),
        JointTsne(base=BASE, tuned=TUNED, layer=6, n_points=50, perplexity=10),
        MapChain(base=BASE, tuned=TUNED, n_points=50),
        MapSteps(base=BASE, steps=(TUNED,), layer=6, n_points=50),
        Movers(base=BASE, tuned=TUNED, n_points=100),
        LabelAxes(base=BASE, tuned=TUNED, label="upos", first="NOUN", second="VERB", n_points=100),
        *edges,
        EdgeProbeChange(base=edges[0], tuned=edges[1]),
        Compress(of=TUNE),
        TaskVectors(base=Packaged(), tuned=(TUNE, Compress(of=TUNE))),
        HeadAnswers(checkpoint=TUNE, sample=SAMPLE),
        Trial(of=TUNE, surgery=Surgery(reset=(5,), n_frozen=2)),
        Graft(of=TUNE, shares=(0, 0, 0, 0, 1, 1, 1)),
        Grafts(of=TUNE, n=20),
        Grafts(of=TUNE, way="Scale the change", n=20),
        Grafts(of=TUNE, way=ADD, other=Compress(of=TUNE), n=20),
        PatchedSample(of=TUNE, sample=SAMPLE.replace(n=12)),
        PatchedSentence(of=TUNE, sample=SAMPLE),
        *experiment(),
        *followed(),
        HeadAgreement(base=TUNE, tuned=Compress(of=TUNE), sample=SAMPLE),
    ]
