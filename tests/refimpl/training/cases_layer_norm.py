"""Cases of layer normalization; the NumPy oracle goes through the examples one by one."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.training.layer_norm import LayerNorm, layer_norm
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "layer-norm"
X = randn(4, 3, 5, seed=1) * 2 + 3


def built_in(shape, eps, p, x):
    return F.layer_norm(x, shape, p.get("weight"), p.get("bias"), eps)


def equations(shape, eps, p, x):
    size = int(np.prod(shape))
    y = np.empty((x.size // size, size))
    for row, values in zip(y, x.reshape(-1, size), strict=True):
        mu = sum(values) / size
        var = sum((v - mu) ** 2 for v in values) / size
        row[:] = (values - mu) / np.sqrt(var + eps) * p.get("weight", np.ones(size)).ravel() + p.get("bias", np.zeros(size)).ravel()
    return y.reshape(x.shape)


def case(name, shape, *inputs, eps=1e-2, make=None, **more):
    return Case(
        METHOD,
        name,
        make or (lambda: randomize(LayerNorm(shape, eps=eps))),
        lambda: [Sample((x,)) for x in inputs],
        (
            Oracle("torch.nn.functional.layer_norm", partial(built_in, shape, eps)),
            Oracle("the equations in NumPy, example by example", partial(equations, shape, eps), "numpy"),
        ),
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )


ONES = torch.ones(2, 3)
BAD = (
    Bad(lambda: LayerNorm(0), r"^LayerNorm: normalized_shape must be one or more positive sizes, got \(0,\)$"),
    Bad(lambda: LayerNorm(()), r"^LayerNorm: normalized_shape must be one or more positive sizes, got \(\)$"),
    Bad(lambda: LayerNorm((3, -1)), r"^LayerNorm: normalized_shape must be one or more positive sizes, got \(3, -1\)$"),
    Bad(lambda: LayerNorm(4)(ONES), r"^layer_norm: input must end in dimensions \(4,\), at least one, got shape \(2, 3\)$"),
    Bad(lambda: layer_norm(ONES, ()), r"^layer_norm: input must end in dimensions \(\), at least one, got shape \(2, 3\)$"),
    Bad(lambda: layer_norm(ONES[0, 0], ()), r"^layer_norm: input must end in dimensions \(\), at least one, got shape \(\)$"),
    Bad(lambda: layer_norm(ONES, (1, 2, 3)), r"^layer_norm: input must end in dimensions \(1, 2, 3\), at least one, got shape \(2, 3\)$"),
    Bad(lambda: layer_norm(ONES.long(), (3,)), r"^layer_norm: input must be floating point, got torch.int64$"),
    Bad(lambda: layer_norm(ONES, (3,), ONES[0, :2]), r"^layer_norm: weight must have shape \(3,\), got \(2,\)$"),
    Bad(lambda: layer_norm(ONES, (3,), None, ONES), r"^layer_norm: bias must have shape \(3,\), got \(2, 3\)$"),
    Bad(lambda: layer_norm(ONES, (3,), eps=-1e-5), r"^layer_norm: eps must be non-negative, got -1e-05$"),
)

CASES = [
    case(
        "last dimension",
        (5,),
        X,
        X[0, 0],
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
    case("last two dimensions", (3, 5), X),
    case("weight alone", (5,), X, make=lambda: randomize(LayerNorm(5, eps=1e-2, bias=False))),
    case("no parameters", (5,), X, make=lambda: LayerNorm([5], eps=1e-2, elementwise_affine=False)),
]
