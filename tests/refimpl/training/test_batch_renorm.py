"""What is special to batch renormalization: its limits, the order of reading and recording the averages, its defaults."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F

from refimpl.training.batch_renorm import BatchRenorm, BatchRenorm1d, BatchRenorm2d, batch_renorm
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_batch_renorm import METHOD

MODULE = "refimpl.training.batch_renorm"
X = randn(6, 4, 3, seed=3) * 4 + 2
WEIGHT, BIAS = rand(4, seed=4, low=0.3), rand(4, seed=5, low=-1.0)


def averages():
    return rand(4, seed=6, low=-1.0), rand(4, seed=7, low=0.2) * 9


def test_tight_bounds_are_batch_normalization(record):
    x, twin = (X.clone().requires_grad_() for _ in range(2))
    ours = batch_renorm(x, *averages(), WEIGHT, BIAS, training=True, r_max=1.0, d_max=0.0, eps=1e-5)
    theirs = F.batch_norm(twin, *averages(), WEIGHT, BIAS, training=True, eps=1e-5)
    upstream = randn(6, 4, 3, seed=8)
    (ours * upstream).sum().backward(), (theirs * upstream).sum().backward()
    gap = max(error(ours, theirs), error(x.grad, twin.grad))
    oracle = "torch.nn.functional.batch_norm"
    record(
        METHOD, MODULE, "r_max = 1, d_max = 0, forward and backward", oracle, error=gap, tolerance=1e-12, dtype=X.dtype, shapes="(6,4,3)"
    )


def test_wide_bounds_make_training_equal_evaluation(record):
    """Section 3: where nothing is clipped, y depends on the moving averages alone."""
    ours = batch_renorm(X, *averages(), WEIGHT, BIAS, training=True, r_max=1e9, d_max=1e9)
    theirs = F.batch_norm(X, *averages(), WEIGHT, BIAS, eps=1e-3)
    gap = error(ours, theirs)
    oracle = "torch.nn.functional.batch_norm in evaluation"
    record(METHOD, MODULE, "nothing clipped", oracle, error=gap, tolerance=1e-12, dtype=X.dtype, shapes="(6,4,3)")


def test_the_correction_is_a_constant_of_the_gradient():
    """With wide bounds the output does not depend on the batch's mean, yet its gradient is that of the normalized batch."""
    x = X.clone().requires_grad_()
    batch_renorm(x, *averages(), training=True, r_max=1e9, d_max=1e9).sum().backward()
    assert x.grad.abs().max() < 1e-12


def test_averages_are_read_before_they_are_moved(record):
    """And moved as batch normalization moves them, by unbiased variances."""
    mean, var = averages()
    torch_mean, torch_var = averages()
    first = batch_renorm(X, mean, var, training=True, momentum=0.3)
    assert error(first, batch_renorm(X, *averages(), training=True, momentum=0.0)) == 0.0
    F.batch_norm(X, torch_mean, torch_var, training=True, momentum=0.3)
    gap = max(error(mean, torch_mean), error(var, torch_var))
    record(METHOD, MODULE, "moving averages", "torch.nn.functional.batch_norm", error=gap, tolerance=1e-14, dtype=X.dtype, shapes="(4,)")


def test_layer_counts_batches_and_keeps_the_names_of_torch():
    ours, theirs = BatchRenorm1d(4), torch.nn.BatchNorm1d(4)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in ours.state_dict().items())
    ours.load_state_dict(theirs.state_dict())
    for _ in range(3):
        ours(X.float())
    assert ours.num_batches_tracked == 3
    before = ours.running_mean.clone()
    ours.eval()(X.float())
    assert torch.equal(ours.running_mean, before)


def test_bounds_can_be_raised_in_training():
    layer = randomize(BatchRenorm1d(4, r_max=1.0, d_max=0.0))
    tight = layer(X)
    layer = randomize(BatchRenorm1d(4, r_max=1.0, d_max=0.0))
    layer.r_max, layer.d_max = 3.0, 5.0
    assert error(layer(X), tight) > 1e-3


def test_defaults():
    """Those of section 4: bounds of 3 and 5, averages that move by 0.01."""
    layer = BatchRenorm2d(4)
    assert (layer.eps, layer.momentum, layer.r_max, layer.d_max, layer.affine) == (1e-3, 0.01, 3.0, 5.0, True)
    found = {name: p.default for name, p in inspect.signature(batch_renorm).parameters.items()}
    expected = {"training": False, "momentum": 0.01, "eps": 1e-3, "r_max": 3.0, "d_max": 5.0, "weight": None, "bias": None}
    assert {name: found[name] for name in expected} == expected
    assert repr(layer) == "BatchRenorm2d(4, eps=0.001, momentum=0.01, affine=True, r_max=3.0, d_max=5.0)"
    assert BatchRenorm(4, dtype=torch.float64, device="cpu").weight.dtype == torch.float64
    BatchRenorm(4, r_max=1.0, d_max=0.0)


@pytest.mark.parametrize(("weight", "bias"), [(None, BIAS), (WEIGHT, None)])
def test_one_of_weight_and_bias(weight, bias):
    whole = batch_renorm(X, *averages(), weight if weight is not None else torch.ones(4).double(), bias, training=True)
    assert error(batch_renorm(X, *averages(), weight, bias, training=True), whole) < 1e-14


def test_mixed_precision_keeps_the_dtype_of_the_input():
    layer = randomize(BatchRenorm1d(4)).float()
    y = layer(X.bfloat16())
    assert y.dtype == torch.bfloat16 and layer.running_mean.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_computes_in_float32(dtype):
    x, mean, var = (v.to(dtype) for v in (X, *averages()))
    ours = batch_renorm(x, mean.clone(), var.clone(), training=True, r_max=3.0, d_max=5.0)
    wide = batch_renorm(x.float(), mean.float(), var.float(), training=True, r_max=3.0, d_max=5.0)
    assert ours.dtype == dtype and torch.equal(ours, wide.to(dtype))
