"""t-SNE of both sides of one layer in one joint fit: a second opinion beside UMAP, on the same rows and components."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from core.analyses.base import Run
from core.analyses.embed import Embed, read_the_same
from core.analyses.joint_umap import TRUST_NEIGHBOURS, Graph, LaidOut, layer_rows, shared_graph
from core.analyses.layouts import refuse_odd_layout
from core.keys import Spec

EARLY, LATE = 250, 500
"""Steps with neighbours drawn together twelvefold, and without: the library's own numbers."""
EXAGGERATION = 12
A_PERPLEXITY = 3
"""Neighbours looked at for each unit of perplexity, as is usual."""


@dataclass(frozen=True, kw_only=True)
class JointTsne(Spec, kind="joint_tsne"):
    """t-SNE of base and tuned rows of one layer together."""

    title: ClassVar[str] = "Map (joint t-SNE)"
    sources: ClassVar[tuple[str, ...]] = ("van der Maaten & Hinton 2008 (t-SNE)",)
    seconds_per_unit: ClassVar[float] = 6e-3

    base: Embed
    tuned: Embed
    layer: int
    """Of the base; of the tuned side, the one that faces it."""
    n_points: int = 1500
    """Rows drawn per side, the same on both; fewer where there are fewer."""
    perplexity: int = 30
    """About how many neighbours of a point count: few = local clumps, many = the coarse shape."""
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """cosine: rows are brought to unit length first, which gives the same neighbours."""
    seed: int = 0
    """Of the draw of rows; the layout begins from the PCA and draws nothing."""

    def validate(self) -> None:
        read_the_same(self.base, self.tuned)
        refuse_odd_layout(self, "A t-SNE")

    def cost(self) -> tuple[float, float]:
        """Work in points of both sides; bytes of the coordinates and the text."""
        return 2.0 * self.n_points, self.n_points * 200.0


def compute(spec: JointTsne, inputs: dict[str, Any], run: Run) -> LaidOut:
    """Fit one layer. Raises as layer_rows, NotEnoughData for fewer points than neighbours."""
    rows = layer_rows(spec, inputs)
    run.step(0, 4, "exact neighbours")
    reduced, graph = shared_graph(rows.base, rows.tuned, 1 + A_PERPLEXITY * spec.perplexity, run)
    drawn = spread_out(reduced, graph, perplexity=spec.perplexity, run=run)
    run.step(3, 4, "trustworthiness")
    trust = rows.trust(drawn)
    run.step(4, 4, "done")
    n = len(rows.base)
    return LaidOut(
        base=drawn[:n],
        tuned=drawn[n:],
        base_trust=trust[0],
        tuned_trust=trust[1],
        n_trust=TRUST_NEIGHBOURS,
        n_epochs=EARLY + LATE,
        points=rows.points,
    )


def spread_out(rows: NDArray[np.float32], graph: Graph, *, perplexity: int, run: Run) -> NDArray[np.float32]:
    """t-SNE of rows on their exact graph of neighbours, begun from their first two columns (principal components).

    Nothing is drawn at random: the same rows on the same machine give the same map. One thread: on two cores the
    library is no faster with both.

    Args:
        rows: [n, n_dims].
        graph: 1 + 3 * perplexity neighbours of each row, itself first.
        perplexity: at most a third of the neighbours.
        run: asked every 50 steps whether to stop.
    Returns:
        float32 [n, 2].
    """
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.initialization import rescale
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    if not (rows != rows[0]).any():
        return np.zeros((len(rows), 2), np.float32)  # one place: nothing to spread
    near = PrecomputedNeighbors(graph[0][:, 1:].astype(np.int64), graph[1][:, 1:].astype(np.float64))
    weights = PerplexityBasedNN(perplexity=perplexity, knn_index=near)
    begun = rescale(rows[:, :2].astype(np.float64))
    drawn = TSNEEmbedding(begun, weights, negative_gradient_method="bh", random_state=0)

    def heed(iteration: int, error: float, embedding: NDArray) -> bool:
        run.check()
        return False

    phases = (EARLY, EXAGGERATION, "neighbours drawn together"), (LATE, 1, "layout")
    for at, (n_steps, exaggeration, note) in enumerate(phases, start=1):
        run.step(at, 4, f"{note}, {n_steps} steps")
        drawn.optimize(
            n_iter=n_steps,
            exaggeration=exaggeration,
            momentum=0.8,
            callbacks=[heed],
            callbacks_every_iters=50,
            inplace=True,
        )
    return np.asarray(drawn, dtype=np.float32)
