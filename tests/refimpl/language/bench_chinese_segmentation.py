"""The sum over all sequences beside the package pytorch-crf and beside the algorithm in the probability domain."""

from __future__ import annotations

import torch

from refimpl.language.chinese_segmentation import CRF
from tests.refimpl.harness.bench import Bench, published
from tests.refimpl.harness.case import randn
from tests.refimpl.language.cases_chinese_segmentation import METHOD


class Scaled(CRF):
    """The forward algorithm on probabilities, rescaled at each place."""

    def forward(self, emissions, tags):
        start, steps, end = self.tables()
        total = self.start_transitions[tags[:, 0]] + self.end_transitions[tags[:, -1]] + steps[tags[:, :-1], tags[:, 1:]].sum(1)
        total = total + emissions.gather(2, tags.unsqueeze(2)).sum((1, 2))
        a, log = (start + emissions[:, 0]).exp(), 0.0
        for f in emissions[:, 1:].unbind(1):
            scale = a.sum(1, keepdim=True)
            a, log = (a / scale) @ steps.exp() * f.exp(), log + scale.log()
        return total - (a @ end.exp()).log() - log.squeeze(1)


def made(kind):
    torch.manual_seed(0)
    return kind(4)


def package():
    model = published("torchcrf", "CRF", 4, batch_first=True)
    if model is not None:
        model.load_state_dict(made(CRF).state_dict())
    return model and _Each(model)


class _Each(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, emissions, tags):
        return self.model(emissions, tags, reduction="none")


BENCHES = [
    Bench(
        METHOD,
        "log-likelihood, 64 sentences of 40 characters",
        lambda: made(CRF),
        {"pytorch-crf": package, "probabilities, rescaled": lambda: made(Scaled)},
        lambda: (randn(64, 40, 4, seed=1), torch.arange(64 * 40).view(64, 40) % 4),
        compiled=False,
    )
]
