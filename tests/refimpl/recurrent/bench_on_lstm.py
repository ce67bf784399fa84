"""The ON-LSTM beside its cell in plain operators, gate by gate, with the input projected at each step."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.recurrent.on_lstm import ONLSTM
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_on_lstm import METHOD


class Cell(nn.Module):
    """The same parameters, one step after the other."""

    def __init__(self, model: ONLSTM) -> None:
        super().__init__()
        self.model = model

    def forward(self, x):
        m, outputs = self.model, []
        hidden, chunks = m.hidden_size, m.hidden_size // m.chunk_size
        h = c = x.new_zeros(x.shape[1], hidden)
        for x_t in x:
            a = nn.functional.linear(x_t, m.weight_ih_l0, m.bias_ih_l0) + nn.functional.linear(h, m.weight_hh_l0, m.bias_hh_l0)
            master_i = (1 - a[:, :chunks].softmax(1).cumsum(1)).repeat_interleave(m.chunk_size, 1)
            master_f = a[:, chunks : 2 * chunks].softmax(1).cumsum(1).repeat_interleave(m.chunk_size, 1)
            i, f, g, o = a[:, 2 * chunks :].chunk(4, 1)
            w = master_f * master_i
            f, i = f.sigmoid() * w + (master_f - w), i.sigmoid() * w + (master_i - w)
            c = f * c + i * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), (h[None], c[None])


def ours():
    torch.manual_seed(0)
    return ONLSTM(64, 64, chunk_size=8)


BENCHES = [
    Bench(
        METHOD,
        "batch 16, length 64, 64 features, 64 units in chunks of 8",
        ours,
        {"the cell in plain operators": lambda: Cell(ours())},
        lambda: (randn(64, 16, 64, seed=0),),
        compiled=False,  # the compiler unrolls the loop over time
    )
]
