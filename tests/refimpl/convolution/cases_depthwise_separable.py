"""Cases of depthwise separable convolution: one filter and one mixture at a time, and the regular convolution that computes the same."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.convolution.depthwise_separable import (
    DepthwiseSeparableConv2d,
    cost_ratio,
    depthwise_separable_conv2d,
    equivalent_kernel,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "depthwise-separable"
HALVES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def pairs(*values):
    return [v if isinstance(v, tuple) else (v, v) for v in values]


def numpy_layer(_, x, depthwise, pointwise, bias=None, stride=1, padding=0, dilation=1):
    """Filter every channel with each of its kernels, then mix, tap by tap."""
    if x.ndim == 3:
        return numpy_layer(_, x[None], depthwise, pointwise, bias, stride, padding, dilation)[0]
    (sh, sw), (ph, pw), (dh, dw) = pairs(stride, padding, dilation)
    x = np.pad(x, [(0, 0), (0, 0), (ph, ph), (pw, pw)])
    multiplier = len(depthwise) // x.shape[1]
    kh, kw = depthwise.shape[2:]
    ho, wo = (x.shape[2] - dh * (kh - 1) - 1) // sh + 1, (x.shape[3] - dw * (kw - 1) - 1) // sw + 1
    z = np.zeros((len(x), len(depthwise), ho, wo))
    for k, a, b in np.ndindex(len(depthwise), kh, kw):
        seen = x[:, k // multiplier, a * dh :: sh, b * dw :: sw][:, :ho, :wo]
        z[:, k] += depthwise[k, 0, a, b] * seen
    y = np.zeros((len(x), len(pointwise), ho, wo))
    for o, k in np.ndindex(pointwise.shape[:2]):
        y[:, o] += pointwise[o, k, 0, 0] * z[:, k]
    return y if bias is None else y + bias[:, None, None]


def numpy_kernel(_, depthwise, pointwise, channels):
    multiplier = len(depthwise) // channels
    kernel = np.zeros((len(pointwise), channels, *depthwise.shape[2:]))
    for o, k in np.ndindex(pointwise.shape[:2]):
        kernel[o, k // multiplier] += pointwise[o, k, 0, 0] * depthwise[k, 0]
    return kernel


def torch_kernel(_, depthwise, pointwise, channels):
    spread = depthwise * torch.eye(channels, dtype=depthwise.dtype).repeat_interleave(len(depthwise) // channels, 0)[..., None, None]
    return (pointwise[:, :, 0, 0] @ spread.flatten(1)).view(len(pointwise), channels, *depthwise.shape[2:])


def torch_layer(_, x, depthwise, pointwise, bias=None, stride=1, padding=0, dilation=1):
    """The regular convolution."""
    return F.conv2d(x, torch_kernel(None, depthwise, pointwise, x.shape[-3]), bias, stride, padding, dilation)


X, D, P, B = randn(1, 2, 4, 3, seed=1), randn(4, 1, 2, 3, seed=2), randn(3, 4, 1, 1, seed=3), rand(3, seed=4)
IMAGES = randn(3, 2, 7, 6, seed=5)
EVERY = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
LAYER = {"stride": (1, 2), "padding": (2, 1), "dilation": (2, 1)}
OURS = r"depthwise_separable_conv2d: "
BAD = (
    Bad(
        lambda: depthwise_separable_conv2d(X.long(), D, P),
        OURS + r"input must be floating point .*, got torch.int64 of shape \(1, 2, 4, 3\)",
    ),
    Bad(lambda: depthwise_separable_conv2d(X[0, 0], D, P), OURS + r"input must be floating point .*, got torch.float64 of shape \(4, 3\)"),
    Bad(lambda: depthwise_separable_conv2d(X[None], D, P), OURS + r"input must be floating point .* of shape \(1, 1, 2, 4, 3\)"),
    Bad(lambda: depthwise_separable_conv2d(X, D[:, 0], P), OURS + r"depthwise must have shape \(C T, 1, kH, kW\), got \(4, 2, 3\)"),
    Bad(lambda: depthwise_separable_conv2d(X, D[:, :, 0], P), OURS + r"depthwise must have shape .*, got \(4, 1, 3\)"),
    Bad(lambda: depthwise_separable_conv2d(X, D.view(2, 2, 2, 3), P), OURS + r"depthwise must have shape .*, got \(2, 2, 2, 3\)"),
    Bad(
        lambda: depthwise_separable_conv2d(X, D[:3], P[:, :3]),
        OURS + r"depthwise must have a multiple of the 2 channels .*, got \(3, 1, 2, 3\)",
    ),
    Bad(lambda: depthwise_separable_conv2d(X, D, P[:, :3]), OURS + r"pointwise must have shape \(O, 4, 1, 1\), got \(3, 3, 1, 1\)"),
    Bad(lambda: depthwise_separable_conv2d(X, D, P[..., 0]), OURS + r"pointwise must have shape \(O, 4, 1, 1\), got \(3, 4, 1\)"),
    Bad(lambda: depthwise_separable_conv2d(X, D, P, B[:2]), OURS + r"bias must have shape \(3,\), got \(2,\)"),
    Bad(lambda: equivalent_kernel(D[0], P, 2), r"equivalent_kernel: depthwise must have shape \(C T, 1, kH, kW\), got \(1, 2, 3\)"),
    Bad(lambda: equivalent_kernel(D, P, 3), r"equivalent_kernel: channels must be a positive divisor of 4, got 3"),
    Bad(lambda: equivalent_kernel(D, P, 0), r"equivalent_kernel: channels must be a positive divisor of 4, got 0"),
    Bad(lambda: DepthwiseSeparableConv2d(0, 2, 3), r"DepthwiseSeparableConv2d: in_channels must be positive, got 0"),
    Bad(lambda: DepthwiseSeparableConv2d(2, 0, 3), r"DepthwiseSeparableConv2d: out_channels must be positive, got 0"),
    Bad(lambda: DepthwiseSeparableConv2d(2, 2, 3, multiplier=0), r"DepthwiseSeparableConv2d: multiplier must be positive, got 0"),
    Bad(lambda: DepthwiseSeparableConv2d(2, 2, 0), r"DepthwiseSeparableConv2d: kernel_size must be an integer of at least 1 .*, got 0"),
    Bad(lambda: DepthwiseSeparableConv2d(2, 2, 3, 0), r"DepthwiseSeparableConv2d: stride must be an integer of at least 1 .*, got 0"),
    Bad(
        lambda: DepthwiseSeparableConv2d(2, 2, 3, dilation=0),
        r"DepthwiseSeparableConv2d: dilation must be an integer of at least 1 .*, got 0",
    ),
    Bad(lambda: DepthwiseSeparableConv2d(2, 2, 3, 2, "same"), r"padding 'same' needs stride 1, got \(2, 2\)"),
    Bad(lambda: cost_ratio(4, 0), r"cost_ratio: kernel_size must be an integer of at least 1 or two of them, got 0"),
)


def in_layer(call, p, x):
    return call(None, x, p["depthwise"], p["pointwise"], p.get("bias"), **LAYER)


ORACLES = (
    Oracle("torch.nn.functional.conv2d with the equivalent kernel", torch_layer),
    Oracle("the equations in NumPy, tap by tap", numpy_layer, "numpy"),
)

CASES = [
    Case(
        METHOD,
        "function",
        function(depthwise_separable_conv2d),
        lambda: [
            Sample((X, D, P, B), EVERY, "all arguments"),
            Sample((IMAGES, D[::2], P[:, ::2]), {"stride": 2}, "one kernel for each channel, no bias"),
            Sample((IMAGES[1], D, P, B), {"padding": 1}, "without batch"),
        ],
        ORACLES,
        hard=lambda: [
            Sample((IMAGES + 1e4, D, P, B), {"padding": 1}, "mean 1e4"),
            Sample((IMAGES * 0, D, P, B), {}, "all zero"),
        ],
        degenerate=lambda: [
            Sample((IMAGES[:0], D, P, B), EVERY, "empty batch"),
            Sample((IMAGES[:, :, :2, :3], D, P, B), {}, "one position"),
        ],
        bad=BAD,
        gradcheck=2,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "layer",
        lambda: randomize(DepthwiseSeparableConv2d(2, 3, (2, 3), multiplier=2, **LAYER)),
        lambda: [Sample((X,)), Sample((IMAGES,), name="batch")],
        (
            Oracle(ORACLES[0].name, lambda p, x: in_layer(torch_layer, p, x)),
            Oracle(ORACLES[1].name, lambda p, x: in_layer(numpy_layer, p, x), "numpy"),
        ),
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "equivalent kernel",
        function(equivalent_kernel),
        lambda: [Sample((D, P, 2)), Sample((D, P, 4), name="one kernel for each channel"), Sample((D, P, 1), name="one channel")],
        (
            Oracle("one matrix product in torch", torch_kernel),
            Oracle("the equations in NumPy, tap by tap", numpy_kernel, "numpy"),
        ),
        gradcheck=2,
        dtypes=HALVES,
    ),
]
