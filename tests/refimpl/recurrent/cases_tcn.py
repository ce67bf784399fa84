"""Cases of the temporal convolutional network: convolution on both sides with the future cut off, and the sums in NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.recurrent.tcn import CausalConv1d, TemporalBlock, TemporalConvNet, causal_conv1d, receptive_field
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "tcn"


def cut(_, x, weight, bias=None, dilation=1):
    """PyTorch's convolution padded on both sides, without the steps that see the future."""
    padding = dilation * (weight.shape[2] - 1)
    return F.conv1d(x, weight, bias, padding=padding, dilation=dilation)[..., : x.shape[-1]]


def summed(_, x, weight, bias=None, dilation=1):
    """The convolution tap by tap; ``f[..., i]`` is the tap i steps back."""
    if x.ndim == 2:
        return summed(_, x[None], weight, bias, dilation)[0]
    f, y = weight[..., ::-1], np.zeros((len(x), len(weight), x.shape[2]))
    for b, c, s in np.ndindex(y.shape):
        taps = sum(f[c, :, i] @ x[b, :, s - dilation * i] for i in range(f.shape[2]) if s - dilation * i >= 0)
        y[b, c, s] = taps + (0.0 if bias is None else bias[c])
    return y


def network(convolve, relu, drop, p, x):
    """Blocks by a given convolution, relu and dropout; a network of one block has no prefix."""
    blocks = sorted({k.split("conv1")[0] for k in p if "conv1" in k})
    for j, block in enumerate(blocks):
        h = x
        for name in ("conv1", "conv2"):
            g, v, bias = (p[f"{block}{name}.{kind}"] for kind in ("weight_g", "weight_v", "bias"))
            length = (v.reshape(len(v), -1) ** 2).sum(1) ** 0.5
            weight = g * v / length.reshape(-1, 1, 1)
            h = drop(relu(convolve(None, h, weight, bias, (3 if not block else 1) * 2**j)))
        skip = f"{block}downsample"
        x = relu(h + (convolve(None, x, p[f"{skip}.weight"], p[f"{skip}.bias"]) if f"{skip}.weight" in p else x))
    return x


def oracles(dropout=0.0):
    torch_oracle = Oracle(
        "torch.nn.functional.conv1d padded on both sides, the future cut off",
        partial(network, cut, torch.relu, lambda h: F.dropout1d(h, dropout, dropout > 0)),
    )
    numpy_oracle = Oracle("the sums in NumPy, tap by tap", partial(network, summed, lambda v: np.maximum(v, 0), lambda v: v), "numpy")
    return (torch_oracle,) if dropout else (torch_oracle, numpy_oracle)


def one_convolution(convolve, p, x):
    length = (p["weight_v"] ** 2).sum((1, 2)) ** 0.5
    return convolve(None, x, p["weight_g"] * p["weight_v"] / length[:, None, None], p["bias"], 2)


X = randn(2, 3, 7, seed=1)
Z = torch.zeros
ROUNDED = {torch.bfloat16: 6e-2}  # four to six convolutions, each rounded, with relu between them

BAD = (
    Bad(lambda: causal_conv1d(X, Z(2, 3, 2), dilation=0), r"^causal_conv1d: dilation must be positive, got 0$"),
    Bad(lambda: causal_conv1d(X, Z(2, 3)), r"^causal_conv1d: weight must have shape \(C', C, k\) with k > 0, got \(2, 3\)$"),
    Bad(lambda: causal_conv1d(X, Z(2, 3, 0)), r"weight must have shape \(C', C, k\) with k > 0, got \(2, 3, 0\)$"),
    Bad(lambda: causal_conv1d(X, Z(2, 4, 1)), r"input must be \(B, C, T\) or \(C, T\) with C = 4, got shape \(2, 3, 7\)$"),
    Bad(lambda: causal_conv1d(X[0, 0], Z(2, 7, 1)), r"input must be \(B, C, T\) or \(C, T\) with C = 7, got shape \(7,\)$"),
    Bad(lambda: receptive_field(0, 3), r"^receptive_field: kernel_size must be at least 1, got 0$"),
    Bad(lambda: receptive_field(2, -1), r"^receptive_field: blocks must be at least 0, got -1$"),
    Bad(lambda: TemporalConvNet(3, []), r"^TemporalConvNet: expected positive numbers of channels for at least one block, got \[3\]$"),
    Bad(lambda: TemporalConvNet(3, [4, 0]), r"expected positive numbers of channels for at least one block, got \[3, 4, 0\]$"),
    Bad(lambda: TemporalConvNet(3, [4], 0), r"^TemporalConvNet: kernel_size must be positive, got 0$"),
    Bad(lambda: TemporalConvNet(3, [4], dropout=-0.1), r"^TemporalConvNet: dropout must lie in \[0, 1\], got -0.1$"),
    Bad(lambda: TemporalConvNet(3, [4], dropout=1.1), r"^TemporalConvNet: dropout must lie in \[0, 1\], got 1.1$"),
)

CASES = [
    Case(
        METHOD,
        "causal convolution",
        function(causal_conv1d),
        lambda: [
            Sample((X, randn(2, 3, 3, seed=2), randn(2, seed=3)), {"dilation": 2}),
            Sample((X[0], randn(4, 3, 2, seed=4)), name="no batch, no bias"),
            Sample((X, randn(2, 3, 4, seed=5)), {"dilation": 5}, name="field longer than the sequence"),
        ],
        (
            Oracle("torch.nn.functional.conv1d padded on both sides, the future cut off", cut),
            Oracle("the sums in NumPy, tap by tap", summed, "numpy"),
        ),
        gradcheck=2,
        degenerate=lambda: [
            Sample((X[:, :, :1], randn(2, 3, 3, seed=2)), name="one step"),
            Sample((X[:0], randn(2, 3, 3, seed=2)), name="empty batch"),
        ],
        bad=BAD,
    ),
    Case(
        METHOD,
        "normalized convolution",
        lambda: randomize(CausalConv1d(3, 2, 3, 2)),
        lambda: [Sample((X,))],
        (
            Oracle("torch.nn.functional.conv1d padded on both sides, the future cut off", partial(one_convolution, cut)),
            Oracle("the sums in NumPy, tap by tap", partial(one_convolution, summed), "numpy"),
        ),
    ),
    Case(
        METHOD,
        "block of equal widths, dilation 3",
        lambda: randomize(TemporalBlock(3, 3, 2, 3, 0.0)),
        lambda: [Sample((X,))],
        oracles(),
        tolerance=ROUNDED,
        hard=lambda: [Sample((X * 0,), name="all zero"), Sample((X + 1e4,), name="mean 1e4")],
    ),
    Case(
        METHOD,
        "network of three blocks",
        lambda: randomize(TemporalConvNet(3, [4, 4, 2], 3, 0.0)),
        lambda: [Sample((X,)), Sample((randn(1, 3, 19, seed=6),)), Sample((X[1],), name="no batch")],
        oracles(),
        tolerance=ROUNDED,
        compiles="its blocks are compiled in their own case",
    ),
    Case(
        METHOD,
        "network with dropout",
        lambda: randomize(TemporalConvNet(3, [4, 2], 2, 0.4)),
        lambda: [Sample((X,))],
        oracles(0.4),
        tolerance=ROUNDED,
        seeded=True,
        compiles="its blocks are compiled in their own case",
        exports="its blocks are exported in their own case",
    ),
]
