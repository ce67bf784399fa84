r"""Adagrad: each coordinate's step is divided by the root of the sum of its squared gradients.

Paper
    Duchi, Hazan, Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization",
    JMLR 12, 2011: the update with diagonal matrices, section 1.1 and figure 1.

Equations (g_t gradient at step t = 1, 2, ...)
    sum           G_t = G_{t-1} + g_t^2,   G_0 = initial_accumulator_value
    adagrad       theta_t = theta_{t-1} - lr_t g_t / (sqrt(G_t) + eps)
    schedule      lr_t = lr / (1 + (t - 1) lr_decay)

Deviations from the paper
    1. Only the diagonal form with a Euclidean step; the full matrix, projections and the regularized (dual averaging) form are left out.
    2. The paper adds its delta to the root of the sum as ``eps`` does here, but writes it once for the whole matrix.
    3. ``lr_decay``, ``initial_accumulator_value`` and ``weight_decay`` are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import Rule

__all__ = ["Adagrad"]


class Adagrad(Rule):
    """Adagrad with a diagonal matrix; drops in for ``torch.optim.Adagrad``.

    Args:
        params: parameters or parameter groups.
        lr: step size, which the first step takes in each coordinate when the sum starts at zero.
        lr_decay: shrinks the step size besides.
        weight_decay: factor of an L2 penalty added to the gradient.
        initial_accumulator_value: where the sum of squares starts.
        eps: added to the root of the sum.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is negative, or a gradient is sparse.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
        )

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        return {"step": 0, "sum": torch.full_like(parameter, group["initial_accumulator_value"])}

    def move(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        lr = group["lr"] / (1 + state["step"] * group["lr_decay"])
        state["step"] += 1
        squares = state["sum"].addcmul_(g, g)
        p.addcdiv_(g, squares.sqrt().add_(group["eps"]), value=-lr)


if __name__ == "__main__":
    from itertools import pairwise

    from refimpl.demo import arguments

    arguments(__doc__)
    print("f(x, y) = (x^2 + 10,000 y^2) / 2 from (1, 1), 100 steps: Adagrad's path is the same in both coordinates")
    curvature = torch.tensor([1.0, 1e4], dtype=torch.float64)
    for rule, lr in ((Adagrad, 0.5), (torch.optim.SGD, 1e-4)):
        point = torch.ones(2, dtype=torch.float64, requires_grad=True)
        optimizer = rule([point], lr=lr)
        for _ in range(100):
            point.grad = curvature * point.detach()
            optimizer.step()
        print(f"  {rule.__name__:8s} lr {lr:<6g} x {point[0].item():.1e}   y {point[1].item():.1e}")
    print("a constant gradient of any size: step t is lr / sqrt(t)")
    point = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer, places = Adagrad([point], lr=1.0), [0.0]
    for _ in range(4):
        point.grad = torch.full_like(point, -123.0)
        optimizer.step()
        places.append(point.item())
    print("  steps", " ".join(f"{b - a:.4f}" for a, b in pairwise(places)))
