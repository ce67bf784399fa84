r"""Zero mean and unit variance over the last dimension: what layer, instance and group normalization share.

Equations (x of M values, g the gradient of the result)
    statistics   mu = mean(x),   var = mean((x - mu)^2)
    transform    xhat = (x - mu) / sqrt(var + eps)
    backward     dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(var + eps)

Conventions
    1. x - mu is formed before it is scaled, and the variance is the mean square of that: nothing cancels when |mu| is large.
    2. bfloat16 and float16 are computed in float32 and returned so; the caller rounds once, after the affine map.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["affine", "standardize"]


def standardize(input: Tensor, eps: float) -> Tensor:
    """``(..., M)`` to zero mean and unit variance over M, in float32 at least."""
    return _Standardize.apply(input.float() if input.dtype in (torch.bfloat16, torch.float16) else input, eps)


def affine(xhat: Tensor, weight: Tensor | None, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """weight xhat + bias for those that are given, which must broadcast to it, rounded to ``dtype``."""
    if weight is not None and bias is not None:
        y = torch.addcmul(bias, xhat, weight)
    else:
        y = xhat if weight is None else xhat * weight
        y = y if bias is None else y + bias
    return y.to(dtype)


class _Standardize(torch.autograd.Function):
    """The transform with its derived backward, which keeps xhat alone and reads the data fewer times than autograd's."""

    @staticmethod
    def forward(ctx, x: Tensor, eps: float) -> Tensor:
        centered = x - x.mean(-1, keepdim=True)
        var = torch.linalg.vector_norm(centered, dim=-1, keepdim=True).square() / x.shape[-1]
        inv_std = torch.rsqrt(var + eps)
        xhat = centered.mul_(inv_std)
        ctx.save_for_backward(x, xhat, inv_std)
        ctx.eps = eps
        return xhat

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor, None]:
        x, xhat, inv_std = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted: it must see how the statistics depend on x
            centered = x - x.mean(-1, keepdim=True)
            inv_std = torch.rsqrt(centered.square().mean(-1, keepdim=True) + ctx.eps)
            xhat = centered * inv_std
            return (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True)) * inv_std, None
        along = (g * xhat).mean(-1, keepdim=True)
        return torch.addcmul(g, xhat, along, value=-1).sub_(g.mean(-1, keepdim=True)).mul_(inv_std), None
