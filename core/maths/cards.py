"""What each similarity measure is: its range and direction, what leaves it unchanged and what does not, when not to trust it.

Figures take their direction and words from here, and property tests what they hold a measure to: every invariance that a
card claims and every one that it denies is tested.
"""

from dataclasses import dataclass
from math import pi

TRANSFORMS = ("rotation", "scale", "shift", "feature scale", "invertible linear", "row order")
"""What may be done to one space (row order: to both alike): a turn of all axes together, one factor for all, one vector added to
every row, a factor for each neuron, any linear map that can be undone, other rows first."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One measure."""

    name: str
    """As in specs."""
    short: str
    """On buttons."""
    title: str
    """On axes."""
    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    same: float
    """Its value for two spaces that it cannot tell apart: one of the ends."""
    direction: str
    """What its ends mean, in a few words."""
    says: str
    """What it measures, in one or two sentences."""
    is_symmetric: bool
    """Whether base and tuned may change places."""
    invariances: tuple[str, ...]
    """Of TRANSFORMS: what may be done to the first space (to either, unless the measure is not symmetric)."""
    denies: tuple[str, ...]
    """All other TRANSFORMS: what changes the value."""
    moves_with_rows: bool
    """Whether the same relation of two spaces gives another value with more rows, so that only equally many are compared. As
    pages ask for it: CKA debiased."""
    beware: str
    """When not to trust it."""
    cost: str
    """In n rows of d dimensions."""
    source: str
    """Where it is defined."""

    @property
    def is_distance(self) -> bool:
        """Whether small values mean alike."""
        return self.same == self.low


_TURNED = ("rotation", "scale", "shift", "row order")
_BENT = ("feature scale", "invertible linear")

_ALL = (
    Card(
        name="cka", short="CKA", title="linear CKA", low=0.0, high=1.0, same=1.0,
        direction="1 = unchanged, 0 = unrelated",
        says="How alike the same inputs lie to each other in two spaces, along straight directions; strong ones count most.",
        is_symmetric=True, invariances=_TURNED, denies=_BENT,
        moves_with_rows=False,
        beware="A few directions of large variance can decide it alone. With fewer rows than ten times the width the plain "
        "estimator is inflated; the debiased one is not, and may dip below 0. It is no share of knowledge kept.",
        cost="n d², or n² d where that is less", source="Kornblith et al. 2019",
    ),
    Card(
        name="cka_rbf", short="Kernel CKA", title="kernel CKA", low=0.0, high=1.0, same=1.0,
        direction="1 = unchanged, 0 = unrelated",
        says="CKA with a Gaussian kernel as wide as the median distance: far pairs count less, so that bends are seen.",
        is_symmetric=True, invariances=_TURNED, denies=_BENT,
        moves_with_rows=False,
        beware="Where all rows are about equally far apart (wide vectors often are) the kernel sees little and the interval is "
        "wide; the plain estimator is then near 1 for anything. Another width of the kernel gives other values.",
        cost="n² d", source="Kornblith et al. 2019",
    ),
    Card(
        name="rsa", short="RSA", title="RSA", low=-1.0, high=1.0, same=1.0,
        direction="1 = unchanged, 0 = unrelated",
        says="Correlation (Pearson) of the cosines of all pairs of inputs in two spaces.",
        is_symmetric=True, invariances=("rotation", "scale", "row order"), denies=("shift", *_BENT),
        moves_with_rows=False,
        beware="It does not ignore a shift: when tuning moves all vectors one way, cosines change and RSA falls though CKA stays. "
        "Where all cosines are nearly alike it correlates noise.",
        cost="n² d", source="Kriegeskorte et al. 2008; Merchant et al. 2020",
    ),
    Card(
        name="rsa_spearman", short="RSA by rank", title="RSA by rank (Spearman)", low=-1.0, high=1.0, same=1.0,
        direction="1 = unchanged, 0 = unrelated",
        says="Rank correlation (Spearman) of the cosines of all pairs of inputs: only which pairs are closer than which counts.",
        is_symmetric=True, invariances=("rotation", "scale", "row order"), denies=("shift", *_BENT),
        moves_with_rows=False,
        beware="As RSA. Many pairs that are nearly alike have an order by noise, and count as much as the few that are not.",
        cost="n² d, and a sort of all pairs", source="Kriegeskorte et al. 2008",
    ),
    Card(
        name="procrustes", short="Angle", title="Procrustes angle in radians", low=0.0, high=pi / 2, same=0.0,
        direction="0 = unchanged, 1.57 = nothing shared",
        says="The angle left between two spaces after the best rotation of one onto the other. A true distance: the way from "
        "base over a third checkpoint is never shorter.",
        is_symmetric=True, invariances=_TURNED, denies=_BENT,
        moves_with_rows=True,
        beware="Unrelated spaces do not reach a right angle: with few rows against the width a rotation finds much to agree on. "
        "Read it beside the grey line for shuffled rows. Strong directions count most.",
        cost="n d² + d³", source="Williams et al. 2021",
    ),
    Card(
        name="svcca", short="SVCCA", title="SVCCA", low=0.0, high=1.0, same=1.0,
        direction="1 = unchanged, 0 = unrelated",
        says="Mean canonical correlation of the strongest directions, those that hold 99 % of the variance (squared singular "
        "values) of each side. Weak directions among them count as much as strong ones.",
        is_symmetric=True, invariances=_TURNED, denies=_BENT,
        moves_with_rows=True,
        beware="With few rows it is inflated: read it beside the grey line for shuffled rows. Which directions are kept can jump "
        "from layer to layer.",
        cost="n d² + d³", source="Raghu et al. 2017",
    ),
    Card(
        name="pwcca", short="PWCCA", title="PWCCA", low=0.0, high=1.0, same=1.0,
        direction="1 = unchanged, 0 = unrelated",
        says="Canonical correlations, weighted by how much of the base each direction stands for.",
        is_symmetric=False, invariances=("scale", "shift", "row order"), denies=("rotation", *_BENT),
        moves_with_rows=True,
        beware="It needs many more rows than dimensions: near as many, everything scores near 1. Read it beside the grey line for "
        "shuffled rows. The weights come from the base's neurons, so that turning the base changes it; the tuned side may be "
        "changed by any linear map that can be undone.",
        cost="n d² + d³", source="Morcos et al. 2018, the definition in the paper",
    ),
    Card(
        name="knn", short="Neighbours", title="10-NN overlap", low=0.0, high=1.0, same=1.0,
        direction="1 = all neighbours kept",
        says="Share of the 10 nearest neighbours (by cosine) of a row that are still its nearest after tuning.",
        is_symmetric=True, invariances=("rotation", "scale", "row order"), denies=("shift", *_BENT),
        moves_with_rows=True,
        beware="It falls as rows are added to the same space: compare only values of equally many rows. Near rows change places "
        "by a hair, so that small changes look large. Equal rows are taken in their order, on both sides alike.",
        cost="n² d, and a sort of every row", source="Schumacher et al. 2021",
    ),
)  # fmt: skip

CARDS = {card.name: card for card in _ALL}
