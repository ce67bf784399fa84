"""An 18-layer Fixup network beside the same with every scalar applied by an operation of its own."""

from __future__ import annotations

import torch.nn.functional as F

from refimpl.training.fixup import FixupBasicBlock, FixupResNet
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_fixup import METHOD


class LiteralBlock(FixupBasicBlock):
    """The forward pass as it is printed."""

    def forward(self, input):
        x = F.relu(self.conv1(input + self.bias1a) + self.bias1b)
        x = self.conv2(x + self.bias2a) * self.scale + self.bias2b
        return F.relu(x + (input if self.downsample is None else self.downsample(input + self.bias1a)))


def made(block):
    return lambda: FixupResNet(block, (2, 2, 2, 2))


BENCHES = [
    Bench(
        METHOD,
        "18 layers, 4 images of 112 x 112",
        made(FixupBasicBlock),
        {"each scalar by an operation of its own": made(LiteralBlock)},
        lambda: (randn(4, 3, 112, 112, seed=0),),
        compiled=False,
    )
]
