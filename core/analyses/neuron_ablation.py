"""What breaks without some neurons: they are held still in the running network, and its head is scored."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.checkpoint import run_of
from core.analyses.goals import MEASURES, prepared, score_of
from core.analyses.head_answers import head_labels, refuse_others, speaker
from core.analyses.neurons import BOTTOM, LINEAR, RANDOM, RANKINGS, TOP, Neurons, NeuronScores
from core.data.load import sample_size
from core.errors import SpecInvalid
from core.keys import Result, Spec

if TYPE_CHECKING:
    from torch import Tensor

SHARES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Of all neurons, that are held still."""
DRAWS = 3
"""Random sets of each size: the control."""
HELD = {
    "zero": "at 0",
    "mean": "at their mean over the words",
    "resample": "at what they are for another piece of the batch",
}


@dataclass(frozen=True, kw_only=True)
class NeuronAblation(Spec, kind="neuron_ablation"):
    """Hold the first neurons of a ranking still, in every layer they are in, and score the head on its run's dev examples."""

    title: ClassVar[str] = "The head without some neurons"
    seconds_per_unit: ClassVar[float] = 2.5e-3

    of: Neurons
    """Ranking of the neurons of a checkpoint with a head for labels."""
    ranking: str = LINEAR
    """One of core.analyses.neurons.RANKINGS; that of its first split is followed."""
    mode: Literal["zero", "mean", "resample"] = "mean"

    def validate(self) -> None:
        held = self.of.embed.checkpoint
        run = run_of(held)
        if run is None:
            raise SpecInvalid(
                "Scoring a head without some neurons.",
                "The checkpoint has no head that was tuned here.",
                "Choose a run, or a step it kept.",
            )
        refuse_others(held)  # type: ignore[arg-type]
        if self.ranking not in RANKINGS[:-1]:
            raise SpecInvalid(
                "Scoring a head without some neurons.",
                f"There is no ranking {self.ranking!r}.",
                f"Known: {', '.join(RANKINGS[:-1])}.",
            )

    @property
    def n_passes(self) -> int:
        """Times that the dev examples are read."""
        return 1 + (len(SHARES) - 1) * (2 + DRAWS)

    def dependencies(self) -> dict[str, Spec]:
        """The ranking, the checkpoint with its head, and the vectors that means are taken of."""
        return {**super().dependencies(), **_of_checkpoint(self), "vectors": self.of.embed}

    def cost(self) -> tuple[float, float]:
        """Work in examples read; a small table."""
        run = run_of(self.of.embed.checkpoint)
        assert run is not None
        return float(self.n_passes * sample_size(run.dev)), 1e4


def _of_checkpoint(spec: NeuronAblation) -> dict[str, Spec]:
    """What must be there of the checkpoint, under the names that core.analyses.checkpoint.source_of looks for."""
    return {
        f"embed{name.removeprefix('checkpoint')}": one
        for name, one in spec.of.embed.dependencies().items()
        if name.startswith("checkpoint")
    }


@dataclass(frozen=True, kw_only=True)
class NeuronAblations(Result):
    """Scores of a head, on the dev examples of its run."""

    measure: str
    """What is scored (core.analyses.goals.MEASURES)."""
    scores: pd.DataFrame
    """gone (top, bottom, random), draw (of random sets, from 0), share (of all neurons held still), n_neurons, score, low, high
    (95 % over dev examples; the score itself where it has no interval), same (share of answers that are the whole network's)."""
    intact: float
    """The score of the whole network."""
    majority: float
    """The same of always answering the commonest label."""
    n: int
    """Dev rows."""


def compute(spec: NeuronAblation, inputs: dict[str, Any], run: Run) -> NeuronAblations:
    """Hold still and ask. Raises as FineTune for its dev examples."""
    from core.models.hooks import editing_layers

    held, scores = spec.of.embed.checkpoint, inputs["of"]
    tuning = run_of(held)
    assert tuning is not None
    task, measure = prepared(tuning), MEASURES[tuning.goal][0]
    model, says = speaker(held, inputs, "embed", run)  # type: ignore[arg-type]
    labels = head_labels(held, inputs, "embed")  # type: ignore[arg-type]
    means = [np.asarray(layer, dtype=np.float64).mean(axis=0) for layer in inputs["vectors"].layers]
    examples = task.lesson.dev
    whole = task.score(says(examples))
    rows = [_row(TOP, 0, 0.0, 0, whole.answers, whole.answers, labels, measure)]
    wanted = [(gone, draw, share) for share in SHARES[1:] for gone, draw in _SETS]
    for done, (gone, draw, share) in enumerate(wanted):
        run.step(done, len(wanted), "sets of neurons")
        still = _places(scores, _order(scores, spec.ranking, gone, draw), share)
        generator = np.random.default_rng(draw)
        edit = partial(_held, still=still, means=means, mode=spec.mode, drawn=generator)
        with editing_layers(model.base_model, int(model.config.num_hidden_layers), edit):
            said = task.score(says(examples))
        n = sum(len(units) for units in still.values())
        rows.append(_row(gone, draw, share, n, said.answers, whole.answers, labels, measure))
    run.step(len(wanted), len(wanted), "sets of neurons")
    return NeuronAblations(
        measure=measure,
        scores=pd.DataFrame(rows),
        intact=whole.score.value,
        majority=whole.majority,
        n=len(whole.answers),
    )


_SETS = ((TOP, 0), (BOTTOM, 0), *((RANDOM, draw) for draw in range(DRAWS)))


def _order(scores: NeuronScores, ranking: str, gone: str, draw: int) -> NDArray[np.int32]:
    """The neurons of the join, those first that go first."""
    if gone == RANDOM:
        return np.random.default_rng(1000 + draw).permutation(scores.orders.shape[2]).astype(np.int32)
    order = scores.orders[RANKINGS.index(ranking), 0]
    chosen = order[order >= 0]
    # A ranking that chose some alone says nothing of the others: they follow in no order of their own.
    rest = np.setdiff1d(np.arange(len(order)), chosen)
    whole = np.concatenate([chosen, np.random.default_rng(0).permutation(rest)]).astype(np.int32)
    return whole[::-1] if gone == BOTTOM else whole


def _places(scores: NeuronScores, order: NDArray[np.int32], share: float) -> dict[int, NDArray[np.int64]]:
    """The first neurons of an order, by layer."""
    first = order[: round(share * len(order))].astype(np.int64)
    return {
        layer: np.sort(own)
        for at, layer in enumerate(scores.layers)
        if len(own := first[first // scores.width == at] % scores.width)
    }


def _held(
    layer: int,
    hidden: "Tensor",
    *,
    still: dict[int, NDArray[np.int64]],
    means: list[NDArray[np.float64]],
    mode: str,
    drawn: np.random.Generator,
) -> "Tensor":
    """A state with some neurons held still [batch, pieces, width]."""
    import torch

    if layer not in still:
        return hidden
    units = torch.from_numpy(still[layer]).to(hidden.device)
    edited = hidden.clone()
    if mode == "zero":
        edited[..., units] = 0.0
    elif mode == "mean":
        edited[..., units] = torch.from_numpy(means[layer][still[layer]]).to(hidden)
    else:
        flat = hidden.reshape(-1, hidden.shape[-1])
        other = torch.from_numpy(drawn.permutation(len(flat))).to(hidden.device)
        edited[..., units] = flat[other][:, units].reshape(*hidden.shape[:-1], len(units))
    return edited


def _row(
    gone: str,
    draw: int,
    share: float,
    n_neurons: int,
    answers: pd.DataFrame,
    whole: pd.DataFrame,
    labels: tuple[str, ...],
    measure: str,
) -> dict[str, Any]:
    value, spread = score_of(answers, labels, measure)
    low, high = (spread.low, spread.high) if spread else (value, value)
    same = float((answers["guess"] == whole["guess"]).mean())
    return {
        "gone": gone, "draw": draw, "share": share, "n_neurons": n_neurons, "score": value, "low": low, "high": high, "same": same,
    }  # fmt: skip
