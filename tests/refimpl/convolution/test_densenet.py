"""What is special to DenseNet: torchvision's layout, the names in its published files, its output, the paper's counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.convolution import densenet
from refimpl.convolution.densenet import DenseLayer, DenseNet
from tests.refimpl.convolution import networks
from tests.refimpl.convolution.cases_densenet import METHOD, small
from tests.refimpl.harness.case import rand, randn

MODULE = "refimpl.convolution.densenet"
NAMES = ("densenet121", "densenet161", "densenet169", "densenet201")


@pytest.mark.parametrize("name", NAMES)
def test_layout_is_that_of_torchvision(name):
    model = getattr(densenet, name)(device="meta")
    networks.check_layout(name, model)
    assert f"densenet{sum(v.dim() > 1 for v in model.state_dict().values())}" == name  # layers with weights


@pytest.mark.parametrize("training", [False, True])
def test_output_is_that_of_torchvision(training, record):
    ours = densenet.densenet121(num_classes=7, drop_rate=0.2)
    networks.compare_with_torchvision(record, METHOD, MODULE, "densenet121", ours, 64, training, num_classes=7, drop_rate=0.2)


def test_published_names_load():
    """The published files say ``norm.1`` for ``norm1`` and know no count of batches."""
    model, fresh = networks.scaled(small()), small()
    old = {}
    for key, value in model.state_dict().items():
        for kind in ("norm", "conv"):
            for i in "12":
                key = key.replace(f".{kind}{i}.", f".{kind}.{i}.") if "denselayer" in key else key
        if not key.endswith("num_batches_tracked"):
            old[key] = value
    assert "features.denseblock1.denselayer2.conv.1.weight" in old
    names = list(old)
    fresh.load_state_dict(old)
    assert list(old) == names
    x = rand(2, 3, 16, 16, seed=2).float()
    assert torch.equal(fresh.eval()(x), model.eval()(x))
    wrapped = nn.Sequential(small())
    wrapped.load_state_dict({f"0.{key}": value for key, value in old.items()})
    assert torch.equal(wrapped.eval()(x), model(x))


def test_channels_grow_by_k():
    """k_0 + l k into layer l of a block, 4 k in between, halved by a transition."""
    model = densenet.densenet121(device="meta")
    block = model.features.denseblock2
    into = [layer.conv1.in_channels for layer in block.children()]
    assert into == [128 + 32 * i for i in range(12)] and {layer.conv1.out_channels for layer in block.children()} == {128}
    assert model.features.transition2.conv.weight.shape == (256, 512, 1, 1)
    assert model(torch.zeros(1, 3, 224, 224, device="meta")).shape == (1, 1000)


def test_a_layer_sees_all_earlier_features():
    """The block's output begins with its input, unchanged, and each layer's features depend on those of all before."""
    block = densenet.DenseBlock(3, 4, 2, 3, 0.0).double().eval()
    x = randn(1, 4, 5, 5, seed=3)
    features = [f.requires_grad_() for f in (x, *(randn(1, 2, 5, 5, seed=4 + i) for i in range(2)))]
    assert torch.equal(block(x)[:, :4], x)
    y = block.denselayer3(torch.cat(features, 1))
    assert all(g.abs().max() > 0 for g in torch.autograd.grad(y.sum(), features))


def test_dropout():
    layer = DenseLayer(3, 40, 4, 0.3)
    x = randn(4, 3, 6, 6, seed=5).float()
    dropped = (layer(x) == 0).double()
    assert abs(dropped.mean().item() - 0.3) < 4 * (0.21 / dropped.numel()) ** 0.5
    assert not (layer.eval()(x) == 0).any()
    assert DenseNet(2, (1,), 2, device="meta").features.denseblock1.denselayer1.dropout == 0


def test_initialization():
    torch.manual_seed(0)
    model = DenseNet(16, (2, 2), 32, num_classes=10)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            networks.check_spread(layer.weight, (2 / layer.weight[0].numel()) ** 0.5)
    assert not model.classifier.bias.any()


def test_smallest_network_and_defaults():
    assert DenseNet(1, (1,), 1, 1, 0.0, 1)(torch.zeros(2, 3, 4, 4)).shape == (2, 1)
    assert DenseNet(device="meta").state_dict().keys() == densenet.densenet121(device="meta").state_dict().keys()
    shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (DenseNet(device="meta"), densenet.densenet121(device="meta"))]
    assert shapes[0] == shapes[1]


def test_two_byte_types_and_factory_arguments():
    networks.check_two_byte_types(small(), rand(2, 3, 32, 32, seed=6))
    networks.check_factory_arguments(small, (2, 3, 16, 16))
