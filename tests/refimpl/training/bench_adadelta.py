"""Adadelta beside PyTorch's."""

from __future__ import annotations

import torch

from refimpl.training.adadelta import Adadelta
from tests.refimpl.harness.bench import optimizers
from tests.refimpl.training.cases_adadelta import METHOD

BENCHES = [
    optimizers(METHOD, "Adadelta", Adadelta, {"torch.optim.Adadelta": torch.optim.Adadelta}),
]
