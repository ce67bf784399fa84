r"""Switchable normalization: each layer learns how much instance, layer and batch statistics to use.

Paper
    Luo, Ren, Peng, Zhang and Li, "Differentiable Learning-to-Normalize via Switchable Normalization",
    ICLR 2019, arXiv:1806.10779, section 2.

Equations (x of shape (N, C, H, W); k in the order instance, layer, batch)
    instance     mu_in, var_in = mean and biased variance of x over (H, W)          (N, C)
    layer        mu_ln = mean_C mu_in,   var_ln = mean_C var_in + var_C mu_in       (N, 1)
    batch        mu_bn = mean_N mu_in,   var_bn = mean_N var_in + var_N mu_in       (1, C)
    mixture      w = softmax(a),   v = softmax(b)                                   a, b of shape (3,)
    transform    y = gamma (x - sum_k w_k mu_k) / sqrt(sum_k v_k var_k + eps) + beta
    running      r <- (1 - momentum) r + momentum s,   s is mu_bn, or var_bn m / (m - 1) with m = N H W

Deviations from the paper
    1. The paper writes var_ln as mean_C (var_in + mu_in^2) - mu_ln^2, and var_bn likewise. The form
       above, mean of variances plus variance of means, has the same value and does not cancel when
       the mean is large. Likewise x - sum_k w_k mu_k is formed as (x - mu_in) + sum_k w_k (mu_in - mu_k),
       the same because the weights sum to one.
    2. Evaluation takes mu_bn and var_bn from moving averages, as batch normalization does. The paper
       averages them over several batches with the weights frozen ("batch average"), which
       ``momentum=None`` does: it keeps the plain mean over all batches seen.
    3. The moving variance takes the unbiased estimate, so that all weight on the batch statistics
       gives ``torch.nn.BatchNorm2d``, in evaluation too.
    4. Any number of spatial dimensions is allowed, at least one; the paper has images.
    5. bfloat16 and float16 inputs are normalized in float32.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from refimpl.training.batch_norm import BatchNorm, check, record

__all__ = ["SwitchNorm", "SwitchNorm1d", "SwitchNorm2d", "SwitchNorm3d", "switch_norm"]


def switch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    mean_weight: Tensor,
    var_weight: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | Tensor | None = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize by a learned mixture of instance, layer and batch statistics.

    Args:
        input: ``(N, C, d1, ...)``.
        running_mean, running_var: moving averages of the batch statistics, ``(C,)``; updated in place when
            training, used when not.
        mean_weight, var_weight: a and b, the mixtures' logits in the order instance, layer, batch, ``(3,)``.
        weight, bias: gamma and beta, ``(C,)``.
        training: use and record the statistics of this batch.
        momentum: share of the new batch in the moving averages; not used unless they are updated.
        eps: added to the variance.

    Returns:
        A tensor like ``input``.

    Raises:
        ValueError: a shape or parameter does not fit; the message names it.
    """
    if input.dim() < 3 or not input.is_floating_point():
        raise ValueError(f"switch_norm: input must be floating point (N, C, d1, ...), got {input.dtype} of shape {tuple(input.shape)}")
    check("switch_norm", input, running_mean, running_var, weight, bias, training, eps)
    for name, value in (("mean_weight", mean_weight), ("var_weight", var_weight)):
        if value.shape != (3,):
            raise ValueError(f"switch_norm: {name} must have shape (3,), for instance, layer, batch, got {tuple(value.shape)}")
    x = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
    space, size = tuple(range(2, x.dim())), math.prod(x.shape[2:])

    def broadcast(v: Tensor) -> Tensor:  # (C,) -> (C, 1, ...)
        return v.view(-1, *(1 for _ in space))

    mean_in = x.sum(space, keepdim=True) / size  # (N, C, 1, ...); the derivative of mean would divide all of x's gradient
    centered = x - mean_in
    var_in = centered.square().sum(space, keepdim=True) / size
    mean_var, mean_ln = torch.var_mean(mean_in, 1, correction=0, keepdim=True)  # (N, 1, 1, ...)
    var_ln = var_in.mean(1, keepdim=True) + mean_var
    if training:
        mean_var, mean_bn = torch.var_mean(mean_in, 0, correction=0)  # (C, 1, ...)
        var_bn = var_in.mean(0) + mean_var
        if running_mean is not None:
            record(mean_bn.view(-1), var_bn.view(-1), running_mean, running_var, x.numel() // x.shape[1], momentum)
    else:
        mean_bn, var_bn = broadcast(running_mean), broadcast(running_var.clone())  # backward needs it as it is now

    w, v = mean_weight.to(x.dtype).softmax(0), var_weight.to(x.dtype).softmax(0)  # (3,)
    scale = torch.rsqrt(v[0] * var_in + v[1] * var_ln + v[2] * var_bn + eps)  # (N, C, 1, ...)
    if weight is not None:
        scale = scale * broadcast(weight)
    shift = (w[1] * (mean_in - mean_ln) + w[2] * (mean_in - mean_bn)) * scale
    if bias is not None:
        shift = shift + broadcast(bias)
    y = centered * scale + shift
    return y.to(input.dtype)


class SwitchNorm(BatchNorm):
    """Switchable normalization as a layer: the parameters and buffers of batch normalization and two mixtures.

    Args:
        num_features: number of channels C.
        eps: added to the variance.
        momentum: share of the new batch in the moving averages; None keeps their plain mean over all batches.
        affine: learn gamma and beta.
        track_running_stats: keep moving averages for evaluation; without them every batch uses its own statistics.

    The mixtures' logits ``mean_weight`` and ``var_weight`` start at one, so that every kind of statistics has weight 1/3.

    Shape: ``(N, C, d1, ...)`` to the same; the subclasses fix the number of dimensions.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)
        self.mean_weight = nn.Parameter(torch.ones(3, device=device, dtype=dtype))
        self.var_weight = nn.Parameter(torch.ones(3, device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        training, momentum = self.begin(input)
        averages, mixtures = (self.running_mean, self.running_var), (self.mean_weight, self.var_weight)
        return switch_norm(input, *averages, *mixtures, self.weight, self.bias, training, momentum, self.eps)


class SwitchNorm1d(SwitchNorm):
    """Over ``(N, C, L)``."""

    dims = (3,)


class SwitchNorm2d(SwitchNorm):
    """Over ``(N, C, H, W)``."""

    dims = (4,)


class SwitchNorm3d(SwitchNorm):
    """Over ``(N, C, D, H, W)``."""

    dims = (5,)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.randn(8, 4, 6, 6) * torch.tensor([1.0, 5.0, 0.1, 2.0]).view(4, 1, 1) + 7.0
    built_in = {"instance": nn.InstanceNorm2d(4), "layer": nn.GroupNorm(1, 4), "batch": nn.BatchNorm2d(4)}
    for k, (name, theirs) in enumerate(built_in.items()):
        layer = SwitchNorm2d(4)
        with torch.no_grad():
            layer.mean_weight.zero_()[k] = layer.var_weight.zero_()[k] = 50.0
        print(f"all weight on {name:<9} largest difference from {type(theirs).__name__:<14} {(layer(x) - theirs(x)).abs().max():.1e}")

    layer, target = SwitchNorm2d(4), nn.InstanceNorm2d(4)(x)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    for step in range(301):
        loss = (layer(x) - target).pow(2).mean()
        if step % 100 == 0:
            weights = ["  ".join(f"{w:.2f}" for w in logits.softmax(0).tolist()) for logits in (layer.mean_weight, layer.var_weight)]
            print(f"step {step:>3}  loss {loss:.4f}  weights of instance, layer, batch: mean {weights[0]}   variance {weights[1]}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
