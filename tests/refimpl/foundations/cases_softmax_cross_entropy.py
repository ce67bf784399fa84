"""Cases of softmax with cross-entropy; the NumPy oracle follows the equations one position at a time."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.foundations.softmax_cross_entropy import cross_entropy, log_softmax, logits_gradient, softmax
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "softmax-cross-entropy"


def numpy_log_softmax(_, z, dim):
    z = np.moveaxis(z, dim, -1)
    out = np.empty_like(z)
    for position in np.ndindex(z.shape[:-1]):
        row = z[position]
        if row.size:
            top = row.max()
            out[position] = row - (top + np.log(sum(np.exp(v - top) for v in row)))
    return np.moveaxis(out, -1, dim)


def numpy_cross_entropy(_, z, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """The sum over positions and classes, written out."""
    dim = 0 if z.ndim == 1 else 1
    classes = z.shape[dim]
    weight = np.ones(classes) if weight is None else weight
    log_p = np.moveaxis(numpy_log_softmax(None, z, dim), dim, -1)
    soft = np.issubdtype(target.dtype, np.floating)
    rows = np.moveaxis(target, dim, -1) if soft else target
    loss, counted = np.zeros(log_p.shape[:-1]), 0.0
    for position in np.ndindex(log_p.shape[:-1]):
        if not soft and rows[position] == ignore_index:
            continue
        t = rows[position] if soft else np.eye(classes)[rows[position]]
        counted += 1.0 if soft else weight[rows[position]]
        t = (1 - label_smoothing) * t + label_smoothing / classes
        loss[position] = -sum(weight[j] * t[j] * log_p[position][j] for j in range(classes) if t[j])
    return {"none": loss, "sum": loss.sum(), "mean": loss.sum() / counted if counted else np.nan}[reduction]


def probabilities(*shape, seed, dim):
    p = rand(*shape, seed=seed, low=0.05, high=1.0)
    return p / p.sum(dim, keepdim=True)


BUILT_IN = Oracle("torch.nn.functional.cross_entropy", lambda _, *a, **k: F.cross_entropy(*a, **k))
EQUATIONS = Oracle("the equations in NumPy, position by position", numpy_cross_entropy, "numpy")
Z, IMAGE = randn(4, 5, seed=1) * 2, randn(2, 3, 2, 4, seed=2) * 2
TARGET, LABELS = torch.tensor([2, 0, 4, 1]), torch.tensor([[[0, 2, 1, 1], [2, 2, 0, 1]], [[1, 0, 0, 2], [2, 1, 2, 0]]])
SMOOTHED = {"label_smoothing": 0.2}
WEIGHT = torch.tensor([0.5, 2.0, 1.25, 0.75, 3.0], dtype=torch.float64)

BAD = (
    Bad(lambda: cross_entropy(Z, TARGET[:3]), r"target holds class indices and must have shape \(4,\) for input \(4, 5\), got \(3,\)"),
    Bad(lambda: cross_entropy(Z, torch.rand(4, 4)), r"target holds class probabilities and must have shape \(4, 5\)"),
    Bad(lambda: cross_entropy(Z, TARGET, WEIGHT[:2]), r"weight must have shape \(5,\).*got \(2,\)"),
    Bad(lambda: cross_entropy(Z, TARGET, reduction="avg"), r"reduction must be one of none, mean, sum, got 'avg'"),
    Bad(lambda: cross_entropy(Z, TARGET, label_smoothing=1.5), r"label_smoothing must lie in \[0, 1\], got 1.5"),
    Bad(lambda: cross_entropy(Z, TARGET, label_smoothing=-0.1), r"label_smoothing must lie in \[0, 1\], got -0.1"),
    Bad(lambda: cross_entropy(Z.long(), TARGET), r"input must be floating point, got torch.int64"),
    Bad(lambda: cross_entropy(Z.sum(), TARGET.sum()), r"input must have a class dimension, got a scalar"),
    Bad(lambda: cross_entropy(Z[:, :0], TARGET), r"expected at least one class in dimension 1, got shape \(4, 0\)"),
    Bad(lambda: logits_gradient(Z, TARGET[:3]), r"target holds class indices and must have shape \(4,\)"),
    Bad(lambda: cross_entropy(Z, TARGET > 1), r"class indices or probabilities, got torch.bool"),
)

CASES = [
    Case(
        METHOD,
        "indices",
        function(cross_entropy),
        lambda: [
            Sample((Z, TARGET)),
            Sample((Z, TARGET), {"weight": WEIGHT, "reduction": "none"}, "weighted"),
            Sample((Z, TARGET), {"weight": WEIGHT, "label_smoothing": 0.3, "ignore_index": 4}, "smoothed, one ignored"),
            Sample((Z, TARGET), {"weight": WEIGHT, "label_smoothing": 0.3, "reduction": "sum"}, "sum"),
            Sample((IMAGE, LABELS), {"weight": WEIGHT[:3], "ignore_index": 1, "label_smoothing": 0.1}, "images"),
            Sample((Z[0], TARGET[0]), {}, "one position"),
            Sample((Z, TARGET), {"label_smoothing": 1.0}, "nothing but smoothing"),
        ],
        (BUILT_IN, EQUATIONS),
        hard=lambda: [
            Sample((Z + 1e4, TARGET), {}, "mean 1e4"),
            Sample((torch.zeros(4, 5, dtype=torch.float64), TARGET), {}, "all zero"),
            Sample((torch.tensor([[1e4, 0.0, -1e4], [-1e30, 0.0, 1e30]], dtype=torch.float64), torch.tensor([2, 0])), {}, "extreme logits"),
        ],
        degenerate=lambda: [
            Sample((torch.zeros(0, 5, dtype=torch.float64), torch.zeros(0, dtype=torch.long)), {"reduction": "sum"}, "empty batch"),
            Sample((Z, torch.full((4,), -100)), {}, "all ignored"),
            Sample((Z[:, :1], torch.zeros(4, dtype=torch.long)), {}, "one class"),
            Sample((Z[:, :1], torch.tensor([0, 7, 0, 0])), {"weight": WEIGHT[:1], "ignore_index": 7}, "one class, one ignored"),
            Sample((torch.tensor([[0.5, -torch.inf, 2.0]], dtype=torch.float64), torch.tensor([0])), {}, "impossible class"),
        ],
        bad=BAD,
        gradcheck=2,
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    ),
    Case(
        METHOD,
        "probabilities",
        function(cross_entropy),
        lambda: [
            Sample((Z, probabilities(4, 5, seed=3, dim=1))),
            Sample((Z, probabilities(4, 5, seed=4, dim=1)), {**SMOOTHED, "weight": WEIGHT, "reduction": "none"}, "weighted, smoothed"),
            Sample((IMAGE, probabilities(2, 3, 2, 4, seed=5, dim=1)), {**SMOOTHED, "weight": WEIGHT[:3], "reduction": "sum"}, "images"),
        ],
        (BUILT_IN, EQUATIONS),
        gradcheck=2,
    ),
    Case(
        METHOD,
        "softmax",
        function(softmax, dim=1),
        lambda: [Sample((Z,)), Sample((IMAGE,), {}, "images")],
        (
            Oracle("torch.softmax", lambda _, z, dim=1: torch.softmax(z, dim)),
            Oracle("the equations in NumPy, position by position", lambda _, z, dim=1: np.exp(numpy_log_softmax(_, z, dim)), "numpy"),
        ),
        hard=lambda: [Sample((Z + 1e4,), {}, "mean 1e4"), Sample((Z * 1e4,), {}, "extreme logits")],
        degenerate=lambda: [Sample((Z[:0],), {}, "empty batch"), Sample((Z[:, :1],), {}, "one class")],
    ),
    Case(
        METHOD,
        "log-softmax",
        function(log_softmax, dim=-1),
        lambda: [Sample((Z,)), Sample((IMAGE,), {}, "images")],
        (
            Oracle("torch.log_softmax", lambda _, z, dim=-1: torch.log_softmax(z, dim)),
            Oracle("the equations in NumPy, position by position", lambda _, z, dim=-1: numpy_log_softmax(_, z, dim), "numpy"),
        ),
        hard=lambda: [Sample((Z + 1e4,), {}, "mean 1e4"), Sample((Z * 1e4,), {}, "extreme logits")],
        degenerate=lambda: [Sample((Z[:0],), {}, "empty batch"), Sample((Z[:, :1],), {}, "one class")],
        bad=(Bad(lambda: log_softmax(TARGET, 0), r"input must be floating point, got torch.int64"),),
        gradcheck=2,
    ),
]
