r"""Adadelta: the step has the size of recent steps, divided by the size of recent gradients; no step size is needed.

Paper
    Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, arXiv:1212.5701. Algorithm 1.

Equations (g_t gradient, RMS[x]_t = sqrt(E[x^2]_t + eps))
    square        E[g^2]_t = rho E[g^2]_{t-1} + (1 - rho) g_t^2
    delta         D_t = -RMS[D]_{t-1} / RMS[g]_t  g_t
    memory        E[D^2]_t = rho E[D^2]_{t-1} + (1 - rho) D_t^2
    adadelta      theta_t = theta_{t-1} + lr D_t

Deviations from the paper
    1. ``lr`` multiplies the step, as in PyTorch; 1 is the paper's rule. The memory is of steps before that factor.
    2. ``weight_decay`` adds weight_decay * theta to the gradient (an L2 penalty), as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import Rule

__all__ = ["Adadelta"]


class Adadelta(Rule):
    """Adadelta; drops in for ``torch.optim.Adadelta``.

    Args:
        params: parameters or parameter groups.
        lr: factor of the step; 1 is the paper's rule.
        rho: decay of both running mean squares, in [0, 1).
        eps: added under both roots; it makes the first step.
        weight_decay: factor of an L2 penalty added to the gradient.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is out of range, or a gradient is sparse.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        return {"square_avg": torch.zeros_like(parameter), "acc_delta": torch.zeros_like(parameter)}

    def move(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        rho, eps = group["rho"], group["eps"]
        squares, steps = state["square_avg"].mul_(rho).addcmul_(g, g, value=1 - rho), state["acc_delta"]
        delta = steps.add(eps).div_(squares.add(eps)).sqrt_().mul_(g)
        steps.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        p.sub_(delta, alpha=group["lr"])


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("f(x, y) = scale (x^2 + 100 y^2) / 2 from (1, 1) after 1,000 steps: Adadelta does not know the scale, SGD does")
    curvature = torch.tensor([1.0, 100.0], dtype=torch.float64)
    for scale in (1.0, 1e2, 1e4):
        values = []
        for rule, options in ((Adadelta, {}), (torch.optim.SGD, {"lr": 1e-2})):
            point = torch.ones(2, dtype=torch.float64, requires_grad=True)
            optimizer = rule([point], **options)
            for _ in range(1000):
                point.grad = scale * curvature * point.detach()
                optimizer.step()
            values.append((curvature * point.detach() ** 2).sum().item() / 2)
        print(f"  scale {scale:<6g} Adadelta f/scale {values[0]:.1e}   SGD f/scale {values[1]:.1e}")
