"""Cases of LeNet-5: its parts and the whole against compositions that take each connection of table I from the paper."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.convolution.lenet import LeNet5, Subsampling, TableConv2d, discriminative_loss, penalties, squash
from tests.refimpl.convolution import numpy_layers as layers
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "lenet"

TABLE_I = """
X . . . X X X . . X X X X . X X
X X . . . X X X . . X X X X . X
X X X . . . X X X . . X . X X X
. X X X . . X X X X . . X . X X
. . X X X . . X X X X . X X . X
. . . X X X . . X X X X . X X X
"""
"""Rows: maps of S2; columns: maps of C3; as printed."""

SEEN = np.array([[mark == "X" for mark in row.split()] for row in TABLE_I.strip().split("\n")])


def numpy_squash(a):
    return 1.7159 * np.tanh(2 * a / 3)


def numpy_subsample(x, w, b):
    y = np.zeros((*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2))
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = w[c] * sum(x[n, c, 2 * i + a, 2 * j + d] for a in (0, 1) for d in (0, 1)) + b[c]
    return numpy_squash(y)


def numpy_table(x, kernels, bias, table):
    """One two-dimensional filter for each connection, in the order of the table."""
    kernels = iter(kernels)
    maps = [sum(layers.conv(x[:, c : c + 1], next(kernels)[None, None])[:, 0] for c in seen) for seen in table]
    return np.stack(maps, 1) + bias[:, None, None]


def numpy_penalties(x, codes):
    return np.array([[sum((a - b) ** 2 for a, b in zip(row, code, strict=True)) for code in codes] for row in x]).reshape(
        len(x), len(codes)
    )


def numpy_lenet(p, x):
    x = numpy_subsample(numpy_squash(layers.conv(x, p["c1.weight"], p["c1.bias"])), p["s2.weight"], p["s2.bias"])
    x = numpy_squash(numpy_table(x, p["c3.weight"], p["c3.bias"], [np.flatnonzero(column) for column in SEEN.T]))
    x = numpy_subsample(x, p["s4.weight"], p["s4.bias"])
    x = numpy_squash(layers.conv(x, p["c5.weight"], p["c5.bias"])).reshape(len(x), 120)
    return numpy_penalties(numpy_squash(layers.linear(x, p, "f6").reshape(len(x), 84)), p["codes"])


def torch_squash(a):
    return 1.7159 * (2 * torch.sigmoid(4 / 3 * a) - 1)


def torch_subsample(x, w, b):
    return torch_squash(F.conv2d(x, w.view(-1, 1, 1, 1).expand(-1, 1, 2, 2), b, stride=2, groups=len(w)))


def torch_table(x, kernels, bias, table):
    """One dense convolution with zeros where the table has no mark."""
    mask = torch.tensor(table)[..., None, None].expand(*table.shape, *kernels.shape[1:])
    return F.conv2d(x, torch.zeros(mask.shape, dtype=x.dtype).masked_scatter(mask, kernels), bias)


def torch_penalties(x, codes):
    return (x**2).sum(1, keepdim=True) - 2 * x @ codes.T + (codes**2).sum(1)


def torch_lenet(p, x):
    x = torch_subsample(torch_squash(F.conv2d(x, p["c1.weight"], p["c1.bias"])), p["s2.weight"], p["s2.bias"])
    x = torch_subsample(torch_squash(torch_table(x, p["c3.weight"], p["c3.bias"], SEEN.T)), p["s4.weight"], p["s4.bias"])
    x = torch_squash(F.linear(x.flatten(1), p["c5.weight"].flatten(1), p["c5.bias"]))
    return torch_penalties(torch_squash(F.linear(x, p["f6.weight"], p["f6.bias"])), p["codes"])


def numpy_loss(_, y, target, rejection=1.0):
    """Equation 9, pattern by pattern."""
    return np.mean([row[d] + np.log(np.exp(-rejection) + sum(np.exp(-v) for v in row)) for row, d in zip(y, target, strict=True)])


def torch_loss(_, y, target, rejection=1.0):
    """The negative log-probability of the right class among softmax(-y) and a class of penalty j."""
    return F.cross_entropy(torch.cat([-y, torch.full_like(y[:, :1], -rejection)], 1), target)


SMALL = np.array([[True, False, True], [False, True, False]])
IMAGES = randn(2, 1, 32, 32, seed=1)
PENALTY, TARGET = rand(5, 4, seed=2, low=0.1, high=3.0), torch.tensor([1, 3, 0, 0, 2])
VECTORS, CODES = randn(3, 5, seed=3), randn(4, 5, seed=4)
EQUATIONS = "the equations in NumPy"

BAD = (
    Bad(lambda: LeNet5()(torch.zeros(2, 1, 28, 28)), r"LeNet5: input must have shape \(N, 1, 32, 32\), got \(2, 1, 28, 28\)"),
    Bad(lambda: LeNet5()(torch.zeros(1, 32, 32)), r"LeNet5: input must have shape \(N, 1, 32, 32\), got \(1, 32, 32\)"),
    Bad(lambda: LeNet5()(torch.zeros(2, 3, 32, 32)), r"got \(2, 3, 32, 32\)"),
    Bad(lambda: penalties(VECTORS[0], CODES), r"penalties: expected x \(N, D\) and codes \(K, D\), got \(5,\) and \(4, 5\)"),
    Bad(lambda: penalties(VECTORS, CODES[0]), r"penalties: expected .*, got \(3, 5\) and \(5,\)"),
    Bad(lambda: penalties(VECTORS, CODES[:, :1]), r"penalties: expected .*, got \(3, 5\) and \(4, 1\)"),
    Bad(lambda: discriminative_loss(PENALTY, TARGET[:3]), r"expected penalty \(N, K\) and target \(N,\), got \(5, 4\) and \(3,\)"),
    Bad(lambda: discriminative_loss(PENALTY[0], TARGET[:4]), r"expected penalty \(N, K\) and target \(N,\), got \(4,\) and \(4,\)"),
    Bad(lambda: discriminative_loss(PENALTY, TARGET, 0.0), r"discriminative_loss: rejection must be positive, got 0.0"),
    Bad(
        lambda: Subsampling(2)(torch.zeros(1, 2, 5, 4)), r"Subsampling: input must be \(N, 2, H, W\) with even H and W, got \(1, 2, 5, 4\)"
    ),
    Bad(lambda: Subsampling(2)(torch.zeros(1, 2, 4, 3)), r"Subsampling: input must be .*, got \(1, 2, 4, 3\)"),
    Bad(lambda: Subsampling(2)(torch.zeros(1, 1, 4, 4)), r"Subsampling: input must be .*, got \(1, 1, 4, 4\)"),
    Bad(lambda: Subsampling(2)(torch.zeros(4, 2, 4)), r"Subsampling: input must be .*, got \(4, 2, 4\)"),
    Bad(lambda: Subsampling(2)(torch.zeros(4, 2, 4, 4, 4)), r"Subsampling: input must be .*, got \(4, 2, 4, 4, 4\)"),
)

CASES = [
    Case(
        METHOD,
        "network",
        lambda: randomize(LeNet5(), scale=0.2),
        lambda: [Sample((IMAGES,)), Sample((IMAGES[:1] * 0.3,), name="one image")],
        (
            Oracle("a composition of torch.nn.functional", torch_lenet),
            Oracle(EQUATIONS + ", connection by connection", numpy_lenet, "numpy"),
        ),
        degenerate=lambda: [Sample((IMAGES[:0],), name="empty batch")],
        hard=lambda: [Sample((torch.zeros_like(IMAGES),), name="all zero"), Sample((IMAGES * 1e4,), name="values of 1e4")],
        bad=BAD,
        hard_tolerance=1e-3,  # weighted sums of 1e4 lose their last digits before they are squashed
        gradcheck=0,  # 60,000 parameters; the parts are differentiated numerically below
        tolerance={torch.bfloat16: 5e-2},  # five layers, each rounded to 8 bits, then a squared distance
    ),
    Case(
        METHOD,
        "squash",
        function(squash),
        lambda: [Sample((randn(3, 4, seed=5),))],
        (Oracle("torch.sigmoid, rescaled", lambda _, a: torch_squash(a)), Oracle(EQUATIONS, lambda _, a: numpy_squash(a), "numpy")),
        hard=lambda: [Sample((torch.tensor([-1e4, -0.0, 1e-30, 1e30], dtype=torch.float64),), name="extreme values")],
        degenerate=lambda: [Sample((torch.zeros(0, 2, dtype=torch.float64),), name="empty")],
        gradcheck=2,
    ),
    Case(
        METHOD,
        "subsampling",
        lambda: randomize(Subsampling(3)),
        lambda: [Sample((randn(2, 3, 4, 6, seed=6),))],
        (
            Oracle("torch.nn.functional.conv2d", lambda p, x: torch_subsample(x, p["weight"], p["bias"])),
            Oracle(EQUATIONS + ", window by window", lambda p, x: numpy_subsample(x, p["weight"], p["bias"]), "numpy"),
        ),
        degenerate=lambda: [Sample((torch.zeros(0, 3, 4, 2, dtype=torch.float64),), name="empty batch")],
        gradcheck=2,
    ),
    Case(
        METHOD,
        "table",
        lambda: randomize(TableConv2d(((0, 2), (1,)), 2)),
        lambda: [Sample((randn(2, 3, 4, 5, seed=7),))],
        (
            Oracle("torch.nn.functional.conv2d with a mask", lambda p, x: torch_table(x, p["weight"], p["bias"], SMALL)),
            Oracle(EQUATIONS + ", connection by connection", lambda p, x: numpy_table(x, p["weight"], p["bias"], ((0, 2), (1,))), "numpy"),
        ),
        degenerate=lambda: [Sample((torch.zeros(0, 3, 2, 2, dtype=torch.float64),), name="empty batch")],
        gradcheck=2,
    ),
    Case(
        METHOD,
        "penalties",
        function(penalties),
        lambda: [Sample((VECTORS, CODES))],
        (
            Oracle("the square multiplied out", lambda _, *a: torch_penalties(*a)),
            Oracle(EQUATIONS, lambda _, *a: numpy_penalties(*a), "numpy"),
        ),
        hard=lambda: [Sample((VECTORS + 1e4, CODES + 1e4), name="mean 1e4")],
        hard_tolerance=2e-3,  # float32 holds 1e4 to 5e-4
        degenerate=lambda: [Sample((VECTORS[:0], CODES), name="empty batch"), Sample((VECTORS, CODES[:1]), name="one class")],
        gradcheck=2,
    ),
    Case(
        METHOD,
        "loss",
        function(discriminative_loss),
        lambda: [Sample((PENALTY, TARGET)), Sample((PENALTY, TARGET), {"rejection": 0.4}, "rejection 0.4")],
        (Oracle("torch.nn.functional.cross_entropy", torch_loss), Oracle(EQUATIONS, numpy_loss, "numpy")),
        hard=lambda: [Sample((PENALTY * 1e3, TARGET), name="penalties of 1e3"), Sample((PENALTY * 0, TARGET), name="all zero")],
        degenerate=lambda: [Sample((PENALTY[:, :1], TARGET * 0), name="one class")],
        gradcheck=2,
    ),
]
