r"""Batch renormalization: correct the statistics of the batch by a factor and a shift, so that training sees what evaluation will.

Paper
    Ioffe, "Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized Models", NeurIPS 2017,
    arXiv:1702.03275. Algorithm 1; schedule of the bounds in section 4.

Equations (for each channel; mu_B, s_B of the batch, mu, s the moving averages before it; s = sqrt(var + eps))
    correction   r = clip(s_B / s, 1 / r_max, r_max),   d = clip((mu_B - mu) / s, -d_max, d_max)      (constants for the gradient)
    transform    y = gamma ((x - mu_B) / s_B r + d) + beta
    inference    y = gamma (x - mu) / s + beta
    running      mu <- (1 - momentum) mu + momentum mu_B,   var alike with the unbiased estimate

Deviations from the paper
    1. The moving average is of the variance, as in PyTorch's batch normalization, not of s; eps is added when it is used.
       The running variance takes the unbiased estimate m / (m - 1).
    2. r_max and d_max are attributes that the caller raises in training (the paper: 1 and 0 for the first 5,000 steps, then
       up to 3 and 5); their defaults are the final values.
    3. Under torch.compile gradients are off where r or d is not clipped: PyTorch recomputes them in the backward pass from
       averages that have moved by then.
    4. bfloat16 and float16 inputs are normalized in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refimpl.training.batch_norm import BatchNorm, Normalize, batch_norm, check, record

__all__ = ["BatchRenorm", "BatchRenorm1d", "BatchRenorm2d", "batch_renorm"]


def batch_renorm(
    input: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | Tensor = 0.01,
    eps: float = 1e-3,
    r_max: float = 3.0,
    d_max: float = 5.0,
) -> Tensor:
    """Normalize each channel with corrected batch statistics.

    Args:
        input: ``(N, C)`` or ``(N, C, d1, ...)``.
        running_mean, running_var: moving averages, ``(C,)``; read, then updated in place when training.
        weight, bias: gamma and beta, ``(C,)``.
        training: use and record the statistics of this batch.
        momentum: share of the new batch in the moving averages.
        eps: added to the variance.
        r_max: largest factor, at least 1; with d_max = 0 the value 1 is batch normalization.
        d_max: largest shift, at least 0.

    Returns:
        A tensor like ``input``.

    Raises:
        ValueError: a shape or parameter does not fit; the message names it.
    """
    if input.dim() < 2 or not input.is_floating_point():
        raise ValueError(f"batch_renorm: input must be floating point (N, C, ...), got {input.dtype} of shape {tuple(input.shape)}")
    _bounds("batch_renorm", r_max, d_max)
    if not training:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    check("batch_renorm", input, running_mean, running_var, weight, bias, training, eps)
    x = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
    xhat, mean, var = Normalize.apply(x, x.new_ones(x.shape[1]), x.new_zeros(x.shape[1]), eps)
    with torch.no_grad():
        s = torch.sqrt(running_var.to(x.dtype) + eps)
        r = (torch.sqrt(var + eps) / s).clamp_(1 / r_max, r_max)
        d = ((mean - running_mean) / s).clamp_(-d_max, d_max)
    record(mean, var, running_mean, running_var, x.numel() // x.shape[1], momentum)
    scale, shift = (r, d) if weight is None else (weight * r, weight * d)
    shift = shift if bias is None else shift + bias
    over = (1, -1, *(1,) * (x.dim() - 2))
    return torch.addcmul(shift.view(over), xhat, scale.view(over)).to(input.dtype)


class BatchRenorm(BatchNorm):
    """Batch renormalization as a layer; parameters, buffers and state dict are those of ``torch.nn.BatchNorm2d``.

    Args:
        num_features: number of channels C.
        eps: added to the variance.
        momentum: share of the new batch in the moving averages.
        affine: learn gamma and beta.
        r_max, d_max: bounds of the correction, which may be set at any step.

    Shape: ``(N, C)`` or ``(N, C, d1, ...)`` to the same; the subclasses fix the number of dimensions.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-3,
        momentum: float = 0.01,
        affine: bool = True,
        r_max: float = 3.0,
        d_max: float = 5.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, True, device, dtype)
        _bounds("BatchRenorm", r_max, d_max)
        self.r_max, self.d_max = r_max, d_max

    def forward(self, input: Tensor) -> Tensor:
        training, momentum = self.begin(input)
        statistics = (self.running_mean, self.running_var)
        return batch_renorm(input, *statistics, self.weight, self.bias, training, momentum, self.eps, self.r_max, self.d_max)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, r_max={self.r_max}, d_max={self.d_max}"
        )


class BatchRenorm1d(BatchRenorm):
    """Over ``(N, C)`` or ``(N, C, L)``."""

    dims = (2, 3)


class BatchRenorm2d(BatchRenorm):
    """Over ``(N, C, H, W)``."""

    dims = (4,)


def _bounds(function: str, r_max: float, d_max: float) -> None:
    if not r_max >= 1.0:
        raise ValueError(f"{function}: r_max must be at least 1, got {r_max}")
    if not d_max >= 0.0:
        raise ValueError(f"{function}: d_max must be non-negative, got {d_max}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("batches of 4: how far the output in training is from what evaluation gives, root mean square")
    for name, layer in (
        ("batch normalization", nn.BatchNorm1d(64, eps=1e-3, momentum=0.01)),
        ("batch renormalization", BatchRenorm1d(64)),
    ):
        for _ in range(1000):
            layer(torch.randn(256, 64) * 2 + 1)
        x = torch.randn(4, 64) * 2 + 1
        trained, evaluated = layer.train()(x), layer.eval()(x)
        print(f"  {name:22s} {(trained - evaluated).square().mean().sqrt().item():.4f}")
