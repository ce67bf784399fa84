"""Adagrad beside PyTorch's."""

from __future__ import annotations

import torch

from refimpl.training.adagrad import Adagrad
from tests.refimpl.harness.bench import optimizers
from tests.refimpl.training.cases_adagrad import METHOD

BENCHES = [
    optimizers(METHOD, "Adagrad", Adagrad, {"torch.optim.Adagrad": torch.optim.Adagrad}),
]
