"""What must hold for every function and module: one test a property, run for every case."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.refimpl.harness import compare
from tests.refimpl.harness.case import Case, is_finite
from tests.refimpl.harness.compare import build, describe, error, prepare, state, tensors
from tests.refimpl.harness.table import all_cases

FOUND = [(module, case) for module, case in all_cases() if isinstance(case, Case)]
NAMES = [f"{case.method}-{case.name}" for _, case in FOUND]
every_case = pytest.mark.parametrize("case", FOUND, ids=NAMES)


def chosen(condition) -> pytest.MarkDecorator:
    """The cases to which a property applies, so that nothing is skipped in silence."""
    pairs = [(pair, name) for pair, name in zip(FOUND, NAMES, strict=True) if condition(pair[1])]
    return pytest.mark.parametrize("case", [p for p, _ in pairs], ids=[n for _, n in pairs])


def is_module(case: Case) -> bool:
    return isinstance(case.make(), nn.Module)


def run(case: Case, made, args, kwargs) -> list[Tensor]:
    if case.seeded:
        torch.manual_seed(20_024)
    return compare.outputs_of(made(*args, **kwargs))


def compare_with_oracles(case, module, samples, dtype, device, record, allowed) -> None:
    """Record the errors of every sample against every oracle: forward and, where the oracle is differentiable, gradients."""
    for oracle in case.oracles:
        for sample in samples:
            for what, gap in compare.errors(case, oracle, sample, dtype, device).items():
                note = {"dtype": dtype, "shapes": describe(sample), "tolerance": allowed}
                record(case.method, module, f"{case.name}, {sample.name}: {what}", oracle.name, error=gap, **note)


IN_DTYPE = [
    pytest.param(pair, dtype, id=f"{name}-{str(dtype)[6:]}") for pair, name in zip(FOUND, NAMES, strict=True) for dtype in pair[1].dtypes
]


@pytest.mark.parametrize(("case", "dtype"), IN_DTYPE)
def test_parity(case, dtype, device, record):
    """Forward and gradients equal every oracle's, in each dtype that the case names."""
    module, case = case
    compare_with_oracles(case, module, case.samples(), dtype, device, record, case.allowed(dtype))


@chosen(lambda case: case.hard())
def test_hard_inputs(case, device, record):
    """Large means, zeros and extreme values: float32 stays finite and near the float64 oracle."""
    module, case = case
    compare_with_oracles(case, module, case.hard(), torch.float32, device, record, case.hard_tolerance)
    for sample in case.hard():
        args, kwargs = prepare(sample, torch.float32, device)
        assert is_finite(run(case, build(case, torch.float32, device), args, kwargs))


@chosen(lambda case: case.degenerate())
def test_degenerate_inputs(case, device, record):
    """Empty batches, length one and the like give what the oracles give, with gradients."""
    module, case = case
    compare_with_oracles(case, module, case.degenerate(), torch.float64, device, record, case.allowed(torch.float64))


@chosen(lambda case: case.gradcheck)
def test_gradients_are_those_of_the_forward(case, device):
    """Numerical differentiation in float64 agrees, for arguments and parameters."""
    _, case = case
    made = build(case, torch.float64, device)
    args, kwargs = prepare(case.samples()[0], torch.float64, device)
    leaves = compare.differentiable(args)
    parameters = list(made.parameters()) if isinstance(made, nn.Module) else []
    buffers = {k: v.clone() for k, v in made.named_buffers()} if isinstance(made, nn.Module) else {}

    def call(*_: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            for name, value in buffers.items():
                if not torch.equal(made.get_buffer(name), value):
                    made.get_buffer(name).copy_(value)
        return tuple(o for o in run(case, made, args, kwargs) if o.requires_grad)

    inputs = tuple(leaves + parameters)
    assert torch.autograd.gradcheck(call, inputs, atol=1e-6, rtol=1e-4)
    if case.gradcheck > 1:
        assert torch.autograd.gradgradcheck(call, inputs, atol=1e-6, rtol=1e-4)
        directions = [d.to(device) for d in compare.cotangents(list(call()), torch.float64)]
        once, twice = (torch.autograd.grad(call(), inputs, directions, create_graph=again, allow_unused=True) for again in (False, True))
        assert all(error(a, e) <= case.allowed(torch.float64) for a, e in zip(twice, once, strict=True) if e is not None)


@chosen(lambda case: case.layouts)
def test_layout_does_not_matter(case, device):
    """Non-contiguous and channels-last inputs give the same result."""
    _, case = case
    sample = case.samples()[0]
    args, kwargs = prepare(sample, torch.float64, device)
    expected = run(case, build(case, torch.float64, device), args, kwargs)

    def strided(value):
        fits = isinstance(value, Tensor) and value.is_floating_point() and value.dim()
        return torch.stack([value, value + 1], -1)[..., 0] if fits else value

    def channels_last(value):
        return value.contiguous(memory_format=torch.channels_last) if isinstance(value, Tensor) and value.dim() == 4 else value

    for change in (strided, channels_last):
        changed_args, changed_kwargs = torch.utils._pytree.tree_map(change, (args, kwargs))
        actual = run(case, build(case, torch.float64, device), changed_args, changed_kwargs)
        assert max((error(a, e) for a, e in zip(actual, expected, strict=True)), default=0.0) <= case.allowed(torch.float64)


@every_case
def test_arguments_are_left_alone(case, device):
    """No argument is changed in place."""
    _, case = case
    for sample in case.samples():
        args, kwargs = prepare(sample, torch.float64, device)
        before = [t.clone() for t in tensors((args, kwargs))]
        run(case, build(case, torch.float64, device), args, kwargs)
        assert all(torch.equal(a, b) for a, b in zip(tensors((args, kwargs)), before, strict=True))


@pytest.mark.parametrize(("case", "dtype"), IN_DTYPE)
def test_result_has_the_dtype_of_the_arguments(case, dtype, device):
    """Floating outputs come in the arguments' dtype and share no memory with them."""
    _, case = case
    for sample in (*case.samples(), *case.degenerate()):
        args, kwargs = prepare(sample, dtype, device)
        given = {t.data_ptr() for t in tensors((args, kwargs)) if t.numel()}
        for output in run(case, build(case, dtype, device), args, kwargs):
            assert output.dtype == dtype
            assert not output.numel() or output.data_ptr() not in given or case.aliases


@every_case
def test_same_seed_same_result(case, device):
    """Two runs from the same seed are equal to the last bit."""
    _, case = case
    args, kwargs = prepare(case.samples()[0], torch.float32, device)
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append(compare.outputs_of(build(case, torch.float32, device)(*args, **kwargs)))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@chosen(lambda case: case.exports is True)
def test_all_stays_on_the_device_of_the_arguments(case):
    """On the device ``meta``, which has shapes and no numbers, forward and gradients mix with no tensor of another device.

    So a tensor that the code makes on the CPU by the way shows without a GPU. What reads numbers cannot be exported either.
    """
    _, case = case
    made = build(case, torch.float32, "meta")
    args, kwargs = prepare(case.samples()[0], torch.float32, "meta")
    leaves = compare.differentiable(args) + (list(made.parameters()) if isinstance(made, nn.Module) else [])
    with FakeTensorMode(allow_non_fake_inputs=True):  # refuses what mixes devices, also where the meta device lets it pass
        outputs = run(case, made, args, kwargs)
        found = outputs + compare.pull_back(outputs, leaves, [torch.ones_like(o) for o in outputs])
    assert {t.device.type for t in found} <= {"meta"}


@chosen(is_module)
def test_evaluation_changes_no_state(case, device):
    """In evaluation mode a call leaves parameters and buffers alone and is deterministic."""
    _, case = case
    made = build(case, torch.float64, device).eval()
    before = state(made)
    args, kwargs = prepare(case.samples()[0], torch.float64, device)
    first, second = (compare.outputs_of(made(*args, **kwargs)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    after = state(made)
    assert before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)


@chosen(is_module)
def test_state_survives_saving(case, device):
    """A state dict saved, read with ``weights_only`` and loaded into a fresh module gives the same output."""
    _, case = case
    made = build(case, torch.float64, device)
    args, kwargs = prepare(case.samples()[0], torch.float64, device)
    run(case, made, args, kwargs)
    file = io.BytesIO()
    torch.save(made.state_dict(), file)
    file.seek(0)
    fresh = build(case, torch.float64, device)
    with torch.no_grad():
        for value in (*fresh.parameters(), *fresh.buffers()):
            value.zero_()
    fresh.load_state_dict(torch.load(file, weights_only=True))
    for mode in (False, case.training):
        expected, actual = (run(case, m.train(mode), args, kwargs) for m in (made, fresh))
        assert all(torch.equal(a, e) for a, e in zip(actual, expected, strict=True))


@chosen(is_module)
def test_copies_are_equal_and_apart(case, device):
    """``deepcopy`` and ``pickle`` give modules with the same output and their own parameters."""
    _, case = case
    made = build(case, torch.float64, device)
    args, kwargs = prepare(case.samples()[0], torch.float64, device)
    twins = copy.deepcopy(made), pickle.loads(pickle.dumps(made))
    expected = run(case, made, args, kwargs)
    for twin in twins:
        assert all(torch.equal(a, e) for a, e in zip(run(case, twin, args, kwargs), expected, strict=True))
        own = {p.data_ptr() for p in made.parameters() if p.numel()}
        assert own.isdisjoint(p.data_ptr() for p in twin.parameters() if p.numel())


@chosen(lambda case: case.compiles is True)
def test_compiles_to_one_graph(case, device):
    """``torch.compile(fullgraph=True)`` gives the same output and gradients."""
    _, case = case
    torch._dynamo.reset()
    results = []
    for compiled in (False, True):
        made = build(case, torch.float64, device)
        args, kwargs = prepare(case.samples()[0], torch.float64, device)
        leaves = compare.differentiable(args) + (list(made.parameters()) if isinstance(made, nn.Module) else [])
        called = torch.compile(made, fullgraph=True, backend="aot_eager") if compiled else made
        outputs = run(case, called, args, kwargs)
        directions = compare.cotangents(outputs, torch.float64)
        results.append(outputs + compare.pull_back(outputs, leaves, [d.to(device) for d in directions]))
    worst = max((error(a, e) for a, e in zip(*results, strict=True)), default=0.0)
    assert worst <= case.allowed(torch.float64)


class _Call(nn.Module):
    """A function as a module, for export."""

    def __init__(self, function, kwargs) -> None:
        super().__init__()
        self.function, self.kwargs = function, kwargs

    def forward(self, *args):
        return self.function(*args, **self.kwargs)


@chosen(lambda case: case.exports is True)
def test_exports(case, device):
    """``torch.export`` gives a program with the same output."""
    _, case = case
    args, kwargs = prepare(case.samples()[0], torch.float64, device)
    made = build(case, torch.float64, device)
    module = made if isinstance(made, nn.Module) and not kwargs else _Call(made, kwargs)
    program = torch.export.export(module.train(case.training), args).module()
    expected = run(case, build(case, torch.float64, device), args, kwargs)
    actual = run(case, program, args, {})
    assert max((error(a, e) for a, e in zip(actual, expected, strict=True)), default=0.0) <= case.allowed(torch.float64)


@chosen(lambda case: case.bad)
def test_bad_input_is_named(case):
    """A wrong shape, dtype or parameter gives an error that names it."""
    _, case = case
    for bad in case.bad:
        with pytest.raises(bad.error, match=bad.match):
            bad.call()
