"""A tuned checkpoint reduced to a small change: what a pack can carry, and a checkpoint in its own right.

The blocks' matrices keep the best approximation of their change of a given rank, vectors (biases, LayerNorm) and the
head keep theirs exactly, and the embeddings go back to the start. The reconstruction *is* the checkpoint: every number
shown for it was computed on it, its own accuracy included.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from core.analyses.base import Run
from core.analyses.fine_tune import FineTune, Snapshot, TunedCheckpoint, changes_of
from core.analyses.goals import prepared
from core.data.load import sample_size
from core.errors import SpecInvalid
from core.keys import Spec
from core.models.checkpoints import locate, place, shape


@dataclass(frozen=True, kw_only=True)
class Compress(Spec, kind="compress"):
    """Keep a change of low rank of what a run changed."""

    title: ClassVar[str] = "Compressing a checkpoint"
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
        """Work in dev examples; bytes of two thin matrices for each of the blocks' six."""
        known = shape(place(self.run.checkpoint))
        return float(sample_size(self.run.dev)), 4.0 * known.n_layers * 18 * known.width * (self.rank + 1)


def compute(spec: Compress, inputs: dict[str, Any], run: Run) -> TunedCheckpoint:
    """Reduce, and let the reconstruction answer the dev examples."""
    from core.models.changes import Changes, changes_file, write_changes
    from core.models.compression import reduced
    from core.models.sources import Source
    from core.models.tuning import answer, longest_input, tuned_model

    tuned: TunedCheckpoint = inputs["of.run" if isinstance(spec.of, Snapshot) else "of"]
    folder, tuning = locate(spec.run.checkpoint), spec.run
    kept, low_rank = reduced(folder, Changes(changes_of(spec.of, inputs, "of")), spec.rank, on_step=run.step)
    into = changes_file(run.folder / "changes", None)
    write_changes(into, {}, kept, low_rank)
    task = prepared(tuning)
    model, tokenizer = tuned_model(Source(folder=folder, changes=into), task.lesson.head, run.device)
    answers = answer(
        model,
        tokenizer,
        task.lesson.dev,
        head=task.lesson.head,
        longest=longest_input(folder, tuning.max_pieces),
        on_batch=run.check,
    )
    scored = task.score(answers)
    return replace(
        tuned,
        changes=run.folder / "changes",
        answers=scored.answers,
        confusion=scored.confusion,
        accuracy=None if tuning.goal == "number" else scored.score,
        correlation=scored.score if tuning.goal == "number" else None,
        n_steps=spec.of.step if isinstance(spec.of, Snapshot) else tuned.n_steps,
        n_bytes=into.stat().st_size,
    )
