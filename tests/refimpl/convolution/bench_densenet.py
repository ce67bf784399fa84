"""DenseNet-121 beside torchvision's."""

from __future__ import annotations

from refimpl.convolution.densenet import densenet121
from tests.refimpl.convolution.cases_densenet import METHOD
from tests.refimpl.convolution.networks import network_bench

BENCHES = [network_bench(METHOD, densenet121, "densenet121")]
