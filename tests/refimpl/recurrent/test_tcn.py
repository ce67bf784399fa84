"""What is special to the temporal convolutional network: horizon, causality, channels dropped whole, initialization, learning."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from refimpl.recurrent.tcn import CausalConv1d, TemporalBlock, TemporalConvNet, causal_conv1d, receptive_field
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_tcn import METHOD, X

MODULE = "refimpl.recurrent.tcn"


@pytest.mark.parametrize(("taps", "blocks"), [(2, 1), (3, 2), (2, 3), (1, 3)])
def test_horizon_by_jacobian(taps, blocks, record):
    """The output of a step depends on exactly as many steps as the formula says, and on none that is later."""
    field = receptive_field(taps, blocks)
    model = TemporalConvNet(1, [2] * blocks, taps, 0.0).double()
    for value in model.parameters():
        nn.init.uniform_(value, 0.5, 1.0)  # positive: no relu cuts a path
    x = randn(1, 1, field + 6, seed=1).abs().requires_grad_()
    (slope,) = torch.autograd.grad(model(x)[0, :, -4].sum(), x)
    seen = slope[0, 0].nonzero().flatten()
    assert seen[-1] == field + 2 and seen[0] == 3
    record(METHOD, MODULE, f"steps seen, {taps} taps, {blocks} blocks", "Jacobian", error=abs(len(seen) - field), tolerance=0.0)


def test_receptive_field_by_hand():
    assert [receptive_field(3, n) for n in range(5)] == [1, 5, 13, 29, 61]
    assert receptive_field(1, 9) == 1


def test_dilated_convolution_shifts():
    """A filter with a single tap of one, i steps back, delays by d i."""
    for i in range(3):
        weight = torch.zeros(1, 1, 3).double()
        weight[0, 0, 2 - i] = 1.0
        y = causal_conv1d(X[:, :1], weight, dilation=2)
        assert torch.equal(y[..., 2 * i :], X[:, :1, : 7 - 2 * i]) and not y[..., : 2 * i].any()
    assert torch.equal(causal_conv1d(X[:, :1], weight), torch.cat((torch.zeros(2, 1, 2), X[:, :1, :5]), 2))


def test_block_against_layers_of_torch(record):
    """The block out of ``torch.nn.Conv1d`` under PyTorch's weight normalization, from the same parameters."""
    block = randomize(TemporalBlock(3, 4, 3, 2)).eval()
    expected = X
    for name in ("conv1", "conv2"):
        own = getattr(block, name)
        layer = parametrizations.weight_norm(nn.Conv1d(own.weight_v.shape[1], 4, 3, padding=4, dilation=2).double())
        with torch.no_grad():
            layer.parametrizations.weight.original0.copy_(own.weight_g)
            layer.parametrizations.weight.original1.copy_(own.weight_v)
            layer.bias.copy_(own.bias)
        expected = layer(expected)[..., :7].relu()
    expected = (expected + block.downsample(X)).relu()
    name = "torch.nn.Conv1d under torch.nn.utils.parametrizations.weight_norm"
    record(METHOD, MODULE, "one block", name, error=error(block(X), expected), tolerance=1e-12, dtype=torch.float64)


def test_whole_channels_are_dropped():
    """Behind the first dropout a channel is zero at all steps or at none; its rest is scaled by 1 / (1 - p)."""
    block = TemporalBlock(8, 8, 1, 1, 0.5).double()
    with torch.no_grad():
        for layer in (block.conv1, block.conv2):  # both are the identity
            layer.weight_v.copy_(torch.eye(8).unsqueeze(2))
            layer.weight_g.fill_(1.0)
            layer.bias.zero_()
    x = randn(50, 8, 6, seed=1).abs() + 0.1
    factor = block(x) / x
    assert torch.allclose(factor, factor[..., :1].expand_as(factor), atol=1e-12)
    assert sorted(set(factor[..., 0].flatten().round(decimals=9).tolist())) == [1.0, 5.0]  # 1 + 0 and 1 + 2 * 2
    assert error(block.eval()(x), 2 * x) < 1e-12


def test_initialization_and_names():
    """From a seed the effective weights are those of ``torch.nn.Conv1d``."""
    torch.manual_seed(1)
    layer = CausalConv1d(3, 4, 2, 5)
    torch.manual_seed(1)
    plain = nn.Conv1d(3, 4, 2)
    assert torch.equal(layer.weight_v, plain.weight) and torch.equal(layer.bias, plain.bias)
    x = X.float()
    assert error(layer(x), causal_conv1d(x, plain.weight, plain.bias, 5)) < 1e-6
    convolution = ["weight_g", "weight_v", "bias"]
    names = [f"network.0.conv{j}.{kind}" for j in (1, 2) for kind in convolution]
    names += ["network.0.downsample.weight", "network.0.downsample.bias"]
    names += [f"network.1.conv{j}.{kind}" for j in (1, 2) for kind in convolution]
    model = TemporalConvNet(3, [4, 4])
    assert sorted(model.state_dict()) == sorted(names)
    assert repr(model.network[1].conv2) == "CausalConv1d(4, 4, kernel_size=2, dilation=2)"
    assert [block.dropout for block in model.network] == [0.2, 0.2] == [TemporalBlock(1, 1, 1, 1).dropout] * 2
    assert inspect.signature(CausalConv1d).parameters["dilation"].default == 1
    TemporalConvNet(1, [1], 1, 1.0)
    assert {v.dtype for v in TemporalConvNet(2, [3], dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in TemporalConvNet(2, [3], device="meta").state_dict().values()} == {"meta"}


@pytest.mark.slow
def test_learns_what_lies_in_its_horizon_and_nothing_beyond():
    """Repeating a sign seen 12 steps before: seen with a field of 13, chance (error 1) with one of 5."""
    errors = []
    for blocks in (1, 2):
        torch.manual_seed(0)
        model = nn.Sequential(TemporalConvNet(1, [12] * blocks, 3, 0.0), nn.Conv1d(12, 1, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
        for _ in range(200):
            x = torch.randn(16, 1, 40).sign()
            loss = (model(x)[..., 12:] - x[..., :-12]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        errors.append(loss.item())
    assert errors[0] > 0.9 and errors[1] < 0.1
