r"""Group normalization: normalize groups of channels within each example. One group is layer, one channel a group instance normalization.

Paper
    Wu and He, "Group Normalization", ECCV 2018, arXiv:1803.08494. Equations 1, 2, 3, 6 and 7.

Equations (x the values of one example in one group: C / G channels and all positions)
    statistics   mu = mean(x),   var = mean((x - mu)^2)
    transform    y = gamma (x - mu) / sqrt(var + eps) + beta,   gamma and beta one number a channel

Deviations from the paper
    1. Any number of dimensions behind the channels is allowed, none too; the paper has images.
    2. bfloat16 and float16 inputs are normalized in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refimpl.training.standardize import affine, standardize

__all__ = ["GroupNorm", "group_norm"]


def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Normalize each group of channels of each example; drops in for ``torch.nn.functional.group_norm``.

    Args:
        input: ``(N, C, ...)``.
        num_groups: G, a divisor of C.
        weight, bias: gamma and beta, ``(C,)``.
        eps: added to the variance.

    Returns:
        A tensor like ``input``.

    Raises:
        ValueError: a shape, dtype or parameter does not fit; the message names it.
    """
    if input.dim() < 2 or not input.is_floating_point():
        raise ValueError(f"group_norm: input must be floating point (N, C, ...), got {input.dtype} of shape {tuple(input.shape)}")
    channels = input.shape[1]
    if num_groups < 1 or channels % num_groups:
        raise ValueError(f"group_norm: num_groups must divide the {channels} channels, got {num_groups}")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.shape != (channels,):
            raise ValueError(f"group_norm: {name} must have shape ({channels},), got {tuple(value.shape)}")
    if not eps >= 0.0:
        raise ValueError(f"group_norm: eps must be non-negative, got {eps}")
    groups = input.reshape(input.shape[0], num_groups, input[:1, :1].numel() * (channels // num_groups))  # (N, G, M)
    xhat = standardize(groups, eps).view(input.shape)
    over = (1, -1, *(1,) * (input.dim() - 2))
    return affine(xhat, *(v if v is None else v.view(over) for v in (weight, bias)), input.dtype)


class GroupNorm(nn.Module):
    """Group normalization as a layer; parameters and state dict are those of ``torch.nn.GroupNorm``.

    Args:
        num_groups: G, a divisor of C.
        num_channels: C.
        eps: added to the variance.
        affine: learn gamma and beta.

    Shape: ``(N, C, ...)`` to the same.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups must divide num_channels, got {num_groups} and {num_channels}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.ones(num_channels, **new)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_channels, **new)) if affine else None

    def forward(self, input: Tensor) -> Tensor:
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    scale = torch.tensor([1.0, 1.0, 10.0, 10.0, 0.1, 0.1]).view(1, 6, 1, 1)
    x = torch.randn(2, 6, 8, 8) * scale
    for groups in (1, 3, 6):
        y = GroupNorm(groups, 6)(x)
        print(f"{groups} groups: std of each channel", " ".join(f"{s:5.2f}" for s in y.std((0, 2, 3)).tolist()))
    y = GroupNorm(3, 6)(x)
    print(f"largest change when an example is normalized alone: {(GroupNorm(3, 6)(x[:1]) - y[:1]).abs().max():.1e}")
