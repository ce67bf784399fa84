"""What is special to switchable normalization: its three pure cases, moving averages, stability, invariance."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.training.batch_norm import BatchNorm2d
from refimpl.training.switch_norm import SwitchNorm, SwitchNorm1d, SwitchNorm2d, switch_norm
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_switch_norm import IMAGES, METHOD

MODULE = "refimpl.training.switch_norm"
BATCHES = [IMAGES, IMAGES * 2 - 1, randn(7, 3, 4, 4, seed=9)]
KINDS = {"instance": nn.InstanceNorm2d(3), "layer": nn.GroupNorm(1, 3), "batch": nn.BatchNorm2d(3)}


def pure(k: int, cls=SwitchNorm2d, **options):
    """A layer with all weight on statistics ``k``; exp(-800) is 0 in float64."""
    layer = cls(3, **options).double()
    with torch.no_grad():
        layer.mean_weight.copy_(torch.where(torch.arange(3) == k, 0.0, -800.0))
        layer.var_weight.copy_(layer.mean_weight)
    return layer


@pytest.mark.parametrize("kind", KINDS)
def test_pure_weights_give_the_built_in_layers(kind, record):
    ours, theirs = pure(list(KINDS).index(kind)), KINDS[kind].double()
    for mode in (True, False):
        gap = error(ours.train(mode)(IMAGES), theirs.train(mode)(IMAGES))
        what = f"all weight on {kind}, {'training' if mode else 'evaluation'}"
        record(
            METHOD, MODULE, what, f"torch.nn.{type(theirs).__name__}", error=gap, tolerance=1e-12, dtype=torch.float64, shapes="(4,3,5,2)"
        )


@pytest.mark.parametrize("momentum", [0.3, 0.0, 1.0, None])
def test_moving_averages_are_those_of_batch_normalization(momentum, record):
    ours, theirs = SwitchNorm2d(3, momentum=momentum).double(), nn.BatchNorm2d(3, momentum=momentum).double()
    for batch in BATCHES:
        ours(batch), theirs(batch)
    worst = max(error(ours.running_mean, theirs.running_mean), error(ours.running_var, theirs.running_var))
    record(
        METHOD, MODULE, f"moving averages, momentum {momentum}", "torch.nn.BatchNorm2d", error=worst, tolerance=1e-12, dtype=torch.float64
    )
    assert ours.num_batches_tracked == theirs.num_batches_tracked == 3


def test_weights_of_means_and_variances_are_apart(record):
    """Mean of the instance, variance of the batch: each channel of each image is centered, only each channel has unit variance."""
    layer = pure(0, eps=0.0)
    with torch.no_grad():
        layer.var_weight.copy_(layer.var_weight.flip(0))
    y = layer(IMAGES)
    centered = IMAGES - IMAGES.mean((2, 3), keepdim=True)
    expected = centered / IMAGES.var((0, 2, 3), correction=0, keepdim=True).sqrt()
    record(METHOD, MODULE, "instance mean, batch variance", "closed form", error=error(y, expected), tolerance=1e-12, dtype=torch.float64)


def test_large_mean_does_not_cancel(record):
    """At mean 1e4 the paper's E[x^2] - mu^2 gives NaN in float32; the sum of the two variances keeps three digits."""
    x = IMAGES.float() + 1e4
    layer = SwitchNorm2d(3)
    gap = error(layer(x), SwitchNorm2d(3).double()(x.double()))
    record(METHOD, MODULE, "mean 1e4", "the same in float64", error=gap, tolerance=2e-3, dtype=torch.float32, shapes="(4,3,5,2)")
    mean_in, var_in = x.mean((2, 3)), x.var((2, 3), correction=0)
    by_squares = (var_in + mean_in**2).mean(0) - mean_in.mean(0) ** 2
    assert error(by_squares.double(), x.double().var((0, 2, 3), correction=0)) > 0.5


def test_starts_with_equal_weights():
    layer = SwitchNorm2d(3, eps=0.0).double()
    assert layer.mean_weight.tolist() == layer.var_weight.tolist() == [1.0, 1.0, 1.0]
    sets = [(2, 3), (1, 2, 3), (0, 2, 3)]
    mean = sum(IMAGES.mean(s, keepdim=True) for s in sets) / 3
    var = sum(IMAGES.var(s, correction=0, keepdim=True) for s in sets) / 3
    assert error(layer(IMAGES), (IMAGES - mean) / var.sqrt()) < 1e-13


def test_shift_and_scale_of_the_input_do_not_matter():
    layer = SwitchNorm2d(3, eps=0.0).double()
    assert error(layer(3 * IMAGES - 7), layer(IMAGES)) < 1e-12


def test_state_dict_is_that_of_batch_normalization_and_the_mixtures():
    ours, theirs = SwitchNorm2d(3).state_dict(), nn.BatchNorm2d(3).state_dict()
    assert ours.keys() == theirs.keys() | {"mean_weight", "var_weight"}
    assert all(torch.equal(ours[k], v) for k, v in theirs.items())
    assert SwitchNorm2d(3, affine=False, track_running_stats=False).state_dict().keys() == {"mean_weight", "var_weight"}
    assert isinstance(SwitchNorm2d(3), SwitchNorm)
    assert repr(SwitchNorm2d(3)) == "SwitchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)"


def test_defaults():
    """Those of batch normalization, in the layer and in the function."""
    small = IMAGES * 1e-3
    ours, theirs = pure(2), BatchNorm2d(3).double()
    assert error(ours(small), theirs(small)) < 1e-12
    assert error(ours.eval()(small), theirs.eval()(small)) < 1e-12
    mean, var, logits = torch.zeros(3).double(), torch.ones(3).double(), pure(2).mean_weight
    assert error(switch_norm(small, mean, var, logits, logits, training=True), BatchNorm2d(3).double()(small)) < 1e-12
    assert error(mean, 0.1 * small.mean((0, 2, 3))) < 1e-12
    before = mean.clone(), var.clone()
    assert error(switch_norm(small, mean, var, logits, logits), (small - mean.view(3, 1, 1)) * (var.view(3, 1, 1) + 1e-5).rsqrt()) < 1e-12
    assert torch.equal(mean, before[0]) and torch.equal(var, before[1])


def test_bias_without_weight():
    logits, bias = torch.zeros(3).double(), torch.tensor([1.0, -2.0, 0.5]).double()
    plain = switch_norm(IMAGES, None, None, logits, logits, training=True)
    assert error(switch_norm(IMAGES, None, None, logits, logits, None, bias, training=True), plain + bias.view(3, 1, 1)) < 1e-13
    assert error(switch_norm(IMAGES, None, None, logits, logits, bias, training=True), plain * bias.view(3, 1, 1)) < 1e-13


def test_evaluation_ignores_the_other_examples():
    layer = SwitchNorm2d(3).double()
    layer(IMAGES)
    layer.eval()
    assert torch.equal(layer(IMAGES)[:1], layer(IMAGES[:1]))


def test_boundaries_are_accepted():
    SwitchNorm2d(1, eps=0.0)(torch.randn(2, 1, 1, 1))
    without = SwitchNorm(3, track_running_stats=False).double()
    assert torch.equal(without.eval()(IMAGES), without.train()(IMAGES))


def test_factory_arguments():
    layer = SwitchNorm1d(2, device="cpu", dtype=torch.float16)
    assert {v.dtype for k, v in layer.state_dict().items() if k != "num_batches_tracked"} == {torch.float16}
    assert all(v.device.type == "meta" for v in SwitchNorm1d(2, device="meta").state_dict().values())


def test_mixed_precision_keeps_float32_parameters():
    layer, x = SwitchNorm2d(3), IMAGES.bfloat16()
    y = layer(x)
    assert y.dtype == torch.bfloat16
    assert layer.running_mean.dtype == torch.float32
    assert torch.equal(layer.eval()(x), layer(x.float()).bfloat16())


def test_low_precision_parameters_are_mixed_in_float32():
    layer = randomize(SwitchNorm2d(3)).bfloat16()
    wide = SwitchNorm2d(3)
    wide.load_state_dict(layer.state_dict())
    x = IMAGES.bfloat16()
    assert torch.equal(layer(x), wide(x.float()).bfloat16())


def test_training_may_go_on_before_the_backward_of_evaluation():
    layer = SwitchNorm2d(3).double()
    loss = layer.eval()(IMAGES).square().sum()
    expected = torch.autograd.grad(loss, [*layer.parameters()], retain_graph=True)
    layer.train()(IMAGES)
    assert all(torch.equal(a, b) for a, b in zip(torch.autograd.grad(loss, [*layer.parameters()]), expected, strict=True))
