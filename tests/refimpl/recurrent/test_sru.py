"""What is special to the SRU and the scan: loop and scan agree, speed, the authors' package, initialization."""

from __future__ import annotations

import math
import statistics
import time
import warnings

import pytest
import torch

from refimpl.recurrent.linear_scan import linear_scan
from refimpl.recurrent.sru import SRU, SRULayer, sru_layer
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_sru import METHOD, WIDE, X, loop, recurrence_sample

MODULE = "refimpl.recurrent.sru"


def test_loop_and_scan_agree(record):
    """The published version's loop with v = 0 and version 1's scan, with gradients."""
    arguments = [v.requires_grad_() for v in recurrence_sample(100, 2, 3, 0, v1=True).args]
    looped, scanned = sru_layer(*arguments, torch.zeros(2, 3).double()), sru_layer(*arguments)
    directions = [randn(100, 2, 3, seed=i) for i in range(2)]
    gaps = [error(a, b) for a, b in zip(looped, scanned, strict=True)]
    slopes = [torch.autograd.grad(outputs, arguments, directions) for outputs in (looped, scanned)]
    gaps += [error(a, b) for a, b in zip(*slopes, strict=True)]
    record(METHOD, MODULE, "scan of version 1, with gradients", "loop with v = 0", error=max(gaps), tolerance=1e-12, dtype=torch.float64)


def test_scan_of_2000_steps_in_float32(record):
    a, b = rand(2000, 8, seed=1, low=0.9), randn(2000, 8, seed=2)
    gap = error(linear_scan(a.float(), b.float()), loop({}, a.float().double(), b.float().double()))
    record(METHOD, MODULE, "linear scan, 2000 steps", "loop in float64", error=gap, tolerance=1e-6, dtype=torch.float32)


def test_scan_closed_forms(record):
    powers = linear_scan(torch.full((50, 1), 0.5).double(), torch.zeros(50, 1).double(), torch.ones(1).double())
    expected = 0.5 ** torch.arange(1, 51).double().unsqueeze(1)
    record(METHOD, MODULE, "powers of 1/2", "closed form", error=error(powers, expected), tolerance=0.0)
    b = randn(50, 2, seed=1)
    assert error(linear_scan(torch.ones_like(b), b), b.cumsum(0)) < 1e-13
    assert error(linear_scan(torch.ones_like(b), b, reverse=True), b.flip(0).cumsum(0).flip(0)) < 1e-13


def test_scan_in_half_precision_runs_in_float32():
    for dtype in (torch.bfloat16, torch.float16):
        a, b, s = rand(200, 3, seed=1).to(dtype), randn(200, 3, seed=2).to(dtype), randn(3, seed=3).to(dtype)
        for reverse in (False, True):
            for initial in (s, None):
                low = linear_scan(a, b, initial, reverse)
                high = linear_scan(a.float(), b.float(), initial if initial is None else initial.float(), reverse)
                assert low.dtype == dtype and torch.equal(low, high.to(dtype))


@pytest.mark.slow
def test_scan_beats_the_loop_five_times():
    """2000 steps of 64 numbers, forward and backward, median of the ratios of eleven pairs."""
    a, b = torch.rand(2000, 64).requires_grad_(), torch.randn(2000, 64).requires_grad_()

    def seconds(function) -> float:
        start = time.perf_counter()
        torch.autograd.grad(function(a, b).sum(), (a, b))
        return time.perf_counter() - start

    ratios = [seconds(lambda a, b: loop({}, a, b)) / seconds(linear_scan) for _ in range(11)]
    assert statistics.median(ratios) > 5


def test_last_cell_is_that_of_the_last_step():
    layer = randomize(SRULayer(4, 4))
    h, c = layer(WIDE, randn(3, 4, seed=1))
    first, carried = layer(WIDE[:2], randn(3, 4, seed=1))
    second, last = layer(WIDE[2:], carried)
    assert error(torch.cat((first, second)), h) < 1e-14 and error(last, c) < 1e-14


def test_outputs_do_not_see_the_future():
    for v1 in (False, True):
        x = randn(9, 2, 3, seed=1).requires_grad_()
        (slope,) = torch.autograd.grad(randomize(SRU(3, 4, v1=v1))(x)[0][4].sum(), x)
        assert slope[5:].abs().max() == 0
        assert slope[0].abs().min() > 0


def package():
    """The authors' package, which compiles its CPU code at import."""
    try:
        import sru
    except Exception as problem:
        pytest.skip(f"the package sru cannot be imported: {problem}")
    return sru


OPTIONS = [
    {"rescale": True},
    {"rescale": True, "use_tanh": True, "highway_bias": -2.0},
    {"rescale": False, "num_layers": 3},
    {"rescale": True, "v1": True, "highway_bias": 1.0},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("sizes", [(3, 4), (4, 4)])
def test_drops_in_for_the_package(sizes, options, record):
    """Same parameters from the same seed, same state dict, same output from other parameters."""
    sru = package()
    torch.manual_seed(1)
    theirs = sru.SRU(*sizes, **options)
    torch.manual_seed(1)
    ours = SRU(*sizes, **options)
    keys = [k for k in theirs.state_dict() if not (options.get("v1") and k.endswith("weight_c"))]
    assert sorted(ours.state_dict()) == sorted(keys)
    name, what = f"sru {sru.__version__}", f"{sizes}, {options}"
    gap = max(error(ours.state_dict()[k], theirs.state_dict()[k]) for k in keys)
    record(METHOD, MODULE, f"initial parameters, {what}", name, error=gap, tolerance=1e-6, dtype=torch.float32)

    randomize(ours).float()
    if not options["rescale"]:  # the package then does not read its buffer
        for layer in ours.rnn_lst:
            layer.scale_x.fill_(1.0)
    theirs.load_state_dict(ours.state_dict(), strict=not options.get("v1"))
    x, c0 = randn(7, 2, sizes[0], seed=2).float(), randn(len(ours.rnn_lst), 2, sizes[1], seed=3).float()
    with torch.no_grad():
        gap = max(error(a, b) for a, b in zip(ours(x, c0), theirs(x, c0), strict=True))
    record(METHOD, MODULE, f"output, {what}", name, error=gap, tolerance=2e-6, dtype=torch.float32)

    x.requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its backward on a CPU is slow
        slopes = [torch.autograd.grad(m(x, c0)[0].sin().sum(), [x, m.rnn_lst[0].weight, m.rnn_lst[0].bias]) for m in (ours, theirs)]
    gap = max(error(a, b) for a, b in zip(*slopes, strict=True))
    record(METHOD, MODULE, f"gradients, {what}", name, error=gap, tolerance=1e-5, dtype=torch.float32)


def test_initialization_by_hand():
    """Uniform weights: variance 1 / D for W, half of it for the gates, alpha^2 / D for W_x; v of variance 1/2."""
    torch.manual_seed(0)
    d, h, b = 150, 100, -1.5
    layer = SRULayer(d, h, highway_bias=b)
    alpha = math.sqrt(1 + 2 * math.exp(b))
    columns = layer.weight.detach().view(d, h, 4)
    v = layer.weight_c.detach()
    for values, variance in (*zip(columns.unbind(2), (1 / d, 0.5 / d, 0.5 / d, alpha**2 / d), strict=True), (v[:h], 0.5), (v[h:], 0.5)):
        assert values.abs().max() <= math.sqrt(3 * variance) * (1 + 1e-6)
        # standard error of a uniform sample's variance: sigma^2 sqrt(4 / (5 n))
        assert abs(values.var() / variance - 1) < 4 * math.sqrt(0.8 / values.numel())
        assert abs(values.mean()) < 4 * math.sqrt(variance / values.numel())
    assert torch.equal(layer.bias, torch.cat((torch.zeros(h), torch.full((h,), b))))
    assert layer.scale_x.item() == pytest.approx(alpha)
    plain = SRULayer(d, h, highway_bias=b, rescale=False, v1=True)
    assert plain.scale_x.item() == 1.0 and plain.weight_c is None
    bound = math.sqrt(3 / d)
    assert all(0.99 * bound < part.abs().max() <= bound for part in plain.weight.detach().view(d, h, 4).unbind(2))


def test_defaults():
    assert [tuple(layer.weight.shape) for layer in SRU(3, 4).rnn_lst] == [(3, 16), (4, 12)]
    shown = "use_tanh=False, highway_bias=0.0, rescale=True, v1=False"
    assert repr(SRULayer(3, 4)) == f"SRULayer(3, 4, {shown})"
    assert repr(SRU(3, 4, 1).rnn_lst[0]) == f"SRULayer(3, 4, {shown})"
    options = {"use_tanh": True, "highway_bias": 2.0, "rescale": False, "v1": True}
    assert repr(SRU(3, 4, 1, **options).rnn_lst[0]) == "SRULayer(3, 4, use_tanh=True, highway_bias=2.0, rescale=False, v1=True)"
    assert error(sru_layer(*recurrence_sample(4, 2, 3, 0).args)[0], sru_layer(*recurrence_sample(4, 2, 3, 0).args, use_tanh=False)[0]) == 0
    assert SRU(1, 1, 1)(torch.zeros(1, 1, 1))[1].shape == (1, 1, 1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("v1", [False, True])
def test_half_precision_recurrence_runs_in_float32(dtype, v1):
    low = [v.to(dtype) for v in recurrence_sample(60, 2, 3, 0, v1=v1).args]
    for ours, expected in zip(sru_layer(*low), sru_layer(*(v.float() for v in low)), strict=True):
        assert ours.dtype == dtype
        assert torch.equal(ours, expected.to(dtype))


def test_backward_works_under_autocast():
    model, x = SRU(3, 4), X.float().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = model(x)
    y.float().sum().backward()
    assert x.grad.dtype == torch.float32
    assert error(y, model(x)[0]) < 3e-2


def test_factory_arguments():
    assert {v.dtype for v in SRU(2, 3, dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in SRU(2, 3, device="meta").state_dict().values()} == {"meta"}
