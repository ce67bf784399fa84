r"""Instance normalization: normalize every channel of every image by itself, which removes its contrast.

Paper
    Ulyanov, Vedaldi, Lempitsky, "Instance Normalization: The Missing Ingredient for Fast Stylization", 2016, arXiv:1607.08022.
    Equation 3 (contrast), equation 4 (instance normalization).

Equations (x the H W values of one channel of one image)
    statistics   mu = mean(x),   var = mean((x - mu)^2)
    transform    y = gamma (x - mu) / sqrt(var + eps) + beta
    running      r <- (1 - momentum) r + momentum s,   s the mean over the images of mu, or of var m / (m - 1)

Deviations from the paper
    1. gamma and beta are PyTorch's, off by default; equation 4 has none.
    2. So are running statistics for evaluation, off by default; the paper normalizes in the same way at test time.
    3. One or three spatial dimensions are allowed too, and an input without the batch dimension, as in PyTorch.
    4. bfloat16 and float16 inputs are normalized in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refimpl.training.batch_norm import batch_norm, check, record
from refimpl.training.standardize import affine, standardize

__all__ = ["InstanceNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "instance_norm"]


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel of each example; drops in for ``torch.nn.functional.instance_norm``.

    Args:
        input: ``(N, C, d1, ...)``.
        running_mean, running_var: moving averages, ``(C,)``; updated in place with the input's statistics, used without them.
        weight, bias: gamma and beta, ``(C,)``.
        use_input_stats: normalize by the statistics of each example.
        momentum: share of the new examples in the moving averages.
        eps: added to the variance.

    Returns:
        A tensor like ``input``.

    Raises:
        ValueError: a shape, dtype or parameter does not fit; the message names it.
    """
    if input.dim() < 3 or not input.is_floating_point():
        raise ValueError(f"instance_norm: input must be floating point (N, C, d1, ...), got {input.dtype} of shape {tuple(input.shape)}")
    positions = input.shape[2:].numel()
    if use_input_stats and positions <= 1:
        raise ValueError(f"instance_norm: expected more than one value per channel, got input of shape {tuple(input.shape)}")
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    check("instance_norm", input, running_mean, running_var, weight, bias, None, eps)
    if running_mean is not None and input.shape[0]:
        var, mean = torch.var_mean(input.detach().flatten(2).to(running_var.dtype), 2, correction=0)  # (N, C)
        record(mean.mean(0), var.mean(0), running_mean, running_var, positions, momentum)
    xhat = standardize(input.flatten(2), eps).view(input.shape)
    over = (1, -1, *(1,) * (input.dim() - 2))
    return affine(xhat, *(v if v is None else v.view(over) for v in (weight, bias)), input.dtype)


class InstanceNorm(nn.Module):
    """Instance normalization as a layer; parameters, buffers and state dict are those of ``torch.nn.InstanceNorm2d``.

    Args:
        num_features: number of channels C.
        eps: added to the variance.
        momentum: share of the new examples in the moving averages.
        affine: learn gamma and beta.
        track_running_stats: keep moving averages, and evaluate with them.

    Shape: ``(N, C, d1, ...)`` or ``(C, d1, ...)`` to the same; the subclasses fix the number of dimensions.
    """

    dims: int

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if num_features < 1:
            raise ValueError(f"InstanceNorm: num_features must be positive, got {num_features}")
        if not 0.0 <= momentum <= 1.0:
            raise ValueError(f"InstanceNorm: momentum must lie in [0, 1], got {momentum}")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.ones(num_features, **new)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features, **new)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features, **new) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features, **new) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0, device=device) if track_running_stats else None)

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (self.dims, self.dims - 1):
            name, most = type(self).__name__, self.dims
            raise ValueError(f"{name}: input must have {most} dimensions, or {most - 1} without a batch, got shape {tuple(input.shape)}")
        batch = input if input.dim() == self.dims else input.unsqueeze(0)  # (N, C, d1, ...)
        if batch.shape[1] != self.num_features:
            name = type(self).__name__
            raise ValueError(f"{name}: input must have {self.num_features} channels, got shape {tuple(input.shape)}")
        own = self.training or not self.track_running_stats
        statistics = (self.running_mean, self.running_var)
        y = instance_norm(batch, *statistics, self.weight, self.bias, own, self.momentum, self.eps)
        return y.view(input.shape)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class InstanceNorm1d(InstanceNorm):
    """Over ``(N, C, L)``."""

    dims = 3


class InstanceNorm2d(InstanceNorm):
    """Over ``(N, C, H, W)``."""

    dims = 4


class InstanceNorm3d(InstanceNorm):
    """Over ``(N, C, D, H, W)``."""

    dims = 5


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    image = torch.rand(1, 3, 16, 16)
    layer = InstanceNorm2d(3)
    y = layer(image)
    for contrast, brightness in ((1.0, 0.0), (0.2, 0.5), (3.0, -1.0)):
        changed = layer(contrast * image + brightness)
        print(f"contrast {contrast:<4g} brightness {brightness:<5g} largest change of the output {(changed - y).abs().max():.1e}")
