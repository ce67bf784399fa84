"""Direct convolution: the defining sum, one kernel tap at a time for all positions at once.

Equation
    direct    y[n, o, i, j] = sum_{c, a, b} w[o, c, a, b] x[n, c, s i + d a, s j + d b]
"""

from __future__ import annotations

from torch import Tensor

from refimpl.convolution.geometry import positions

__all__ = ["direct"]


def direct(x: Tensor, weight: Tensor, stride: tuple[int, int], dilation: tuple[int, int], groups: int) -> Tensor:
    """Sum over the taps (a, b) of matrix products over the channels.

    Args:
        x: input, already padded, ``(N, C, H, W)``.
        weight: ``(O, C / groups, kH, kW)``.

    Returns:
        ``(N, O, Ho, Wo)``.
    """
    (n, c), (o, _, kh, kw) = x.shape[:2], weight.shape
    (sh, sw), (dh, dw) = stride, dilation
    ho, wo = positions(x, (kh, kw), stride, dilation)
    channels_first = x.transpose(0, 1)  # (C, N, H, W)
    taps = weight.view(groups, o // groups, c // groups, kh, kw)
    y = x.new_zeros(groups, o // groups, n * ho * wo)
    for a in range(kh):
        for b in range(kw):
            seen = channels_first[:, :, dh * a :: sh, dw * b :: sw][:, :, :ho, :wo]  # what tap (a, b) sees, (C, N, Ho, Wo)
            y.baddbmm_(taps[..., a, b], seen.reshape(groups, c // groups, n * ho * wo))
    return y.view(o, n, ho, wo).transpose(0, 1).contiguous()
