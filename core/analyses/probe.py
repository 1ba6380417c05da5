"""A linear probe on every layer: what a straight cut through the space can read, beside its controls."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, spread
from core.analyses.embed import Embed, Embeddings, read_the_same
from core.analyses.units import LabelledRows, labelled_rows
from core.data.load import load_sample
from core.errors import IncompatibleRefs, NotEnoughData, SpecInvalid
from core.keys import Result, Spec, later
from core.maths.probing import LinearProbes, control_labels, fit_linear_probes, majority_share, share_right, standardise
from core.maths.statistics import Estimate, resampled_interval

if TYPE_CHECKING:
    from core.analyses.codelength import Codelength

TEST_SHARE = 0.3
MAX_ITERATIONS, TOLERANCE = 300, 1e-4
"""Of the solver, for every probe here; scikit-learn's default tolerance."""
_STEPS_OF_L1 = 4
"""With L1 the solver takes about so many times as many steps."""
_BATCH_BYTES = 256_000_000
"""Training rows held at once in float32, by all threads together; a split by each is held in any case."""

Split = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Training rows, test rows."""


def refuse_odd_settings(n_seeds: int, C: float) -> None:
    """Raise SpecInvalid for a number of seeds or a penalty that no probe here takes."""
    if not 2 <= n_seeds <= 50:
        raise SpecInvalid(f"Probing with {n_seeds} seeds.", "A spread needs at least 2.", "Use 2 to 50; 5 is usual.")
    if not 0 < C <= 1e6:
        raise SpecInvalid(f"Probing with C = {C}.", "Out of range.", "Use a positive number; 0.01 is usual.")


def refuse_unlike(one: "Probe | Codelength", other: "Probe | Codelength") -> None:
    """Raise IncompatibleRefs unless both read the same label of the same units in the same way."""
    if (one.label, one.n_seeds, one.C) != (other.label, other.n_seeds, other.C) or (
        isinstance(one, Probe) and isinstance(other, Probe) and one.fitting != other.fitting
    ):
        raise IncompatibleRefs(
            "Comparing two probes.",
            "Their label, seeds, penalty or weights of classes differ.",
            "Use the same for both.",
        )
    read_the_same(one.embed, other.embed, "Comparing two probes.")


@dataclass(frozen=True, kw_only=True)
class Probe(Spec, kind="probe"):
    """Multinomial logistic regression from each layer to a label, over several random splits by sentence."""

    title: ClassVar[str] = "Linear probe"
    sources: ClassVar[tuple[str, ...]] = (
        "Durrani et al. 2021, arXiv 2105.15179",
        "Hewitt & Liang 2019 on control tasks",
        "Nadeau & Bengio 2003 on intervals over splits",
    )
    seconds_per_unit: ClassVar[float] = 3.0e-4

    embed: Embed
    label: str
    """Name of a label: of sentences where those are embedded, else of words, or of spans or pairs of them."""
    n_seeds: int = 5
    """Random splits, 70 % of the sentences for training."""
    C: float = 0.01
    """scikit-learn's inverse strength, on standardised features."""
    penalties: tuple[float, ...] = later(())
    """Inverse strengths to choose from instead, in each split of each layer by a part of its training sentences; empty = C."""
    l1_ratio: float = later(0.0)
    """Share of the L1 penalty, 0 to 1: 0 = L2 alone; above 0 weights become exactly 0."""
    balanced: bool = later(False)
    """Whether all classes count the same, however many rows they have: in fitting, and in every accuracy."""

    def validate(self) -> None:
        for C in (self.C, *self.penalties):
            refuse_odd_settings(self.n_seeds, C)
        if not 0 <= self.l1_ratio <= 1:
            raise SpecInvalid(
                f"Probing with an L1 share of {self.l1_ratio}.", "Out of range.", "Use 0 (L2 alone) to 1 (L1 alone)."
            )

    @property
    def fitting(self) -> tuple[tuple[float, ...], float, bool]:
        """How it is fitted, but for C."""
        return self.penalties, self.l1_ratio, self.balanced

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers x seeds; a few kilobytes kept."""
        steps = _STEPS_OF_L1 if self.l1_ratio else 1
        return self.embed.cost()[0] * self.n_seeds * (1 + 0.4 * len(self.penalties)) * steps, 1e4


@dataclass(frozen=True, kw_only=True)
class ProbeScores(Result):
    """Accuracy on held-out sentences, 0 to 1, larger = more can be read; of a balanced probe the mean over classes."""

    accuracy: np.ndarray
    """[layers, seeds]."""
    control: np.ndarray
    """Accuracy of the same probe on the control task [layers, seeds]."""
    score: tuple[Estimate, ...]
    """Mean accuracy per layer with an interval over resampled splits (Nadeau & Bengio 2003)."""
    control_score: tuple[Estimate, ...]
    """The same for the control task."""
    majority: float
    """Accuracy of always answering the commonest training label, mean over seeds."""
    overlap: float
    """Share of test rows whose type (the same word, pair or span) also stands in training; it bounds the control task."""
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    """Rows of each label."""
    n_train: int
    n_test: int
    n_sentences: int
    n_unconverged: int
    """Fits that stopped at the iteration limit."""
    control_kind: str
    chosen: tuple[tuple[float, ...], ...] = ()
    """C of each probe where it was chosen [layers][seeds]; its control task has the same."""
    used: tuple[tuple[float, ...], ...] = ()
    """Share of the features to which the probe gives any weight, where L1 leaves some without [layers][seeds]."""


def compute(spec: Probe, inputs: dict[str, Any], run: Run) -> ProbeScores:
    """Fit all probes of a layer in one batch. Raises NotEnoughData for one class or under 10 sentences."""
    embeddings: Embeddings = inputs["embed"]
    examples = load_sample(spec.embed.sample)
    rows = labelled_rows(examples, embeddings, spec.embed.unit, spec.label)
    words, (names, y) = rows.types, np.unique(rows.labels, return_inverse=True)
    if len(names) < 2:
        raise NotEnoughData(
            f"Probing for {spec.label!r}.", f"Every row has the label “{names[0]}”.", "Give two or more."
        )
    splits = splits_of(rows.group, spec.n_seeds)
    controls = [control_of(rows, names, seed) for seed in range(spec.n_seeds)]
    targets = [np.stack([y, control_of_seed]) for control_of_seed in controls]
    n_layers, width = len(embeddings.layers), embeddings.layers[0].shape[1] * max(1, len(rows.parts))
    rooms = _Rooms(len(splits), len(splits[0][0]), width, run.threads)

    def fit(layer: int, part: slice) -> _Fitted:
        X, C = rows.vectors(embeddings.layers[layer]), [spec.C] * len(splits[part])
        if spec.penalties:
            seeds = range(spec.n_seeds)[part]
            C = [_chosen(spec, X, y, rows.group, splits[seed][0], seed, run) for seed in seeds]
        with rooms.one() as room:
            return _fit_and_score(spec, X, splits[part], targets[part], len(names), C, run.device, room)

    parts = [slice(first, first + rooms.at_once) for first in range(0, spec.n_seeds, rooms.at_once)]
    found = spread(run, [partial(fit, layer, part) for layer in range(n_layers) for part in parts], "probes")
    both = np.concatenate([one.scores for one in found]).reshape(n_layers, spec.n_seeds, 2)
    accuracy, control = np.ascontiguousarray(both[..., 0]), np.ascontiguousarray(both[..., 1])
    strengths, used = (
        tuple(map(tuple, np.array(values).reshape(n_layers, spec.n_seeds).tolist()))
        for values in ([C for one in found for C in one.C], [share for one in found for share in one.used])
    )
    n_train, n_test = (int(np.mean([len(split[side]) for split in splits])) for side in (0, 1))
    return ProbeScores(
        accuracy=accuracy,
        control=control,
        score=tuple(resampled_interval(row, n_train=n_train, n_test=n_test) for row in accuracy),
        control_score=tuple(resampled_interval(row, n_train=n_train, n_test=n_test) for row in control),
        majority=float(np.mean([majority_share(y[train], y[test], balanced=spec.balanced) for train, test in splits])),
        overlap=float(np.mean([np.isin(words[test], words[train]).mean() for train, test in splits])),
        labels=tuple(map(str, names)),
        counts=tuple(int(count) for count in np.bincount(y)),
        n_train=n_train,
        n_test=n_test,
        n_sentences=len(np.unique(rows.group)),
        n_unconverged=sum(one.n_failed for one in found),
        control_kind=rows.control_kind,
        chosen=strengths if spec.penalties else (),
        used=used if spec.l1_ratio else (),
    )


class _Rooms:
    """Memory for the training rows of as many splits at once as fit, used again and again: fresh memory of that size costs as
    much as a third of the fitting."""

    def __init__(self, n_splits: int, n_rows: int, width: int, threads: int) -> None:
        self.at_once = min(n_splits, max(1, _BATCH_BYTES // (4 * n_rows * width * max(1, threads))))
        self._shape = (self.at_once, n_rows, width)
        self._free: list[NDArray[np.float32]] = []

    @contextmanager
    def one(self) -> Iterator[NDArray[np.float32]]:
        """One that nobody else has."""
        try:
            room = self._free.pop()  # tasks beside each other: asking first whether there is one would race
        except IndexError:
            room = np.empty(self._shape, dtype=np.float32)
        try:
            yield room
        finally:
            self._free.append(room)


@dataclass(frozen=True)
class _Fitted:
    """Probes of some splits of one layer."""

    scores: NDArray[np.float64]
    """Accuracy [splits, (task, control)]."""
    n_failed: int
    C: list[float]
    used: list[float]
    """Share of the features with a weight [splits], of the task."""


def _fit_and_score(
    spec: Probe,
    X: NDArray[np.float32],
    splits: list[Split],
    targets: list[NDArray],
    n_classes: int,
    C: list[float],
    device: str,
    room: NDArray[np.float32],
) -> _Fitted:
    """Fit in one batch, and score on the held-out rows.

    The training rows go into `room` [splits or more, rows, width].
    """
    seen = room[: len(splits)]
    held_out = []
    for i, (train, test) in enumerate(splits):
        seen[i], outside = standardise(X[train], X[test])
        held_out.append(outside)
    # Task and control read the same rows: neighbouring problems on one matrix.
    wanted = np.concatenate([both[:, train] for both, (train, _) in zip(targets, splits, strict=True)])
    probes = _fitted(spec, seen, wanted, np.repeat(C, 2).tolist(), n_classes, device)
    scores = np.zeros((len(splits), 2))
    for i, (outside, (_, test)) in enumerate(zip(held_out, splits, strict=True)):
        for j in range(2):
            logits = outside @ probes.coef[2 * i + j].T + probes.intercept[2 * i + j]
            scores[i, j] = share_right(logits.argmax(axis=1), targets[i][j, test], balanced=spec.balanced)
    used = probes.coef[::2].any(axis=1).mean(axis=1).tolist()
    return _Fitted(scores, int((~probes.converged).sum()), C, used)


def _fitted(spec: Probe, X: NDArray, y: NDArray, C: list[float], n_classes: int, device: str) -> LinearProbes:
    return fit_linear_probes(
        X,
        y,
        C=C,
        l1_ratio=spec.l1_ratio,
        class_weight="balanced" if spec.balanced else None,
        n_classes=n_classes,
        max_iter=MAX_ITERATIONS,
        tol=TOLERANCE,
        device=device,
    )


def _chosen(
    spec: Probe,
    X: NDArray[np.float32],
    y: NDArray[np.intp],
    group: NDArray[np.int64],
    train: NDArray[np.intp],
    seed: int,
    run: Run,
) -> float:
    """The C whose probe is the most accurate on a seventh of a split's training sentences; of equals, the smallest."""
    run.check()
    held = np.random.default_rng(seed).permutation(np.unique(group[train]))
    in_dev = np.isin(group[train], held[: max(1, len(held) // 7)])
    inner, dev = standardise(X[train[~in_dev]], X[train[in_dev]])
    tried = sorted(spec.penalties)
    labels = np.tile(y[train[~in_dev]], (len(tried), 1))
    probes = _fitted(spec, inner, labels, tried, int(y.max()) + 1, run.device)
    right = [share_right(said, y[train[in_dev]], balanced=spec.balanced) for said in probes.predict(dev)]
    return tried[int(np.argmax(right))]


def splits_of(group: NDArray[np.int64], n_seeds: int) -> list[Split]:
    """Random splits by sentence with equally many training rows, so that one batch holds them all.

    Sentences differ in length; the surplus of longer training halves, a few per cent at most, is left out at random.
    """
    drawn = [_split(group, seed) for seed in range(n_seeds)]
    size = min(len(train) for train, _ in drawn)
    return [
        (np.sort(np.random.default_rng(seed).choice(train, size, replace=False)), test)
        for seed, (train, test) in enumerate(drawn)
    ]


def _split(group: NDArray[np.int64], seed: int) -> Split:
    """Rows for training and test; a sentence, with all its versions, is never on both sides."""
    distinct = np.unique(group)
    if len(distinct) < 10:
        raise NotEnoughData("Splitting sentences for a probe.", f"There are {len(distinct)}.", "Give at least 10.")
    drawn = np.random.default_rng(seed).permutation(distinct)
    in_test = np.isin(group, drawn[: max(1, round(len(distinct) * TEST_SHARE))])
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def control_of(rows: LabelledRows, names: NDArray, seed: int) -> NDArray[np.intp]:
    """Labels of the control task as indices into names: fixed per type, or shuffled over sentences [n]."""
    if rows.unit == "sentence":
        return np.searchsorted(names, np.random.default_rng(1000 + seed).permutation(rows.labels))
    made = control_labels(rows.types.tolist(), rows.labels.tolist(), seed=1000 + seed)
    return np.searchsorted(names, np.array(made))
