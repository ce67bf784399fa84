r"""NT-ASGD: gradient descent that starts to average its parameters once the validation score has stopped improving.

Papers
    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM Journal on Control and
    Optimization 30, 1992: the average.
    Merity, Keskar and Socher, "Regularizing and Optimizing LSTM Language Models", ICLR 2018, arXiv:1708.02182,
    section 3 and algorithm 1: when to start it.

Equations (theta parameters, g gradient, v_1 ... v_t validation losses so far, n the non-monotone interval)
    step     theta_k = theta_{k-1} - lr (g_k + weight_decay theta_{k-1})
    trigger  T = k at the first check with v_t > min(v_1 ... v_{t-1-n}):   worse than the best of those more than n checks ago
    average  a_k = a_{k-1} + (theta_k - a_{k-1}) / (k - T + 1),   a_T = theta_T:   the mean of theta_T ... theta_k

Deviations from the paper
    1. Which checks the trigger looks at, all but the last n, is as in the authors' code.
    2. ``torch.optim.ASGD``, which the authors' code switches to, leaves theta_T out of the mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import Rule, need

__all__ = ["NTASGD"]


class NTASGD(Rule):
    """Gradient descent with a triggered average.

    Call :meth:`check` with each validation loss, and evaluate inside :meth:`averaged`.

    Args:
        params: parameters or parameter groups.
        lr: step size.
        weight_decay: factor of an L2 penalty added to the gradient.
        interval: n, number of latest checks that the trigger does not compare with.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is negative or the interval no integer, or a gradient is sparse.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 30.0, weight_decay: float = 0.0, interval: int = 5, *, maximize: bool = False
    ) -> None:
        need("NTASGD", "interval", interval, isinstance(interval, int), "an integer")
        super().__init__(params, lr=lr, weight_decay=weight_decay, interval=interval, maximize=maximize)
        for group in self.param_groups:
            group.update(scores=[], averaging=False)

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        return {"iterates": 0}

    def move(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        p.sub_(g, alpha=group["lr"])
        if group["averaging"]:
            self._include(p, state)

    @torch.no_grad()
    def check(self, score: float) -> bool:
        """Take a validation loss; returns whether averaging is on, which this check may have begun."""
        for group in self.param_groups:
            earlier = group["scores"][: max(0, len(group["scores"]) - group["interval"])]
            group["scores"] = [*group["scores"], float(score)]
            if not group["averaging"] and earlier and score > min(earlier):
                group["averaging"] = True
                for p in group["params"]:
                    if self.state[p]:
                        self._include(p, self.state[p])
        return any(group["averaging"] for group in self.param_groups)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the parameters are their averages, where there are any."""
        kept = {p: p.clone() for p, state in self.state.items() if state.get("iterates")}
        try:
            self._put({p: self.state[p]["average"] for p in kept})
            yield
        finally:
            self._put(kept)

    @staticmethod
    @torch.no_grad()
    def _put(values: dict[Tensor, Tensor]) -> None:
        for p, value in values.items():
            p.copy_(value)

    @staticmethod
    def _include(p: Tensor, state: dict[str, Any]) -> None:
        state["iterates"] += 1
        if state["iterates"] == 1:
            state["average"] = p.clone()
        else:
            state["average"].lerp_(p, 1 / state["iterates"])


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("theta minimizes E (theta - x)^2 / 2 for x with mean 3, one sample a step; validation every 20 steps")
    theta = torch.zeros((), requires_grad=True)
    optimizer = NTASGD([theta], lr=0.2)
    for k in range(1, 1001):
        theta.grad = theta.detach() - (torch.randn(()) + 3.0)
        optimizer.step()
        if k % 20 == 0:
            before = optimizer.param_groups[0]["averaging"]
            if optimizer.check((theta.item() - 3.0) ** 2) and not before:
                print(f"  averaging begins at step {k}")
        if k in (100, 1000):
            with optimizer.averaged():
                mean = theta.item()
            print(f"  step {k:4d}: error of theta {abs(theta.item() - 3):.4f}, of its average {abs(mean - 3):.4f}")
