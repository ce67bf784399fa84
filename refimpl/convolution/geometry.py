"""Convolution geometry: how kernel, stride, padding and dilation fix the size of the output.

Paper
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, relationship 6.

Equation (along one axis: length L, kernel f, padding p on each side, stride s, dilation d)
    size      N = floor((L + 2 p - d (f - 1) - 1) / s) + 1,   which is floor((L + 2 p - f) / s) + 1 for d = 1
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["check", "output_size", "pads", "pair", "positions"]


def output_size(length: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, function: str = "conv2d") -> int:
    """Number N of kernel positions along one axis.

    Raises:
        ValueError: the dilated kernel is longer than the padded input.
    """
    room = length + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0:
        span, padded = dilation * (kernel - 1) + 1, length + 2 * padding
        raise ValueError(f"{function}: a kernel that spans {span} does not fit into an input of padded length {padded}")
    return room // stride + 1


def positions(x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the output for an input ``(N, C, H, W)`` that is already padded."""
    height, width = x.shape[2:]
    return output_size(height, kernel[0], stride[0], 0, dilation[0]), output_size(width, kernel[1], stride[1], 0, dilation[1])


def pair(name: str, value: int | tuple[int, int], least: int, function: str = "conv2d") -> tuple[int, int]:
    """One number for both axes, or one for each; every number must be at least ``least``."""
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2 or not all(isinstance(v, int) and v >= least for v in both):
        raise ValueError(f"{function}: {name} must be an integer of at least {least} or two of them, got {value!r}")
    return both


def pads(
    padding: int | tuple[int, int] | str, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Positions to add (left, right, top, bottom), in the order of ``torch.nn.functional.pad``.

    Args:
        padding: a number for both axes, one for each, "valid" for none, or "same" for an output as large as the
            input; where "same" needs an odd number of positions, the larger half goes right and below.
    """
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f"conv2d: padding 'same' needs stride 1, got {stride}")
        down, across = dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)
        return across // 2, across - across // 2, down // 2, down - down // 2
    if isinstance(padding, str) and padding != "valid":
        raise ValueError(f"conv2d: padding must be numbers, 'valid' or 'same', got {padding!r}")
    vertical, horizontal = (0, 0) if padding == "valid" else pair("padding", padding, 0)
    return horizontal, horizontal, vertical, vertical


def check(input: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> None:
    """Raise a ``ValueError`` that names what does not fit."""
    if input.dim() not in (3, 4) or not input.is_floating_point():
        raise ValueError(f"conv2d: input must be floating point (N, C, H, W) or (C, H, W), got {input.dtype} of shape {tuple(input.shape)}")
    if weight.dim() != 4 or 0 in weight.shape:
        raise ValueError(f"conv2d: weight must have shape (out_channels, in_channels / groups, kH, kW), got {tuple(weight.shape)}")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.dtype != input.dtype and not torch.is_autocast_enabled(input.device.type):
            raise ValueError(f"conv2d: {name} must have the dtype of the input, {input.dtype}, got {value.dtype}")
    if not isinstance(groups, int) or groups < 1 or weight.shape[0] % groups:
        raise ValueError(f"conv2d: groups must be a positive divisor of the {weight.shape[0]} output channels, got {groups}")
    if input.shape[-3] != groups * weight.shape[1]:
        raise ValueError(
            f"conv2d: weight {tuple(weight.shape)} with {groups} group(s) needs {groups * weight.shape[1]} input channels, "
            f"got input {tuple(input.shape)}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"conv2d: bias must have shape ({weight.shape[0]},), got {tuple(bias.shape)}")
