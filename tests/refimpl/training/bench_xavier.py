"""Glorot's initialization beside PyTorch's own: a large linear layer and a small convolution."""

from __future__ import annotations

from torch import nn

from refimpl.training.xavier import xavier_normal_, xavier_uniform_
from tests.refimpl.harness.bench import initializers
from tests.refimpl.training.cases_xavier import METHOD

BENCHES = initializers(METHOD, ((xavier_uniform_, nn.init.xavier_uniform_), (xavier_normal_, nn.init.xavier_normal_)))
