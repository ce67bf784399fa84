"""A range test of 50 steps beside the loop that one writes by hand, with PyTorch's cyclic schedule and a copy of the model."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CyclicLR

from refimpl.training.lr_range import lr_range_test, ramp
from tests.refimpl.harness.bench import Bench

STEPS = 50


def training(x, y):
    """A perceptron of 400,000 parameters, its optimizer, and a step on one batch."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)).to(x)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)

    @torch.enable_grad()
    def step():
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, step


def ours(x: Tensor, y: Tensor) -> Tensor:
    return torch.tensor(lr_range_test(*training(x, y), ramp(1e-4, 0.1, STEPS - 1)).losses)


def by_hand(x: Tensor, y: Tensor) -> Tensor:
    model, optimizer, step = training(x, y)
    before = deepcopy(model.state_dict())
    schedule, losses = CyclicLR(optimizer, 1e-4, 0.1, step_size_up=STEPS - 1), []
    for _ in range(STEPS):
        losses.append(step().item())
        schedule.step()
    model.load_state_dict(before)
    return torch.tensor(losses)


def sample() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(64, 256, generator=generator), torch.randint(10, (64,), generator=generator)


BENCHES = [
    Bench(
        "lr-range-test",
        "50 steps of a perceptron of 400,000 parameters",
        lambda: ours,
        {"a loop with CyclicLR": lambda: by_hand},
        sample,
        backward=False,
        compiled=False,
    )
]
