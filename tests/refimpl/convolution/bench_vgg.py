"""VGG-11 beside torchvision's."""

from __future__ import annotations

from refimpl.convolution.vgg import vgg11
from tests.refimpl.convolution.cases_vgg import METHOD
from tests.refimpl.convolution.networks import network_bench

BENCHES = [network_bench(METHOD, vgg11, "vgg11")]
