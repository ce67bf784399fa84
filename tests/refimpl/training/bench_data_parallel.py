"""What data parallelism costs beside PyTorch's own on one worker: a pass forward and backward with every gradient sent to itself."""

from __future__ import annotations

import torch.distributed as dist
from torch import nn

from refimpl.training.data_parallel import DistributedDataParallel
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn

METHOD = "data-parallel"


def wrapped(wrapper):
    def make():
        if not dist.is_initialized():
            dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
        layers = [layer for _ in range(6) for layer in (nn.Linear(512, 512), nn.ReLU())]
        return wrapper(nn.Sequential(*layers))

    return make


BENCHES = [
    Bench(
        METHOD,
        "6 layers of 512 units, batch 64, one worker",
        wrapped(DistributedDataParallel),
        {"torch.nn.parallel.DistributedDataParallel": wrapped(nn.parallel.DistributedDataParallel)},
        lambda: (randn(64, 512, seed=0),),
        compiled=False,
    )
]
