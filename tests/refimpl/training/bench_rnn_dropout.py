"""A regularized LSTM of two layers beside PyTorch's own between two dropout layers."""

from __future__ import annotations

from torch import nn

from refimpl.training.rnn_dropout import DropoutLSTM
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_rnn_dropout import METHOD


class Composed(nn.LSTM):
    """``torch.nn.LSTM`` with the two further dropouts."""

    def forward(self, input):
        output, states = super().forward(nn.functional.dropout(input, self.dropout, self.training))
        return nn.functional.dropout(output, self.dropout, self.training), states


BENCHES = [
    Bench(
        METHOD,
        "2 layers, T = 35, B = 20, D = H = 200, p = 0.5",
        lambda: DropoutLSTM(200, 200, 2),
        {"torch.nn.LSTM between two dropouts": lambda: Composed(200, 200, 2, dropout=0.5)},
        lambda: (randn(35, 20, 200, seed=0),),
        compiled=False,
    )
]
