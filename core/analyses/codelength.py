"""Online code: how many bits of the labels a probe saves, learning as it goes; accuracy's companion that counts effort."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run, spread
from core.analyses.embed import Embed, Embeddings
from core.analyses.probe import MAX_ITERATIONS, TOLERANCE, control_of, refuse_odd_settings
from core.analyses.units import labelled_rows
from core.data.load import load_sample
from core.errors import NotEnoughData
from core.keys import Result, Spec
from core.maths.probing import fit_linear_probes, online_codelength, standardise
from core.maths.statistics import Estimate, group_folds, jackknife

FRACTIONS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Of the rows, after which a new probe is trained (Voita & Titov 2020)."""
_LEAST_ROWS = 50


@dataclass(frozen=True, kw_only=True)
class Codelength(Spec, kind="codelength"):
    """Online codelength of a label given each layer, over several random orders of the sentences."""

    title: ClassVar[str] = "Codelength (MDL)"
    sources: ClassVar[tuple[str, ...]] = ("Voita & Titov 2020",)
    seconds_per_unit: ClassVar[float] = 6.0e-4

    embed: Embed
    label: str
    """As of a linear probe."""
    n_seeds: int = 5
    """Random orders of the sentences."""
    C: float = 0.01
    """As of a linear probe."""

    def validate(self) -> None:
        refuse_odd_settings(self.n_seeds, self.C)

    def cost(self) -> tuple[float, float]:
        """Work in sentences x layers x orders; a few kilobytes kept."""
        return self.embed.cost()[0] * self.n_seeds, 2e4


@dataclass(frozen=True, kw_only=True)
class Codelengths(Result):
    """Bits to send the labels, smaller = easier to find; compression, larger = easier."""

    bits: np.ndarray
    """[layers, orders]."""
    control_bits: np.ndarray
    """Of the control task [layers, orders]."""
    fold_bits: np.ndarray
    """Bits of the rows of each group of sentences, mean over orders [layers, folds]."""
    control_fold_bits: np.ndarray
    """Of the control task [layers, folds]."""
    fold_rows: np.ndarray
    """Rows of each group of sentences [folds]."""
    prior_compression: float
    """What knowing the shares of the labels alone would give, log2 K / H: more than that is read from the vectors."""
    n_before: np.ndarray
    """Rows that the probe of each block was trained on, mean over orders [blocks - 1]."""
    curve: np.ndarray
    """Bits a row in each block after the first, mean over orders [layers, blocks - 1]: learning, as it goes."""
    labels: tuple[str, ...]
    n_rows: int
    n_sentences: int
    n_unconverged: int
    """Fits that stopped at the iteration limit."""
    control_kind: str

    @property
    def prior_bits(self) -> float:
        """What a row takes where only the shares of the labels are known: their entropy."""
        return float(np.log2(len(self.labels)) / self.prior_compression)

    def compression(self) -> tuple[Estimate, ...]:
        """Bits of the uniform code, n log2 K, over those of the labels, per layer; 1 = no better than sending every label in
        full. Interval: delete-a-group jackknife over sentences, the probes as they are."""
        return self._compressed(self.fold_bits)

    def control_compression(self) -> tuple[Estimate, ...]:
        """The same for the control task."""
        return self._compressed(self.control_fold_bits)

    def _compressed(self, fold_bits: NDArray[np.float64]) -> tuple[Estimate, ...]:
        """Per layer, from the bits of each group of sentences [layers, folds]."""
        return tuple(
            jackknife(whole, left_out, n=self.n_rows)
            for whole, left_out in (compressions(row, self.fold_rows, len(self.labels)) for row in fold_bits)
        )


def compressions(
    bits: NDArray[np.float64], rows: NDArray[np.int64], n_classes: int
) -> tuple[float, NDArray[np.float64]]:
    """Compression of all groups of sentences together, and with each left out [folds].

    Args:
        bits: of each group [folds].
        rows: of each group [folds].
        n_classes: K; in full a label takes log2 K bits.
    """
    uniform = rows * np.log2(n_classes)
    return float(uniform.sum() / bits.sum()), (uniform.sum() - uniform) / (bits.sum() - bits)


def compute(spec: Codelength, inputs: dict[str, Any], run: Run) -> Codelengths:
    """Send the labels block by block. Raises NotEnoughData for one class or few rows."""
    embeddings: Embeddings = inputs["embed"]
    rows = labelled_rows(load_sample(spec.embed.sample), embeddings, spec.embed.unit, spec.label)
    names, y = np.unique(rows.labels, return_inverse=True)
    if len(names) < 2 or len(y) < _LEAST_ROWS:
        raise NotEnoughData(
            f"The codelength of {spec.label!r}.",
            f"There are {len(y)} rows of {len(names)} classes.",
            f"Give {_LEAST_ROWS} rows or more, of two classes or more.",
        )
    folds = group_folds(rows.group)
    orders = [_order(rows.group, seed) for seed in range(spec.n_seeds)]
    targets = np.stack([np.stack([y, control_of(rows, names, seed)]) for seed in range(spec.n_seeds)])
    n_layers, n_blocks = len(embeddings.layers), len(orders[0].ends) - 1
    nats = np.full((n_layers, spec.n_seeds, 2, len(y)), np.log(len(names)))  # as the first block is sent

    def send(layer: int, block: int) -> int:
        X = rows.vectors(embeddings.layers[layer])
        return _send(nats[layer], X, orders, targets, block, len(names), spec.C, run.device)

    blocks = [partial(send, layer, block) for block in reversed(range(n_blocks)) for layer in range(n_layers)]
    unconverged = sum(spread(run, blocks, "blocks"))
    shares = np.bincount(y) / len(y)
    fold_bits = np.stack(
        [nats.mean(axis=1)[..., folds == fold].sum(axis=-1) for fold in range(folds.max() + 1)], axis=-1
    )
    bits = np.array([
        [[_bits(of_task, order, len(names)) for of_task in of_order] for order, of_order in zip(orders, of_layer, strict=True)]
        for of_layer in nats
    ])  # fmt: skip
    return Codelengths(
        bits=bits[..., 0],
        control_bits=bits[..., 1],
        fold_bits=fold_bits[:, 0] / np.log(2),
        control_fold_bits=fold_bits[:, 1] / np.log(2),
        fold_rows=np.bincount(folds),
        prior_compression=float(np.log2(len(names)) / -(shares @ np.log2(shares))),
        n_before=np.mean([order.ends[:-1] for order in orders], axis=0),
        curve=_learning(nats[:, :, 0], orders),
        labels=tuple(map(str, names)),
        n_rows=len(y),
        n_sentences=len(np.unique(rows.group)),
        n_unconverged=unconverged,
        control_kind=rows.control_kind,
    )


def _bits(nats: NDArray[np.float64], order: "_Order", n_classes: int) -> float:
    """Codelength of one order from what each row cost [n]."""
    later = [nats[order.rows[begin:end]].sum() for begin, end in pairwise(order.ends)]
    return online_codelength(later, order.ends[0], n_classes)


def _learning(nats: NDArray[np.float64], orders: list["_Order"]) -> NDArray[np.float64]:
    """Bits a row in each block after the first, mean over orders [layers, blocks - 1]; nats [layers, orders, n]."""
    means = [
        [nats[:, seed, order.rows[begin:end]].mean(axis=1) for begin, end in pairwise(order.ends)]
        for seed, order in enumerate(orders)
    ]
    curve: NDArray[np.float64] = np.mean(means, axis=0).T / np.log(2)
    return curve


@dataclass(frozen=True)
class _Order:
    """One order of the sentences, cut into blocks at their ends."""

    rows: NDArray[np.intp]
    ends: tuple[int, ...]
    """Rows before the end of each block, rising; the last is all of them."""


def _order(group: NDArray[np.int64], seed: int) -> _Order:
    distinct, inverse = np.unique(group, return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(distinct))[inverse]
    rows = np.argsort(place, kind="stable")
    sentence_ends = np.flatnonzero(np.diff(place[rows], append=-1)) + 1
    # Where a block is at least as long as the longest sentence, no two blocks end in the same one.
    shares = [share * len(rows) for share in FRACTIONS if share * len(rows) >= np.bincount(inverse).max()]
    if len(shares) < 2:
        raise NotEnoughData(
            "Cutting sentences into blocks.", "One of them is longer than half of all.", "Give more sentences."
        )
    return _Order(rows, tuple(int(sentence_ends[np.searchsorted(sentence_ends, share)]) for share in shares))


def _send(
    nats: NDArray[np.float64],
    X: NDArray[np.float32],
    orders: list[_Order],
    targets: NDArray[np.intp],
    block: int,
    n_classes: int,
    C: float,
    device: str,
) -> int:
    """Write down what each row of a block costs, by probes trained on all rows before it; returns how many fits failed.

    The probability of each class is smoothed as if each had been seen once more: a class that has not come yet costs
    bits and not infinitely many.

    Args:
        nats: [orders, (task, control), n], written in place.
        targets: [orders, (task, control), n].
    """
    n_seen = min(order.ends[block] for order in orders)
    seen, ahead, wanted = [], [], []
    for order, both in zip(orders, targets, strict=True):
        before, after = order.rows[:n_seen], order.rows[order.ends[block] : order.ends[block + 1]]
        first, then = standardise(X[before], X[after])
        seen.append(first)
        ahead.append((after, then))
        wanted.append(both[:, before])
    probes = fit_linear_probes(
        np.stack(seen),
        np.concatenate(wanted),
        C=C,
        n_classes=n_classes,
        max_iter=MAX_ITERATIONS,
        tol=TOLERANCE,
        device=device,
    )
    for i, (after, then) in enumerate(ahead):
        for j in range(2):
            logits = (then @ probes.coef[2 * i + j].T + probes.intercept[2 * i + j]).astype(np.float64)
            share = np.exp(logits - logits.max(axis=1, keepdims=True))
            said = share[np.arange(len(after)), targets[i, j, after]] / share.sum(axis=1)
            nats[i, j, after] = -np.log((n_seen * said + 1) / (n_seen + n_classes))
    return int((~probes.converged).sum())
