"""The IndRNN beside PyTorch's network of as many units, and beside its own loop differentiated step by step."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.recurrent.indrnn import IndRNN, indrnn_layer
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.recurrent.cases_indrnn import METHOD


def loop(projected, h, u):
    states = []
    for a in projected.unbind():
        h = torch.addcmul(a, u, h).relu()
        states.append(h)
    return torch.stack(states)


def diagonal():
    """``torch.nn.RNN`` with the same parameters, the recurrent ones as a diagonal matrix."""
    torch.manual_seed(0)
    ours, theirs = IndRNN(64, 64), nn.RNN(64, 64, nonlinearity="relu")
    theirs.load_state_dict({k: torch.diag(v[0]) if "weight_hh" in k else v for k, v in ours.state_dict().items()})
    return theirs


def independent():
    torch.manual_seed(0)
    return IndRNN(64, 64)


BENCHES = [
    Bench(
        METHOD,
        "batch 16, length 500, 64 features, 64 units",
        independent,
        {"torch.nn.RNN with a diagonal matrix": diagonal},
        lambda: (randn(500, 16, 64, seed=0),),
        compiled=False,  # the compiler unrolls the loop over time: minutes at these lengths
    ),
    Bench(
        METHOD,
        "recurrence alone, 1000 steps of 16 x 64 numbers",
        lambda: indrnn_layer,
        {"loop, by autograd": lambda: loop},
        lambda: (randn(1000, 16, 64, seed=0), randn(16, 64, seed=1), rand(64, seed=2)),
        compiled=False,
    ),
]
