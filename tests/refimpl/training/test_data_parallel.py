"""Data parallelism in two real processes against one process with the whole batch and PyTorch's own; buckets by hand."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn

from refimpl.training.data_parallel import DistributedDataParallel, assign_buckets
from refimpl.training.workers import demonstrate, pack, unpack_, workers
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.processes import group_of_one, on_workers, start_method

METHOD, MODULE = "data-parallel", "refimpl.training.data_parallel"
X, Y = randn(12, 5, seed=1), randn(12, 3, seed=2)
LIMIT = 100 / 2**20  # bytes: the 15 + 3 + 15 numbers of the network make several messages


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 3)).double()


def train(model: nn.Module, batches: list[list[slice]], accumulate=lambda: None) -> torch.Tensor:
    """Momentum SGD; each batch is a list of shares whose gradients are added up."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9)
    for shares in batches:
        optimizer.zero_grad()
        for share in shares[:-1]:
            with model.no_sync():
                (model(X[share]) - Y[share]).square().mean().backward()
        (model(X[shares[-1]]) - Y[shares[-1]]).square().mean().backward()
        optimizer.step()
    return pack(list(model.parameters()))


def worker(rank: int) -> dict[str, torch.Tensor]:
    """The same steps by our wrapper with small and large messages, and by PyTorch's; and the gradient with accumulation."""
    mine = [[slice(6 * rank, 6 * rank + 6)]] * 3
    found = {}
    for name, wrap in {
        "small messages": lambda m: DistributedDataParallel(m, bucket_cap_mb=LIMIT),
        "one message": DistributedDataParallel,
        "torch": nn.parallel.DistributedDataParallel,
    }.items():
        found[name] = train(wrap(network(seed=rank)), mine)
    halves = [[slice(6 * rank, 6 * rank + 3), slice(6 * rank + 3, 6 * rank + 6)]]
    found["accumulated"] = train(DistributedDataParallel(network(seed=rank)), halves)
    model = DistributedDataParallel(network(seed=rank))
    with model.no_sync():
        (model(X[mine[0][0]]) - Y[mine[0][0]]).square().mean().backward()
    found["not sent"] = pack([p.grad for p in model.parameters()])
    norm = nn.BatchNorm1d(3)
    norm.running_mean.fill_(float(rank + 4))
    found["buffer"] = DistributedDataParallel(norm).module.running_mean
    group = dist.new_group([1, 0])
    alone = [dist.new_group([r]) for r in range(2)][rank]
    found["own group"] = train(DistributedDataParallel(network(seed=rank), alone), mine)
    assert workers("x", group) == 2 and workers("x", alone) == 1
    return found


def test_two_processes_step_as_one(tmp_path, record):
    """The start is worker 0's; three steps equal those of one process with the whole batch, and those of PyTorch."""
    results = on_workers(worker, 2, tmp_path)
    expected = train(network(seed=0), [[slice(0, 12)]] * 3)
    for name in ("small messages", "one message", "torch"):
        for rank, found in enumerate(results):
            note = {"tolerance": 1e-14, "dtype": torch.float64, "shapes": "(6,5) (6,3)"}
            record(METHOD, MODULE, f"{name}, worker {rank}", "one process, whole batch", error=error(found[name], expected), **note)
    once = train(network(seed=0), [[slice(0, 12)]])
    for found in results:
        halves = found["accumulated"] - pack(list(network(seed=0).parameters()))
        whole = once - pack(list(network(seed=0).parameters()))
        assert error(halves, 2 * whole) < 1e-13, "two shares a worker, whose gradients add up before they are averaged"
        assert torch.equal(found["buffer"], torch.full((3,), 4.0))
    for rank in range(2):
        model, share = network(seed=0), slice(6 * rank, 6 * rank + 6)
        (model(X[share]) - Y[share]).square().mean().backward()
        assert error(results[rank]["not sent"], pack([p.grad for p in model.parameters()])) < 1e-14
        alone = train(network(seed=rank), [[slice(6 * rank, 6 * rank + 6)]] * 3)
        assert error(results[rank]["own group"], alone) < 1e-14, "a group of one worker is left to itself"


def test_buckets_by_hand():
    """Eight bytes a number, in reverse order, up to the limit; what is larger stands alone; dtypes do not mix."""
    sizes = [3, 1, 4, 20, 2, 2]
    tensors = [torch.zeros(n, dtype=torch.float64) for n in sizes]
    assert [[t.numel() for t in b] for b in assign_buckets(tensors, 32)] == [[2, 2], [20], [4], [1, 3]]
    assert [[t.numel() for t in b] for b in assign_buckets(tensors, 31)] == [[2], [2], [20], [4], [1], [3]]
    assert [len(b) for b in assign_buckets(tensors, 10**9)] == [6]
    mixed = [torch.zeros(1), torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)]
    assert [[t.dtype for t in b] for b in assign_buckets(mixed, 99)] == [[torch.float64] * 2, [torch.float32]]
    assert assign_buckets([], 1) == [] and assign_buckets([torch.zeros(0)], 1)[0][0].shape == (0,)


def test_messages_are_sent_in_order_and_as_soon_as_complete(monkeypatch):
    """The first message holds the last layer and leaves while the first layer's gradient does not exist yet."""
    sent = []
    original = dist.all_reduce
    with group_of_one():
        model = DistributedDataParallel(network(seed=3), bucket_cap_mb=LIMIT)
        first = model.module[0].weight
        monkeypatch.setattr(dist, "all_reduce", lambda m, **o: sent.append((m.numel(), first.grad is None)) or original(m, **o))
        model(X).sum().backward()
    assert [n for n, _ in sent] == [sum(t.numel() for t in b) for b in model.buckets] == [12, 3, 15]
    assert sent[0][1] and not sent[-1][1]


@pytest.mark.filterwarnings("error")
def test_alone_it_is_the_module_itself():
    with group_of_one():
        model = DistributedDataParallel(network(seed=3))
        assert torch.equal(model(X), model.module(X)) and next(iter(model.state_dict())) == "module.0.weight"
        frozen = network(seed=3)
        frozen[0].weight.requires_grad_(False)
        model = DistributedDataParallel(frozen)
        model(X).sum().backward()
        assert frozen[0].weight.grad is None and frozen[2].weight.grad is not None
        with model.no_sync():
            with model.no_sync():
                pass
            assert not model.synchronize
        assert model.synchronize


def test_a_parameter_without_gradient_is_named():
    with group_of_one():
        model = DistributedDataParallel(nn.ModuleDict({"used": nn.Linear(2, 2), "left": nn.Linear(2, 2)}))
        model.module["used"](torch.ones(1, 2)).sum().backward()
        with pytest.raises(RuntimeError, match=r"^DistributedDataParallel: .* got none for left.bias, left.weight$"):
            model(X)


def test_packing_is_undone():
    tensors = [randn(2, 3, seed=1), randn(seed=2), randn(0, 4, seed=3), randn(3, 2, seed=4).t()]
    fresh = [torch.zeros_like(t) for t in tensors]
    unpack_(pack(tensors), fresh)
    assert all(torch.equal(a, b) for a, b in zip(fresh, tensors, strict=True)) and len(pack(tensors)) == 13
    assert not pack([torch.ones(2, requires_grad=True)]).requires_grad


def note(rank: int, folder: Path) -> None:
    total = torch.tensor([10.0**rank])
    dist.all_reduce(total)
    (folder / str(rank)).write_text(f"{dist.get_rank()} {total.item():.0f}")


def test_demonstrations_run_in_a_group(tmp_path, monkeypatch):
    """In processes that are started as the tests' are."""
    monkeypatch.setattr(torch.multiprocessing, "spawn", partial(torch.multiprocessing.start_processes, start_method=start_method()))
    demonstrate(note, 2, tmp_path)
    assert [(tmp_path / str(rank)).read_text() for rank in range(2)] == ["0 11", "1 11"]


def test_bad_arguments_are_named():
    with pytest.raises(RuntimeError, match=r"^DistributedDataParallel: expected a process group, got none; call torch"):
        DistributedDataParallel(nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r"^assign_buckets: limit must be positive, got 0$"):
        assign_buckets([], 0)
    with group_of_one(), pytest.raises(ValueError, match=r"^DistributedDataParallel: module must have a parameter .*, got ReLU\(\)$"):
        DistributedDataParallel(nn.ReLU())
    assert inspect.signature(DistributedDataParallel).parameters["bucket_cap_mb"].default == 25.0
