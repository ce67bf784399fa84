r"""Pooling: one number for each window of a channel: its maximum, mean, norm, or a value drawn at random.

Papers
    Boureau, Ponce and LeCun, "A Theoretical Analysis of Feature Pooling in Visual Recognition", ICML 2010 (max, average).
    Sermanet, Chintala and LeCun, "Convolutional Neural Networks Applied to House Numbers Digit Classification",
    arXiv:1204.3968 (Lp). Zeiler and Fergus, "Stochastic Pooling for Regularization of Deep Convolutional Neural
    Networks", arXiv:1301.3557 (equations 4 to 6). Lin, Chen and Yan, "Network In Network", arXiv:1312.4400 (global).
    Kalchbrenner, Grefenstette and Blunsom, "A Convolutional Neural Network for Modelling Sentences", arXiv:1404.2188 (k-max).

Equations (window R of one channel)
    max         y = max_{i in R} x_i
    average     y = 1 / |R| sum_{i in R} x_i
    lp          y = ( sum_{i in R} |x_i|^p )^(1 / p)
    stochastic  p_i = a_i / sum_{k in R} a_k;   training: y = a_l, l ~ p;   evaluation: y = sum_{i in R} p_i a_i
    global      y_c = mean of x over all positions of channel c
    k-max       the k largest values of a sequence, in the order in which they stand
    receptive-field   r_l = r_{l-1} + (k_l - 1) prod_{i<l} s_i,   r_0 = 1

Deviations from the papers
    1. A window is reduced along one axis and then along the other, which is exact for maximum, sum and norm.
    2. The norm is taken of x / m, m the largest magnitude, so that no power overflows or vanishes.
    3. The Lp norm has no weights; the Lp pooling of Sermanet and others weighs the window with a Gaussian.
    4. A window of zeros, where p_i is 0 / 0, gives 0 in stochastic pooling; negative activations count as zero.
    5. Of equal maxima the first in reading order takes the gradient, as in PyTorch; in a window with a NaN any cell may.
    6. bfloat16 and float16: sums and norms are taken in float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from refimpl.convolution.stochastic_pooling import stochastic_pool2d
from refimpl.convolution.windows import Windows, cells, raised, total

__all__ = [
    "MaxPool2d",
    "StochasticPool2d",
    "avg_pool2d",
    "global_avg_pool2d",
    "k_max_pool1d",
    "lp_pool2d",
    "max_pool2d",
    "receptive_field",
    "stochastic_pool2d",
]

Size = int | tuple[int, int]


def max_pool2d(
    input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, ceil_mode: bool = False
) -> Tensor:
    """Largest value of each window; drops in for ``torch.nn.functional.max_pool2d``.

    Args:
        input: ``(N, C, H, W)`` or ``(C, H, W)``; NaN is larger than every number.
        kernel_size: height and width of the window.
        stride: step between windows; the window's own size where it is None.
        padding: positions around the image that never win.
        dilation: step between the cells of a window.
        ceil_mode: add a window that starts inside the image and ends outside.

    Returns:
        ``(N, C, Ho, Wo)`` or ``(C, Ho, Wo)``.
    """
    x = Windows("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    padded = x.pad(input, -math.inf)
    for axis in (-1, -2):
        padded, _ = _Largest.apply(padded, axis, x.kernel[axis], x.stride[axis], x.dilation[axis], x.size[axis])
    return padded


class _Largest(torch.autograd.Function):
    """Maximum along one axis and the number of the cell that holds it, which takes the gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, *where: int) -> tuple[Tensor, Tensor]:
        first, *rest = cells(x, *where)
        best, holder = first.clone(), torch.zeros_like(first, dtype=torch.int16)
        for a, cell in enumerate(rest, 1):
            larger = torch.maximum(best, cell)
            holder = torch.where(larger != best, a, holder)
            best = larger
        return best, holder

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
        x, *ctx.where = inputs
        ctx.shape = x.shape
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx, g: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        (holder,) = ctx.saved_tensors
        dx = g.new_zeros(ctx.shape)
        for a in range(len(cells(dx, *ctx.where))):
            cells(dx, *ctx.where)[a].add_(g * (holder == a))
        return dx, *(None for _ in ctx.where)


def avg_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean of each window; drops in for ``torch.nn.functional.avg_pool2d``.

    Args:
        input, kernel_size, stride, ceil_mode: as in :func:`max_pool2d`.
        padding: zeros around the image.
        count_include_pad: divide by the window's size with the padding in it, else by the pixels of the image in it.
        divisor_override: divide by this number instead.

    Raises:
        ValueError: an argument does not fit, or the divisor is zero.
    """
    x = Windows("avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override == 0:
        raise ValueError("avg_pool2d: divisor_override must not be zero, got 0")
    sums = x.sum(raised(input))
    return (sums / (divisor_override or x.counts(raised(input), count_include_pad))).to(input.dtype)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False) -> Tensor:
    """Lp norm of each window; for non-negative inputs that of ``torch.nn.functional.lp_pool2d``, which takes powers without magnitudes.

    Args:
        norm_type: the exponent p, finite and at least 1.
        input, kernel_size, stride, ceil_mode: as in :func:`max_pool2d`.
    """
    if not 1 <= norm_type < math.inf:
        raise ValueError(f"lp_pool2d: norm_type must be a finite number of at least 1, got {norm_type}")
    x = Windows("lp_pool2d", input, kernel_size, stride, ceil_mode=ceil_mode)

    def norm(seen: list[Tensor]) -> Tensor:
        magnitudes = [v.abs() for v in seen]
        with torch.no_grad():
            largest = reduce(torch.maximum, magnitudes)
            scale = torch.where(largest > 0, largest, 1)
        power = total([(v / scale) ** norm_type for v in magnitudes])  # in [1, number of cells], or 0
        return scale * torch.where(largest > 0, power, 0) ** (1 / norm_type)

    return x.reduce(norm, raised(input)).to(input.dtype)


def global_avg_pool2d(input: Tensor) -> Tensor:
    """Mean of each channel over all positions: ``(..., H, W)`` to ``(...)``."""
    if input.dim() < 2 or not input.is_floating_point():
        raise ValueError(f"global_avg_pool2d: input must be floating point (..., H, W), got {input.dtype} of shape {tuple(input.shape)}")
    return input.mean((-2, -1))


def k_max_pool1d(input: Tensor, k: int) -> Tensor:
    """The k largest values along the last dimension, in the order in which they stand: ``(..., L)`` to ``(..., k)``."""
    if input.dim() < 1 or not 1 <= k <= input.shape[-1]:
        raise ValueError(f"k_max_pool1d: k must lie in [1, L] for an input (..., L) of shape {tuple(input.shape)}, got {k}")
    return input.gather(-1, input.topk(k, -1).indices.sort(-1).values)


def receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Number of input positions that one output of a stack of layers sees, from first layer to last."""
    if len(kernels) != len(strides):
        raise ValueError(f"receptive_field: expected as many strides as kernels, got {len(strides)} and {len(kernels)}")
    return 1 + sum((k - 1) * math.prod(strides[:i]) for i, k in enumerate(kernels))


class MaxPool2d(nn.Module):
    """:func:`max_pool2d` as a layer; arguments as in ``torch.nn.MaxPool2d``."""

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.options = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}

    def forward(self, input: Tensor) -> Tensor:
        return max_pool2d(input, **self.options)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.options.items())


class StochasticPool2d(nn.Module):
    """:func:`stochastic_pool2d` as a layer: it draws in training mode and takes the expectation in evaluation mode."""

    def __init__(self, kernel_size: Size, stride: Size | None = None) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, input: Tensor) -> Tensor:
        return stochastic_pool2d(input, self.kernel_size, self.stride, self.training)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}"


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.tensor([[[4.0, 0.0, 1.0, 1.0], [0.0, 3.0, 1.0, 1.0]]])
    print("image            ", x[0].tolist())
    for name, y in {
        "maximum": max_pool2d(x, 2),
        "mean": avg_pool2d(x, 2),
        "norm, p = 2": lp_pool2d(x, 2, 2),
        "norm, p = 200": lp_pool2d(x, 200, 2),
        "expected value": stochastic_pool2d(x, 2, training=False),
        "mean of 10^4 draws": stochastic_pool2d(x.expand(10_000, 1, 2, 4), 2).mean(0),
    }.items():
        print(f"{name:18s}", [round(v, 3) for v in y.flatten().tolist()])
    print("the 2 largest of (5, 1, 7, 2):", k_max_pool1d(torch.tensor([5.0, 1.0, 7.0, 2.0]), 2).tolist())
    print("receptive field of 3x3, 2x2 pooling, 3x3:", receptive_field((3, 2, 3), (1, 2, 1)), "pixels")
