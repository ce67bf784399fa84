"""Scaled dot-product attention beside PyTorch's fused function; the additive score beside its formula, with the projections apart."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.attention import AdditiveAttention, scaled_dot_product_attention
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_attention import METHOD

BUILT_IN = "torch.nn.functional.scaled_dot_product_attention"


def heads(*shape: int) -> tuple[Tensor, ...]:
    return tuple(randn(*shape, seed=seed) for seed in range(3))


class Concatenated(nn.Module):
    """The additive score as it is often written: one linear map of each query beside each key."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.hidden, self.v = nn.Linear(2 * size, size, bias=False), nn.Linear(size, 1, bias=False)

    def forward(self, query, key):
        shape = (*query.shape[:-1], *key.shape[-2:])
        both = torch.cat([query.unsqueeze(-2).expand(shape), key.unsqueeze(-3).expand(shape)], -1)
        weights = self.v(torch.tanh(self.hidden(both))).squeeze(-1).softmax(-1)
        return weights @ key, weights


BENCHES = [
    Bench(
        METHOD,
        "8 examples, 8 heads of 64, 64 positions",
        lambda: scaled_dot_product_attention,
        {BUILT_IN: lambda: F.scaled_dot_product_attention},
        lambda: heads(8, 8, 64, 64),
    ),
    Bench(
        METHOD,
        "2 examples, 8 heads of 64, 512 positions, causal",
        lambda: lambda q, k, v: scaled_dot_product_attention(q, k, v, is_causal=True),
        {BUILT_IN: lambda: lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)},
        lambda: heads(2, 8, 512, 64),
    ),
    Bench(
        METHOD,
        "additive, 16 examples, 1 query of 256, 50 keys",
        lambda: AdditiveAttention(256, 256, 256),
        {"the query beside each key, in torch": lambda: Concatenated(256)},
        lambda: (randn(16, 1, 256, seed=0), randn(16, 50, 256, seed=1)),
    ),
]
