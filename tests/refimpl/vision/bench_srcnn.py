"""Bicubic interpolation beside torch's own."""

from __future__ import annotations

import torch.nn.functional as F

from refimpl.vision.srcnn import bicubic
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand
from tests.refimpl.vision.cases_srcnn import METHOD

BENCHES = [
    Bench(
        METHOD,
        "bicubic, 4 x 3 x 128 x 128 to twice the size",
        lambda: lambda x: bicubic(x, (256, 256)),
        {"torch.nn.functional.interpolate": lambda: lambda x: F.interpolate(x, (256, 256), mode="bicubic")},
        lambda: (rand(4, 3, 128, 128, seed=1),),
        compiled=False,
    )
]
