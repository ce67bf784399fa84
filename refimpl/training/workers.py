"""What the distributed methods share: the group of processes, and many tensors as one message.

The processes are those of ``torch.distributed``; a method works with any of its back ends, tests and demonstrations with gloo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["demonstrate", "join_group", "pack", "unpack_", "workers"]


def workers(method: str, group: dist.ProcessGroup | None = None) -> int:
    """Number of processes in the group, all of them by default.

    Raises:
        RuntimeError: this process has joined no group.
    """
    if not dist.is_initialized():
        raise RuntimeError(f"{method}: expected a process group, got none; call torch.distributed.init_process_group first")
    return dist.get_world_size(group)


def pack(tensors: Sequence[Tensor]) -> Tensor:
    """All numbers of the tensors in one vector, a copy."""
    return torch.cat([t.detach().reshape(-1) for t in tensors])


@torch.no_grad()
def unpack_(message: Tensor, tensors: Sequence[Tensor]) -> None:
    """The opposite of :func:`pack`: copy the numbers of the vector into the tensors."""
    for t, piece in zip(tensors, message.split([t.numel() for t in tensors]), strict=True):
        t.copy_(piece.view_as(t))


def join_group(rank: int, count: int, file: str) -> None:
    """Join ``count`` processes of this machine over gloo, which meet in a file that does not exist yet."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=count)


def demonstrate(function: Callable[..., None], count: int, *arguments: Any) -> None:
    """Run ``function(rank, *arguments)`` in ``count`` new processes that have joined a group, and wait for them."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_joined, (function, count, f"{folder}/meet", arguments), count)


def _joined(rank: int, function: Callable[..., None], count: int, file: str, arguments: tuple[Any, ...]) -> None:
    join_group(rank, count, file)
    try:
        function(rank, *arguments)
    finally:
        dist.destroy_process_group()
