"""What is special to ResNet: torchvision's layout and output, the identity path, the initialization."""

from __future__ import annotations

import pytest
import torch

from refimpl.convolution import resnet
from refimpl.convolution.resnet import BasicBlock, Bottleneck, ResNet
from tests.refimpl.convolution import networks
from tests.refimpl.convolution.cases_resnet import METHOD
from tests.refimpl.harness.case import rand

MODULE = "refimpl.convolution.resnet"
NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


@pytest.mark.parametrize("name", NAMES)
def test_layout_is_that_of_torchvision(name):
    networks.check_layout(name, getattr(resnet, name)(device="meta"))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_output_is_that_of_torchvision(name, training, record):
    ours = getattr(resnet, name)(7)
    networks.compare_with_torchvision(record, METHOD, MODULE, name, ours, 64, training, num_classes=7)


def test_number_of_weighted_layers():
    """The number in the name counts the convolutions on the longest path and the classifier."""
    for name in NAMES:
        model = getattr(resnet, name)(device="meta")
        on_path = [key for key, v in model.state_dict().items() if v.dim() > 1 and "downsample" not in key]
        assert f"resnet{len(on_path)}" == name


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_a_block_of_zeros_is_the_identity(block):
    """Where gamma of the last normalization is 0, a block passes its non-negative input on, and the gradient too."""
    made = block(4 * block.expansion, 4).double()
    last = made.bn2 if block is BasicBlock else made.bn3
    torch.nn.init.zeros_(last.weight)
    x = rand(2, 4 * block.expansion, 5, 4, seed=5, low=0.1).requires_grad_()
    y = made(x)
    y.sum().backward()
    assert torch.equal(y, x) and torch.equal(x.grad, torch.ones_like(x))


def test_projection_stands_only_where_shapes_differ():
    kept = [(s, b) for s in range(1, 5) for b, m in enumerate(resnet.resnet50(device="meta").get_submodule(f"layer{s}")) if m.downsample]
    assert kept == [(1, 0), (2, 0), (3, 0), (4, 0)]
    assert [b.downsample is not None for b in resnet.resnet18(device="meta").layer1] == [False, False]
    for block in (BasicBlock, Bottleneck):
        channels = 4 * block.expansion
        assert block(channels, 4, 2)(rand(1, channels, 6, 5, seed=7).float()).shape == (1, channels, 3, 3)


def test_initialization():
    torch.manual_seed(1)
    model = ResNet(BasicBlock, (1, 1), 10, width=16)
    for conv in (model.conv1, model.layer1[0].conv1, model.layer2[0].conv1, model.layer2[0].downsample[0]):
        out, _, kh, kw = conv.weight.shape
        networks.check_spread(conv.weight, (2 / (out * kh * kw)) ** 0.5)
    assert torch.equal(model.layer2[0].bn2.weight, torch.ones(32)) and not model.layer2[0].bn2.bias.any()


def test_defaults():
    """Stages halve the size and double the channels; 1,000 classes; 64 channels in the stem."""
    model, seen = resnet.resnet18(device="meta"), []
    for stage in range(1, 5):
        model.get_submodule(f"layer{stage}").register_forward_hook(lambda _, __, y: seen.append(tuple(y.shape[1:])))
    assert model(torch.zeros(1, 3, 224, 224, device="meta")).shape == (1, 1000)
    assert seen == [(64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]
    for name in NAMES:
        assert getattr(resnet, name)(5, device="meta").fc.out_features == 5
    assert ResNet(BasicBlock, (1,), device="meta").conv1.out_channels == 64
    assert ResNet(BasicBlock, (1,), 1, 1)(torch.zeros(2, 3, 1, 1)).shape == (2, 1)


def test_two_byte_types_and_factory_arguments():
    networks.check_two_byte_types(ResNet(BasicBlock, (1, 1), 10, width=8), rand(2, 3, 32, 32, seed=6))
    networks.check_factory_arguments(lambda **new: ResNet(Bottleneck, (1, 1), 4, 4, **new), (2, 3, 16, 16))
