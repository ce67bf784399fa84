"""What is special to Adam: its first step, its state, its scale invariance, its defaults."""

from __future__ import annotations

import pytest
import torch

from refimpl.training.adam import Adam, AdaMax, NAdam
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_adam import METHOD

MODULE = "refimpl.training.adam"
BUILT_IN = {Adam: torch.optim.Adam, AdaMax: torch.optim.Adamax, NAdam: torch.optim.NAdam}


def walk(optimizer_class, steps=6, scale=1.0, **options):
    point = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_class([point], **options)
    for t in range(steps):
        point.grad = scale * (torch.cos(3 * point.detach()) + 0.2 * t)
        optimizer.step()
    return point.detach(), optimizer


@pytest.mark.parametrize("ours", BUILT_IN)
def test_defaults_are_those_of_torch(ours):
    exact = 1e-9 if ours is NAdam else 1e-13  # torch.optim.NAdam keeps the product of mu in float32
    assert error(walk(ours)[0], walk(BUILT_IN[ours])[0]) < exact
    names = ("lr", "betas", "eps", "weight_decay", "maximize", "momentum_decay")
    mine, torchs = walk(ours)[1].defaults, walk(BUILT_IN[ours])[1].defaults
    assert {n: mine[n] for n in names if n in mine} == {n: torchs[n] for n in names if n in torchs}


@pytest.mark.parametrize("ours", BUILT_IN)
def test_boundaries_are_accepted(ours):
    more = {"momentum_decay": 0.0} if ours is NAdam else {}
    ours([torch.zeros(1, requires_grad=True)], lr=0.0, betas=(0.0, 0.0), eps=0.0, weight_decay=0.0, **more)


def test_negative_momentum_decay_is_refused():
    with pytest.raises(ValueError, match=r"NAdam: momentum_decay must be non-negative, got -0.1"):
        NAdam([torch.zeros(1, requires_grad=True)], momentum_decay=-0.1)


def test_first_step_is_the_sign_of_the_gradient(record):
    """With eps = 0 the first step is lr in each coordinate, however large the gradient."""
    start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    end, _ = walk(Adam, steps=1, scale=1e-6, lr=0.1, eps=0.0)
    gap = error(start - end, 0.1 * torch.sign(torch.cos(3 * start)))
    record(METHOD, MODULE, "first step", "lr sign(g), closed form", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(3,)")


def test_scale_of_the_loss_does_not_matter():
    """Section 2.1: the step is invariant to rescaling the gradient, when eps is 0 (exactly so along one gradient sequence)."""
    optimizers = []
    for scale in (1.0, 1e3):
        point = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
        optimizer = Adam([point], lr=0.1, eps=0.0)
        for t in range(5):
            point.grad = scale * torch.tensor([0.3 + t, -0.7 * t - 0.1], dtype=torch.float64)
            optimizer.step()
        optimizers.append(point.detach())
    assert error(*optimizers) < 1e-13


def test_state_has_the_names_of_torch():
    for ours, theirs in BUILT_IN.items():
        mine, torchs = (next(iter(walk(c)[1].state.values())) for c in (ours, theirs))
        assert mine.keys() == torchs.keys()
        assert mine["step"] == torchs["step"] == 6
        assert all(error(mine[k], torchs[k]) < 1e-7 for k in mine if torch.is_tensor(mine[k]))
        assert mine.get("mu_product", 1.0) == pytest.approx(float(torchs.get("mu_product", 1.0)), rel=1e-6)


def test_state_follows_the_dtype_of_the_parameter():
    half = torch.zeros(2, dtype=torch.bfloat16, requires_grad=True)
    half.grad = torch.ones(2, dtype=torch.bfloat16)
    optimizer = Adam([half])
    optimizer.step()
    assert optimizer.state[half]["exp_avg"].dtype == torch.bfloat16
