"""Depthwise separable convolution beside two of PyTorch's layers, and beside the regular convolution it stands in for."""

from __future__ import annotations

from torch import nn

from refimpl.convolution.depthwise_separable import DepthwiseSeparableConv2d
from tests.refimpl.convolution.cases_depthwise_separable import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def two_layers() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(128, 128, 3, padding=1, groups=128, bias=False), nn.Conv2d(128, 128, 1))


BENCHES = [
    Bench(
        METHOD,
        "8 images of 128 x 28 x 28, 128 outputs, 3 x 3",
        lambda: DepthwiseSeparableConv2d(128, 128, 3, padding=1),
        {"two torch.nn.Conv2d": two_layers, "torch.nn.Conv2d, regular": lambda: nn.Conv2d(128, 128, 3, padding=1)},
        lambda: (randn(8, 128, 28, 28, seed=0),),
    )
]
