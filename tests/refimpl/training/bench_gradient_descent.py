"""Gradient descent beside PyTorch's SGD."""

from __future__ import annotations

import torch

from refimpl.training.gradient_descent import GradientDescent
from tests.refimpl.harness.bench import optimizers
from tests.refimpl.training.cases_gradient_descent import METHOD

BENCHES = [
    optimizers(METHOD, "constant step", GradientDescent, {"torch.optim.SGD": torch.optim.SGD}),
]
