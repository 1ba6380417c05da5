"""What a label's neurons do for it in the running network: they are held still, and a probe reads the top layer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.checkpoint import source_of
from core.analyses.embed import Embeddings, batch_pieces
from core.analyses.inner_embed import states_of
from core.analyses.neuron_ablation import SETS, SHARES, held_places
from core.analyses.neurons import LINEAR, RANKINGS, TOP, Neurons
from core.analyses.probe import MAX_ITERATIONS, TOLERANCE, splits_of
from core.analyses.scoring import MEASURES
from core.analyses.units import LabelledRows, labelled_rows
from core.data.examples import Examples
from core.data.load import load_sample, sample_size
from core.errors import SpecInvalid
from core.keys import Result, Spec
from core.maths.probing import fit_linear_probes, majority_share
from core.maths.statistics import grouped_share
from core.refs import Vectors

_TESTED = 0.3
"""Share of the sentences that is read again, about; for what it costs."""


@dataclass(frozen=True, kw_only=True)
class NeuronReading(Spec, kind="neuron_reading"):
    """Hold the first neurons of a ranking still, in every layer they are in, and let a probe read the label from the top layer.

    The probe is fitted once, on the untouched network's top layer and the training rows of the ranking's first split; it reads
    the split's held-out sentences as the disturbed network passes them on. No head is needed: base and tuned can be compared.
    """

    title: ClassVar[str] = "A label read without some neurons"
    sources: ClassVar[tuple[str, ...]] = ("Durrani et al. 2021, arXiv 2105.15179",)
    seconds_per_unit: ClassVar[float] = 2.5e-3

    of: Neurons
    """Ranking of a checkpoint's neurons."""
    ranking: str = LINEAR
    """One of core.analyses.neurons.RANKINGS; that of its first split is followed."""
    mode: Literal["zero", "mean", "resample"] = "mean"

    def validate(self) -> None:
        if isinstance(self.of.embed.checkpoint, Vectors):
            raise SpecInvalid(
                "Holding neurons of a running network still.",
                "There are vectors, and no network.",
                "Choose a checkpoint.",
            )
        if self.ranking not in RANKINGS[:-1]:
            raise SpecInvalid(
                "Reading a label without some neurons.",
                f"There is no ranking {self.ranking!r}.",
                f"Known: {', '.join(RANKINGS[:-1])}.",
            )

    def dependencies(self) -> dict[str, Spec]:
        """The ranking, the rows that were ranked, and what must be there of the checkpoint."""
        return {**super().dependencies(), **self.of.embed.dependencies(), "vectors": states_of(self.of.embed)}

    def cost(self) -> tuple[float, float]:
        """Work in sentences read; two small tables."""
        passes = 2 + (len(SHARES) - 1) * len(SETS)
        return float(passes * _TESTED * sample_size(self.of.embed.sample)), 3e4


@dataclass(frozen=True, kw_only=True)
class NeuronReadings(Result):
    """How often a probe is right on held-out rows, 0 to 1."""

    scores: pd.DataFrame
    """gone (top, last, random), draw (of random sets, from 0), share (of all neurons held still), n_neurons, score, low, high
    (95 % over held-out sentences), same (share of rows read as in the whole network)."""
    by_label: pd.DataFrame
    """label, n (held-out rows), gone, share, score (share of the label's rows read rightly; of random sets their mean)."""
    intact: float
    """The score of the whole network."""
    majority: float
    """The same of always answering the commonest training label."""
    n: int
    """Held-out rows."""
    n_sentences: int
    """That they are of."""
    is_converged: bool
    """Whether the probe's fit was."""

    @property
    def measure(self) -> str:
        """What is scored (core.analyses.scoring.MEASURES)."""
        return MEASURES["label"][0]


def compute(spec: NeuronReading, inputs: dict[str, Any], run: Run) -> NeuronReadings:
    """Hold still and read. Raises as Embed and labelled_rows do; NotEnoughData for fewer than 10 sentences or 2 classes."""
    from core.models.stillness import PieceMeans, held_still, measuring

    embed, ranked, intact = states_of(spec.of.embed), inputs["of"], inputs["vectors"]
    sample = load_sample(embed.sample)
    rows = labelled_rows(sample, intact, embed.unit, spec.of.label)
    train, test = splits_of(rows.group, spec.of.n_seeds)[0]
    probe = _Probe(rows.vectors(intact.layers[-1])[train], rows.labels[train], run.device)
    network = _Network(spec, inputs, sample.pick(np.unique(rows.sentence[test]).tolist()), run)
    means: list[PieceMeans] = []
    site = spec.of.embed.site

    @contextmanager
    def measured(model: Any) -> Iterator[None]:
        with measuring(model, site) as found:
            means.append(found)
            yield

    whole = probe.read(network.rows_within(measured))
    table, by_label = [_row(TOP, 0, 0.0, 0, whole, whole)], [_by_label(TOP, 0.0, whole)]
    wanted = [(gone, draw, share) for share in SHARES[1:] for gone, draw in SETS]
    for done, (gone, draw, share) in enumerate(wanted):
        run.step(done, len(wanted), "sets of neurons")
        still = held_places(ranked, spec.ranking, gone, draw, share)
        hold = partial(held_still, units=still, mode=spec.mode, means=means[0], seed=draw, site=site)
        found = probe.read(network.rows_within(hold))
        table.append(_row(gone, draw, share, sum(map(len, still.values())), found, whole))
        by_label.append(_by_label(gone, share, found))
    run.step(len(wanted), len(wanted), "sets of neurons")
    keys = ["label", "n", "gone", "share"]
    return NeuronReadings(
        scores=pd.DataFrame(table),
        by_label=pd.concat(by_label).groupby(keys, sort=False).agg(score=("score", "mean")).reset_index(),
        intact=float(whole["is_right"].mean()),
        majority=majority_share(rows.labels[train], whole["gold"]),
        n=len(whole),
        n_sentences=int(whole["group"].nunique()),
        is_converged=probe.is_converged,
    )


class _Probe:
    """A linear probe of the top layer as it is when nothing is held still."""

    def __init__(self, X: NDArray[np.float32], labels: NDArray[np.str_], device: str) -> None:
        self._names, y = np.unique(labels, return_inverse=True)
        self._mean = X.mean(axis=0)
        self._scale = np.where((spread := X.std(axis=0)) > 0, spread, 1.0)
        fitted = fit_linear_probes(
            (X - self._mean) / self._scale, y, max_iter=MAX_ITERATIONS, tol=TOLERANCE, device=device
        )
        self._fitted, self.is_converged = fitted, bool(fitted.converged.all())

    def read(self, rows: tuple[NDArray[np.float32], LabelledRows]) -> pd.DataFrame:
        """gold, guess, is_right, group (its sentence); a row a row. Args: vectors [n, width], and what they are of."""
        X, held = rows
        guess = self._names[self._fitted.predict((X - self._mean) / self._scale)[0]]
        return pd.DataFrame(
            {"gold": held.labels, "guess": guess, "is_right": guess == held.labels, "group": held.group}
        )


class _Network:
    """The network, read again and again on some sentences."""

    def __init__(self, spec: NeuronReading, inputs: dict[str, Any], sentences: Examples, run: Run) -> None:
        self._embed, self._label, self._run = states_of(spec.of.embed), spec.of.label, run
        self._source = source_of(self._embed.checkpoint, inputs, "checkpoint")
        self._sentences = sentences

    def rows_within(self, disturb: Callable[[Any], Any]) -> tuple[NDArray[np.float32], LabelledRows]:
        """The top layer's rows that carry the label, read while `disturb(model)` is entered."""
        from core.models.devices import precision_on
        from core.models.extraction import Reading, extract

        embed, device = self._embed, self._run.device
        # Reading goes on from what a cut-off pass left in its folder: each pass has its own.
        with TemporaryDirectory(dir=self._run.folder) as folder:
            reading = Reading(unit=embed.unit, pooling=embed.pooling, dtype=embed.dtype, into=Path(folder))
            (found,) = extract(
                self._source, self._sentences, [reading], max_pieces=embed.max_pieces, device=device,
                precision=precision_on(device), batch_pieces=batch_pieces(embed, device),
                on_sentences=lambda done, total: self._run.check(), around=disturb,
            )  # fmt: skip
            embeddings = Embeddings(
                layers=tuple(np.load(path, allow_pickle=False) for path in found.layers[-1:]), sentence=found.sentence,
                word=found.word, n_cut_sentences=0, n_lost_words=0, precision=found.precision,
            )  # fmt: skip
        rows = labelled_rows(self._sentences, embeddings, embed.unit, self._label)
        return rows.vectors(embeddings.layers[-1]), rows


def _row(
    gone: str, draw: int, share: float, n_neurons: int, found: pd.DataFrame, whole: pd.DataFrame
) -> dict[str, Any]:
    score = grouped_share(found["is_right"], found["group"])
    return {
        "gone": gone, "draw": draw, "share": share, "n_neurons": n_neurons, "score": score.value, "low": score.low,
        "high": score.high, "same": float((found["guess"] == whole["guess"]).mean()),
    }  # fmt: skip


def _by_label(gone: str, share: float, found: pd.DataFrame) -> pd.DataFrame:
    by = found.groupby("gold")["is_right"].agg(["size", "mean"]).reset_index()
    by.columns = ["label", "n", "score"]
    return by.assign(gone=gone, share=share)
