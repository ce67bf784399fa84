"""What is special to FCN on a ResNet: torchvision's layout and output, its size and defaults."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.vision import fcn_resnet
from refimpl.vision.fcn_resnet import FCNResNet
from tests.refimpl.convolution import layouts, networks
from tests.refimpl.harness.case import rand
from tests.refimpl.vision.cases_fcn_resnet import METHOD, small

MODULE = "refimpl.vision.fcn_resnet"
NAMES = ("fcn_resnet50", "fcn_resnet101")


@pytest.mark.parametrize("name", NAMES)
def test_layout_is_that_of_torchvision(name):
    networks.check_layout(f"segmentation.{name}", getattr(fcn_resnet, name)(aux_loss=True, device="meta"))


@pytest.mark.parametrize("training", [False, True])
def test_output_is_that_of_torchvision(training, record):
    """The same state dict, the same images, the same places dropped: the same scores of both heads."""
    ours = fcn_resnet.fcn_resnet50(5, True)
    name = "segmentation.fcn_resnet50"
    networks.compare_with_torchvision(record, METHOD, MODULE, name, ours, 41, training, num_classes=5, **layouts.OPTIONS)


@pytest.mark.parametrize("name", NAMES)
def test_defaults(name):
    """21 classes, one head, a tenth dropped, stages of an eighth of the image's size."""
    seen = []
    model = getattr(fcn_resnet, name)(device="meta").eval()
    model.backbone.layer4.register_forward_hook(lambda _, __, y: seen.append(tuple(y.shape)))
    scores = model(torch.zeros(2, 3, 65, 48, device="meta"))
    assert {key: tuple(v.shape) for key, v in scores.items()} == {"out": (2, 21, 65, 48)} and seen == [(2, 2048, 9, 6)]
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.1]
    assert getattr(fcn_resnet, name)(4, device="meta").classifier[4].out_channels == 4


def test_smallest():
    assert set(FCNResNet((1, 1, 1), device="meta")(torch.zeros(2, 3, 9, 9, device="meta"))) == {"out"}
    assert small().eval()(torch.zeros(1, 3, 1, 1))["out"].shape == (1, 3, 1, 1)
    assert FCNResNet((1, 1, 1), 1, True, 1)(torch.zeros(2, 3, 9, 9))["aux"].shape == (2, 1, 9, 9)


def test_two_byte_types_and_factory_arguments():
    networks.check_two_byte_types(_Out(small()), rand(2, 3, 32, 32, seed=6))
    made = small(True, device="meta", dtype=torch.float16)
    assert {(v.device.type, v.dtype) for v in made.parameters()} == {("meta", torch.float16)}
    assert next(small().parameters()).dtype == torch.get_default_dtype()


class _Out(nn.Module):
    """The main head's scores alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input):
        return self.model(input)["out"]
