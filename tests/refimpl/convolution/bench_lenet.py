"""LeNet-5 beside the same network made of PyTorch's layers, C3 being a dense convolution under a mask."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.lenet import CODES, TABLE, LeNet5
from tests.refimpl.convolution.cases_lenet import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


class Squash(nn.Module):
    def forward(self, a: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(a * 2 / 3)


class Scale(nn.Module):
    """The average of 2 x 2 pixels, four times a coefficient, plus a bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.rand(channels, 1, 1)), nn.Parameter(torch.rand(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return 4 * F.avg_pool2d(x, 2) * self.weight + self.bias


class Masked(nn.Conv2d):
    def __init__(self) -> None:
        super().__init__(6, 16, 5)
        mask = torch.tensor([[c in seen for c in range(6)] for seen in TABLE])
        self.register_buffer("mask", mask[..., None, None].float())

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.mask, self.bias)


class Distances(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("codes", torch.tensor(CODES).float())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cdist(x, self.codes).square()


def layers() -> nn.Sequential:
    maps = [nn.Conv2d(1, 6, 5), Squash(), Scale(6), Squash(), Masked(), Squash(), Scale(16), Squash(), nn.Conv2d(16, 120, 5), Squash()]
    return nn.Sequential(*maps, nn.Flatten(), nn.Linear(120, 84), Squash(), Distances())


BENCHES = [Bench(METHOD, "64 images of 32 x 32", LeNet5, {"PyTorch's layers": layers}, lambda: (randn(64, 1, 32, 32, seed=0),))]
