"""What is being compared: one frozen selection, made from the sidebar's widgets, and the specs that follow from it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.analyses.activation_difference import ActivationDifference
from core.analyses.base import facing_layers
from core.analyses.checkpoint import Checkpoint, origin, own_pooling_of, run_of, shape_of
from core.analyses.codelength import Codelength
from core.analyses.codelength_change import CodelengthChange
from core.analyses.compress import Compress
from core.analyses.crowding import Crowding
from core.analyses.direct_probe import DirectProbe
from core.analyses.direct_probe_change import DirectProbeChange
from core.analyses.edge_probe import EdgeProbe
from core.analyses.edge_probe_change import EdgeProbeChange
from core.analyses.embed import Embed
from core.analyses.fine_tune import FineTune, Snapshot
from core.analyses.goals import goal_name
from core.analyses.graft import Graft
from core.analyses.head_agreement import HeadAgreement
from core.analyses.head_answers import HeadAnswers
from core.analyses.inner_embed import AnyEmbed, Place, read_at
from core.analyses.isotropy import Isotropy
from core.analyses.joint_map import JointMap
from core.analyses.joint_tsne import JointTsne
from core.analyses.joint_umap import JointUmap
from core.analyses.label_axes import LabelAxes
from core.analyses.label_geometry import LabelGeometry
from core.analyses.map_chain import MapChain
from core.analyses.map_steps import MapSteps
from core.analyses.movers import Movers
from core.analyses.neuron_ablation import NeuronAblation
from core.analyses.neuron_reading import NeuronReading
from core.analyses.neuron_twins import NeuronTwins
from core.analyses.neurons import Neurons
from core.analyses.probe import Probe
from core.analyses.probe_change import ProbeChange
from core.analyses.probe_kinds import ProbeKinds
from core.analyses.probe_slices import ProbeSlices
from core.analyses.probe_transfer import ProbeTransfer
from core.analyses.ridge_probe import RidgeProbe
from core.analyses.ridge_probe_change import RidgeProbeChange
from core.analyses.similarity import Similarity
from core.analyses.spatial_similarity import SpatialSimilarity
from core.analyses.structural_change import StructuralChange
from core.analyses.structural_probe import StructuralProbe
from core.analyses.task_vectors import TaskVectors
from core.analyses.umap_seeds import UmapSeeds
from core.analyses.weight_change import WeightChange
from core.analyses.weight_spectra import WeightSpectra
from core.lab import Named
from core.refs import LABEL_NAMES, RandomWeights, Sample, Vectors
from pages.parts.show import escaped

UNITS = ("word", "sentence", "pair", "span")
UNIT_NAMES = {"pair": "word pair"}
"""Units by name on screen, where it differs."""
RANK = 64
"""Of structural probes, where the vectors are as wide."""
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse strengths to choose from where a penalty is chosen."""
USUAL_POOLING = {"word": "average", "sentence": "mean"}


SHARES_OF_L1 = {"L2": 0.0, "Elastic net": 0.5, "L1": 1.0}
"""Penalties of a linear probe by name, and the share of L1 in them."""


@dataclass(frozen=True)
class Fitting:
    """How linear probes are fitted, where somebody may choose."""

    search: bool = False
    """Whether the strength of the penalty is chosen in each split."""
    penalty: str = "L2"
    """One of SHARES_OF_L1."""
    balanced: bool = False
    """Whether all classes count the same."""

    def of(self, probe: Probe) -> Probe:
        """The probe fitted so."""
        return replace(
            probe,
            penalties=PENALTIES if self.search else (),
            l1_ratio=SHARES_OF_L1[self.penalty],
            balanced=self.balanced,
        )


USUAL = Fitting()
"""As probes are fitted everywhere else."""


def caveat_of(tuned: Named) -> str:
    """What must be known of a tuned checkpoint before its numbers are believed; empty where nothing is."""
    if isinstance(tuned.ref, Graft):
        return "A graft: weights between base and tuned, no network that was ever trained as it is. Its head is the tuned one's."
    if not isinstance(tuned.ref, Compress):
        return ""
    return (
        f"A compressed checkpoint: of what tuning changed it keeps a change of rank {tuned.ref.rank} of the blocks, and the head; "
        "its embeddings are those of the base. Every number is of this checkpoint, not of the full run it came from."
    )


def twin_of(tuned: Named, others: Sequence[Named]) -> Named | None:
    """Another run of the same tuning that differs by its seed alone; None where there is none."""
    asked = without_seed(tuned.ref)
    return next((one for one in others if asked and one.ref != tuned.ref and without_seed(one.ref) == asked), None)


def without_seed(checkpoint: Any) -> Any:
    """A tuned checkpoint as if its seed were 0; None for what no run of ours made."""
    if isinstance(checkpoint, Compress):
        return checkpoint.replace(of=without_seed(checkpoint.of))
    if isinstance(checkpoint, Snapshot):
        return checkpoint.replace(run=checkpoint.run.replace(seed=0))
    return checkpoint.replace(seed=0) if isinstance(checkpoint, FineTune) else None


def distinct_names(things: Sequence[Named]) -> dict[str, str]:
    """The name of each thing by its id; where several are called alike, with its id."""
    counted = Counter(one.name for one in things)
    return {one.id: one.name if counted[one.name] == 1 else f"{one.name} ({one.id})" for one in things}


def embedded_unit(unit: str) -> str:
    """What is embedded to read labels of a unit."""
    return "sentence" if unit == "sentence" else "word"


def label_said(label: str) -> str:
    """A label in words a student knows, as Markdown."""
    return escaped(LABEL_NAMES.get(label, label))


def label_options(known: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, str]]:
    """(unit, label) of every label of a data set, by its name on screen: plain text."""
    return {
        f"{LABEL_NAMES.get(name, name)} ({UNIT_NAMES.get(unit, unit)})": (unit, name)
        for unit in UNITS
        for name in known[unit]
    }


def number_options(known: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, str]]:
    """(unit, number) of every real number of a data set, those of sentences first, by its name on screen: plain text.

    A name that begins with its unit does not say it again, so that it fits into the sidebar.
    """
    return {
        f"{name} · number" if name.startswith(f"{unit} ") else f"{name} ({unit}) · number": (unit, name)
        for unit in ("sentence", "word")
        for name in known[unit]
    }


@dataclass(frozen=True, kw_only=True)
class Selection:
    """All page state that decides what is computed or shown."""

    base: Named
    tuned: Named | None
    data: Named
    sample: Sample
    label: str
    """Name of the label of classes that probes read and maps are coloured by; empty where a number is read, or nothing."""
    unit: str
    """What the label belongs to: word, sentence, pair (of words or spans) or span."""
    pooling: str
    layer: int
    number: str = ""
    """Name of the real number that ridge probes read instead of a label; empty where a label is read."""

    @property
    def embedded(self) -> str:
        """What is embedded: words, of which pairs and spans are made too, or sentences."""
        return embedded_unit(self.unit)

    @property
    def unit_name(self) -> str:
        """The label's unit in words."""
        return UNIT_NAMES.get(self.unit, self.unit)

    @property
    def label_name(self) -> str:
        """The label in words a student knows, as it stands: for figures, tables and alternative texts, never for Markdown."""
        return LABEL_NAMES.get(self.label, self.label)

    @property
    def label_said(self) -> str:
        """The same as Markdown: a file's header may hold Markdown of its own, which is shown as written."""
        return label_said(self.label)

    @property
    def number_said(self) -> str:
        """The number as Markdown, likewise; number itself is for figures, tables and alternative texts."""
        return escaped(self.number)

    @property
    def learnt(self) -> str:
        """The label that the tuned checkpoint was tuned on; empty where that is not known."""
        assert self.tuned is not None
        run = run_of(self.tuned.ref)
        return run.label if run else ""

    @property
    def tuning(self) -> str:
        """What made the tuned checkpoint, in words, as Markdown: tuning on sentiment."""
        assert self.tuned is not None
        run = run_of(self.tuned.ref)
        if not self.is_tuning:
            return f"the way from {escaped(self.base.name)} to {escaped(self.tuned.name)}"
        if run is None:  # made elsewhere: on what is not known
            return f"tuning into {escaped(self.tuned.name)}"
        small = f" (compressed to rank {self.tuned.ref.rank})" if isinstance(self.tuned.ref, Compress) else ""
        if isinstance(self.tuned.ref, Graft):
            small = " (a graft)"
        return f"tuning on {escaped(goal_name(run.goal, run.label))}{small}"

    @property
    def about(self) -> str:
        """What is compared and what both read, as plain text."""
        assert self.tuned is not None
        n = f", {self.sample.n:,} sentences" if self.sample.n else ""
        return f"base: {self.base.name} · tuned: {self.tuned.name} · text: {self.data.name}{n}"

    @property
    def is_one_shape(self) -> bool:
        """Whether both sides are of one family, depth and width: only then are their weights compared."""
        assert self.tuned is not None
        sides = self.base.ref, self.tuned.ref
        if any(isinstance(side, Vectors) for side in sides):
            return False
        one, other = ((at.family, at.n_layers, at.n_blocks, at.width) for at in map(shape_of, sides))
        return one == other

    @property
    def is_tuning(self) -> bool:
        """Whether the tuned side came from the base: by its own record, or, where it was made elsewhere, by its shape."""
        assert self.tuned is not None
        run = run_of(self.tuned.ref)
        if run is None or not self.is_one_shape:
            return self.is_one_shape
        return self.base.ref in (run.checkpoint, origin(run.checkpoint)) or run_of(self.base.ref) == run

    @property
    def misfit(self) -> str:
        """What is wrong where a side is vectors computed elsewhere for something else, as Markdown; otherwise empty."""
        for side in filter(None, (self.base, self.tuned)):
            ref = side.ref
            if isinstance(ref, Vectors) and (ref.of, ref.unit) != (self.data.ref, self.embedded):
                whose = "this text" if ref.of == self.data.ref else "another text"
                return (
                    f"{escaped(side.name)} holds vectors of the {ref.unit}s of {whose}. Choose the text they were computed for, "
                    f"and to read a label of {ref.unit}s."
                )
        return ""

    @property
    def is_one_width(self) -> bool:
        """Whether vectors of both sides have equally many numbers: only then do they share axes."""
        assert self.tuned is not None
        return shape_of(self.base.ref).width == shape_of(self.tuned.ref).width

    @property
    def facing(self) -> str:
        """At unequal depth, which layers are compared; otherwise empty."""
        assert self.tuned is not None
        base, tuned = (shape_of(side.ref).n_layers for side in (self.base, self.tuned))
        if base == tuned:
            return ""
        return (
            f"Base has {base} blocks, tuned {tuned}: each layer of base stands beside the tuned layer of the same relative "
            f"depth, as {self.layer} beside {self.facing_layer}."
        )

    @property
    def facing_layer(self) -> int:
        """The tuned layer that the layer cursor's stands beside."""
        return facing_layers(shape_of(self.base.ref).n_layers, self.tuned_depth)[self.layer]

    @property
    def n_layers(self) -> int:
        """Layers of the base, the embeddings counted."""
        return shape_of(self.base.ref).n_layers + 1

    @property
    def tuned_depth(self) -> int:
        """Last layer of the tuned side."""
        assert self.tuned is not None
        return shape_of(self.tuned.ref).n_layers

    def with_tuned(self, tuned: Named) -> "Selection":
        """The same view of another tuned checkpoint."""
        return replace(self, tuned=tuned)

    def reading(self, unit: str, label: str) -> "Selection":
        """The same view for another label; one for which something else is embedded, with the usual pooling of that."""
        embedded = embedded_unit(unit)
        own = own_pooling_of(self.base.ref) if embedded == "sentence" else ""
        pooling = self.pooling if embedded == self.embedded else own or USUAL_POOLING[embedded]
        return replace(self, unit=unit, label=label, number="", pooling=pooling)

    def embed(self, checkpoint: Checkpoint | RandomWeights) -> Embed:
        """Vectors of one side."""
        return Embed(checkpoint=checkpoint, sample=self.sample, unit=self.embedded, pooling=self.pooling)

    @property
    def sides(self) -> tuple[Embed, Embed]:
        """Vectors of base and tuned; only where a tuned checkpoint is chosen."""
        assert self.tuned is not None
        return self.embed(self.base.ref), self.embed(self.tuned.ref)

    def sides_at(self, site: Place) -> tuple[AnyEmbed, AnyEmbed]:
        """The same at a place of the network. Args: site: inside the blocks; empty = states of the layers."""
        base, tuned = self.sides
        return read_at(base, site), read_at(tuned, site)

    @property
    def similarity(self) -> Similarity:
        """Linear CKA of both sides."""
        return self.similarity_by("cka")

    def similarity_by(self, measure: str, kind: tuple[str, str] = ("", ""), max_rows: int = 0) -> Similarity:
        """A measure (a name of core.maths.cards) of both sides; of all rows, of words with that value of that label, of at most
        so many."""
        base, tuned = self.sides
        return Similarity(base=base, tuned=tuned, measure=measure, label=kind[0], value=kind[1], max_rows=max_rows)

    def similarity_to(self, twin: Named, measure: str, kind: tuple[str, str] = ("", "")) -> Similarity:
        """The same measure of the tuned checkpoint and another run of its tuning."""
        assert self.tuned is not None
        return replace(self, base=self.tuned, tuned=twin).similarity_by(measure, kind)

    @property
    def resampled(self) -> "Selection | None":
        """The same view of another draw of sentences from all of the text, some the same; None where all of them are read."""
        return replace(self, sample=self.sample.replace(seed=self.sample.seed + 1)) if self.sample.n else None

    def on_text(self, data: Named, n_sentences: int) -> "Selection":
        """The same view of another text, of as many of its sentences, if it has more."""
        n = self.sample.n if self.sample.n < n_sentences else 0
        return replace(self, data=data, sample=Sample(of=data.ref, n=n))

    @property
    def probes(self) -> tuple[Probe, Probe]:
        """A probe on each side."""
        base, tuned = self.sides
        return Probe(embed=base, label=self.label), Probe(embed=tuned, label=self.label)

    def probe_of(self, checkpoint: Named) -> Probe:
        """A probe on any checkpoint."""
        return Probe(embed=self.embed(checkpoint.ref), label=self.label)

    def probes_by(self, fitting: Fitting) -> tuple[ProbeChange, Probe, Probe]:
        """Probes on each side fitted in a way of one's own, and their difference."""
        base, tuned = map(fitting.of, self.probes)
        return ProbeChange(base=base, tuned=tuned), base, tuned

    def on_random(self, embed: Embed) -> Embed | None:
        """The same vectors of the base's shape with freshly drawn weights: a control; None where the base has no weights."""
        if isinstance(self.base.ref, Vectors):
            return None
        return replace(embed, checkpoint=RandomWeights(of=origin(self.base.ref), seed=0))

    @property
    def random_probe(self) -> Probe | None:
        """A probe on random weights."""
        embed = self.on_random(self.embed(self.base.ref))
        return embed and Probe(embed=embed, label=self.label)

    @property
    def probe_change(self) -> ProbeChange:
        """The difference of the probes."""
        base, tuned = self.probes
        return ProbeChange(base=base, tuned=tuned)

    @property
    def ridge_probes(self) -> tuple[RidgeProbe, RidgeProbe]:
        """A ridge probe for the number on each side."""
        base, tuned = self.sides
        return RidgeProbe(embed=base, number=self.number), RidgeProbe(embed=tuned, number=self.number)

    @property
    def ridge_change(self) -> RidgeProbeChange:
        """Their difference."""
        base, tuned = self.ridge_probes
        return RidgeProbeChange(base=base, tuned=tuned)

    @property
    def random_ridge(self) -> RidgeProbe | None:
        """A ridge probe on the base's shape with freshly drawn weights: a control; None where the base has no weights."""
        random = self.random_probe
        return random and RidgeProbe(embed=random.embed, number=self.number)

    @property
    def codelengths(self) -> tuple[Codelength, Codelength]:
        """Online codelength of the label on each side."""
        base, tuned = self.sides
        return Codelength(embed=base, label=self.label), Codelength(embed=tuned, label=self.label)

    @property
    def codelength_change(self) -> CodelengthChange:
        """The difference of the codelengths."""
        base, tuned = self.codelengths
        return CodelengthChange(base=base, tuned=tuned)

    @property
    def random_codelength(self) -> Codelength | None:
        """Online codelength on random weights."""
        embed = self.on_random(self.embed(self.base.ref))
        return embed and Codelength(embed=embed, label=self.label)

    def probe_kinds(self, *, search: bool) -> ProbeKinds:
        """Other kinds of probe of both sides; searched, the perceptron has the sizes and penalties of Zhou & Srikumar."""
        base, tuned = self.sides
        if not search:
            return ProbeKinds(base=base, tuned=tuned, label=self.label)
        sizes, penalties = (32, 64, 128, 256), tuple(10.0**power for power in range(-7, 1))
        return ProbeKinds(base=base, tuned=tuned, label=self.label, sizes=sizes, penalties=penalties)

    def random_kinds(self, *, search: bool) -> ProbeKinds | None:
        """The same of the base and of random weights, which stand where the tuned side does."""
        spec = self.probe_kinds(search=search)
        embed = self.on_random(spec.base)
        return embed and replace(spec, tuned=embed)

    @property
    def transfer(self) -> ProbeTransfer:
        """Probes of each side, read on both."""
        base, tuned = self.sides
        return ProbeTransfer(base=base, tuned=tuned, label=self.label)

    def edge_probes(self, label: str, *, equal_norms: bool) -> tuple[EdgeProbe, EdgeProbe]:
        """Edge probes with scalar mixing on each side, for a label of words, spans or pairs."""
        base, tuned = self.reading("word", label).sides
        return (
            EdgeProbe(embed=base, label=label, equal_norms=equal_norms),
            EdgeProbe(embed=tuned, label=label, equal_norms=equal_norms),
        )

    def random_edge_probe(self, label: str, *, equal_norms: bool) -> EdgeProbe | None:
        """The same on random weights."""
        base, _ = self.edge_probes(label, equal_norms=equal_norms)
        embed = self.on_random(base.embed)
        return embed and replace(base, embed=embed)

    def edge_probe_change(self, label: str, *, equal_norms: bool) -> EdgeProbeChange:
        """Their difference."""
        base, tuned = self.edge_probes(label, equal_norms=equal_norms)
        return EdgeProbeChange(base=base, tuned=tuned)

    @property
    def structural_probes(self) -> tuple[StructuralProbe, StructuralProbe]:
        """Structural probes on each side; words are read whatever the label belongs to."""
        base, tuned = self.reading("word", "upos").sides
        return StructuralProbe(embed=base, rank=self._rank), StructuralProbe(embed=tuned, rank=self._rank)

    @property
    def _rank(self) -> int:
        """Of structural probes of both sides: no larger than either's vectors."""
        assert self.tuned is not None
        return min(RANK, *(shape_of(side.ref).width for side in (self.base, self.tuned)))

    @property
    def structural_change(self) -> StructuralChange:
        """The difference of the structural probes."""
        base, tuned = self.structural_probes
        return StructuralChange(base=base, tuned=tuned)

    @property
    def random_structure(self) -> StructuralProbe | None:
        """Structural probes on the base's shape with freshly drawn weights; None where the base has no weights."""
        random = self.reading("word", "upos").random_probe
        return random and StructuralProbe(embed=random.embed, rank=self._rank)

    @property
    def slices(self) -> ProbeSlices:
        """The probes of both sides on parts of the rows."""
        return ProbeSlices(of=self.transfer)

    @property
    def hulls(self) -> tuple[DirectProbe, DirectProbe]:
        """Clusters and hull distances of the label on each side."""
        base, tuned = self.sides
        return DirectProbe(embed=base, label=self.label), DirectProbe(embed=tuned, label=self.label)

    @property
    def hull_change(self) -> DirectProbeChange:
        """The difference of the hull distances."""
        base, tuned = self.hulls
        return DirectProbeChange(base=base, tuned=tuned)

    def spatial_halves(self) -> tuple[SpatialSimilarity, SpatialSimilarity]:
        """Whether labels lie alike in two halves of the text, on each side."""
        base, tuned = (
            SpatialSimilarity(first=side.replace(half="first"), second=side.replace(half="second"))
            for side in self.hulls
        )
        return base, tuned

    def spatial(self, there: "Selection") -> tuple[SpatialSimilarity, SpatialSimilarity]:
        """Whether labels lie alike here and in another text (on_text), on each side."""
        (base, tuned), (base_there, tuned_there) = self.hulls, there.hulls
        return SpatialSimilarity(first=base, second=base_there), SpatialSimilarity(first=tuned, second=tuned_there)

    @property
    def places(self) -> LabelGeometry:
        """Where the labels lie on both sides."""
        base, tuned = self.sides
        return LabelGeometry(base=base, tuned=tuned, label=self.label)

    @property
    def head_agreement(self) -> HeadAgreement | None:
        """Whether both heads say the same; None where a side has no head of ours, or they answer other labels."""
        assert self.tuned is not None
        one, other = run_of(self.base.ref), run_of(self.tuned.ref)
        if not (one and other) or (one.label, one.unit) != (other.label, other.unit):
            return None
        if (one.goal, other.goal) != ("label", "label"):
            return None
        return HeadAgreement(base=self.base.ref, tuned=self.tuned.ref, sample=self.sample)

    @property
    def head_answers(self) -> HeadAnswers | None:
        """What the tuned head says of what maps draw; None where it has no head of ours, or one for words, and sentences are
        drawn."""
        assert self.tuned is not None
        run = run_of(self.tuned.ref)
        if run is None or run.goal != "label" or (run.unit == "word" and self.embedded != "word"):
            return None
        return HeadAnswers(checkpoint=self.tuned.ref, sample=self.sample)

    @property
    def crowding(self) -> Crowding:
        """Mean cosine of both sides."""
        base, tuned = self.sides
        return Crowding(base=base, tuned=tuned)

    @property
    def isotropy(self) -> Isotropy:
        """How both sides use their dimensions."""
        base, tuned = self.sides
        return Isotropy(base=base, tuned=tuned)

    def mean_shift(self, sample: Sample | None = None) -> ActivationDifference:
        """What tuning added to every vector alike, on this text or another; words are read whatever the label belongs to."""
        base, tuned = (side.replace(sample=sample or self.sample) for side in self.reading("word", "").sides)
        return ActivationDifference(base=base, tuned=tuned, checkpoint=tuned.checkpoint)

    @property
    def weights(self) -> WeightChange:
        """Relative change of the weights."""
        assert self.tuned is not None
        return WeightChange(base=self.base.ref, tuned=self.tuned.ref)

    @property
    def weight_spectra(self) -> WeightSpectra:
        """In which directions the weights changed."""
        assert self.tuned is not None
        return WeightSpectra(base=self.base.ref, tuned=self.tuned.ref)

    def task_vectors(self, tunings: Iterable[Named]) -> TaskVectors:
        """Whether several tunings of the base changed it in one direction."""
        return TaskVectors(base=self.base.ref, tuned=tuple(one.ref for one in tunings))

    def neurons(self, *, one_layer: bool = False, is_scaled: bool = True, site: Place = "") -> tuple[Neurons, Neurons]:
        """Neurons of each side ranked by the chosen label: of all layers joined, or of the layer of the cursor alone."""
        base, tuned = self.sides_at(site)
        layers = (self.layer, self.facing_layer) if one_layer else (-1, -1)
        first, second = (
            Neurons(embed=side, label=self.label, layer=layer, is_scaled=is_scaled)
            for side, layer in zip((base, tuned), layers, strict=True)
        )
        return first, second

    def neuron_ablation(
        self, ranking: str, mode: Any, *, one_layer: bool = False, is_scaled: bool = True, site: Place = ""
    ) -> NeuronAblation | None:
        """The tuned side's head without the first neurons of a ranking; None where it has no head for labels."""
        assert self.tuned is not None
        run = run_of(self.tuned.ref)
        if run is None or run.goal != "label":
            return None
        ranked = self.neurons(one_layer=one_layer, is_scaled=is_scaled, site=site)[1]
        return NeuronAblation(of=ranked, ranking=ranking, mode=mode)

    def neuron_readings(
        self, ranking: str, mode: Any, *, one_layer: bool = False, is_scaled: bool = True, site: Place = ""
    ) -> tuple[NeuronReading, NeuronReading] | None:
        """A probe of both sides' top layers without the first neurons of a ranking; None where a side is vectors alone."""
        ranked = self.neurons(one_layer=one_layer, is_scaled=is_scaled, site=site)
        if any(isinstance(one.embed.checkpoint, Vectors) for one in ranked):
            return None
        base, tuned = (NeuronReading(of=one, ranking=ranking, mode=mode) for one in ranked)
        return base, tuned

    @property
    def neuron_twins(self) -> NeuronTwins:
        """Each neuron of the base beside itself after tuning."""
        return self.twins_at("")

    def twins_at(self, site: Place) -> NeuronTwins:
        """The same inside the blocks."""
        base, tuned = self.sides_at(site)
        return NeuronTwins(base=base, tuned=tuned, label=self.label)

    @property
    def movers(self) -> Movers:
        """Which rows moved otherwise than those around them."""
        base, tuned = self.sides
        return Movers(base=base, tuned=tuned)

    def movers_on(self, drawn: JointMap | JointUmap | MapChain) -> Movers | None:
        """The same of the rows that a map draws, for their true neighbours; None where they are too few or too many."""
        if not 50 <= drawn.n_points <= 10_000:
            return None
        return self.movers.replace(n_points=drawn.n_points, seed=drawn.seed)

    @property
    def map(self) -> JointMap:
        """Joint PCA of both sides."""
        base, tuned = self.sides
        return JointMap(base=base, tuned=tuned)

    def label_axes(self, asked: dict[str, Any]) -> LabelAxes:
        """Axes of a label or of words, fitted on one side, with both on them."""
        base, tuned = self.sides
        return LabelAxes(base=base, tuned=tuned, **asked)

    def map_chain(self, settings: dict[str, Any]) -> MapChain:
        """UMAP of all layers of both sides, each begun from the one before."""
        base, tuned = self.sides
        return MapChain(base=base, tuned=tuned, **settings)

    def umap(self, settings: dict[str, Any]) -> JointUmap:
        """Joint UMAP of the chosen layer of both sides."""
        base, tuned = self.sides
        return JointUmap(base=base, tuned=tuned, layer=self.layer, **settings)

    def umap_seeds(self, settings: dict[str, Any]) -> UmapSeeds:
        """The same under several seeds."""
        base, tuned = self.sides
        return UmapSeeds(base=base, tuned=tuned, layer=self.layer, **settings)

    def tsne(self, settings: dict[str, Any]) -> JointTsne:
        """Joint t-SNE of the chosen layer of both sides."""
        base, tuned = self.sides
        return JointTsne(base=base, tuned=tuned, layer=self.layer, **settings)

    @property
    def steps_kept(self) -> dict[str, Checkpoint]:
        """The tuned side's run after each number of steps that it kept, its end last; empty where it kept none, and for a
        compressed checkpoint, which is not the end of its run."""
        assert self.tuned is not None
        run = run_of(self.tuned.ref)
        if run is None or not run.snapshots or isinstance(self.tuned.ref, Compress | Graft):
            return {}
        kept: dict[str, Checkpoint] = {f"{step:,}": Snapshot(run=run, step=step) for step in run.snapshots}
        return kept | {f"{run.n_steps:,}": run}

    def map_steps(self, settings: dict[str, Any]) -> MapSteps:
        """UMAP of the chosen layer at each of these steps."""
        steps = tuple(self.embed(one) for one in self.steps_kept.values())
        return MapSteps(base=self.sides[0], steps=steps, layer=self.layer, **settings)

    def map_tunings(self, settings: dict[str, Any], tunings: Sequence[Named]) -> MapSteps:
        """UMAP of the chosen layer of the base and of several tunings, in their order."""
        steps = tuple(self.embed(one.ref) for one in tunings)
        return MapSteps(base=self.sides[0], steps=steps, layer=self.layer, **settings)
