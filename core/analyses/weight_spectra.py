"""In which directions the weights moved: singular values and vectors of every matrix of the blocks, before and after."""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from core.analyses.base import Run, spread
from core.analyses.checkpoint import Checkpoint, origin, source_of
from core.errors import IncompatibleRefs, SpecInvalid
from core.keys import Result, Spec
from core.maths.spectra import (
    Factors,
    closest_cosines,
    cosines,
    decompose,
    energy_curve,
    energy_inside,
    energy_rank,
    entropy_rank,
    principal_angles,
    scaling_share,
    singular_values,
    stable_rank,
)
from core.models.checkpoints import place, shape

if TYPE_CHECKING:
    from core.models.shared_weights import SharedWeights

KEPT = 64
"""Singular values and vectors of each matrix that are kept for drawing."""
DRAWN = 16
"""Directions of either side whose cosines with one another are kept."""
MEASURES = (
    "spectral_ratio", "scaling_share", "turned_out", "turned_in", "stable_rank", "entropy_rank", "rank_90", "energy_inside",
)  # fmt: skip
"""Columns of WeightSpectraFound.matrices that have their control beside them, in a column of that name and _control."""

_PARTS = (
    ("query, key, value", r"c_attn|wqkv|qkv|qkv_proj|query_key_value|att.*\.in_proj"),
    ("query", r"q|query|q_proj|q_lin|query_proj"),
    ("key", r"k|key|k_proj|k_lin|key_proj"),
    ("value", r"v|value|v_proj|v_lin|value_proj"),
    ("attention output", r"att\w*\..*dense|.*att.*\.(o|wo|dense|o_proj|out_proj|out_lin|c_proj)"),
    ("feed-forward gate", r"gate_proj|wi_0"),
    ("feed-forward up", r"intermediate\.dense|lin1|layer_1|wi|wi_1|c_fc|fc1|fc_in|up_proj|gate_up_proj|dense_h_to_4h|ffn"),
    ("feed-forward down", r"output\.dense|lin2|layer_2|wo|c_proj|fc2|fc_out|down_proj|dense_4h_to_h|ffn_output"),
)  # fmt: skip
"""Parts of a block by how families call them, case aside; the first that fits the end of a name."""
PARTS = tuple(name for name, _ in _PARTS)
NORMS, EMBEDDINGS = "norms", "embeddings"

_INPUTS_FIRST = {"gpt2": r"c_attn|c_proj|c_fc", "openai-gpt": r"c_attn|c_proj|c_fc", "xlnet": r"[qkvr]"}
"""Families that store some matrices [n_in, n_out]: by the end of their names."""


@dataclass(frozen=True, kw_only=True)
class WeightSpectra(Spec, kind="weight_spectra"):
    """Singular values and vectors of the blocks' matrices, tuned beside base and beside a random change of equal size."""

    title: ClassVar[str] = "Weight spectra"
    sources: ClassVar[tuple[str, ...]] = ("Shuttleworth et al. 2025, arXiv 2410.21228", "Hu et al. 2022, section 7.3")
    seconds_per_unit: ClassVar[float] = 1.5e-9

    base: Checkpoint
    tuned: Checkpoint
    n_top: int = 10
    """Strongest directions whose rotation is measured; Shuttleworth et al. look for intruders among so many."""
    seed: int = 0
    """Of the random change."""

    def validate(self) -> None:
        if not 1 <= self.n_top <= KEPT:
            raise SpecInvalid(f"Comparing {self.n_top} directions.", "Out of range.", f"Use 1 to {KEPT}; 10 is usual.")

    def cost(self) -> tuple[float, float]:
        """Work in blocks x width^3, as singular values take it (four square matrices and two of fourfold height a block);
        the kept values and cosines of six matrices a block."""
        known = shape(place(origin(self.base)))
        return 12.0 * known.n_blocks * known.width**3, known.n_blocks * 6 * 8.0 * (7 * KEPT + DRAWN**2) + 2e4


@dataclass(frozen=True, kw_only=True)
class WeightSpectraFound(Result):
    """One row, in every array and the table, a weight matrix of a block; left = what it writes, right = what it reads.

    Columns with _control hold the same of base plus a Gaussian random change of equal Frobenius norm.
    """

    matrices: pd.DataFrame
    """layer (one for all where they share a block), part (of the block, in words), tensor, n_out, n_in; relative_change:
    Frobenius norm of the change over that of base, 0 = untouched; spectral_ratio: largest singular value, tuned over base;
    scaling_share: of the change, 0..1, the rest is rotation; turned_out, turned_in: mean principal angle in degrees, 0 = not
    turned, between the subspaces of the n_top strongest left, right singular vectors; stable_rank, entropy_rank and rank_90 (fewest
    directions with 90 % of the energy) of the change, 0 = untouched; energy_inside: share of the change's energy among base's n_top
    strongest directions. Shares of no change are NaN."""
    base_values: np.ndarray
    """Strongest singular values, falling, float64 [matrices, 64]; NaN beyond the last."""
    tuned_values: np.ndarray
    """The same of tuned."""
    control_values: np.ndarray
    """The same of base with the random change."""
    closest: np.ndarray
    """|cosine| of each of the strongest left singular vectors of tuned with the base's that is closest, float64
    [matrices, 64], 0..1; low = an intruder."""
    control_closest: np.ndarray
    """The same of base with the random change."""
    energy: np.ndarray
    """Share of the change's energy in its strongest 1, 2, ... directions, float64 [matrices, 64]; zeros where untouched."""
    control_energy: np.ndarray
    """The same of the random change."""
    cosines: np.ndarray
    """|cosine| of base's strongest left singular vectors with tuned's, float64 [matrices, 16 base, 16 tuned]."""
    n_top: int
    n_layers: int
    n_blocks: int
    n_left_out: int
    """Tensors of blocks that are larger than matrices (stacked experts): not looked at."""

    def row(self, layer: int, part: str) -> int | None:
        """The matrix of a part at a layer; None where there is none. Layers that share a block share its rows."""
        at = min(layer, self.n_blocks)
        rows = np.flatnonzero(((self.matrices["layer"] == at) & (self.matrices["part"] == part)).to_numpy())
        return int(rows[0]) if len(rows) else None


def compute(spec: WeightSpectra, inputs: dict[str, Any], run: Run) -> WeightSpectraFound:
    """Matrix by matrix, as many at a time as there are threads. Raises IncompatibleRefs as core.models.shared_weights."""
    from core.models.shared_weights import SharedWeights
    from core.models.weights import block_of

    base, tuned = (source_of(ref, inputs, side) for side, ref in (("base", spec.base), ("tuned", spec.tuned)))
    shared = SharedWeights(base, [tuned])
    family = shared.shape.family
    places = ((name, block_of(name)) for name in shared.names)
    tasks: list[Callable[[], _Held | int]] = [
        partial(_held, name, at, shared, spec) for name, at in places if at and _may_be_matrix(at[1], family)
    ]
    held = spread(run, tasks, "matrices")
    found = sorted((one for one in held if not isinstance(one, int)), key=lambda one: one.row["layer"])
    if not found:
        raise IncompatibleRefs(
            "Comparing the matrices of blocks.", "The two share no matrix in a block.", "Choose one family."
        )
    arrays = {name: np.stack([one.arrays[name] for one in found]) for name in found[0].arrays}
    table = pd.DataFrame([one.row for one in found])
    return WeightSpectraFound(
        matrices=_apart(table),
        **arrays,
        n_top=spec.n_top,
        n_layers=shared.shape.n_layers,
        n_blocks=shared.shape.n_blocks,
        n_left_out=sum(one for one in held if isinstance(one, int)),
    )


def part_of(tensor: str) -> str:
    """The part of a block that a tensor belongs to, in words; its own name where that is not known.

    Args:
        tensor: its name inside the block: attention.self.query.weight.
    """
    name = re.sub(r"\.(weight|bias)$", "", tensor)
    if re.search(r"norm|(^|\.)ln_", name, re.IGNORECASE):
        return NORMS
    for part, pattern in _PARTS:
        if re.search(rf"(^|\.)({pattern})$", name, re.IGNORECASE):
            return part
    return name


@dataclass(frozen=True, kw_only=True)
class _Held:
    """What is found of one matrix."""

    row: dict[str, Any]
    """Of the table."""
    arrays: dict[str, np.ndarray]
    """By field of the result."""


def _may_be_matrix(tensor: str, family: str) -> bool:
    """Whether a tensor of a block may be a matrix that vectors are multiplied by: not a bias or a table of positions."""
    if family == "xlnet" and re.fullmatch(r"rel_attn\.[qkvor]", tensor):
        return True
    return tensor.endswith(".weight") and not re.search(r"bias|embed", tensor)


def _held(name: str, at: tuple[int, str], shared: "SharedWeights", spec: WeightSpectra) -> _Held | int:
    """One matrix; or how many tensors were left out, 0 for a vector and 1 for what is larger than a matrix."""
    before, (after,) = shared.get(name)
    short = at[1]
    if before.ndim == 3 and shared.shape.family == "xlnet":  # one matrix, stored by heads
        before, after = (W.reshape(len(W), -1) for W in (before, after))
    if before.ndim != 2:
        return int(before.ndim > 2)
    if (pattern := _INPUTS_FIRST.get(shared.shape.family)) and re.search(rf"\.({pattern})(\.weight)?$", short):
        before, after = before.T, after.T
    rng = np.random.default_rng([spec.seed, zlib.crc32(name.encode())])
    known, change = decompose(before), after - before
    size = float(np.linalg.norm(change))
    random = rng.standard_normal(before.shape)
    random *= size / np.linalg.norm(random)
    real, control = (_measured(known, before, one, spec.n_top) for one in (change, random))
    row = {
        "layer": at[0] + 1, "part": part_of(short), "tensor": short, "n_out": before.shape[0], "n_in": before.shape[1],
        "relative_change": _over(size, float(np.linalg.norm(before))), **real.row,
    }  # fmt: skip
    arrays = {
        "base_values": _filled(known.values),
        "tuned_values": real.arrays["values"], "control_values": control.arrays["values"],
        "closest": real.arrays["closest"], "control_closest": control.arrays["closest"],
        "energy": real.arrays["energy"], "control_energy": control.arrays["energy"],
        "cosines": real.arrays["cosines"],
    }  # fmt: skip
    return _Held(row=row | {f"{measure}_control": control.row[measure] for measure in MEASURES}, arrays=arrays)


def _measured(base: Factors, before: np.ndarray, change: np.ndarray, n_top: int) -> _Held:
    """Every measure of base with a change added."""
    size = float(np.linalg.norm(change))
    now = decompose(before + change) if size else base
    of_change = singular_values(change) if size else np.zeros_like(base.values)
    k = min(n_top, len(base.values))
    turned = [
        float(np.degrees(principal_angles(one[:, :k], other[:, :k]).mean()))
        for one, other in ((base.left, now.left), (base.right, now.right))
    ]
    row = {
        "spectral_ratio": _over(now.values[0], base.values[0]),
        "scaling_share": scaling_share(base.values, now.values, size),
        "turned_out": turned[0], "turned_in": turned[1],
        "stable_rank": stable_rank(of_change), "entropy_rank": entropy_rank(of_change), "rank_90": energy_rank(of_change),
        "energy_inside": energy_inside(change, base.left[:, :k], base.right[:, :k]),
    }  # fmt: skip
    arrays = {
        "values": _filled(now.values),
        "closest": _filled(closest_cosines(base.left, now.left[:, :KEPT])),
        "energy": _filled(energy_curve(of_change)),
        "cosines": _square(cosines(base.left[:, :DRAWN], now.left[:, :DRAWN])),
    }
    return _Held(row=row, arrays=arrays)


def _over(one: float, other: float) -> float:
    return float(one / other) if other else float("nan")


def _filled(values: np.ndarray) -> np.ndarray:
    """The first 64, NaN where there are fewer."""
    held = np.full(KEPT, np.nan)
    held[: len(values)] = values[:KEPT]
    return held


def _square(values: np.ndarray) -> np.ndarray:
    held = np.full((DRAWN, DRAWN), np.nan)
    held[: values.shape[0], : values.shape[1]] = values
    return held


def _apart(table: pd.DataFrame) -> pd.DataFrame:
    """Parts that a block has several of (stacked layers, experts) go by their tensors' names too."""
    is_double = table.duplicated(["layer", "part"], keep=False)
    own = table["part"].where(~is_double, table["part"] + " · " + table["tensor"].str.removesuffix(".weight"))
    return table.assign(part=own)
