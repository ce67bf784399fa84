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

from refimpl.convolution.geometry import output_size

__all__ = ["fold", "im2col", "unfold"]

Pair = tuple[int, int]


def im2col(x: Tensor, weight: Tensor, stride: Pair, dilation: Pair, groups: int) -> Tensor:
    """Gather every patch into a column, then multiply.

    Args:
        x: input, already padded, ``(N, C, H, W)``.
        weight: ``(O, C / groups, kH, kW)``.

    Returns:
        ``(N, O, Ho, Wo)``.
    """
    return _Im2col.apply(x, weight, stride, dilation, groups)


class _Im2col(torch.autograd.Function):
    """Keeps ``x`` for the backward pass and gathers the columns again: they are kH kW times as large.

    The backward pass is made of differentiable operations, so that it can be differentiated in turn.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, stride: Pair, dilation: Pair, groups: int) -> Tensor:
        (n, _, height, width), (o, _, kh, kw) = x.shape, weight.shape
        ho, wo = output_size(height, kh, stride[0], 0, dilation[0]), output_size(width, kw, stride[1], 0, dilation[1])
        y = _matrix(weight, groups) @ _matrix(unfold(x, (kh, kw), stride, dilation), groups)  # (G, O/G, N Ho Wo)
        return y.view(o, n, ho, wo).transpose(0, 1).contiguous()

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])
        ctx.options = inputs[2:]

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        x, weight = (saved.to(g.dtype) for saved in ctx.saved_tensors)  # autocast may have lowered the output's type
        stride, dilation, groups = ctx.options
        kernel = weight.shape[2:]
        g = _matrix(g.transpose(0, 1), groups)  # (G, O/G, N Ho Wo)
        dx = dw = None
        if ctx.needs_input_grad[0]:
            columns = _matrix(weight, groups).transpose(1, 2) @ g  # (G, C/G kH kW, N Ho Wo)
            dx = fold(columns.flatten(0, 1), x.shape, kernel, stride, dilation)
        if ctx.needs_input_grad[1]:
            columns = _matrix(unfold(x, kernel, stride, dilation), groups)
            dw = (g @ columns.transpose(1, 2)).view(weight.shape)
        return dx, dw, None, None, None


def _matrix(t: Tensor, groups: int) -> Tensor:
    """``(G R, ...)`` to ``(G, R, ...)`` with the last dimensions flattened: one matrix a group."""
    return t.reshape(groups, t.shape[0] // groups, t.shape[1:].numel())


def unfold(x: Tensor, kernel: Pair, stride: Pair, dilation: Pair) -> Tensor:
    """im2col: the patches of ``x`` ``(N, C, H, W)`` as columns, ``(C kH kW, N Ho Wo)``."""
    (kh, kw), (sh, sw), (dh, dw) = kernel, stride, dilation
    rows = x.unfold(2, dh * (kh - 1) + 1, sh)[..., ::dh]  # (N, C, Ho, W, kH)
    patches = rows.unfold(3, dw * (kw - 1) + 1, sw)[..., ::dw]  # (N, C, Ho, Wo, kH, kW), still without a copy
    n, c, ho, wo = patches.shape[:4]
    return patches.permute(1, 4, 5, 0, 2, 3).reshape(c * kh * kw, n * ho * wo)


def fold(columns: Tensor, shape: tuple[int, ...], kernel: Pair, stride: Pair, dilation: Pair) -> Tensor:
    """col2im, the transpose of :func:`unfold`: add the columns ``(C kH kW, N Ho Wo)`` into a tensor of ``shape`` (N, C, H, W)."""
    (n, c, height, width), (kh, kw), (sh, sw), (dh, dw) = shape, kernel, stride, dilation
    ho, wo = output_size(height, kh, sh, 0, dh), output_size(width, kw, sw, 0, dw)
    parts = columns.view(c, kh, kw, n, ho, wo)
    low = columns.dtype in (torch.bfloat16, torch.float16)
    x = columns.new_zeros(c, n, height, width, dtype=torch.float32 if low else columns.dtype)
    for a in range(kh):
        for b in range(kw):
            x[:, :, dh * a :: sh, dw * b :: sw][:, :, :ho, :wo] += parts[:, a, b]
    return x.transpose(0, 1).to(columns.dtype)

