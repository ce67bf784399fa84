"""The LSTM beside PyTorch's own, the plain loop over ``torch.nn.LSTMCell``, and its matrix products without anything between them."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.recurrent.lstm import LSTM
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_lstm import METHOD


class CellLoop(nn.Module):
    """``torch.nn.LSTMCell`` called step by step."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)

    def forward(self, x):
        state, outputs = None, []
        for x_t in x:
            state = self.cell(x_t, state)
            outputs.append(state[0])
        h, c = state
        return torch.stack(outputs), (h.unsqueeze(0), c.unsqueeze(0))


class Products(nn.Module):
    """One product for the inputs of all steps, then one a step."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inputs, self.states = nn.Linear(input_size, 4 * hidden_size), nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x):
        gates = self.inputs(x)
        h, outputs = gates[0, :, : self.states.in_features], []
        for _ in x:
            h = self.states(h)[:, : self.states.in_features]
            outputs.append(h)
        last = h.unsqueeze(0)
        return torch.stack(outputs), (last, last)


def bench(batch: int, length: int, features: int, hidden: int, **more) -> Bench:
    return Bench(
        METHOD,
        f"batch {batch}, length {length}, {features} features, {hidden} units",
        lambda: LSTM(features, hidden),
        {
            "torch.nn.LSTM": lambda: nn.LSTM(features, hidden),
            "loop over torch.nn.LSTMCell": lambda: CellLoop(features, hidden),
            "its matrix products alone": lambda: Products(features, hidden),
        },
        lambda: (randn(length, batch, features, seed=0),),
        compiled=False,  # the compiler unrolls the loop over time: minutes at these lengths
        **more,
    )


BENCHES = [bench(32, 128, 128, 128), bench(8, 256, 64, 64)]
