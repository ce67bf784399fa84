"""RMSProp beside PyTorch's, plain and centered with momentum."""

from __future__ import annotations

import torch

from refimpl.training.rmsprop import RMSProp
from tests.refimpl.harness.bench import optimizers
from tests.refimpl.training.cases_rmsprop import METHOD

BENCHES = [
    optimizers(METHOD, "plain", RMSProp, {"torch.optim.RMSprop": torch.optim.RMSprop}),
    optimizers(
        METHOD,
        "centered, with momentum",
        lambda p: RMSProp(p, momentum=0.9, centered=True),
        {"torch.optim.RMSprop": lambda p: torch.optim.RMSprop(p, momentum=0.9, centered=True)},
    ),
]
