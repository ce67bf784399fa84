"""Pooling windows: where they lie and what each of their cells sees, one axis at a time.

A window of kH x kW pixels is a row of columns, so maximum, sum and norm over it are taken along one axis and then
along the other: kH + kW instead of kH kW steps, each over a whole strided view of the image.

Equation (along one axis: length L, window f, padding p on each side, stride s, dilation d)
    size      N = floor((L + 2 p - d (f - 1) - 1) / s) + 1, or with the ceiling, as long as the last window starts
              inside the image or the padding before it
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.convolution.geometry import output_size, pair

__all__ = ["Windows", "cells", "raised", "total"]


class Windows:
    """The windows of a pooling function over images ``(..., H, W)``; its arguments are those of PyTorch's functions.

    Raises:
        ValueError: an argument does not fit, or the window does not fit into the padded image; the message starts with ``function``.
    """

    def __init__(
        self,
        function: str,
        input: Tensor,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        ceil_mode: bool = False,
    ) -> None:
        if input.dim() not in (3, 4) or not input.is_floating_point():
            kind = f"{input.dtype} of shape {tuple(input.shape)}"
            raise ValueError(f"{function}: input must be floating point (N, C, H, W) or (C, H, W), got {kind}")
        self.kernel = pair("kernel_size", kernel_size, 1, function)
        self.stride = self.kernel if stride is None else pair("stride", stride, 1, function)
        self.padding, self.dilation = pair("padding", padding, 0, function), pair("dilation", dilation, 1, function)
        reach = tuple(d * (f - 1) + 1 for d, f in zip(self.dilation, self.kernel, strict=True))
        if any(2 * p > r for p, r in zip(self.padding, reach, strict=True)):
            raise ValueError(f"{function}: padding must be at most half of the window's reach {reach}, got {self.padding}")
        self.size, self.extra = [], []
        for length, f, s, p, d in zip(input.shape[-2:], self.kernel, self.stride, self.padding, self.dilation, strict=True):
            n, extra = _count(function, length, f, s, p, d, ceil_mode)
            self.size.append(n)
            self.extra.append(extra)

    def pad(self, input: Tensor, value: float) -> Tensor:
        """The image with its padding, and with what the last windows need beyond it."""
        (top, left), (down, right) = self.padding, self.extra
        around = (left, left + right, top, top + down)
        return F.pad(input, around, value=value) if any(around) else input

    def reduce(self, step: Callable[[list[Tensor]], Tensor], input: Tensor, value: float = 0.0) -> Tensor:
        """``step`` over the columns of each window and then over its rows; ``value`` surrounds the image."""
        x = self.pad(input, value)
        for axis in (-1, -2):
            x = step(self.along(x, axis))
        return x

    def sum(self, input: Tensor) -> Tensor:
        """The sum over each window, undilated, with zeros around the image; rows first, since those are contiguous."""
        x = self.pad(input, 0.0)
        for axis in (-2, -1):
            x = _Sum.apply(x, axis, self.kernel[axis], self.stride[axis], self.size[axis])
        return x

    def along(self, x: Tensor, axis: int) -> list[Tensor]:
        """What each cell of the windows sees along one axis, -2 or -1, of the padded image."""
        return cells(x, axis, self.kernel[axis], self.stride[axis], self.dilation[axis], self.size[axis])

    def counts(self, input: Tensor, padded: bool) -> Tensor:
        """How many pixels each window holds, with or without the padding, but never beyond it: ``(Ho, Wo)``."""
        both = []
        for axis in (-2, -1):
            p = self.padding[axis]
            inside = input.new_ones(input.shape[axis] + 2 * p if padded else input.shape[axis])
            line = F.pad(inside, (0, self.extra[axis]) if padded else (p, p + self.extra[axis]))
            both.append(total(cells(line, -1, self.kernel[axis], self.stride[axis], self.dilation[axis], self.size[axis])))
        return both[0][:, None] * both[1]


def cells(x: Tensor, axis: int, kernel: int, stride: int, dilation: int, count: int) -> list[Tensor]:
    """For each cell of the window, a view of what it sees at the ``count`` positions along ``axis``."""
    span = stride * (count - 1) + 1
    return [x.narrow(axis, dilation * a, span)[(..., slice(None, None, stride), *(slice(None),) * (-1 - axis))] for a in range(kernel)]


class _Sum(torch.autograd.Function):
    """Sum over the cells of undilated windows along one axis."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, axis: int, kernel: int, stride: int, count: int) -> Tensor:
        return total(cells(x, axis, kernel, stride, 1, count))

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        x, *ctx.where, _ = inputs
        ctx.length = x.shape[ctx.where[0]]

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        return _spread(g, *ctx.where, ctx.length), None, None, None, None


def _spread(g: Tensor, axis: int, kernel: int, stride: int, length: int) -> Tensor:
    """Give each cell of the windows their gradient: the transpose of :func:`cells`, summed where windows overlap.

    Position s n + a of the image belongs to cell a of window n, so that all cells with the same a mod s fall into the same
    lane of every s-th position, one window further for each whole s in a. No position is visited twice.
    """
    rows = -(-length // stride)
    lanes: list[list[Tensor]] = [[] for _ in range(stride)]
    for a in range(kernel):
        later, lane = divmod(a, stride)
        around = (later, rows - later - g.shape[axis])
        lanes[lane].append(F.pad(g, around if axis == -1 else (0, 0, *around)))
    nothing = torch.zeros_like(lanes[0][0])
    sums = [total(lane) if lane else nothing for lane in lanes]
    where = axis % g.dim()
    return torch.stack(sums, where + 1).flatten(where, where + 1).narrow(axis, 0, length)


def _count(function: str, length: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> tuple[int, int]:
    """Number of windows along one axis, and by how much the last one reaches beyond the padding."""
    n = output_size(length, kernel, stride, padding, dilation, function)
    reach = dilation * (kernel - 1) + 1
    if ceil_mode and n * stride < length + padding and (n - 1) * stride + reach < length + 2 * padding:
        n += 1
    return n, max(0, (n - 1) * stride + reach - length - 2 * padding)


def total(seen: list[Tensor]) -> Tensor:
    """The sum of tensors of one shape."""
    sums = seen[0]
    for v in seen[1:]:
        sums = sums + v
    return sums


def raised(input: Tensor) -> Tensor:
    """``input`` in at least float32."""
    return input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
