"""Cases of style as a distribution: the discrepancy with four kernels, and the loss in its cheap forms."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch

from refimpl.vision.style_mmd import gaussian, linear, mmd_loss, polynomial, squared_mmd, statistics_loss
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "style-mmd"
KERNELS = {
    "linear": (linear, lambda x, y: x @ y),
    "polynomial": (partial(polynomial, degree=3, constant=0.5), lambda x, y: (x @ y + 0.5) ** 3),
    "square": (polynomial, lambda x, y: (x @ y) ** 2),
    "gaussian": (partial(gaussian, variance=0.7), lambda x, y: math.e ** (-((x - y) ** 2).sum() / 1.4)),
}


def positions(x, images):
    return [[x[n % len(x), :, i, j] for i in range(x.shape[2]) for j in range(x.shape[3])] for n in range(images)]


def pairs(kernel, f, s):
    """Every pair of positions, one by one."""
    total = 0.0
    for x, y in zip(positions(f, len(f)), positions(s, len(f)), strict=True):
        same = sum(kernel(a, b) for a in x for b in x) / len(x) ** 2 + sum(kernel(a, b) for a in y for b in y) / len(y) ** 2
        total = total + same - 2 * sum(kernel(a, b) for a in x for b in y) / (len(x) * len(y))
    return total / len(f)


def loss(_, f, s, kernel="quadratic", constant=0.0, variance=None):
    if kernel == "gaussian" and variance is None:
        all_pairs = [(a, b) for x, y in zip(positions(f, len(f)), positions(s, len(f)), strict=True) for a in x for b in y]
        variance = float(sum(((a - b) ** 2).sum() for a, b in all_pairs)) / len(all_pairs)
    call = {
        "linear": lambda x, y: x @ y,
        "quadratic": lambda x, y: (x @ y + constant) ** 2,
        "gaussian": lambda x, y: math.e ** (-((x - y) ** 2).sum() / (2 * variance)),
    }
    return pairs(call[kernel], f, s) / (4 * f.shape[1] ** 2)


def numpy_statistics(_, f, s):
    s = np.broadcast_to(s, (len(f), *s.shape[1:]))
    return np.mean(
        [(x.mean() - y.mean()) ** 2 + (x.std() - y.std()) ** 2 for a, b in zip(f, s, strict=True) for x, y in zip(a, b, strict=True)]
    )


def torch_statistics(_, f, s):
    mean = (f.mean((2, 3)) - s.mean((2, 3))) ** 2
    return (mean + (f.std((2, 3), correction=0) - s.std((2, 3), correction=0)) ** 2).mean()


F, S, ONE = randn(2, 3, 2, 3, seed=1), randn(2, 3, 2, 2, seed=2) + 0.3, randn(1, 3, 3, 2, seed=3)
BAD = (
    Bad(lambda: squared_mmd(F[0], S), r"squared_mmd: features must be .*, got torch.float64 of shape \(3, 2, 3\)"),
    Bad(lambda: mmd_loss(F, S[:, :2]), r"mmd_loss: style must have 3 channels and 1 or 2 images, got shape \(2, 2, 2, 2\)"),
    Bad(lambda: statistics_loss(F, S[0]), r"statistics_loss: style must be .*, got torch.float64 of shape \(3, 2, 2\)"),
    Bad(lambda: mmd_loss(F, S, "cubic"), r"mmd_loss: kernel must be linear, quadratic or gaussian and constant >= 0, got 'cubic' and 0.0"),
    Bad(lambda: mmd_loss(F, S, constant=-1.0), r"mmd_loss: kernel .*, got 'quadratic' and -1.0"),
)
LOSSES = [{"kernel": "linear"}, {"constant": 0.6}, {}, {"kernel": "gaussian", "variance": 0.8}, {"kernel": "gaussian"}]


def oracles(call):
    return Oracle("pair by pair in torch", call), Oracle("pair by pair in NumPy", call, "numpy")


CASES = [
    Case(
        METHOD,
        f"discrepancy, {name}",
        function(squared_mmd, kernel=kernel),
        lambda: [Sample((F, S)), Sample((F, ONE), name="one style for all")],
        oracles(lambda _, f, s, kernel=None, plain=plain: pairs(plain, f, s)),
        hard=lambda: [Sample((F * 0, S * 0), name="zeros")],
        dtypes=(torch.float64, torch.float32),  # differences of large sums
        compiles="the loss, made of the same operations, is compiled",
        exports="as torch.compile",
        bad=BAD if name == "linear" else (),
    )
    for name, (kernel, plain) in KERNELS.items()
] + [
    Case(
        METHOD,
        "loss",
        function(mmd_loss),
        lambda: [Sample((F, S), options, f"{options}") for options in LOSSES],
        oracles(loss),
        hard=lambda: [Sample((F * 100, S * 100), {"constant": 0.6}, "values of 100")],
        dtypes=(torch.float64, torch.float32),  # differences of large sums
        gradcheck=1,
    ),
    Case(
        METHOD,
        "statistics of batch normalization",
        function(statistics_loss),
        lambda: [Sample((F, S)), Sample((F, ONE), name="one style for all")],
        (Oracle("torch.std", torch_statistics), Oracle("numpy.std, channel by channel", numpy_statistics, "numpy")),
        hard=lambda: [Sample((F + 1e4, S + 1e4), name="mean 1e4")],
        hard_tolerance=2e-3,  # float32 holds a mean of 1e4 to 5e-4
    ),
]
