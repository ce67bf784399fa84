"""Convolution as one matrix product (im2col), with its derived backward (col2im).

Paper
    Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document Processing", 2006.

Equations (G groups; W is the weight as a (G, O/G, C/G kH kW) matrix)
    im2col    X[(c, a, b), (n, i, j)] = x[n, c, s i + d a, s j + d b],   y = W X
    backward  dW = g X^T,   dX = W^T g,   dx[n, c, h, w] = sum of dX[(c, a, b), (n, i, j)] over s i + d a = h, s j + d b = w
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.convolution.geometry import positions

__all__ = ["fold", "im2col", "matrices", "unfold"]

Pair = tuple[int, int]


def im2col(x: Tensor, weight: Tensor, stride: Pair, dilation: Pair, groups: int) -> Tensor:
    """Gather every patch into a column, then multiply.

    Args:
        x: input, already padded, ``(N, C, H, W)``.
        weight: ``(O, C / groups, kH, kW)``.

    Returns:
        ``(N, O, Ho, Wo)``.
    """
    size = positions(x, weight.shape[2:], stride, dilation)
    return _Im2col.apply(x, weight, stride, dilation, groups).view(x.shape[0], weight.shape[0], *size)


class _Im2col(torch.autograd.Function):
    """Keeps ``x`` for the backward pass and gathers the columns again: they are kH kW times as large.

    The backward pass is made of differentiable operations, so that it can be differentiated in turn.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, stride: Pair, dilation: Pair, groups: int) -> Tensor:
        patches = unfold(x, weight.shape[2:], stride, dilation)
        n, c, kh, kw, ho, wo = patches.shape
        columns = patches.reshape(n, groups, c // groups * kh * kw, ho * wo)
        return matrices(weight, groups) @ columns  # (N, G, O/G, Ho Wo)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])
        ctx.options = inputs[2:]

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        x, weight = (saved.to(g.dtype) for saved in ctx.saved_tensors)  # autocast may have lowered the output's type
        stride, dilation, groups = ctx.options
        patches = unfold(x, weight.shape[2:], stride, dilation)
        n, c, kh, kw, ho, wo = patches.shape
        dx = dw = None
        if ctx.needs_input_grad[0]:
            columns = matrices(weight, groups).transpose(1, 2) @ g  # (N, G, C/G kH kW, Ho Wo)
            dx = fold(columns.view(patches.shape), x.shape, stride, dilation)
        if ctx.needs_input_grad[1]:
            columns = patches.permute(1, 2, 3, 0, 4, 5).reshape(groups, c // groups * kh * kw, n * ho * wo)
            dw = g.permute(1, 2, 0, 3).flatten(2) @ columns.transpose(1, 2)  # (G, O/G, C/G kH kW)
            dw = dw.view(weight.shape)
        return dx, dw, None, None, None


def matrices(weight: Tensor, groups: int) -> Tensor:
    """The weight as one matrix a group, ``(G, O/G, C/G kH kW)``."""
    return weight.reshape(groups, weight.shape[0] // groups, weight.shape[1:].numel())


def unfold(x: Tensor, kernel: Pair, stride: Pair, dilation: Pair) -> Tensor:
    """The patches of ``x`` ``(N, C, H, W)``: what each tap sees at each position, a view ``(N, C, kH, kW, Ho, Wo)``."""
    (kh, kw), (sh, sw), (dh, dw) = kernel, stride, dilation
    rows = x.unfold(2, dh * (kh - 1) + 1, sh)[..., ::dh]  # (N, C, Ho, W, kH)
    patches = rows.unfold(3, dw * (kw - 1) + 1, sw)[..., ::dw]  # (N, C, Ho, Wo, kH, kW)
    return patches.permute(0, 1, 4, 5, 2, 3)


def fold(patches: Tensor, shape: tuple[int, ...], stride: Pair, dilation: Pair) -> Tensor:
    """The transpose of :func:`unfold`: add patches ``(N, C, kH, kW, Ho, Wo)`` up to a tensor of ``shape`` ``(N, C, H, W)``."""
    (kh, kw, ho, wo), (sh, sw), (dh, dw) = patches.shape[2:], stride, dilation
    low = patches.dtype in (torch.bfloat16, torch.float16)
    x = patches.new_zeros(shape, dtype=torch.float32 if low else patches.dtype)
    for a in range(kh):
        for b in range(kw):
            x[:, :, dh * a :: sh, dw * b :: sw][:, :, :ho, :wo] += patches[:, :, a, b]
    return x.to(patches.dtype)
