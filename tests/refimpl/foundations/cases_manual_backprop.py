"""Cases of backpropagation by hand; the NumPy oracle follows the chain rule of one row, one unit and one weight at a time."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.foundations.manual_backprop import backward, forward, loss_and_gradients
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "manual-backprop"

SLOPES = {
    "sigmoid": (lambda z: 1 / (1 + math.exp(-z)), lambda z: 1 / (math.exp(z / 2) + math.exp(-z / 2)) ** 2),
    "tanh": (math.tanh, lambda z: 1 / math.cosh(z) ** 2),
}


def numpy_loss_and_gradients(_, x, target, weights, biases, activation="sigmoid"):
    f, slope = SLOPES[activation]
    rows, depth, loss = len(x), len(weights), 0.0
    d_weights, d_biases, d_x = [np.zeros_like(w) for w in weights], [np.zeros_like(b) for b in biases], np.zeros_like(x)
    for n in range(rows):
        h, z = [list(x[n])], []
        for layer in range(depth):
            z.append([biases[layer][o] + sum(weights[layer][o][i] * v for i, v in enumerate(h[-1])) for o in range(len(biases[layer]))])
            h.append([f(v) for v in z[-1]])
        total = sum(math.exp(v) for v in z[-1])
        t = target[n] if target.dtype.kind == "f" else np.eye(len(z[-1]))[target[n]]
        loss -= sum(t[o] * math.log(math.exp(v) / total) for o, v in enumerate(z[-1])) / rows
        delta = [(math.exp(v) / total * sum(t) - t[o]) / rows for o, v in enumerate(z[-1])]
        for layer in reversed(range(depth)):
            for o, d in enumerate(delta):
                d_biases[layer][o] += d
                for i, v in enumerate(h[layer]):
                    d_weights[layer][o, i] += d * v
            sent = [sum(weights[layer][o][i] * d for o, d in enumerate(delta)) for i in range(len(h[layer]))]
            delta = [s * slope(z[layer - 1][i]) for i, s in enumerate(sent)] if layer else sent
        d_x[n] = delta
    return (np.array(loss), *d_weights, *d_biases, d_x)


def autograd(_, x, target, weights, biases, activation="sigmoid"):
    """PyTorch's own gradients, which can be differentiated again."""
    h = x
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        h = F.linear(getattr(torch, activation)(h) if layer else h, weight, bias)
    loss = F.cross_entropy(h, target)
    return loss, *torch.autograd.grad(loss, [*weights, *biases, x], create_graph=True)


def layers(*sizes, seed):
    pairs = list(pairwise(sizes))
    return [randn(o, i, seed=seed + k) for k, (i, o) in enumerate(pairs)], [randn(o, seed=seed + 9 + k) for k, (_, o) in enumerate(pairs)]


X, TARGET = randn(5, 3, seed=1), torch.tensor([2, 0, 1, 1, 3])
SOFT = rand(5, 4, seed=2, low=0.05, high=1.0)
DEEP, SHALLOW = layers(3, 2, 5, 4, seed=3), layers(3, 4, seed=4)
TRACE = forward(X, *DEEP)

EQUATIONS = Oracle("the delta equations in NumPy, weight by weight", numpy_loss_and_gradients, "numpy")
AUTOGRAD = Oracle("torch.autograd.grad", autograd)

BAD = (
    Bad(lambda: forward(X, *DEEP, "soft"), r"^forward: activation must be one of step, .*, got 'soft'$"),
    Bad(lambda: forward(X, DEEP[0], DEEP[1][:2]), r"^forward: expected one bias for each .*, got 3 weights, 2 biases$"),
    Bad(lambda: forward(X, [], []), r"^forward: .* got 0 weights, 0 biases$"),
    Bad(lambda: forward(X[0], *DEEP), r"^forward: input must be \(N, units\), got \(3,\)$"),
    Bad(lambda: forward(X[:, :2], *DEEP), r"^forward: layer 1 needs weight \(O, 2\) and bias \(O,\), got \(2, 3\) and \(2,\)$"),
    Bad(lambda: forward(X, DEEP[0], DEEP[1][::-1]), r"^forward: layer 1 needs weight \(O, 3\) and bias \(O,\), got \(2, 3\) and \(4,\)$"),
    Bad(lambda: forward(X, [DEEP[0][0], DEEP[0][1][0]], DEEP[1][:2]), r"^forward: layer 2 needs .* got \(2,\) and \(5,\)$"),
    Bad(
        lambda: backward(TRACE, X, DEEP[0]),
        r"^backward: delta must have the shape of the output \(5, 4\), got \(5, 3\)$",
    ),
)

CASES = [
    Case(
        METHOD,
        "three layers",
        function(loss_and_gradients),
        lambda: [
            Sample((X, TARGET, *DEEP)),
            Sample((X, TARGET, *DEEP, "tanh"), {}, "tanh"),
            Sample((X, TARGET, *SHALLOW), {}, "one layer"),
        ],
        (AUTOGRAD, EQUATIONS),
        hard=lambda: [Sample((X * 0, TARGET, *DEEP), {}, "all zero"), Sample((X + 5.0, TARGET, *DEEP), {}, "mean 5")],
        degenerate=lambda: [Sample((X[:1], TARGET[:1], *DEEP), {}, "one row")],
        bad=BAD,
        tolerance={torch.bfloat16: 8e-2},  # the gradients compared are those of gradients, six roundings deep
        compiles="the case below is compiled",
    ),
    Case(
        METHOD,
        "soft targets",
        function(loss_and_gradients, activation="tanh"),
        lambda: [Sample((X, SOFT, *layers(3, 2, 4, seed=5)))],
        (
            Oracle(AUTOGRAD.name, partial(autograd, activation="tanh")),
            Oracle(EQUATIONS.name, partial(numpy_loss_and_gradients, activation="tanh"), "numpy"),
        ),
        tolerance={torch.bfloat16: 8e-2},  # as above
    ),
]
