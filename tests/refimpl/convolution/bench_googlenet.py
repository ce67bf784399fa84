"""GoogLeNet without auxiliary classifiers beside torchvision's."""

from __future__ import annotations

from refimpl.convolution.googlenet import GoogLeNet
from tests.refimpl.convolution.cases_googlenet import METHOD
from tests.refimpl.convolution.networks import network_bench

BENCHES = [network_bench(METHOD, lambda: GoogLeNet(aux_logits=False), "googlenet", aux_logits=False, init_weights=False)]
