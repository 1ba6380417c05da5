"""The smallest real comparison: the packaged checkpoint tuned for seconds on the built-in suite, and every analysis."""

from core.analyses.codelength import Codelength
from core.analyses.codelength_change import CodelengthChange
from core.analyses.compress import Compress
from core.analyses.crowding import Crowding
from core.analyses.edge_probe import EdgeProbe
from core.analyses.edge_probe_change import EdgeProbeChange
from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune
from core.analyses.joint_map import JointMap
from core.analyses.joint_umap import JointUmap
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.probe_kinds import ProbeKinds
from core.analyses.probe_slices import ProbeSlices
from core.analyses.probe_transfer import ProbeTransfer
from core.analyses.similarity import Similarity
from core.analyses.structural_change import StructuralChange
from core.analyses.structural_probe import StructuralProbe
from core.analyses.weight_change import WeightChange
from core.keys import Spec
from core.refs import Packaged, Sample, Suite

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


def comparison() -> list[Spec]:
    """One spec of every kind, dependencies first."""
    base, tuned = (Probe(embed=side, label="upos", n_seeds=2) for side in (BASE, TUNED))
    codelengths = [Codelength(embed=side, label="upos", n_seeds=2) for side in (BASE, TUNED)]
    trees = [StructuralProbe(embed=side, rank=8, n_seeds=2) for side in (BASE, TUNED)]
    edges = [EdgeProbe(embed=side, label="upos", n_seeds=2, width=8) for side in (BASE, TUNED)]
    return [
        TUNE,
        BASE,
        TUNED,
        Similarity(base=BASE, tuned=TUNED),
        Similarity(base=BASE, tuned=TUNED, measure="rsa"),
        base,
        tuned,
        ProbeChange(base=base, tuned=tuned),
        *codelengths,
        CodelengthChange(base=codelengths[0], tuned=codelengths[1]),
        ProbeKinds(base=BASE, tuned=TUNED, label="upos", n_seeds=2, sizes=(8,)),
        ProbeTransfer(base=BASE, tuned=TUNED, label="upos", n_seeds=2),
        ProbeSlices(of=ProbeTransfer(base=BASE, tuned=TUNED, label="upos", n_seeds=2)),
        *trees,
        StructuralChange(base=trees[0], tuned=trees[1]),
        Crowding(base=BASE, tuned=TUNED),
        WeightChange(base=Packaged(), tuned=TUNE),
        JointMap(base=BASE, tuned=TUNED, n_points=100),
        JointUmap(base=BASE, tuned=TUNED, layer=6, n_points=100),
        *edges,
        EdgeProbeChange(base=edges[0], tuned=edges[1]),
        Compress(of=TUNE),
    ]
