r"""Synchronous data parallelism: each process takes a share of the batch, and all step with the mean of their gradients.

Paper
    Li, Zhao, Varma, Salpekar, Noordhuis, Li, Paszke, Smith, Vaughan, Damania and Chintala, "PyTorch Distributed:
    Experiences on Accelerating Data Parallel Training", VLDB 2020, arXiv:2006.15704, section 3 (buckets, overlap, accumulation).

Equations (K workers, worker k with gradient g_k of its share of the batch at the common parameters theta)
    start     theta and all buffers are those of worker 0
    average   theta <- theta - eta (1 / K) sum_k g_k     the gradient of the whole batch, if the shares are equal and the loss a mean
    buckets   gradients, the last parameter first, fill messages of up to c bytes
    overlap   message b is sent when its gradients are complete and message b - 1 has been sent, while others are still computed

Deviations from the paper
    1. Every parameter must get a gradient in every backward pass; the paper's search for unused parameters is not offered.
    2. Buffers are shared at the start alone, not before every forward pass.
    3. All buckets have the same limit; PyTorch starts with one of 1 MiB.
    4. Gradients are copied into their message and back; the paper's stay views of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch.distributed as dist
from torch import Tensor, nn

from refimpl.training.workers import pack, unpack_, workers

__all__ = ["DistributedDataParallel", "assign_buckets"]


def assign_buckets(tensors: Iterable[Tensor], limit: int) -> list[list[Tensor]]:
    """Tensors in reverse order, in lists of up to ``limit`` bytes and one dtype each; a larger tensor is alone.

    Raises:
        ValueError: the limit is not positive.
    """
    if limit <= 0:
        raise ValueError(f"assign_buckets: limit must be positive, got {limit}")
    found: list[list[Tensor]] = []
    room = 0
    for t in reversed(list(tensors)):
        if not found or t.nbytes > room or t.dtype != found[-1][0].dtype:
            found.append([])
            room = limit
        found[-1].append(t)
        room -= t.nbytes
    return found


class DistributedDataParallel(nn.Module):
    """The module, with gradients that are the mean over all workers; used as ``torch.nn.parallel.DistributedDataParallel``.

    Args:
        module: on every worker the same, with a parameter to learn.
        process_group: the workers, all processes by default.
        bucket_cap_mb: limit of a message in MiB.

    Raises:
        ValueError: the module has nothing to learn, or the limit is not positive.
        RuntimeError: there is no process group, or, in the forward pass, the last backward pass left parameters without gradient.
    """

    def __init__(self, module: nn.Module, process_group: dist.ProcessGroup | None = None, bucket_cap_mb: float = 25.0) -> None:
        super().__init__()
        self.workers, self.group = workers("DistributedDataParallel", process_group), process_group
        learned = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if not learned:
            raise ValueError(f"DistributedDataParallel: module must have a parameter that requires a gradient, got {module}")
        self.module, self.synchronize = module, True
        self.buckets = assign_buckets(learned.values(), int(bucket_cap_mb * 2**20))
        for t in (*module.parameters(), *module.buffers()):
            dist.broadcast(t.detach(), group=process_group, group_src=0)
        number = {id(p): b for b, bucket in enumerate(self.buckets) for p in bucket}
        self._names = [{name for name, p in learned.items() if number[id(p)] == b} for b in range(len(self.buckets))]
        for name, p in learned.items():
            p.register_post_accumulate_grad_hook(partial(self._arrived, number[id(p)], name))
        self._start()

    def _start(self) -> None:
        self._awaited = [set(names) for names in self._names]
        self._sent: list[tuple[Tensor, dist.Work]] = []

    def _arrived(self, bucket: int, name: str, _parameter: Tensor) -> None:
        """Send the messages that are complete; after the last one wait for all, and put the means in the place of the gradients."""
        if not self.synchronize:
            return
        self._awaited[bucket].discard(name)
        while len(self._sent) < len(self.buckets) and not self._awaited[len(self._sent)]:
            message = pack(_gradients(self.buckets[len(self._sent)])).div_(self.workers)
            self._sent.append((message, dist.all_reduce(message, group=self.group, async_op=True)))
        if len(self._sent) == len(self.buckets):
            for tensors, (message, work) in zip(self.buckets, self._sent, strict=True):
                work.wait()
                unpack_(message, _gradients(tensors))
            self._start()

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Backward passes in this context add to the gradients of this worker alone; the next one outside sends the sum."""
        before, self.synchronize = self.synchronize, False
        try:
            yield
        finally:
            self.synchronize = before

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if self._awaited != self._names:
            missing = ", ".join(sorted(set().union(*self._awaited)))
            raise RuntimeError(f"DistributedDataParallel: expected a gradient for every parameter, got none for {missing}")
        return self.module(*args, **kwargs)


def _gradients(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [p.grad for p in parameters]


def _demonstration(rank: int, seed: int) -> None:
    import torch

    from refimpl.data import digits_split

    torch.manual_seed(seed + rank)
    data, count = digits_split(), dist.get_world_size()
    model = DistributedDataParallel(nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10)))
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    order = torch.randperm(len(data.x), generator=torch.Generator().manual_seed(seed))
    for epoch in range(1, 4):
        for batch in order[: len(order) // count * count].split(64 * count):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(data.x[batch[rank::count]]), data.y[batch[rank::count]]).backward()
            optimizer.step()
        right = (model(data.x_test).argmax(1) == data.y_test).double().mean().item()
        check = pack(list(model.parameters())).double().sum().item()
        if epoch == 3:
            print(f"worker {rank}: {right:.3f} of the test digits are right, sum of all parameters {check:.10f}")


if __name__ == "__main__":
    import torch

    from refimpl.demo import arguments
    from refimpl.training.workers import demonstrate

    arguments(__doc__)
    demonstrate(_demonstration, 2, torch.initial_seed())
