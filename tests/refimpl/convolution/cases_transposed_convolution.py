"""Cases of transposed convolution against PyTorch and against the scattering sum in loops."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.convolution.transposed_convolution import ConvTranspose2d, conv_transpose2d
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "transposed-convolution"
HALVES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def loops(_, x, w, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Each pixel of each channel adds its multiple of the kernel to the output."""
    if x.ndim == 3:
        return loops(_, x[None], w, bias, stride, padding, output_padding, groups, dilation)[0]
    axes = [v if isinstance(v, tuple) else (v, v) for v in (stride, padding, output_padding, dilation)]
    sizes = [(n - 1) * s - 2 * p + d * (f - 1) + a + 1 for n, f, s, p, a, d in zip(x.shape[2:], w.shape[2:], *axes, strict=True)]
    outputs = w.shape[1]
    y = np.zeros((len(x), groups * outputs, *sizes))
    if bias is not None:
        y += bias[:, None, None]
    for n, c, i, j in np.ndindex(x.shape):
        first = c // (x.shape[1] // groups) * outputs
        for o, a, b in np.ndindex(w.shape[1:]):
            row, column = (at * s - p + d * tap for at, tap, s, p, d in zip((i, j), (a, b), *axes[:2], axes[3], strict=True))
            if 0 <= row < sizes[0] and 0 <= column < sizes[1]:
                y[n, first + o, row, column] += w[c, o, a, b] * x[n, c, i, j]
    return y


def built_in(_, *arguments, **options):
    return F.conv_transpose2d(*arguments, **options)


X, W, B = randn(1, 4, 2, 3, seed=1), randn(4, 1, 3, 2, seed=2), rand(2, seed=3)
IMAGES, WIDE, BIAS = randn(3, 4, 5, 4, seed=4), randn(4, 3, 2, 3, seed=5), rand(6, seed=6)
EVERY = {"stride": (3, 2), "padding": (1, 2), "output_padding": (2, 1), "groups": 2, "dilation": (1, 2)}
ZEROS = torch.zeros(2, 4, 5, 4, dtype=torch.float64)
LAYER = {"stride": (2, 3), "padding": (0, 1), "output_padding": (1, 2), "groups": 2, "dilation": (2, 1)}
FIT = r"conv_transpose2d: "
BAD = (
    Bad(lambda: conv_transpose2d(IMAGES[0, 0], WIDE), FIT + r"input must be floating point .*, got torch.float64 of shape \(5, 4\)"),
    Bad(lambda: conv_transpose2d(IMAGES[None], WIDE), FIT + r"input must be floating point .* of shape \(1, 3, 4, 5, 4\)"),
    Bad(lambda: conv_transpose2d(IMAGES.long(), WIDE), FIT + r"input must be floating point .*, got torch.int64"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE[0]), FIT + r"weight must have shape \(in_channels, .* kW\), got \(3, 2, 3\)"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE[:, :0]), FIT + r"weight must have shape .*, got \(4, 0, 2, 3\)"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE.float()), FIT + r"weight must have the dtype of the input, torch.float64, got torch.float32"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE, BIAS.float()), FIT + r"bias must have the dtype of the input, torch.float64, got torch.f"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE, groups=3), FIT + r"groups must be a positive divisor of the 4 input channels .*, got 3"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE, groups=0), FIT + r"groups must be a positive divisor of the 4 input channels .*, got 0"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE, groups=2.0), FIT + r"groups must be a positive divisor .*, got 2.0"),
    Bad(lambda: conv_transpose2d(IMAGES[:, :3], WIDE), FIT + r"weight \(4, 3, 2, 3\) needs 4 input channels, got input \(3, 3, 5, 4\)"),
    Bad(lambda: conv_transpose2d(IMAGES[..., :0], WIDE), FIT + r"input must have at least one pixel, got shape \(3, 4, 5, 0\)"),
    Bad(lambda: conv_transpose2d(IMAGES[..., :0, :], WIDE), FIT + r"input must have at least one pixel, got shape \(3, 4, 0, 4\)"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE, BIAS, groups=1), FIT + r"bias must have shape \(3,\), got \(6,\)"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE, stride=0), FIT + r"stride must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE, dilation=0), FIT + r"dilation must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE, padding=-1), FIT + r"padding must be an integer of at least 0 or two of them, got -1"),
    Bad(lambda: conv_transpose2d(IMAGES, WIDE, output_padding=-1), FIT + r"output_padding must be an integer of at least 0 .*, got -1"),
    Bad(
        lambda: conv_transpose2d(IMAGES, WIDE, stride=(2, 3), output_padding=(1, 3)),
        FIT + r"output_padding must be smaller than stride \(2, 3\) or dilation \(1, 1\), got \(1, 3\)",
    ),
    Bad(
        lambda: conv_transpose2d(X[..., :1, :], W[:, :, :2], padding=(1, 0)),
        FIT + r"padding \(1, 0\) cuts off all of an output of \(2, 4\)",
    ),
    Bad(lambda: ConvTranspose2d(0, 2, 3), r"ConvTranspose2d: in_channels must be a positive multiple of groups, got 0 with 1 group\(s\)"),
    Bad(lambda: ConvTranspose2d(3, 4, 3, groups=2), r"ConvTranspose2d: in_channels must be .*, got 3 with 2 group\(s\)"),
    Bad(lambda: ConvTranspose2d(4, 3, 3, groups=2), r"ConvTranspose2d: out_channels must be .*, got 3 with 2 group\(s\)"),
    Bad(lambda: ConvTranspose2d(4, 0, 3), r"ConvTranspose2d: out_channels must be .*, got 0 with 1 group\(s\)"),
    Bad(lambda: ConvTranspose2d(4, 4, 3, groups=0), r"ConvTranspose2d: in_channels must be .*, got 4 with 0 group\(s\)"),
    Bad(lambda: ConvTranspose2d(4, 4, 0), r"ConvTranspose2d: kernel_size must be an integer of at least 1 or two of them, got 0"),
)


def layer_in_torch(p, x):
    return F.conv_transpose2d(x, p["weight"], p.get("bias"), **LAYER)


def layer_in_loops(p, x):
    return loops(None, x, p["weight"], p.get("bias"), **LAYER)


CASES = [
    Case(
        METHOD,
        "function",
        function(conv_transpose2d),
        lambda: [
            Sample((X, W, B), EVERY, "all arguments"),
            Sample((IMAGES, WIDE, BIAS), {**EVERY, "output_padding": (0, 1), "dilation": (2, 3)}, "batch"),
            Sample((IMAGES, WIDE, BIAS[:3]), {}, "defaults"),
            Sample((IMAGES, WIDE), {"stride": 4, "output_padding": 3}, "stride beyond the kernel, no bias"),
            Sample((IMAGES, WIDE), {"dilation": 4, "output_padding": 3}, "output padding beyond the stride"),
            Sample((IMAGES[0], randn(4, 1, 1, 1, seed=7), rand(4, seed=8)), {"groups": 4, "stride": 2}, "depthwise, without batch"),
        ],
        (Oracle("torch.nn.functional.conv_transpose2d", built_in), Oracle("the scattering sum in NumPy loops", loops, "numpy")),
        hard=lambda: [
            Sample((IMAGES + 1e4, WIDE, BIAS), {"stride": 2, "padding": 1, "groups": 2}, "mean 1e4"),
            Sample((ZEROS, WIDE, BIAS), {"groups": 2}, "all zero"),
            Sample((IMAGES * 1e6, WIDE * 1e6, BIAS * 1e12), {"stride": 2, "groups": 2}, "values of 1e6"),
        ],
        degenerate=lambda: [
            Sample((IMAGES[:0], WIDE, BIAS), EVERY, "empty batch"),
            Sample((IMAGES[:, :, :1, :1], WIDE, BIAS), {"groups": 2}, "one pixel"),
            Sample((IMAGES[:, :, :1, :1], WIDE[..., :1, :1], BIAS), {"groups": 2}, "one pixel, kernel of one"),
        ],
        bad=BAD,
        gradcheck=2,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "layer",
        lambda: randomize(ConvTranspose2d(4, 6, (2, 3), **LAYER)),
        lambda: [Sample((X,)), Sample((IMAGES,), name="batch"), Sample((IMAGES[1],), name="without batch")],
        (
            Oracle("torch.nn.functional.conv_transpose2d", layer_in_torch),
            Oracle("the scattering sum in NumPy loops", layer_in_loops, "numpy"),
        ),
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "layer without bias",
        lambda: randomize(ConvTranspose2d(4, 6, (2, 3), bias=False, **LAYER)),
        lambda: [Sample((X,))],
        (
            Oracle("torch.nn.functional.conv_transpose2d", layer_in_torch),
            Oracle("the scattering sum in NumPy loops", layer_in_loops, "numpy"),
        ),
    ),
]
