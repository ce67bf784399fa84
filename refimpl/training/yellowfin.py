r"""YellowFin: momentum that tunes its own momentum and step size from the gradients it sees.

Paper
    Zhang and Mitliagkas, "YellowFin and the Art of Momentum Tuning", MLSys 2019, arXiv:1706.03471.
    Algorithm 1 with the measurements of Algorithms 2 to 4; SingleStep, equation 15.

Equations (g_t gradient of all parameters as one vector; an overbar is a running mean with decay beta, its bias corrected)
    curvature     h_t = ||g_t||^2;   h_min, h_max = overbars of the smallest and the largest h of the last w steps
    variance      C = sum_i (overbar(g^2) - overbar(g)^2)_i
    distance      D = overbar(overbar(||g||) / overbar(h))
    cubic         x = sqrt(mu) with x D^2 h_min^2 / (2 C) = (1 - x)^3
    momentum      mu = max(x^2, ((sqrt(h_max / h_min) - 1) / (sqrt(h_max / h_min) + 1))^2)
    rate          alpha = (1 - sqrt(mu))^2 / h_min
    yellowfin     v_t = mu v_{t-1} - alpha g_t,   theta_t = theta_{t-1} + v_t

Deviations from the paper
    1. mu and alpha are themselves running means, from 0 and ``lr``, and alpha is scaled by t / (10 w) in the first 10 w
       steps, as in the authors' code: the first measurements alone would make wild steps.
    2. The smallest and largest h are averaged as they are; the authors' code averages their logarithms.
    3. Each parameter group is measured and tuned by itself.
    4. Adaptive clipping, and the feedback control of momentum for asynchronous training, are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import asinh, sinh, sqrt
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import Rule, need

__all__ = ["YellowFin", "single_step"]


def single_step(variance: float, distance: float, h_min: float, h_max: float) -> tuple[float, float]:
    """The momentum and the rate that minimize mu D^2 + alpha^2 C for curvatures between h_min and h_max.

    Args:
        variance: C, at least 0.
        distance: D, at least 0.
        h_min: smallest curvature, positive.
        h_max: largest curvature.
    """
    ratio = sqrt(h_max / h_min)
    mu = max(_root_of_cubic(distance**2 * h_min**2 / 2, variance) ** 2, ((ratio - 1) / (ratio + 1)) ** 2)
    return mu, (1 - sqrt(mu)) ** 2 / h_min


def _root_of_cubic(a: float, c: float) -> float:
    """The x in [0, 1] with a x = c (1 - x)^3: y = 1 - x solves y^3 + p y - p = 0 with p = a / c, whose one real root is hyperbolic."""
    if c == 0.0:
        return 0.0
    if a == 0.0:
        return 1.0
    p = a / c
    return 1 - 2 * sqrt(p / 3) * sinh(asinh(1.5 * sqrt(3 / p)) / 3)


class YellowFin(Rule):
    """Self-tuning momentum.

    Args:
        params: parameters or parameter groups; each group is tuned by itself.
        lr: where the running mean of the rate starts.
        beta: decay of every running mean, in [0, 1).
        window: w, over how many steps the range of the curvature is taken.
        weight_decay: factor of an L2 penalty added to the gradient.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is out of range, or a gradient is sparse.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.1,
        beta: float = 0.999,
        window: int = 20,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        need("YellowFin", "window", window, window >= 1, "at least 1")
        super().__init__(params, lr=lr, beta=beta, window=window, weight_decay=weight_decay, maximize=maximize)

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        return {name: torch.zeros_like(parameter) for name in ("momentum_buffer", "mean", "square")}

    def update(self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor], states: list[dict[str, Any]]) -> None:
        if not parameters:
            return
        if group["weight_decay"]:
            gradients = torch._foreach_add(gradients, parameters, alpha=group["weight_decay"])
        mu, alpha = self._tune(group, gradients, states)
        for p, g, state in zip(parameters, gradients, states, strict=True):
            p.add_(state["momentum_buffer"].mul_(mu).sub_(g, alpha=alpha))

    def _tune(self, group: dict[str, Any], gradients: list[Tensor], states: list[dict[str, Any]]) -> tuple[float, float]:
        """Measure the gradients of a group and return its momentum and rate."""
        tuner = group.setdefault("tuner", {"step": 0, "mu": 0.0, "alpha": group["lr"], "h": []})
        tuner["step"] += 1
        t, beta = tuner["step"], group["beta"]
        unbiased = 1 - beta**t

        def average(name: str, value: float) -> float:
            tuner[name] = beta * tuner.get(name, 0.0) + (1 - beta) * value
            return tuner[name] / unbiased

        variance = 0.0
        for g, state in zip(gradients, states, strict=True):
            mean, square = state["mean"].lerp_(g, 1 - beta), state["square"].mul_(beta).addcmul_(g, g, value=1 - beta)
            variance += float((square / unbiased - (mean / unbiased).square()).sum())
        h = float(sum(g.square().sum() for g in gradients))
        if h > 0.0:
            tuner["h"] = [*tuner["h"], h][-group["window"] :]
        if not tuner["h"]:
            return tuner["mu"], tuner["alpha"]
        h_min, h_max = average("h_min", min(tuner["h"])), average("h_max", max(tuner["h"]))
        length, curvature = average("length", sqrt(h)), average("curvature", h)
        distance = average("distance", length / curvature if curvature else 0.0)
        mu, alpha = single_step(max(variance, 0.0), distance, h_min, h_max)
        alpha *= min(1.0, t / (10 * group["window"]))
        tuner["mu"] = beta * tuner["mu"] + (1 - beta) * mu
        tuner["alpha"] = beta * tuner["alpha"] + (1 - beta) * alpha
        return tuner["mu"], tuner["alpha"]


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("the range of curvatures sets the momentum; noise C shrinks the rate (h_min = 1, D = 1)")
    for h_max in (1.0, 100.0):
        for variance in (1e-4, 1.0, 1e4):
            mu, alpha = single_step(variance, 1.0, 1.0, h_max)
            print(f"  h_max {h_max:<5g} C {variance:<7g} momentum {mu:.4f}   rate {alpha:.2e}")
    x, labels = torch.randn(2000, 20), torch.randint(0, 2, (2000,))
    y = torch.where(torch.rand(2000) < 0.9, (x[:, 0] > 0).long(), labels)
    print("softmax regression on batches of 50, loss after 400 steps")
    for lr in (1e-4, 1e-2, 1.0):
        model = torch.nn.Linear(20, 2)
        optimizer = YellowFin(model.parameters(), lr=lr, beta=0.99)
        for step in range(400):
            rows = slice(50 * (step % 40), 50 * (step % 40) + 50)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
        tuner = optimizer.param_groups[0]["tuner"]
        loss = torch.nn.functional.cross_entropy(model(x), y).item()
        print(f"  from lr {lr:<6g} loss {loss:.4f}   momentum {tuner['mu']:.3f}   rate {tuner['alpha']:.4f}")
