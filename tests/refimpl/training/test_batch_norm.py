"""What is special to batch normalization: moving averages, evaluation, the drop-in interface."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.training.batch_norm import BatchNorm, BatchNorm1d, BatchNorm2d, batch_norm
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_batch_norm import IMAGES, METHOD

MODULE = "refimpl.training.batch_norm"
BATCHES = [IMAGES, IMAGES * 2 - 1, randn(7, 3, 4, 4, seed=8)]


@pytest.mark.parametrize("momentum", [0.3, 0.0, 1.0, None])
def test_moving_averages_follow_torch(momentum, record):
    ours, theirs = BatchNorm2d(3, momentum=momentum).double(), nn.BatchNorm2d(3, momentum=momentum).double()
    for batch in BATCHES:
        ours(batch), theirs(batch)
    worst = max(error(ours.running_mean, theirs.running_mean), error(ours.running_var, theirs.running_var))
    record(METHOD, MODULE, f"averages, momentum {momentum}", "torch.nn.BatchNorm2d", error=worst, tolerance=1e-12, dtype=torch.float64)
    assert ours.num_batches_tracked == theirs.num_batches_tracked == 3


def test_moving_averages_by_hand(record):
    """r <- (1 - momentum) r + momentum s with the unbiased variance, from r = (0, 1)."""
    layer = BatchNorm2d(3, momentum=0.25).double()
    layer(IMAGES)
    per_channel = IMAGES.transpose(0, 1).flatten(1)
    gap = max(error(layer.running_mean, 0.25 * per_channel.mean(1)), error(layer.running_var, 0.75 + 0.25 * per_channel.var(1)))
    record(METHOD, MODULE, "moving averages after one batch", "closed form", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_state_dict_is_that_of_torch():
    theirs = nn.BatchNorm2d(3)
    ours = BatchNorm2d(3)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in ours.state_dict().items())
    assert all(ours.state_dict()[k].dtype == v.dtype for k, v in theirs.state_dict().items())
    assert BatchNorm2d(3, affine=False, track_running_stats=False).state_dict() == {}
    assert repr(ours) == "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)"


def test_defaults_are_those_of_torch():
    ours, theirs = BatchNorm2d(3).double(), nn.BatchNorm2d(3).double()
    assert error(ours(IMAGES), theirs(IMAGES)) < 1e-12
    assert error(ours.eval()(IMAGES), theirs.eval()(IMAGES)) < 1e-12
    state = [torch.zeros(3), torch.ones(3)]
    batch_norm(IMAGES.float(), *state, training=True)
    assert torch.allclose(state[0], 0.1 * IMAGES.mean((0, 2, 3)).float())
    x = IMAGES * 1e-3
    assert error(batch_norm(x, None, None, training=True), torch.nn.functional.batch_norm(x, None, None, training=True)) < 1e-12


def test_evaluation_ignores_the_other_examples():
    layer = BatchNorm2d(3).double()
    layer(IMAGES)
    layer.eval()
    assert torch.equal(layer(IMAGES)[:1], layer(IMAGES[:1]))


def test_without_tracking_evaluation_uses_the_batch():
    layer = BatchNorm(3, track_running_stats=False).double()
    assert torch.equal(layer.eval()(IMAGES), layer.train()(IMAGES))


def test_output_has_zero_mean_and_unit_variance():
    y = BatchNorm2d(3, eps=0.0).double()(IMAGES)
    assert y.mean((0, 2, 3)).abs().max() < 1e-14
    assert (y.var((0, 2, 3), correction=0) - 1).abs().max() < 1e-13


def test_factory_arguments():
    layer = BatchNorm1d(2, device="cpu", dtype=torch.float16)
    assert {v.dtype for k, v in layer.state_dict().items() if k != "num_batches_tracked"} == {torch.float16}
    assert BatchNorm1d(2, device="meta").weight.device.type == "meta"


def test_mixed_precision_keeps_float32_parameters():
    layer, x = BatchNorm2d(3), IMAGES.bfloat16()
    y = layer(x)
    assert y.dtype == torch.bfloat16
    assert layer.running_mean.dtype == torch.float32
    assert torch.equal(layer.eval()(x), layer(x.float()).bfloat16())


def test_float64_input_is_evaluated_in_float64():
    """Float32 averages are raised to the input's precision before the root is taken."""
    layer = BatchNorm2d(3).eval()
    layer.running_var.copy_(torch.tensor([0.3, 0.7, 1.9]))
    layer.running_mean.copy_(torch.tensor([0.1, -0.2, 0.3]))
    expected = batch_norm(IMAGES, layer.running_mean.double(), layer.running_var.double(), layer.weight.double(), layer.bias.double())
    assert torch.equal(layer(IMAGES), expected)
