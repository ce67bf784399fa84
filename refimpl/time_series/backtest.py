r"""Evaluation of forecasts without looking ahead: windows split in time, and an origin that rolls forward.

Equations (y_1 ... y_T the series, w the window, H the horizon, T' values that belong to the past)
    split  a training window ends, targets included, by T'; the first target of a test window comes after T'
    roll   y^_{t+1} ... y^_{t+H} from y_1 ... y_t alone, for t = T' ... T - H
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from refimpl.time_series.forecast import windows

__all__ = ["roll", "split_windows"]


def split_windows(series: Tensor, size: int, horizon: int, train: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Windows to learn from and to test on, split in time.

    Args:
        series, size, horizon: as in :func:`refimpl.time_series.forecast.windows`.
        train: number of values that belong to the past.

    Returns:
        Pairs of windows and targets within the first ``train`` values, and pairs whose targets all come after them; the
        windows of these reach back.

    Raises:
        ValueError: ``train`` leaves no pair on one of its sides.
    """
    steps = series.shape[-1]
    if not size + horizon <= train <= steps - horizon:
        raise ValueError(f"split_windows: train must lie in [{size + horizon}, {steps - horizon}], got {train}")
    return windows(series[..., :train], size, horizon), windows(series[..., train - size :], size, horizon)


def roll(forecast: Callable[[Tensor, int], Tensor], series: Tensor, start: int, horizon: int = 1) -> tuple[Tensor, Tensor]:
    """Forecast from every origin in turn, each time from nothing but the values before it.

    Args:
        forecast: from a history ``(..., t)`` and a horizon to ``(..., horizon)``.
        series: ``(..., T)``.
        start: number of values known to the first forecast.
        horizon: values to forecast from each origin.

    Returns:
        Forecasts and what came, each ``(..., n, horizon)`` with n = T - start - horizon + 1.

    Raises:
        ValueError: a number does not fit.
    """
    last = series.shape[-1] - horizon
    if horizon < 1 or not 1 <= start <= last:
        raise ValueError(f"roll: horizon must be positive and start lie in [1, {last}], got {horizon} and {start}")
    found = [forecast(series[..., :t], horizon) for t in range(start, last + 1)]
    return torch.stack(found, -2), series[..., start:].unfold(-1, horizon, 1)


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.time_series.forecast import mase, naive

    arguments(__doc__)
    t = torch.arange(240.0)
    for name, series in (
        ("a season of 12 steps, trend and noise", torch.sin(2 * torch.pi * t / 12) + t / 200 + 0.1 * torch.randn(240)),
        ("a random walk", torch.randn(240).cumsum(0)),
    ):
        print(f"{name}: scaled errors over the last 60 values, 1 and 6 steps ahead")
        for label, season in (("last value", 1), ("last season", 12)):
            shown = []
            for horizon in (1, 6):
                forecasts, actual = roll(lambda history, steps, m=season: naive(history, steps, m), series, 180, horizon)
                shown.append(f"{mase(actual.flatten(), forecasts.flatten(), series[:180]).item():.2f}")
            print(f"  {label:<11}", *shown)
