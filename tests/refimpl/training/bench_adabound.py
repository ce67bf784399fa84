"""AdaBound beside the published package pytorch_optimizer."""

from __future__ import annotations

from refimpl.training.adabound import AdaBound
from tests.refimpl.harness.bench import optimizers, published
from tests.refimpl.training.cases_adabound import METHOD

BENCHES = [
    optimizers(METHOD, "AdaBound", AdaBound, {"pytorch_optimizer AdaBound": lambda p: published("pytorch_optimizer", "AdaBound", p)}),
]
