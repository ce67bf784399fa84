r"""Depthwise separable convolution: filter each channel by its own kernels, then mix the channels at each position.

Papers
    Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017, arXiv:1610.02357.
    Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    arXiv:1704.04861, section 3.1 (the cost). First in Sifre's thesis, 2014.

Equations (M input and N output channels, K x K kernels, T kernels for each input channel)
    layer     z[m, t, p] = sum_q d[m, t, q] x[m, p + q],   y[n, p] = bias[n] + sum_{m, t} w[n, m, t] z[m, t, p]
    kernel    W[n, m, q] = sum_t w[n, m, t] d[m, t, q]     the regular convolution that computes the same
    cost      (T K^2 M + T M N) / (K^2 M N) = T (1 / N + 1 / K^2)      multiplications, against the regular convolution

Deviations from the papers
    1. T kernels for each channel (the multiplier); the papers' layer has T = 1.
    2. No normalization and no nonlinearity between the two steps: MobileNet has both there, Xception neither.
    3. Only the second step has a bias: one in between would be absorbed by it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.geometry import pads, pair

__all__ = ["DepthwiseSeparableConv2d", "cost_ratio", "depthwise_separable_conv2d", "equivalent_kernel"]

Size = int | tuple[int, int]


def depthwise_separable_conv2d(
    input: Tensor,
    depthwise: Tensor,
    pointwise: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
) -> Tensor:
    """Convolve each channel with its kernels, then combine the results linearly at each position.

    Args:
        input: ``(N, C, H, W)`` or ``(C, H, W)``.
        depthwise: T kernels for each channel, ``(C T, 1, kH, kW)``, those of one channel together.
        pointwise: ``(O, C T, 1, 1)``.
        bias: one number for each output channel, ``(O,)``.
        stride, padding, dilation: of the depthwise step, as in ``torch.nn.functional.conv2d``.

    Returns:
        ``(N, O, Ho, Wo)`` or ``(O, Ho, Wo)``.

    Raises:
        ValueError: a shape does not fit; the message names it.
    """
    name = "depthwise_separable_conv2d"
    if input.dim() not in (3, 4) or not input.is_floating_point():
        raise ValueError(f"{name}: input must be floating point (N, C, H, W) or (C, H, W), got {input.dtype} of shape {tuple(input.shape)}")
    channels = input.shape[-3]
    _check(name, depthwise, pointwise)
    if depthwise.shape[0] % channels:
        raise ValueError(f"{name}: depthwise must have a multiple of the {channels} channels of the input, got {tuple(depthwise.shape)}")
    if bias is not None and bias.shape != pointwise.shape[:1]:
        raise ValueError(f"{name}: bias must have shape ({pointwise.shape[0]},), got {tuple(bias.shape)}")
    z = F.conv2d(input, depthwise, None, stride, padding, dilation, channels)  # (N, C T, Ho, Wo)
    return F.conv2d(z, pointwise, bias)


def equivalent_kernel(depthwise: Tensor, pointwise: Tensor, channels: int) -> Tensor:
    """The kernel ``(O, C, kH, kW)`` of the regular convolution that computes the same.

    Args:
        depthwise: ``(C T, 1, kH, kW)``.
        pointwise: ``(O, C T, 1, 1)``.
        channels: C.
    """
    _check("equivalent_kernel", depthwise, pointwise)
    if channels < 1 or depthwise.shape[0] % channels:
        raise ValueError(f"equivalent_kernel: channels must be a positive divisor of {depthwise.shape[0]}, got {channels}")
    d = depthwise.unflatten(0, (channels, -1)).squeeze(2)  # (C, T, kH, kW)
    w = pointwise.flatten(1).unflatten(1, (channels, -1))  # (O, C, T)
    return torch.einsum("oct,ctab->ocab", w, d)


def cost_ratio(out_channels: int, kernel_size: Size, multiplier: int = 1) -> float:
    """Multiplications of the layer, divided by those of the regular convolution."""
    height, width = pair("kernel_size", kernel_size, 1, "cost_ratio")
    return multiplier * (1 / out_channels + 1 / (height * width))


class DepthwiseSeparableConv2d(nn.Module):
    """Depthwise separable convolution as a layer that stands in for ``torch.nn.Conv2d``.

    Args:
        in_channels, out_channels: number of channels C and O.
        kernel_size: height and width of the kernels.
        stride, padding, dilation: of the depthwise step.
        bias: learn a number for each output channel.
        multiplier: kernels for each input channel, T.

    Shape: ``(N, C, H, W)`` to ``(N, O, Ho, Wo)``, or the same without N.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        bias: bool = True,
        multiplier: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("multiplier", multiplier)):
            if value < 1:
                raise ValueError(f"DepthwiseSeparableConv2d: {name} must be positive, got {value}")
        owner = "DepthwiseSeparableConv2d"
        kernel, steps = pair("kernel_size", kernel_size, 1, owner), pair("stride", stride, 1, owner)
        spread = pair("dilation", dilation, 1, owner)
        pads(padding, kernel, steps, spread)
        self.stride, self.padding, self.dilation = steps, padding, spread
        between, new = in_channels * multiplier, {"device": device, "dtype": dtype}
        self.depthwise = nn.Parameter(torch.empty(between, 1, *kernel, **new))
        self.pointwise = nn.Parameter(torch.empty(out_channels, between, 1, 1, **new))
        self.bias = nn.Parameter(torch.empty(out_channels, **new)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform on +-1 / sqrt(fan-in) of each step, as PyTorch draws its convolutions; the bias like the pointwise step."""
        for parameter, fan_in in (
            (self.depthwise, self.depthwise[0].numel()),
            (self.pointwise, self.pointwise[0].numel()),
            (self.bias, self.pointwise[0].numel()),
        ):
            if parameter is not None:
                nn.init.uniform_(parameter, -(fan_in**-0.5), fan_in**-0.5)

    def forward(self, input: Tensor) -> Tensor:
        return depthwise_separable_conv2d(input, self.depthwise, self.pointwise, self.bias, self.stride, self.padding, self.dilation)

    def extra_repr(self) -> str:
        return (
            f"depthwise={tuple(self.depthwise.shape)}, pointwise={tuple(self.pointwise.shape)}, stride={self.stride}, "
            f"padding={self.padding!r}, dilation={self.dilation}, bias={self.bias is not None}"
        )


def _check(name: str, depthwise: Tensor, pointwise: Tensor) -> None:
    if depthwise.dim() != 4 or depthwise.shape[1] != 1:
        raise ValueError(f"{name}: depthwise must have shape (C T, 1, kH, kW), got {tuple(depthwise.shape)}")
    if pointwise.shape[1:] != (depthwise.shape[0], 1, 1):
        raise ValueError(f"{name}: pointwise must have shape (O, {depthwise.shape[0]}, 1, 1), got {tuple(pointwise.shape)}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    layer = DepthwiseSeparableConv2d(32, 64, 3, padding=1)
    x = torch.randn(1, 32, 14, 14)
    regular = F.conv2d(x, equivalent_kernel(layer.depthwise, layer.pointwise, 32), layer.bias, padding=1)
    print(f"differs from its regular convolution by {(layer(x) - regular).abs().max().item():.1e}")
    print("weights:", layer.depthwise.numel() + layer.pointwise.numel(), "instead of", 64 * 32 * 9)
    print(f"multiplications, as a share: {cost_ratio(64, 3):.4f} = 1 / 64 + 1 / 9")
