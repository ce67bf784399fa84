r"""Forecasting with an LSTM on windows of the past, beside the naive forecasts that any model must beat.

Papers
    Gers, Eck and Schmidhuber, "Applying LSTM to Time Series Predictable Through Time-Window Approaches", ICANN 2001.
    Hyndman and Koehler, "Another Look at Measures of Forecast Accuracy", International Journal of Forecasting 22, 2006 (MASE).

Equations (y_1 ... y_T the series, w the window, H the horizon, m the season)
    forecast-naive    y^_{t+h} = y_t;  with a season y^_{t+h} = y_{t+h-m k}, k = ceil(h / m)
    forecast-window   y^_{t+1} = f(y_{t-w+1}, ..., y_t);  for more steps the forecasts take the place of what is not known yet
    forecast-lstm     f = y_t + std (v . h_w + c),  h the states of an LSTM that reads (y - mean) / std
    forecast-mase     MASE = mean_h |y_{T+h} - y^_{T+h}| / mean_{t>m} |y_t - y_{t-m}|, the latter on the training values

Deviations from the papers
    1. The LSTM sees its window from a zero state; the paper's network sees one value after the other and keeps its state.
    2. It adds to the last value, so that at v = c = 0 it is the naive forecast.
    3. The mean and standard deviation are those of the training values, kept as buffers: no number comes from the future.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from refimpl.recurrent.lstm import LSTM

__all__ = ["LSTMForecaster", "forecast", "mase", "naive", "windows"]


def windows(series: Tensor, size: int, horizon: int = 1) -> tuple[Tensor, Tensor]:
    """All windows of a series and the values that follow each.

    Args:
        series: ``(..., T)``.
        size: number w of values in a window.
        horizon: number H of values behind it.

    Returns:
        Views of the series, ``(..., N, w)`` and ``(..., N, H)`` with N = T - w - H + 1.

    Raises:
        ValueError: a number is not positive, or the series is too short.
    """
    if size < 1 or horizon < 1:
        raise ValueError(f"windows: size and horizon must be positive, got {size} and {horizon}")
    if series.dim() < 1 or series.shape[-1] < size + horizon:
        raise ValueError(f"windows: series must be (..., T) with T >= {size + horizon}, got shape {tuple(series.shape)}")
    both = series.unfold(-1, size + horizon, 1)
    return both[..., :size], both[..., size:]


def naive(series: Tensor, horizon: int = 1, season: int = 1) -> Tensor:
    """Repeat the last season, with a season of one the last value: ``(..., T)`` to ``(..., horizon)``.

    Raises:
        ValueError: a number is not positive, or the series is shorter than a season.
    """
    if horizon < 1 or season < 1:
        raise ValueError(f"naive: horizon and season must be positive, got {horizon} and {season}")
    if series.dim() < 1 or series.shape[-1] < season:
        raise ValueError(f"naive: series must be (..., T) with T >= {season}, got shape {tuple(series.shape)}")
    last = series[..., series.shape[-1] - season :]
    return last[..., torch.arange(horizon, device=series.device) % season]


def mase(target: Tensor, prediction: Tensor, train: Tensor, season: int = 1) -> Tensor:
    """Mean absolute scaled error: below 1 is better than the naive one-step forecast was on the training values.

    Args:
        target, prediction: ``(..., H)``.
        train: ``(..., T)``, with T > season.
        season: lag of the naive forecast.

    Returns:
        ``(...)``; infinite or NaN where the training values repeat themselves exactly.

    Raises:
        ValueError: shapes differ, or the training values are too few.
    """
    if target.shape != prediction.shape or target.dim() == 0:
        raise ValueError(
            f"mase: target and prediction must have one shape (..., H), got {tuple(target.shape)} and {tuple(prediction.shape)}"
        )
    if season < 1 or train.dim() == 0 or train.shape[-1] <= season:
        raise ValueError(f"mase: train must be (..., T) with T > season > 0, got shape {tuple(train.shape)} and season {season}")
    usual = (train[..., season:] - train[..., :-season]).abs().mean(-1)
    return (target - prediction).abs().mean(-1) / usual


def forecast(step: Callable[[Tensor], Tensor], window: Tensor, horizon: int) -> Tensor:
    """Forecast several steps with a model of one, which is fed its own forecasts.

    Args:
        step: from windows ``(B, w)`` to the next values ``(B,)``.
        window: the last known values, ``(B, w)``.
        horizon: how many values to forecast.

    Returns:
        ``(B, horizon)``.

    Raises:
        ValueError: the horizon is not positive.
    """
    if horizon < 1:
        raise ValueError(f"forecast: horizon must be positive, got {horizon}")
    known, size = window, window.shape[-1]
    for _ in range(horizon):
        known = torch.cat((known, step(known[..., -size:])[..., None]), -1)
    return known[..., size:]


class LSTMForecaster(nn.Module):
    """One-step forecasts from windows.

    Args:
        hidden_size: number of units a layer.
        num_layers: number of LSTM layers.
        dropout: probability of dropping a unit between layers.

    Shape: ``(B, w)`` to ``(B,)``.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        hidden_size: int = 32,
        num_layers: int = 1,
        dropout: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.lstm = LSTM(1, hidden_size, num_layers, batch_first=True, dropout=dropout, device=device, dtype=dtype)
        self.head = nn.Linear(hidden_size, 1, device=device, dtype=dtype)
        self.register_buffer("mean", torch.zeros((), device=device, dtype=dtype))
        self.register_buffer("std", torch.ones((), device=device, dtype=dtype))

    @torch.no_grad()
    def fit_scale(self, train: Tensor) -> None:
        """Take mean and standard deviation from the training values.

        Raises:
            ValueError: they do not vary.
        """
        std = train.std() if train.numel() > 1 else train.new_zeros(())
        if not std > 0:
            raise ValueError(f"LSTMForecaster: training values must vary, got {train.numel()} with standard deviation {std.item()}")
        self.mean.copy_(train.mean())
        self.std.copy_(std)

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() != 2 or input.shape[1] == 0:
            raise ValueError(f"LSTMForecaster: input must be (B, w) with w > 0, got shape {tuple(input.shape)}")
        scaled = (input - self.mean) / self.std
        states, _ = self.lstm(scaled[..., None])  # (B, w, H)
        return input[:, -1] + self.std * self.head(states[:, -1])[:, 0]


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    t = torch.arange(600.0)
    series = 10 + torch.sin(2 * torch.pi * t / 25) + 0.5 * torch.sin(2 * torch.pi * t / 60) + 0.05 * torch.randn(600)
    train, test = series[:500], series[500:]
    model = LSTMForecaster(16)
    model.fit_scale(train)
    x, y = windows(train, 30)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(120):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y[:, 0]).backward()
        optimizer.step()
    model.requires_grad_(False)
    x, y = windows(test, 30, 20)
    print("MASE on the last 100 values of two waves with noise; below 1 beats persistence on the training values")
    print("                     1 step    20 steps")
    for name, found in {
        "last value": naive(x, 20),
        "last season of 25": naive(x, 20, 25),
        "LSTM": forecast(model, x, 20),
    }.items():
        print(f"{name:18s} {mase(y[:, :1], found[:, :1], train).mean():8.2f} {mase(y, found, train).mean():10.2f}")
