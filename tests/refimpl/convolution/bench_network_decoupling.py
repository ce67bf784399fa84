"""A convolution decoupled into one to three terms beside the trained layer itself."""

from __future__ import annotations

from torch import nn

from refimpl.convolution.network_decoupling import decouple_conv
from tests.refimpl.convolution.cases_network_decoupling import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def layer() -> nn.Conv2d:
    return nn.Conv2d(256, 256, 3, padding=1)


BENCHES = [
    Bench(
        METHOD,
        f"4 images of 256 x 14 x 14, 256 outputs, 3 x 3, {terms} term(s)",
        lambda terms=terms: decouple_conv(layer(), terms),
        {"torch.nn.Conv2d": layer},
        lambda: (randn(4, 256, 14, 14, seed=0),),
    )
    for terms in (1, 3)
]
