"""Cases of forecasting; the NumPy oracles go from value to value."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.time_series.forecast import LSTMForecaster, forecast, mase, naive, windows
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, randn, randomize
from tests.refimpl.recurrent.cases_lstm import one_sequence

METHOD = "lstm-forecast"
S = randn(2, 9, seed=1)


def numpy_windows(_, series, size, horizon=1):
    starts = range(series.shape[-1] - size - horizon + 1)
    past = np.stack([series[..., i : i + size] for i in starts], -2)
    return past, np.stack([series[..., i + size : i + size + horizon] for i in starts], -2)


def torch_windows(_, series, size, horizon=1):
    starts = torch.arange(series.shape[-1] - size - horizon + 1)[:, None]
    return series[..., starts + torch.arange(size)], series[..., starts + size + torch.arange(horizon)]


def numpy_naive(_, series, horizon=1, season=1):
    known = list(np.moveaxis(series, -1, 0))
    for _ in range(horizon):
        known.append(known[-season])
    return np.stack(known[-horizon:], -1)


def torch_naive(_, series, horizon=1, season=1):
    return series[..., -season:].repeat(*(1,) * (series.dim() - 1), horizon)[..., :horizon]


def numpy_mase(_, target, prediction, train, season=1):
    found = np.zeros(target.shape[:-1])
    for at in np.ndindex(found.shape):
        usual = [abs(train[at][t] - train[at][t - season]) for t in range(season, train.shape[-1])]
        errors = [abs(a - b) for a, b in zip(target[at], prediction[at], strict=True)]
        found[at] = (sum(errors) / len(errors)) / (sum(usual) / len(usual))
    return found


def torch_mase(_, target, prediction, train, season=1):
    usual = torch.nn.functional.l1_loss(train[..., season:], train.roll(season, -1)[..., season:], reduction="none").mean(-1)
    return torch.nn.functional.l1_loss(target, prediction, reduction="none").mean(-1).div(usual)


def torch_model(p, x):
    """``torch.lstm`` of two layers on the scaled values."""
    z = ((x - p["mean"]) / p["std"])[..., None]
    flat = [p[f"lstm.{kind}_l{k}"] for k in (0, 1) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    zero = x.new_zeros(2, len(x), 4)
    states, _, _ = torch.lstm(z, (zero, zero), flat, True, 2, 0.0, False, False, True)
    return x[:, -1] + p["std"] * torch.einsum("oh,bh->b", p["head.weight"], states[:, -1]) + p["std"] * p["head.bias"]


def numpy_model(p, x):
    found = []
    for row in x:
        sequence = (row[:, None] - p["mean"]) / p["std"]
        for k in (0, 1):
            a = sequence @ p[f"lstm.weight_ih_l{k}"].T + p[f"lstm.bias_ih_l{k}"] + p[f"lstm.bias_hh_l{k}"]
            sequence, _ = one_sequence(a, np.zeros(4), np.zeros(4), p[f"lstm.weight_hh_l{k}"], None)
        found.append(row[-1] + p["std"] * (p["head.weight"][0] @ sequence[-1] + p["head.bias"][0]))
    return np.array(found)


def oracles(in_torch, in_numpy):
    return Oracle("indices and rolls in torch", in_torch), Oracle("one value at a time in NumPy", in_numpy, "numpy")


CASES = [
    Case(
        METHOD,
        "windows",
        function(windows),
        lambda: (Sample((S, 3, 2)), Sample((S[0], 4), name="one series, default horizon")),
        oracles(torch_windows, numpy_windows),
        degenerate=lambda: (Sample((S[:0], 3, 2), name="no series"), Sample((S[:, :5], 3, 2), name="one window")),
        bad=(
            Bad(lambda: windows(S, 0), r"^windows: size and horizon must be positive, got 0 and 1$"),
            Bad(lambda: windows(S, 3, 0), r"^windows: size and horizon must be positive, got 3 and 0$"),
            Bad(lambda: windows(S, 7, 3), r"^windows: series must be \(..., T\) with T >= 10, got shape \(2, 9\)$"),
            Bad(lambda: windows(S[0, 0], 1), r"^windows: series must be .* got shape \(\)$"),
        ),
        aliases=True,  # the windows are views
    ),
    Case(
        METHOD,
        "naive",
        function(naive),
        lambda: (Sample((S, 7, 3)), Sample((S,), name="last value"), Sample((S[0], 2, 5), name="part of a season")),
        oracles(torch_naive, numpy_naive),
        degenerate=lambda: (Sample((S[:0], 2, 3), name="no series"), Sample((S[:, :3], 4, 3), name="one season")),
        bad=(
            Bad(lambda: naive(S, 0), r"^naive: horizon and season must be positive, got 0 and 1$"),
            Bad(lambda: naive(S, 1, 0), r"^naive: horizon and season must be positive, got 1 and 0$"),
            Bad(lambda: naive(S, 1, 10), r"^naive: series must be \(..., T\) with T >= 10, got shape \(2, 9\)$"),
            Bad(lambda: naive(S[0, 0]), r"^naive: series must be .* got shape \(\)$"),
        ),
    ),
    Case(
        METHOD,
        "scaled error",
        function(mase),
        lambda: (Sample((S, randn(2, 9, seed=2), randn(2, 6, seed=3), 2)), Sample((S[0], S[1], S[0]), name="season of one")),
        oracles(torch_mase, numpy_mase),
        hard=lambda: (Sample((S + 1e3, S.flip(0) + 1e3, S + 1e3), name="large mean"), Sample((S, S, S), name="no error")),
        hard_tolerance=1e-3,  # differences of numbers near 1000 have seven digits less three
        degenerate=lambda: (Sample((S[:, :1], S[:, 1:2], S[:, :2]), name="one value"),),
        bad=(
            Bad(lambda: mase(S, S[:, 1:], S), r"^mase: target and prediction must have one shape .* got \(2, 9\) and \(2, 8\)$"),
            Bad(lambda: mase(S[0, 0], S[0, 0], S), r"^mase: target and prediction must .* got \(\) and \(\)$"),
            Bad(lambda: mase(S, S, S, 9), r"^mase: train must be \(..., T\) with T > season > 0, got shape \(2, 9\) and season 9$"),
            Bad(lambda: mase(S, S, S, 0), r"^mase: train must be .* and season 0$"),
            Bad(lambda: mase(S, S, S[0, 0]), r"^mase: train must be .* got shape \(\) and season 1$"),
        ),
    ),
    Case(
        METHOD,
        "model",
        lambda: randomize(LSTMForecaster(4, 2)),
        lambda: (Sample((randn(3, 5, seed=4),)),),
        (
            Oracle("torch.lstm and an inner product", torch_model),
            Oracle("the equations in NumPy, one window at a time", numpy_model, "numpy"),
        ),
        hard=lambda: (Sample((randn(2, 4, seed=5) + 1e4,), name="large mean"), Sample((torch.zeros(2, 4),), name="zeros")),
        degenerate=lambda: (Sample((randn(2, 1, seed=6),), name="window of one"), Sample((randn(1, 3, seed=7),), name="one window")),
        bad=(
            Bad(lambda: LSTMForecaster()(S[0]), r"^LSTMForecaster: input must be \(B, w\) with w > 0, got shape \(9,\)$"),
            Bad(lambda: LSTMForecaster()(S[:, :0]), r"^LSTMForecaster: input must be .* got shape \(2, 0\)$"),
            Bad(
                lambda: LSTMForecaster().fit_scale(torch.ones(4)),
                r"^LSTMForecaster: training values must vary, got 4 with standard deviation 0.0$",
            ),
            Bad(lambda: LSTMForecaster().fit_scale(torch.ones(1)), r"^LSTMForecaster: training values must vary, got 1 with .* 0.0$"),
            Bad(lambda: forecast(lambda w: w[:, -1], S, 0), r"^forecast: horizon must be positive, got 0$"),
        ),
    ),
]
