"""Cases of the multilayer perceptron; the NumPy oracle adds up the inputs of one unit after the other."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.foundations.mlp import MLP, Pointwise
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize

METHOD = "mlp"

NUMPY = {
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)) if z > -700 else 0.0,
    "tanh": math.tanh,
    "relu": lambda z: max(z, 0.0),
    "identity": lambda z: z,
}
TORCH = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "identity": lambda z: z}


def weights(p):
    """Weights and biases in the order of the layers; the bias is None where there is none."""
    layers = sorted({int(name.split(".")[0]) for name in p})
    return [(p[f"{i}.weight"], p.get(f"{i}.bias")) for i in layers]


def numpy_mlp(activation, output):
    def call(p, x):
        layers = weights(p)
        out = np.zeros((*x.shape[:-1], len(layers[-1][0])))
        for place in np.ndindex(x.shape[:-1]):
            h = list(x[place])
            for number, (weight, bias) in enumerate(layers, 1):
                f = NUMPY[output if number == len(layers) else activation]
                sums = [sum(w * v for w, v in zip(row, h, strict=True)) for row in weight]
                h = [f(z + (0.0 if bias is None else bias[unit])) for unit, z in enumerate(sums)]
            out[place] = h
        return out

    return Oracle("the equations in NumPy, unit by unit", call, "numpy")


def torch_mlp(activation, output):
    def call(p, x):
        layers = weights(p)
        for number, (weight, bias) in enumerate(layers, 1):
            z = torch.einsum("...i,oi->...o", x, weight) + (0.0 if bias is None else bias)
            x = TORCH[output if number == len(layers) else activation](z)
        return x

    return Oracle("torch.einsum and PyTorch's activations", call)


def oracles(activation, output):
    return torch_mlp(activation, output), numpy_mlp(activation, output)


X, X3 = randn(5, 3, seed=1), randn(2, 2, 3, seed=2)

BAD = (
    Bad(lambda: MLP([3]), r"^MLP: sizes must be two or more positive numbers, got \[3\]$"),
    Bad(lambda: MLP((3, 0, 2)), r"^MLP: sizes must be two or more positive numbers, got \[3, 0, 2\]$"),
    Bad(lambda: MLP((3, 2, 1), "soft"), r"^Pointwise: activation must be one of step, identity, relu, .*, got 'soft'$"),
    Bad(lambda: MLP((3, 2), output="soft"), r"^Pointwise: .* got 'soft'$"),
    Bad(lambda: MLP((3, 2))(X[:, :2].float()), r"^MLP: input must have shape \(..., 3\), got \(5, 2\)$"),
    Bad(lambda: MLP((3, 2))(X[0, 0].float()), r"^MLP: input must have shape \(..., 3\), got \(\)$"),
)

CASES = [
    Case(
        METHOD,
        "three layers",
        lambda: randomize(MLP((3, 4, 2, 3), output="tanh")),
        lambda: [Sample((X,)), Sample((X3,), {}, "sequence"), Sample((X[0],), {}, "one")],
        oracles("sigmoid", "tanh"),
        hard=lambda: [Sample((X + 1e4,), {}, "mean 1e4"), Sample((X * 0,), {}, "all zero")],
        degenerate=lambda: [Sample((X[:0],), {}, "empty batch"), Sample((X[:1],), {}, "one row")],
        bad=BAD,
    ),
    Case(
        METHOD,
        "no bias, affine output",
        lambda: randomize(MLP((3, 4, 2), "relu", bias=False), seed=1),
        lambda: [Sample((X,))],
        oracles("relu", "identity"),
        compiles="as the case before",
    ),
    Case(
        METHOD,
        "one layer",
        lambda: randomize(MLP((3, 2)), seed=2),
        lambda: [Sample((X,))],
        oracles("sigmoid", "identity"),
        compiles="as the case before",
    ),
    Case(
        METHOD,
        "activation as a layer",
        lambda: Pointwise("tanh"),
        lambda: [Sample((X,))],
        (Oracle("torch.tanh", lambda _, x: torch.tanh(x)), Oracle("math.tanh", lambda _, x: np.vectorize(math.tanh)(x), "numpy")),
        compiles="as the cases before",
    ),
]
