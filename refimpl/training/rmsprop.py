r"""RMSProp: divide the gradient by a running root mean square of itself. With the centered form and momentum.

Sources
    Tieleman and Hinton, "Lecture 6.5: rmsprop", Neural Networks for Machine Learning, Coursera, 2012.
    Graves, "Generating Sequences With Recurrent Neural Networks", 2013, arXiv:1308.0850, equations 38 to 41: the centered form.

Equations (g_t gradient)
    square        s_t = alpha s_{t-1} + (1 - alpha) g_t^2
    mean          m_t = alpha m_{t-1} + (1 - alpha) g_t          (centered only)
    size          r_t = sqrt(s_t) + eps,  centered: r_t = sqrt(s_t - m_t^2) + eps
    velocity      v_t = momentum v_{t-1} + g_t / r_t
    rmsprop       theta_t = theta_{t-1} - lr v_t

Deviations from the sources
    1. The lecture has no eps; Graves adds it under the root, PyTorch and this module after it.
    2. Graves' velocity is a sum of steps; here the step size multiplies it, as in PyTorch.
    3. ``weight_decay`` adds weight_decay * theta to the gradient (an L2 penalty), as in PyTorch.
    4. Centered, rounding can make the variance slightly negative where a gradient is constant; it is taken as zero then
       (PyTorch returns NaN).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import Rule

__all__ = ["RMSProp"]


class RMSProp(Rule):
    """RMSProp; drops in for ``torch.optim.RMSprop``.

    Args:
        params: parameters or parameter groups.
        lr: step size.
        alpha: decay of the running mean square, in [0, 1).
        eps: added to the root.
        weight_decay: factor of an L2 penalty added to the gradient.
        momentum: factor of the former velocity, in [0, 1).
        centered: divide by the running standard deviation instead.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is out of range, or a gradient is sparse.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered, maximize=maximize
        )

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        names = ["square_avg", *(["momentum_buffer"] if group["momentum"] else []), *(["grad_avg"] if group["centered"] else [])]
        return {name: torch.zeros_like(parameter) for name in names}

    def move(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        alpha = group["alpha"]
        size = state["square_avg"].mul_(alpha).addcmul_(g, g, value=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"].lerp_(g, 1 - alpha)
            size = size.addcmul(mean, mean, value=-1).clamp_(min=0)
        size = size.sqrt().add_(group["eps"])
        if group["momentum"]:
            velocity = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(g, size)
            p.sub_(velocity, alpha=group["lr"])
        else:
            p.addcdiv_(g, size, value=-group["lr"])


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("f(x, y) = (x^2 + 10,000 y^2) / 2 from (1, 1), 300 steps: RMSProp does not see the curvatures' ratio")
    curvature = torch.tensor([1.0, 1e4], dtype=torch.float64)
    for name, rule, options in (
        ("RMSProp", RMSProp, {"lr": 1e-2, "alpha": 0.9}),
        ("centered", RMSProp, {"lr": 1e-2, "alpha": 0.9, "centered": True}),
        ("SGD", torch.optim.SGD, {"lr": 1e-4}),
    ):
        point = torch.ones(2, dtype=torch.float64, requires_grad=True)
        optimizer = rule([point], **options)
        for _ in range(300):
            point.grad = curvature * point.detach()
            optimizer.step()
        print(f"  {name:9s} x {point[0].item(): .1e}   y {point[1].item(): .1e}")
