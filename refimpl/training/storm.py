r"""STORM: momentum that corrects its memory with the gradient at the former point on the same batch, which shrinks its variance.

Paper
    Cutkosky and Orabona, "Momentum-Based Variance Reduction in Non-Convex SGD", NeurIPS 2019, arXiv:1905.10018. Algorithm 1.

Equations (x_t parameters, xi_t the batch of step t = 1, 2, ..., g(x, xi) its gradient at x)
    size          G_t = ||g(x_t, xi_t)||
    rate          eta_t = k / (w + sum_{i<=t} G_i^2)^(1/3)
    weight        a_{t+1} = c eta_t^2
    direction     d_{t+1} = g(x_{t+1}, xi_{t+1}) + (1 - a_{t+1}) (d_t - g(x_t, xi_{t+1})),   d_1 = g(x_1, xi_1)
    storm         x_{t+1} = x_t - eta_t d_t

Deviations from the paper
    1. a is at most 1: with other constants than those of the theorem c eta^2 can exceed it.
    2. G is the norm over all parameters of all groups together; k, w and c may differ between groups.
    3. ``step`` evaluates the closure twice, at the new and at the former parameters; the closure must use the same batch
       both times, and returns the loss of the first evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import need

__all__ = ["STORM"]


class STORM(torch.optim.Optimizer):
    """Stochastic recursive momentum.

    Args:
        params: parameters or parameter groups.
        k: numerator of the rate.
        w: added to the sum of squared gradient norms, so that the first steps stay bounded.
        c: how fast the memory is given up; 0 never.

    Raises:
        ValueError: k or c is negative, w is not positive, or ``step`` is called without a closure.
    """

    def __init__(self, params: Iterable[Any], k: float = 0.1, w: float = 1.0, c: float = 10.0) -> None:
        need("STORM", "k", k, k >= 0.0, "non-negative")
        need("STORM", "w", w, w > 0.0, "positive")
        need("STORM", "c", c, c >= 0.0, "non-negative")
        super().__init__(params, {"k": k, "w": w, "c": c, "squares": 0.0})

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor:
        """Take one step with the batch that the closure evaluates.

        Args:
            closure: sets the gradients anew (clears, evaluates, calls ``backward``) and returns the loss.

        Returns:
            The loss at the parameters before the step.
        """
        if closure is None:
            raise ValueError("STORM: step needs a closure that evaluates one batch, got None")
        loss, here = self._evaluate(closure)
        if former := [p for p in here if "direction" in self.state[p]]:
            with torch.no_grad():
                points = [p.clone() for p in former]
                torch._foreach_copy_(former, [self.state[p]["former"] for p in former])
            _, there = self._evaluate(closure)
            with torch.no_grad():
                torch._foreach_copy_(former, points)
        else:
            there = {}
        total = sum(float(g.square().sum()) for g in here.values())
        with torch.no_grad():
            for group in self.param_groups:
                self._move(group, here, there, total)
        return loss

    def _evaluate(self, closure: Callable[[], Tensor]) -> tuple[Tensor, dict[Tensor, Tensor]]:
        """The loss and a copy of each gradient at the parameters as they are."""
        with torch.enable_grad():
            loss = closure()
        parameters = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        return loss, {p: p.grad.clone() for p in parameters}

    def _move(self, group: dict[str, Any], here: dict[Tensor, Tensor], there: dict[Tensor, Tensor], total: float) -> None:
        """Update directions and parameters of one group; ``squares`` is still the sum of the former steps."""
        former_rate = group["k"] / (group["w"] + group["squares"]) ** (1 / 3)
        a = min(1.0, group["c"] * former_rate**2)
        group["squares"] += total
        rate = group["k"] / (group["w"] + group["squares"]) ** (1 / 3)
        for p in group["params"]:
            if p not in here:
                continue
            state = self.state[p]
            direction = here[p]
            if "direction" in state:
                direction = direction.add(state["direction"] - there[p], alpha=1 - a)
            state["direction"], state["former"] = direction, p.clone()
            p.sub_(direction, alpha=rate)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("mean of (x - xi)^2 / 2 + 0.1 cos(5 x) over xi with spread 3: spread of the direction around the true gradient, last 500 steps")
    for c in (0.0, 10.0, 1e9):
        x = torch.tensor([4.0], dtype=torch.float64, requires_grad=True)
        optimizer, errors = STORM([x], k=0.3, w=10.0, c=c), []
        for step in range(3000):
            batch = 3 * torch.randn(1, dtype=torch.float64)

            def closure(x: Tensor = x, batch: Tensor = batch) -> Tensor:
                x.grad = None
                loss = ((x - batch) ** 2 / 2 + 0.1 * torch.cos(5 * x)).sum()
                loss.backward()
                return loss

            before = x.detach().clone()
            optimizer.step(closure)
            if step >= 2500:
                errors.append(optimizer.state[x]["direction"] - (before - 0.5 * torch.sin(5 * before)))
        name = "one batch a step (SGD)" if c == 1e9 else f"c = {c:g}"
        print(f"  {name:23s} spread {torch.cat(errors).pow(2).mean().sqrt().item():.3f}   x {x.item():.3f}")
