"""Solvers for many multinomial logistic regressions at once.

All problems step together, each with its own step length, and leave the batch when solved. A linear model's logits are
linear along a search direction, so trying a step length costs no further product with X. Steps are measured in the
curvature that the second moments of X and the class shares imply, which more than halves their number.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.maths.class_sums import class_sums

if TYPE_CHECKING:
    from torch import Tensor

_MEMORY = 10
_MAX_TRIALS = 40
_SUFFICIENT, _CURVATURE = 1e-4, 0.5
_LOSS_NOISE = 1e-6
_FEW, _WIDE = 48, 1024
"""Rows of weights and columns of X at which a product runs along X rather than along the weights."""

_Place = tuple["Tensor", "Tensor", "Tensor"]
"""Weights [b, K, d + 1], their logits [b, K, n] and loss [b]."""


@dataclass
class Problems:
    """Problems still being solved; the objective is divided by C * sum of weights. W is [b, K, d + 1], bias last."""

    X: "Tensor"
    """[n, d], shared by all problems, or [g, n, d] with b / g neighbouring problems on each."""
    y: "Tensor"
    """Class numbers [b, 1, n]."""
    weight: "Tensor"
    """Of each row, summing to 1 in each problem [b, n]."""
    ridge: "Tensor"
    """Factor of ||W||^2 / 2 [b]."""
    lasso: "Tensor"
    """Factor of the sum of |W| [b]."""
    K: int
    """Classes."""

    @property
    def zeros(self) -> "Tensor":
        """Weights to start from."""
        return self.X.new_zeros(len(self.y), self.K, self.X.shape[-1] + 1)

    @property
    def shares(self) -> "Tensor":
        """Weight of each class [b, K]."""
        return self.X.new_zeros(len(self.y), self.K).scatter_add_(1, self.y[:, 0], self.weight)

    def take(self, rows: "Tensor") -> "Problems":
        X = self.X if self.X.ndim == 2 else self.X[rows.view(len(self.X), -1)[:, 0]]
        return Problems(X, self.y[rows], self.weight[rows], self.ridge[rows], self.lasso[rows], self.K)

    def whole_groups(self, rows: "Tensor") -> "Tensor":
        """These rows and those that share X with one of them, as a mask [b]."""
        if self.X.ndim == 2:
            return rows
        grouped = rows.view(len(self.X), -1)
        return grouped.any(dim=1, keepdim=True).expand_as(grouped).reshape(-1)

    def logits(self, W: "Tensor") -> "Tensor":
        """[b, K, n]: rows of X last, so that every product and every sum over classes runs along memory."""
        if self.X.ndim == 2:
            flat = W[..., :-1].reshape(-1, W.shape[-1] - 1)
            products = (self.X @ flat.T).T if self.is_wide(W) else flat @ self.X.T
            return products.reshape(len(W), -1, len(self.X)) + W[..., -1:]
        # Problems that share X are one product.
        grouped = W.reshape(len(self.X), -1, W.shape[-1])
        return grouped[..., -1:].baddbmm(grouped[..., :-1], self.X.transpose(1, 2)).view(len(W), W.shape[1], -1)

    def back(self, R: "Tensor") -> "Tensor":
        """Transpose of logits: [b, K, n] -> [b, K, d + 1]."""
        import torch

        products = R.flatten(0, 1) @ self.X if self.X.ndim == 2 else R.view(len(self.X), -1, R.shape[2]) @ self.X
        return torch.cat([products.view(len(R), R.shape[1], -1), R.sum(dim=2)[..., None]], dim=2)

    def gradient(self, Z: "Tensor", W: "Tensor", curvature: "Curvature | None" = None) -> "Tensor":
        """Of all but the lasso."""
        P = Z.softmax(dim=1)
        if curvature is not None:
            curvature.follow(P, self.weight)
        P.scatter_add_(1, self.y, P.new_full(self.y.shape, -1.0))
        gradient = self.back(P.mul_(self.weight[:, None]))
        gradient[..., :-1] += self.ridge[:, None, None] * W[..., :-1]
        return gradient

    def first_gradient(self, Z: "Tensor", W: "Tensor", curvature: "Curvature | None" = None) -> "Tensor":
        """The same where W has biases only: all rows have the same probabilities, so that sums over classes tell it."""
        if (
            curvature is not None
            or self.X.ndim == 3
            or len(W) > 1
            or not self.is_wide(W)
            or self.X.device.type != "cpu"
        ):
            return self.gradient(Z, W, curvature)
        import torch

        weight, shares = self.weight[0], self.shares[0]
        sums = class_sums(self.X, self.y[0, 0], self.K, weight)
        p = W[0, :, -1].softmax(dim=0)
        smooth = p[:, None] * sums.sum(dim=0) - sums
        return torch.cat([smooth.to(W.dtype), (p * weight.sum() - shares)[:, None]], dim=1)[None]

    def is_wide(self, W: "Tensor") -> bool:
        """Whether X is what a product reads for long."""
        return len(W) * self.K <= _FEW and self.X.shape[-1] >= _WIDE

    def least_subgradient(self, gradient: "Tensor", W: "Tensor") -> "Tensor":
        """The shortest subgradient with the lasso, given the gradient without: 0 at a weight that the lasso holds at 0."""
        import torch

        weights, smooth, pull = W[..., :-1], gradient[..., :-1], self.lasso[:, None, None]
        at_zero = smooth - smooth.clamp(-pull, pull)
        return torch.cat(
            [torch.where(weights == 0, at_zero, smooth + pull * weights.sign()), gradient[..., -1:]], dim=2
        )

    def loss(self, Z: "Tensor", W: "Tensor") -> "Tensor":
        square, absolute = _dot(W[..., :-1], W[..., :-1]), _sum64(W[..., :-1].abs(), (1, 2))
        return self.data_loss(Z) + self.ridge / 2 * square + self.lasso * absolute

    def data_loss(self, Z: "Tensor") -> "Tensor":
        return _sum64(self.weight * (Z.logsumexp(dim=1) - Z.gather(1, self.y)[:, 0]), (1,))

    def data_slope(self, Z: "Tensor", D: "Tensor") -> "Tensor":
        """Derivative of data_loss along D."""
        return _sum64(self.weight * ((Z.softmax(dim=1) * D).sum(dim=1) - D.gather(1, self.y)[:, 0]), (1,))


def _sum64(values: "Tensor", dims: tuple[int, ...]) -> "Tensor":
    """Sum in float64 where the device knows it (Apple's does not)."""
    import torch

    return values.sum(dim=dims, dtype=torch.float32 if values.device.type == "mps" else torch.float64)


def _dot(A: "Tensor", B: "Tensor") -> "Tensor":
    """Inner product of each batch row [b]."""
    return _sum64(A * B, tuple(range(1, A.ndim)))


@dataclass
class Curvature:
    """A rough inverse Hessian: that of A (x) M + ridge, with M the second moments of X and A the mean of
    diag(p) - p p' over rows, which is exact at W = 0 and follows the probabilities p from there.

    M comes from a sample of rows of all problems together: only speed depends on it.
    """

    axes: "Tensor"
    """Eigenvectors of M in columns [d, d]."""
    moments: "Tensor"
    """Its eigenvalues [d]."""
    ridge: "Tensor"
    """[b]."""
    turn: "Tensor"
    """Eigenvectors of A in columns [b, K, K]."""
    spread: "Tensor"
    """Its eigenvalues [b, K]."""

    @classmethod
    def of(cls, problems: Problems) -> "Curvature | None":
        """None where it would cost more than it saves: few rows against the width."""
        import torch

        d, (b, _, n) = problems.X.shape[-1], problems.y.shape
        if b * n * problems.K < d * d:
            return None
        rows = problems.X.reshape(-1, d)
        rows = rows[:: max(1, len(rows) // (4 * d))]
        moments, axes = torch.linalg.eigh(rows.T @ rows / len(rows))
        unset = problems.zeros[..., 0]
        return cls(axes, moments.clamp_min(1e-6), problems.ridge.clamp_min(1e-9), unset, unset)

    def take(self, rows: "Tensor") -> "Curvature":
        return Curvature(self.axes, self.moments, self.ridge[rows], self.turn[rows], self.spread[rows])

    def follow(self, P: "Tensor", weight: "Tensor") -> None:
        """Take A from the probabilities [b, K, n] of rows with these weights [b, n]."""
        import torch

        heavy = P * weight[:, None]
        A = torch.diag_embed(heavy.sum(dim=2)) - heavy @ P.transpose(1, 2)
        self.spread, self.turn = torch.linalg.eigh(A)
        self.spread = self.spread.clamp_min(1e-6)

    def applied(self, G: "Tensor") -> "Tensor":
        """The inverse Hessian times G [b, K, d + 1]."""
        import torch

        turned = self.turn.transpose(1, 2) @ G
        inner = turned[..., :-1] @ self.axes
        inner /= self.spread[..., None] * self.moments + self.ridge[:, None, None]
        bias = turned[..., -1:] / self.spread[..., None]
        return self.turn @ torch.cat([inner @ self.axes.T, bias], dim=2)


def lbfgs(problems: Problems, max_iter: int, tol: float) -> "tuple[Tensor, Tensor, Tensor]":
    """(W, loss, converged) of all problems in lock step; solved ones leave the batch (where X is not shared by all: in halves).

    Where the last step allowed ends is not looked at: a problem that takes it counts as not converged.
    With L1 a step stays among the signs that the weights have and that zeros take downhill, for there the penalty is linear; what
    would cross becomes 0. The history is of the smooth part alone.
    """
    import torch

    result = problems.zeros
    converged = torch.zeros(len(result), dtype=torch.bool, device=result.device)
    index = torch.arange(len(result), device=result.device)
    has_lasso = bool((problems.lasso > 0).any())
    # A curvature mixes all weights, most of which L1 holds at 0.
    W, curvature = problems.zeros, None if has_lasso else Curvature.of(problems)
    W[..., -1] = problems.shares.clamp_min(1e-6).log()  # at W = 0 the best bias is the log share of each class
    Z = W[..., -1:].repeat(1, 1, problems.y.shape[-1])
    loss, gradient = problems.loss(Z, W), problems.first_gradient(Z, W, curvature)
    least = torch.zeros_like(loss)
    steps, changes = [W.new_zeros(1, *W.shape) for _ in range(2)]
    stuck, long = torch.zeros_like(converged), torch.ones_like(converged)
    for left in reversed(range(max_iter)):
        uphill = problems.least_subgradient(gradient, W) if has_lasso else gradient
        large = uphill.abs().amax(dim=(1, 2)) > tol
        active = large & ~stuck
        result[index], least[index], converged[index] = W, loss, ~large
        if not bool(active.any()):
            return result, least, converged
        kept = problems.whole_groups(active)
        if (remain := int(kept.sum())) < len(active) and (problems.X.ndim == 2 or 2 * remain <= len(active)):
            problems, index, W, Z, loss, gradient, uphill = (
                problems.take(kept), index[kept], W[kept], Z[kept], loss[kept], gradient[kept], uphill[kept],
            )  # fmt: skip
            curvature = curvature and curvature.take(kept)
            steps, changes = steps[:, kept], changes[:, kept]
            stuck, long, active = stuck[kept], long[kept], active[kept]
        direction, fresh = _direction(uphill, steps, changes, curvature)
        if has_lasso:
            direction *= direction * uphill < 0  # what the history would move uphill, or off a 0 that holds, stays
        if has_lasso and bool(W[..., :-1].any()):
            step, Z, loss, found, long = _among_signs(problems, (W, Z, loss), uphill, direction, active, long)
        else:
            step, Z, loss, found = _along(problems, (W, Z, loss), uphill, direction, active)
        W = W + step
        if left == 0:
            break
        new_gradient = problems.gradient(Z, W, curvature)
        failed = active & ~found
        stuck |= failed & fresh
        steps, changes = _remember(steps, changes, step, new_gradient - gradient, failed)
        gradient = new_gradient
    result[index], least[index] = W, loss
    return result, least, converged


def _direction(
    gradient: "Tensor", steps: "Tensor", changes: "Tensor", known: Curvature | None
) -> "tuple[Tensor, Tensor]":
    """Two-loop recursion round a first guess of the inverse Hessian, and which rows have no history. Newest last.

    Without a known curvature that guess is a multiple of the identity, and a row without history descends by length 1.
    """
    import torch

    curvature = torch.stack([_dot(s, c) for s, c in zip(steps, changes, strict=True)]).to(gradient.dtype)
    rho = torch.where(curvature > 0, 1 / curvature.clamp_min(1e-38), torch.zeros_like(curvature))
    q, alphas = gradient.clone(), []
    for k in reversed(range(len(steps))):
        alphas.append(rho[k] * _dot(steps[k], q).to(q.dtype))
        q -= alphas[-1][:, None, None] * changes[k]
    fresh = rho[-1] == 0
    newest = changes[-1] if known is None else known.applied(changes[-1])
    scale = curvature[-1] / _dot(changes[-1], newest).to(q.dtype).clamp_min(1e-38)
    if known is None:
        scale = scale.where(~fresh, 1 / _dot(gradient, gradient).sqrt().to(q.dtype).clamp_min(1e-38))
    else:
        q, scale = known.applied(q), scale.where(~fresh, torch.ones_like(scale))
    q *= scale[:, None, None]
    for k in range(len(steps)):
        beta = rho[k] * _dot(changes[k], q).to(q.dtype)
        q += (alphas[-1 - k] - beta)[:, None, None] * steps[k]
    return -q, fresh


def _remember(
    steps: "Tensor", changes: "Tensor", step: "Tensor", change: "Tensor", forget: "Tensor"
) -> "tuple[Tensor, Tensor]":
    """Histories with a pair added where its curvature is positive, and emptied where told. They grow up to a length."""
    import torch

    useful = _dot(step, change) > 1e-10 * _dot(change, change)
    rows, keep = useful[None, :, None, None], (~forget)[None, :, None, None]
    none = torch.zeros_like(step)[None]

    def grown(history: "Tensor", newest: "Tensor") -> "Tensor":
        last = 1 - _MEMORY
        return (
            torch.where(rows, torch.cat([history[last:], newest[None]]), torch.cat([none, history])[-_MEMORY:]) * keep
        )

    return grown(steps, step), grown(changes, change)


def _along(
    problems: Problems, at: "_Place", gradient: "Tensor", direction: "Tensor", active: "Tensor"
) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
    """The step that _step_length finds, logits and loss after it, and which rows found one. Others stay. With L1, from W = 0 only:
    there no weight of a descent can cross 0."""
    import torch

    W, Z, loss = at
    D = problems.logits(direction)
    tilt = problems.lasso * _sum64(direction[..., :-1].abs(), (1, 2))  # with L1, W = 0
    length, new_loss = _step_length(problems, Z, D, W, direction, loss, (_dot(gradient, direction), tilt), active)
    scale = length.to(W.dtype)[:, None, None]
    return scale * direction, Z + scale * D, torch.where(length > 0, new_loss, loss), length > 0


def _step_length(
    problems: Problems,
    Z: "Tensor",
    D: "Tensor",
    W: "Tensor",
    direction: "Tensor",
    loss: "Tensor",
    slopes: "tuple[Tensor, Tensor]",
    active: "Tensor",
) -> "tuple[Tensor, Tensor]":
    """Weak Wolfe step and its loss by bracketing, each row on its own; 0 where none is found or the row is not active.

    Where the loss changes by less than its rounding, the slope decides (approximate Wolfe). Slopes: of the loss along the direction
    where it begins, and what of it stays the same all along.
    """
    import torch

    weights, turn = W[..., :-1], direction[..., :-1]
    square, cross, own = _dot(turn, turn), _dot(weights, turn), _dot(weights, weights)
    ridge, (slope, tilt) = problems.ridge.to(loss.dtype), slopes
    low, high = torch.zeros_like(loss), torch.full_like(loss, torch.inf)
    length, found = torch.ones_like(loss), ~active | (slope >= 0)
    result, result_loss = torch.zeros_like(loss), loss.clone()
    for _ in range(_MAX_TRIALS):
        if bool(found.all()):
            break
        trial = Z + length.to(Z.dtype)[:, None, None] * D
        value = problems.data_loss(trial) + ridge / 2 * (own + 2 * length * cross + length**2 * square)
        value = value + length * tilt
        incline = problems.data_slope(trial, D) + ridge * (cross + length * square) + tilt
        level = (value <= loss + _LOSS_NOISE * loss.abs()) & (incline <= (2 * _SUFFICIENT - 1) * slope)
        far = ~((value <= loss + _SUFFICIENT * length * slope) | level)
        near = ~far & (incline < _CURVATURE * slope)
        good = ~found & ~far & ~near
        result, result_loss = torch.where(good, length, result), torch.where(good, value, result_loss)
        found = found | good
        high, low = torch.where(far, length, high), torch.where(near, length, low)
        length = torch.where(torch.isinf(high), 2 * length, (low + high) / 2)
    return result, result_loss


def _among_signs(
    problems: Problems, at: "_Place", uphill: "Tensor", direction: "Tensor", active: "Tensor", long: "Tensor"
) -> "tuple[Tensor, Tensor, Tensor, Tensor, Tensor]":
    """The same with L1, by halving: what would cross 0 stops there. Uphill is the least subgradient.

    Far from the least, steps of twice the direction lose more: they are what is tried first until one has failed. Returned last
    are the rows of which none has.
    """
    import torch

    W, Z, loss = at
    signs = torch.where(W[..., :-1] == 0, -uphill[..., :-1], W[..., :-1])
    step, length = torch.zeros_like(W), torch.ones_like(loss) + long
    found, waits = torch.zeros_like(active), active
    for _ in range(_MAX_TRIALS):
        trial = W + length.to(W.dtype)[:, None, None] * direction
        trial[..., :-1] *= trial[..., :-1] * signs > 0
        moved, logits = trial - W, problems.logits(trial)
        value, slope = problems.loss(logits, trial), _dot(uphill, moved)
        good = waits & (slope < 0) & (value <= at[2] + _SUFFICIENT * slope + _LOSS_NOISE * at[2].abs())
        rows = good[:, None, None]
        step, Z, loss = torch.where(rows, moved, step), torch.where(rows, logits, Z), torch.where(good, value, loss)
        found, waits = found | good, waits & ~good
        long = long & ~waits
        if not bool(waits.any()):
            break
        length = torch.where(waits, length / 2, length)
    return step, Z, loss, found, long
