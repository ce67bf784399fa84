r"""Gradient descent: a step against the gradient; with gradients of mini-batches, stochastic gradient descent.

Papers
    Robbins and Monro, "A Stochastic Approximation Method", Annals of Mathematical Statistics 22, 1951:
    the recursion and the conditions on its steps, sum lr_t = infinity and sum lr_t^2 < infinity.

Equations (g_t gradient at step t = 1, 2, ...)
    step          theta_t = theta_{t-1} - lr_t g_t
    schedule      lr_t = lr / t^power;   1/2 < power <= 1 meets both conditions, power = 0 is a constant step

Deviations from the paper
    1. The paper finds the root of a regression function from noisy values; here that function is the gradient of a loss.
    2. ``weight_decay`` adds weight_decay * theta to the gradient (an L2 penalty), as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import Rule

__all__ = ["GradientDescent"]


class GradientDescent(Rule):
    """Gradient descent with steps that may shrink; with ``power=0`` it drops in for ``torch.optim.SGD`` without momentum.

    Args:
        params: parameters or parameter groups.
        lr: step size, that of the first step where it shrinks.
        weight_decay: factor of an L2 penalty added to the gradient.
        power: how fast the step size shrinks.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is negative, or a gradient is sparse.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, weight_decay: float = 0.0, power: float = 0.0, *, maximize: bool = False
    ) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, power=power, maximize=maximize)

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        return {"step": 0}

    def move(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        state["step"] += 1
        p.sub_(g, alpha=group["lr"] / state["step"] ** group["power"])


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    samples = torch.randn(10_000) + 3.0
    print("theta minimizes E (theta - x)^2 / 2 for x with mean 3, one sample a step; error of theta after 100 and 10,000 steps")
    for power in (0.0, 0.6, 1.0):
        theta = torch.zeros((), requires_grad=True)
        optimizer = GradientDescent([theta], lr=1.0 if power else 0.1, power=power)
        errors = []
        for i, x in enumerate(samples, 1):
            theta.grad = theta.detach() - x
            optimizer.step()
            if i in (100, 10_000):
                errors.append(abs(theta.item() - 3.0))
        print(f"  lr_t = {'0.1' if not power else f'1 / t^{power:g}':10s} {errors[0]:.4f} {errors[1]:.4f}")
    print(f"  mean of the samples: {abs(samples[:100].mean().item() - 3):.4f} {abs(samples.mean().item() - 3):.4f}, which lr_t = 1 / t is")
