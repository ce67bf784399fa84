"""ResNet-18 beside torchvision's."""

from __future__ import annotations

from refimpl.convolution.resnet import resnet18
from tests.refimpl.convolution.cases_resnet import METHOD
from tests.refimpl.convolution.networks import network_bench

BENCHES = [network_bench(METHOD, resnet18, "resnet18")]
