"""Deep gradient compression in two real processes against a loop over the equations, and its limits: momentum SGD, plain SGD."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch
import torch.distributed as dist

from refimpl.training.deep_gradient_compression import DGC, accumulate_, select_, warmup_ratio
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.processes import check_memory_layout, group_of_one, on_workers

METHOD, MODULE = "deep-gradient-compression", "refimpl.training.deep_gradient_compression"
SHAPES = [(4, 5), (7,)]
SETTINGS = {
    "masked": {"momentum": 0.8, "ratio": 0.3},
    "unmasked": {"momentum": 0.8, "ratio": 0.3, "masking": False},
    "nesterov, clipped": {"momentum": 0.7, "ratio": 0.17, "clip": 0.9, "nesterov": True},
    "hardly clipped": {"momentum": 0.5, "ratio": 0.2, "clip": 4.0},
}


def start() -> list[torch.Tensor]:
    return [randn(*shape, seed=i + 1).requires_grad_() for i, shape in enumerate(SHAPES)]


def gradient(rank: int, w: np.ndarray, tensor: int) -> np.ndarray:
    """Of a quartic with a minimum that differs from worker to worker."""
    return 0.3 * w**3 + (rank + 1) * w - randn(*w.shape, seed=10 * rank + tensor).numpy()


def steps(rank: int, optimizer: torch.optim.Optimizer, w: list[torch.Tensor], count: int) -> list[torch.Tensor]:
    for _ in range(count):
        for i, p in enumerate(w):
            p.grad = torch.from_numpy(gradient(rank, p.detach().numpy(), i))
        optimizer.step()
    return [p.detach().clone() for p in w]


def worker(rank: int) -> dict[str, list[torch.Tensor]]:
    found = {}
    for name, options in SETTINGS.items():
        w = start()
        found[name] = steps(rank, DGC(w, 0.1, **options), w, 6)
    alone, w = [dist.new_group([r]) for r in range(2)][rank], start()
    found["alone"] = steps(rank, DGC(w, 0.1, ratio=0.3, group=alone), w, 3)
    return found


def loop(workers: int, count: int, momentum, ratio, clip=math.inf, nesterov=False, masking=True) -> list[np.ndarray]:
    """The algorithms of the paper's appendix, entry by entry."""
    w = [p.detach().numpy().copy() for p in start()]
    u, v = ([[np.zeros(s) for s in SHAPES] for _ in range(workers)] for _ in range(2))
    for _ in range(count):
        sent = [np.zeros(s) for s in SHAPES]
        for k in range(workers):
            g = [gradient(k, w[i], i) / workers for i in range(len(w))]
            norm = math.sqrt(sum((a**2).sum() for a in g))
            if norm > clip * workers**-0.5:
                g = [a * clip * workers**-0.5 / norm for a in g]
            for i, a in enumerate(g):
                u[k][i] = momentum * (u[k][i] + a) if nesterov else momentum * u[k][i] + a
                v[k][i] = v[k][i] + u[k][i] + (a if nesterov else 0)
                limit = sorted(abs(v[k][i]).flatten())[-math.ceil(ratio * a.size)]
                for j in np.ndindex(a.shape):
                    if abs(v[k][i][j]) >= limit:
                        sent[i][j] += v[k][i][j]
                        v[k][i][j] = 0
                        if masking:
                            u[k][i][j] = 0
        w = [a - 0.1 * b for a, b in zip(w, sent, strict=True)]
    return w


def gap(found, expected) -> float:
    return max(error(a.detach(), torch.as_tensor(e).detach()) for a, e in zip(found, expected, strict=True))


def test_two_processes(tmp_path, record):
    results = on_workers(worker, 2, tmp_path)
    for name, options in SETTINGS.items():
        expected = loop(2, 6, **options)
        worst = max(gap(found[name], expected) for found in results)
        note = {"tolerance": 1e-13, "dtype": torch.float64, "shapes": "(4,5) (7,)"}
        record(METHOD, MODULE, f"six steps of two workers, {name}", "the paper's algorithm in NumPy", error=worst, **note)
    for rank, found in enumerate(results):
        with group_of_one():
            w = start()
            assert gap(found["alone"], steps(rank, DGC(w, 0.1, ratio=0.3), w, 3)) == 0, "a group of one worker is left to itself"


@pytest.mark.parametrize("nesterov", [False, True])
def test_all_sent_without_masking_is_momentum_sgd(nesterov, record):
    """And with masking it is gradient descent without momentum."""
    options = {"lr": 0.1, "momentum": 0.8, "nesterov": nesterov}
    with group_of_one():
        ours, masked = start(), start()
        steps(0, DGC(ours, ratio=1.0, masking=False, **options), ours, 20)
        steps(0, DGC(masked, ratio=1.0, **options), masked, 20)
    dense, plain = start(), start()
    steps(0, torch.optim.SGD(dense, **options), dense, 20)
    note = {"tolerance": 1e-13, "dtype": torch.float64, "shapes": "(4,5) (7,)"}
    what = f"20 steps with ratio 1, {'Nesterov' if nesterov else 'heavy ball'}"
    record(METHOD, MODULE, what, "torch.optim.SGD", error=gap(ours, dense), **note)
    steps(0, torch.optim.SGD(plain, 0.1 * (1.8 if nesterov else 1.0)), plain, 20)  # looking ahead by m g from rest
    record(METHOD, MODULE, f"{what}, masked", "torch.optim.SGD without momentum", error=gap(masked, plain), **note)


def test_nothing_is_lost():
    """Without momentum, what was sent and what is kept add up to all gradients."""
    velocity, residual, sent = torch.zeros(11, dtype=torch.float64), torch.zeros(11, dtype=torch.float64), torch.zeros(11).double()
    gradients = [randn(11, seed=s) for s in range(9)]
    for g in gradients:
        accumulate_(velocity, residual, g, 0.0)
        indices, values = select_(velocity, residual, 0.2)
        assert len(indices) == 3
        sent.index_add_(0, indices, values)
    assert error(sent + residual, sum(gradients)) < 1e-14 and residual.any() and sent.any()


def test_momentum_correction_by_hand():
    """An entry held back for three steps of gradient 1 is sent as 1 + (1 + m) + (1 + m + m^2)."""
    velocity, residual = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for _ in range(3):
        accumulate_(velocity, residual, torch.ones(1, dtype=torch.float64), 0.5)
    assert residual.item() == 1 + 1.5 + 1.75 and velocity.item() == 1.75
    assert select_(velocity, residual, 1.0, masking=False)[1].item() == 4.25 and velocity.item() == 1.75
    assert residual.item() == 0 and select_(velocity, residual, 1.0)[1].item() == 0 and velocity.item() == 0


def test_the_largest_magnitudes_are_sent():
    residual = torch.tensor([[0.1, -5.0], [3.0, 0.2]])
    velocity = torch.ones(2, 2)
    indices, values = select_(velocity, residual, 0.5)
    assert dict(zip(indices.tolist(), values.tolist(), strict=True)) == {1: -5.0, 2: 3.0}
    assert residual[0, 1] == residual[1, 0] == 0 < residual[0, 0] and velocity.tolist() == [[1, 0], [0, 1]]
    assert len(select_(velocity, residual, 0.51)[0]) == 3 and len(select_(velocity, residual, 1e-9)[0]) == 1


def test_warmup():
    assert [warmup_ratio(e) for e in range(6)] == [0.25, 0.0625, 0.015625, 0.00390625, 0.001, 0.001]
    assert warmup_ratio(0, 0.5) == 0.5 and warmup_ratio(3, 0.01) == 0.01


def test_stopped_and_resumed():
    with group_of_one():
        whole, halves = start(), start()
        steps(0, DGC(whole, 0.1, ratio=0.3), whole, 5)
        first = DGC(halves, 0.1, ratio=0.3)
        steps(0, first, halves, 3)
        second = DGC(halves, 0.1, ratio=0.3)
        second.load_state_dict(first.state_dict())
        steps(0, second, halves, 2)
    assert gap(whole, halves) == 0


def test_memory_layout_does_not_matter():
    check_memory_layout(lambda p: DGC(p, 0.1, ratio=0.4), 4)


def test_without_clipping_an_infinite_gradient_stays_where_it_is():
    with group_of_one():
        p = torch.ones(2, requires_grad=True)
        p.grad = torch.tensor([math.inf, 0.5])
        DGC([p], 0.1, ratio=1.0).step()
    assert p.tolist() == pytest.approx([-math.inf, 0.95])


@pytest.mark.parametrize(("clip", "moved"), [(6.0, [0.3, 0.4]), (2.5, [0.15, 0.2])])
def test_only_a_gradient_that_is_too_long_is_made_shorter(clip, moved):
    with group_of_one():
        p = torch.zeros(2, requires_grad=True)
        p.grad = torch.tensor([3.0, 4.0])
        DGC([p], 0.1, ratio=1.0, clip=clip).step()
    assert (-p).tolist() == pytest.approx(moved)


def test_zero_gradients_are_not_divided_by_their_norm():
    with group_of_one():
        still = torch.ones(3, requires_grad=True)
        DGC([still], 0.1, clip=1.0).step()
        assert torch.equal(still, torch.ones(3)), "no parameter has a gradient"
        p = torch.ones(3, requires_grad=True)
        p.grad = torch.zeros(3)
        DGC([p], 0.1, clip=1.0).step()
    assert torch.equal(p.detach(), torch.ones(3))


def test_bad_arguments_and_defaults():
    for options, message in (
        ({"ratio": 0.0}, r"^DGC: ratio must be in \(0, 1\], got 0.0$"),
        ({"ratio": 1.1}, r"^DGC: ratio must be in \(0, 1\], got 1.1$"),
        ({"clip": 0.0}, r"^DGC: clip must be positive, got 0.0$"),
    ):
        with pytest.raises(ValueError, match=message):
            DGC(start(), 0.1, **options)
    with pytest.raises(RuntimeError, match=r"^DGC: expected a process group, got none"):
        DGC(start(), 0.1)
    with group_of_one(), pytest.raises(ValueError, match=r"^DGC: momentum must be in \[0, 1\), got 1.0$"):
        DGC(start(), 0.1, 1.0)
    found = [v.default for v in inspect.signature(DGC).parameters.values()][2:]
    assert found == [0.9, 0.001, None, False, True, None]
