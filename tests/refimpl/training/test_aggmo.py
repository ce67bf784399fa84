"""What is special to aggregated momentum: its limits, the mean of plain momentum paths, its defaults."""

from __future__ import annotations

import pytest
import torch

from refimpl.training.aggmo import AggMo, exponential_damping
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_aggmo import METHOD

MODULE = "refimpl.training.aggmo"


def walk(optimizer_class, gradients, **options):
    point = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_class([point], **options)
    for g in gradients:
        point.grad = g.clone()
        optimizer.step()
    return point.detach(), optimizer


GRADIENTS = [torch.tensor([0.3 * t - 1, torch.pi / (t + 1), (-1.0) ** t], dtype=torch.float64) for t in range(9)]


def test_is_the_mean_of_plain_momentum(record):
    """Along a fixed gradient sequence the path is the mean of the paths that each damping takes alone."""
    betas = (0.2, 0.9, 0.99)
    together, _ = walk(AggMo, GRADIENTS, lr=0.1, betas=betas)
    alone = [walk(torch.optim.SGD, GRADIENTS, lr=0.1, momentum=b)[0] for b in betas]
    gap = error(together, sum(alone) / 3)
    record(METHOD, MODULE, "mean of three paths", "torch.optim.SGD", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(3,)")


def test_no_damping_is_gradient_descent(record):
    gap = error(walk(AggMo, GRADIENTS, lr=0.1, betas=[0.0])[0], walk(torch.optim.SGD, GRADIENTS, lr=0.1)[0])
    record(METHOD, MODULE, "betas (0,)", "torch.optim.SGD", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(3,)")


def test_agrees_with_a_published_package(record):
    package = pytest.importorskip("pytorch_optimizer", reason="the optional package pytorch_optimizer is not installed")
    theirs, _ = walk(package.AggMo, GRADIENTS, lr=0.1, betas=(0.0, 0.9, 0.99))
    gap = error(walk(AggMo, GRADIENTS)[0], theirs)
    record(METHOD, MODULE, "defaults", "pytorch_optimizer.AggMo", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(3,)")


def test_defaults():
    expected = {"lr": 0.1, "betas": (0.0, 0.9, 0.99), "weight_decay": 0.0, "maximize": False}
    assert AggMo([torch.zeros(1, requires_grad=True)]).defaults == expected
    assert error(walk(AggMo, GRADIENTS)[0], walk(AggMo, GRADIENTS, lr=0.1, betas=exponential_damping(3))[0]) < 1e-13


def test_exponential_damping():
    assert exponential_damping(4) == pytest.approx((0.0, 0.9, 0.99, 0.999), abs=1e-15)
    assert exponential_damping(3, 0.5) == (0.0, 0.5, 0.75)
    assert exponential_damping(1, 0.3) == (0.0,)


def test_boundaries_are_accepted():
    AggMo([torch.zeros(1, requires_grad=True)], lr=0.0, betas=(0.0,), weight_decay=0.0)


def test_state_is_one_tensor_of_all_velocities():
    _, optimizer = walk(AggMo, GRADIENTS[:2], betas=(0.0, 0.5))
    (state,) = optimizer.state.values()
    assert state.keys() == {"velocities"} and state["velocities"].shape == (2, 3)
    assert torch.equal(state["velocities"][0], GRADIENTS[1])
    assert torch.equal(state["velocities"][1], GRADIENTS[1] + 0.5 * GRADIENTS[0])
