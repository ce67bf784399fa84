"""Real processes on this machine for the tests of distributed methods, and a group of one for all that needs no second."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from refimpl.training.workers import join_group
from tests.refimpl.harness.case import randn

PRELOADED = ["torch", "torch._dynamo", "numpy"]
"""What one server process imports once; the workers of all tests are its forks, which spares each some seconds."""


def start_method() -> str:
    """A process without threads is forked itself, so that its workers run the code that it runs: a planted fault too."""
    known = multiprocessing.get_all_start_methods()
    if "fork" in known and threading.active_count() == 1 == torch.get_num_threads() and not torch.cuda.is_initialized():
        return "fork"
    return "forkserver" if "forkserver" in known else "spawn"


def on_workers(function: Callable[..., Any], count: int, folder: Path, *arguments: Any) -> list[Any]:
    """What ``function(rank, *arguments)`` returns in each of ``count`` new processes; an error in one of them is raised here."""
    method = start_method()
    if method == "forkserver":
        multiprocessing.set_forkserver_preload(PRELOADED)
    torch.multiprocessing.start_processes(_work, (function, count, folder, arguments), count, start_method=method)
    return [torch.load(folder / f"{rank}.pt") for rank in range(count)]


def _work(rank: int, function: Callable[..., Any], count: int, folder: Path, arguments: tuple[Any, ...]) -> None:
    join_group(rank, count, str(folder / "meet"))
    try:
        torch.save(function(rank, *arguments), folder / f"{rank}.pt")
    finally:
        dist.destroy_process_group()


@contextmanager
def group_of_one() -> Iterator[None]:
    """This process as the only worker."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1, timeout=timedelta(seconds=20))
    try:
        yield
    finally:
        dist.destroy_process_group()


def check_memory_layout(make: Callable[[list[torch.Tensor]], torch.optim.Optimizer], steps: int) -> None:
    """Alone, the optimizer moves a transposed parameter as a contiguous one."""
    with group_of_one():
        plain, turned = randn(3, 2, seed=5), randn(3, 2, seed=5).t().contiguous().t()
        for p in (plain, turned):
            optimizer = make([p])
            for _ in range(steps):
                p.grad = p**3
                optimizer.step()
    assert torch.equal(plain, turned)
