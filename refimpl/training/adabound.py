r"""AdaBound: Adam whose step size per coordinate is clipped to bounds that close in on one value. With AMSBound.

Paper
    Luo, Xiong, Liu, Sun, "Adaptive Gradient Methods with Dynamic Bound of Learning Rate", ICLR 2019, arXiv:1902.09843.
    Algorithm 2 and the bounds of section 5; AMSBound of its appendix.

Equations (m_t, v_t Adam's running mean and mean square at step t = 1, 2, ...)
    rate          a_t = lr sqrt(1 - b2^t) / (1 - b1^t) / (sqrt(v_t) + eps)
    bounds        lower_t = final_lr (1 - 1 / (gamma t + 1)),   upper_t = final_lr (1 + 1 / (gamma t))
    adabound      theta_t = theta_{t-1} - clip(a_t, lower_t, upper_t) m_t
    amsbound      v_t replaced by max_{i<=t} v_i

Deviations from the paper
    1. The bias of both moments is corrected, inside the rate, and eps is added to the root, as in the authors' code;
       Algorithm 2 has neither.
    2. The clipped rate is not divided by sqrt(t); that division serves the proof and is absent in the authors' code.
    3. final_lr follows the step size: where a schedule multiplies a group's lr, the bounds are multiplied alike (authors' code).
    4. ``weight_decay`` adds weight_decay * theta to the gradient (an L2 penalty), as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from refimpl.training.adam import Moments
from refimpl.training.optimizer import need

__all__ = ["AdaBound", "bounds"]


def bounds(step: int, gamma: float) -> tuple[float, float]:
    """The lower and upper bound of the rate at a step counted from 1, in units of ``final_lr``."""
    return 1 - 1 / (gamma * step + 1), 1 + 1 / (gamma * step)


class AdaBound(Moments):
    """AdaBound, and AMSBound with ``amsbound=True``.

    Args:
        params: parameters or parameter groups.
        lr: step size of the Adam that it starts as.
        betas: decay of the running mean and of the running mean square, each in [0, 1).
        final_lr: step size of the gradient descent with momentum that it ends as.
        gamma: how fast the bounds close, in (0, 1).
        eps: added to the root of the mean square.
        weight_decay: factor of an L2 penalty added to the gradient.
        amsbound: never let the mean square shrink.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is out of range, or a gradient is sparse.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        final_lr: float = 0.1,
        gamma: float = 1e-3,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsbound: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        need("AdaBound", "gamma", gamma, 0.0 < gamma < 1.0, "in (0, 1)")
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            final_lr=final_lr,
            gamma=gamma,
            eps=eps,
            weight_decay=weight_decay,
            amsbound=amsbound,
            maximize=maximize,
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        self.param_groups[-1].setdefault("base_lr", self.param_groups[-1]["lr"])

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        largest = {"max_exp_avg_sq": torch.zeros_like(parameter)} if group["amsbound"] else {}
        return {**super().begin(group, parameter), **largest}

    def follow(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        (b1, b2), t = group["betas"], state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"].mul_(b2).addcmul_(g, g, value=1 - b2)
        if group["amsbound"]:
            v = torch.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        final = group["final_lr"] * group["lr"] / group["base_lr"] if group["lr"] else 0.0
        lower, upper = (final * b for b in bounds(t, group["gamma"]))
        rate = v.sqrt().add_(group["eps"]).reciprocal_().mul_(group["lr"] * sqrt(1 - b2**t) / (1 - b1**t))
        p.addcmul_(rate.clamp_(lower, upper), m, value=-1)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("bounds of the rate in units of final_lr, and where a rate of 0.001 for one coordinate and 10 for another end, final_lr 0.1")
    for step in (1, 10, 100, 1_000, 10_000, 100_000):
        lower, upper = bounds(step, 1e-3)
        small, large = (min(max(rate, 0.1 * lower), 0.1 * upper) for rate in (0.001, 10.0))
        print(f"  step {step:6d}   {lower:.4f} to {upper:9.4f}   rates {small:.4f} {large:.4f}")
