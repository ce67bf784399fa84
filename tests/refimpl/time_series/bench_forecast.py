"""The LSTM forecaster beside PyTorch's LSTM and a linear layer."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.time_series.forecast import LSTMForecaster
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.time_series.cases_forecast import METHOD


class BuiltIn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(1, 32, batch_first=True), nn.Linear(32, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, -1] + self.head(self.lstm(x[..., None])[0][:, -1])[:, 0]


BENCHES = [
    Bench(
        METHOD,
        "64 windows of 30 values, 32 units",
        LSTMForecaster,
        {"torch.nn.LSTM": BuiltIn},
        lambda: (randn(64, 30, seed=0),),
        compiled=False,
    )
]
