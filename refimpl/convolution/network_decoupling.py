r"""Network decoupling: write a trained convolution as a sum of depthwise separable ones, without training.

Paper
    Guo, Li, Lin, Chen and Li, "Network Decoupling: From Regular to Depthwise Separable Convolutions", BMVC 2018,
    arXiv:1808.05517.

Equations (kernel W of N output and M input channels, K x K taps; for each m the N x K^2 matrix W_m)
    sum       W[n, m, q] = sum_{t=1}^{r} P[n, m, t] D[m, t, q]
    svd       W_m = U S V^T,   P[:, m, t] = U[:, t] sqrt(S_t),   D[m, t, :] = sqrt(S_t) V[:, t]
    error     |W - sum|^2 = sum_m sum_{t>r} S_t^2,   the least of all choices of P and D; 0 for r = min(N, K^2)

Deviations from the paper
    1. Only the order depthwise, then pointwise is made; the paper has the opposite order too, by a singular value
       decomposition for each output channel.
    2. The paper fine-tunes, and joins decoupling with channel decomposition; here the kernel alone is approximated.
    3. The r layers are one layer with r kernels for each channel: one grouped convolution and one of 1 x 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refimpl.convolution.depthwise_separable import DepthwiseSeparableConv2d

__all__ = ["decouple", "decouple_conv", "residual_energy"]


def decouple(weight: Tensor, terms: int) -> tuple[Tensor, Tensor]:
    """The best approximation of a kernel by ``terms`` depthwise separable ones, in the sum of squared differences.

    Args:
        weight: ``(O, C, kH, kW)``.
        terms: r, at most min(O, kH kW), which is exact.

    Returns:
        depthwise kernels ``(C r, 1, kH, kW)`` and pointwise weights ``(O, C r, 1, 1)``, those of one channel together.

    Raises:
        ValueError: the weight is not that of a convolution, or ``terms`` is out of range.
    """
    u, s, v = _svd("decouple", weight)
    if not 1 <= terms <= s.shape[1]:
        raise ValueError(f"decouple: terms must lie in [1, {s.shape[1]}] for a kernel {tuple(weight.shape)}, got {terms}")
    root = s[:, :terms].sqrt()  # (C, r)
    depthwise = (root[..., None] * v[:, :terms]).reshape(-1, 1, *weight.shape[2:])
    pointwise = (u[..., :terms] * root[:, None]).permute(1, 0, 2).reshape(len(weight), -1, 1, 1)
    return depthwise.to(weight.dtype), pointwise.to(weight.dtype)


def residual_energy(weight: Tensor) -> Tensor:
    """Share of the kernel's squared norm that 0, 1, ..., min(O, kH kW) terms leave out: decreasing from 1 to 0.

    Args:
        weight: ``(O, C, kH, kW)``, not all zero.
    """
    energy = _svd("residual_energy", weight)[1].square().sum(0)  # by term, summed over the input channels
    left = energy.flip(0).cumsum(0).flip(0)
    return torch.cat([left, left.new_zeros(1)]) / left[0]


def decouple_conv(conv: nn.Conv2d, terms: int) -> DepthwiseSeparableConv2d:
    """A layer of ``terms`` depthwise separable convolutions in place of a trained ``torch.nn.Conv2d``; its bias is copied.

    Raises:
        ValueError: the convolution has groups or does not pad with zeros.
    """
    if conv.groups != 1 or conv.padding_mode != "zeros":
        raise ValueError(
            f"decouple_conv: expected one group and zero padding, got groups={conv.groups}, padding_mode={conv.padding_mode!r}"
        )
    options = conv.stride, conv.padding, conv.dilation, conv.bias is not None, terms
    new = {"device": conv.weight.device, "dtype": conv.weight.dtype}
    layer = DepthwiseSeparableConv2d(conv.in_channels, conv.out_channels, conv.kernel_size, *options, **new)
    with torch.no_grad():
        for parameter, value in zip((layer.depthwise, layer.pointwise), decouple(conv.weight, terms), strict=True):
            parameter.copy_(value)
        if conv.bias is not None:
            layer.bias.copy_(conv.bias)
    return layer


def _svd(name: str, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U ``(C, O, r)``, S ``(C, r)`` and V^T ``(C, r, kH kW)`` of each input channel, in at least float32."""
    if weight.dim() != 4 or 0 in weight.shape or not weight.is_floating_point():
        raise ValueError(f"{name}: weight must be floating point (O, C, kH, kW), got {weight.dtype} of shape {tuple(weight.shape)}")
    matrices = weight.detach().flatten(2).transpose(0, 1)  # (C, O, kH kW)
    low = weight.dtype in (torch.bfloat16, torch.float16)
    return torch.linalg.svd(matrices.float() if low else matrices, full_matrices=False)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    conv = nn.Conv2d(16, 32, 3, padding=1)
    x = torch.randn(4, 16, 14, 14)
    expected = conv(x)
    for terms, left in enumerate(residual_energy(conv.weight)[1:].tolist(), 1):
        gap = ((decouple_conv(conv, terms)(x) - expected).norm() / (expected - conv.bias[:, None, None]).norm()).item()
        print(f"{terms} term(s): kernel off by {left**0.5:.3f}, output by {gap:.3f} (relative)")
