"""Early stopping by hand, its restart, and the equivalence to weight decay on a quadratic."""

from __future__ import annotations

import io
from math import inf, nan

import pytest
import torch
from torch import nn

from refimpl.training.early_stopping import EarlyStopping, equivalent_l2, generalization_loss, steps_on_quadratic
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

METHOD = "early-stopping"
MODULE = "refimpl.training.early_stopping"


def follow(losses, **options):
    """The number of checks until the stop, None where there is none; and the watcher."""
    stopping = EarlyStopping(**options)
    for i, loss in enumerate(losses, 1):
        if stopping.step(loss):
            return i, stopping
    return None, stopping


@pytest.mark.parametrize(
    ("losses", "patience", "stop", "best", "best_step"),
    [
        ([5, 4, 3, 4, 2, 3, 3, 3], 3, 8, 2, 4),
        ([5, 4, 3, 4, 2, 3, 3], 3, None, 2, 4),
        ([1, 1], 1, 2, 1, 0),
        ([3, 2, 1, 0], 1, None, 0, 3),
        ([3, nan, nan], 2, 3, 3, 0),
        ([nan, nan], 2, 2, inf, -1),
        ([inf, 2.0, 3.0], 2, None, 2.0, 1),
        ([inf, inf], 1, 2, inf, 0),
    ],
)
def test_by_hand(losses, patience, stop, best, best_step, record):
    found, stopping = follow(losses, patience=patience)
    assert (found, stopping.best, stopping.best_step) == (stop, best, best_step)
    record(METHOD, MODULE, f"losses {losses}, patience {patience}", "by hand", error=0.0, tolerance=0.0, dtype=torch.float64)


def test_generalization_loss(record):
    """In per cent above the lowest so far, one loss at a time."""
    losses = rand(30, seed=4, low=0.5, high=2.0)
    expected = [100 * (losses[t].item() / min(losses[: t + 1].tolist()) - 1) for t in range(30)]
    gap = error(generalization_loss(losses), torch.tensor(expected, dtype=torch.float64))
    record(METHOD, MODULE, "GL of 30 losses", "one loss at a time", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(30,)")
    assert generalization_loss(torch.tensor([4.0, 2.0, 3.0, 1.0])).tolist() == [0.0, 0.0, 50.0, 0.0]
    assert generalization_loss(torch.zeros(0)).shape == (0,)
    for wrong in ([1.0, 0.0], [-1.0], [[1.0]], [nan]):
        with pytest.raises(ValueError, match=r"^generalization_loss: losses must be positive numbers \(T,\), got \["):
            generalization_loss(torch.tensor(wrong))


def test_min_delta():
    """An improvement by min_delta or less does not count."""
    assert follow([1.0, 0.75, 0.5, 0.25], patience=2, min_delta=0.25)[0] is None
    assert follow([1.0, 0.75], patience=1, min_delta=0.25)[0] == 2
    assert follow([1.0, 0.74], patience=1, min_delta=0.25)[0] is None
    assert follow([1.0, 0.9, 0.85, 0.8], patience=3, min_delta=0.25)[0] == 4


def test_restores_the_best_weights():
    model, stopping = nn.Linear(3, 2), EarlyStopping(patience=5)
    best = None
    for loss in (3.0, torch.tensor(1.0), 2.0):
        with torch.no_grad():
            model.weight.normal_()
        stopping.step(loss, model)
        best = model.weight.clone() if float(loss) == 1.0 else best
    assert not torch.equal(model.weight, best)
    stopping.restore(model)
    assert torch.equal(model.weight, best)


def test_stop_save_resume():
    model, stopping = nn.Linear(3, 2), EarlyStopping(patience=3)
    stopping.step(2.0, model), stopping.step(3.0, model)
    file = io.BytesIO()
    torch.save(stopping.state_dict(), file)
    file.seek(0)
    resumed = EarlyStopping(patience=3)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert (resumed.best, resumed.best_step, resumed.steps, resumed.bad_steps) == (2.0, 0, 2, 1)
    other = nn.Linear(3, 2)
    resumed.restore(other)
    assert torch.equal(other.weight, model.weight)
    assert [resumed.step(3.0), resumed.step(3.0)] == [False, True]


def test_closed_form_of_gradient_descent(record):
    optimum, h = randn(5, seed=1), rand(5, seed=2, low=0.1) * 5
    w = torch.zeros(5, dtype=torch.float64)
    for _ in range(12):
        w -= 0.07 * h * (w - optimum)
    gap = error(steps_on_quadratic(optimum, h, 0.07, 12), w)
    record(METHOD, MODULE, "12 steps on a quadratic", "gradient descent", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(5,)")


def test_equivalent_to_an_l2_penalty(record):
    """The minimum of h (w - w*)^2 / 2 + lambda w^2 / 2 is h w* / (h + lambda)."""
    optimum, h = randn(5, seed=3), rand(5, seed=4, low=0.1) * 5
    penalty = equivalent_l2(h, 0.07, 12)
    gap = error(h * optimum / (h + penalty), steps_on_quadratic(optimum, h, 0.07, 12))
    record(
        METHOD,
        MODULE,
        "equivalent penalty",
        "minimum of the penalized loss",
        error=gap,
        tolerance=1e-13,
        dtype=torch.float64,
        shapes="(5,)",
    )
    tau = equivalent_l2(torch.tensor([1e-3], dtype=torch.float64), 0.01, 50)
    assert tau.item() == pytest.approx(1 / (0.01 * 50), rel=1e-3)  # equation 7.44: lambda is about 1 / (lr t)


def test_defaults_and_boundaries():
    stopping = EarlyStopping()
    assert (stopping.patience, stopping.min_delta, stopping.best, stopping.best_step, stopping.bad_steps) == (10, 0.0, inf, -1, 0)
    EarlyStopping(1, 0.0)
    assert equivalent_l2(torch.tensor([2.0]), 0.25, 1).item() == 2.0


def test_bad_arguments_are_named():
    for call, message in (
        (lambda: EarlyStopping(0), r"^EarlyStopping: patience must be at least 1, got 0$"),
        (lambda: EarlyStopping(3, -0.1), r"^EarlyStopping: min_delta must be non-negative, got -0.1$"),
        (lambda: EarlyStopping().restore(nn.Linear(1, 1)), r"^EarlyStopping: no weights to restore; expected a step with a model before$"),
        (lambda: equivalent_l2(torch.ones(1), 0.1, 0), r"^equivalent_l2: steps must be at least 1, got 0$"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
