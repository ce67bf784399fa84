"""He's initialization beside PyTorch's own: a large linear layer and a small convolution."""

from __future__ import annotations

from torch import nn

from refimpl.training.kaiming import kaiming_normal_, kaiming_uniform_
from tests.refimpl.harness.bench import initializers
from tests.refimpl.training.cases_kaiming import METHOD

BENCHES = initializers(METHOD, ((kaiming_uniform_, nn.init.kaiming_uniform_), (kaiming_normal_, nn.init.kaiming_normal_)))
