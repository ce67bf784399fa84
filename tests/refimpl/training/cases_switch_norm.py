"""Cases of switchable normalization; the NumPy oracle takes the paper's statistics one example and channel at a time."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from refimpl.training.switch_norm import SwitchNorm, SwitchNorm1d, SwitchNorm2d, SwitchNorm3d, switch_norm
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "switchable-norm"


def definition(training: bool, eps: float, p, x):
    """Each mean and variance straight from its set of values, not from the instance statistics."""
    shape = (1, -1, *(1,) * (x.dim() - 2))
    rest = list(range(2, x.dim()))
    sets = (rest, [1, *rest], [0, *rest])
    means = [x.mean(dims, keepdim=True) for dims in sets]
    variances = [x.var(dims, correction=0, keepdim=True) for dims in sets]
    if not training:
        means[2], variances[2] = p["running_mean"].view(shape), p["running_var"].view(shape)
    centered = sum(w * (x - m) for w, m in zip(torch.softmax(p["mean_weight"], 0), means, strict=True))
    var = sum(w * v for w, v in zip(torch.softmax(p["var_weight"], 0), variances, strict=True))
    y = centered / torch.sqrt(var + eps)
    return y * p["weight"].view(shape) + p["bias"].view(shape) if "weight" in p else y


def equations(training: bool, eps: float, p, x):
    """The mixture for one example and channel at a time."""
    w, v = (np.exp(p[name]) / sum(np.exp(p[name])) for name in ("mean_weight", "var_weight"))
    y = np.empty_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            sets = [x[n, c].ravel(), x[n].ravel(), x[:, c].ravel()]
            mu = [sum(s) / s.size for s in sets]
            var = [sum((value - m) ** 2 for value in s) / s.size for s, m in zip(sets, mu, strict=True)]
            if not training:
                mu[2], var[2] = p["running_mean"][c], p["running_var"][c]
            gamma, beta = (p["weight"][c], p["bias"][c]) if "weight" in p else (1.0, 0.0)
            mean = w[0] * mu[0] + w[1] * mu[1] + w[2] * mu[2]
            y[n, c] = gamma * (x[n, c] - mean) / np.sqrt(v[0] * var[0] + v[1] * var[1] + v[2] * var[2] + eps) + beta
    return y


def case(name: str, make, *inputs, training: bool = True, eps: float = 1e-2, **more) -> Case:
    return Case(
        METHOD,
        name,
        make,
        lambda: [Sample((x,)) for x in inputs],
        (
            Oracle("each statistic over its own set of values, by torch.mean and torch.var", partial(definition, training, eps)),
            Oracle("the equations in NumPy, one example and channel at a time", partial(equations, training, eps), "numpy"),
        ),
        training=training,
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )


def layer(cls, channels, **options):
    return lambda: randomize(cls(channels, **options))


SCALE = torch.tensor([0.5, 3.0, 1.5], dtype=torch.float64).view(3, 1, 1)
IMAGES = randn(4, 3, 5, 2, seed=1) * SCALE + randn(4, 3, 1, 1, seed=2) * 2 + 3
X, ONE, A = torch.ones(2, 3, 4), torch.ones(3), torch.zeros(3)

BAD = (
    Bad(lambda: SwitchNorm2d(0), r"num_features must be positive, got 0"),
    Bad(lambda: SwitchNorm2d(3, momentum=1.5), r"momentum must lie in \[0, 1\] or be None, got 1.5"),
    Bad(lambda: SwitchNorm1d(3)(torch.zeros(2, 3, 4, 4)), r"SwitchNorm1d: input must have 3 dimensions, got shape \(2, 3, 4, 4\)"),
    Bad(lambda: SwitchNorm2d(3)(torch.zeros(2, 3, 4)), r"SwitchNorm2d: input must have 4 dimensions, got shape \(2, 3, 4\)"),
    Bad(lambda: SwitchNorm3d(3)(torch.zeros(2, 3, 4)), r"SwitchNorm3d: input must have 5 dimensions, got shape \(2, 3, 4\)"),
    Bad(lambda: SwitchNorm2d(3)(torch.zeros(2, 4, 5, 5)), r"running_mean must have shape \(4,\) for input \(2, 4, 5, 5\), got \(3,\)"),
    Bad(lambda: SwitchNorm2d(3)(torch.zeros(1, 3, 1, 1)), r"more than one value per channel when training, got.*\(1, 3, 1, 1\)"),
    Bad(lambda: SwitchNorm(3)(torch.zeros(2, 3)), r"input must be floating point \(N, C, d1, ...\), got torch.float32 of shape \(2, 3\)"),
    Bad(lambda: switch_norm(X.long(), None, None, A, A, training=True), r"input must be floating point \(N, C, d1, ...\), got torch.int64"),
    Bad(lambda: switch_norm(X, ONE, ONE[:2], A, A), r"running_var must have shape \(3,\) for input \(2, 3, 4\), got \(2,\)"),
    Bad(lambda: switch_norm(X, ONE, ONE, A, A, ONE[:1]), r"weight must have shape \(3,\) for input"),
    Bad(lambda: switch_norm(X, ONE, ONE, A, A, ONE, ONE[:1]), r"bias must have shape \(3,\)"),
    Bad(lambda: switch_norm(X, ONE, ONE, A[:2], A), r"mean_weight must have shape \(3,\), for instance, layer, batch, got \(2,\)"),
    Bad(lambda: switch_norm(X, ONE, ONE, A, A[:1]), r"var_weight must have shape \(3,\).*got \(1,\)"),
    Bad(lambda: switch_norm(X, ONE, None, A, A), r"running_mean and running_var must be given together"),
    Bad(lambda: switch_norm(X, None, ONE, A, A, training=True), r"running_mean and running_var must be given together"),
    Bad(lambda: switch_norm(X, None, None, A, A), r"needed when training is False"),
    Bad(lambda: switch_norm(X, ONE, ONE, A, A, eps=-1e-5), r"eps must be non-negative, got -1e-05"),
)

CASES = [
    case(
        "images, training",
        layer(SwitchNorm2d, 3, eps=1e-2, momentum=0.3),
        IMAGES,
        randn(2, 3, 1, 1, seed=3),
        randn(1, 3, 2, 3, seed=4),
        hard=lambda: [
            Sample((IMAGES + 1e4,), name="mean 1e4"),
            Sample((torch.zeros(2, 3, 4, 4, dtype=torch.float64),), name="all zero"),
            Sample((IMAGES * 1e6,), name="values of 1e6"),
            Sample((torch.full((2, 3, 4, 4), 5.0, dtype=torch.float64),), name="constant"),
        ],
        hard_tolerance=2e-3,  # float32 holds an input of 1e4 to 5e-4, of which the variance of 4 sees a part
        degenerate=lambda: [
            Sample((IMAGES[:, :, :1, :1],), name="one position"),
            Sample((IMAGES[:2, :, :1, :1],), name="two values a channel"),
        ],
        bad=BAD,
    ),
    case(
        "images, evaluation",
        layer(SwitchNorm2d, 3, eps=1e-2),
        IMAGES,
        training=False,
        degenerate=lambda: [
            Sample((IMAGES[:0],), name="empty batch"),
            Sample((IMAGES[:1],), name="one image"),
            Sample((IMAGES[:1, :, :1, :1],), name="one value per channel"),
        ],
        hard=lambda: [Sample((IMAGES * 1e6,), name="values of 1e6")],
    ),
    case("one channel", layer(SwitchNorm2d, 1, eps=1e-2), IMAGES[:, :1]),
    case("sequences", layer(SwitchNorm1d, 4, eps=1e-2), randn(3, 4, 5, seed=5), randn(2, 4, 1, seed=6)),
    case("volumes", layer(SwitchNorm3d, 2, eps=1e-2, momentum=None), randn(2, 2, 3, 2, 2, seed=7)),
    case(
        "any shape, not affine, own statistics",
        layer(SwitchNorm, 3, eps=1e-2, affine=False, track_running_stats=False),
        randn(3, 3, 2, 2, seed=8),
    ),
]
