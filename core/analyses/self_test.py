"""Does this machine compute what is known beforehand? Ten seconds of checks whose answers nobody has to take on trust."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.checkpoint import Checkpoint, source_of
from core.data.load import load_sample
from core.errors import SpecInvalid
from core.keys import Result, Spec
from core.refs import Sample, Suite, Vectors

EXAMPLES = Sample(of=Suite(split="dev"), n=24)
"""What the checkpoint reads."""
LAYER_TOLERANCE = {"float32": 1e-4, "bfloat16": 0.05, "float16": 0.01}
"""Largest error of a layer by the arithmetic it was computed in, as a share of the layer's own spread (root mean squares)."""
_WITHIN = 0.01
"""Of the measures' values: in 16 bits, and of neighbours that lie equally far, they need not be exact."""
_SLACK = 1e-3
"""Of a value that is 0 or 1 by definition, computed in float32."""

Rows = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class SelfTest(Spec, kind="self_test"):
    """Answer questions whose answers are known, with a checkpoint, on this machine's own device."""

    title: ClassVar[str] = "Self-test"
    sources: ClassVar[tuple[str, ...]] = ("each check says what its answer follows from",)
    seconds_per_unit: ClassVar[float] = 8.0

    checkpoint: Checkpoint

    def validate(self) -> None:
        if isinstance(self.checkpoint, Vectors):
            raise SpecInvalid(
                "Testing the layers of a checkpoint.", "These are vectors without a network.", "Choose a checkpoint."
            )


class Check(NamedTuple):
    """One question and its answer."""

    of: str
    """What is tested: layers, measures, probes, hulls, trees, maps, neurons."""
    asks: str
    """In plain words, and why the answer is known."""
    expected: str
    found: str
    passed: bool


@dataclass(frozen=True, kw_only=True)
class SelfTested(Result):
    """What came out."""

    checks: pd.DataFrame
    """One row a check: of, asks, expected, found (text), passed (bool), seconds."""
    precision: str
    """Arithmetic of the forward pass that was tested."""


def compute(spec: SelfTest, inputs: dict[str, Any], run: Run) -> SelfTested:
    """Run every check. Raises what reading the checkpoint raises."""
    from core.models.devices import precision_on
    from core.models.extraction import Reading, extract
    from core.models.plain_states import plain_states

    examples, source = load_sample(EXAMPLES), source_of(spec.checkpoint, inputs, "checkpoint")
    began = time.monotonic()
    theirs = plain_states(source, examples, on_sentence=lambda done, total: run.step(done, 2 * total, "sentences"))
    into = Path(run.folder) / "read"
    into.mkdir(exist_ok=True)
    (read,) = extract(
        source, examples, [Reading(unit="word", pooling="first", dtype="float32", into=into)],
        max_pieces=512, device=run.device, precision=precision_on(run.device), batch_pieces=512,
        on_sentences=lambda done, total: run.step(total + done, 2 * total, "sentences"),
    )  # fmt: skip
    ours = np.stack([np.load(path, allow_pickle=False) for path in read.layers])
    rows: list[dict[str, Any]] = []
    heads = list(examples.heads or [])
    groups: dict[str, Iterator[Check]] = {
        "layers": layers(ours, theirs, LAYER_TOLERANCE[read.precision]),
        "measures": measures(ours[-1]),
        "probes": probes(ours[-1], run.device),
        "hulls": hulls(),
        "trees": trees(heads, [["X"] * len(one) for one in heads]),
        "maps": maps(ours[-1]),
        "neurons": neurons(),
    }
    for name, group in groups.items():
        for check in answered(name, group):
            run.check()
            now = time.monotonic()
            rows.append({**check._asdict(), "seconds": now - began})
            began = now
    for path in read.layers:
        path.unlink()
    into.rmdir()
    return SelfTested(checks=pd.DataFrame(rows), precision=read.precision)


def answered(name: str, group: Iterator[Check]) -> Iterator[Check]:
    """The checks of a group; where one breaks instead of answering, that is a wrong answer, and the last of its group."""
    try:
        yield from group
    except Exception as error:  # noqa: BLE001  # a broken machine is what is looked for
        yield Check(
            name,
            "This question could not be asked to its end.",
            "an answer",
            f"{type(error).__name__}: {error}"[:200],
            False,
        )


def layers(ours: Rows, theirs: Rows, tolerance: float) -> Iterator[Check]:
    """Whether every layer is the one that transformers hands on [layers, words, width]; ours were read in padded batches."""
    spread = np.sqrt(((theirs - theirs.mean(axis=1, keepdims=True)) ** 2).mean(axis=(1, 2)))
    error = np.sqrt(((ours - theirs) ** 2).mean(axis=(1, 2))) / spread
    below = float(error[:-1].max())
    yield Check(
        "layers",
        "Each layer below the top, read in padded batches on this device, is the state that transformers hands on for one "
        "sentence at a time on the CPU.",
        f"error below {tolerance:g} of the layer's spread", f"{below:.1e}", below < tolerance,
    )  # fmt: skip
    # The top one may lie before a last norm of the family's: then it need only be found, not be the same.
    distance = ((ours[:, None] - theirs[None]) ** 2).mean(axis=(2, 3)) / spread**2
    found = int((distance.argmin(axis=1) == np.arange(len(ours))).sum())
    yield Check(
        "layers",
        "Of all layers of transformers, the nearest to each of ours is the one of the same number: none is swapped or left out.",
        f"{len(ours)} of {len(ours)}", f"{found} of {len(ours)}", found == len(ours),
    )  # fmt: skip


def _measures() -> dict[str, tuple[Callable[[Rows, Rows], float], float]]:
    """By name: the measure, and its value of a space and itself."""
    from core.maths.similarity import angular_procrustes, knn_overlap, linear_cka, rsa

    return {
        "CKA": (lambda X, Y: linear_cka(X, Y, debiased=True), 1.0),
        "RSA": (rsa, 1.0),
        "angle": (angular_procrustes, 0.0),
        "neighbours": (knn_overlap, 1.0),
    }


def measures(
    X: Rows, known: Mapping[str, tuple[Callable[[Rows, Rows], float], float]] | None = None
) -> Iterator[Check]:
    """Whether measures of similarity say what they must of the rows X [n, d] and what was made of them."""
    from core.maths.similarity import linear_cka, rsa

    known, draw = known or _measures(), np.random.default_rng(0)
    turned = (X @ np.linalg.qr(draw.normal(size=(X.shape[1], X.shape[1])))[0]).astype(np.float32)
    shuffled = X[draw.permutation(len(X))]
    for asks, other in (
        ("A space compared with itself is unchanged.", X),
        ("Turning a space changes no distance in it, so no measure either.", turned),
    ):
        found = {name: float(measure(X, other)) for name, (measure, _) in known.items()}
        yield Check(
            "measures", asks,
            ", ".join(f"{name} {same:g}" for name, (_, same) in known.items()) + f", within {_WITHIN:g}",
            ", ".join(f"{name} {value:.4f}" for name, value in found.items()),
            all(abs(found[name] - same) < _WITHIN for name, (_, same) in known.items()),
        )  # fmt: skip
    value = float(next(iter(known.values()))[0](X, shuffled))
    yield Check(
        "measures", "Beside its own rows in another order a space looks unrelated: debiased CKA has no head start.",
        "between −0.1 and 0.1", f"{value:+.3f}", abs(value) < 0.1,
    )  # fmt: skip
    given = np.random.default_rng(0)
    first = given.normal(size=(50, 10))
    second = first + 0.5 * given.normal(size=(50, 10))
    cka, cosine = float(linear_cka(first, second)), float(rsa(first, second))
    yield Check(
        "measures", "Fifty drawn rows and the same rows with noise have values that another program computed as well.",
        "CKA 0.845248, RSA 0.811718", f"CKA {cka:.6f}, RSA {cosine:.6f}",
        abs(cka - 0.845248) < 1e-5 and abs(cosine - 0.811718) < 1e-5,
    )  # fmt: skip


def probes(X: Rows, device: str) -> Iterator[Check]:
    """Whether probes read what is there, in the rows X [n, d], and nothing that is not."""
    from core.maths.probing import standardise

    draw = np.random.default_rng(1)
    place = draw.permutation(len(X))
    half = len(X) // 2
    train, test = standardise(X[place[:half]], X[place[half:]])
    along = np.linalg.svd(train, full_matrices=False)[2][0]
    guessed = [draw.integers(0, 2, size=len(part)) for part in (train, test)]
    score = {"guessed": _accuracy((train, test), guessed, device)}
    # Of the half that lies far out on either side: a label that a line parts with room.
    far_out = [part[np.abs(part @ along) > np.median(np.abs(part @ along))] for part in (train, test)]
    planted = [(part @ along > 0).astype(np.int64) for part in far_out]
    score["planted"] = _accuracy(far_out, planted, device)
    yield Check(
        "probes", "Rows that lie far out to either side along a layer's main direction are told apart by a probe.",
        "accuracy above 0.9", f"{score['planted']:.3f}", score["planted"] > 0.9,
    )  # fmt: skip
    # Four standard errors: of ten thousand machines without fault one would fail.
    far = 4 * 0.5 / np.sqrt(len(test))
    yield Check(
        "probes", "Labels that were drawn by coin are read no better than a coin guesses.",
        f"0.5 ± {far:.2f}", f"{score['guessed']:.3f}", abs(score["guessed"] - 0.5) < far,
    )  # fmt: skip


def _accuracy(rows: Sequence[Rows], labels: Sequence[NDArray[np.int64]], device: str) -> float:
    """Share of the second rows that a probe of the first reads right."""
    from core.maths.probing import fit_linear_probes

    probe = fit_linear_probes(rows[0], labels[0], C=1.0, device=device)
    return float((np.asarray(probe.predict(rows[1])).reshape(-1) == labels[1]).mean())


def hulls() -> Iterator[Check]:
    """Whether hulls and clusters are those that one sees by eye."""
    from core.maths.directprobe import direct_probe, hull_distance

    square = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    apart = float(hull_distance(square, square + np.array([5, 0], dtype=np.float32)))
    yield Check(
        "hulls", "Two squares of side 1, the second moved by 5, have 4 between them.",
        "4", f"{apart:.6f}", abs(apart - 4) < _SLACK,
    )  # fmt: skip
    crossed = direct_probe(square, ["a", "b", "b", "a"])
    yield Check(
        "hulls", "Labels at opposite corners of a square cannot be parted by a line: two clusters cannot do.",
        "more than 2 clusters, not linear",
        f"{crossed.n_clusters} clusters, {'linear' if crossed.is_linear else 'not linear'}",
        crossed.n_clusters > 2 and not crossed.is_linear,
    )  # fmt: skip


def trees(heads: list[Any], upos: list[list[str]]) -> Iterator[Check]:
    """Whether the trees of a text are found again from their own distances; of no tree, nothing is asked."""
    from core.maths.structure import tree_distances, uuas

    if not heads:
        return
    gold = [tree_distances(one) for one in heads]
    value = float(uuas(gold, heads, upos))
    yield Check(
        "trees", "From the distances of words in their trees the trees are found again, edge by edge.",
        "1", f"{value:.4f}", value == 1.0,
    )  # fmt: skip


def maps(X: Rows) -> Iterator[Check]:
    """Whether a projection of what lies in a plane loses nothing; the plane is put among the dimensions of X [n, d]."""
    from core.maths.projection import pca, trustworthiness

    draw = np.random.default_rng(2)
    plane = draw.normal(size=(200, 2)).astype(np.float32)
    wide = plane @ np.linalg.qr(draw.normal(size=(X.shape[1], 2)))[0].T.astype(np.float32)
    scores, ratio = pca(wide, 2)
    kept, trusted = float(np.sum(ratio)), float(trustworthiness(wide, scores, 15))
    yield Check(
        "maps", "Points of a plane, whatever space it lies in, are drawn as they are.",
        "variance 1, trustworthiness 1", f"variance {kept:.4f}, trustworthiness {trusted:.4f}",
        abs(kept - 1) < _SLACK and abs(trusted - 1) < _SLACK,
    )  # fmt: skip


def neurons() -> Iterator[Check]:
    """Whether neurons are ranked as one ranks them by hand."""
    from core.maths.neurons import rank_by_weights

    order = [int(unit) for unit in rank_by_weights(np.array([[4, 1, 5], [1, 1, 10]], dtype=np.float32))[0]]
    yield Check(
        "neurons", "Weights 4, 1, 5 for one class and 1, 1, 10 for the other put the third neuron first, then the first.",
        "2, 0, 1", ", ".join(map(str, order)), order == [2, 0, 1],
    )  # fmt: skip
