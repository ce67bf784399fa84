"""The character model beside PyTorch's network on one-hot characters."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from refimpl.language.char_rnn import CharRNN
from tests.refimpl.harness.bench import Bench
from tests.refimpl.language.cases_char_rnn import METHOD


class OneHot(nn.Module):
    """``torch.nn.RNN`` with the same parameters."""

    def __init__(self, model: CharRNN) -> None:
        super().__init__()
        self.rnn, self.read = nn.RNN(64, 128), model.read
        self.rnn.load_state_dict(model.rnn.state_dict())

    def forward(self, characters):
        y, h = self.rnn(F.one_hot(characters, 64).to(self.read.weight.dtype))
        return self.read(y), h


def ours():
    torch.manual_seed(0)
    return CharRNN(64, 128)


BENCHES = [
    Bench(
        METHOD,
        "32 texts, 64 characters each, 128 units, alphabet of 64",
        ours,
        {"torch.nn.RNN": lambda: OneHot(ours())},
        lambda: (torch.randint(64, (64, 32), generator=torch.Generator().manual_seed(1)),),
        compiled=False,  # the compiler unrolls the loop over time
    )
]
