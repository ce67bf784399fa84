"""Cases of group normalization; the NumPy oracle goes through examples and groups one by one."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.training.group_norm import GroupNorm, group_norm
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "group-norm"
X = randn(4, 6, 3, 5, seed=1) * 2 + 3


def built_in(groups, eps, p, x):
    return F.group_norm(x, groups, p.get("weight"), p.get("bias"), eps)


def equations(groups, eps, p, x):
    y, size = np.empty_like(x), x.shape[1] // groups
    for n in range(x.shape[0]):
        for first in range(0, x.shape[1], size):
            values = x[n, first : first + size]
            mu = sum(values.ravel()) / values.size
            var = sum((v - mu) ** 2 for v in values.ravel()) / values.size
            for c in range(first, first + size):
                gamma, beta = (p["weight"][c], p["bias"][c]) if "weight" in p else (1.0, 0.0)
                y[n, c] = gamma * (x[n, c] - mu) / np.sqrt(var + eps) + beta
    return y


def case(name, groups, channels, *inputs, affine=True, eps=1e-2, **more):
    return Case(
        METHOD,
        name,
        lambda: randomize(GroupNorm(groups, channels, eps=eps, affine=affine)),
        lambda: [Sample((x,)) for x in inputs],
        (
            Oracle("torch.nn.functional.group_norm", partial(built_in, groups, eps)),
            Oracle("the equations in NumPy, group by group", partial(equations, groups, eps), "numpy"),
        ),
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )


ONES = torch.ones(2, 6)
BAD = (
    Bad(lambda: GroupNorm(4, 6), r"^GroupNorm: num_groups must divide num_channels, got 4 and 6$"),
    Bad(lambda: GroupNorm(0, 6), r"^GroupNorm: num_groups must divide num_channels, got 0 and 6$"),
    Bad(lambda: GroupNorm(1, 0), r"^GroupNorm: num_groups must divide num_channels, got 1 and 0$"),
    Bad(lambda: group_norm(ONES[0], 1), r"^group_norm: input must be floating point \(N, C, ...\), got torch.float32 of shape \(6,\)$"),
    Bad(lambda: group_norm(ONES.long(), 1), r"^group_norm: input must be floating point \(N, C, ...\), got torch.int64 of shape \(2, 6\)$"),
    Bad(lambda: group_norm(ONES, 4), r"^group_norm: num_groups must divide the 6 channels, got 4$"),
    Bad(lambda: group_norm(ONES, 0), r"^group_norm: num_groups must divide the 6 channels, got 0$"),
    Bad(lambda: group_norm(ONES, 2, ONES[0, :2]), r"^group_norm: weight must have shape \(6,\), got \(2,\)$"),
    Bad(lambda: group_norm(ONES, 2, None, ONES), r"^group_norm: bias must have shape \(6,\), got \(2, 6\)$"),
    Bad(lambda: group_norm(ONES, 2, eps=-1e-5), r"^group_norm: eps must be non-negative, got -1e-05$"),
)

CASES = [
    case(
        "images, three groups",
        3,
        6,
        X,
        bad=BAD,
        hard=lambda: [
            Sample((X + 1e4,), name="mean 1e4"),
            Sample((X * 0,), name="all zero"),
            Sample((X * 1e6,), name="values of 1e6"),
            Sample((X * 0 + 5,), name="constant"),
        ],
        hard_tolerance=2e-3,  # float32 holds an input of 1e4 to 5e-4, of which the variance of 4 sees a part
        degenerate=lambda: [Sample((X[:0],), name="empty batch")],
    ),
    case("vectors, two groups", 2, 6, randn(5, 6, seed=2)),
    case("one group", 1, 3, X[:, :3]),
    case("no parameters", 2, 4, X[:, :4, 0], affine=False),
]
