"""What must hold for every optimizer: one test a property, run for every case."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import Tensor

from tests.refimpl.harness.case import OptimizerCase, rand
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.table import all_cases

FOUND = [(module, case) for module, case in all_cases() if isinstance(case, OptimizerCase)]
NAMES = [f"{case.method}-{case.name}" for _, case in FOUND]
every_case = pytest.mark.parametrize("case", FOUND, ids=NAMES)
IN_DTYPE = [
    pytest.param(pair, dtype, id=f"{name}-{str(dtype)[6:]}") for pair, name in zip(FOUND, NAMES, strict=True) for dtype in pair[1].dtypes
]
COMPILES = pytest.mark.parametrize(
    "case", [p for p in FOUND if p[1].compiles is True], ids=[n for p, n in zip(FOUND, NAMES, strict=True) if p[1].compiles is True]
)
STEPS = 25


def parameters(dtype: torch.dtype, device: str) -> list[Tensor]:
    """A matrix, a scalar, and a vector, with values that a quartic loss treats unevenly."""
    return [rand(*shape, seed=s, low=0.5, high=2.0).to(device, dtype).requires_grad_() for s, shape in enumerate([(3, 4), (), (5,)])]


def groups(found: list[Tensor]) -> list[dict]:
    """Two groups, the second with a learning rate of its own."""
    return [{"params": found[:-1]}, {"params": found[-1:], "lr": 0.017}]


def set_gradients(found: list[Tensor], step: int) -> None:
    """The gradient of a quartic that turns with the step, so that no state can be stale without notice."""
    for i, p in enumerate(found):
        target = rand(*p.shape, seed=31 * i, low=-1.0).to(p.device, p.dtype)
        turn = 1.0 if step % 3 else -0.5
        p.grad = (turn * (p.detach() - target) ** 3 + 0.3 * torch.sin(p.detach() * (i + 2))).to(p.dtype)


def run(optimizer, found: list[Tensor], first: int, last: int) -> None:
    for step in range(first, last):
        set_gradients(found, step)
        optimizer.step()


@pytest.mark.parametrize(("case", "dtype"), IN_DTYPE)
def test_trajectory(case, dtype, device, record):
    """After 25 steps over two groups every parameter is where the oracle's is, started from the same rounded values."""
    module, case = case
    ours = parameters(dtype, device)
    theirs = [p.detach().cpu().double().requires_grad_() for p in ours]
    run(case.make(groups(ours)), ours, 0, STEPS)
    run(case.oracle(groups(theirs)), theirs, 0, STEPS)
    worst = max(error(a, e) for a, e in zip(ours, theirs, strict=True))
    moved = min(error(a, b) for a, b in zip(ours, parameters(dtype, device), strict=True))
    assert moved > 1e-3, "the parameters did not move; the comparison would be empty"
    record(
        case.method,
        module,
        f"{case.name}: parameters after {STEPS} steps",
        case.oracle_name,
        error=worst,
        tolerance=case.allowed(dtype),
        dtype=dtype,
        shapes="(3,4) () (5,)",
    )


@every_case
def test_stop_save_resume(case, device):
    """A run that is saved, read with ``weights_only`` and resumed equals the uninterrupted one to the last bit."""
    _, case = case
    whole, parts = parameters(torch.float64, device), parameters(torch.float64, device)
    run(case.make(groups(whole)), whole, 0, 12)
    optimizer = case.make(groups(parts))
    run(optimizer, parts, 0, 7)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    resumed = case.make(groups(parts))
    resumed.load_state_dict(torch.load(file, weights_only=True))
    run(resumed, parts, 7, 12)
    assert all(torch.equal(a, b) for a, b in zip(parts, whole, strict=True))


@every_case
def test_parameters_without_gradient_stay(case, device):
    """A parameter whose gradient is None is not moved and gets no state."""
    _, case = case
    found = parameters(torch.float64, device)
    optimizer = case.make(groups(found))
    set_gradients(found, 0)
    found[1].grad = None
    before = found[1].detach().clone()
    optimizer.step()
    assert torch.equal(found[1], before)
    assert found[1] not in optimizer.state


@every_case
def test_zero_gradient_stays_finite(case, device):
    _, case = case
    found = parameters(torch.float32, device)
    optimizer = case.make(groups(found))
    for _ in range(3):
        for p in found:
            p.grad = torch.zeros_like(p)
        optimizer.step()
    assert all(bool(torch.isfinite(p).all()) for p in found)


@every_case
def test_gradients_are_left_alone(case, device):
    _, case = case
    found = parameters(torch.float64, device)
    optimizer = case.make(groups(found))
    set_gradients(found, 0)
    before = [p.grad.clone() for p in found]
    optimizer.step()
    assert all(torch.equal(p.grad, g) for p, g in zip(found, before, strict=True))


@every_case
def test_memory_layout_does_not_matter(case, device):
    """Transposed, strided and empty parameters are updated like contiguous ones."""
    _, case = case
    plain = parameters(torch.float64, device)
    odd = [plain[0].detach().t().contiguous().t().requires_grad_(), plain[1].detach().clone().requires_grad_()]
    odd.append(torch.stack([plain[2].detach()] * 2, 1)[:, 0].requires_grad_())
    empty = torch.zeros(0, 3, dtype=torch.float64, device=device, requires_grad=True)
    run(case.make(groups(plain)), plain, 0, 5)
    run(case.make([*groups(odd), {"params": [empty]}]), [*odd, empty], 0, 5)
    assert max(error(a, b) for a, b in zip(odd, plain, strict=True)) <= case.allowed(torch.float64)


@every_case
def test_closure_is_called_and_its_loss_returned(case, device):
    """The closure runs with gradients enabled, once, before the step."""
    _, case = case
    point = torch.tensor([1.0, 2.0], dtype=torch.float64, device=device, requires_grad=True)
    twin = point.detach().clone().requires_grad_()
    optimizer, plain = case.make([point]), case.make([twin])
    calls = []

    def closure():
        optimizer.zero_grad()
        loss = (point**2).sum()
        loss.backward()
        calls.append(loss)
        return loss

    assert optimizer.step(closure) is calls[0] and len(calls) == 1
    (twin**2).sum().backward()
    assert plain.step() is None
    assert torch.equal(point, twin)


@COMPILES
def test_step_compiles_to_one_graph(case, device):
    """``torch.compile(fullgraph=True)`` of a step goes the same way, over more steps than it may be traced anew.

    The scalar is left out: compiled, PyTorch 2.13 takes the gradient of a scalar on the CPU for a constant, with ``torch.optim`` too.
    """
    _, case = case
    torch._dynamo.reset()
    plain, compiled = (parameters(torch.float64, device)[::2] for _ in range(2))
    run(case.make(groups(plain)), plain, 0, 12)
    optimizer = case.make(groups(compiled))
    step = torch.compile(optimizer.step, fullgraph=True, backend="aot_eager")
    with torch._dynamo.config.patch(recompile_limit=8):
        for i in range(12):
            set_gradients(compiled, i)
            step()
    assert max(error(a, b) for a, b in zip(compiled, plain, strict=True)) <= case.allowed(torch.float64)


@COMPILES
def test_all_stays_on_the_device_of_the_parameters(case):
    """On the device ``meta``, which has shapes and no numbers, a step mixes with no tensor of another device."""
    _, case = case
    found = parameters(torch.float32, "meta")
    optimizer = case.make(groups(found))
    for _ in range(2):
        for p in found:
            p.grad = torch.ones_like(p)
        optimizer.step()
    held = [v for state in optimizer.state.values() for v in state.values() if isinstance(v, Tensor)]
    assert {t.device.type for t in (*found, *held)} == {"meta"}


@every_case
def test_sparse_gradients_are_refused(case, device):
    _, case = case
    table = torch.nn.Embedding(4, 2, sparse=True, device=device)
    table(torch.tensor([1], device=device)).sum().backward()
    with pytest.raises(ValueError, match=r"gradients must be dense, got a sparse gradient of shape \(4, 2\)"):
        case.make(table.parameters()).step()


@every_case
def test_copies_go_on_alike(case, device):
    """``deepcopy`` and ``pickle`` of parameters and optimizer continue to the same values."""
    _, case = case
    found = parameters(torch.float64, device)
    optimizer = case.make(groups(found))
    run(optimizer, found, 0, 3)
    copied, pickled = copy.deepcopy((optimizer, found)), pickle.loads(pickle.dumps((optimizer, found)))
    run(optimizer, found, 3, 6)
    for other, values in (copied, pickled):
        run(other, values, 3, 6)
        assert all(torch.equal(a, b) for a, b in zip(values, found, strict=True))


@pytest.mark.parametrize("case", [p for p in FOUND if p[1].bad], ids=[n for p, n in zip(FOUND, NAMES, strict=True) if p[1].bad])
def test_bad_hyperparameters_are_named(case):
    _, case = case
    for bad in case.bad:
        with pytest.raises(bad.error, match=bad.match):
            bad.call()
