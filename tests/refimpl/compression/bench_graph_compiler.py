"""A chain of seven elementwise operations beside the same one by one; a folded network beside the plain one and PyTorch's fusion."""

from __future__ import annotations

import torch
from torch import nn
from torch.fx.experimental.optimization import fuse

from refimpl.compression.graph_compiler import compile_graph
from refimpl.convolution.resnet import BasicBlock
from tests.refimpl.compression.cases_graph_compiler import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


class Curve(nn.Module):
    def forward(self, x):
        return ((x * 2 + 1).abs().sqrt() - 0.5).square() * 3


def blocks():
    torch.manual_seed(0)
    return nn.Sequential(BasicBlock(64, 64), BasicBlock(64, 64), BasicBlock(64, 128, 2)).eval()


BENCHES = [
    Bench(
        METHOD,
        "seven elementwise operations on 16M numbers, one thread",
        lambda: compile_graph(Curve().eval()),
        {"one by one": Curve},
        lambda: (randn(16_000_000, seed=0),),
        backward=False,
        compiled=False,
        threads=1,
    ),
    Bench(
        METHOD,
        "residual blocks, 4 images of 28 x 28",
        lambda: compile_graph(blocks()),
        {"as it is": blocks, "torch.fx.experimental.optimization.fuse": lambda: fuse(blocks())},
        lambda: (randn(4, 64, 28, 28, seed=0),),
        backward=False,
        compiled=False,
    ),
]
