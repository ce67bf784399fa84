"""What is special to instance normalization: contrast does not matter, running statistics, inputs without a batch, its state dict."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from refimpl.training.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, instance_norm
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_instance_norm import METHOD

MODULE = "refimpl.training.instance_norm"
X = randn(3, 4, 5, 6, seed=3) * 4 + 2
PAIRS = [
    (InstanceNorm1d, torch.nn.InstanceNorm1d, 1),
    (InstanceNorm2d, torch.nn.InstanceNorm2d, 2),
    (InstanceNorm3d, torch.nn.InstanceNorm3d, 3),
]


def test_contrast_and_brightness_do_not_matter(record):
    """Every channel of every image may be scaled and shifted on its own (eps = 0)."""
    a, b = rand(3, 4, 1, 1, seed=4, low=0.1, high=9.0), rand(3, 4, 1, 1, seed=5, low=-9.0)
    gap = error(instance_norm(a * X + b, eps=0.0), instance_norm(X, eps=0.0))
    record(METHOD, MODULE, "a x + b", "x", error=gap, tolerance=1e-13, dtype=X.dtype, shapes="(3,4,5,6)")


def test_each_channel_has_zero_mean_and_unit_variance(record):
    y = instance_norm(X, eps=0.0).flatten(2)
    gap = max(y.mean(-1).abs().max().item(), (y.square().mean(-1) - 1).abs().max().item())
    record(METHOD, MODULE, "mean 0 and variance 1", "the definition", error=gap, tolerance=1e-14, dtype=X.dtype, shapes="(3,4,5,6)")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_running_statistics_follow_torch(dtype, record):
    """Five batches of different sizes, then evaluation."""
    options = {"affine": True, "track_running_stats": True, "momentum": 0.3}
    ours, theirs = InstanceNorm2d(4, **options).to(dtype), torch.nn.InstanceNorm2d(4, **options).double()
    for i in range(1, 6):
        x = (randn(i, 4, 3, i + 1, seed=i) * i + i).to(dtype)
        ours(x), theirs(x.double())
    assert ours.num_batches_tracked == theirs.num_batches_tracked
    buffers = [error(getattr(ours, n), getattr(theirs, n)) for n in ("running_mean", "running_var")]
    gap = max(*buffers, error(ours.eval()(X.to(dtype)), theirs.eval()(X.to(dtype).double())))
    tolerance = {torch.float64: 1e-13, torch.float32: 2e-6}[dtype]
    record(
        METHOD, MODULE, "running statistics", "torch.nn.InstanceNorm2d", error=gap, tolerance=tolerance, dtype=dtype, shapes="five batches"
    )


def test_running_statistics_by_hand():
    mean, var = torch.tensor([1.0], dtype=torch.float64), torch.tensor([2.0], dtype=torch.float64)
    x = torch.tensor([[[1.0, 3.0]], [[5.0, 13.0]]], dtype=torch.float64)  # means 2 and 9, unbiased variances 2 and 32
    instance_norm(x, mean, var, momentum=0.5)
    assert mean.item() == pytest.approx(0.5 + 0.5 * 5.5) and var.item() == pytest.approx(1.0 + 0.5 * 17.0)
    instance_norm(x, mean, var, momentum=0.0)
    assert mean.item() == pytest.approx(3.25)
    default = torch.zeros(1, dtype=torch.float64)
    instance_norm(x, default, torch.ones(1, dtype=torch.float64))
    assert default.item() == pytest.approx(0.55)


def test_no_gradient_flows_into_the_running_statistics():
    layer = InstanceNorm1d(2, track_running_stats=True)
    layer(torch.randn(3, 2, 4, requires_grad=True)).sum().backward()
    assert not layer.running_mean.requires_grad and not layer.running_var.requires_grad


@pytest.mark.parametrize(("ours", "theirs", "spatial"), PAIRS)
@pytest.mark.parametrize("options", [{}, {"affine": True}, {"affine": True, "track_running_stats": True}])
def test_defaults_and_state_are_those_of_torch(ours, theirs, spatial, options):
    mine, torchs = ours(4, **options), theirs(4, **options)
    assert mine.state_dict().keys() == torchs.state_dict().keys()
    assert all(torch.equal(v, torchs.state_dict()[k]) for k, v in mine.state_dict().items())
    mine.load_state_dict(torchs.state_dict())
    x = randn(3, 4, *range(2, 2 + spatial), seed=6).float()
    for _ in range(2):
        assert error(mine(x), torchs(x)) < 2e-6
    assert error(mine.eval()(x), torchs.eval()(x)) < 2e-6
    assert error(mine(x[0]), torchs(x[0])) < 2e-6
    assert (mine.eps, mine.momentum) == (torchs.eps, torchs.momentum)


def test_evaluation_without_running_statistics_uses_the_input():
    layer = randomize(InstanceNorm2d(4, affine=True))
    assert torch.equal(layer.train()(X), layer.eval()(X))
    assert error(layer(X)[1], layer(X[1])) < 1e-14


def test_empty_batch():
    layer = InstanceNorm2d(4, affine=True, track_running_stats=True)
    assert layer(torch.zeros(0, 4, 5, 6)).shape == (0, 4, 5, 6)
    assert torch.equal(layer.running_mean, torch.zeros(4)) and torch.equal(layer.running_var, torch.ones(4))


def test_function_defaults_and_repr():
    assert error(instance_norm(1e-3 * X), F.instance_norm(1e-3 * X)) < 1e-12
    layer = InstanceNorm2d(1, eps=1e-3, momentum=0.0, affine=True, dtype=torch.float64, device="cpu")
    assert layer.weight.dtype == torch.float64 and InstanceNorm2d(1, momentum=1.0).momentum == 1.0
    assert repr(layer) == "InstanceNorm2d(1, eps=0.001, momentum=0.0, affine=True, track_running_stats=False)"
    tracked = InstanceNorm2d(1, track_running_stats=True, dtype=torch.float64)
    assert tracked.running_mean.dtype == tracked.running_var.dtype == torch.float64 and tracked.num_batches_tracked.dtype == torch.int64


def test_one_position_is_enough_to_evaluate():
    mean, var = randn(4, seed=6), rand(4, seed=7, low=0.5, high=2.0)
    x = randn(3, 4, 1, seed=8)
    assert error(instance_norm(x, mean, var, use_input_stats=False), F.instance_norm(x, mean, var, use_input_stats=False)) < 1e-14


def test_statistics_are_taken_in_the_precision_of_the_averages():
    x = (X + 30).bfloat16()
    mean, var = torch.zeros(4), torch.ones(4)
    instance_norm(x, mean, var, momentum=1.0)
    assert error(mean, x.double().mean((2, 3)).mean(0)) < 1e-6
    assert error(var, x.double().flatten(2).var(-1).mean(0)) < 1e-6


def test_every_buffer_is_made_on_the_device():
    layer = InstanceNorm2d(3, affine=True, track_running_stats=True, device="meta")
    assert {v.device.type for v in layer.state_dict().values()} == {"meta"}
