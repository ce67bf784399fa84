"""Cases of instance normalization; the NumPy oracle goes through examples and channels one by one."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.training.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, instance_norm
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "instance-norm"
IMAGES = randn(4, 3, 5, 2, seed=1) * 2 + 3


def built_in(own, eps, p, x):
    mean, var = (p["running_mean"].clone(), p["running_var"].clone()) if "running_mean" in p else (None, None)
    return F.instance_norm(x, mean, var, p.get("weight"), p.get("bias"), own, 0.3, eps)


def equations(own, eps, p, x):
    y = np.empty_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            values = x[n, c].ravel()
            mu = sum(values) / values.size if own else p["running_mean"][c]
            var = sum((v - mu) ** 2 for v in values) / values.size if own else p["running_var"][c]
            gamma, beta = (p["weight"][c], p["bias"][c]) if "weight" in p else (1.0, 0.0)
            y[n, c] = gamma * (x[n, c] - mu) / np.sqrt(var + eps) + beta
    return y


def case(name, make, *inputs, training=True, own=True, eps=1e-2, **more):
    return Case(
        METHOD,
        name,
        lambda: randomize(make()),
        lambda: [Sample((x,)) for x in inputs],
        (
            Oracle("torch.nn.functional.instance_norm", partial(built_in, own, eps)),
            Oracle("the equations in NumPy, channel by channel", partial(equations, own, eps), "numpy"),
        ),
        training=training,
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )


ONES, THREE = torch.ones(2, 3, 4), torch.ones(3)
BAD = (
    Bad(lambda: InstanceNorm2d(0), r"^InstanceNorm: num_features must be positive, got 0$"),
    Bad(lambda: InstanceNorm2d(3, momentum=1.5), r"^InstanceNorm: momentum must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: InstanceNorm2d(3, momentum=-0.5), r"^InstanceNorm: momentum must lie in \[0, 1\], got -0.5$"),
    Bad(lambda: InstanceNorm2d(3)(ONES[0]), r"^InstanceNorm2d: input must have 4 dimensions, or 3 without a batch, got shape \(3, 4\)$"),
    Bad(
        lambda: InstanceNorm1d(3)(ONES[None]),
        r"^InstanceNorm1d: input must have 3 dimensions, or 2 without a batch, got shape \(1, 2, 3, 4\)$",
    ),
    Bad(lambda: InstanceNorm1d(4)(ONES), r"^InstanceNorm1d: input must have 4 channels, got shape \(2, 3, 4\)$"),
    Bad(
        lambda: InstanceNorm1d(3)(ONES[..., :1]),
        r"^instance_norm: expected more than one value per channel, got input of shape \(2, 3, 1\)$",
    ),
    Bad(
        lambda: instance_norm(ONES[0]),
        r"^instance_norm: input must be floating point \(N, C, d1, ...\), got torch.float32 of shape \(3, 4\)$",
    ),
    Bad(lambda: instance_norm(ONES.long()), r"^instance_norm: input must be floating point \(N, C, d1, ...\), got torch.int64 of shape"),
    Bad(
        lambda: instance_norm(ONES, THREE, THREE[:2]),
        r"^instance_norm: running_var must have shape \(3,\) for input \(2, 3, 4\), got \(2,\)$",
    ),
    Bad(lambda: instance_norm(ONES, THREE), r"^instance_norm: running_mean and running_var must be given together$"),
    Bad(lambda: instance_norm(ONES, weight=THREE[:2]), r"^instance_norm: weight must have shape \(3,\) for input \(2, 3, 4\), got \(2,\)$"),
    Bad(lambda: instance_norm(ONES, use_input_stats=False), r"running_mean and running_var are needed when training is False$"),
    Bad(lambda: instance_norm(ONES, eps=-1e-5), r"^instance_norm: eps must be non-negative, got -1e-05$"),
)

CASES = [
    case(
        "images",
        lambda: InstanceNorm2d(3, eps=1e-2, affine=True),
        IMAGES,
        bad=BAD,
        hard=lambda: [
            Sample((IMAGES + 1e4,), name="mean 1e4"),
            Sample((torch.zeros(2, 3, 4, 4, dtype=torch.float64),), name="all zero"),
            Sample((IMAGES * 1e6,), name="values of 1e6"),
            Sample((torch.full((2, 3, 4, 4), 5.0, dtype=torch.float64),), name="constant"),
        ],
        hard_tolerance=2e-3,  # float32 holds an input of 1e4 to 5e-4, of which the variance of 4 sees a part
    ),
    case("no parameters", lambda: InstanceNorm1d(3, eps=1e-2), IMAGES[..., 0]),
    case("volumes", lambda: InstanceNorm3d(2, eps=1e-2, affine=True), randn(2, 2, 2, 3, 2, seed=2)),
    case("running statistics, training", lambda: InstanceNorm2d(3, 1e-2, 0.3, True, True), IMAGES),
    case("running statistics, evaluation", lambda: InstanceNorm2d(3, 1e-2, 0.3, True, True), IMAGES, training=False, own=False),
]
