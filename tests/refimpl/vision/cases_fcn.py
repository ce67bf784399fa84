"""Cases of FCN: with zero, one and two skips, against the network written out layer by layer; upsampling by its definition."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F

from refimpl.vision.fcn import FCN, bilinear_kernel, bilinear_upsample, confusion
from tests.refimpl.convolution.networks import network_case
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn
from tests.refimpl.vision.upsampling import bilinear, transposed

METHOD = "fcn"


def padded(x, down, right):
    if isinstance(x, torch.Tensor):
        return F.pad(x, (0, right, 0, down))
    import numpy as np

    return np.pad(x, [(0, 0), (0, 0), (0, down), (0, right)])


def network(skips, layers, p, x, training):
    height, width = x.shape[2:]
    x = padded(x, -height % 8, -width % 8)
    pooled, place = [], 0
    for depth in (1, 2, 1):
        for _ in range(depth):
            x = layers.relu(layers.conv(x, p[f"features.{place}.weight"], p[f"features.{place}.bias"], 1, 1))
            place += 2
        x = layers.max_pool(x, 2, 2)
        place += 1
        pooled.append(x)
    x = layers.relu(layers.conv(x, p["classifier.0.weight"], p["classifier.0.bias"], 1, 3))
    x = layers.relu(layers.conv(x, p["classifier.3.weight"], p["classifier.3.bias"]))
    score = layers.conv(x, p["scores.0.weight"], p["scores.0.bias"])
    for i in range(skips):
        finer = layers.conv(pooled[1 - i], p[f"scores.{i + 1}.weight"], p[f"scores.{i + 1}.bias"])
        score = transposed(score, p[f"up.{i}.weight"], None, 2, 1) + finer
    return bilinear(score, 8 // 2**skips)[:, :, :height, :width]


def small(skips=2, **more):
    return FCN(3, skips, (1, 2, 1), (3, 4, 2), 5, 0.0, **more)


X = randn(2, 3, 3, 2, seed=1)
BAD = (
    Bad(
        lambda: small()(torch.zeros(1, 4, 8, 8)),
        r"FCN: input must be floating point \(N, 3, H, W\) .*, got torch.float32 of shape \(1, 4, 8, 8\)",
    ),
    Bad(lambda: small()(torch.zeros(1, 3, 8, 0)), r"FCN: input must be .* at least 1, got torch.float32 of shape \(1, 3, 8, 0\)"),
    Bad(lambda: small(3), r"FCN: expected skips from 0 to 2, positive num_classes and hidden, got 3, 3 and 5"),
    Bad(lambda: small(-1), r"FCN: expected skips from 0 to 2, .*, got -1, 3 and 5"),
    Bad(lambda: FCN(0), r"FCN: expected skips from 0 to 4, .*, got 2, 0 and 4096"),
    Bad(lambda: FCN(hidden=0), r"FCN: expected .*, got 2, 21 and 0"),
    Bad(lambda: bilinear_kernel(0), r"bilinear_kernel: size must be positive, got 0"),
    Bad(
        lambda: bilinear_upsample(X, 0), r"bilinear_upsample: expected input \(N, C, H, W\) and a positive factor, got \(2, 3, 3, 2\) and 0"
    ),
    Bad(lambda: bilinear_upsample(X[0], 2), r"bilinear_upsample: expected .*, got \(3, 3, 2\) and 2"),
    Bad(
        lambda: confusion(X.long(), X[0].long(), 2),
        r"confusion: truth and predicted must have one shape, got \(2, 3, 3, 2\) and \(3, 3, 2\)",
    ),
    Bad(
        lambda: confusion(torch.tensor([0, 2, -1]), torch.tensor([0, 1, 5]), 2),
        r"confusion: expected classes from 0 to 1, got true ones up to 2 and predicted ones from 0 to 1",
    ),
    Bad(lambda: confusion(torch.tensor([0, 1]), torch.tensor([1, 2]), 2), r"confusion: .* up to 1 and predicted ones from 1 to 2"),
    Bad(lambda: confusion(torch.tensor([0, 1]), torch.tensor([-1, 1]), 2), r"confusion: .* up to 1 and predicted ones from -1 to 1"),
)

CASES = [
    network_case(
        METHOD,
        f"{skips} skips",
        partial(small, skips),
        partial(network, skips),
        (17, 14),
        training=False,
        bad=BAD if skips == 2 else (),
        compiles="its layers are compiled in their own cases",
        exports=True if skips == 2 else "as with two skips",
    )
    for skips in (0, 1, 2)
] + [
    Case(
        METHOD,
        "upsampling",
        function(bilinear_upsample),
        lambda: [Sample((X, factor), name=f"factor {factor}") for factor in (2, 3, 4, 1)],
        (
            Oracle("the definition in torch, pixel by pixel", lambda _, x, f: bilinear(x, f)),
            Oracle("the definition in NumPy, pixel by pixel", lambda _, x, f: bilinear(x, f), "numpy"),
        ),
        hard=lambda: [Sample((X + 1e4, 3), name="mean 1e4")],
        degenerate=lambda: [Sample((X[:0], 2), name="empty batch"), Sample((X[..., :1, :1], 3), name="one pixel")],
        gradcheck=2,
        compiles="transposed convolution is compiled in its own cases",
    ),
]
