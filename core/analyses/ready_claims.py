"""Claims after the findings of four papers, ready to be held against any comparison."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.analyses.ablation import Ablation
from core.analyses.checkpoint import run_of, shape_of
from core.analyses.claim import ALL, Claim
from core.analyses.direct_probe import DirectProbe
from core.analyses.direct_probe_change import DirectProbeChange
from core.analyses.embed import Embed
from core.analyses.experiments import CLASSROOM, CLASSROOM_EXAMPLES, CLASSROOM_SEEDS
from core.analyses.fine_tune import FineTune
from core.analyses.neuron_depth import NeuronDepth
from core.analyses.neurons import Neurons
from core.analyses.prediction import ONE_BLOCK, Prediction
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.similarity import Similarity
from core.analyses.spatial_change import SpatialChange
from core.analyses.spatial_similarity import SpatialSimilarity
from core.refs import Sample, Vectors

PAPERS = {
    "A": "Durrani et al. 2021",
    "B": "Tamkin et al. 2020",
    "C": "Merchant et al. 2020",
    "D": "Zhou & Srikumar 2022",
}
FROM_TOP = "Reinitialise from the top"


@dataclass(frozen=True)
class Ready:
    """A finding of a paper as a claim about a comparison."""

    paper: str
    """A key of PAPERS."""
    finding: str
    """What the paper found, in our words; plain text."""
    claim: Claim


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What claims can be made about."""

    words: tuple[Embed, Embed] | None
    """Words of base and tuned; None where a side has none."""
    sentences: tuple[Embed, Embed] | None
    """Sentences of both."""
    word_label: str = ""
    """A label of words that both read; empty where the text has none."""
    sentence_labels: tuple[str, ...] = ()
    """Labels of sentences that the text has."""
    elsewhere: Sample | None = None
    """A text of another domain; None where there is none."""


def ready(compared: Compared) -> list[Ready]:
    """The claims that can be made, judged together.

    Args:
        compared: of one base and one checkpoint tuned from it.
    Returns:
        In the papers' order. What needs a label, a run of ours or another domain that is not there is left out.
    Raises:
        CheckpointNotFound, CheckpointDamaged: of a side whose shape must be known.
    """
    found = [*_durrani(compared), *_tamkin(compared), *_merchant(compared), *_zhou(compared)]
    return [replace(one, claim=one.claim.replace(n_claims=len(found))) for one in found]


def thirds(n_blocks: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The layers of the lowest and of the highest third of the blocks, one each at least."""
    n = max(1, n_blocks // 3)
    return tuple(range(1, n + 1)), tuple(range(n_blocks - n + 1, n_blocks + 1))


def _depth(sides: tuple[Embed, Embed]) -> int:
    return sides[0].n_layers - 1


def _probes(sides: tuple[Embed, Embed], label: str) -> ProbeChange:
    base, tuned = (Probe(embed=side, label=label) for side in sides)
    return ProbeChange(base=base, tuned=tuned)


def _hulls(sides: tuple[Embed, Embed], label: str) -> DirectProbeChange:
    base, tuned = (DirectProbe(embed=side, label=label) for side in sides)
    return DirectProbeChange(base=base, tuned=tuned)


def _durrani(compared: Compared) -> Iterator[Ready]:
    if not (compared.words and compared.word_label):
        return
    top, reads = _depth(compared.words), _probes(compared.words, compared.word_label)
    yield Ready(
        "A",
        "Tuning on tasks such as sentiment takes linguistic knowledge out of the top layers.",
        Claim(of=(reads,), layers=(top,), way="less", least=0.01),
    )
    lower = tuple(range(1, top // 2 + 1)) or (0,)
    yield Ready(
        "A",
        "Lower layers keep their linguistic knowledge.",
        Claim(of=(reads,), layers=lower, over=ALL, way="same", least=0.02),
    )
    base, tuned = (Neurons(embed=side, label=compared.word_label) for side in compared.words)
    yield Ready(
        "A",
        "The neurons that carry linguistic knowledge move to lower layers.",
        Claim(of=(NeuronDepth(base=base, tuned=tuned),), way="less"),
    )


def _tamkin(compared: Compared) -> Iterator[Ready]:
    sides = compared.sentences
    run = small_run(sides) if sides else None
    if run is None or sides is None:
        return
    yield Ready(
        "B",
        "Without any pre-trained block a task is learnt far worse.",
        Claim(of=(experiment(run, FROM_TOP),), layers=(0,), way="more", least=0.05),
    )
    prediction = foretold(sides, run) if run.label in compared.sentence_labels else None
    if prediction is not None:
        yield Ready(
            "B",
            "How well a layer is probed does not say what its pre-trained weights are worth. (Claimed here is that it does.)",
            Claim(of=(prediction,), way="more"),
        )


def experiment(run: FineTune, name: str) -> Ablation:
    """An experiment on a run's own blocks, with as many seeds as a classroom has time for."""
    return Ablation(experiment=name, of=run, n_blocks=shape_of(run.checkpoint).n_layers, n_seeds=CLASSROOM_SEEDS)


def foretold(sides: tuple[Embed, Embed], run: FineTune) -> Prediction | None:
    """A probe of the run's base for its label, beside what resetting each block costs; None for fewer than five blocks."""
    of_each = experiment(run, ONE_BLOCK)
    if of_each.n_blocks < 5:
        return None
    probe = Probe(embed=sides[0].replace(checkpoint=run.checkpoint), label=run.label)
    return Prediction(probe=probe, ablation=of_each)


def small_run(sides: tuple[Embed, Embed]) -> FineTune | None:
    """A run like the tuned side's that classrooms have the time for; None where it was not tuned on labels of sentences by us."""
    run = None if isinstance(sides[1].checkpoint, Vectors) else run_of(sides[1].checkpoint)
    if run is None or run.goal != "label" or run.unit != "sentence":
        return None
    return FineTune(
        checkpoint=run.checkpoint,
        train=run.train.replace(n=CLASSROOM_EXAMPLES, seed=0),
        dev=run.dev,
        label=run.label,
        **CLASSROOM,
    )


def _merchant(compared: Compared) -> Iterator[Ready]:
    sides = compared.words or compared.sentences
    if sides is None:
        return
    low, high = thirds(_depth(sides))
    space = Similarity(base=sides[0], tuned=sides[1])
    if low != high:
        yield Ready(
            "C",
            "Mostly the top layers change.",
            Claim(of=(space,), against=(space,), layers=high, against_layers=low, way="more", least=0.05),
        )
    if compared.words and compared.word_label:
        every = tuple(range(_depth(compared.words) + 1))
        yield Ready(
            "C",
            "What is known of language is not forgotten.",
            Claim(of=(_probes(compared.words, compared.word_label),), layers=every, over=ALL, way="same", least=0.05),
        )
    if compared.elsewhere is not None:
        base, tuned = (side.replace(sample=compared.elsewhere) for side in sides)
        there = Similarity(base=base, tuned=tuned)
        yield Ready(
            "C",
            "Sentences from outside the domain that was tuned on change less.",
            Claim(of=(there,), against=(space,), layers=high, against_layers=high, way="less", least=0.0),
        )


def _zhou(compared: Compared) -> Iterator[Ready]:
    tuned = (compared.sentences or compared.words or (None, None))[1]
    run = None if tuned is None or isinstance(tuned.checkpoint, Vectors) else run_of(tuned.checkpoint)
    learnt = run.label if run and run.goal == "label" else ""
    sides = compared.words if run and run.unit == "word" else compared.sentences
    known = (compared.word_label,) if run and run.unit == "word" else compared.sentence_labels
    if sides and learnt and learnt in known:
        top = _depth(sides)
        yield Ready(
            "D",
            "The labels that were tuned on lie further apart.",
            Claim(of=(_hulls(sides, learnt),), layers=(top,), way="more"),
        )
        yield Ready(
            "D",
            "A classifier reads the label that was tuned on better.",
            Claim(of=(_probes(sides, learnt),), layers=(top,), way="more", least=0.01),
        )
    if compared.words and compared.word_label and compared.word_label != learnt:
        top = _depth(compared.words)
        hulls = _hulls(compared.words, compared.word_label)
        yield Ready(
            "D",
            "Labels of another task are drawn together.",
            Claim(of=(hulls,), layers=(top,), way="less"),
        )
        one, other = (
            SpatialSimilarity(first=side.replace(half="first"), second=side.replace(half="second"))
            for side in (hulls.base, hulls.tuned)
        )
        yield Ready(
            "D",
            "Two parts of a text lie less alike after tuning.",
            Claim(of=(SpatialChange(base=one, tuned=other),), layers=(top,), way="less"),
        )
