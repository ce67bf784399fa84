"""What is special to AlexNet: torchvision's layout and output, the paper's sizes and counts, response normalization."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.convolution.alexnet import AlexNet, AlexNet2012, ResponseNorm, local_response_norm
from tests.refimpl.convolution import networks
from tests.refimpl.convolution.cases_alexnet import METHOD, X
from tests.refimpl.harness.case import rand
from tests.refimpl.harness.compare import error

MODULE = "refimpl.convolution.alexnet"


def test_layout_is_that_of_torchvision():
    networks.check_layout("alexnet", AlexNet(device="meta"))


@pytest.mark.parametrize("training", [False, True])
def test_output_is_that_of_torchvision(training, record):
    networks.compare_with_torchvision(record, METHOD, MODULE, "alexnet", AlexNet(5), 79, training, num_classes=5)


def test_sizes_of_the_paper():
    """55 x 55 x 96, 27 x 27 x 256, 13 x 13 x 384 twice, 13 x 13 x 256 on both devices together; 60,965,224 parameters."""
    model, seen = AlexNet2012(device="meta"), []
    for layer in model.features:
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _, __, y: seen.append(tuple(y.shape[1:])))
    assert model(torch.zeros(1, 3, 224, 224, device="meta")).shape == (1, 1000)
    assert seen == [(96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13)]
    assert sum(p.numel() for p in model.parameters()) == 60_965_224
    for network in (model, AlexNet(device="meta")):
        assert network.features(torch.zeros(1, 3, 224, 224, device="meta")).shape == (1, 256, 6, 6), "what the classifier takes"
    kinds = [type(m) for m in model.features]
    assert kinds.count(ResponseNorm) == 2 and kinds.index(ResponseNorm) < kinds.index(nn.MaxPool2d)


@pytest.mark.parametrize("network", [AlexNet, AlexNet2012])
def test_dropout(network):
    """Half of what enters each hidden layer is dropped in training, by default."""
    model = network(3, channels=(2, 2, 2, 2, 2), hidden=400)
    assert [m.p for m in model.classifier if isinstance(m, nn.Dropout)] == [0.5, 0.5]
    assert [type(m) for m in model.classifier].index(nn.Dropout) == 0
    assert network(3, 0.2, channels=(2, 2, 2, 2, 2), hidden=4).classifier[3].p == 0.2
    model.classifier[1].register_forward_hook(lambda _, __, y: torch.ones_like(y))
    share = []
    model.classifier[4].register_forward_pre_hook(lambda _, args: share.append((args[0] == 0).double().mean().item()))
    model(rand(20, 3, 63, 63, seed=1).float())
    assert abs(share[0] - 0.5) < 4 * 0.5 / (20 * 400) ** 0.5


def test_initialization_of_2012():
    torch.manual_seed(0)
    model = AlexNet2012(10, channels=(8, 16, 16, 16, 8), hidden=50)
    biases = {}
    for name, layer in model.named_modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            networks.check_spread(layer.weight, 0.01)
            biases[name] = set(layer.bias.tolist())
    ones = {"features.4", "features.10", "features.12", "classifier.1", "classifier.4"}
    assert {name for name, values in biases.items() if values == {1.0}} == ones
    assert all(values == {0.0} for name, values in biases.items() if name not in ones)


def test_initialization_is_that_of_the_layers():
    torch.manual_seed(0)
    model = AlexNet(10, channels=(8, 16, 16, 16, 8), hidden=50)
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            networks.check_spread(layer.weight, (1 / (3 * layer.weight[0].numel())) ** 0.5)
            assert layer.bias.unique().numel() == layer.bias.numel()
    before = model.classifier[6].weight.clone()
    model.reset_parameters()
    assert not torch.equal(before, model.classifier[6].weight)


def test_response_normalization_of_equal_channels():
    """7 channels of 100: 100 / (2 + 1e-4 m 1e4)^0.75 with 3, 4, 5, 5, 5, 4, 3 neighbors m."""
    y = local_response_norm(torch.full((1, 7), 100.0, dtype=torch.float64))
    expected = [100 / (2 + m) ** 0.75 for m in (3, 4, 5, 5, 5, 4, 3)]
    assert y[0].tolist() == pytest.approx(expected)


def test_response_normalization_of_two_bytes():
    for dtype in (torch.bfloat16, torch.float16):
        assert torch.equal(local_response_norm(X.to(dtype), 3, 0.1), local_response_norm(X.to(dtype).float(), 3, 0.1).to(dtype))


def test_response_normalization_by_onnxruntime(record):
    """A second package. onnx.reference sums over the batch instead of the channels, so it is none."""
    ort, onnx = pytest.importorskip("onnxruntime"), pytest.importorskip("onnx")
    from onnx import helper

    node = helper.make_node("LRN", ["x"], ["y"], size=3, alpha=0.06, beta=0.6, bias=1.3)
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, list(X.shape))
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, list(X.shape))
    model = helper.make_model(helper.make_graph([node], "g", [x], [y]), opset_imports=[helper.make_opsetid("", 13)], ir_version=10)
    (theirs,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": X.float().numpy()})
    gap = error(local_response_norm(X, 3, 0.02, 0.6, 1.3), torch.from_numpy(theirs))
    record(METHOD, MODULE, "LRN", "onnxruntime", error=gap, tolerance=1e-5, dtype=torch.float32)


def test_two_byte_types_and_factory_arguments():
    for network in (AlexNet, AlexNet2012):

        def make(network=network, **new):
            return network(4, channels=(4, 4, 4, 4, 4), hidden=8, **new)

        networks.check_two_byte_types(make(), rand(2, 3, 64, 64, seed=6))
        networks.check_factory_arguments(make, (2, 3, 64, 64))
    assert AlexNet(1, channels=(1, 1, 1, 1, 1), hidden=1)(torch.zeros(2, 3, 63, 63)).shape == (2, 1), "the smallest"
