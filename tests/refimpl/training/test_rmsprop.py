"""What is special to RMSProp: its first step, a constant gradient in the centered form, its defaults."""

from __future__ import annotations

import pytest
import torch

from refimpl.training.rmsprop import RMSProp
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.rule import GRADIENTS, check_defaults, walk
from tests.refimpl.training.cases_rmsprop import METHOD

MODULE = "refimpl.training.rmsprop"
START = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)


def test_defaults_are_those_of_torch():
    check_defaults(RMSProp, torch.optim.RMSprop)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.5}, {"centered": True}, {"momentum": 0.3, "centered": True}])
def test_state_has_the_names_of_torch(options):
    """PyTorch counts steps besides, which the rule does not need."""
    mine, torchs = (next(iter(walk(c, **options)[1].state.values())) for c in (RMSProp, torch.optim.RMSprop))
    assert mine.keys() == torchs.keys() - {"step"}
    assert all(error(mine[k], torchs[k]) < 1e-12 for k in mine)


def test_first_step(record):
    """lr sign(g) / sqrt(1 - alpha) when eps is 0."""
    end, _ = walk(RMSProp, GRADIENTS[:1], lr=0.05, alpha=0.91, eps=0.0)
    gap = error(START - end, 0.05 * torch.sign(GRADIENTS[0]) / 0.3)
    record(METHOD, MODULE, "first step", "lr sign(g) / sqrt(1 - alpha)", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(3,)")


def test_constant_gradient_stays_finite_when_centered():
    """The variance of a constant is 0; rounding may leave it slightly below, which PyTorch turns into NaN."""
    for dtype in (torch.float32, torch.float64):
        point = torch.zeros(64, dtype=dtype, requires_grad=True)
        optimizer = RMSProp([point], alpha=0.5, centered=True, lr=1e-9)
        for _ in range(200):
            point.grad = torch.linspace(0.1, 1e4, 64, dtype=dtype)
            optimizer.step()
        assert bool(torch.isfinite(point).all())


def test_boundaries_are_accepted():
    end, _ = walk(RMSProp, lr=0.0, alpha=0.0, eps=0.0, weight_decay=0.0, momentum=0.0)
    assert torch.equal(end, START)
