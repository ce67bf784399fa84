"""Alpha dropout and a self-normalizing network beside PyTorch's own layers."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.foundations.selu import AlphaDropout, SelfNormalizingNetwork
from tests.refimpl.foundations.cases_selu import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def layers() -> nn.Sequential:
    """The same first weights: drawn alike."""
    network = nn.Sequential(nn.Linear(256, 512), nn.SELU(), nn.Linear(512, 10))
    network.load_state_dict({k.replace("3.", "2."): v for k, v in ours().state_dict().items()})
    return network


def ours() -> SelfNormalizingNetwork:
    torch.manual_seed(0)
    return SelfNormalizingNetwork((256, 512, 10))


BENCHES = [
    Bench(
        METHOD,
        "alpha dropout, 512 x 2048, p = 0.3",
        lambda: AlphaDropout(0.3),
        {"torch.nn.AlphaDropout": lambda: nn.AlphaDropout(0.3)},
        lambda: (randn(512, 2048, seed=0),),
    ),
    Bench(
        METHOD,
        "256-512-10 network, 256 rows",
        ours,
        {"torch.nn.Sequential": layers},
        lambda: (randn(256, 256, seed=0),),
    ),
]
