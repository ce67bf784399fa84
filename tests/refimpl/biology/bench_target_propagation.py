"""A layer with random feedback beside a plain linear layer, and beside the trick with a term of value zero."""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn

from refimpl.biology.target_propagation import FeedbackLinear
from tests.refimpl.biology.cases_target_propagation import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


class Composed(FeedbackLinear):
    def forward(self, x):
        return F.linear(x.detach(), self.weight, self.bias) + (x - x.detach()) @ self.feedback.T


BENCHES = [
    Bench(
        METHOD,
        "feedback alignment, 512 to 512, batch 256",
        lambda: FeedbackLinear(512, 512),
        {"torch.nn.Linear": lambda: nn.Linear(512, 512), "a term of value zero": lambda: Composed(512, 512)},
        lambda: (randn(256, 512, seed=0),),
    )
]
