"""A deep autoencoder beside the same layers of PyTorch; the contractive penalty beside a Jacobian that is formed."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.foundations.autoencoder import Autoencoder, contractive_penalty
from tests.refimpl.foundations.cases_autoencoder import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def seeded(make):
    torch.manual_seed(0)
    return make()


def layers():
    return nn.Sequential(nn.Linear(256, 128), nn.Sigmoid(), nn.Linear(128, 32), nn.Linear(32, 128), nn.Sigmoid(), nn.Linear(128, 256))


def formed(sums, weight):
    slopes = torch.sigmoid(sums) * torch.sigmoid(-sums)
    return (slopes[:, :, None] * weight).square().sum((1, 2)).mean()


BENCHES = [
    Bench(
        METHOD,
        "256-128-32-128-256, 512 rows",
        lambda: seeded(lambda: Autoencoder((256, 128, 32))),
        {"torch.nn.Sequential": lambda: seeded(layers)},
        lambda: (randn(512, 256, seed=0),),
    ),
    Bench(
        METHOD,
        "contractive penalty, 256-128, 512 rows",
        lambda: contractive_penalty,
        {"the Jacobians, formed": lambda: formed},
        lambda: (randn(512, 128, seed=0), randn(128, 256, seed=1)),
    ),
]
