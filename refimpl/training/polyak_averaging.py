r"""Polyak averaging: gradient descent with large, slowly falling steps, whose answer is the mean of all points it has visited.

Paper
    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM Journal on Control and
    Optimization 30, 1992. Recursion and theorem 1 of section 2 for linear problems, sections 3 and 4 for other ones.

Equations (theta parameters, g_t the gradient at theta_{t-1} plus noise of covariance S, A the Hessian at the minimum theta*)
    step          theta_t = theta_{t-1} - lr t^-alpha g_t,             0 <= alpha < 1
    mean          a_t = 1/t sum_{i=0}^{t-1} theta_i = a_{t-1} + (theta_{t-1} - a_{t-1}) / t
    covariance    sqrt(t) (a_t - theta*) -> N(0, V),   V = A^-1 S A^-T:   neither lr nor alpha enters

Deviations from the paper
    1. It asks only that the steps fall more slowly than 1 / t; here they follow a power of t. Constant steps, alpha = 0, are
       the linear problem's, with noise that does not depend on the point; other problems need alpha > 1/2.
    2. The mean is updated as the steps are taken; no former point is kept.
    3. ``weight_decay`` adds weight_decay * theta to the gradient (an L2 penalty), as in PyTorch.
    4. For parameters in bfloat16 or float16 the mean is kept in float32, where a t-th part of a point is not lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import Rule

__all__ = ["AveragedSGD", "asymptotic_covariance"]


def asymptotic_covariance(hessian: Tensor, noise: Tensor) -> Tensor:
    """V, the covariance of the mean of t points around the minimum times t, for many steps.

    Args:
        hessian: A, ``(n, n)``; the paper's matrix need not be symmetric, but its eigenvalues must lie right of zero.
        noise: S, the covariance of the noise in the gradient, ``(n, n)``.

    Returns:
        ``(n, n)``.

    Raises:
        ValueError: the matrices are not square or not of one shape.
    """
    if hessian.dim() != 2 or hessian.shape[0] != hessian.shape[1]:
        raise ValueError(f"asymptotic_covariance: hessian must be square, got shape {tuple(hessian.shape)}")
    if noise.shape != hessian.shape:
        raise ValueError(f"asymptotic_covariance: noise must have shape {tuple(hessian.shape)} like hessian, got {tuple(noise.shape)}")
    return torch.linalg.solve(hessian.mT, torch.linalg.solve(hessian, noise), left=False)


class AveragedSGD(Rule):
    """Gradient descent that keeps the mean of its points; evaluate inside :meth:`averaged`.

    Args:
        params: parameters or parameter groups.
        lr: the first step size.
        alpha: power of the step number by which the step size falls, in [0, 1); 0 keeps it.
        weight_decay: factor of an L2 penalty added to the gradient.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is out of range, or a gradient is sparse.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 0.1, alpha: float = 0.75, weight_decay: float = 0.0, *, maximize: bool = False
    ) -> None:
        super().__init__(params, lr=lr, alpha=alpha, weight_decay=weight_decay, maximize=maximize)

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        wide = torch.promote_types(parameter.dtype, torch.float32)
        return {"step": 0, "average": parameter.to(wide, copy=True)}

    def move(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        state["step"] += 1
        average, t = state["average"], state["step"]
        average.lerp_(p.to(average.dtype), 1 / t)
        p.sub_(g, alpha=group["lr"] * t ** -group["alpha"])

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, every parameter that has been moved is the mean of its points, the last one left out."""
        kept = {p: p.clone() for p, state in self.state.items() if state}
        self._put({p: self.state[p]["average"] for p in kept})
        try:
            yield
        finally:
            self._put(kept)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state; PyTorch casts it to the dtype of the parameters, here the mean keeps its own."""
        super().load_state_dict(state_dict)
        ours, saved = ([p for group in groups for p in group["params"]] for groups in (self.param_groups, state_dict["param_groups"]))
        for p, key in zip(ours, saved, strict=True):
            if key in state_dict["state"]:
                self.state[p]["average"] = state_dict["state"][key]["average"].to(p.device, copy=True)

    @staticmethod
    @torch.no_grad()
    def _put(values: dict[Tensor, Tensor]) -> None:
        for p, value in values.items():
            p.copy_(value)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    hessian, runs = torch.tensor([0.2, 1.0, 5.0]), 2000
    limit = asymptotic_covariance(hessian.diag(), torch.eye(3)).trace().item()
    print(f"quadratic of curvatures 0.2, 1 and 5, noise of variance 1 in each gradient, {runs:,} runs from the minimum")
    for alpha in (0.0, 0.25, 0.5):
        theta = torch.zeros(runs, 3, requires_grad=True)
        optimizer = AveragedSGD([theta], lr=0.3, alpha=alpha)
        for t in range(1, 1001):
            theta.grad = hessian * theta.detach() + torch.randn(runs, 3)
            optimizer.step()
            if t in (100, 1000):
                last = theta.detach().square().sum(1).mean().item()
                with optimizer.averaged():
                    mean = theta.detach().square().sum(1).mean().item()
                print(
                    f"  lr 0.3 t^-{alpha:<4g}  t {t:4d}: t times the squared error, last point {t * last:7.1f}, mean {t * mean:5.1f}"
                    f" (limit {limit:.1f})"
                )
