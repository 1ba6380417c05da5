"""A tuned checkpoint reduced to a small change: what a pack can carry, and a checkpoint in its own right.

The blocks' matrices keep the best approximation of their change of a given rank, vectors (biases, LayerNorm) and the
head keep theirs exactly, and the embeddings go back to the start. The reconstruction *is* the checkpoint: every number
shown for it was computed on it, its own accuracy included.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from core.analyses.base import Run
from core.analyses.fine_tune import FineTune, Snapshot, TunedCheckpoint, asked_again, changes_of, remade
from core.analyses.goals import prepared
from core.data.load import sample_size
from core.errors import SpecInvalid
from core.keys import Spec
from core.models.checkpoints import locate, place, shape


@dataclass(frozen=True, kw_only=True)
class Compress(Spec, kind="compress", version=2):
    """Keep a change of low rank of what a run changed."""

    title: ClassVar[str] = "Compressing a checkpoint"
    sources: ClassVar[tuple[str, ...]] = ("Hu et al. 2022 on changes of low rank",)
    seconds_per_unit: ClassVar[float] = 5e-3

    of: FineTune | Snapshot
    rank: int = 4

    def validate(self) -> None:
        if not 1 <= self.rank <= 256:
            raise SpecInvalid(f"Compressing to rank {self.rank}.", "Out of range.", "Use 1 to 256; 4 to 16 is usual.")

    @property
    def run(self) -> FineTune:
        """The run that was compressed."""
        return self.of.run if isinstance(self.of, Snapshot) else self.of

    def cost(self) -> tuple[float, float]:
        """Work in dev examples; bytes of two thin matrices of 16 bits for each of the blocks' six."""
        known = shape(place(self.run.checkpoint))
        return float(sample_size(self.run.dev)), 2.0 * known.n_layers * 18 * known.width * (self.rank + 1)


def compute(spec: Compress, inputs: dict[str, Any], run: Run) -> TunedCheckpoint:
    """Reduce, and let the reconstruction answer the dev examples."""
    from core.models.changes import Changes, changes_file, write_changes
    from core.models.compression import reduced

    tuned: TunedCheckpoint = inputs["of.run" if isinstance(spec.of, Snapshot) else "of"]
    changed, into = Changes(changes_of(spec.of, inputs, "of")), changes_file(run.folder / "changes", None)
    kept, low_rank = reduced(locate(spec.run.checkpoint), changed, spec.rank, on_step=run.step)
    write_changes(into, {}, kept, low_rank)
    return remade(tuned, spec.of, asked_again(spec.run, prepared(spec.run), into, run), into)
