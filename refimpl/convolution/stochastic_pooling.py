"""Stochastic pooling: a window's value drawn in proportion to its size, its expectation in evaluation.

Paper
    Zeiler and Fergus, "Stochastic Pooling for Regularization of Deep Convolutional Neural Networks", ICLR 2013,
    arXiv:1301.3557, equations 4 to 6.

Equation (window R with activations a)
    stochastic  p_i = a_i / sum_{k in R} a_k;   training: y = a_l, l ~ p;   evaluation: y = sum_{i in R} p_i a_i
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.convolution.windows import Windows, raised, total

__all__ = ["stochastic_pool2d"]


def stochastic_pool2d(
    input: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    training: bool = True,
    uniform: Tensor | None = None,
) -> Tensor:
    """A value of each window, drawn in proportion to its size; its expectation when not training.

    Args:
        input, kernel_size, stride: as in ``max_pool2d``; negative activations count as zero.
        uniform: one number in [0, 1) for each window, which decides the draw; drawn where it is None.

    Raises:
        ValueError: an argument does not fit, or ``uniform`` has another shape than the output.
    """
    x = Windows("stochastic_pool2d", input, kernel_size, stride)
    a = raised(input).relu()
    if not training:
        sums = x.sum(a)
        return (x.sum(a.square()) / torch.where(sums > 0, sums, 1)).to(input.dtype)
    shape = (*a.shape[:-2], *x.size)
    if uniform is None:
        uniform = a.new_empty(shape).uniform_()
    if uniform.shape != shape:
        raise ValueError(f"stochastic_pool2d: uniform must have the shape of the output, {shape}, got {tuple(uniform.shape)}")
    with torch.no_grad():
        parts = [v for row in x.along(a, -2) for v in x.along(row, -1)]  # the cells in reading order
        threshold = total(parts) * uniform
        index, passed = torch.zeros_like(threshold, dtype=torch.long), torch.zeros_like(threshold)
        for v in parts[:-1]:
            passed = passed + v
            index = index + (passed <= threshold)
    return _pick(a, x, index).to(input.dtype)


def _pick(a: Tensor, x: Windows, index: Tensor) -> Tensor:
    """The cell with the given number, in reading order, of each window."""
    rows = x.stride[0] * torch.arange(x.size[0], device=a.device)[:, None] + index // x.kernel[1]
    columns = x.stride[1] * torch.arange(x.size[1], device=a.device) + index % x.kernel[1]
    flat = (rows * a.shape[-1] + columns).flatten(-2)
    return a.flatten(-2).gather(-1, flat).view(index.shape)
