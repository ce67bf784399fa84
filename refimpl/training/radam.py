r"""Rectified Adam: Adam whose step is damped, or taken without the second moment, while that moment is uncertain.

Paper
    Liu, Jiang, He, Chen, Liu, Gao, Han, "On the Variance of the Adaptive Learning Rate and Beyond",
    ICLR 2020, arXiv:1908.03265. Algorithm 2; the rectification of section 4.

Equations (m_t, v_t Adam's running mean and mean square at step t = 1, 2, ...)
    limit         rho_inf = 2 / (1 - b2) - 1
    length        rho_t = rho_inf - 2 t b2^t / (1 - b2^t)
    rectify       r_t = sqrt((rho_t - 4) (rho_t - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho_t))
    radam         theta_t = theta_{t-1} - lr r_t (m_t / (1 - b1^t)) sqrt(1 - b2^t) / (sqrt(v_t) + eps)    where rho_t > 5
    early         theta_t = theta_{t-1} - lr m_t / (1 - b1^t)                                              elsewhere

Deviations from the paper
    1. The threshold is 5, as in the authors' code and PyTorch; Algorithm 2 has 4.
    2. eps, which Algorithm 2 leaves out, is added to the root before its bias is corrected, as in PyTorch.
    3. ``weight_decay`` adds weight_decay * theta to the gradient (an L2 penalty), as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from refimpl.training.adam import Moments

__all__ = ["RAdam", "rectification"]


def rectification(step: int, beta2: float) -> float | None:
    """r_t at a step counted from 1, or None where the second moment is too uncertain to be used."""
    limit = 2 / (1 - beta2) - 1
    length = limit - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return None
    return sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length))


class RAdam(Moments):
    """Rectified Adam; drops in for ``torch.optim.RAdam``.

    Args:
        params: parameters or parameter groups.
        lr: step size.
        betas: decay of the running mean and of the running mean square, each in [0, 1).
        eps: added to the root of the mean square.
        weight_decay: factor of an L2 penalty added to the gradient.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is out of range, or a gradient is sparse.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def follow(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        (b1, b2), t = group["betas"], state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"].mul_(b2).addcmul_(g, g, value=1 - b2)
        lr, r = group["lr"] / (1 - b1**t), rectification(t, b2)
        if r is None:
            p.sub_(m, alpha=lr)
        else:
            p.addcdiv_(m, v.sqrt().add_(group["eps"]), value=-lr * r * sqrt(1 - b2**t))


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("factor of the step: r_t, and the spread over 10,000 draws of 1 / sqrt of the corrected second moment of normal gradients")
    draws, v = torch.randn(20, 10_000), torch.zeros(10_000)
    for t in range(1, 21):
        v.lerp_(draws[t - 1] ** 2, 1 - 0.999)
        r = rectification(t, 0.999)
        spread = (v / (1 - 0.999**t)).rsqrt().std().item()
        if t in (1, 2, 3, 5, 6, 8, 12, 20):
            print(f"  step {t:2d}   r {'none' if r is None else f'{r:.4f}':>6}   spread {spread:10.3f}")
