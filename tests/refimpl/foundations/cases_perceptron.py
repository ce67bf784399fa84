"""Cases of the perceptron; the NumPy oracle visits one example after the other and one unit after the other."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.foundations.perceptron import Perceptron, learn, mistake_bound, perceptron
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "perceptron"


def numpy_output(x, weight, bias):
    """Outputs of all units for one example."""
    sums = [sum(w * v for w, v in zip(row, x, strict=True)) for row in weight]
    return np.array([1.0 if s + b > 0 else 0.0 for s, b in zip(sums, bias, strict=True)])


def numpy_perceptron(_, x, weight, bias=None):
    bias = np.zeros(len(weight)) if bias is None else bias
    out = np.zeros((*x.shape[:-1], len(weight)))
    for place in np.ndindex(x.shape[:-1]):
        out[place] = numpy_output(x[place], weight, bias)
    return out


def numpy_learn(_, x, target, weight, bias=None, lr=1.0, epochs=100):
    """The rule as the paper has it, example by example."""
    weight, offset = weight.copy(), np.zeros(len(weight)) if bias is None else bias.copy()
    for _ in range(epochs):
        settled = True
        for example, wanted in zip(x, target, strict=True):
            y = numpy_output(example, weight, offset)
            for unit in range(len(weight)):
                if y[unit] != wanted[unit]:
                    settled = False
                    weight[unit] += lr * (wanted[unit] - y[unit]) * example
                    offset[unit] += lr * (wanted[unit] - y[unit]) * (bias is not None)
        if settled:
            break
    return weight, None if bias is None else offset


def torch_perceptron(_, x, weight, bias=None):
    return torch.heaviside(F.linear(x, weight, bias).detach(), torch.zeros((), dtype=x.dtype))


X, X3 = randn(5, 3, seed=1), randn(2, 3, 4, seed=2)
WEIGHT, BIAS = randn(2, 3, seed=3), rand(2, seed=4)
LINE = (randn(60, 3, seed=5) @ randn(3, 2, seed=6) + 0.3 > 0).double()
"""Targets of two units that a plane separates, for the inputs of the same seed."""
MANY = randn(60, 3, seed=5)
CORNERS = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
XOR = torch.tensor([0.0, 1, 1, 0], dtype=torch.float64)[:, None]
START = torch.zeros(1, 2, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)

LOOP = Oracle("the rule in NumPy, example by example", numpy_learn, "numpy")
OUTPUTS = Oracle("the equation in NumPy, unit by unit", numpy_perceptron, "numpy")
LINEAR = Oracle("torch.heaviside of torch.nn.functional.linear", torch_perceptron)


def of_module(call):
    return lambda p, x: call(p, x, p["weight"], p.get("bias"))


BAD = (
    Bad(lambda: perceptron(X.long(), WEIGHT), r"^perceptron: input must be floating point, got torch.int64$"),
    Bad(
        lambda: perceptron(X, WEIGHT.T),
        r"^perceptron: weight must be \(O, I\) for input \(..., I\), got \(3, 2\) for \(5, 3\)$",
    ),
    Bad(lambda: perceptron(X, WEIGHT[0]), r"weight must be \(O, I\) .*got \(3,\) for \(5, 3\)$"),
    Bad(lambda: perceptron(X[0, 0], WEIGHT), r"weight must be \(O, I\) .*got \(2, 3\) for \(\)$"),
    Bad(lambda: perceptron(X, WEIGHT, BIAS[:1]), r"^perceptron: bias must have shape \(2,\), one number a unit, got \(1,\)$"),
)
BAD_LEARN = (
    Bad(lambda: learn(MANY.int(), LINE, WEIGHT), r"^learn: input must be floating point, got torch.int32$"),
    Bad(lambda: learn(MANY, LINE, WEIGHT, BIAS[:1]), r"^learn: bias must have shape \(2,\)"),
    Bad(
        lambda: learn(MANY, LINE[:, :1], WEIGHT),
        r"^learn: expected input \(N, I\) and target \(N, 2\), got \(60, 3\) and \(60, 1\)$",
    ),
    Bad(lambda: learn(MANY[0], LINE[:3], WEIGHT), r"^learn: expected input \(N, I\) .* got \(3,\) and \(3, 2\)$"),
    Bad(lambda: learn(MANY, 2 * LINE - 1, WEIGHT), r"^learn: target must hold 0 and 1, got values from -1.0 to 1.0$"),
    Bad(lambda: learn(MANY, LINE, WEIGHT, lr=0.0), r"^learn: lr must be positive, got 0.0$"),
    Bad(lambda: learn(MANY, LINE, WEIGHT, epochs=0), r"^learn: epochs must be at least 1, got 0$"),
    Bad(lambda: mistake_bound(MANY, LINE[:3], WEIGHT), r"^mistake_bound: expected input \(N, I\) and target"),
    Bad(lambda: mistake_bound(MANY.int(), LINE, WEIGHT), r"^mistake_bound: input must be floating point"),
    Bad(
        lambda: mistake_bound(CORNERS, XOR, *START),
        r"^mistake_bound: expected weights that separate the classes, got margins \[nan\]$",
    ),
    Bad(lambda: mistake_bound(CORNERS, (CORNERS.sum(1, True) > 0).double(), START[0] + 1, START[1]), r"got margins \[-?0.0\]$"),
    Bad(lambda: mistake_bound(CORNERS, XOR, START[0] + 1, START[1]), r"got margins \[-1.414\d*\]$"),
)
BAD_MODULE = (
    Bad(lambda: Perceptron(0), r"^Perceptron: in_features must be positive, got 0$"),
    Bad(lambda: Perceptron(1, 0), r"^Perceptron: out_features must be positive, got 0$"),
)

CASES = [
    Case(
        METHOD,
        "output",
        function(perceptron),
        lambda: [
            Sample((X, WEIGHT, BIAS)),
            Sample((X3, randn(3, 4, seed=7)), {}, "sequence, no bias"),
            Sample((X[0], WEIGHT, BIAS), {}, "one"),
        ],
        (LINEAR, OUTPUTS),
        hard=lambda: [
            Sample((X * 0, WEIGHT, BIAS * 0), {}, "on the plane"),
            Sample((X + 1e4, WEIGHT, BIAS), {}, "mean 1e4"),
            Sample((X * 1e30, WEIGHT, BIAS), {}, "extreme inputs"),
        ],
        degenerate=lambda: [Sample((X[:0], WEIGHT, BIAS), {}, "empty batch"), Sample((X[:, :0], WEIGHT[:, :0], BIAS), {}, "no input")],
        bad=BAD,
        gradcheck=0,  # a step has no slope
    ),
    Case(
        METHOD,
        "learning",
        function(learn),
        lambda: [
            Sample((MANY, LINE, WEIGHT, BIAS), {"lr": 0.25}),
            Sample((MANY, LINE, WEIGHT, BIAS), {"lr": 0.25, "epochs": 2}, "two epochs"),
            Sample((MANY, LINE, WEIGHT), {"lr": 1.5, "epochs": 3}, "no bias"),
            Sample((CORNERS, XOR, *START), {"epochs": 7}, "XOR"),
            Sample((CORNERS, XOR, *START), {}, "XOR, default epochs and rate"),
        ],
        (LOOP,),
        degenerate=lambda: [
            Sample((MANY[:0], LINE[:0], WEIGHT, BIAS), {}, "no example"),
            Sample((MANY[:1], LINE[:1], WEIGHT, BIAS), {}, "one"),
        ],
        bad=BAD_LEARN,
        dtypes=(torch.float64, torch.float32),  # in bfloat16 a sum near zero falls on the other side, and all later weights differ
        gradcheck=0,  # the updates depend on outputs, which have no slope
        compiles="where the next mistake lies depends on the data",
        exports="where the next mistake lies depends on the data",
    ),
    Case(
        METHOD,
        "module",
        lambda: randomize(Perceptron(3, 2)),
        lambda: [Sample((X,))],
        tuple(Oracle(o.name, of_module(o.call), o.kind) for o in (LINEAR, OUTPUTS)),
        bad=BAD_MODULE,
        gradcheck=0,  # a step has no slope
    ),
]
