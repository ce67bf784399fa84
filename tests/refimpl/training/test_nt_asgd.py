"""What is special to NT-ASGD: when the average begins, what it is, and the parameters inside and outside."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from refimpl.training.nt_asgd import NTASGD
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.rule import GRADIENTS
from tests.refimpl.training.cases_nt_asgd import METHOD

MODULE = "refimpl.training.nt_asgd"


def triggered(scores, interval):
    """The first check that is worse than the best of all but the last ``interval`` before it; -1 for none."""
    p = torch.zeros(1, requires_grad=True)
    optimizer = NTASGD([p], interval=interval)
    return next((t for t, score in enumerate(scores) if optimizer.check(score)), -1)


@pytest.mark.parametrize(
    ("scores", "interval", "expected"),
    [
        ([5, 4, 3, 2, 1], 0, -1),
        ([5, 4, 4.5], 0, 2),
        ([5, 4, 4.5, 6], 1, 3),
        ([5, 4, 4.5, 4.4, 4.3], 2, 4),
        ([3, 4, 5, 6], 3, -1),
        ([3, 3, 3, 3], 0, -1),
        ([3, 9, 9, 9, 9, 3.1], 4, 5),
        ([9, 3, 9, 9, 9, 8], 4, -1),
    ],
)
def test_trigger_by_hand(scores, interval, expected):
    assert triggered(scores, interval) == expected


def test_trigger_against_the_rule_in_numpy():
    """On random walks, for several intervals, with the rule written over slices."""
    generator = np.random.default_rng(0)
    for interval in (0, 1, 3, 5):
        for _ in range(20):
            scores = generator.normal(size=14).cumsum() - np.arange(14) * 0.3
            worse = [t for t in range(14) if t > interval and scores[t] > scores[: t - interval].min()]
            assert triggered(scores, interval) == (worse[0] if worse else -1)


def walk(start):
    """Iterates of three numbers, and the optimizer, averaging from after step ``start`` on."""
    point = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer, path = NTASGD([point], lr=0.1, interval=0), []
    for k, g in enumerate(GRADIENTS):
        point.grad = g.clone()
        optimizer.step()
        path.append(point.detach().clone())
        optimizer.check(1.0 + (k >= start))
    return point, optimizer, torch.stack(path)


@pytest.mark.parametrize("start", [1, 4, 8])
def test_average_of_all_iterates_from_the_trigger_on(start, record):
    point, optimizer, path = walk(start)
    before = point.detach().clone()
    with optimizer.averaged():
        mean = point.detach().clone()
    assert torch.equal(point, before)
    gap = error(mean, path[start:].mean(0))
    record(METHOD, MODULE, f"average from step {start + 1}", "mean of the iterates", error=gap, tolerance=1e-14, dtype=torch.float64)


def test_torch_leaves_the_first_iterate_out(record):
    """The average of ``torch.optim.ASGD`` is that of the iterates after its first step."""
    point, _, path = walk(0)
    twin = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    theirs = torch.optim.ASGD([twin], lr=0.1, lambd=0.0, alpha=0.0, t0=0)
    for g in GRADIENTS:
        twin.grad = g.clone()
        theirs.step()
    assert error(twin, point) < 1e-7  # it keeps its step size in float32
    gap = error(theirs.state[twin]["ax"], path[1:].mean(0))
    record(METHOD, MODULE, "mean of the iterates after the first", "torch.optim.ASGD", error=gap, tolerance=1e-6, dtype=torch.float64)


def test_before_the_trigger_there_is_no_average():
    point, optimizer, _ = walk(99)
    before = point.detach().clone()
    with optimizer.averaged():
        assert torch.equal(point, before)
    assert not optimizer.param_groups[0]["averaging"]


def test_an_exception_inside_leaves_the_parameters_as_they_were():
    point, optimizer, _ = walk(2)
    before = point.detach().clone()
    with pytest.raises(RuntimeError), optimizer.averaged():
        raise RuntimeError
    assert torch.equal(point, before)


def test_saved_and_resumed_average():
    """Scores, trigger and average survive a state dict."""
    point, optimizer, _ = walk(3)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    twin = point.detach().clone().requires_grad_()
    resumed = NTASGD([twin], lr=0.1, interval=0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for p, o in ((point, optimizer), (twin, resumed)):
        p.grad = GRADIENTS[1].clone()
        o.step()
    with optimizer.averaged(), resumed.averaged():
        assert torch.equal(point, twin)
    assert resumed.param_groups[0]["scores"] == optimizer.param_groups[0]["scores"]


def test_defaults():
    defaults = NTASGD([torch.zeros(1, requires_grad=True)]).defaults
    assert {k: defaults[k] for k in ("lr", "weight_decay", "interval", "maximize")} == {
        "lr": 30.0,
        "weight_decay": 0.0,
        "interval": 5,
        "maximize": False,
    }
