"""Cases of convolution: every algorithm against PyTorch and against the defining sum in loops."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.convolution.convolution import Conv2d, conv2d, convolution_matrix, output_size
from refimpl.convolution.winograd import winograd
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "convolution"


def same_pads(f, d):
    """Zeros before and after for an output as long as the input."""
    total = d * (f - 1)
    return total // 2, total - total // 2


def loops(_, x, w, bias=None, stride=1, padding=0, dilation=1, groups=1, mode="constant"):
    """The sum over the taps at every position of every output channel."""
    if x.ndim == 3:
        return loops(_, x[None], w, bias, stride, padding, dilation, groups, mode)[0]
    (sh, sw), (dh, dw) = (v if isinstance(v, tuple) else (v, v) for v in (stride, dilation))
    o, per_group, kh, kw = w.shape
    if isinstance(padding, str):
        around = [(0, 0), (0, 0), same_pads(kh, dh) if padding == "same" else (0, 0), same_pads(kw, dw) if padding == "same" else (0, 0)]
    else:
        ph, pw = padding if isinstance(padding, tuple) else (padding, padding)
        around = [(0, 0), (0, 0), (ph, ph), (pw, pw)]
    x = np.pad(x, around, mode=mode)
    rows = [i for i in range(0, x.shape[2], sh) if i + dh * (kh - 1) < x.shape[2]]
    columns = [j for j in range(0, x.shape[3], sw) if j + dw * (kw - 1) < x.shape[3]]
    y = np.zeros((x.shape[0], o, len(rows), len(columns)))
    for n, k, i, j in np.ndindex(y.shape):
        first = k // (o // groups) * per_group
        y[n, k, i, j] = 0.0 if bias is None else bias[k]
        for c, a, b in np.ndindex(w.shape[1:]):
            y[n, k, i, j] += w[k, c, a, b] * x[n, first + c, rows[i] + dh * a, columns[j] + dw * b]
    return y


BUILT_IN = Oracle("torch.nn.functional.conv2d", lambda _, *args, **kwargs: F.conv2d(*args, **kwargs))
LOOPS = Oracle("the defining sum in NumPy loops", loops, "numpy")

X, W, B = randn(1, 4, 5, 4, seed=1), randn(2, 2, 3, 2, seed=2), rand(2, seed=3)
IMAGES, WIDE, BIAS = randn(3, 4, 7, 6, seed=4), randn(6, 2, 2, 3, seed=5), rand(6, seed=6)
SQUARE = randn(6, 2, 3, 3, seed=7)
GENERAL = [
    Sample((X, W, B), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}, "all arguments"),
    Sample((IMAGES, WIDE, BIAS), {"stride": (1, 2), "padding": (2, 0), "dilation": (2, 1), "groups": 2}, "batch"),
    Sample((IMAGES, randn(6, 2, 2, 4, seed=19), BIAS), {"padding": "same", "dilation": (3, 1), "groups": 2}, "same, odd on both axes"),
    Sample((IMAGES, randn(5, 4, 2, 2, seed=8)), {"padding": "valid", "stride": 3}, "stride beyond the kernel, no bias"),
    Sample((IMAGES, randn(8, 1, 3, 2, seed=9)), {"groups": 4, "padding": 1}, "depthwise"),
    Sample((IMAGES, randn(5, 4, 1, 1, seed=10), rand(5, seed=11)), {}, "1x1"),
    Sample((IMAGES[0], randn(5, 4, 3, 2, seed=12), rand(5, seed=13)), {"padding": (0, 1)}, "without batch"),
]
THREE = [
    Sample((X, randn(2, 2, 3, 3, seed=14), B), {"padding": (1, 2), "groups": 2}, "all arguments"),
    Sample((IMAGES, SQUARE, BIAS), {"padding": (2, 0), "groups": 2}, "batch"),
    Sample((IMAGES, SQUARE, BIAS), {"padding": "same", "groups": 2}, "same"),
    Sample((IMAGES, randn(5, 4, 3, 3, seed=15)), {"padding": 1}, "no bias"),
    Sample((IMAGES[0], randn(5, 4, 3, 3, seed=16), rand(5, seed=17)), {}, "without batch"),
    Sample((randn(2, 4, 9, 12, seed=18), SQUARE, BIAS), {"padding": (1, 0), "groups": 2}, "several tiles"),
]
ZEROS = torch.zeros(2, 4, 7, 6, dtype=torch.float64)
HARD = [
    Sample((IMAGES + 1e4, SQUARE, BIAS), {"padding": 1, "groups": 2}, "mean 1e4"),
    Sample((ZEROS, SQUARE, BIAS), {"padding": 1, "groups": 2}, "all zero"),
    Sample((IMAGES * 1e6, SQUARE * 1e6, BIAS * 1e12), {"padding": 1, "groups": 2}, "values of 1e6"),
]
DEGENERATE = [
    Sample((IMAGES[:0], SQUARE, BIAS), {"padding": 1, "groups": 2}, "empty batch"),
    Sample((IMAGES[:, :, :3, :3], SQUARE, BIAS), {"groups": 2}, "one position"),
    Sample((IMAGES[:, :, :1, :1], SQUARE, BIAS), {"groups": 2, "padding": 1}, "one pixel"),
]
EMPTY = Sample((IMAGES[:0], WIDE, BIAS), {"stride": (1, 2), "padding": (2, 0), "dilation": (3, 1), "groups": 2}, "empty batch, all")

NINE = r"winograd needs kernel \(3, 3\), stride 1 and dilation 1"
BAD = (
    Bad(lambda: conv2d(IMAGES[0, 0], W), r"input must be floating point \(N, C, H, W\) or \(C, H, W\), got torch.float64 of shape"),
    Bad(lambda: conv2d(IMAGES[None], W), r"input must be floating point .* of shape \(1, 3, 4, 7, 6\)"),
    Bad(lambda: conv2d(IMAGES.long(), W), r"input must be floating point .*, got torch.int64 of shape \(3, 4, 7, 6\)"),
    Bad(lambda: conv2d(IMAGES, W[0]), r"weight must have shape \(out_channels, in_channels / groups, kH, kW\), got \(2, 3, 2\)"),
    Bad(lambda: conv2d(IMAGES, W[:, :, :0], groups=2), r"weight must have shape .*, got \(2, 2, 0, 2\)"),
    Bad(lambda: conv2d(IMAGES, W[:0], groups=2), r"weight must have shape .*, got \(0, 2, 3, 2\)"),
    Bad(lambda: conv2d(IMAGES, W.float(), B.float(), groups=2), r"weight must have the dtype of the input, torch.float64, got torch.f"),
    Bad(lambda: conv2d(IMAGES, W, B.float(), groups=2), r"bias must have the dtype of the input, torch.float64, got torch.float32"),
    Bad(lambda: conv2d(IMAGES, W), r"weight \(2, 2, 3, 2\) with 1 group\(s\) needs 2 input channels, got input \(3, 4, 7, 6\)"),
    Bad(lambda: conv2d(IMAGES, W, groups=3), r"groups must be a positive divisor of the 2 output channels, got 3"),
    Bad(lambda: conv2d(IMAGES, W, groups=0), r"groups must be a positive divisor of the 2 output channels, got 0"),
    Bad(lambda: conv2d(IMAGES, W, groups=2.0), r"groups must be a positive divisor of the 2 output channels, got 2.0"),
    Bad(lambda: conv2d(IMAGES, W, BIAS, groups=2), r"bias must have shape \(2,\), got \(6,\)"),
    Bad(lambda: conv2d(IMAGES, W, groups=2, stride=0), r"stride must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: conv2d(IMAGES, W, groups=2, stride=1.5), r"stride must be an integer of at least 1 or two of them, got 1.5"),
    Bad(lambda: conv2d(IMAGES, W, groups=2, stride=(1, 2, 3)), r"stride must be an integer of at least 1 or two of them, got \(1, 2, 3\)"),
    Bad(lambda: conv2d(IMAGES, W, groups=2, stride=(1, 1.5)), r"stride must be an integer of at least 1 or two of them, got \(1, 1.5\)"),
    Bad(lambda: conv2d(IMAGES, W, groups=2, dilation=(1, 0)), r"dilation must be an integer of at least 1 or two of them, got \(1, 0\)"),
    Bad(lambda: conv2d(IMAGES, W, groups=2, padding=-1), r"padding must be an integer of at least 0 or two of them, got -1"),
    Bad(lambda: conv2d(IMAGES, W, groups=2, padding="full"), r"padding must be numbers, 'valid' or 'same', got 'full'"),
    Bad(lambda: conv2d(IMAGES, W, groups=2, padding="same", stride=(1, 2)), r"padding 'same' needs stride 1, got \(1, 2\)"),
    *(
        Bad(lambda method=method: conv2d(IMAGES, W, groups=2, dilation=(4, 1), method=method), r"a kernel that spans 9 does not fit .* 7$")
        for method in ("direct", "im2col", "fft")
    ),
    *(
        Bad(lambda method=method: conv2d(IMAGES, W, groups=2, dilation=(1, 6), method=method), r"a kernel that spans 7 does not fit .* 6$")
        for method in ("direct", "im2col", "fft")
    ),
    Bad(lambda: output_size(5, 4, padding=1, dilation=3), r"a kernel that spans 10 does not fit into an input of padded length 7"),
    Bad(lambda: conv2d(IMAGES, W, groups=2, method="gemm"), r"method must be one of direct, fft, im2col, winograd, winograd4, got 'gemm'"),
    Bad(lambda: conv2d(IMAGES, W, groups=2, method="winograd"), NINE + r", got \(3, 2\), \(1, 1\) and \(1, 1\)"),
    Bad(lambda: conv2d(IMAGES, SQUARE, groups=2, stride=(1, 2), method="winograd"), NINE + r", got \(3, 3\), \(1, 2\) and \(1, 1\)"),
    Bad(lambda: conv2d(IMAGES, SQUARE, groups=2, dilation=2, method="winograd4"), NINE + r", got \(3, 3\), \(1, 1\) and \(2, 2\)"),
    Bad(lambda: winograd(IMAGES, SQUARE, (1, 1), (1, 1), 2, tile=3), r"winograd has tiles of 2 or 4, got 3"),
    Bad(lambda: winograd(IMAGES[:, :, :2], SQUARE, (1, 1), (1, 1), 2), r"a kernel that spans 3 does not fit .* of padded length 2"),
    Bad(lambda: convolution_matrix(W, (2, 4)), r"a kernel that spans 3 does not fit .* of padded length 2"),
    Bad(lambda: convolution_matrix(W, (5, 5), stride=0), r"stride must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: convolution_matrix(W, (5, 5), dilation=0), r"dilation must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: convolution_matrix(W, (5, 5), stride=2, padding="same"), r"padding 'same' needs stride 1, got \(2, 2\)"),
    Bad(lambda: convolution_matrix(W[0], (5, 5)), r"convolution_matrix: weight must have shape \(O, C, kH, kW\), got \(2, 3, 2\)"),
    Bad(lambda: Conv2d(0, 2, 3), r"Conv2d: in_channels must be a positive multiple of groups, got 0 with 1 group\(s\)"),
    Bad(lambda: Conv2d(3, 4, 3, groups=2), r"Conv2d: in_channels must be a positive multiple of groups, got 3 with 2 group\(s\)"),
    Bad(lambda: Conv2d(4, 3, 3, groups=2), r"Conv2d: out_channels must be a positive multiple of groups, got 3 with 2 group\(s\)"),
    Bad(lambda: Conv2d(4, 3, 3, groups=0), r"Conv2d: in_channels must be a positive multiple of groups, got 4 with 0 group\(s\)"),
    Bad(lambda: Conv2d(4, 0, 3), r"Conv2d: out_channels must be a positive multiple of groups, got 0"),
    Bad(lambda: Conv2d(4, 2, 0), r"kernel_size must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: Conv2d(4, 2, 3, stride=0), r"stride must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: Conv2d(4, 2, 3, padding=-1), r"conv2d: padding must be an integer of at least 0 or two of them, got -1"),
    Bad(lambda: Conv2d(4, 2, 3, dilation=0), r"dilation must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: Conv2d(4, 2, 3, padding="same", stride=2), r"padding 'same' needs stride 1, got \(2, 2\)"),
    Bad(lambda: Conv2d(4, 2, 3, padding_mode="wrap"), r"padding_mode must be one of zeros, reflect, replicate, circular, got 'wrap'"),
    Bad(lambda: Conv2d(4, 2, 3, method="gemm"), r"method must be one of direct, fft, im2col, winograd, winograd4, got 'gemm'"),
    Bad(lambda: Conv2d(4, 2, 3, padding=1, padding_mode="circular")(IMAGES[:, :3].float()), r"needs 4 .* got input \(3, 3, 7, 6\)"),
)


def algorithm(name: str, samples: list[Sample], degenerate: list[Sample], **more) -> Case:
    return Case(
        METHOD,
        name,
        function(conv2d, method=name),
        lambda: samples,
        (BUILT_IN, LOOPS),
        hard=lambda: HARD,
        degenerate=lambda: degenerate,
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )


def layer(name: str, numpy_mode: str, *options, **named) -> Case:
    stride, padding, dilation, groups = options
    arguments = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

    def built_in(p, x):
        theirs = torch.nn.Conv2d(4, 6, (2, 3), **arguments, padding_mode=named.get("padding_mode", "zeros")).double()
        return torch.func.functional_call(theirs, dict(p), (x,))

    def in_loops(p, x):
        return loops(None, x, p["weight"], p["bias"], mode=numpy_mode, **arguments)

    return Case(
        METHOD,
        f"layer, {name}",
        lambda: randomize(Conv2d(4, 6, (2, 3), *options, **named)),
        lambda: [Sample((X,)), Sample((IMAGES,), name="batch"), Sample((IMAGES[1],), name="without batch")],
        (Oracle("torch.nn.Conv2d", built_in), Oracle("the defining sum in NumPy loops", partial(in_loops), "numpy")),
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    )


CASES = [
    algorithm("im2col", GENERAL, [*DEGENERATE, EMPTY], bad=BAD),
    algorithm("direct", GENERAL, [*DEGENERATE, EMPTY]),
    algorithm("fft", GENERAL, [*DEGENERATE, EMPTY]),
    algorithm("winograd", THREE, DEGENERATE),
    algorithm("winograd4", THREE, DEGENERATE),
    layer("zeros", "constant", (2, 1), (1, 2), (1, 2), 2),
    layer("same", "constant", 1, "same", (2, 1), 2, method="fft"),
    layer("reflect", "reflect", (1, 2), (2, 1), 1, 2, padding_mode="reflect"),
    layer("replicate", "edge", 2, 1, (3, 1), 1, padding_mode="replicate", method="direct"),
    layer("circular, same", "wrap", 1, "same", (1, 2), 2, padding_mode="circular"),
]
