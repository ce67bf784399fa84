r"""Deformable convolution: each tap of the kernel looks where a learned offset sends it.

Papers
    Dai, Qi, Xiong, Li, Zhang, Hu and Wei, "Deformable Convolutional Networks", ICCV 2017, arXiv:1703.06211,
    equations 2 to 6. Zhu, Hu, Lin and Dai, "Deformable ConvNets v2: More Deformable, Better Results", CVPR 2019,
    arXiv:1811.11168, equation 1 (modulation).

Equations (position p of the output, taps n at p_n, offsets dp_n, modulation m_n)
    sampling  y(p) = bias + sum_n w(p_n) x(p + p_n + dp_n) m_n          m_n = 1 without a mask
    bilinear  x(q) = sum_r max(0, 1 - |q_y - r_y|) max(0, 1 - |q_x - r_x|) x(r)    over the pixels r, zero outside
    roi       the mean of the cells of a region's bin, moved alike (see ``deformable_roi.py``)

Deviations from the papers
    1. Offsets and masks are arguments, as in torchvision; the papers predict them by a convolution of the same input,
       which starts at zero.
    2. Channels may share offsets in groups, as in the authors' code; equation 2 has one group.
    3. bfloat16 and float16 are sampled in float32: their offsets could not tell neighboring pixels apart.
    4. The corners of a region are rounded to whole cells that belong to it, as in Fast R-CNN; the paper leaves this open.
       All channels share the offsets of its bins; the position-sensitive variant is not here.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.deformable_roi import deform_roi_pool
from refimpl.convolution.geometry import output_size, pair
from refimpl.convolution.im2col import matrices

__all__ = ["DeformConv2d", "deform_conv2d", "deform_roi_pool"]

Size = int | tuple[int, int]


def deform_conv2d(
    input: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    mask: Tensor | None = None,
) -> Tensor:
    """Convolve with displaced taps; drops in for ``torchvision.ops.deform_conv2d``.

    Args:
        input: ``(N, C, H, W)``.
        offset: pixels down and right for each tap, in the order (y_0, x_0, y_1, x_1, ...), ``(N, 2 D kH kW, Ho, Wo)``
            with D groups of channels, each with offsets of its own.
        weight: ``(O, C / G, kH, kW)``.
        bias: one number for each output channel, ``(O,)``.
        stride, padding, dilation: as in ``torch.nn.functional.conv2d``.
        mask: a factor for each tap, ``(N, D kH kW, Ho, Wo)``.

    Returns:
        ``(N, O, Ho, Wo)``.

    Raises:
        ValueError: a shape, dtype or parameter does not fit; the message names it.
    """
    name = "deform_conv2d"
    if input.dim() != 4 or not input.is_floating_point():
        raise ValueError(f"{name}: input must be floating point (N, C, H, W), got {input.dtype} of shape {tuple(input.shape)}")
    if weight.dim() != 4 or 0 in weight.shape or input.shape[1] % weight.shape[1] or weight.shape[0] % (input.shape[1] // weight.shape[1]):
        raise ValueError(f"{name}: weight must have shape (O, C / G, kH, kW) for {input.shape[1]} channels, got {tuple(weight.shape)}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"{name}: bias must have shape ({weight.shape[0]},), got {tuple(bias.shape)}")
    stride, dilation = pair("stride", stride, 1, name), pair("dilation", dilation, 1, name)
    padding, kernel = pair("padding", padding, 0, name), tuple(weight.shape[2:])
    taps = kernel[0] * kernel[1]
    size = tuple(output_size(*axis, name) for axis in zip(input.shape[2:], kernel, stride, padding, dilation, strict=True))
    sets = offset.shape[1] // (2 * taps) if offset.dim() == 4 else 0
    if not sets or input.shape[1] % sets or offset.shape != (len(input), 2 * sets * taps, *size):
        wanted = f"({len(input)}, 2 D {taps}, {size[0]}, {size[1]}) with D a divisor of {input.shape[1]}"
        raise ValueError(f"{name}: offset must have shape {wanted}, got {tuple(offset.shape)}")
    if mask is not None and mask.shape != (len(input), sets * taps, *size):
        raise ValueError(f"{name}: mask must have shape {(len(input), sets * taps, *size)}, got {tuple(mask.shape)}")

    low = input.dtype in (torch.bfloat16, torch.float16)
    x, shift = (v.float() if low else v for v in (input, offset))
    places = _places(shift, sets, kernel, stride, padding, dilation)  # (N D, taps, Ho Wo, 2): column and row
    seen = _sample(x, places, sets)  # (N, C, taps, Ho Wo)
    if mask is not None:
        seen = seen.unflatten(1, (sets, -1)) * mask.to(x.dtype).unflatten(1, (sets, 1, taps)).flatten(4)
    groups = input.shape[1] // weight.shape[1]
    columns = seen.reshape(len(x), groups, weight.shape[1] * taps, size[0] * size[1])
    y = (matrices(weight.to(x.dtype), groups) @ columns).reshape(len(x), len(weight), *size)
    y = y if bias is None else y + bias[:, None, None]
    return y.to(input.dtype)


def _places(offset: Tensor, sets: int, kernel: tuple, stride: tuple, padding: tuple, dilation: tuple) -> Tensor:
    """Where each tap looks from each position: p + p_n + dp_n, column first, ``(N D, kH kW, Ho Wo, 2)``."""
    n, _, ho, wo = offset.shape
    shift = offset.reshape(n * sets, kernel[0], kernel[1], 2, ho, wo)
    rows, columns = (
        (s * torch.arange(count, device=offset.device) - p) + (d * torch.arange(f, device=offset.device))[:, None]
        for count, f, s, p, d in zip((ho, wo), kernel, stride, padding, dilation, strict=True)
    )  # (kH, Ho) and (kW, Wo)
    y = shift[:, :, :, 0] + rows[:, None, :, None]
    x = shift[:, :, :, 1] + columns[None, :, None, :]
    return torch.stack([x, y], -1).reshape(n * sets, kernel[0] * kernel[1], ho * wo, 2)


def _sample(input: Tensor, places: Tensor, sets: int) -> Tensor:
    """Bilinear values of the channels at the places of their set, zero outside: ``(N, C, taps, Ho Wo)``."""
    n, c, h, w = input.shape
    grid = (2 * places + 1) / places.new_tensor([w, h]) - 1  # pixel centers, with -1 and 1 at the image's edges
    values = F.grid_sample(input.reshape(n * sets, c // sets, h, w), grid, align_corners=False)
    return values.reshape(n, c, *values.shape[2:])


class DeformConv2d(nn.Module):
    """Deformable convolution as a layer; arguments, parameters and state dict are those of ``torchvision.ops.DeformConv2d``.

    Args:
        in_channels, out_channels: number of channels C and O.
        kernel_size: height and width of the kernel.
        stride, padding, dilation: as in :func:`deform_conv2d`.
        groups: number of independent convolutions into which the channels are split.
        bias: learn a number for each output channel.

    Shape: input ``(N, C, H, W)``, offset ``(N, 2 D kH kW, Ho, Wo)`` and mask ``(N, D kH kW, Ho, Wo)`` to ``(N, O, Ho, Wo)``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
            if groups < 1 or value < 1 or value % groups:
                raise ValueError(f"DeformConv2d: {name} must be a positive multiple of groups, got {value} with {groups} group(s)")
        kernel = pair("kernel_size", kernel_size, 1, "DeformConv2d")
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *kernel, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform on +-1 / sqrt(fan-in), weight and bias alike."""
        bound = self.weight[0].numel() ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, input: Tensor, offset: Tensor, mask: Tensor | None = None) -> Tensor:
        return deform_conv2d(input, offset, self.weight, self.bias, self.stride, self.padding, self.dilation, mask)

    def extra_repr(self) -> str:
        shape, bias = tuple(self.weight.shape), self.bias is not None
        return f"weight={shape}, bias={bias}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}"


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x, weight = torch.randn(1, 4, 9, 9), torch.randn(2, 4, 3, 3)
    still, right = torch.zeros(1, 18, 9, 9), torch.zeros(1, 18, 9, 9)
    right[:, 1::2] = 1.0
    plain = F.conv2d(x, weight, padding=1)
    print(f"offsets of zero: differs from a convolution by {(deform_conv2d(x, still, weight, padding=1) - plain).abs().max().item():.1e}")
    moved = F.conv2d(F.pad(x, (0, 1)), weight, padding=1)[..., 1:]
    gap = (deform_conv2d(x, right, weight, padding=1) - moved).abs().max().item()
    print(f"all taps one pixel to the right: differs from that of the moved image by {gap:.1e}")
