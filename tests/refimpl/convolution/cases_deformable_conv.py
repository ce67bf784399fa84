"""Cases of deformable convolution: the bilinear kernel over all pixels, dense in torch and tap by tap in NumPy."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.convolution.deformable_conv import DeformConv2d, deform_conv2d
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "deformable-conv"


def both(*values):
    return [v if isinstance(v, tuple) else (v, v) for v in values]


def numpy_deformed(_, x, offset, weight, bias=None, stride=1, padding=0, dilation=1, mask=None):
    """Every output, every tap, every pixel that its bilinear kernel reaches."""
    (sh, sw), (ph, pw), (dh, dw) = both(stride, padding, dilation)
    o, per_group, kh, kw = weight.shape
    sets = offset.shape[1] // (2 * kh * kw)
    groups, each = x.shape[1] // per_group, x.shape[1] // sets
    y = np.zeros((len(x), o, *offset.shape[2:]))
    for n, k, i, j in np.ndindex(y.shape):
        y[n, k, i, j] = 0.0 if bias is None else bias[k]
        for c, a, b in np.ndindex(per_group, kh, kw):
            channel = k // (o // groups) * per_group + c
            tap = channel // each * kh * kw + a * kw + b
            row = i * sh - ph + a * dh + offset[n, 2 * tap, i, j]
            column = j * sw - pw + b * dw + offset[n, 2 * tap + 1, i, j]
            value = 0.0
            for r in range(max(0, int(np.floor(row))), min(x.shape[2], int(np.floor(row)) + 2)):
                for s in range(max(0, int(np.floor(column))), min(x.shape[3], int(np.floor(column)) + 2)):
                    value += (1 - abs(row - r)) * (1 - abs(column - s)) * x[n, channel, r, s]
            y[n, k, i, j] += weight[k, c, a, b] * value * (1.0 if mask is None else mask[n, tap, i, j])
    return y


def torch_deformed(_, x, offset, weight, bias=None, stride=1, padding=0, dilation=1, mask=None):
    """The bilinear kernel as a dense matrix over the rows and one over the columns."""
    (sh, sw), (ph, pw), (dh, dw) = both(stride, padding, dilation)
    _, per_group, kh, kw = weight.shape
    ho, wo = offset.shape[2:]
    sets = offset.shape[1] // (2 * kh * kw)
    shift = offset.reshape(len(x), sets, kh, kw, 2, ho, wo)
    rows = shift[..., 0, :, :] + (torch.arange(kh) * dh).view(kh, 1, 1, 1) + (torch.arange(ho) * sh - ph).view(ho, 1)
    columns = shift[..., 1, :, :] + (torch.arange(kw) * dw).view(kw, 1, 1) + torch.arange(wo) * sw - pw
    down = (1 - (rows[..., None] - torch.arange(x.shape[2])).abs()).clamp_min(0)
    across = (1 - (columns[..., None] - torch.arange(x.shape[3])).abs()).clamp_min(0)
    factor = torch.ones_like(rows) if mask is None else mask.reshape(rows.shape)
    parts = x.unflatten(1, (sets, -1))
    seen = torch.einsum("ndchw,ndabijh,ndabijw,ndabij->ndcabij", parts, down, across, factor).flatten(1, 2)
    groups = x.shape[1] // per_group
    y = torch.einsum("ngcabij,gocab->ngoij", seen.unflatten(1, (groups, -1)), weight.unflatten(0, (groups, -1))).flatten(1, 2)
    return y if bias is None else y + bias.view(-1, 1, 1)


X = randn(2, 4, 5, 4, seed=1)
W, B = randn(6, 2, 2, 3, seed=2), rand(6, seed=3)
SIZE = (4, 3)
EVERY = {"stride": (1, 2), "padding": (1, 2), "dilation": (2, 1)}


def offsets(sets, *size, taps=6, n=2, reach=1.7, seed=4):
    return rand(n, 2 * sets * taps, *size, seed=seed, low=-reach, high=reach)


OFFSET, MASK = offsets(2, 5, 3), rand(2, 12, 5, 3, seed=5, low=0.1)
SMALL = (randn(1, 2, 3, 4, seed=6), offsets(1, 2, 2, n=1, seed=7), randn(2, 2, 2, 3, seed=8), rand(2, seed=9))
OURS = "deform_conv2d: "
BAD = (
    Bad(
        lambda: deform_conv2d(X[0], OFFSET, W),
        OURS + r"input must be floating point \(N, C, H, W\), got torch.float64 of shape \(4, 5, 4\)",
    ),
    Bad(lambda: deform_conv2d(X.long(), OFFSET, W), OURS + r"input must be floating point .*, got torch.int64"),
    Bad(lambda: deform_conv2d(X, OFFSET, W[0]), OURS + r"weight must have shape \(O, C / G, kH, kW\) for 4 channels, got \(2, 2, 3\)"),
    Bad(lambda: deform_conv2d(X, OFFSET, W[:, :, :0]), OURS + r"weight must have shape .*, got \(6, 2, 0, 3\)"),
    Bad(lambda: deform_conv2d(X, OFFSET, W.view(4, 3, 2, 3)), OURS + r"weight must have shape .* for 4 channels, got \(4, 3, 2, 3\)"),
    Bad(lambda: deform_conv2d(X, OFFSET, W[:5]), OURS + r"weight must have shape .*, got \(5, 2, 2, 3\)"),
    Bad(lambda: deform_conv2d(X, OFFSET, W, B[:5], **EVERY), OURS + r"bias must have shape \(6,\), got \(5,\)"),
    Bad(lambda: deform_conv2d(X, OFFSET, W, stride=0), OURS + r"stride must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: deform_conv2d(X, OFFSET, W, dilation=0), OURS + r"dilation must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: deform_conv2d(X, OFFSET, W, padding=-1), OURS + r"padding must be an integer of at least 0 or two of them, got -1"),
    Bad(lambda: deform_conv2d(X, OFFSET, W, dilation=5), OURS + r"a kernel that spans 6 does not fit into an input of padded length 5"),
    Bad(
        lambda: deform_conv2d(X, OFFSET[..., :2], W, **EVERY),
        OURS + r"offset must have shape \(2, 2 D 6, 5, 3\) with D a divisor of 4, got \(2, 24, 5, 2\)",
    ),
    Bad(lambda: deform_conv2d(X, OFFSET[:, :23], W, **EVERY), OURS + r"offset must have shape .*, got \(2, 23, 5, 3\)"),
    Bad(lambda: deform_conv2d(X, OFFSET[:, :11], W, **EVERY), OURS + r"offset must have shape .*, got \(2, 11, 5, 3\)"),
    Bad(lambda: deform_conv2d(X, offsets(3, 5, 3), W, **EVERY), OURS + r"offset must have shape .*, got \(2, 36, 5, 3\)"),
    Bad(lambda: deform_conv2d(X, OFFSET[:1], W, **EVERY), OURS + r"offset must have shape .*, got \(1, 24, 5, 3\)"),
    Bad(lambda: deform_conv2d(X, OFFSET[0, 0, 0], W, **EVERY), OURS + r"offset must have shape .*, got \(3,\)"),
    Bad(lambda: deform_conv2d(X, OFFSET[0], W, **EVERY), OURS + r"offset must have shape .*, got \(24, 5, 3\)"),
    Bad(lambda: deform_conv2d(X, OFFSET, W, mask=MASK[:, :6], **EVERY), OURS + r"mask must have shape \(2, 12, 5, 3\), got \(2, 6, 5, 3\)"),
    Bad(lambda: DeformConv2d(0, 2, 3), r"DeformConv2d: in_channels must be a positive multiple of groups, got 0 with 1 group\(s\)"),
    Bad(lambda: DeformConv2d(3, 4, 3, groups=2), r"DeformConv2d: in_channels must be .*, got 3 with 2 group\(s\)"),
    Bad(lambda: DeformConv2d(4, 3, 3, groups=2), r"DeformConv2d: out_channels must be .*, got 3 with 2 group\(s\)"),
    Bad(lambda: DeformConv2d(4, 0, 3), r"DeformConv2d: out_channels must be .*, got 0 with 1 group\(s\)"),
    Bad(lambda: DeformConv2d(4, 4, 3, groups=0), r"DeformConv2d: in_channels must be .*, got 4 with 0 group\(s\)"),
    Bad(lambda: DeformConv2d(4, 4, 0), r"DeformConv2d: kernel_size must be an integer of at least 1 or two of them, got 0"),
)
ORACLES = (
    Oracle("the bilinear kernel as dense matrices in torch", torch_deformed),
    Oracle("the equations in NumPy, tap by tap", numpy_deformed, "numpy"),
)


def in_layer(call, p, x, offset, mask=None):
    return call(None, x, offset, p["weight"], p["bias"], **EVERY, mask=mask)


CASES = [
    Case(
        METHOD,
        "function",
        function(deform_conv2d),
        lambda: [
            Sample(SMALL),
            Sample((X, OFFSET, W, B, *EVERY.values(), MASK), name="all arguments"),
            Sample(
                (X, offsets(4, *SIZE, taps=4, reach=6.0), randn(3, 4, 2, 2, seed=10)),
                {"stride": (1, 1)},
                "far outside, a set for each channel",
            ),
        ],
        ORACLES,
        hard=lambda: [
            Sample((X + 1e4, OFFSET, W, B), EVERY, "mean 1e4"),
            Sample((X, OFFSET * 1e4, W, B), EVERY, "all outside"),
            Sample((X * 0, OFFSET, W, B), EVERY, "all zero"),
        ],
        hard_tolerance=1e-3,  # float32 holds a position to 1e-7 of the image's size, and a slope of 1e4 at the edges multiplies it
        degenerate=lambda: [
            Sample((X[:0], OFFSET[:0], W, B), EVERY, "empty batch"),
            Sample((X[:0], OFFSET[:0], W, B, *EVERY.values(), MASK[:0]), name="empty batch with a mask"),
            Sample((X[:, :, :1, :1], offsets(2, 1, 1, taps=1), W[..., :1, :1], B), {}, "one pixel"),
        ],
        bad=BAD,
        dtypes=(torch.float64, torch.float32),  # two-byte offsets fall on pixels, where the slope jumps; they have a test of their own
    ),
    Case(
        METHOD,
        "layer",
        lambda: randomize(DeformConv2d(4, 6, (2, 3), groups=2, **EVERY)),
        lambda: [Sample((X, OFFSET, MASK)), Sample((X, OFFSET), name="without a mask")],
        (
            Oracle(ORACLES[0].name, lambda p, *a: in_layer(torch_deformed, p, *a)),
            Oracle(ORACLES[1].name, lambda p, *a: in_layer(numpy_deformed, p, *a), "numpy"),
        ),
        dtypes=(torch.float64, torch.float32),
    ),
]
