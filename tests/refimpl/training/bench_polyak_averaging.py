"""Polyak averaging beside PyTorch's averaged optimizer, and beside its plain one with an averaged copy of the parameters."""

from __future__ import annotations

import torch

from refimpl.training.polyak_averaging import AveragedSGD
from tests.refimpl.harness.bench import optimizers
from tests.refimpl.training.cases_polyak_averaging import METHOD


class WithAveragedModel(torch.optim.SGD):
    """``torch.optim.SGD`` that shows its parameters to an ``AveragedModel`` before each step."""

    def __init__(self, params):
        super().__init__(params, lr=0.1)
        self.model = torch.nn.ParameterList(self.param_groups[0]["params"])
        self.average = torch.optim.swa_utils.AveragedModel(self.model)

    def step(self, closure=None):
        self.average.update_parameters(self.model)
        return super().step(closure)


BENCHES = [
    optimizers(
        METHOD,
        "step and mean",
        AveragedSGD,
        {
            "torch.optim.ASGD": lambda p: torch.optim.ASGD(p, lr=0.1, lambd=0.0, t0=0),
            "torch.optim.SGD with AveragedModel": WithAveragedModel,
        },
    ),
]
