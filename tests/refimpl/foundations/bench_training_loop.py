"""Two epochs of the training loop beside the loop as everyone writes it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from refimpl.foundations.training_loop import Trainer
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

EPOCHS, ROWS = 2, 64


def begin(x):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)).to(x.device, x.dtype)
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def ours(x, y):
    model, optimizer = begin(x)
    with torch.enable_grad():
        Trainer(model, optimizer, cross_entropy, x, y, ROWS).fit(EPOCHS)
    return tuple(p.detach() for p in model.parameters())


def plain(x, y):
    model, optimizer = begin(x)
    generator = torch.Generator().manual_seed(0)
    with torch.enable_grad():
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(x), generator=generator).to(x.device).split(ROWS):
                optimizer.zero_grad()
                cross_entropy(model(x[rows]), y[rows]).backward()
                optimizer.step()
    return tuple(p.detach() for p in model.parameters())


BENCHES = [
    Bench(
        "training-loop",
        f"{EPOCHS} epochs of 2000 rows, 64-128-10 network",
        lambda: ours,
        {"the loop written out": lambda: plain},
        lambda: (randn(2000, 64, seed=0), torch.arange(2000) % 10),
        backward=False,
        compiled=False,
    )
]
