"""Activation patching between base and tuned: two networks with the tuned one's head, and the states of one put into the other."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.goals import prepared
from core.analyses.graft import Graft, Grown, grafted_model, grown_by, refuse_another_start
from core.data.examples import Examples
from core.errors import SpecInvalid
from core.maths.effects import log_odds
from core.models.checkpoints import locate, place, shape

if TYPE_CHECKING:
    from core.models.patching import LogShares, Pair

INTO_BASE, INTO_TUNED = DIRECTIONS = ("tuned into base", "base into tuned")
"""Which network's states are put into the other, which runs on from there."""


def check_patched(of: Grown) -> None:
    """Raise SpecInvalid for a head that gives no labels, whose odds are looked at, and for a run that began elsewhere."""
    refuse_another_start(of, "Patching states")
    if grown_by(of).goal != "label":
        raise SpecInvalid(
            "Patching states and asking the head.",
            f"It was tuned to give a {grown_by(of).goal}; the odds of labels are looked at.",
            "Choose a run tuned on labels.",
        )


def pair_of(of: Grown, inputs: dict[str, Any], examples: Examples, run: Run) -> "tuple[Pair, tuple[str, ...]]":
    """(base and tuned network, each with the tuned head, over some examples; the labels in the head's order).

    Args: inputs: of a spec whose field `of` is the checkpoint.
    """
    from core.models.heads import LabelHead
    from core.models.patching import Pair
    from core.models.tuning import longest_input

    tuning = grown_by(of)
    head, n_parts = prepared(tuning).lesson.head, shape(place(tuning.checkpoint)).n_blocks + 1
    assert isinstance(head, LabelHead)
    models = []
    for share in (0.0, 1.0):
        kept = run.folder / "side.safetensors"
        model, tokenizer = grafted_model(Graft(of=of, shares=(share,) * n_parts), inputs, head, kept, run)
        kept.unlink()
        models.append(model)
    longest = longest_input(locate(tuning.checkpoint), tuning.max_pieces)
    return Pair((models[0], models[1]), tokenizer, examples, head=head, longest=longest), head.labels


def mean_odds(said: "LogShares", answers: list[NDArray[np.int64]]) -> list[float]:
    """Of each row of a batch: mean log odds of some answers, in nats; NaN where a row has no answer."""
    return [
        float(log_odds(one, own).mean()) if len(own) else float("nan") for one, own in zip(said, answers, strict=True)
    ]
