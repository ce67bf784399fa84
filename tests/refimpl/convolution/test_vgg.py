"""What is special to VGG: torchvision's layout and output, the table of the paper, the initialization."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.convolution import vgg
from refimpl.convolution.vgg import VGG
from tests.refimpl.convolution import networks
from tests.refimpl.convolution.cases_vgg import METHOD, small
from tests.refimpl.harness.case import rand

MODULE = "refimpl.convolution.vgg"
NAMES = ("vgg11", "vgg13", "vgg16", "vgg19")


@pytest.mark.parametrize("normal", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_layout_is_that_of_torchvision(name, normal):
    model = getattr(vgg, name)(device="meta", **({"batch_norm": True} if normal else {}))
    networks.check_layout(f"{name}_bn" if normal else name, model)
    assert f"vgg{sum(v.dim() > 1 for v in model.state_dict().values())}" == name  # layers with weights


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True])
def test_output_is_that_of_torchvision(training, record):
    ours = vgg.vgg11(5, True, dropout=0.3)
    networks.compare_with_torchvision(record, METHOD, MODULE, "vgg11_bn", ours, 32, training, num_classes=5, dropout=0.3)


def test_multiplications_of_the_paper_s_largest_layers():
    """VGG16 on 224 x 224 pixels: 15.47 billion multiplications, as its layers' sizes give them."""
    model, total = vgg.vgg16(device="meta"), []
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(lambda m, _, y: total.append(y[0].numel() * m.weight[0].numel()))
    assert model.eval()(torch.zeros(1, 3, 224, 224, device="meta")).shape == (1, 1000)
    assert sum(total) == 15_470_264_320


def test_dropout():
    drops = [m.p for m in vgg.vgg11(device="meta").classifier if isinstance(m, nn.Dropout)]
    assert drops == [0.5, 0.5]
    model = VGG((1,), 3, dropout=0.25, channels=(2,), hidden=400)
    share = []
    model.classifier[1].register_forward_hook(lambda _, __, y: torch.ones_like(y))
    model.classifier[3].register_forward_pre_hook(lambda _, args: share.append((args[0] == 0).double().mean().item()))
    model(rand(20, 3, 8, 8, seed=1).float())
    assert abs(share[0] - 0.25) < 4 * (0.25 * 0.75 / (20 * 400)) ** 0.5


def test_initialization():
    torch.manual_seed(0)
    model = VGG((1, 2), 100, True, channels=(16, 32), hidden=60)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            networks.check_spread(layer.weight, (2 / (9 * layer.out_channels)) ** 0.5)
        elif isinstance(layer, nn.Linear):
            networks.check_spread(layer.weight, 0.01)
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            assert not layer.bias.any()


def test_defaults():
    model = VGG((1,), channels=(2,), device="meta")
    assert [tuple(p.shape) for p in model.classifier.parameters()][0::2] == [(4096, 98), (4096, 4096), (1000, 4096)]
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    assert VGG((1,), 1, channels=(1,), hidden=1)(torch.zeros(1, 3, 2, 2)).shape == (1, 1)


def test_two_byte_types_and_factory_arguments():
    networks.check_two_byte_types(small(True), rand(2, 3, 32, 32, seed=6))
    networks.check_factory_arguments(lambda **new: VGG((1, 1), 4, True, channels=(2, 4), hidden=6, **new), (2, 3, 16, 16))
