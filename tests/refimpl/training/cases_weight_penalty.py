"""Cases of the weight penalties; the NumPy oracles go through the weights one by one."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.training.weight_penalty import decay_, l1_penalty, l2_penalty, soft_threshold
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "weight-penalty"
A, B = randn(3, 4, seed=1) * 2, randn(5, seed=2)


def several(penalty, *parameters):
    return penalty(iter(parameters), 0.3)


def l2_in_numpy(_, *parameters):
    return 0.15 * sum(v * v for p in parameters for v in p.ravel())


def l1_in_numpy(_, *parameters):
    return 0.3 * sum(v if v > 0 else -v for p in parameters for v in p.ravel())


def l2_in_torch(_, *parameters):
    return 0.15 * torch.cat([p.reshape(-1) for p in parameters]).pow(2).sum()


def l1_in_torch(_, *parameters):
    return sum(F.l1_loss(p, torch.zeros_like(p), reduction="sum") for p in parameters) * 0.3


def thresholded(_, x, threshold):
    y = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        if abs(x[i]) > threshold:
            y[i] = x[i] - threshold if x[i] > 0 else x[i] + threshold
    return y


P = [torch.ones(2)]
BAD = (
    Bad(lambda: l2_penalty(P, -0.1), r"^l2_penalty: strength must be non-negative, got -0.1$"),
    Bad(lambda: l2_penalty([], 0.1), r"^l2_penalty: expected at least one parameter, got none$"),
    Bad(lambda: l1_penalty(P, -0.1), r"^l1_penalty: strength must be non-negative, got -0.1$"),
    Bad(lambda: l1_penalty(iter([]), 0.1), r"^l1_penalty: expected at least one parameter, got none$"),
    Bad(lambda: decay_(P, -0.1, 0.1), r"^decay_: strength must be non-negative, got -0.1$"),
    Bad(lambda: decay_(P, 0.1, -0.2), r"^decay_: lr must be non-negative, got -0.2$"),
    Bad(lambda: decay_([], 0.1, 0.2), r"^decay_: expected at least one parameter, got none$"),
    Bad(lambda: soft_threshold(P[0], -0.1), r"^soft_threshold: threshold must be non-negative, got -0.1$"),
)


def penalty(name, ours, theirs, numpy):
    return Case(
        METHOD,
        name,
        function(partial(several, ours)),
        lambda: [Sample((A, B)), Sample((B,))],
        (Oracle("torch, on one vector of all weights", theirs), Oracle("NumPy, weight by weight", numpy, "numpy")),
        hard=lambda: [Sample((A + 1e4, B), name="mean 1e4"), Sample((A * 0,), name="zeros")],
        degenerate=lambda: [Sample((A[:0],), name="no weights")],
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16),
    )


CASES = [
    penalty("L2", l2_penalty, l2_in_torch, l2_in_numpy),
    penalty("L1", l1_penalty, l1_in_torch, l1_in_numpy),
    Case(
        METHOD,
        "soft threshold",
        function(soft_threshold),
        lambda: [
            Sample((A,), {"threshold": 0.7}),
            Sample((B,), {"threshold": 0.0}, "threshold 0"),
            Sample((A,), {"threshold": 99.0}, "all"),
        ],
        (
            Oracle("torch.nn.functional.softshrink", lambda _, x, threshold: F.softshrink(x, threshold)),
            Oracle("NumPy, entry by entry", thresholded, "numpy"),
        ),
        hard=lambda: [Sample((A + 1e4,), {"threshold": 0.7}, "mean 1e4"), Sample((A * 0,), {"threshold": 0.7}, "zeros")],
        degenerate=lambda: [Sample((A[:0],), {"threshold": 0.7}, "empty"), Sample((A[0, 0],), {"threshold": 0.1}, "scalar")],
        bad=BAD,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    ),
]
