"""The temporal convolutional network beside PyTorch's layers put together as in the authors' code."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import parametrizations

from refimpl.recurrent.tcn import TemporalConvNet
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_tcn import METHOD

WIDTHS = [32] * 5


class Cut(nn.Module):
    """Leave out the last steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x):
        return x[:, :, : -self.steps].contiguous()


class Block(nn.Module):
    """A block whose convolutions are padded on both sides."""

    def __init__(self, block) -> None:
        super().__init__()
        layers = []
        for own in (block.conv1, block.conv2):
            outputs, inputs, taps = own.weight_v.shape
            padding = own.dilation * (taps - 1)
            layer = nn.Conv1d(inputs, outputs, taps, padding=padding, dilation=own.dilation)
            layer.load_state_dict({"weight": own.weight_v, "bias": own.bias})
            layers += [parametrizations.weight_norm(layer), Cut(padding), nn.ReLU()]
        self.layers, self.downsample = nn.Sequential(*layers), block.downsample

    def forward(self, x):
        return torch.relu(self.layers(x) + (x if self.downsample is None else self.downsample(x)))


def ours():
    torch.manual_seed(0)
    return TemporalConvNet(8, WIDTHS, 3, 0.0)


BENCHES = [
    Bench(
        METHOD,
        "five blocks of 32 channels, three taps, batch 8, length 256",
        ours,
        {"torch.nn.Conv1d under weight_norm": lambda: nn.Sequential(*(Block(block) for block in ours().network))},
        lambda: (randn(8, 8, 256, seed=0),),
    )
]
