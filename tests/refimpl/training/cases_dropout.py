"""Cases of dropout. Where the units to keep are given, the oracles follow the equations unit by unit;
where they are drawn, PyTorch draws the same ones from the same seed."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.training.dropout import Dropout, dropout, dropout_mask, linear_variance, original_dropout
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn

METHOD = "dropout"
HALVES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

X, IMAGE = randn(3, 5, seed=1), randn(2, 3, 4, 5, seed=2)
KEPT = randn(3, 5, seed=3) > -0.5
CHANNELS = randn(2, 3, 1, 1, seed=4) > -0.4
WEIGHT = randn(4, 5, seed=5)


def numpy_dropout(_, x, p=0.5, training=True, *, mask=None, inverted=True):
    """One unit at a time."""
    y = np.empty_like(x)
    mask = np.broadcast_to(True if mask is None else mask, x.shape)
    for i in np.ndindex(x.shape):
        if training:
            y[i] = (x[i] / (1.0 - p) if inverted else x[i]) if mask[i] else 0.0
        else:
            y[i] = x[i] if inverted else x[i] * (1.0 - p)
    return y


def torch_dropout(_, x, p=0.5, training=True, *, mask=None):
    return x.masked_fill(~mask, 0) / (1 - p) if training else x + 0


def torch_original(_, x, p=0.5, training=True, *, mask=None):
    return x.masked_fill(~mask, 0) if training else x - p * x


def numpy_original(_, *args, **kwargs):
    return numpy_dropout(_, *args, **kwargs, inverted=False)


def numpy_variance(_, x, w, p=0.5):
    """Every mask, weighted by its probability."""
    keep = list(np.ndindex(*(2,) * x.shape[-1]))
    chance = np.array([(1 - p) ** sum(m) * p ** (len(m) - sum(m)) for m in keep])
    draws = np.stack([(x * np.array(m) / (1 - p)) @ w.T for m in keep], -1)
    mean = (draws * chance).sum(-1)
    return ((draws - mean[..., None]) ** 2 * chance).sum(-1)


def samples():
    return [
        Sample((X,), {"p": 0.3, "mask": KEPT}),
        Sample((IMAGE,), {"p": 0.8, "mask": CHANNELS}, "a mask of channels"),
        Sample((X,), {"mask": KEPT[:, :1]}, "a mask of rows, p by default"),
        Sample((X,), {"p": 0.3, "training": False, "mask": KEPT}, "evaluation"),
    ]


def degenerate():
    return [
        Sample((X[:0],), {"p": 0.3, "mask": KEPT[:0]}, "empty batch"),
        Sample((X[0, 0],), {"p": 0.3, "mask": KEPT[0, 0]}, "one unit"),
        Sample((X,), {"p": 0.3, "mask": KEPT & False}, "none kept"),
        Sample((X,), {"p": 0.0, "mask": KEPT}, "p of 0 with a mask"),
    ]


def hard():
    return [Sample((X + 1e4,), {"p": 0.3, "mask": KEPT}, "mean 1e4"), Sample((X * 0,), {"p": 0.9, "mask": KEPT}, "all zero")]


ONES = torch.ones(2, 3)
BAD = (
    Bad(lambda: dropout(ONES.long()), r"dropout: input must be floating point, got torch.int64"),
    Bad(lambda: dropout(ONES, 1.5), r"dropout: p must lie in \[0, 1\], got 1.5"),
    Bad(lambda: dropout(ONES, -0.25), r"dropout: p must lie in \[0, 1\], got -0.25"),
    Bad(lambda: dropout(ONES, float("nan")), r"dropout: p must lie in \[0, 1\], got nan"),
    Bad(lambda: dropout(ONES, mask=ONES), r"dropout: mask must be torch.bool, True where a unit is kept, got torch.float32"),
    Bad(lambda: dropout(ONES, mask=ONES[:, :2] > 0), r"dropout: mask must broadcast to input \(2, 3\), got shape \(2, 2\)"),
    Bad(lambda: dropout(ONES[:1], mask=ONES > 0), r"dropout: mask must broadcast to input \(1, 3\), got shape \(2, 3\)"),
    Bad(lambda: dropout(ONES, mask=ONES[None] > 0), r"dropout: mask must broadcast to input \(2, 3\), got shape \(1, 2, 3\)"),
    Bad(lambda: original_dropout(ONES.long()), r"original_dropout: input must be floating point, got torch.int64"),
    Bad(lambda: original_dropout(ONES, 1.5), r"original_dropout: p must lie in \[0, 1\], got 1.5"),
    Bad(lambda: original_dropout(ONES, mask=ONES), r"original_dropout: mask must be torch.bool"),
    Bad(lambda: dropout_mask(ONES, 1.5), r"dropout_mask: p must lie in \[0, 1\], got 1.5"),
    Bad(lambda: dropout_mask(ONES.long()), r"dropout_mask: input must be floating point, got torch.int64"),
    Bad(lambda: linear_variance(ONES, ONES, 1.0), r"linear_variance: p must lie in \[0, 1\), got 1.0"),
    Bad(lambda: linear_variance(ONES, ONES, -0.5), r"linear_variance: p must lie in \[0, 1\], got -0.5"),
    Bad(lambda: linear_variance(ONES.long(), ONES), r"linear_variance: input must be floating point, got torch.int64"),
    Bad(lambda: Dropout(1.5), r"Dropout: p must lie in \[0, 1\], got 1.5"),
    Bad(lambda: Dropout(-0.25), r"Dropout: p must lie in \[0, 1\], got -0.25"),
)

CASES = [
    Case(
        METHOD,
        "inverted, mask given",
        function(dropout),
        samples,
        (Oracle("masked_fill and a division", torch_dropout), Oracle("the equations in NumPy, unit by unit", numpy_dropout, "numpy")),
        aliases=True,  # evaluation returns the input, as the built-in does
        hard=hard,
        degenerate=degenerate,
        bad=BAD,
        gradcheck=2,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "original, mask given",
        function(original_dropout),
        samples,
        (Oracle("masked_fill and a product", torch_original), Oracle("the equations in NumPy, unit by unit", numpy_original, "numpy")),
        hard=hard,
        degenerate=degenerate,
        gradcheck=2,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "layer in training",
        lambda: Dropout(0.3),
        lambda: [Sample((X,)), Sample((IMAGE,), {}, "images"), Sample((randn(7, 31, seed=6),), {}, "more units")],
        (Oracle("torch.nn.functional.dropout, same seed", lambda _, x: F.dropout(x, 0.3)),),
        dtypes=HALVES,
        gradcheck=2,
        layouts=False,  # a transposed input is filled in another order
        seeded=True,
    ),
    Case(
        METHOD,
        "layer in evaluation",
        lambda: Dropout(0.3),
        lambda: [Sample((X,)), Sample((IMAGE,), {}, "images")],
        (Oracle("torch.nn.functional.dropout", lambda _, x: F.dropout(x, 0.3, training=False) + 0),),
        aliases=True,  # the input is returned, as by the built-in
        degenerate=lambda: [Sample((X[:0],), {}, "empty batch")],
        training=False,
    ),
    Case(
        METHOD,
        "variance of a linear layer",
        function(linear_variance),
        lambda: [
            Sample((X, WEIGHT), {"p": 0.3}),
            Sample((X, WEIGHT), {}, "p by default"),
            Sample((X[0], WEIGHT), {"p": 0.8}, "one example"),
        ],
        (
            Oracle(
                "p / (1 - p) sum (w x)^2, summed by einsum", lambda _, x, w, p=0.5: torch.einsum("...d,kd->...k", x**2, w**2) * p / (1 - p)
            ),
            Oracle("all 32 masks in NumPy, weighted by their probabilities", numpy_variance, "numpy"),
        ),
        degenerate=lambda: [Sample((X[:0], WEIGHT), {"p": 0.3}, "empty batch"), Sample((X, WEIGHT), {"p": 0.0}, "p of 0")],
        gradcheck=2,
    ),
]
