"""What breaks without some neurons: they are held still in the running network, and its head is scored."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.checkpoint import run_of
from core.analyses.embed import Embeddings
from core.analyses.goals import prepared
from core.analyses.head_answers import head_labels, refuse_others, speaker
from core.analyses.neurons import LINEAR, RANDOM, RANKINGS, TOP, Neurons, NeuronScores
from core.analyses.places import whole_texts
from core.analyses.probe import splits_of
from core.analyses.scoring import MEASURES, dull, score_of
from core.analyses.units import labelled_rows
from core.data.examples import Examples
from core.data.load import load_sample, sample_size
from core.errors import NotEnoughData, SpecInvalid
from core.keys import Result, Spec

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Of all neurons, that are held still."""
DRAWS = 10
"""Random sets of each size, with as many neurons of each layer as the first ones have there: the control."""
LAST = "last"
SETS = ((TOP, 0), (LAST, 0), *((RANDOM, draw) for draw in range(DRAWS)))
"""Which neurons of an order are held still, and the draw of random ones."""
HELD = {
    "zero": "at 0",
    "mean": "at their mean over pieces, [CLS] at its own",
    "resample": "at what they are for another piece of the batch",
}
_FEWEST = 10
"""Dev examples that are new to the ranking: below, a score says nothing."""


@dataclass(frozen=True, kw_only=True)
class NeuronAblation(Spec, kind="neuron_ablation"):
    """Hold the first neurons of a ranking still, wherever they are, and score the head on its run's dev examples."""

    title: ClassVar[str] = "The head without some neurons"
    sources: ClassVar[tuple[str, ...]] = ("Durrani et al. 2021, arXiv 2105.15179",)
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
        """The ranking, the checkpoint with its head, and the rows that were ranked."""
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
    """What is scored (core.analyses.scoring.MEASURES)."""
    scores: pd.DataFrame
    """gone (top, last, random), draw (of random sets, from 0), share (of all neurons held still), n_neurons, score, low, high
    (95 % over dev rows; the score itself where it has no interval), same (share of answers that are the whole network's)."""
    intact: float
    """The score of the whole network."""
    majority: float
    """The same of always answering the commonest training label."""
    n: int
    """Dev rows that are scored: of sentences by which the ranking was not made."""
    n_seen: int
    """Dev examples that are left out, because the ranking was made on them."""


def compute(spec: NeuronAblation, inputs: dict[str, Any], run: Run) -> NeuronAblations:
    """Hold still and ask.

    Raises as FineTune for its dev examples; NotEnoughData where hardly one of them is new to the ranking.
    """
    from core.models.stillness import held_still, measuring

    held, scores = spec.of.embed.checkpoint, inputs["of"]
    tuning = run_of(held)
    assert tuning is not None
    task, measure = prepared(tuning), MEASURES[tuning.goal][0]
    model, says = speaker(held, inputs, "embed", run)  # type: ignore[arg-type]
    labels = head_labels(held, inputs, "embed")  # type: ignore[arg-type]
    examples = task.lesson.dev
    new = _new_to(spec.of, inputs["vectors"], examples)

    def asked() -> pd.DataFrame:
        answers = task.score(says(examples)).answers
        return answers[new[answers["example"].to_numpy()]].reset_index(drop=True)

    site = spec.of.embed.site
    with measuring(model, site) as means:
        whole = asked()
    rows = [_row(TOP, 0, 0.0, 0, whole, whole, labels, measure)]
    wanted = [(gone, draw, share) for share in SHARES[1:] for gone, draw in SETS]
    for done, (gone, draw, share) in enumerate(wanted):
        run.step(done, len(wanted), "sets of neurons")
        still = held_places(scores, spec.ranking, gone, draw, share)
        with held_still(model, still, spec.mode, means, seed=draw, site=site):
            said = asked()
        n = sum(len(units) for units in still.values())
        rows.append(_row(gone, draw, share, n, said, whole, labels, measure))
    run.step(len(wanted), len(wanted), "sets of neurons")
    return NeuronAblations(
        measure=measure,
        scores=pd.DataFrame(rows),
        intact=score_of(whole, labels, measure)[0],
        majority=score_of(dull(whole), labels, measure)[0],
        n=len(whole),
        n_seen=int((~new).sum()),
    )


def _new_to(of: Neurons, embeddings: Embeddings, dev: Examples) -> NDArray[np.bool_]:
    """Which dev examples are not among those that the ranking's first split was made on [examples]."""
    sample = load_sample(of.embed.sample)
    rows = labelled_rows(sample, embeddings, of.embed.unit, of.label)
    train, _ = splits_of(rows.group, of.n_seeds)[0]
    whole = whole_texts(sample)
    seen = {whole[sentence] for sentence in np.unique(rows.sentence[train]).tolist()}
    new = np.array([text not in seen for text in whole_texts(dev)])
    if new.sum() < _FEWEST:
        raise NotEnoughData(
            "Scoring a head without some neurons.",
            f"Of its {len(new)} dev examples {int(new.sum())} are new to the ranking of the neurons.",
            "Rank on fewer sentences, or on another text.",
        )
    return new


def held_places(scores: NeuronScores, ranking: str, gone: str, draw: int, share: float) -> dict[int, NDArray[np.int64]]:
    """The neurons that are held still, by layer.

    Args:
        scores: a ranking's result; its first split is followed.
        ranking: one of core.analyses.neurons.RANKINGS.
        gone: TOP, LAST or RANDOM (as many of each layer as the first have there).
        draw: of the random ones.
        share: of all neurons.
    Returns:
        Rising numbers by layer, int64; layers without any are left out.
    """
    n = round(share * scores.orders.shape[2])
    order = _order(scores, ranking)
    chosen = (order[-n:] if gone == LAST else order[:n]).astype(np.int64)
    drawn = np.random.default_rng(1000 + draw)
    found = {}
    for at, layer in enumerate(scores.layers):
        own = chosen[chosen // scores.width == at] % scores.width
        if gone == RANDOM:  # as many of the layer: what is held low disturbs all above it, whichever it is
            own = drawn.choice(scores.width, len(own), replace=False)
        if len(own):
            found[layer] = np.sort(own)
    return found


def _order(scores: NeuronScores, ranking: str) -> NDArray[np.int32]:
    """All neurons of the join by a ranking's first split; those that it did not choose follow as drawn."""
    order = scores.orders[RANKINGS.index(ranking), 0]
    chosen = order[order >= 0]
    rest = np.setdiff1d(np.arange(len(order)), chosen)
    return np.concatenate([chosen, np.random.default_rng(0).permutation(rest)]).astype(np.int32)


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
