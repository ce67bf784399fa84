"""A linear layer whose weights are drawn anew at each call, so that a network explores by its own uncertainty.

Paper
    Fortunato et al., "Noisy Networks for Exploration", ICLR 2018, arXiv:1706.10295. Section 3, factorised noise;
    section 3.2 (initialization).

Equations (x (N, p), y (N, q); u ~ N(0, I) of p numbers, v of q)
    dqn-noisy  y = (mu_w + sigma_w * e_v e_u^T) x + mu_b + sigma_b * e_v,   e = sign(u) sqrt(|u|)
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["NoisyLinear"]


class NoisyLinear(nn.Module):
    """One draw of the noise for the whole batch in training mode; the means alone in evaluation mode.

    Args:
        in_features, out_features: p and q.
        sigma: the spreads begin at sigma / sqrt(p).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        sigma: float = 0.5,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if in_features < 1 or out_features < 1:
            raise ValueError(f"NoisyLinear: in_features and out_features must be positive, got {in_features} and {out_features}")
        self.in_features, self.out_features, self.sigma = in_features, out_features, sigma
        self.weight_mu, self.weight_sigma = (
            nn.Parameter(torch.empty(out_features, in_features, device=device, dtype=dtype)) for _ in range(2)
        )
        self.bias_mu, self.bias_sigma = (nn.Parameter(torch.empty(out_features, device=device, dtype=dtype)) for _ in range(2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Means uniform within 1 / sqrt(p), spreads sigma / sqrt(p)."""
        bound = 1 / math.sqrt(self.in_features)
        for mean, spread in ((self.weight_mu, self.weight_sigma), (self.bias_mu, self.bias_sigma)):
            nn.init.uniform_(mean, -bound, bound)
            nn.init.constant_(spread, self.sigma * bound)

    def forward(self, x: Tensor, noise: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """``(..., p)`` to ``(..., q)``; ``noise`` is u and v, drawn where it is None."""
        if not self.training:
            return F.linear(x, self.weight_mu, self.bias_mu)
        if noise is None:
            noise = tuple(torch.randn(n, dtype=x.dtype, device=x.device) for n in (self.in_features, self.out_features))
        e_u, e_v = (u.sign() * u.abs().sqrt() for u in noise)
        weight = torch.addcmul(self.weight_mu, self.weight_sigma, torch.outer(e_v, e_u))  # (q, p)
        return F.linear(x, weight, torch.addcmul(self.bias_mu, self.bias_sigma, e_v))

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, sigma={self.sigma}"
