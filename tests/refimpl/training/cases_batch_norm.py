"""Cases of batch normalization; the NumPy oracle goes through the channels one by one."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.training.batch_norm import BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d, batch_norm
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, rand, randn, randomize

METHOD = "batch-norm"


def built_in(training: bool, eps: float, p, x):
    mean, var = (p["running_mean"].clone(), p["running_var"].clone()) if "running_mean" in p else (None, None)
    return F.batch_norm(x, mean, var, p.get("weight"), p.get("bias"), training, 0.3, eps)


def equations(training: bool, eps: float, p, x):
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        channel = x[:, c]
        mu = sum(channel.ravel()) / channel.size if training else p["running_mean"][c]
        var = sum((v - mu) ** 2 for v in channel.ravel()) / channel.size if training else p["running_var"][c]
        gamma, beta = (p["weight"][c], p["bias"][c]) if "weight" in p else (1.0, 0.0)
        y[:, c] = gamma * (channel - mu) / np.sqrt(var + eps) + beta
    return y


def case(name: str, make, *inputs, training: bool = True, eps: float = 1e-2, **more) -> Case:
    return Case(
        METHOD,
        name,
        make,
        lambda: [Sample((x,)) for x in inputs],
        (
            Oracle("torch.nn.functional.batch_norm", partial(built_in, training, eps)),
            Oracle("the equations in NumPy, channel by channel", partial(equations, training, eps), "numpy"),
        ),
        training=training,
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )


def layer(cls, channels, **options):
    return lambda: randomize(cls(channels, **options))


IMAGES = randn(4, 3, 5, 2, seed=1) * 2 + 3
X, ONE = torch.ones(2, 3), torch.ones(3)

BAD = (
    Bad(lambda: BatchNorm2d(0), r"num_features must be positive, got 0"),
    Bad(lambda: BatchNorm2d(3, momentum=1.5), r"momentum must lie in \[0, 1\] or be None, got 1.5"),
    Bad(lambda: BatchNorm2d(3, momentum=-0.5), r"momentum must lie in \[0, 1\] or be None, got -0.5"),
    Bad(lambda: BatchNorm2d(3)(torch.zeros(2, 3, 4)), r"BatchNorm2d: input must have 4 dimensions, got shape \(2, 3, 4\)"),
    Bad(lambda: BatchNorm1d(3)(torch.zeros(2, 3, 4, 4)), r"BatchNorm1d: input must have 2 or 3 dimensions"),
    Bad(lambda: BatchNorm2d(3)(torch.zeros(2, 4, 5, 5)), r"running_mean must have shape \(4,\) for input \(2, 4, 5, 5\), got \(3,\)"),
    Bad(lambda: BatchNorm2d(3)(torch.zeros(1, 3, 1, 1)), r"more than one value per channel when training, got .* \(1, 3, 1, 1\)"),
    Bad(lambda: batch_norm(ONE, None, None, training=True), r"must be floating point \(N, C, ...\), got torch.float32 of shape \(3,\)"),
    Bad(lambda: batch_norm(X.long(), None, None, training=True), r"input must be floating point \(N, C, ...\), got torch.int64"),
    Bad(lambda: batch_norm(X, ONE, ONE[:2]), r"running_var must have shape \(3,\) for input \(2, 3\), got \(2,\)"),
    Bad(lambda: batch_norm(X, ONE, ONE, ONE[:1]), r"weight must have shape \(3,\)"),
    Bad(lambda: batch_norm(X, ONE, ONE, ONE, ONE[:1]), r"bias must have shape \(3,\)"),
    Bad(lambda: batch_norm(X, ONE, None), r"running_mean and running_var must be given together"),
    Bad(lambda: batch_norm(X, None, ONE, training=True), r"running_mean and running_var must be given together"),
    Bad(lambda: batch_norm(X, None, None), r"needed when training is False"),
    Bad(lambda: batch_norm(X, ONE, ONE, eps=-1e-5), r"eps must be non-negative, got -1e-05"),
)

CASES = [
    case(
        "images, training",
        layer(BatchNorm2d, 3, eps=1e-2, momentum=0.3),
        IMAGES,
        randn(2, 3, 1, 1, seed=2),
        hard=lambda: [
            Sample((IMAGES + 1e4,), name="mean 1e4"),
            Sample((torch.zeros(2, 3, 4, 4, dtype=torch.float64),), name="all zero"),
            Sample((IMAGES * 1e6,), name="values of 1e6"),
            Sample((torch.full((2, 3, 4, 4), 5.0, dtype=torch.float64),), name="constant"),
        ],
        hard_tolerance=2e-3,  # float32 holds an input of 1e4 to 5e-4, of which the variance of 4 sees a part
        bad=BAD,
    ),
    case(
        "images, evaluation",
        layer(BatchNorm2d, 3, eps=1e-2),
        IMAGES,
        training=False,
        degenerate=lambda: [
            Sample((IMAGES[:0],), name="empty batch"),
            Sample((IMAGES[:1, :, :1, :1],), name="one value per channel"),
        ],
        hard=lambda: [Sample((IMAGES * 1e6,), name="values of 1e6")],
    ),
    case("images, evaluation, not affine", layer(BatchNorm2d, 3, eps=1e-2, affine=False), IMAGES, training=False),
    case("vectors", layer(BatchNorm1d, 4, eps=1e-2), randn(6, 4, seed=3), randn(3, 4, 5, seed=4)),
    case("volumes", layer(BatchNorm3d, 2, eps=1e-2, momentum=None), randn(2, 2, 3, 2, 2, seed=5)),
    case("own statistics", layer(BatchNorm, 3, eps=1e-2, affine=False, track_running_stats=False), rand(5, 3, 2, 2, seed=6)),
]
