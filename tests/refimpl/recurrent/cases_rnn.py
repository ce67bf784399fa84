"""Cases of the simple recurrent network; the NumPy oracle steps through time one example at a time."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from refimpl.recurrent.rnn import RNN, rnn_layer
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn
from tests.refimpl.harness.recurrent import called, stack_cases

METHOD = "rnn"


def one_sequence(f, x, h, p):
    states = []
    for row in x:
        h = f(p["weight_ih"] @ row + p.get("bias_ih", 0) + p["weight_hh"] @ h + p.get("bias_hh", 0))
        states.append(h)
    return np.array(states)


def built_in(options):
    return Oracle("torch.rnn_tanh", partial(called, torch.rnn_tanh, options))


def composed(_, projected, h, weight, nonlinearity="tanh"):
    states = []
    for a in projected:
        h = a + torch.einsum("bk,jk->bj", h, weight)
        h = (1 - 2 / (torch.exp(2 * h) + 1)) if nonlinearity == "tanh" else h * (h > 0)
        states.append(h)
    return torch.stack(states)


def layer(seed):
    return Sample((randn(4, 2, 3, seed=seed), randn(2, 3, seed=seed + 1), randn(3, 3, seed=seed + 2)))


Z = torch.zeros
BAD = (
    Bad(lambda: RNN(3, 4, nonlinearity="gelu"), r"^RNN: nonlinearity must be tanh or relu, got 'gelu'$"),
    Bad(lambda: rnn_layer(Z(5, 2, 3), Z(2, 3), Z(3, 3), "elu"), r"^rnn_layer: nonlinearity must be tanh or relu, got 'elu'$"),
    Bad(lambda: rnn_layer(Z(5, 2, 3), Z(2, 3), Z(3, 4)), r"^rnn_layer: weight_hh must have shape \(H, H\), got \(3, 4\)$"),
    Bad(lambda: rnn_layer(Z(5, 2, 3), Z(2, 3), Z(3)), r"^rnn_layer: weight_hh must have shape \(H, H\), got \(3,\)$"),
    Bad(lambda: rnn_layer(Z(5, 2, 4), Z(2, 3), Z(3, 3)), r"^rnn_layer: projected must have shape \(T, B, 3\) with T > 0, got \(5, 2, 4\)$"),
    Bad(lambda: rnn_layer(Z(5, 3), Z(2, 3), Z(3, 3)), r"^rnn_layer: projected must have shape \(T, B, 3\) with T > 0, got \(5, 3\)$"),
    Bad(lambda: rnn_layer(Z(0, 2, 3), Z(2, 3), Z(3, 3)), r"^rnn_layer: projected must have shape \(T, B, 3\) with T > 0, got \(0, 2, 3\)$"),
    Bad(lambda: rnn_layer(Z(5, 2, 3), Z(1, 3), Z(3, 3)), r"^rnn_layer: h0 must have shape \(2, 3\), got \(1, 3\)$"),
)

ROUNDED = {torch.bfloat16: 8e-2, torch.float16: 8e-3}
"""Each layer rounds its outputs; nothing but tanh, and no gate, damps that in the layers above."""

CASES = [
    *stack_cases(METHOD, RNN, built_in, partial(one_sequence, np.tanh), BAD, ROUNDED),
    *(
        Case(
            METHOD,
            f"all states, {name}",
            function(partial(rnn_layer, nonlinearity=name)),
            lambda: [layer(60), layer(70)],
            (Oracle("composition of single products, by autograd", partial(composed, nonlinearity=name)),),
            degenerate=lambda: [Sample((Z(3, 0, 2).double(), Z(0, 2).double(), randn(2, 2, seed=80)), name="empty batch")],
            gradcheck=2 if name == "tanh" else 1,
        )
        for name in ("tanh", "relu")
    ),
]
