"""The loss beside PyTorch's own, behind the same log-softmax."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from refimpl.recurrent.ctc import ctc_loss
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import function, randn
from tests.refimpl.recurrent.cases_ctc import METHOD, through_softmax


def sample():
    targets = torch.randint(1, 30, (16, 25), generator=torch.Generator().manual_seed(1))
    return randn(150, 16, 30, seed=0), targets, (150,) * 16, (25,) * 16


BENCHES = [
    Bench(
        METHOD,
        "16 strings of 25 labels out of 29, 150 frames",
        function(through_softmax, loss=ctc_loss),
        {"torch.nn.functional.ctc_loss": function(through_softmax, loss=F.ctc_loss)},
        sample,
        compiled=False,  # the compiler unrolls the loop over frames: minutes at this length
    )
]
