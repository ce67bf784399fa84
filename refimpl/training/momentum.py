r"""Momentum: steps along a decaying sum of past gradients. With Nesterov's look-ahead.

Papers
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964 (the heavy ball).
    Nesterov, "A method of solving a convex programming problem with convergence rate O(1/k^2)", 1983.
    Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning",
    ICML 2013, section 2: both as updates of a velocity, equations 1 to 4.

Equations (g_t gradient, v velocity, mu momentum)
    velocity      v_t = mu v_{t-1} + (1 - dampening) g_t,   v_1 = g_1
    heavy         theta_t = theta_{t-1} - lr v_t
    nesterov      theta_t = theta_{t-1} - lr (g_t + mu v_t)

Deviations from the papers
    1. The velocity is a sum of gradients that the step size multiplies (PyTorch), not a sum of steps; the two differ
       when the step size changes.
    2. Nesterov's gradient is taken at theta, not at theta + mu v: the variable kept is the point looked ahead to
       (a change of variables; the gradients that are evaluated are the same).
    3. ``dampening`` and ``weight_decay`` are PyTorch's; the first velocity is not dampened.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import Rule, need

__all__ = ["Momentum"]


class Momentum(Rule):
    """Gradient descent with momentum; drops in for ``torch.optim.SGD``.

    Args:
        params: parameters or parameter groups.
        lr: step size.
        momentum: factor of the former velocity, in [0, 1).
        dampening: the part of the gradient that is kept out of the velocity, in [0, 1).
        weight_decay: factor of an L2 penalty added to the gradient.
        nesterov: look ahead along the velocity.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is out of range, Nesterov's rule is asked for without momentum or with dampening,
            or a gradient is sparse.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.9,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        if nesterov:
            need("Momentum", "momentum", momentum, momentum > 0.0, "positive with nesterov=True")
            need("Momentum", "dampening", dampening, dampening == 0.0, "0 with nesterov=True")
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov, maximize=maximize
        )

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        return {"momentum_buffer": None}

    def move(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        mu, v = group["momentum"], state["momentum_buffer"]
        if v is None:
            v = state["momentum_buffer"] = g.clone()
        else:
            v.mul_(mu).add_(g, alpha=1 - group["dampening"])
        p.sub_(g.add(v, alpha=mu) if group["nesterov"] else v, alpha=group["lr"])


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("f(x, y) = (x^2 + 100 y^2) / 2 from (1, 1): steps until f < 1e-12, each with the step size that theory calls best")
    root = 10.0  # of the ratio of curvatures
    polyak = ((root - 1) / (root + 1)) ** 2
    settings = {
        "no momentum": {"lr": 2 / 101, "momentum": 0.0},
        "heavy ball": {"lr": 4 / (root + 1) ** 2, "momentum": polyak},
        "Nesterov": {"lr": 1 / 100, "momentum": (root - 1) / (root + 1), "nesterov": True},
    }
    curvature = torch.tensor([1.0, 100.0], dtype=torch.float64)
    for name, options in settings.items():
        point, steps = torch.ones(2, dtype=torch.float64), 0
        optimizer = Momentum([point.requires_grad_()], **options)
        while (curvature * point.detach() ** 2).sum() / 2 >= 1e-12:
            point.grad = curvature * point.detach()
            optimizer.step()
            steps += 1
        print(f"  {name:12s} lr {options['lr']:.4f} momentum {options['momentum']:.3f} {steps:5d} steps")
