r"""Optimal transport: the least cost of moving one distribution onto another, exact on the line, smoothed by entropy elsewhere.

Paper
    Cuturi, "Sinkhorn Distances: Lightspeed Computation of Optimal Transport", NIPS 2013, arXiv:1306.0895. Section 4 and
    algorithm 1. The line is in Peyre and Cuturi, "Computational Optimal Transport", 2019, arXiv:1803.00567, section 2.6.

Equations (masses a (N,) and b (M,) with equal sums, cost C (N, M), plans U(a, b) = {P >= 0: P 1 = a, P^T 1 = b})
    optimal-transport-cost       W(a, b) = min over P in U(a, b) of sum_ij P_ij C_ij
    optimal-transport-line       W = integral over t in (0, 1) of |F^-1(t) - G^-1(t)|^p     for C_ij = |x_i - y_j|^p, p >= 1,
                                 F and G the distribution functions of x and y
    optimal-transport-entropy    P = argmin over U(a, b) of sum_ij P_ij C_ij + epsilon sum_ij P_ij (log P_ij - 1)
    optimal-transport-sinkhorn   P = diag(u) K diag(v),   K = exp(-C / epsilon),   u <- a / (K v),   v <- b / (K^T u)

What compares densities place by place instead, the f-divergences, is in ``f_divergence.py`` and offered here too.

Deviations from the paper
    1. ``epsilon`` is the paper's 1 / lambda.
    2. u and v are kept as logarithms, so that a small epsilon does not underflow; a point without mass has log u = -infinity,
       where the paper drops its row.
    3. The number of iterations is fixed; the paper goes on until u settles. The columns of the plan sum to b after each.
    4. In bfloat16 and float16 everything is computed in float32.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from refimpl.convolution.windows import raised
from refimpl.generative.f_divergence import f_divergence, output_activation, variational_bound

__all__ = ["f_divergence", "output_activation", "sinkhorn", "sinkhorn_cost", "transport_on_line", "variational_bound"]


def sinkhorn(cost: Tensor, a: Tensor, b: Tensor, epsilon: float, iterations: int = 100) -> Tensor:
    """The plan of least cost and negative entropy, after ``iterations`` scalings of rows and columns.

    Args:
        cost: ``(..., N, M)``, finite.
        a, b: masses of the rows ``(..., N)`` and columns ``(..., M)``, not negative, with equal sums.
        epsilon: weight of the entropy, in the unit of the cost; the smaller, the nearer to the cheapest plan, and the slower.

    Returns:
        ``(..., N, M)``; the sums of its columns are ``b``, those of its rows come near ``a``.

    Raises:
        ValueError: a shape, dtype or number does not fit.
    """
    if cost.dim() < 2 or not cost.is_floating_point() or 0 in cost.shape[-2:]:
        raise ValueError(f"sinkhorn: cost must be floating point (..., N, M), got {cost.dtype} of shape {tuple(cost.shape)}")
    for name, mass, wanted in (("a", a, cost.shape[:-1]), ("b", b, cost.shape[:-2] + cost.shape[-1:])):
        if mass.shape != wanted:
            raise ValueError(f"sinkhorn: {name} must have shape {tuple(wanted)} for a cost of {tuple(cost.shape)}, got {tuple(mass.shape)}")
    if not 0.0 < epsilon < math.inf or iterations < 1:
        raise ValueError(f"sinkhorn: expected a positive epsilon and at least 1 iteration, got {epsilon} and {iterations}")
    log_k = -raised(cost) / epsilon
    log_a, log_b = raised(a).log()[..., :, None], raised(b).log()[..., None, :]  # (..., N, 1) and (..., 1, M)
    log_v = torch.zeros_like(log_b)
    for _ in range(iterations):
        log_u = log_a - (log_k + log_v).logsumexp(-1, keepdim=True)
        log_v = log_b - (log_k + log_u).logsumexp(-2, keepdim=True)
    return (log_u + log_k + log_v).exp().to(cost.dtype)


def sinkhorn_cost(cost: Tensor, a: Tensor, b: Tensor, epsilon: float, iterations: int = 100) -> Tensor:
    """What the plan of :func:`sinkhorn` costs, without its entropy, ``(...)``: the paper's Sinkhorn distance."""
    return (sinkhorn(cost, a, b, epsilon, iterations) * cost).sum((-2, -1))


def transport_on_line(x: Tensor, y: Tensor, x_weight: Tensor | None = None, y_weight: Tensor | None = None, p: float = 1.0) -> Tensor:
    """The least cost of moving weighted points on the line onto others, exactly: the p-th power of the Wasserstein distance.

    Args:
        x, y: places, ``(..., N)`` and ``(..., M)``.
        x_weight, y_weight: masses like ``x`` and ``y``, not negative, each divided by its sum; equal ones by default.
        p: moving a unit of mass by d costs d^p; at least 1.

    Returns:
        ``(...)``

    Raises:
        ValueError: a shape, dtype or number does not fit.
    """
    x_weight, y_weight = (torch.ones_like(v) if w is None else w for v, w in ((x, x_weight), (y, y_weight)))
    for name, v, w in (("x", x, x_weight), ("y", y, y_weight)):
        if v.shape[:-1] != x.shape[:-1] or not v.is_floating_point() or not v.dim() or not v.shape[-1]:
            wanted = "floating point with at least one place, the leading dimensions those of x"
            raise ValueError(f"transport_on_line: {name} must be {wanted}, got {v.dtype} of shape {tuple(v.shape)}")
        if w.shape != v.shape:
            raise ValueError(f"transport_on_line: {name}_weight must have shape {tuple(v.shape)}, got {tuple(w.shape)}")
    if not 1.0 <= p < math.inf:
        raise ValueError(f"transport_on_line: p must be at least 1 and finite, got {p}")
    (x_sorted, f), (y_sorted, g) = _distribution(x, x_weight), _distribution(y, y_weight)
    levels = torch.cat((f, g), -1).sort(-1).values  # (..., N + M)
    mass = levels.diff(prepend=torch.zeros_like(levels[..., :1]))
    distance = (_quantile(x_sorted, f, levels) - _quantile(y_sorted, g, levels)).abs()
    return (mass * distance**p).sum(-1).to(x.dtype)


def _distribution(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The places in order and the share of the mass up to each, both like ``x``; the last share is exactly 1."""
    x, order = raised(x).sort(-1)
    total = raised(weight).gather(-1, order).cumsum(-1)
    return x, total / total[..., -1:]


def _quantile(x: Tensor, share: Tensor, levels: Tensor) -> Tensor:
    """The first place up to which lies at least each level of the mass, like ``levels``."""
    return x.gather(-1, torch.searchsorted(share, levels))


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x, y = torch.randn(200, dtype=torch.float64), torch.randn(200, dtype=torch.float64) + 2
    mass = torch.full((200,), 1 / 200, dtype=torch.float64)
    exact = transport_on_line(x, y, p=2.0)
    print(f"200 normal numbers onto 200 others that lie 2 further: exact cost {exact.item():.4f}, 4 for the distributions themselves")
    for epsilon in (10.0, 1.0, 0.1, 0.02):
        plan = sinkhorn((x[:, None] - y) ** 2, mass, mass, epsilon, 500)
        cost, gap = (plan * (x[:, None] - y) ** 2).sum().item(), (plan.sum(1) - mass).abs().sum().item()
        print(f"  Sinkhorn, epsilon {epsilon:5g}: cost {cost:.4f}, rows off by {gap:.1e} in all")
