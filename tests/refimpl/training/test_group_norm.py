"""What is special to group normalization: its two limits, its independence of the batch, its defaults and state dict."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from refimpl.training.group_norm import GroupNorm, group_norm
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_group_norm import METHOD

MODULE = "refimpl.training.group_norm"
X = randn(3, 6, 4, 5, seed=3) * 4 + 2
SHAPE = "(3,6,4,5)"


def test_one_channel_a_group_is_instance_normalization(record):
    gap = error(group_norm(X, 6), F.instance_norm(X))
    record(
        METHOD,
        MODULE,
        "6 groups of 6 channels",
        "torch.nn.functional.instance_norm",
        error=gap,
        tolerance=1e-13,
        dtype=X.dtype,
        shapes=SHAPE,
    )


def test_one_group_is_layer_normalization_over_everything(record):
    gap = error(group_norm(X, 1), F.layer_norm(X, (6, 4, 5)))
    record(METHOD, MODULE, "1 group", "torch.nn.functional.layer_norm", error=gap, tolerance=1e-13, dtype=X.dtype, shapes=SHAPE)


def test_each_group_has_zero_mean_and_unit_variance(record):
    y = group_norm(X, 2, eps=0.0).view(3, 2, -1)
    gap = max(y.mean(-1).abs().max().item(), (y.square().mean(-1) - 1).abs().max().item())
    record(METHOD, MODULE, "mean 0 and variance 1", "the definition", error=gap, tolerance=1e-14, dtype=X.dtype, shapes=SHAPE)


def test_the_batch_does_not_matter():
    layer = randomize(GroupNorm(3, 6))
    assert error(layer(X)[2], layer(X[2:3])[0]) < 1e-14
    assert torch.equal(layer.train()(X), layer.eval()(X))


@pytest.mark.parametrize("affine", [True, False])
def test_defaults_and_state_are_those_of_torch(affine):
    ours, theirs = GroupNorm(2, 6, affine=affine), torch.nn.GroupNorm(2, 6, affine=affine)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in ours.state_dict().items())
    ours.load_state_dict(theirs.state_dict())
    assert error(ours(X.float()), theirs(X.float())) < 1e-6
    assert ours.eps == theirs.eps and GroupNorm(2, 6).weight is not None
    assert error(group_norm(1e-3 * X, 2), F.group_norm(1e-3 * X, 2)) < 1e-12


def test_factory_arguments_and_repr():
    layer = GroupNorm(1, 1, eps=1e-3, dtype=torch.float64, device="cpu")
    assert layer.weight.dtype == layer.bias.dtype == torch.float64
    assert repr(layer) == "GroupNorm(1, 1, eps=0.001, affine=True)"


def test_mixed_precision_keeps_the_dtype_of_the_input():
    """Parameters in float32, input in bfloat16: normalized in float32, returned in bfloat16."""
    layer = randomize(GroupNorm(3, 6)).float()
    y = layer(X.bfloat16())
    assert y.dtype == torch.bfloat16
    assert error(y, layer.double()(X.bfloat16().double())) < 5e-3
