"""What is special to depthwise separable convolution: what it costs, what it can represent, how it is initialized."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from refimpl.convolution.depthwise_separable import DepthwiseSeparableConv2d, cost_ratio, depthwise_separable_conv2d, equivalent_kernel
from tests.refimpl.convolution.cases_depthwise_separable import IMAGES, METHOD
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.convolution.depthwise_separable"


@pytest.mark.parametrize(("out", "kernel", "multiplier"), [(64, 3, 1), (8, (3, 5), 2)])
def test_cost_is_what_is_multiplied(out, kernel, multiplier):
    """1 / N + 1 / K^2 of the regular convolution's multiplications, as counted by PyTorch."""
    layer = DepthwiseSeparableConv2d(6, out, kernel, multiplier=multiplier)
    x, counts = torch.zeros(2, 6, 9, 9), []
    for call in (layer, lambda x: F.conv2d(x, equivalent_kernel(layer.depthwise, layer.pointwise, 6))):
        with FlopCounterMode(display=False) as counter:
            call(x)
        counts.append(counter.get_total_flops())
    if multiplier > 1:  # the equivalent kernel itself is a product
        with FlopCounterMode(display=False) as counter:
            equivalent_kernel(layer.depthwise, layer.pointwise, 6)
        counts[1] -= counter.get_total_flops()
    assert counts[0] / counts[1] == pytest.approx(cost_ratio(out, kernel, multiplier))
    assert cost_ratio(64, 3) == pytest.approx(1 / 64 + 1 / 9)


def test_one_kernel_for_each_channel_spans_rank_one():
    """For every input channel the N x K^2 matrix of the equivalent kernel has rank T."""
    for multiplier in (1, 2):
        layer = DepthwiseSeparableConv2d(3, 7, 3, multiplier=multiplier, dtype=torch.float64)
        kernel = equivalent_kernel(layer.depthwise, layer.pointwise, 3)
        assert [int(torch.linalg.matrix_rank(m)) for m in kernel.transpose(0, 1).flatten(2)] == [multiplier] * 3


def test_channels_stay_apart_in_the_first_step():
    """With the identity as the second step an output channel sees its own input channel alone."""
    x = torch.zeros(1, 3, 5, 5)
    x[0, 1] = randn(5, 5, seed=8)
    y = depthwise_separable_conv2d(x, torch.ones(3, 1, 3, 3), torch.eye(3)[..., None, None])
    assert y[0, 0].abs().max() == y[0, 2].abs().max() == 0 < y[0, 1].abs().max()


def test_equal_to_two_convolutions_of_torch(record):
    """The usual composition, with the same parameters and PyTorch's defaults."""
    layer = DepthwiseSeparableConv2d(2, 5, 3, dtype=torch.float64)
    two = nn.Sequential(nn.Conv2d(2, 2, 3, groups=2, bias=False), nn.Conv2d(2, 5, 1)).double()
    two.load_state_dict({"0.weight": layer.depthwise, "1.weight": layer.pointwise, "1.bias": layer.bias})
    gap = error(layer(IMAGES), two(IMAGES))
    record(METHOD, MODULE, "two layers", "torch.nn.Conv2d", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_initialization():
    """The same bounds as PyTorch's: 1 / sqrt(K^2) for the first step, 1 / sqrt(C T) for the second and the bias."""
    torch.manual_seed(2)
    layer = DepthwiseSeparableConv2d(50, 400, 3, multiplier=2)
    for parameter, fan_in in ((layer.depthwise, 9), (layer.pointwise, 100), (layer.bias, 100)):
        bound = fan_in**-0.5
        assert bound * 0.97 < parameter.max() <= bound and -bound <= parameter.min() < -0.97 * bound
        assert abs(parameter.mean()) < 4 * bound / (3 * parameter.numel()) ** 0.5
    assert DepthwiseSeparableConv2d(2, 3, 3, bias=False).bias is None


def test_smallest_layer():
    layer = DepthwiseSeparableConv2d(1, 1, 1)
    assert [p.shape.numel() for p in layer.parameters()] == [1, 1, 1]


def test_same_padding_keeps_the_size():
    assert DepthwiseSeparableConv2d(2, 3, (3, 4), padding="same", dilation=2)(IMAGES.float()).shape == (3, 3, 7, 6)


def test_factory_arguments_and_representation():
    layer = DepthwiseSeparableConv2d(4, 6, (3, 5), 2, 1, 1, False, 2, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in layer.parameters()} == {("meta", torch.float16)}
    assert DepthwiseSeparableConv2d(2, 2, 1, device="meta", dtype=torch.float16).bias.dtype == torch.float16
    assert repr(layer) == (
        "DepthwiseSeparableConv2d(depthwise=(8, 1, 3, 5), pointwise=(6, 8, 1, 1), stride=(2, 2), padding=1, dilation=(1, 1), bias=False)"
    )
