"""Cases of batch renormalization; the oracles follow Algorithm 1, in torch by its own reductions and in NumPy channel by channel."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.training.batch_renorm import BatchRenorm, BatchRenorm1d, BatchRenorm2d, batch_renorm
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "batch-renorm"
EPS, R_MAX, D_MAX = 1e-2, 1.3, 0.4
IMAGES = randn(4, 3, 5, 2, seed=1) * 2 + 3


def algorithm_1(p, x):
    dims, over = [d for d in range(x.dim()) if d != 1], (1, -1, *(1,) * (x.dim() - 2))
    var, mean = torch.var_mean(x, dims, correction=0)
    sigma, running = torch.sqrt(var + EPS), torch.sqrt(p["running_var"] + EPS)
    r = torch.clamp(sigma / running, 1 / R_MAX, R_MAX).detach()
    d = torch.clamp((mean - p["running_mean"]) / running, -D_MAX, D_MAX).detach()
    xhat = (x - mean.view(over)) / sigma.view(over) * r.view(over) + d.view(over)
    return xhat * p["weight"].view(over) + p["bias"].view(over) if "weight" in p else xhat


def in_numpy(p, x):
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        values = x[:, c]
        mean = values.sum() / values.size
        sigma, running = np.sqrt(((values - mean) ** 2).sum() / values.size + EPS), np.sqrt(p["running_var"][c] + EPS)
        r = min(max(sigma / running, 1 / R_MAX), R_MAX)
        d = min(max((mean - p["running_mean"][c]) / running, -D_MAX), D_MAX)
        y[:, c] = (values - mean) / sigma * r + d
        if "weight" in p:
            y[:, c] = y[:, c] * p["weight"][c] + p["bias"][c]
    return y


def evaluation(p, x):
    return F.batch_norm(x, p["running_mean"], p["running_var"], p["weight"], p["bias"], False, 0.0, EPS)


TRAINED = (Oracle("Algorithm 1 in torch", algorithm_1), Oracle("Algorithm 1 in NumPy, channel by channel", in_numpy, "numpy"))


def case(name, make, *inputs, oracles=TRAINED, training=True, **more):
    reason = "PyTorch recomputes r and d in the backward pass from the averages that the forward pass has moved"
    return Case(
        METHOD,
        name,
        lambda: randomize(make(eps=EPS, r_max=R_MAX, d_max=D_MAX)),
        lambda: [Sample((x,)) for x in inputs],
        oracles,
        training=training,
        compiles=reason if training else True,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **{"gradcheck": 0, **more},  # training treats r and d as constants, which numerical differences do not
    )


X, ONE = torch.ones(2, 3), torch.ones(3)
BAD = (
    Bad(lambda: BatchRenorm(3, r_max=0.9), r"^BatchRenorm: r_max must be at least 1, got 0.9$"),
    Bad(lambda: BatchRenorm(3, d_max=-0.1), r"^BatchRenorm: d_max must be non-negative, got -0.1$"),
    Bad(lambda: BatchRenorm(0), r"num_features must be positive, got 0"),
    Bad(lambda: BatchRenorm2d(3)(torch.zeros(2, 3, 4)), r"^BatchRenorm2d: input must have 4 dimensions, got shape \(2, 3, 4\)$"),
    Bad(lambda: BatchRenorm1d(3)(torch.zeros(2, 3, 4, 4)), r"^BatchRenorm1d: input must have 2 or 3 dimensions, got shape \(2, 3, 4, 4\)$"),
    Bad(
        lambda: batch_renorm(ONE, ONE, ONE),
        r"^batch_renorm: input must be floating point \(N, C, ...\), got torch.float32 of shape \(3,\)$",
    ),
    Bad(lambda: batch_renorm(X.long(), ONE, ONE), r"^batch_renorm: input must be floating point \(N, C, ...\), got torch.int64 of shape"),
    Bad(lambda: batch_renorm(X, ONE, ONE, r_max=0.5), r"^batch_renorm: r_max must be at least 1, got 0.5$"),
    Bad(lambda: batch_renorm(X, ONE, ONE, d_max=-1.0), r"^batch_renorm: d_max must be non-negative, got -1.0$"),
    Bad(lambda: batch_renorm(X[:1], ONE, ONE, training=True), r"^batch_renorm: expected more than one value per channel when training"),
    Bad(lambda: batch_renorm(X, ONE, ONE[:2], training=True), r"^batch_renorm: running_var must have shape \(3,\) for input \(2, 3\)"),
)

CASES = [
    case(
        "images, training",
        partial(BatchRenorm2d, 3),
        IMAGES,
        bad=BAD,
        hard=lambda: [
            Sample((IMAGES + 1e4,), name="mean 1e4"),
            Sample((torch.zeros(2, 3, 4, 4, dtype=torch.float64),), name="all zero"),
            Sample((IMAGES * 1e6,), name="values of 1e6"),
        ],
        hard_tolerance=2e-3,  # float32 holds an input of 1e4 to 5e-4, of which the variance of 4 sees a part
    ),
    case("vectors, training", partial(BatchRenorm1d, 4), randn(6, 4, seed=3), randn(3, 4, 5, seed=4)),
    case("not affine", partial(BatchRenorm, 3, affine=False), IMAGES),
    case(
        "images, evaluation",
        partial(BatchRenorm2d, 3),
        IMAGES,
        training=False,
        oracles=(Oracle("torch.nn.functional.batch_norm", evaluation),),
        gradcheck=2,
        degenerate=lambda: [Sample((IMAGES[:0],), name="empty batch"), Sample((IMAGES[:1, :, :1, :1],), name="one value per channel")],
    ),
]
