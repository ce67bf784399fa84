r"""Gradient clipping: where the gradient is longer than a threshold, shorten it to that length.

Paper
    Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, arXiv:1211.5063.
    Algorithm 1 of section 3.2.

Equations (g all gradients as one vector, c the threshold)
    norm          ||g|| = (sum_i |g_i|^p)^(1/p),   the largest |g_i| for p = infinity
    clip          g <- g c / ||g||   where ||g|| > c
    value         g_i <- min(max(g_i, -c), c)

Deviations from the paper
    1. ``eps`` is added to the norm before the division, as in PyTorch (1e-6); 0 is the paper's rule.
    2. Empty gradients count for nothing; PyTorch refuses them for p = infinity.
    3. All gradients must lie on one device.
    4. Other norms than the Euclidean one, and clipping by value, which changes the direction, are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import torch
from torch import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


@torch.no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    *,
    eps: float = 1e-6,
) -> Tensor:
    """Scale the gradients of all parameters, taken as one vector, in place; drops in for PyTorch's function.

    Args:
        parameters: one or several; those without a gradient are passed over.
        max_norm: the threshold c.
        norm_type: p, ``inf`` for the largest magnitude.
        error_if_nonfinite: refuse a norm that is infinite or not a number, before anything is changed.
        eps: added to the norm.

    Returns:
        The norm before clipping, a scalar; 0 where there are no gradients.

    Raises:
        ValueError: a negative threshold, a norm of order 0 or less, or a norm that is not finite when that is refused.
    """
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm must be non-negative, got {max_norm}")
    if not norm_type > 0:
        raise ValueError(f"clip_grad_norm_: norm_type must be positive, got {norm_type}")
    gradients = _gradients(parameters)
    if not gradients:
        return torch.tensor(0.0)
    total = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients, norm_type)), norm_type)
    if error_if_nonfinite and not torch.isfinite(total):
        raise ValueError(f"clip_grad_norm_: expected a finite norm of the gradients, got {total.item()}")
    scale = (max_norm / (total + eps)).clamp(max=1.0)
    for g in gradients:
        g.mul_(scale)
    return total


@torch.no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clamp every entry of the gradients to [-clip_value, clip_value] in place; drops in for PyTorch's function.

    Raises:
        ValueError: a negative value.
    """
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must be non-negative, got {clip_value}")
    for g in _gradients(parameters):
        g.clamp_(-clip_value, clip_value)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    several = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in several if p.grad is not None and p.grad.numel()]


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("x_50 of x_k = w sigmoid(x_{k-1}) + b, a target that lies beyond a cliff: gradient descent from w = 5, b = -2.8, lr 0.1")
    for threshold in (inf, 1.0):
        weights = torch.tensor([5.0, -2.8], dtype=torch.float64, requires_grad=True)
        longest = 0.0
        for _ in range(200):
            x = torch.zeros((), dtype=torch.float64)
            for _ in range(50):
                x = weights[0] * torch.sigmoid(x) + weights[1]
            loss = (torch.sigmoid(x) - 0.7) ** 2
            weights.grad = None
            loss.backward()
            longest = max(longest, clip_grad_norm_(weights, threshold).item())
            weights.data.sub_(weights.grad, alpha=0.1)
        print(f"  threshold {threshold:<4g} loss {loss.item():.2e}   longest gradient {longest:.3g}")
