"""AlexNet beside torchvision's."""

from __future__ import annotations

from refimpl.convolution.alexnet import AlexNet
from tests.refimpl.convolution.cases_alexnet import METHOD
from tests.refimpl.convolution.networks import network_bench

BENCHES = [network_bench(METHOD, AlexNet, "alexnet")]
