r"""Aggregated momentum: average several velocities, each with its own damping, and take the step along the mean.

Paper
    Lucas, Sun, Zemel, Grosse, "Aggregated Momentum: Stability Through Passive Damping", ICLR 2019,
    arXiv:1804.00325. The update of section 3; exponential damping of section 3.2.

Equations (g_t gradient, K velocities starting at zero, i = 1 ... K)
    velocity      v_t^(i) = beta^(i) v_{t-1}^(i) - g_t
    aggmo         theta_t = theta_{t-1} + lr / K sum_i v_t^(i)
    damping       beta^(i) = 1 - a^(i-1),   a = 0.1 by default: 0, 0.9, 0.99, ...

Deviations from the paper
    1. The velocities are kept with the opposite sign (v <- beta v + g, theta <- theta - lr / K sum v),
       as PyTorch keeps momentum; the path is the same.
    2. ``weight_decay`` adds weight_decay * theta to the gradient (an L2 penalty), as in PyTorch.
    3. The sum over i runs inside one tensor of shape (K, ...), so that a step is three operations for any K.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import Rule, need

__all__ = ["AggMo", "exponential_damping"]


def exponential_damping(count: int, a: float = 0.1) -> tuple[float, ...]:
    """The paper's damping factors 1 - a^0, 1 - a^1, ..., 1 - a^(count - 1).

    Args:
        count: number of velocities K.
        a: how fast the factors approach 1, in (0, 1).
    """
    need("exponential_damping", "count", count, count >= 1, "at least 1")
    need("exponential_damping", "a", a, 0.0 < a < 1.0, "in (0, 1)")
    return tuple(1 - a**i for i in range(count))


class AggMo(Rule):
    """Aggregated momentum.

    Args:
        params: parameters or parameter groups.
        lr: step size; one velocity with damping beta makes it ``torch.optim.SGD(momentum=beta)``.
        betas: one damping factor for each velocity, each in [0, 1).
        weight_decay: factor of an L2 penalty added to the gradient.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is out of range, or a gradient is sparse.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.1,
        betas: Sequence[float] = (0.0, 0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        need("AggMo", "betas", betas, len(betas) > 0, "at least one damping factor")
        super().__init__(params, lr=lr, betas=tuple(betas), weight_decay=weight_decay, maximize=maximize)

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        return {"velocities": parameter.new_zeros((len(group["betas"]), *parameter.shape))}  # (K, ...)

    def move(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        v = state["velocities"]
        betas = v.new_tensor(group["betas"]).view(-1, *(1,) * p.dim())  # (K, 1, ...)
        torch.addcmul(g, v, betas, out=v)
        p.sub_(v.mean(0), alpha=group["lr"])


if __name__ == "__main__":
    from itertools import pairwise

    from refimpl.demo import arguments

    arguments(__doc__)
    print("f(x, y) = (x^2 + 1000 y^2) / 2 from (1, 1), lr 1e-3: steps until f < 1e-8, and how often x changed sign")
    for betas in ((0.0,), (0.9,), (0.99,), (0.999,), (0.0, 0.9, 0.99), exponential_damping(4)):
        point = torch.ones(2, dtype=torch.float64, requires_grad=True)
        optimizer = AggMo([point], lr=1e-3, betas=betas)
        curvature, signs, step = torch.tensor([1.0, 1000.0], dtype=torch.float64), [], 0
        while (curvature * point.detach() ** 2).sum() / 2 > 1e-8 and step < 8000:
            point.grad = curvature * point.detach()
            optimizer.step()
            step += 1
            signs.append(point[0].item() > 0)
        crossings = sum(a != b for a, b in pairwise(signs))
        print(f"  betas {', '.join(f'{b:g}' for b in betas):22s} {step if step < 8000 else 'over 8000':>9} steps {crossings:4d} crossings")
