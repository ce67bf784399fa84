"""The quadratic kernel by Gram matrices beside the same over all pairs of positions."""

from __future__ import annotations

from refimpl.vision.style_mmd import mmd_loss, squared_mmd
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.vision.cases_style_mmd import METHOD

BENCHES = [
    Bench(
        METHOD,
        "quadratic kernel, 64 x 32 x 32",
        lambda: mmd_loss,
        {"all pairs of positions": lambda: lambda f, s: squared_mmd(f, s) / (4 * f.shape[1] ** 2)},
        lambda: (randn(1, 64, 32, 32, seed=1), randn(1, 64, 32, 32, seed=2)),
        compiled=False,
    )
]
