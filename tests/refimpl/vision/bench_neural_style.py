"""The style loss beside the same by ``torch.einsum``."""

from __future__ import annotations

from refimpl.vision.neural_style import style_loss
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.vision.cases_neural_style import METHOD, torch_style

BENCHES = [
    Bench(
        METHOD,
        "style loss of 64 x 128 x 128",
        lambda: style_loss,
        {"torch.einsum": lambda: lambda f, s: torch_style(None, f, s)},
        lambda: (randn(1, 64, 128, 128, seed=1), randn(1, 64, 128, 128, seed=2)),
    )
]
