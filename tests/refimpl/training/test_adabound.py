"""What is special to AdaBound: its bounds, the Adam it starts as and the momentum it ends as, published packages, its defaults."""

from __future__ import annotations

import pytest
import torch

from refimpl.training.adabound import AdaBound, bounds
from refimpl.training.adam import Adam
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.rule import GRADIENTS, walk
from tests.refimpl.training.cases_adabound import METHOD

MODULE = "refimpl.training.adabound"
START = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)


def test_defaults():
    expected = {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "final_lr": 0.1,
        "gamma": 1e-3,
        "eps": 1e-8,
        "weight_decay": 0.0,
        "amsbound": False,
        "maximize": False,
    }
    assert AdaBound([torch.zeros(1, requires_grad=True)]).defaults == expected


def test_bounds_by_hand():
    assert bounds(1, 0.25) == pytest.approx((0.2, 5.0), rel=1e-14)
    assert bounds(10, 0.1) == pytest.approx((0.5, 2.0), rel=1e-14)


@pytest.mark.parametrize("amsbound", [False, True])
def test_agrees_with_a_published_package(record, amsbound):
    package = pytest.importorskip("pytorch_optimizer", reason="the optional package pytorch_optimizer is not installed")
    gradients = GRADIENTS * 3
    theirs, _ = walk(package.AdaBound, gradients, gamma=0.1, ams_bound=amsbound)
    gap = error(walk(AdaBound, gradients, gamma=0.1, amsbound=amsbound)[0], theirs)
    what = "27 steps of AMSBound" if amsbound else "27 steps of AdaBound"
    record(METHOD, MODULE, what, "pytorch_optimizer.AdaBound", error=gap, tolerance=1e-7, dtype=torch.float64, shapes="(3,)")


def test_starts_as_adam(record):
    """While gamma t is tiny the bounds are about 0 and infinity, so that nothing is clipped."""
    gap = error(walk(AdaBound, gamma=1e-12, lr=0.1, eps=0.0)[0], walk(Adam, lr=0.1, eps=0.0)[0])
    record(METHOD, MODULE, "wide bounds", "Adam", error=gap, tolerance=1e-12, dtype=torch.float64, shapes="(3,)")


def test_equal_bounds_are_momentum(record):
    """Where both bounds have closed on final_lr, the rule is gradient descent along Adam's mean."""
    _, optimizer = walk(AdaBound, GRADIENTS[:1], gamma=0.5)
    (p,) = optimizer.param_groups[0]["params"]
    state = optimizer.state[p]
    state["step"] = 10**13
    p.grad = GRADIENTS[3].clone()
    before, mean = p.detach().clone(), 0.9 * state["exp_avg"] + 0.1 * GRADIENTS[3]
    optimizer.step()
    gap = error(before - p.detach(), 0.1 * mean)
    record(METHOD, MODULE, "after 10^13 steps", "final_lr m", error=gap, tolerance=1e-11, dtype=torch.float64, shapes="(3,)")


def test_a_schedule_moves_the_bounds():
    """Halving lr halves the whole step, clipped or not; two groups keep rates of their own."""
    halves = []
    for factor in (1.0, 0.5):
        points = [START.clone().requires_grad_(), START.clone().requires_grad_()]
        optimizer = AdaBound([{"params": points[:1]}, {"params": points[1:], "lr": 0.2}], lr=0.1, gamma=0.3)
        for group in optimizer.param_groups:
            group["lr"] *= factor
        for p in points:
            p.grad = GRADIENTS[0].clone()
        optimizer.step()
        halves.append([START - p.detach() for p in points])
    (whole_first, whole_second), (half_first, half_second) = halves
    assert error(half_first, whole_first / 2) < 1e-13 and error(half_second, whole_second / 2) < 1e-13
    assert error(whole_first, whole_second) > 0.01


def test_amsbound_keeps_the_largest_mean_square():
    _, optimizer = walk(AdaBound, [10 * GRADIENTS[1], *GRADIENTS[2:6]], amsbound=True, betas=(0.9, 0.5))
    (state,) = optimizer.state.values()
    assert state.keys() == {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
    assert error(state["max_exp_avg_sq"], 50 * GRADIENTS[1] ** 2) < 1e-14


def test_adabound_keeps_no_largest_mean_square():
    (state,) = walk(AdaBound)[1].state.values()
    assert state.keys() == {"step", "exp_avg", "exp_avg_sq"}


def test_boundaries_are_accepted():
    end, _ = walk(AdaBound, lr=0.0, betas=(0.0, 0.0), final_lr=0.0, eps=0.0, weight_decay=0.0)
    assert torch.equal(end, START)
