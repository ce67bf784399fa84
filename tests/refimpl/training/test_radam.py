"""What is special to rectified Adam: when the second moment is used, the rectification's limit, its defaults."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from refimpl.training.radam import RAdam, rectification
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.rule import GRADIENTS, check_defaults, check_state, walk
from tests.refimpl.training.cases_radam import METHOD

MODULE = "refimpl.training.radam"
START = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)


def test_defaults_are_those_of_torch():
    check_defaults(RAdam, torch.optim.RAdam)


def test_state_has_the_names_of_torch():
    check_state(RAdam, torch.optim.RAdam)


def test_the_first_five_steps_are_momentum(record):
    """With beta2 = 0.999, rho_t exceeds 5 at step 6 for the first time: until then the step is lr m / (1 - b1^t)."""
    end, _ = walk(RAdam, GRADIENTS[:5], lr=0.1)
    m, theta = torch.zeros(3, dtype=torch.float64), START.clone()
    for t, g in enumerate(GRADIENTS[:5], 1):
        m = 0.9 * m + 0.1 * g
        theta -= 0.1 * m / (1 - 0.9**t)
    gap = error(end, theta)
    record(METHOD, MODULE, "first 5 steps", "bias-corrected momentum", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(3,)")
    assert [rectification(t, 0.999) is None for t in range(1, 8)] == [True] * 5 + [False] * 2


def test_rectification_rises_to_one():
    factors = [rectification(t, 0.99) for t in range(6, 3000, 50)]
    assert all(a < b for a, b in pairwise(factors) if b < 1 - 1e-9)
    assert factors[-1] == pytest.approx(1.0, abs=1e-9)
    assert rectification(1, 0.5) is None and rectification(10**6, 0.5) is None


def test_rectification_by_hand():
    """beta2 = 0.9: rho_inf = 19; step 10: rho = 19 - 20 * 0.9^10 / (1 - 0.9^10)."""
    rho = 19 - 20 * 0.9**10 / (1 - 0.9**10)
    assert rectification(10, 0.9) == pytest.approx(((rho - 4) * (rho - 2) * 19 / (15 * 17 * rho)) ** 0.5, rel=1e-12)


def test_agrees_with_a_published_package(record):
    package = pytest.importorskip("pytorch_optimizer", reason="the optional package pytorch_optimizer is not installed")
    gradients = GRADIENTS * 3
    theirs, _ = walk(package.RAdam, gradients, lr=0.1, degenerated_to_sgd=True)
    gap = error(walk(RAdam, gradients, lr=0.1)[0], theirs)
    record(METHOD, MODULE, "27 steps", "pytorch_optimizer.RAdam", error=gap, tolerance=1e-7, dtype=torch.float64, shapes="(3,)")


def test_boundaries_are_accepted():
    end, _ = walk(RAdam, lr=0.0, betas=(0.0, 0.0), eps=0.0, weight_decay=0.0)
    assert torch.equal(end, START)
