"""What is special to layer normalization: its invariances, its independence of the batch, its defaults and state dict."""

from __future__ import annotations

import pytest
import torch

from refimpl.training.layer_norm import LayerNorm, layer_norm
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_layer_norm import METHOD

MODULE = "refimpl.training.layer_norm"
X = randn(6, 17, seed=3) * 4 + 2


def test_each_example_has_zero_mean_and_unit_variance(record):
    y = layer_norm(X, (17,), eps=0.0)
    gap = max(y.mean(-1).abs().max().item(), (y.square().mean(-1) - 1).abs().max().item())
    record(METHOD, MODULE, "mean 0 and variance 1", "the definition", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(6,17)")


def test_scale_and_shift_of_an_example_do_not_matter(record):
    """Section 5.1: rescaling and shifting all features of one example leaves its output unchanged (eps = 0)."""
    a, b = rand(6, 1, seed=4, low=0.1, high=9.0), rand(6, 1, seed=5, low=-9.0)
    gap = error(layer_norm(a * X + b, (17,), eps=0.0), layer_norm(X, (17,), eps=0.0))
    record(METHOD, MODULE, "a x + b", "x", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(6,17)")


def test_the_batch_does_not_matter():
    layer = randomize(LayerNorm(17))
    assert torch.equal(layer(X)[2], layer(X[2:3])[0]) and torch.equal(layer(X)[2], layer(X[2]))
    assert torch.equal(layer.train()(X), layer.eval()(X))


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"elementwise_affine": False}])
def test_defaults_and_state_are_those_of_torch(options):
    ours, theirs = LayerNorm(17, **options), torch.nn.LayerNorm(17, **options)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in ours.state_dict().items())
    ours.load_state_dict(theirs.state_dict())
    assert error(ours(X.float()), theirs(X.float())) < 1e-6
    assert (ours.eps, ours.normalized_shape) == (theirs.eps, theirs.normalized_shape)
    assert error(layer_norm(1e-3 * X, (17,)), torch.nn.functional.layer_norm(1e-3 * X, (17,))) < 1e-12


def test_bias_without_weight():
    bias = randn(17, seed=7)
    assert error(layer_norm(X, (17,), None, bias), torch.nn.functional.layer_norm(X, (17,), None, bias)) < 1e-13


def test_one_feature_leaves_the_bias():
    layer = randomize(LayerNorm(1))
    x = randn(4, 1, seed=6).requires_grad_()
    layer(x).sum().backward()
    assert torch.equal(layer(x), layer.bias.expand(4, 1)) and torch.equal(x.grad, torch.zeros(4, 1, dtype=torch.float64))


def test_factory_arguments_and_repr():
    layer = LayerNorm((3, 4), eps=1e-3, dtype=torch.float64, device="cpu")
    assert layer.weight.dtype == layer.bias.dtype == torch.float64
    assert repr(layer) == "LayerNorm((3, 4), eps=0.001, elementwise_affine=True, bias=True)"
    layer(torch.zeros(2, 3, 4, dtype=torch.float64))
    layer_norm(X, (17,), eps=0.0)


def test_mixed_precision_keeps_the_dtype_of_the_input():
    """Parameters in float32, input in bfloat16: normalized in float32, returned in bfloat16."""
    layer = randomize(LayerNorm(17)).float()
    y = layer(X.bfloat16())
    assert y.dtype == torch.bfloat16
    assert error(y, layer.double()(X.bfloat16().double())) < 5e-3
