"""Multi-head attention beside PyTorch's."""

from __future__ import annotations

from torch import nn

from refimpl.recurrent.multi_head_attention import MultiheadAttention
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_multi_head_attention import METHOD


def bench(name: str, length: int, examples: int, size: int, heads: int) -> Bench:
    others = {"torch.nn.MultiheadAttention": lambda: nn.MultiheadAttention(size, heads)}
    return Bench(METHOD, name, lambda: MultiheadAttention(size, heads), others, lambda: (randn(length, examples, size, seed=0),) * 3)


BENCHES = [
    bench("64 positions, 8 examples, 8 heads of 32", 64, 8, 256, 8),
    bench("256 positions, 2 examples, 4 heads of 64", 256, 2, 256, 4),
]
