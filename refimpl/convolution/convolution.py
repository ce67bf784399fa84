r"""Convolution: the same small weighted sum at every position of an image, computed in four ways.

Paper
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, relationship 6 (size)
    and section 4.1 (matrix). The four ways, each in a module of its own with its paper: direct, im2col (Chellapilla,
    Puri and Simard, 2006), fft (arXiv:1312.5851), winograd (arXiv:1509.09308). The matrix is in toeplitz.

Equations (x (N, C, H, W) continued by zeros, w (O, C/G, kH, kW) with G groups, stride s, padding p, dilation d)
    size      N = floor((L + 2 p - d (f - 1) - 1) / s) + 1   positions for length L and kernel f
    direct    y[n, o, i, j] = bias[o] + sum_{c, a, b} w[o, c, a, b] x[n, c, s i + d a - p, s j + d b - p]
              where c runs over the C/G input channels of the group of o
    im2col    y = W X,   the columns of X being the patches
    backward  dW = g X^T,   dx = col2im(W^T g),   dbias = sum g
    fft       y = F^-1( F(x) F(flip w) )
    winograd  Y = A^T ((G w G^T) . (B^T D B)) A
    matrix    vec(y) = T vec(x)

Deviations from the papers
    1. The kernel is not flipped, as in every deep learning library: strictly this is a cross-correlation.
    2. im2col gathers the columns of the whole batch at once, and again in the backward pass, instead of keeping them.
    3. The FFT has the size of the padded input, not of the full convolution: what wraps around is cut off.
       A stride computes all positions and keeps every s-th; the papers' FFT and Winograd know stride 1 only.
    4. winograd is F(2x2, 3x3) and winograd4 is F(4x4, 3x3); both transform with matrix products rather than with the
       few additions that the paper counts, and leave the gradients to autograd where the paper uses F(3x3, 2x2).
    5. FFT and Winograd mix positions: an infinity or a NaN spreads over the image or its tile.
    6. bfloat16 and float16: im2col multiplies in that type, the other ways compute in float32.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from refimpl.convolution.direct import direct
from refimpl.convolution.fft import fft
from refimpl.convolution.geometry import check, output_size, pads, pair
from refimpl.convolution.im2col import im2col
from refimpl.convolution.toeplitz import convolution_matrix
from refimpl.convolution.winograd import winograd

__all__ = ["METHODS", "Conv2d", "conv2d", "convolution_matrix", "output_size"]

METHODS = {"direct": direct, "fft": fft, "im2col": im2col, "winograd": winograd, "winograd4": partial(winograd, tile=4)}
"""The algorithms by name; each maps a padded input, weight, stride, dilation and groups to the output without bias."""

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    method: str = "im2col",
) -> Tensor:
    """Convolve images with a kernel; drops in for ``torch.nn.functional.conv2d``.

    Args:
        input: ``(N, C, H, W)`` or ``(C, H, W)``.
        weight: ``(O, C / groups, kH, kW)``.
        bias: one number for each output channel, ``(O,)``.
        stride: step between positions.
        padding: zeros around the image; "valid" is 0, "same" keeps the size (stride 1).
        dilation: step between the taps of the kernel.
        groups: number of independent convolutions into which the channels are split.
        method: "direct", "fft", "im2col", "winograd" or "winograd4".

    Returns:
        ``(N, O, Ho, Wo)`` or ``(O, Ho, Wo)``, contiguous.

    Raises:
        ValueError: a shape, dtype or parameter does not fit; the message names it.
    """
    check(input, weight, bias, groups)
    if method not in METHODS:
        raise ValueError(f"conv2d: method must be one of {', '.join(METHODS)}, got {method!r}")
    stride, dilation = pair("stride", stride, 1), pair("dilation", dilation, 1)
    around = pads(padding, tuple(weight.shape[2:]), stride, dilation)
    x = input if input.dim() == 4 else input.unsqueeze(0)
    x = pad(x, around) if any(around) else x
    if method != "im2col" and x.dtype in (torch.bfloat16, torch.float16):
        y = METHODS[method](x.float(), weight.float(), stride, dilation, groups).to(x.dtype)
    else:
        y = METHODS[method](x, weight, stride, dilation, groups)
    if bias is not None:
        y = y + bias.to(y.dtype)[:, None, None]
    return y if input.dim() == 4 else y.squeeze(0)


class Conv2d(nn.Module):
    """Convolution as a layer; arguments, parameters, initialization and state dict are those of ``torch.nn.Conv2d``.

    Args:
        in_channels, out_channels: number of channels C and O.
        kernel_size: height and width of the kernel.
        stride, padding, dilation, groups: as in :func:`conv2d`.
        bias: learn a number for each output channel.
        padding_mode: what surrounds the image: "zeros", "reflect", "replicate" or "circular".
        method: the algorithm, as in :func:`conv2d`.

    Shape: ``(N, C, H, W)`` to ``(N, O, Ho, Wo)``, or the same without N.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        method: str = "im2col",
    ) -> None:
        super().__init__()
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            if groups < 1 or value < 1 or value % groups:
                raise ValueError(f"Conv2d: {name} must be a positive multiple of groups, got {value} with {groups} group(s)")
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"Conv2d: padding_mode must be one of {', '.join(PADDING_MODES)}, got {padding_mode!r}")
        if method not in METHODS:
            raise ValueError(f"Conv2d: method must be one of {', '.join(METHODS)}, got {method!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = pair("kernel_size", kernel_size, 1), pair("stride", stride, 1)
        self.dilation = pair("dilation", dilation, 1)
        self.padding = padding if isinstance(padding, str) else pair("padding", padding, 0)
        self.padding_mode, self.method = padding_mode, method
        self.around = pads(padding, self.kernel_size, self.stride, self.dilation)
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *self.kernel_size, **new))
        self.bias = nn.Parameter(torch.empty(out_channels, **new)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform on +-1 / sqrt(fan in), weight and bias alike."""
        bound = self.weight[0].numel() ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        if self.padding_mode == "zeros":
            return conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, self.method)
        check(input, self.weight, self.bias, self.groups)
        padded = pad(input, self.around, self.padding_mode)
        return conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups, self.method)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding!r}, "
            f"dilation={self.dilation}, groups={self.groups}, bias={self.bias is not None}, padding_mode={self.padding_mode!r}, "
            f"method={self.method!r}"
        )


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.randn(2, 16, 28, 28)
    layer = Conv2d(16, 8, 3, padding=1)
    expected = nn.functional.conv2d(x, layer.weight, layer.bias, padding=1)
    for name in METHODS:
        difference = (conv2d(x, layer.weight, layer.bias, padding=1, method=name) - expected).abs().max().item()
        print(f"{name:9s} differs from torch.nn.functional.conv2d by {difference:.1e}")
    print("output of a 28-pixel row, kernel 5, stride 2, padding 1:", output_size(28, 5, stride=2, padding=1), "positions")
    print("4 channels to 2 with a 2x2 kernel:", sum(p.numel() for p in Conv2d(4, 2, 2).parameters()), "parameters, 2 * (4 * 2 * 2 + 1)")
    edges = convolution_matrix(torch.tensor([[[[-1, 0, 1]]]]), (1, 5), padding="same")
    print("matrix of the kernel (-1, 0, 1) on five pixels, zero padding:\n", edges)
