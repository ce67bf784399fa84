"""Switchable normalization beside PyTorch's batch normalization, one of its three parts, and beside the paper's formula as written."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.training.switch_norm import SwitchNorm2d
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.training.cases_switch_norm import METHOD


class AsWritten(nn.Module):
    """The paper's equations, the variances as differences of squares."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(1, channels, 1, 1)), nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.mean_weight, self.var_weight = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))

    def forward(self, x):
        mean_in, var_in = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True)
        squares = var_in + mean_in**2
        mean_ln, mean_bn = mean_in.mean(1, keepdim=True), mean_in.mean(0, keepdim=True)
        var_ln, var_bn = squares.mean(1, keepdim=True) - mean_ln**2, squares.mean(0, keepdim=True) - mean_bn**2
        w, v = torch.softmax(self.mean_weight, 0), torch.softmax(self.var_weight, 0)
        mean = w[0] * mean_in + w[1] * mean_ln + w[2] * mean_bn
        var = v[0] * var_in + v[1] * var_ln + v[2] * var_bn
        return (x - mean) / (var + 1e-5).sqrt() * self.weight + self.bias


def bench(name: str, *shape: int) -> Bench:
    others = {"torch.nn.BatchNorm2d": lambda: nn.BatchNorm2d(shape[1]), "the paper's formula as written": lambda: AsWritten(shape[1])}
    return Bench(METHOD, name, lambda: SwitchNorm2d(shape[1]), others, lambda: (randn(*shape, seed=0),))


BENCHES = [bench("16 images of 28 x 28, 64 channels", 16, 64, 28, 28), bench("4 images of 7 x 7, 512 channels", 4, 512, 7, 7)]
