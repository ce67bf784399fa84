"""The SRU beside the authors' package, and the linear scan beside the loop."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.recurrent.linear_scan import linear_scan
from refimpl.recurrent.sru import SRU
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.recurrent.cases_sru import METHOD


def package(*sizes: int, **options) -> nn.Module | None:
    """The authors' package, which compiles its CPU code at import; None where that fails."""
    try:
        import sru
    except Exception:
        return None
    return sru.SRU(*sizes, rescale=True, **options)


def loop(a, b):
    s, states = torch.zeros_like(b[0]), []
    for a_t, b_t in zip(a.unbind(), b.unbind(), strict=True):
        s = torch.addcmul(b_t, a_t, s)
        states.append(s)
    return torch.stack(states)


def stack(name: str, batch: int, length: int, width: int, **options) -> Bench:
    return Bench(
        METHOD,
        f"{name}, two layers, batch {batch}, length {length}, {width} units",
        lambda: SRU(width, width, **options),
        {"sru.SRU": lambda: package(width, width, **options)},
        lambda: (randn(length, batch, width, seed=0),),
        compiled=False,  # the compiler unrolls the loop over time: minutes at these lengths
    )


def scan(length: int, width: int) -> Bench:
    return Bench(
        METHOD,
        f"linear scan, {length} steps of {width} numbers",
        lambda: linear_scan,
        {"loop over time": lambda: loop},
        lambda: (rand(length, width, seed=0), randn(length, width, seed=1)),
        compiled=False,
    )


BENCHES = [
    stack("published version", 8, 500, 64),
    stack("version 1", 8, 500, 64, v1=True),
    scan(2000, 64),
    scan(2000, 512),
    scan(2000, 4096),
]
