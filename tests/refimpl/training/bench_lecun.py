"""LeCun's initialization beside PyTorch's of He, which draws the same kind of numbers."""

from __future__ import annotations

from torch import nn

from refimpl.training.lecun import lecun_normal_, lecun_uniform_
from tests.refimpl.harness.bench import initializers
from tests.refimpl.training.cases_lecun import METHOD

BENCHES = initializers(METHOD, [(lecun_normal_, nn.init.kaiming_normal_), (lecun_uniform_, nn.init.kaiming_uniform_)])
