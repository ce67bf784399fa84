r"""Transposed convolution: the transpose of a convolution's matrix, used to enlarge images by a learned kernel.

Paper
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, chapter 4,
    relationships 8 to 14. First as a layer: Zeiler, Krishnan, Taylor and Fergus, "Deconvolutional Networks", CVPR 2010.

Equations (x (N, C, H, W), w (C, O/G, kH, kW) with G groups, stride s, padding p, dilation d, output padding a)
    size      N = (L - 1) s - 2 p + d (f - 1) + 1 + a     positions from length L and kernel f
    scatter   y[n, o, s i + d a - p, s j + d b - p] += w[c, o, a, b] x[n, c, i, j] for every c, i, j, a, b;   then + bias[o]
    col2im    y = col2im(W^T X),   W the weight as a (C/G, O/G kH kW) matrix, X the pixels as columns
    adjoint   <conv(u), x> = <u, transposed(x)>  for the same weight, stride, padding and dilation
    backward  dx = conv(g),   dW = X im2col(g)^T,   dbias = sum g

Deviations from the paper
    1. Computed by one matrix product and a sum of overlapping patches; the paper inserts zeros between the pixels and
       convolves, which multiplies by those zeros.
    2. The paper treats square kernels, equal strides and no dilation; here each axis has its own.
    3. bfloat16 and float16 patches are added up in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refimpl.convolution.geometry import pair
from refimpl.convolution.im2col import fold, im2col, matrices, unfold

__all__ = ["ConvTranspose2d", "conv_transpose2d"]

Size = int | tuple[int, int]


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """Spread each pixel over a window, weighted by the kernel, and add up; drops in for ``torch.nn.functional.conv_transpose2d``.

    Args:
        input: ``(N, C, H, W)`` or ``(C, H, W)``.
        weight: ``(C, O / groups, kH, kW)``.
        bias: one number for each output channel, ``(O,)``.
        stride: step between the windows of neighboring pixels.
        padding: rows and columns cut off on each side.
        output_padding: rows and columns added below and to the right, fewer than the stride or the dilation.
        groups: number of independent transposed convolutions into which the channels are split.
        dilation: step between the taps of the kernel.

    Returns:
        ``(N, O, Ho, Wo)`` or ``(O, Ho, Wo)``.

    Raises:
        ValueError: a shape, dtype or parameter does not fit; the message names it.
    """
    _check(input, weight, bias, groups)
    name = "conv_transpose2d"
    stride, dilation = pair("stride", stride, 1, name), pair("dilation", dilation, 1, name)
    padding, extra = pair("padding", padding, 0, name), pair("output_padding", output_padding, 0, name)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(f"{name}: output_padding must be smaller than stride {stride} or dilation {dilation}, got {extra}")
    x = input if input.dim() == 4 else input.unsqueeze(0)
    size = tuple(
        (n - 1) * s + d * (f - 1) + 1 + e for n, s, d, f, e in zip(x.shape[2:], stride, dilation, weight.shape[2:], extra, strict=True)
    )
    if any(n <= 2 * p for n, p in zip(size, padding, strict=True)):
        raise ValueError(f"{name}: padding {padding} cuts off all of an output of {size}")
    y = _Transposed.apply(x, weight, stride, dilation, groups, size)  # (N, O, ...) before cutting
    y = y[:, :, padding[0] : size[0] - padding[0], padding[1] : size[1] - padding[1]]
    if bias is not None:
        y = y + bias.to(y.dtype)[:, None, None]
    return y if input.dim() == 4 else y.squeeze(0)


class _Transposed(torch.autograd.Function):
    """The sum of all windows, uncut; its derivative by the input is a convolution of the gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, stride: tuple, dilation: tuple, groups: int, size: tuple) -> Tensor:
        n, c, h, w = x.shape
        _, outputs, kh, kw = weight.shape
        pixels = x.reshape(n, groups, c // groups, h * w)
        columns = matrices(weight, groups).transpose(1, 2) @ pixels  # (N, G, O/G kH kW, H W)
        patches = columns.view(n, groups * outputs, kh, kw, h, w)
        return fold(patches, (n, groups * outputs, *size), stride, dilation)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])
        ctx.options = inputs[2:5]

    @staticmethod
    def backward(ctx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = (saved.to(g.dtype) for saved in ctx.saved_tensors)  # autocast may have lowered the output's type
        stride, dilation, groups = ctx.options
        n, c, h, w = x.shape
        dx = dw = None
        if ctx.needs_input_grad[0]:
            dx = im2col(g, weight, stride, dilation, groups)[:, :, :h, :w]
        if ctx.needs_input_grad[1]:
            patches = unfold(g, weight.shape[2:], stride, dilation)[..., :h, :w]  # (N, O, kH, kW, H, W)
            columns = patches.permute(1, 2, 3, 0, 4, 5).reshape(groups, weight.shape[1:].numel(), n * h * w)
            pixels = x.transpose(0, 1).reshape(groups, c // groups, n * h * w)
            dw = (pixels @ columns.transpose(1, 2)).view(weight.shape)
        return dx, dw, None, None, None, None


class ConvTranspose2d(nn.Module):
    """Transposed convolution as a layer; arguments, parameters, initialization and state dict are those of ``torch.nn.ConvTranspose2d``.

    Args:
        in_channels, out_channels: number of channels C and O.
        kernel_size: height and width of the kernel.
        stride, padding, output_padding, groups, dilation: as in :func:`conv_transpose2d`.
        bias: learn a number for each output channel.

    Shape: ``(N, C, H, W)`` to ``(N, O, Ho, Wo)``, or the same without N.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            if groups < 1 or value < 1 or value % groups:
                raise ValueError(f"ConvTranspose2d: {name} must be a positive multiple of groups, got {value} with {groups} group(s)")
        kernel = pair("kernel_size", kernel_size, 1, "ConvTranspose2d")
        self.in_channels, self.out_channels, self.kernel_size, self.groups = in_channels, out_channels, kernel, groups
        self.stride, self.padding, self.output_padding, self.dilation = stride, padding, output_padding, dilation
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels // groups, *kernel, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform on +-1 / sqrt(O / groups kH kW), weight and bias alike, as PyTorch does."""
        bound = self.weight[0].numel() ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        options = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return conv_transpose2d(input, self.weight, self.bias, *options)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"output_padding={self.output_padding}, groups={self.groups}, bias={self.bias is not None}, dilation={self.dilation}"
        )


def _check(input: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> None:
    name = "conv_transpose2d"
    if input.dim() not in (3, 4) or not input.is_floating_point():
        raise ValueError(f"{name}: input must be floating point (N, C, H, W) or (C, H, W), got {input.dtype} of shape {tuple(input.shape)}")
    if weight.dim() != 4 or 0 in weight.shape:
        raise ValueError(f"{name}: weight must have shape (in_channels, out_channels / groups, kH, kW), got {tuple(weight.shape)}")
    for what, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.dtype != input.dtype and not torch.is_autocast_enabled(input.device.type):
            raise ValueError(f"{name}: {what} must have the dtype of the input, {input.dtype}, got {value.dtype}")
    if not isinstance(groups, int) or groups < 1 or weight.shape[0] % groups:
        raise ValueError(f"{name}: groups must be a positive divisor of the {weight.shape[0]} input channels of the weight, got {groups}")
    if input.shape[-3] != weight.shape[0]:
        raise ValueError(f"{name}: weight {tuple(weight.shape)} needs {weight.shape[0]} input channels, got input {tuple(input.shape)}")
    if not input.shape[-2] * input.shape[-1]:
        raise ValueError(f"{name}: input must have at least one pixel, got shape {tuple(input.shape)}")
    if bias is not None and bias.shape != (groups * weight.shape[1],):
        raise ValueError(f"{name}: bias must have shape ({groups * weight.shape[1]},), got {tuple(bias.shape)}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    layer = ConvTranspose2d(8, 3, 4, stride=2, padding=1)
    x, u = torch.randn(1, 8, 7, 7), torch.randn(1, 3, 14, 14)
    y = layer(x)
    print(f"{tuple(x.shape)} to {tuple(y.shape)}; size (7 - 1) 2 - 2 + 3 + 1 = 14")
    expected = nn.functional.conv_transpose2d(x, layer.weight, layer.bias, 2, 1)
    print(f"differs from torch.nn.functional.conv_transpose2d by {(y - expected).abs().max().item():.1e}")
    there = (nn.functional.conv2d(u, layer.weight, stride=2, padding=1) * x).sum()
    back = (u * conv_transpose2d(x, layer.weight, None, 2, 1)).sum()
    print(f"adjoint: <conv(u), x> = {there.item():.4f}, <u, transposed(x)> = {back.item():.4f}")
    for kernel in (3, 4):
        cover = conv_transpose2d(torch.ones(1, 1, 1, 6), torch.ones(1, 1, 1, kernel), None, 2)
        print(f"kernel {kernel}, stride 2: each position is covered by", [round(v) for v in cover.flatten().tolist()], "pixels")
