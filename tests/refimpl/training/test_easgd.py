"""Elastic averaging in three real processes against loops over the equations; conservation; the hyperparameters."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
import torch.distributed as dist

from refimpl.training.easgd import EASGD, elastic_average, exchange_, serve_center
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.processes import check_memory_layout, group_of_one, on_workers
from tests.refimpl.training.cases_easgd import CENTER, METHOD, X

MODULE = "refimpl.training.easgd"
LR, ALPHA = 0.07, 0.3
GOAL = randn(3, 5, seed=4)
"""Worker i pulls its five parameters towards row i: its gradient is (1 + i) (x_i - goal_i) + x_i^3."""


def start(rank: int) -> list[torch.Tensor]:
    """Parameters in two tensors, different on every worker."""
    x = randn(5, seed=10 + rank)
    return [x[:2].clone().requires_grad_(), x[2:].clone().view(3, 1).requires_grad_()]


def flat(tensors) -> torch.Tensor:
    return torch.cat([t.detach().flatten() for t in tensors])


def gradient(rank, x):
    return (1 + rank) * (x - GOAL[rank].numpy()) + x**3


def steps(rank: int, optimizer: EASGD, x: list[torch.Tensor], count: int) -> torch.Tensor:
    """The sum of all gradients on the way."""
    total = torch.zeros(5, dtype=torch.float64)
    for _ in range(count):
        g = torch.from_numpy(gradient(rank, flat(x).numpy()))
        total += g
        x[0].grad, x[1].grad = g[:2].clone(), g[2:].clone().view(3, 1)
        optimizer.step()
    return total


def worker(rank: int) -> dict[str, torch.Tensor]:
    """Five synchronous steps of all three, six asynchronous ones of worker 1 with master 0, then as many of 1 and 2 at once.

    At last, in a group of workers 1 and 2 alone, three synchronous steps, and two of worker 2 whom its master 1 does not pull.
    """
    x = start(rank)
    optimizer = EASGD(x, LR, ALPHA, period=2)
    steps(rank, optimizer, x, 5)
    found = {"synchronous": flat(x), "center": flat(optimizer.state[p]["center"] for p in x)}
    for name, ranks in (("one", [1]), ("both", [1, 2])):
        x = start(rank)
        if rank == 0:
            serve_center(x, len(ranks))
        elif rank in ranks:
            optimizer = EASGD(x, LR, ALPHA, period=2, master=0)
            found[f"{name} gradients"] = steps(rank, optimizer, x, 6)
            optimizer.finish()
        found[name] = flat(x)
        dist.barrier()  # worker 2 must not write to the master that serves worker 1 alone
    p = randn(2, 3, seed=9)
    p = (p.t().contiguous().t() if rank else p).requires_grad_()
    p.grad = torch.zeros(2, 3, dtype=torch.float64)
    optimizer = EASGD([p], LR, ALPHA)
    optimizer.step()
    found["center of other layouts"] = optimizer.state[p]["center"].contiguous()
    pair = dist.new_group([1, 2])
    if rank:
        x = start(rank)
        optimizer = EASGD(x, LR, ALPHA, period=2, group=pair)
        steps(rank, optimizer, x, 3)
        found["pair"], found["pair's center"] = flat(x), flat(optimizer.state[p]["center"] for p in x)
        x = start(rank)
        if rank == 1:
            serve_center(x, 1, pair)
        else:
            optimizer = EASGD(x, LR, 0.0, master=1, group=pair)
            steps(rank, optimizer, x, 2)
            optimizer.finish()
        found["free"] = flat(x)
    return found


def synchronous_loop(x: np.ndarray, count: int, ranks=(0, 1, 2)) -> tuple[np.ndarray, np.ndarray]:
    """Equations 5 and 6 of the paper, in every second step; the center is the first worker's start."""
    center = x[0].copy()
    for t in range(count):
        force = ALPHA * (x - center) if t % 2 == 0 else np.zeros_like(x)
        x = x - LR * np.stack([gradient(r, x[i]) for i, r in enumerate(ranks)]) - force
        center = center + sum(force)
    return x, center


def asynchronous_loop(x: np.ndarray, center: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Algorithm 1 for worker 1 alone; here the gradient is that of the point before the pull."""
    for t in range(count):
        before = x
        if t % 2 == 0:
            x, center = x - ALPHA * (before - center), center + ALPHA * (before - center)
        x = x - LR * gradient(1, before)
    return x, center


def test_three_processes(tmp_path, record):
    results = on_workers(worker, 3, tmp_path)
    note = {"tolerance": 1e-13, "dtype": torch.float64, "shapes": "(2,) (3,1)"}
    starts = [flat(start(r)).numpy() for r in range(3)]
    x, center = synchronous_loop(np.stack(starts), 5)
    gap = max(error(found["synchronous"], torch.from_numpy(x[r])) for r, found in enumerate(results))
    record(METHOD, MODULE, "five synchronous steps, workers", "equation 5 in NumPy", error=gap, **note)
    gap = max(error(found["center"], torch.from_numpy(center)) for found in results)
    record(METHOD, MODULE, "five synchronous steps, center", "equation 6 in NumPy", error=gap, **note)

    x, center = asynchronous_loop(starts[1], starts[0], 6)
    gap = max(error(results[1]["one"], torch.from_numpy(x)), error(results[0]["one"], torch.from_numpy(center)))
    record(METHOD, MODULE, "six asynchronous steps of one worker", "Algorithm 1 in NumPy", error=gap, **note)
    assert torch.equal(results[2]["one"], torch.from_numpy(starts[2]))

    x, center = synchronous_loop(np.stack(starts[1:]), 3, (1, 2))
    gap = max(error(results[r]["pair"], torch.from_numpy(x[r - 1])) for r in (1, 2))
    gap = max([gap] + [error(results[r]["pair's center"], torch.from_numpy(center)) for r in (1, 2)])
    record(METHOD, MODULE, "three synchronous steps of a pair of workers", "equations 5 and 6 in NumPy", error=gap, **note)
    assert all(torch.equal(found["center of other layouts"], randn(2, 3, seed=9)) for found in results)
    free = starts[2]
    for _ in range(2):
        free = free - LR * gradient(2, free)
    assert torch.equal(results[1]["free"], torch.from_numpy(starts[1]))
    assert error(results[2]["free"], torch.from_numpy(free)) < 1e-14

    moved = sum(found["both"] for found in results) - torch.from_numpy(sum(starts))
    expected = -LR * (results[1]["both gradients"] + results[2]["both gradients"])
    record(METHOD, MODULE, "sum of workers and center, asynchronous", "the sum of all gradients", error=error(moved, expected), **note)


def test_the_pull_conserves_the_sum_and_keeps_consensus(record):
    x, center = elastic_average(X, CENTER, 0.4)
    gap = error(x.sum(0) + center, X.sum(0) + CENTER)
    record(METHOD, MODULE, "sum of workers and center", "conservation", error=gap, tolerance=1e-15, dtype=X.dtype, shapes="(3,4,2)")
    same = CENTER.expand(3, 4, 2)
    assert all(error(a, e) < 1e-15 for a, e in zip(elastic_average(same, CENTER, 0.4), (same, CENTER), strict=True))
    free = elastic_average(X, CENTER, 0.0)
    assert torch.equal(free[0], X) and torch.equal(free[1], CENTER)
    mean = elastic_average(X, CENTER, 1 / 3)[1]
    assert error(mean, X.mean(0)) < 1e-15, "beta = 1: the center jumps to the mean"


def test_exchange_is_the_pull_of_one_worker():
    x, center = X[0].clone(), CENTER.clone()
    exchange_(x, center, 0.3)
    expected = elastic_average(X[:1], CENTER, 0.3)
    assert max(error(x, expected[0][0]), error(center, expected[1])) < 1e-15


def test_alone_it_is_gradient_descent_and_an_exponential_average():
    """With one worker that starts at the center: x moves by its gradient and is pulled back; the period is that of the argument."""
    with group_of_one():
        for period in (1, 3):
            p = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
            optimizer, x, c = EASGD([p], 0.1, 0.25, **({"period": 3} if period == 3 else {})), 2.0, 2.0
            for t in range(7):
                p.grad = torch.full_like(p, 1.5)
                optimizer.step()
                d = 0.25 * (x - c) if t % period == 0 else 0.0
                x, c = x - d - 0.15, c + d
            assert p.item() == pytest.approx(x, rel=1e-14) and optimizer.state[p]["center"].item() == pytest.approx(c, rel=1e-14)
            assert optimizer.state[p]["step"] == 7
        EASGD([p], 0.1, 0.25).step()
        still = torch.ones(2, requires_grad=True)
        EASGD([still], 0.1, 0.25).step()
        assert torch.equal(still, torch.ones(2)), "no parameter has a gradient"
        for call, message in (
            (lambda: EASGD([p], -0.1, 0.1), r"^EASGD: lr must be non-negative, got -0.1$"),
            (lambda: EASGD([p], 0.1, 1.0), r"^EASGD: alpha must be in \[0, 1\), got 1.0$"),
        ):
            with pytest.raises(ValueError, match=message):
                call()
    assert [v.default for v in inspect.signature(EASGD).parameters.values()][3:] == [1, None, None]


def test_memory_layout_does_not_matter():
    check_memory_layout(lambda p: EASGD(p, LR, ALPHA), 3)


def test_stopped_and_resumed():
    """The state holds the center and the step, so that a resumed run goes on as it would have."""
    with group_of_one():
        whole, halves = start(0), start(0)
        optimizer = EASGD(whole, LR, ALPHA, period=2)
        steps(0, optimizer, whole, 5)
        first = EASGD(halves, LR, ALPHA, period=2)
        steps(0, first, halves, 3)
        second = EASGD(halves, LR, ALPHA, period=2)
        second.load_state_dict(first.state_dict())
        steps(0, second, halves, 2)
    assert torch.equal(flat(whole), flat(halves))
