"""The adversarial loss beside the same with a backward pass that fills the gradients of the parameters too."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from refimpl.recurrent.adversarial_text import TextClassifier, adversarial_loss
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.recurrent.cases_adversarial_text import METHOD


class Loss(nn.Module):
    """Of embedded texts, by either way."""

    def __init__(self, ours: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.model, self.ours = TextClassifier(torch.ones(50), 32, 64, 2), ours

    def forward(self, s, labels):
        if self.ours:
            return adversarial_loss(self.model.classify, s, labels)
        with torch.enable_grad():
            leaf = s.detach().requires_grad_()
            F.cross_entropy(self.model.classify(leaf), labels).backward()
            g = leaf.grad
        self.model.zero_grad()
        return F.cross_entropy(self.model.classify(s + 5.0 * g / g.flatten(1).norm(dim=1).view(-1, 1, 1)), labels)


BENCHES = [
    Bench(
        METHOD,
        "LSTM of 64 units, 16 texts of 40 words",
        lambda: Loss(True),
        {"backward pass through everything": lambda: Loss(False)},
        lambda: (randn(16, 40, 32, seed=0), torch.randint(2, (16,), generator=torch.Generator().manual_seed(1))),
        compiled=False,  # the compiler unrolls the loop over time
    )
]
