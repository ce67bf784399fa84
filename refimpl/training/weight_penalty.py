r"""Weight penalties: pull weights toward zero through the loss (L1, L2), the step (weight decay) or a proximal map.

Papers
    Hoerl and Kennard, "Ridge Regression: Biased Estimation for Nonorthogonal Problems", Technometrics 12, 1970 (L2).
    Tibshirani, "Regression Shrinkage and Selection via the Lasso", JRSS B 58, 1996 (L1).
    Krogh and Hertz, "A Simple Weight Decay Can Improve Generalization", NeurIPS 1991: equation 3.
    Daubechies, Defrise, De Mol, "An iterative thresholding algorithm", Comm. Pure Appl. Math. 57, 2004 (the proximal step).

Equations (w the weights, L the loss without penalty)
    l2           L + lambda / 2 sum w^2,   whose gradient adds lambda w
    l1           L + lambda sum |w|,       whose subgradient adds lambda sign(w), 0 at 0
    decay        w <- (1 - lr lambda) w - lr step: the L2 penalty for plain gradient descent, another method for Adam
    proximal     w <- sign(w) max(|w| - lr lambda, 0) after a step on L alone: sets weights to exactly zero

Deviations from the papers
    1. Means and sums, factors of 1/2 and signs differ between texts; the penalties here are those of the equations above.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = ["decay_", "l1_penalty", "l2_penalty", "soft_threshold"]


def l2_penalty(parameters: Tensor | Iterable[Tensor], strength: float) -> Tensor:
    """strength / 2 times the sum of squares, a scalar to be added to the loss.

    Raises:
        ValueError: a negative strength, or no parameters.
    """
    return strength / 2 * sum(p.square().sum() for p in _checked("l2_penalty", parameters, strength))


def l1_penalty(parameters: Tensor | Iterable[Tensor], strength: float) -> Tensor:
    """strength times the sum of magnitudes, a scalar to be added to the loss. Errors as above."""
    return strength * sum(p.abs().sum() for p in _checked("l1_penalty", parameters, strength))


@torch.no_grad()
def decay_(parameters: Tensor | Iterable[Tensor], strength: float, lr: float) -> None:
    """Multiply by 1 - lr strength in place, before or beside a step of any optimizer (AdamW is Adam with this).

    Raises:
        ValueError: a negative strength or step size, or no parameters.
    """
    checked = _checked("decay_", parameters, strength)
    if not lr >= 0:
        raise ValueError(f"decay_: lr must be non-negative, got {lr}")
    torch._foreach_mul_(checked, 1 - lr * strength)


def soft_threshold(input: Tensor, threshold: float) -> Tensor:
    """The proximal map of threshold times the L1 norm: shrink magnitudes by the threshold, to zero at most.

    Args:
        input: of any shape.
        threshold: at least 0; lr lambda in a proximal step.

    Raises:
        ValueError: a negative threshold.
    """
    if not threshold >= 0:
        raise ValueError(f"soft_threshold: threshold must be non-negative, got {threshold}")
    return input.sign() * (input.abs() - threshold).clamp_min(0)


def _checked(function: str, parameters: Tensor | Iterable[Tensor], strength: float) -> list[Tensor]:
    if not strength >= 0:
        raise ValueError(f"{function}: strength must be non-negative, got {strength}")
    several = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if not several:
        raise ValueError(f"{function}: expected at least one parameter, got none")
    return several


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.randn(200, 12, dtype=torch.float64)
    truth = torch.tensor([2.0, -1.0, 0.5] + [0.0] * 9, dtype=torch.float64)
    y = x @ truth + 0.5 * torch.randn(200, dtype=torch.float64)
    print("linear regression, three of twelve weights are real")
    for name, l1, l2 in (("none", 0.0, 0.0), ("L2 0.2", 0.0, 0.2), ("L1 0.2", 0.2, 0.0)):
        w = torch.zeros(12, dtype=torch.float64)
        for _ in range(500):
            w = soft_threshold(w - 0.1 * (x.T @ (x @ w - y) / 200 + l2 * w), 0.1 * l1)
        shown = " ".join(f"{v:5.2f}" for v in w[:6].tolist())
        print(f"  penalty {name:7s} {shown} ...   {int((w == 0).sum())} weights are exactly zero")
