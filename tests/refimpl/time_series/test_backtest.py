"""Evaluation in time: nothing leaks, every origin is used once, and what baselines get on series that they fit."""

from __future__ import annotations

import inspect

import pytest
import torch

from refimpl.time_series.backtest import roll, split_windows
from refimpl.time_series.forecast import mase, naive
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

METHOD, MODULE = "lstm-forecast", "refimpl.time_series.backtest"
SERIES = randn(9, seed=1)


@pytest.mark.parametrize(("size", "horizon", "train"), [(3, 1, 6), (2, 3, 5), (4, 2, 6), (3, 2, 7)])
def test_nothing_leaks(size, horizon, train):
    """On a series that counts its steps: training pairs end before the split, targets to test on begin at it, none is missing."""
    clock = torch.arange(9.0)
    (x, y), (x_test, y_test) = split_windows(clock, size, horizon, train)
    assert y.max() == train - 1 and x.max() < train - 1 and len(x) == len(y) == train - size - horizon + 1
    assert y_test[:, 0].tolist() == list(range(train, 9 - horizon + 1)) and y_test.max() == 8
    assert x_test[0].tolist() == list(range(train - size, train))
    for inputs, targets in ((x, y), (x_test, y_test)):
        assert torch.equal(targets[:, 0], inputs[:, -1] + 1) and inputs.shape[1] == size and targets.shape[1] == horizon
    both = split_windows(torch.stack((clock, 10 * clock)), size, horizon, train)
    assert torch.equal(both[1][1][1], 10 * y_test) and torch.equal(both[0][0][0], x)


def test_rolling_gives_the_past_alone():
    seen = []

    def forecast(history, horizon):
        seen.append(history.clone())
        return naive(history, horizon)

    found, actual = roll(forecast, SERIES, 4, 2)
    assert [len(history) for history in seen] == [4, 5, 6, 7] and all(torch.equal(h, SERIES[: len(h)]) for h in seen)
    assert torch.equal(found, SERIES[3:7].unsqueeze(1).expand(-1, 2))
    assert torch.equal(actual, torch.stack([SERIES[k : k + 2] for k in range(4, 8)]))
    assert roll(naive, SERIES, 8)[0].shape == (1, 1) and roll(naive, SERIES, 1, 8)[0].shape == (1, 8)
    assert (
        roll(naive, torch.stack((SERIES, SERIES)), 4, 2)[1].shape == (2, 4, 2) == roll(naive, torch.stack((SERIES, SERIES)), 4, 2)[0].shape
    )
    assert inspect.signature(roll).parameters["horizon"].default == 1


def test_seasonal_forecast_of_a_season_is_exact(record):
    series = torch.sin(2 * torch.pi * torch.arange(40).double() / 7)
    found, actual = roll(lambda history, horizon: naive(history, horizon, 7), series, 9, 11)
    record(METHOD, MODULE, "season of 7 steps, 11 steps ahead", "the series", error=error(found, actual), tolerance=1e-13)
    assert error(*roll(naive, series, 9, 11)) > 0.5


@pytest.mark.parametrize("season", [1, 3])
def test_scaled_error_of_the_naive_forecast_is_one(season, record):
    """On the training values themselves, one step ahead."""
    found, actual = roll(lambda history, horizon: naive(history, horizon, season), SERIES, season)
    gap = abs(mase(actual.flatten(), found.flatten(), SERIES, season).item() - 1)
    record(METHOD, MODULE, f"naive forecast of the training values, season {season}", "1", error=gap, tolerance=1e-14)


def test_the_last_value_is_hard_to_beat_on_a_random_walk():
    """Its steps are independent: the error of the last season grows with the root of its length."""
    walk = randn(600, seed=6).cumsum(0)
    errors = []
    for season in (1, 12):
        found, actual = roll(lambda history, horizon, m=season: naive(history, horizon, m), walk, 300)
        errors.append(mase(actual.flatten(), found.flatten(), walk[:300]).item())
    assert 0.8 < errors[0] < 1.2 and errors[1] > 2


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: split_windows(SERIES, 3, 2, 4), r"^split_windows: train must lie in \[5, 7\], got 4$"),
        (lambda: split_windows(SERIES, 3, 2, 8), r"^split_windows: train must lie in \[5, 7\], got 8$"),
        (lambda: roll(naive, SERIES, 0), r"^roll: horizon must be positive and start lie in \[1, 8\], got 1 and 0$"),
        (lambda: roll(naive, SERIES, 8, 2), r"^roll: horizon must be positive and start lie in \[1, 7\], got 2 and 8$"),
        (lambda: roll(naive, SERIES, 8, 0), r"^roll: horizon must be positive and start lie in \[1, 9\], got 0 and 8$"),
    ],
)
def test_bad_input_is_named(call, match):
    with pytest.raises(ValueError, match=match):
        call()
