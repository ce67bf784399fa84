"""He's initialization beside PyTorch's own: a large linear layer and a small convolution."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.training.kaiming import kaiming_normal_, kaiming_uniform_
from tests.refimpl.harness.bench import Bench
from tests.refimpl.training.cases_kaiming import METHOD

BENCHES = [
    Bench(
        METHOD,
        f"{ours.__name__}, {name}",
        lambda ours=ours: ours,
        {f"torch.nn.init.{theirs.__name__}": lambda theirs=theirs: theirs},
        lambda shape=shape: (torch.empty(shape),),
        backward=False,
        compiled=False,
    )
    for ours, theirs in ((kaiming_uniform_, nn.init.kaiming_uniform_), (kaiming_normal_, nn.init.kaiming_normal_))
    for name, shape in (("1024 x 1024", (1024, 1024)), ("64 x 32 x 3 x 3", (64, 32, 3, 3)))
]
