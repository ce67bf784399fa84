"""Cases of hierarchical softmax; the NumPy oracle walks from the root to the leaf, the other one splits 1 among all leaves."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.foundations.hierarchical_softmax import HierarchicalSoftmax, hierarchical_softmax, leaf_log_probabilities
from refimpl.foundations.huffman import huffman_tree
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize

METHOD = "hierarchical-softmax"
COUNTS = [5, 1, 9, 2, 2, 7]


def numpy_walk(h, leaf, weight, paths, signs, bias):
    """Negative log-probability of one leaf."""
    loss = 0.0
    for node, sign in zip(paths[leaf], signs[leaf], strict=True):
        if sign:
            score = sum(a * b for a, b in zip(weight[node], h, strict=True)) + (0.0 if bias is None else bias[node])
            loss += math.log1p(math.exp(-sign * score)) if -sign * score < 700 else -sign * score
    return loss


def numpy_loss(_, x, target, weight, paths, signs, bias=None, reduction="mean"):
    loss = np.zeros(target.shape)
    for at in np.ndindex(target.shape):
        loss[at] = numpy_walk(x[at], target[at], weight, paths, signs, bias)
    return {"none": loss, "sum": loss.sum(), "mean": loss.sum() / loss.size if loss.size else np.nan}[reduction]


def numpy_leaves(_, x, weight, paths, signs, bias=None):
    out = np.zeros((*x.shape[:-1], len(paths)))
    for at in np.ndindex(out.shape):
        out[at] = -numpy_walk(x[at[:-1]], at[-1], weight, paths, signs, bias)
    return out


def torch_leaves(_, x, weight, paths, signs, bias=None):
    """The mass of each inner node, 1 at the root, is divided between its children from the top down."""
    mass = {0: 0 * x.sum(-1)}
    leaves = [mass[0]] * len(paths)
    below = {(int(n), int(s)): [] for row, turns in zip(paths, signs, strict=True) for n, s in zip(row, turns, strict=True) if s}
    for leaf, (row, turns) in enumerate(zip(paths.tolist(), signs.tolist(), strict=True)):
        steps = [(n, s) for n, s in zip(row, turns, strict=True) if s]
        for k, step in enumerate(steps):
            below[step] = ("leaf", leaf) if k == len(steps) - 1 else ("node", steps[k + 1][0])

    def divide(node):
        score = (x * weight[node]).sum(-1) + (0.0 if bias is None else bias[node])
        for sign in (1, -1):
            kind, number = below[node, sign]
            share = mass[node] - torch.nn.functional.softplus(-sign * score)
            if kind == "leaf":
                leaves[number] = share
            else:
                mass[number] = share
                divide(number)

    if len(paths) > 1:
        divide(0)
    return torch.stack(leaves, -1)


def torch_loss(_, x, target, weight, paths, signs, bias=None, reduction="mean"):
    loss = -torch_leaves(_, x, weight, paths, signs, bias).gather(-1, target[..., None])[..., 0]
    return {"none": loss, "sum": loss.sum(), "mean": loss.mean()}[reduction]


def of_module(call):
    def output(p, x, target):
        loss = call(None, x, target, p["weight"], p["paths"], p["signs"], p.get("bias"), "none")
        return -loss, loss.mean()

    return output


TREE = huffman_tree(COUNTS)
X, X3 = randn(4, 3, seed=1), randn(2, 3, 3, seed=2)
TARGET, TARGET3 = torch.tensor([0, 5, 1, 3]), torch.tensor([[2, 4, 0], [1, 1, 3]])
WEIGHT, BIAS = randn(5, 3, seed=3), randn(5, seed=4)
LONE = huffman_tree([3])

WALK = Oracle("the path of each leaf in NumPy, node by node", numpy_loss, "numpy")
SPLIT = Oracle("the mass of the root divided among the leaves", torch_loss)

BAD = (
    Bad(
        lambda: hierarchical_softmax(X.long(), TARGET, WEIGHT, *TREE),
        r"^hierarchical_softmax: input must be floating point, got torch.int64$",
    ),
    Bad(
        lambda: hierarchical_softmax(X, TARGET[:2], WEIGHT, *TREE),
        r"^hierarchical_softmax: target must be whole numbers of shape \(4,\), got torch.int64 \(2,\)$",
    ),
    Bad(lambda: hierarchical_softmax(X, TARGET.double(), WEIGHT, *TREE), r"target must be whole numbers .* got torch.float64 \(4,\)$"),
    Bad(
        lambda: hierarchical_softmax(X, TARGET, WEIGHT, TREE.paths[0], TREE.signs[0]),
        r"^hierarchical_softmax: expected paths and signs \(V, L\), got \(\d,\) and \(\d,\)$",
    ),
    Bad(lambda: hierarchical_softmax(X, TARGET, WEIGHT, TREE.paths, TREE.signs[:, :1]), r"expected paths and signs \(V, L\)"),
    Bad(
        lambda: hierarchical_softmax(X, TARGET, WEIGHT[:4], *TREE),
        r"^hierarchical_softmax: weight must have shape \(5, 3\), a row for each inner node, got \(4, 3\)$",
    ),
    Bad(
        lambda: hierarchical_softmax(X, TARGET, WEIGHT, *TREE, BIAS[:4]), r"^hierarchical_softmax: bias must have shape \(5,\), got \(4,\)$"
    ),
    Bad(
        lambda: hierarchical_softmax(X, TARGET, WEIGHT, *TREE, reduction="avg"),
        r"^hierarchical_softmax: reduction must be one of none, mean, sum, got 'avg'$",
    ),
    Bad(lambda: leaf_log_probabilities(X, WEIGHT[:4], *TREE), r"^leaf_log_probabilities: weight must have shape \(5, 3\)"),
    Bad(lambda: HierarchicalSoftmax(0, COUNTS), r"^HierarchicalSoftmax: in_features must be positive, got 0$"),
    Bad(lambda: huffman_tree([]), r"^huffman_tree: counts must be one or more numbers of at least 0, got \[\]$"),
    Bad(lambda: huffman_tree([1, -2]), r"^huffman_tree: .* got \[1.0, -2.0\]$"),
    Bad(lambda: huffman_tree([float("nan")]), r"^huffman_tree: .* got \[nan\]$"),
)

CASES = [
    Case(
        METHOD,
        "loss",
        function(hierarchical_softmax),
        lambda: [
            Sample((X, TARGET, WEIGHT, *TREE, BIAS)),
            Sample((X3, TARGET3, WEIGHT, *TREE), {"reduction": "none"}, "sequences, no bias"),
            Sample((X, TARGET, WEIGHT, *TREE, BIAS, "sum"), {}, "sum"),
        ],
        (SPLIT, WALK),
        hard=lambda: [
            Sample((X * 1e4, TARGET, WEIGHT, *TREE, BIAS), {"reduction": "none"}, "extreme scores"),
            Sample((X * 0, TARGET, WEIGHT, *TREE), {}, "all zero"),
        ],
        degenerate=lambda: [
            Sample((X[:0], TARGET[:0], WEIGHT, *TREE), {"reduction": "sum"}, "empty batch"),
            Sample((X, TARGET * 0, WEIGHT[:0], *LONE), {}, "one class"),
            Sample((X[0], TARGET[0], WEIGHT, *TREE), {}, "one row"),
        ],
        bad=BAD,
    ),
    Case(
        METHOD,
        "all leaves",
        function(leaf_log_probabilities),
        lambda: [Sample((X, WEIGHT, *TREE, BIAS)), Sample((X3, WEIGHT, *TREE), {}, "sequences, no bias")],
        (Oracle(SPLIT.name, torch_leaves), Oracle(WALK.name, numpy_leaves, "numpy")),
        hard=lambda: [Sample((X * 1e4, WEIGHT, *TREE, BIAS), {}, "extreme scores")],
        degenerate=lambda: [Sample((X[:0], WEIGHT, *TREE), {}, "empty batch")],
    ),
    *(
        Case(
            METHOD,
            name,
            lambda bias=bias: randomize(HierarchicalSoftmax(3, COUNTS, bias)),
            lambda: [Sample((X, TARGET))],
            tuple(Oracle(o.name, of_module(o.call), o.kind) for o in (SPLIT, WALK)),
            compiles="the function is compiled above",
        )
        for name, bias in (("module", False), ("module with bias", True))
    ),
]
