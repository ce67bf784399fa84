"""The range test: ramps against PyTorch's schedulers, parabolas in closed form, their threshold 2 / L, when it stops, what it leaves."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CyclicLR, ExponentialLR, LinearLR

from refimpl.training.lr_range import RangeTest, bounds, lr_range_test, ramp
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

METHOD = "lr-range-test"
MODULE = "refimpl.training.lr_range"
SCALAR = {"dtype": torch.float64, "shapes": "scalar"}


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def parabola(curvatures, start=1.0, **options):
    """A point on sum L_i x_i^2 / 2 in float64, its optimizer, and a step of gradient descent."""
    curvatures = tensor(curvatures)
    model = nn.Linear(len(curvatures), 1, bias=False, dtype=torch.float64)
    nn.init.constant_(model.weight, start)
    optimizer = torch.optim.SGD(model.parameters(), **options)

    def step():
        loss = (curvatures * model.weight.square()).sum() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, step


def told(losses):
    """A run whose losses are given: model, optimizer, step, and how many were asked for."""
    model, asked = nn.Linear(1, 1), []

    def step():
        asked.append(losses[len(asked)])
        return torch.tensor(asked[-1], dtype=torch.float64)

    return (model, torch.optim.SGD(model.parameters()), step), asked


def scheduled(scheduler, steps, lr):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule, rates = scheduler(optimizer), []
    for _ in range(steps + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return tensor(rates)


def test_linear_ramp_against_torch(record):
    """The first half of a cycle of Smith's schedule; ``LinearLR``; NumPy's even spacing."""
    low, high, steps = 0.02, 1.7, 13
    ours = tensor(ramp(low, high, steps))
    for oracle, expected in (
        ("torch.optim.lr_scheduler.CyclicLR", scheduled(lambda o: CyclicLR(o, low, high, step_size_up=steps), steps, 1.0)),
        ("torch.optim.lr_scheduler.LinearLR", scheduled(lambda o: LinearLR(o, low / high, 1.0, total_iters=steps), steps, high)),
        ("numpy.linspace", tensor(np.linspace(low, high, steps + 1))),
    ):
        record(METHOD, MODULE, "linear ramp of 13 steps", oracle, error=error(ours, expected), tolerance=1e-14, dtype=torch.float64)
    assert ramp(0.0, 3.0, 1) == [0.0, 3.0]
    assert ramp(1.0, 2.0, 4) == [1.0, 1.25, 1.5, 1.75, 2.0]


def test_geometric_ramp_against_torch(record):
    low, high, steps = 3e-6, 20.0, 17
    ours = tensor(ramp(low, high, steps, geometric=True))
    exponential = scheduled(lambda o: ExponentialLR(o, (high / low) ** (1 / steps)), steps, low)
    for oracle, expected in (
        ("torch.optim.lr_scheduler.ExponentialLR", exponential),
        ("numpy.geomspace", tensor(np.geomspace(low, high, steps + 1))),
    ):
        gap = error(ours / expected, torch.ones_like(ours))
        record(METHOD, MODULE, "geometric ramp of 17 steps", oracle, error=gap, tolerance=1e-13, dtype=torch.float64)
    assert ramp(1.0, 16.0, 2, geometric=True) == [1.0, 4.0, 16.0]


def test_losses_of_a_parabola_in_closed_form(record):
    """l_t is the sum of L_i / 2 times the product of (1 - lr_s L_i)^2 over s < t."""
    curvatures, rates = [0.3, 1.1, 2.7], ramp(0.05, 0.7, 20)
    found = lr_range_test(*parabola(curvatures), rates)
    products = np.cumprod([[1.0] * 3, *((1 - rate * np.array(curvatures)) ** 2 for rate in rates[:-1])], 0)
    expected = tensor(products @ np.array(curvatures) / 2)
    gap = error(tensor(found.losses) / expected, torch.ones(21))
    record(METHOD, MODULE, "losses along a ramp of 20 steps", "products of factors", error=gap, tolerance=1e-12, dtype=torch.float64)
    assert found.rates == rates and found.smoothed == found.losses and not found.diverged


@pytest.mark.parametrize("geometric", [False, True])
@pytest.mark.parametrize("curvature", [2.3, 4.1, 9.7, 14.9])
def test_upper_bound_is_the_last_below_the_threshold(curvature, geometric, record):
    """With one curvature L the loss falls with every step size below 2 / L and rises with every one above."""
    rates = ramp(0.03, 1.0, 40, geometric=geometric)
    found = lr_range_test(*parabola([curvature]), rates)
    lower, upper = bounds(found.rates, found.losses)
    below = [rate for rate in rates if rate < 2 / curvature]
    name = "geometric" if geometric else "linear"
    gap = abs(upper - below[-1])
    record(METHOD, MODULE, f"upper bound, curvature {curvature}, {name}", "last step size below 2 / L", error=gap, tolerance=0.0, **SCALAR)
    assert lower == rates[0] and found.rates == rates[: len(found.rates)]


@pytest.mark.parametrize(("momentum", "curvatures"), [(0.0, [5.0]), (0.0, [5.0, 0.2, 1.0]), (0.5, [5.0]), (0.9, [5.0, 1.0])])
def test_losses_grow_only_above_the_threshold(momentum, curvatures):
    """Gradient descent with momentum mu is stable below 2 (1 + mu) / L for the largest curvature L, and unstable above."""
    threshold = 2 * (1 + momentum) / max(curvatures)
    problem = parabola(curvatures, momentum=momentum)
    below = lr_range_test(*problem, ramp(0.5 * threshold, 0.99 * threshold, 150), limit=inf)
    above = lr_range_test(*problem, ramp(1.01 * threshold, 1.5 * threshold, 150), limit=inf)
    assert max(below.losses[-20:]) < 1e-3 * below.losses[0]
    assert min(above.losses[-20:]) > 1e3 * above.losses[0]


@pytest.mark.parametrize("curvatures", [[5.0], [5.0, 0.2, 1.0]])
def test_stop_above_the_threshold(curvatures):
    """Without noise the steepest direction has shrunk when the ramp passes 2 / L; beside flatter ones it takes steps to be seen again."""
    problem = parabola(curvatures)
    assert not lr_range_test(*problem, ramp(0.04, 0.396, 60)).diverged
    found = lr_range_test(*problem, ramp(0.04, 1.2, 120))
    assert found.diverged and 0.4 < found.rates[-1] < 1.0
    assert (bounds(found.rates, found.losses)[1] > 0.4) == (len(curvatures) > 1)


def test_training_at_the_bounds():
    """Gradient descent falls at the upper bound and rises one step of the ramp above it."""
    rates = ramp(0.05, 1.0, 38)
    found = lr_range_test(*parabola([5.1]), rates)
    _, upper = bounds(found.rates, found.losses)
    for rate, falls in ((upper, True), (rates[rates.index(upper) + 1], False)):
        _, _, step = parabola([5.1], lr=rate)
        losses = [step().item() for _ in range(20)]
        assert (losses[-1] < losses[0]) == falls


def test_smoothed_losses_in_numpy(record):
    losses = (rand(30, seed=1, low=0.5, high=1.0)).tolist()
    run, _ = told(losses)
    found = lr_range_test(*run, ramp(0.0, 1.0, 29), smoothing=0.8)
    expected = [np.average(losses[: t + 1], weights=0.8 ** np.arange(t, -1, -1)) for t in range(30)]
    gap = error(tensor(found.smoothed), tensor(expected))
    record(METHOD, MODULE, "smoothed losses of 30 steps", "numpy.average", error=gap, tolerance=1e-14, dtype=torch.float64)
    assert found.losses == losses


@pytest.mark.parametrize(
    ("losses", "limit", "expected"),
    [
        ([3.0, 1.0, 4.0, 4.1, 0.0], 4.0, 3),
        ([3.0, 1.0, 2.0, 2.5, 0.0], 2.0, 3),
        ([1.0, 1e3, 0.0], 4.0, 1),
        ([1.0, 1.2, 1.3, 0.0], 1.25, 2),
        ([1.0, 2.0, 3.0], 4.0, None),
        ([-1.0, -2.0, 1.0, 3.9, 4.1], 4.0, 4),
        ([0.0, 0.0, 1e-9], 4.0, 2),
        ([nan, 1.0], 4.0, 0),
        ([inf, 1.0], 4.0, 0),
        ([1.0, -inf, 1.0], inf, 1),
        ([1.0, inf, 1.0], inf, 1),
        ([1.0, nan, 1.0], inf, 1),
        ([1.0, 1e300, 0.0, 1.0], inf, None),
    ],
)
def test_stop_by_hand(losses, limit, expected):
    """Nothing is asked for after the step that stops, which is the last that is kept."""
    run, asked = told(losses)
    found = lr_range_test(*run, ramp(0.0, 1.0, len(losses) - 1), limit=limit)
    last = len(losses) if expected is None else expected + 1
    assert len(asked) == len(found.losses) == len(found.rates) == len(found.smoothed) == last
    assert found.diverged == (expected is not None)
    assert np.array_equal(found.losses, losses[:last], equal_nan=True)


def test_stop_looks_at_the_smoothed_loss():
    """One wild batch does not end a smoothed run; the lowest smoothed loss is what the next are compared with."""
    losses = [1.0] * 10 + [8.0] + [1.0] * 5
    assert lr_range_test(*told(losses)[0], ramp(0.0, 1.0, 15)).diverged
    assert not lr_range_test(*told(losses)[0], ramp(0.0, 1.0, 15), smoothing=0.9).diverged


def test_defaults_are_no_smoothing_and_four_times():
    assert lr_range_test(*told([1.0, 4.0, 4.0])[0], ramp(0.0, 1.0, 2)) == RangeTest(
        [0.0, 0.5, 1.0], [1.0, 4.0, 4.0], [1.0, 4.0, 4.0], False
    )
    assert lr_range_test(*told([1.0, 4.0, 4.001])[0], ramp(0.0, 1.0, 2)).diverged
    assert lr_range_test(*told([])[0], []) == ([], [], [], False)
    assert bounds([1.0, 2.0, 3.0, 4.0], [1.0, 0.995, 0.91, 0.9]) == bounds([1.0, 2.0, 3.0, 4.0], [1.0, 0.995, 0.91, 0.9], 0.1) == (2.0, 3.0)
    assert bounds([1.0, 2.0, 3.0, 4.0], [1.0, 0.995, 0.9, 0.1]) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("losses", "share", "expected"),
    [
        ([4.0, 4.0, 3.9, 2.0, 0.0, 0.5, 9.0], 0.1, (30.0, 40.0)),
        ([4.0, 4.0, 3.9, 2.0, 0.0, 0.5, 9.0], 0.01, (20.0, 40.0)),
        ([4.0, 4.0, 3.9, 2.0, 0.0, 0.5, 9.0], 0.5, (30.0, 40.0)),
        ([4.0, 4.0, 3.9, 2.0, 0.0, 0.5, 9.0], 1.0, (40.0, 40.0)),
        ([4.0, 3.0, 9.0, 3.0, 5.0, 5.0, nan], 0.3, (10.0, 10.0)),
        ([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5], 0.9, (60.0, 60.0)),
        ([0.3, 0.2, 0.1, 0.1 - 1e-17, 0.2, 0.4, inf], 1.0, (30.0, 30.0)),
        ([1.0, 1.0 - 1e-16, 5.0, 0.9, 2.0, 2.0, 2.0], 1e-17, (10.0, 30.0)),
    ],
)
def test_bounds_by_hand(losses, share, expected):
    assert bounds([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0], losses, share) == expected


def network():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1)).double()
    groups = [{"params": model[0].parameters(), "lr": 0.3}, {"params": [*model[1].parameters(), *model[3].parameters()], "lr": 0.02}]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.9)
    seen = []

    def step():
        seen.append([group["lr"] for group in optimizer.param_groups])
        loss = model(randn(8, 3, seed=len(seen))).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, step, seen


@pytest.mark.parametrize("steps_before", [0, 3])
@pytest.mark.parametrize("fails", [False, True])
def test_model_and_optimizer_are_put_back(steps_before, fails):
    """Parameters, running statistics, velocities and step sizes, also after an exception; no gradient is left."""
    model, optimizer, step, seen = network()
    for _ in range(steps_before):
        step()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    velocities = [optimizer.state[p]["momentum_buffer"].clone() for p in model.parameters()] if steps_before else []
    seen.clear()

    def failing():
        step()
        if len(seen) == 4:
            raise RuntimeError("batch four")
        return torch.tensor(1.0)

    rates = ramp(1e-3, 0.1, 6)
    if fails:
        with pytest.raises(RuntimeError, match="batch four"):
            lr_range_test(model, optimizer, failing, rates)
    else:
        lr_range_test(model, optimizer, step, rates)
    assert seen == [[rate, rate] for rate in rates][: 4 if fails else 7]
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [group["lr"] for group in optimizer.param_groups] == [0.3, 0.02]
    assert len(optimizer.state) == (6 if steps_before else 0)
    if steps_before:
        assert all(torch.equal(optimizer.state[p]["momentum_buffer"], v) for p, v in zip(model.parameters(), velocities, strict=True))
    assert all(p.grad is None for p in model.parameters())


def test_two_runs_are_alike():
    problem = parabola([5.0, 1.0], momentum=0.5)
    rates = ramp(1e-3, 1.0, 30, geometric=True)
    assert lr_range_test(*problem, rates) == lr_range_test(*problem, rates)


def test_bad_arguments_are_named():
    run, _ = told([1.0])
    for call, message in (
        (lambda: ramp(-0.1, 1.0, 3), r"^ramp: low must be non-negative, got -0.1$"),
        (lambda: ramp(0.0, 1.0, 3, geometric=True), r"^ramp: low must be positive, got 0.0$"),
        (lambda: ramp(1.0, 1.0, 3), r"^ramp: high must be finite and above low 1.0, got 1.0$"),
        (lambda: ramp(1.0, inf, 3), r"^ramp: high must be finite and above low 1.0, got inf$"),
        (lambda: ramp(0.1, 1.0, 0), r"^ramp: steps must be at least 1, got 0$"),
        (lambda: lr_range_test(*run, [1.0], smoothing=1.0), r"^lr_range_test: smoothing must be in \[0, 1\), got 1.0$"),
        (lambda: lr_range_test(*run, [1.0], smoothing=-0.1), r"^lr_range_test: smoothing must be in \[0, 1\), got -0.1$"),
        (lambda: lr_range_test(*run, [1.0], limit=1.0), r"^lr_range_test: limit must be above 1, got 1.0$"),
        (lambda: bounds([1.0, 2.0], [1.0]), r"^bounds: losses must be as many as rates, 2, and at least one, got 1$"),
        (lambda: bounds([], []), r"^bounds: losses must be as many as rates, 0, and at least one, got 0$"),
        (lambda: bounds([1.0], [1.0], 0.0), r"^bounds: share must be in \(0, 1\], got 0.0$"),
        (lambda: bounds([1.0], [1.0], 1.1), r"^bounds: share must be in \(0, 1\], got 1.1$"),
        (lambda: bounds([1.0, 2.0], [1.0, 1.0]), r"^bounds: losses must be falling somewhere, got their lowest at the first, 1.0$"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
