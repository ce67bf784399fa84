"""Gradient clipping against PyTorch's functions, the paper's rule in NumPy, and its invariants."""

from __future__ import annotations

import inspect
from math import inf, nan

import numpy as np
import pytest
import torch

from refimpl.training.gradient_clipping import clip_grad_norm_, clip_grad_value_
from tests.refimpl.harness.case import rand
from tests.refimpl.harness.compare import error

METHOD = "gradient-clipping"
MODULE = "refimpl.training.gradient_clipping"
SHAPES = [(3, 4), (), (5,), (0, 2)]
TOLERANCE = {torch.float64: 1e-14, torch.float32: 1e-6, torch.bfloat16: 1e-2}


def parameters(dtype=torch.float64, device="cpu", scale=1.0):
    """Parameters with gradients of the given scale, one without, one with a transposed gradient."""
    found = [torch.zeros(shape, dtype=dtype, device=device, requires_grad=True) for shape in [*SHAPES, (2,), (4, 3)]]
    for i, p in enumerate(found):
        if p.shape != (2,):
            p.grad = (scale * rand(*reversed(p.shape), seed=i, low=-1.0)).to(device, dtype).permute(list(reversed(range(p.dim()))))
    return found


def gradients(found):
    return [p.grad for p in found if p.grad is not None]


def flat(found):
    return torch.cat([g.reshape(-1) for g in gradients(found)])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.5, inf])
@pytest.mark.parametrize("max_norm", [0.0, 0.3, 7.0])
def test_norm_against_torch(dtype, norm_type, max_norm, device, record):
    ours, theirs = parameters(dtype, device), parameters()
    for p, q in zip(gradients(ours), gradients(theirs), strict=True):
        q.copy_(p)
    total = clip_grad_norm_(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_([p for p in theirs if p.numel()], max_norm, norm_type)
    gap = max(error(total, expected), error(flat(ours), flat(theirs)))
    what = f"norm of order {norm_type:g} against {max_norm:g}"
    shapes = "(3,4) () (5,) (0,2) (4,3)"
    record(METHOD, MODULE, what, "torch.nn.utils.clip_grad_norm_", error=gap, tolerance=TOLERANCE[dtype], dtype=dtype, shapes=shapes)


def test_the_rule_of_the_paper(device, record):
    """With eps = 0: g c / ||g|| where ||g|| exceeds c, else g."""
    for c in (0.5, 2.5, 100.0):
        found = parameters(device=device)
        g = flat(found).cpu().numpy()
        norm = np.sqrt((g**2).sum())
        total = clip_grad_norm_(iter(found), c, eps=0.0)
        gap = max(error(flat(found), torch.from_numpy(g * c / norm if norm > c else g)), abs(total.item() - norm))
        what = f"Algorithm 1, threshold {c:g}"
        record(METHOD, MODULE, what, "NumPy", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="38 numbers")
    assert 0.5 < norm < 100 and total.item() > 2.5


def test_the_length_after_is_the_threshold():
    found = parameters(scale=1e4)
    direction = flat(found) / flat(found).norm()
    clip_grad_norm_(found, 0.25, eps=0.0)
    assert flat(found).norm().item() == pytest.approx(0.25, rel=1e-14)
    assert error(flat(found) / 0.25, direction) < 1e-14
    before = flat(found).clone()
    clip_grad_norm_(found, 0.3)
    assert torch.equal(flat(found), before)


def test_default_eps_is_that_of_torch():
    found = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    found.grad = torch.tensor([3.0], dtype=torch.float64)
    assert clip_grad_norm_(found, 1.0).item() == 3.0
    assert found.grad.item() == pytest.approx(3 / (3 + 1e-6), rel=1e-15)
    ours, theirs = inspect.signature(clip_grad_norm_).parameters, inspect.signature(torch.nn.utils.clip_grad_norm_).parameters
    assert list(ours)[:4] == list(theirs)[:4]
    assert all(ours[n].default == theirs[n].default for n in list(ours)[:4])


def test_zero_gradients_stay_zero():
    found = torch.zeros(3, requires_grad=True)
    found.grad = torch.zeros(3)
    assert clip_grad_norm_(found, 1.0).item() == 0.0
    assert torch.equal(found.grad, torch.zeros(3))


def test_no_gradients():
    assert clip_grad_norm_([torch.zeros(2, requires_grad=True)], 1.0).item() == 0.0
    assert clip_grad_norm_([], 1.0).item() == 0.0
    clip_grad_value_([torch.zeros(2, requires_grad=True)], 1.0)


@pytest.mark.parametrize("wrong", [inf, -inf, nan])
def test_a_norm_that_is_not_finite_can_be_refused(wrong):
    found = torch.zeros(2, requires_grad=True)
    found.grad = torch.tensor([1.0, wrong])
    with pytest.raises(ValueError, match=r"^clip_grad_norm_: expected a finite norm of the gradients, got (inf|nan)$"):
        clip_grad_norm_(found, 1.0, error_if_nonfinite=True)
    assert found.grad[0].item() == 1.0
    assert not torch.isfinite(clip_grad_norm_(found, 1.0))
    assert clip_grad_norm_(parameters(), 1.0, error_if_nonfinite=True).item() > 0


@pytest.mark.parametrize("limit", [0.0, 0.4, 9.0])
def test_value_against_torch(limit, device, record):
    ours, theirs = parameters(device=device), parameters()
    clip_grad_value_(ours, limit)
    torch.nn.utils.clip_grad_value_(theirs, limit)
    gap, oracle = error(flat(ours), flat(theirs)), "torch.nn.utils.clip_grad_value_"
    record(METHOD, MODULE, f"value {limit:g}", oracle, error=gap, tolerance=0.0, dtype=torch.float64, shapes="38 numbers")
    single = torch.zeros(2, requires_grad=True)
    single.grad = torch.tensor([-20.0, 0.1])
    clip_grad_value_(single, limit)
    assert error(single.grad, torch.tensor([-limit if limit < 20 else -20.0, min(limit, 0.1)])) < 1e-6


def test_bad_arguments_are_named():
    p = torch.zeros(1, requires_grad=True)
    for call, message in (
        (lambda: clip_grad_norm_(p, -0.1), r"^clip_grad_norm_: max_norm must be non-negative, got -0.1$"),
        (lambda: clip_grad_norm_(p, nan), r"^clip_grad_norm_: max_norm must be non-negative, got nan$"),
        (lambda: clip_grad_norm_(p, 1.0, 0.0), r"^clip_grad_norm_: norm_type must be positive, got 0.0$"),
        (lambda: clip_grad_value_(p, -1.0), r"^clip_grad_value_: clip_value must be non-negative, got -1.0$"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
