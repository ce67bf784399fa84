"""The QRNN's pooling by a scan beside the loop over time, and the layer beside PyTorch's LSTM of as many units."""

from __future__ import annotations

import torch

from refimpl.recurrent.qrnn import QRNNLayer, qrnn_pool
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.recurrent.cases_qrnn import METHOD


def loop(z, f, o):
    c, states = torch.zeros_like(z[0]), []
    for z_t, f_t in zip(z.unbind(), f.unbind(), strict=True):
        c = torch.lerp(z_t, c, f_t)
        states.append(c)
    c = torch.stack(states)
    return o * c, c


class Looped(QRNNLayer):
    """The same convolution, pooled step by step."""

    def forward(self, input):
        padded = torch.nn.functional.pad(input.permute(1, 2, 0), (self.window - 1, 0))
        z, f, o = torch.nn.functional.conv1d(padded, self.weight, self.bias).permute(2, 0, 1).chunk(3, 2)
        h, c = loop(z.tanh(), f.sigmoid(), o.sigmoid())
        return h, c[-1], input[1 - self.window :]


def made(cls):
    torch.manual_seed(0)
    return cls(64, 64)


BENCHES = [
    Bench(
        METHOD,
        "fo-pooling, 2000 steps of 4 x 64 numbers",
        lambda: qrnn_pool,
        {"loop over time": lambda: loop},
        lambda: (randn(2000, 4, 64, seed=0), rand(2000, 4, 64, seed=1, low=0.0), rand(2000, 4, 64, seed=2, low=0.0)),
        compiled=False,  # the compiler unrolls the loop over time: minutes at this length
    ),
    Bench(
        METHOD,
        "layer, batch 8, length 500, 64 features, 64 units",
        lambda: made(QRNNLayer),
        {"conv1d and a loop over time": lambda: made(Looped)},
        lambda: (randn(500, 8, 64, seed=0),),
        compiled=False,
    ),
]
