"""Linear scaling and warm-up against PyTorch's schedulers, on a linear loss, and the momentum correction in its two forms."""

from __future__ import annotations

import pytest
import torch
from torch.optim.lr_scheduler import LinearLR, MultiStepLR, SequentialLR

from refimpl.training.large_minibatch import WarmupMultiStepLR, corrected_momentum, scaled_lr
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

METHOD = "large-minibatch"
MODULE = "refimpl.training.large_minibatch"


def optimizer(*rates):
    return torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in rates], lr=1.0)


def rates(made, schedule, steps):
    found = []
    for _ in range(steps):
        found.append([group["lr"] for group in made.param_groups])
        made.step()
        schedule.step()
    return torch.tensor(found, dtype=torch.float64)


def test_schedule_against_torch(record):
    """LinearLR from 1 / k to 1, then MultiStepLR, over an optimizer that has the scaled step size."""
    ours = optimizer(0.1, 0.03)
    mine = rates(ours, WarmupMultiStepLR(ours, scale=8.0, warmup=5, milestones=[9, 14, 15], gamma=0.3), 20)
    theirs = optimizer(0.8, 0.24)
    first, second = LinearLR(theirs, 1 / 8, 1.0, total_iters=5), MultiStepLR(theirs, [4, 9, 10], gamma=0.3)
    expected = rates(theirs, SequentialLR(theirs, [first, second], milestones=[5]), 20)
    gap = error(mine, expected)
    oracle = "torch.optim.lr_scheduler.LinearLR and MultiStepLR"
    record(METHOD, MODULE, "20 steps, two groups", oracle, error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(20,2)")


def test_warmup_by_hand():
    made = optimizer(0.1)
    found = rates(made, WarmupMultiStepLR(made, scale=3.0, warmup=4, milestones=[6]), 8)[:, 0]
    assert found.tolist() == pytest.approx([0.1, 0.15, 0.2, 0.25, 0.3, 0.3, 0.03, 0.03], rel=1e-12)
    made = optimizer(0.1)
    found = rates(made, WarmupMultiStepLR(made, scale=3.0, warmup=0, milestones=[0, 1]), 3)[:, 0]
    assert found.tolist() == pytest.approx([0.03, 0.003, 0.003])
    made = optimizer(0.1)
    assert rates(made, WarmupMultiStepLR(made, scale=0.5, warmup=2), 3)[:, 0].tolist() == pytest.approx([0.1, 0.075, 0.05])


def test_resume():
    """A saved schedule goes on where it was."""
    made = optimizer(0.1)
    schedule = WarmupMultiStepLR(made, scale=8.0, warmup=5, milestones=[9])
    rates(made, schedule, 3)
    again = optimizer(0.1)
    resumed = WarmupMultiStepLR(again, scale=8.0, warmup=5, milestones=[9])
    resumed.load_state_dict(schedule.state_dict())
    again.load_state_dict(made.state_dict())
    assert torch.equal(rates(again, resumed, 10), rates(made, schedule, 10))


def test_k_small_steps_are_one_large_step_on_a_linear_loss(record):
    """Section 2.1: with gradients that do not change, k steps on n examples each equal one step on kn with k times the step size."""
    examples = randn(6, 4, 3, seed=1)  # 6 batches of 4 gradients
    small, large = (torch.zeros(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    by_small, by_large = torch.optim.SGD([small], lr=0.1), torch.optim.SGD([large], lr=scaled_lr(0.1, 24, reference=4))
    for batch in examples:
        small.grad = batch.mean(0)
        by_small.step()
    large.grad = examples.reshape(24, 3).mean(0)
    by_large.step()
    gap = error(large, small)
    record(METHOD, MODULE, "one step on 24 examples", "6 steps on 4", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(3,)")


def test_momentum_correction(record):
    """A velocity that is a sum of steps, with the corrected factor, takes the path of PyTorch's SGD under the schedule."""
    gradients = randn(15, 3, seed=2)
    theirs = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    made = torch.optim.SGD([theirs], lr=0.1, momentum=0.9)
    schedule = WarmupMultiStepLR(made, scale=8.0, warmup=5, milestones=[9])
    x, v, former = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), 0.1
    for g in gradients:
        lr = made.param_groups[0]["lr"]
        v = corrected_momentum(0.9, lr, former) * v + lr * g
        x, former = x - v, lr
        theirs.grad = g.clone()
        made.step()
        schedule.step()
    gap = error(x, theirs)
    record(METHOD, MODULE, "momentum correction", "torch.optim.SGD", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(3,)")


def test_scaling_of_the_paper():
    assert scaled_lr(0.1, 8192) == pytest.approx(3.2)
    assert scaled_lr(0.1, 1, 1) == 0.1
    assert corrected_momentum(0.9, 0.2, 0.1) == pytest.approx(1.8)


def test_bad_arguments_are_named():
    made = optimizer(0.1)
    milestones = r"^WarmupMultiStepLR: milestones must increase from the end of the warm-up 5, got "
    for call, message in (
        (lambda: scaled_lr(0.1, 0), r"^scaled_lr: batch_size must be positive, got 0$"),
        (lambda: scaled_lr(0.1, 5, 0), r"^scaled_lr: reference must be positive, got 0$"),
        (lambda: corrected_momentum(0.9, 0.1, 0.0), r"^corrected_momentum: former_lr must be positive, got 0.0$"),
        (lambda: WarmupMultiStepLR(made, 0.0, 5), r"^WarmupMultiStepLR: scale must be positive, got 0.0$"),
        (lambda: WarmupMultiStepLR(made, 2.0, -1), r"^WarmupMultiStepLR: warmup must be non-negative, got -1$"),
        (lambda: WarmupMultiStepLR(made, 2.0, 5, [9, 7]), milestones + r"\[9, 7\]$"),
        (lambda: WarmupMultiStepLR(made, 2.0, 5, [4]), milestones + r"\[4\]$"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    WarmupMultiStepLR(made, 2.0, 5, [5, 9])
