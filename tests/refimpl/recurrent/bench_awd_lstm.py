"""The weight-dropped LSTM beside PyTorch's with the weight replaced before each call."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from refimpl.recurrent.awd_lstm import WeightDropLSTM
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_awd_lstm import KINDS, METHOD


class Replaced(nn.LSTM):
    """``torch.lstm`` with a dropped copy of the recurrent weight."""

    def forward(self, input):
        weights = [getattr(self, kind) for kind in KINDS]
        weights[1] = F.dropout(weights[1], 0.5)
        zeros = [input.new_zeros(1, input.shape[1], self.hidden_size)] * 2
        return torch.lstm(input, zeros, weights, True, 1, 0.0, True, False, False)


BENCHES = [
    Bench(
        METHOD,
        "weight drop, batch 20, length 70, 128 features, 128 units",
        lambda: WeightDropLSTM(128, 128),
        {"torch.lstm with a dropped weight": lambda: Replaced(128, 128)},
        lambda: (randn(70, 20, 128, seed=0),),
        compiled=False,  # the compiler unrolls the loop over time
    )
]
