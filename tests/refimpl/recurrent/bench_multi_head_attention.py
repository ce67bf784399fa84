"""Multi-head attention beside PyTorch's and labml's."""

from __future__ import annotations

from torch import nn

from refimpl.recurrent.multi_head_attention import MultiheadAttention
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_multi_head_attention import METHOD


class Labml(nn.Module):
    """labml's layer takes the same ``(L, N, E)``, its arguments by name only."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, query, key, value):
        return self.layer(query=query, key=key, value=value)


def labml(size: int, heads: int) -> nn.Module | None:
    try:
        from labml_nn.transformers.mha import MultiHeadAttention
    except ImportError:
        return None
    return Labml(MultiHeadAttention(heads, size, dropout_prob=0.0))


def bench(name: str, length: int, examples: int, size: int, heads: int) -> Bench:
    others = {"torch.nn.MultiheadAttention": lambda: nn.MultiheadAttention(size, heads), "labml-nn": lambda: labml(size, heads)}
    return Bench(METHOD, name, lambda: MultiheadAttention(size, heads), others, lambda: (randn(length, examples, size, seed=0),) * 3)


BENCHES = [
    bench("64 positions, 8 examples, 8 heads of 32", 64, 8, 256, 8),
    bench("256 positions, 2 examples, 4 heads of 64", 256, 2, 256, 4),
]
