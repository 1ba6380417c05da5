"""A graft: a tuned checkpoint some of whose parts go back to its base, or take more or less of what tuning did to them.

Its weights are base + share * (tuned - base), with a share of its own for the embeddings and for each block; the head is
the tuned one's. So it is a checkpoint like any other, and every page can look inside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.analyses.base import Run
from core.analyses.compress import Compress
from core.analyses.fine_tune import FineTune, Snapshot, TunedCheckpoint, asked_again, changes_of, remade
from core.analyses.goals import prepared
from core.data.load import sample_size
from core.errors import IncompatibleRefs, SpecInvalid
from core.keys import Spec
from core.models.checkpoints import locate, place, shape, weight_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from core.models.heads import Head

Grown = FineTune | Snapshot | Compress
"""What a run of ours made, with its head."""
LARGEST = 4.0
"""Share beyond which a network is no longer near either of its sides."""


@dataclass(frozen=True, kw_only=True)
class Graft(Spec, kind="graft"):
    """Base and tuned weights, part by part in their own shares."""

    title: ClassVar[str] = "Grafting a checkpoint"
    sources: ClassVar[tuple[str, ...]] = ("Ilharco et al. 2023 on task arithmetic",)
    seconds_per_unit: ClassVar[float] = 5e-3

    of: Grown
    shares: tuple[float, ...]
    """Of what tuning changed in the embeddings, then in each block: 0 = the base's, 1 = the tuned one's, -1 = as far the other
    way. The head, and the pooler or last norm it reads through, are the tuned one's."""
    other: Grown | None = None
    """Another checkpoint tuned from the same base, whose change of the weights is added."""
    other_share: float = 0.0
    """How much of it, in every part."""

    def validate(self) -> None:
        shares = (*self.shares, self.other_share)
        if not all(isfinite(share) and abs(share) <= LARGEST for share in shares):
            raise SpecInvalid(
                f"A graft with the shares {shares}.",
                f"One lies beyond {LARGEST:g}.",
                f"Use -{LARGEST:g} to {LARGEST:g}; 0 = base, 1 = tuned.",
            )
        if (self.other is None) != (self.other_share == 0):
            raise SpecInvalid(
                "A graft of three.", "Of the other checkpoint and its share one is missing.", "Give both, or neither."
            )
        for one in (self.of, self.other):
            if one is not None:
                refuse_another_start(one, "A graft")
        if self.other is not None and grown_by(self.other).checkpoint != self.run.checkpoint:
            raise IncompatibleRefs(
                "Adding the change of another tuning.",
                "It was tuned from another base: its weights mean something else.",
                "Choose two checkpoints that were tuned from one base.",
            )

    @property
    def run(self) -> FineTune:
        """The run whose head it has."""
        return grown_by(self.of)

    def cost(self) -> tuple[float, float]:
        """Work in dev examples; bytes of the weights, or of thin matrices where the change is of low rank."""
        if isinstance(self.of, Compress):
            return float(sample_size(self.run.dev)), self.of.cost()[1]
        return float(sample_size(self.run.dev)), float(weight_bytes(self.run.checkpoint))


def refuse_another_start(held: Grown, asked: str) -> None:
    """Raise SpecInvalid for a run that began from weights drawn anew: what it changed is not what tuning changed."""
    if grown_by(held).surgery.draws:
        raise SpecInvalid(
            f"{asked} of a run that began from weights drawn anew.",
            "It did not begin from the base: there is no change of its own to put back.",
            "Choose a run without surgery.",
        )


def grown_by(held: Grown) -> FineTune:
    """The run that made a checkpoint."""
    return held if isinstance(held, FineTune) else held.run


def compute(spec: Graft, inputs: dict[str, Any], run: Run) -> TunedCheckpoint:
    """Graft, and let the head answer the dev examples of its run.

    Raises:
        SpecInvalid: not one share for the embeddings and each block.
        CheckpointDamaged: weights that are no numbers, or that do not fit their base.
    """
    from core.models.changes import changes_file

    # What it was made of may be made of a run itself.
    first = spec.of.of if isinstance(spec.of, Compress) else spec.of
    tuned: TunedCheckpoint = inputs["of.run" if isinstance(spec.of, Snapshot) else "of"]
    into = changes_file(run.folder / "changes", None)
    run.step(0, 1, "weights and answers")
    write_graft(spec, inputs, into, run)
    scored = asked_again(spec.run, prepared(spec.run), into, run)
    run.step(1, 1, "weights and answers")
    return remade(tuned, first, scored, into)


def write_graft(spec: Graft, inputs: dict[str, Any], into: Path, run: Run) -> None:
    """Write what makes the base into a graft. Args: inputs: of a spec with its fields. Raises as `compute`."""
    from core.models.changes import Changes, write_changes
    from core.models.grafting import Added, grafted

    n_blocks = shape(place(spec.run.checkpoint)).n_blocks
    refuse_other_parts(spec, n_blocks)
    sides = [Added(Changes(changes_of(spec.of, inputs, "of")), spec.shares)]
    if spec.other is not None:
        sides.append(Added(Changes(changes_of(spec.other, inputs, "other")), [spec.other_share] * (n_blocks + 1)))
    write_changes(into, {}, *grafted(locate(spec.run.checkpoint), sides, check=run.check))


def grafted_model(
    spec: Graft, inputs: dict[str, Any], head: "Head", into: Path, run: Run
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """A graft with its head, ready to answer. Args: into: file for its changes; the others as of `write_graft`."""
    from core.models.sources import Source
    from core.models.tuning import tuned_model

    write_graft(spec, inputs, into, run)
    return tuned_model(Source(folder=locate(spec.run.checkpoint), changes=into), head, run.device)


def shares_said(shares: Sequence[float]) -> str:
    """Which parts of a graft come from where, in a few words. Args: as in Graft."""
    first, last, n = shares[0], shares[-1], len(shares)
    if len(set(shares)) == 1:
        return {0.0: "base", 1.0: "tuned"}.get(first, f"change × {first:g}")
    if set(shares) == {0.0, 1.0}:
        for one, name in ((0.0, "base"), (1.0, "tuned")):
            at = [part for part in range(n) if shares[part] == one]
            if at == list(range(len(at))) and first != last:
                return f"{name} up to layer {at[-1]}"
        for one, said in ((0.0, "back to the base"), (1.0, "tuned alone")):
            if shares.count(one) == 1:
                return f"part {shares.index(one)} {said}"
    return "shares " + " ".join(f"{share:g}" for share in shares)


def refuse_other_parts(spec: Graft, n_blocks: int) -> None:
    """Raise SpecInvalid unless there is a share for the embeddings and one for each block."""
    if len(spec.shares) != n_blocks + 1:
        raise SpecInvalid(
            f"A graft of {len(spec.shares)} parts.",
            f"Its base has embeddings and {n_blocks} blocks.",
            f"Give {n_blocks + 1} shares.",
        )
