"""The encoder-decoder beside the same model with keys projected at each step and an output layer at each step."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.recurrent.seq2seq import Seq2Seq
from tests.refimpl.harness.bench import Bench
from tests.refimpl.recurrent.cases_seq2seq import KINDS, METHOD


class Stepwise(nn.Module):
    """Out of ``torch.gru`` and ``torch.gru_cell``, step by step, with the same parameters."""

    def __init__(self, model: Seq2Seq) -> None:
        super().__init__()
        self.model = model

    def forward(self, source, target):
        m, logits, looked = self.model, [], []
        zeros = m.output.weight.new_zeros(1, len(source), m.encoder.hidden_size)
        weights = [getattr(m.encoder, kind) for kind in KINDS]
        states, _ = torch.gru(m.source_embedding(source), zeros, weights, True, 1, 0.0, True, False, True)
        s = m.bridge(states[:, -1]).tanh()
        cell = [getattr(m.decoder, kind) for kind in KINDS]
        for symbol in target.unbind(1):
            context, weights = (v.squeeze(1) for v in m.attention(s.unsqueeze(1), states))
            looked.append(weights)
            s = torch.gru_cell(torch.cat((m.target_embedding(symbol), context), 1), s, *cell)
            logits.append(m.output(torch.cat((s, context), 1)))
        return torch.stack(logits, 1), torch.stack(looked, 1)


def ours():
    torch.manual_seed(0)
    return Seq2Seq(50, 50, 32, 64)


def sample():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(50, (16, 20), generator=generator), torch.randint(50, (16, 20), generator=generator)


BENCHES = [
    Bench(
        METHOD,
        "20 symbols to 20, batch 16, 64 units",
        ours,
        {"torch.gru and torch.gru_cell, step by step": lambda: Stepwise(ours())},
        sample,
        compiled=False,  # the compiler unrolls the loops over time
    )
]
