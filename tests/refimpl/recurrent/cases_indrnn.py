"""Cases of the IndRNN: PyTorch's network with a diagonal matrix, and the equations in NumPy, unit by unit."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from refimpl.recurrent.indrnn import IndRNN, indrnn_layer, recurrent_bound
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn
from tests.refimpl.harness.recurrent import called, stack_cases

METHOD = "indrnn"


def one_sequence(x, h, p):
    h, states = list(h), []
    for row in x:
        for n, u in enumerate(p["weight_hh"][0]):
            a = p["weight_ih"][n] @ row + u * h[n] + sum(p[name][n] for name in ("bias_ih", "bias_hh") if name in p)
            h[n] = max(a, 0.0)
        states.append(h[:])
    return np.array(states)


def with_diagonals(call, options, p, *args):
    """PyTorch's network, whose recurrent matrix has u on its diagonal."""
    return called(call, options, {k: torch.diag(v[0]) if "weight_hh" in k else v for k, v in p.items()}, *args)


def built_in(options):
    return Oracle("torch.rnn_relu with a diagonal matrix", partial(with_diagonals, torch.rnn_relu, options))


def composed(_, projected, h, u, nonlinearity="relu"):
    states = []
    for a in projected:
        h = a + u * h
        h = (1 - 2 / (torch.exp(2 * h) + 1)) if nonlinearity == "tanh" else h * (h > 0)
        states.append(h)
    return torch.stack(states)


def layer(seed, steps=4):
    return Sample((randn(steps, 2, 3, seed=seed), randn(2, 3, seed=seed + 1), rand(3, seed=seed + 2)))


Z = torch.zeros
BAD = (
    Bad(lambda: IndRNN(3, 4, nonlinearity="gelu"), r"^IndRNN: nonlinearity must be tanh or relu, got 'gelu'$"),
    Bad(lambda: indrnn_layer(Z(5, 2, 3), Z(2, 3), Z(3), "elu"), r"^indrnn_layer: nonlinearity must be tanh or relu, got 'elu'$"),
    Bad(lambda: indrnn_layer(Z(5, 3), Z(2, 3), Z(3)), r"^indrnn_layer: projected must have shape \(T, B, H\) with T > 0, got \(5, 3\)$"),
    Bad(lambda: indrnn_layer(Z(0, 2, 3), Z(2, 3), Z(3)), r"projected must have shape \(T, B, H\) with T > 0, got \(0, 2, 3\)$"),
    Bad(lambda: indrnn_layer(Z(5, 2, 3), Z(3), Z(3)), r"h0 must have shape \(2, 3\) for projected \(5, 2, 3\), got \(3,\)$"),
    Bad(lambda: indrnn_layer(Z(5, 2, 3), Z(2, 3), Z(3, 3)), r"weight_hh must have shape \(3,\) for projected \(5, 2, 3\), got \(3, 3\)$"),
    Bad(lambda: recurrent_bound(0), r"^recurrent_bound: length must be positive, got 0$"),
    Bad(lambda: recurrent_bound(3, 0.0), r"^recurrent_bound: gamma must be positive, got 0.0$"),
)

ROUNDED = {torch.bfloat16: 8e-2, torch.float16: 8e-3}
"""Each layer rounds its outputs, and no gate damps that in the layers above."""

CASES = [
    *stack_cases(METHOD, IndRNN, built_in, one_sequence, BAD, ROUNDED),
    *(
        Case(
            METHOD,
            f"all states, {name}",
            function(partial(indrnn_layer, nonlinearity=name)),
            lambda: [layer(60), layer(70, 13)],
            (Oracle("composition of single products, by autograd", partial(composed, nonlinearity=name)),),
            degenerate=lambda: [Sample((Z(3, 0, 2).double(), Z(0, 2).double(), randn(2, seed=80)), name="empty batch")],
            gradcheck=2,
        )
        for name in ("relu", "tanh")
    ),
]
