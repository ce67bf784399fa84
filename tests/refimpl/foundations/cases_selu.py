"""Cases of alpha dropout and self-normalizing networks; the NumPy oracles take one unit at a time."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.foundations.selu import AlphaDropout, SelfNormalizingNetwork, alpha_dropout, moments
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "selu"
ALPHA, LAMBDA = 1.6732632423543772, 1.0507009873554805
HALVES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def numpy_alpha_dropout(_, x, p=0.5, training=False, *, mask=None):
    if not training or p == 0:
        return x
    if p == 1:
        return np.zeros_like(x)
    low, q = -LAMBDA * ALPHA, 1 - p
    a = 1 / math.sqrt(q + low**2 * q * (1 - q))
    b = -a * (1 - q) * low
    return np.array([a * (v if m else low) + b for v, m in zip(x.ravel(), mask.ravel(), strict=True)]).reshape(x.shape)


def torch_alpha_dropout(_, x, p=0.5, training=False, *, mask=None):
    """From the moments of the two values: the mixture is standardized."""
    if not training or p == 0:
        return x + 0
    low = -torch.tensor(LAMBDA * ALPHA, dtype=x.dtype)
    mixed = x.masked_fill(~mask, float(low))
    mean, variance = p * low, (1 - p) + p * low**2 - (p * low) ** 2
    return (mixed - mean) / variance.sqrt() if p < 1 else x * 0


def numpy_network(p, x):
    out = np.zeros((*x.shape[:-1], len(p["6.bias"])))
    for place in np.ndindex(x.shape[:-1]):
        h = x[place]
        for number in ("0", "3", "6"):
            z = [
                b + sum(w * v for w, v in zip(row, h, strict=True))
                for row, b in zip(p[f"{number}.weight"], p[f"{number}.bias"], strict=True)
            ]
            h = z if number == "6" else [LAMBDA * v if v > 0 else LAMBDA * ALPHA * math.expm1(v) for v in z]
        out[place] = h
    return out


def torch_network(p, x):
    for number in ("0", "3"):
        x = F.selu(F.linear(x, p[f"{number}.weight"], p[f"{number}.bias"]))
    return F.linear(x, p["6.weight"], p["6.bias"])


X, X3 = randn(3, 5, seed=1), randn(2, 2, 5, seed=2)
KEPT, KEPT3 = randn(3, 5, seed=3) > -0.5, randn(2, 2, 5, seed=4) > 0.2
ONES = torch.ones(2, 3)

BAD = (
    Bad(lambda: alpha_dropout(ONES.long()), r"^alpha_dropout: input must be floating point, got torch.int64$"),
    Bad(lambda: alpha_dropout(ONES, 1.5), r"^alpha_dropout: p must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: alpha_dropout(ONES, -0.5), r"^alpha_dropout: p must lie in \[0, 1\], got -0.5$"),
    Bad(lambda: alpha_dropout(ONES, mask=ONES), r"^alpha_dropout: mask must be torch.bool of shape \(2, 3\), got torch.float32 \(2, 3\)$"),
    Bad(lambda: alpha_dropout(ONES, mask=ONES[0] > 0), r"^alpha_dropout: mask must be torch.bool .* got torch.bool \(3,\)$"),
    Bad(lambda: AlphaDropout(1.5), r"^AlphaDropout: p must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: AlphaDropout(-0.5), r"^AlphaDropout: p must lie in \[0, 1\], got -0.5$"),
    Bad(lambda: SelfNormalizingNetwork((3,)), r"^SelfNormalizingNetwork: sizes must be two or more positive numbers, got \[3\]$"),
    Bad(lambda: SelfNormalizingNetwork((3, 0)), r"^SelfNormalizingNetwork: sizes must be .* got \[3, 0\]$"),
    Bad(lambda: SelfNormalizingNetwork((3, 2))(ONES[:, :2]), r"^SelfNormalizingNetwork: input must have shape \(..., 3\), got \(2, 2\)$"),
    Bad(lambda: moments(0.0, 0.0), r"^moments: variance and weight_square must be positive, got 0.0 and 1.0$"),
    Bad(lambda: moments(0.0, 1.0, weight_square=-1.0), r"^moments: variance and weight_square must be positive, got 1.0 and -1.0$"),
)

CASES = [
    Case(
        METHOD,
        "mask given",
        function(alpha_dropout),
        lambda: [
            Sample((X,), {"p": 0.3, "training": True, "mask": KEPT}),
            Sample((X3, 0.8, True), {"mask": KEPT3}, "sequence"),
            Sample((X,), {"training": True, "mask": KEPT}, "p by default"),
            Sample((X,), {"p": 0.3, "mask": KEPT}, "evaluation by default"),
        ],
        (
            Oracle("the mixture, standardized", torch_alpha_dropout),
            Oracle("the equations in NumPy, unit by unit", numpy_alpha_dropout, "numpy"),
        ),
        aliases=True,  # evaluation returns the input, as the built-in does
        hard=lambda: [Sample((X + 1e4,), {"p": 0.3, "training": True, "mask": KEPT}, "mean 1e4")],
        degenerate=lambda: [
            Sample((X[:0],), {"p": 0.3, "training": True, "mask": KEPT[:0]}, "empty batch"),
            Sample((X,), {"p": 1.0, "training": True, "mask": KEPT}, "p of 1"),
            Sample((X,), {"p": 0.0, "training": True, "mask": KEPT}, "p of 0"),
        ],
        bad=BAD,
        gradcheck=2,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "layer in training",
        lambda: AlphaDropout(0.3),
        lambda: [Sample((X,)), Sample((randn(7, 31, seed=6),), {}, "more units")],
        (Oracle("torch.nn.functional.alpha_dropout, same seed", lambda _, x: F.alpha_dropout(x, 0.3, training=True)),),
        degenerate=lambda: [Sample((X[:0],), {}, "empty batch")],
        layouts=False,  # a transposed input is filled in another order
        seeded=True,
        compiles="the function is compiled above",
    ),
    Case(
        METHOD,
        "network",
        lambda: randomize(SelfNormalizingNetwork((5, 4, 3, 2), p=0.2)),
        lambda: [Sample((X,)), Sample((X3,), {}, "sequence")],
        (
            Oracle("torch.nn.functional.selu and linear", torch_network),
            Oracle("the equations in NumPy, unit by unit", numpy_network, "numpy"),
        ),
        training=False,
        compiles="its layers are compiled in their own cases",
    ),
]
