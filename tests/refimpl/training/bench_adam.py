"""Adam, AdaMax and NAdam beside PyTorch's own and the annotated implementation of labml-nn."""

from __future__ import annotations

import torch

from refimpl.training.adam import Adam, AdaMax, NAdam
from tests.refimpl.harness.bench import optimizers, published
from tests.refimpl.training.cases_adam import METHOD


def annotated(params):
    """labml-nn's Adam, where it is installed."""
    return published("labml_nn.optimizers.adam", "Adam", params)


BENCHES = [
    optimizers(METHOD, "Adam", Adam, {"torch.optim.Adam": torch.optim.Adam, "labml_nn Adam": annotated}),
    optimizers(METHOD, "AdaMax", AdaMax, {"torch.optim.Adamax": torch.optim.Adamax}),
    optimizers(METHOD, "NAdam", NAdam, {"torch.optim.NAdam": torch.optim.NAdam}),
]
