"""Every kind of checkpoint an analysis can read, and what they have in common."""

from typing import TYPE_CHECKING, Any

from core.analyses.compress import Compress
from core.analyses.fine_tune import FineTune, Snapshot, changes_of
from core.analyses.graft import Graft
from core.errors import IncompatibleRefs
from core.models.checkpoints import Shape, locate, locate_adapter, own_pooling, place, shape
from core.refs import Adapter, Folder, Hub, Packaged, RandomWeights, Vectors, Whole

if TYPE_CHECKING:
    from core.models.sources import Source

Checkpoint = Packaged | Folder | Hub | Vectors | Adapter | RandomWeights | FineTune | Snapshot | Compress | Graft


def run_of(checkpoint: Checkpoint) -> FineTune | None:
    """The run that made a checkpoint; None for one that no run of ours made."""
    if isinstance(checkpoint, Snapshot | Compress | Graft):
        return checkpoint.run
    return checkpoint if isinstance(checkpoint, FineTune) else None


def origin(checkpoint: Checkpoint) -> Whole:
    """The checkpoint on disk that it goes back to, whose shape and tokenizer it shares.

    Raises:
        IncompatibleRefs: vectors computed elsewhere, which have no weights.
    """
    if isinstance(checkpoint, Vectors):
        raise IncompatibleRefs("Looking for weights.", "These are vectors without any.", "Choose a checkpoint.")
    if isinstance(checkpoint, RandomWeights | Adapter):
        return checkpoint.of
    run = run_of(checkpoint)
    if run is not None:
        return run.checkpoint
    assert isinstance(checkpoint, Whole)
    return checkpoint


def shape_of(checkpoint: Checkpoint) -> Shape:
    """Family, depth and width, by the configuration alone. Raises CheckpointNotFound, CheckpointDamaged."""
    if isinstance(checkpoint, Vectors):
        n_layers = checkpoint.n_layers
        return Shape(family="vectors", n_layers=n_layers, n_blocks=n_layers, width=checkpoint.width, positions=0)
    return shape(place(origin(checkpoint)))


def own_pooling_of(checkpoint: Checkpoint) -> str:
    """How a checkpoint that was trained to embed sentences pools them: "cls" or "mean"; "" where it says nothing of that."""
    return "" if isinstance(checkpoint, Vectors) else own_pooling(place(origin(checkpoint)))


def source_of(checkpoint: Checkpoint, inputs: dict[str, Any], name: str) -> "Source":
    """Where the parts of a checkpoint lie.

    Args:
        checkpoint: the value of a spec's field.
        inputs: what `compute` was given.
        name: of that field.
    Raises:
        CheckpointNotFound, CheckpointDamaged: as core.models.checkpoints.locate.
    """
    from core.models.sources import Source

    folder = locate(origin(checkpoint))
    if isinstance(checkpoint, RandomWeights):
        return Source(folder=folder, random_seed=checkpoint.seed)
    if isinstance(checkpoint, Adapter):
        return Source(folder=folder, changes=locate_adapter(checkpoint))
    if isinstance(checkpoint, FineTune | Snapshot | Compress | Graft):
        return Source(folder=folder, changes=changes_of(checkpoint, inputs, name))
    return Source(folder=folder)
