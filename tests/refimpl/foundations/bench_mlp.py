"""A multilayer perceptron beside the same layers of PyTorch."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.foundations.mlp import MLP
from tests.refimpl.foundations.cases_mlp import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

LAYERS = {"relu": nn.ReLU, "tanh": nn.Tanh}


def seeded(make):
    """The same first weights on both sides: the layers are drawn in the same order."""
    torch.manual_seed(0)
    return make()


def theirs(name: str) -> nn.Module:
    activation = LAYERS[name]
    return seeded(lambda: nn.Sequential(nn.Linear(256, 512), activation(), nn.Linear(512, 512), activation(), nn.Linear(512, 10)))


BENCHES = [
    Bench(
        METHOD,
        f"256-512-512-10, {name}, 128 rows",
        lambda name=name: seeded(lambda: MLP((256, 512, 512, 10), name)),
        {"torch.nn.Sequential": lambda name=name: theirs(name)},
        lambda: (randn(128, 256, seed=0),),
    )
    for name in LAYERS
]
