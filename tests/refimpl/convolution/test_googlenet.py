"""What is special to GoogLeNet: torchvision's layout and output, the paper's table, who gets a gradient, the initialization."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.convolution.googlenet import TABLE, GoogLeNet, Inception
from tests.refimpl.convolution import networks
from tests.refimpl.convolution.cases_googlenet import METHOD, small
from tests.refimpl.harness.case import rand

MODULE = "refimpl.convolution.googlenet"


def test_layout_is_that_of_torchvision():
    networks.check_layout("googlenet", GoogLeNet(device="meta"))
    assert sum(p.numel() for p in GoogLeNet(aux_logits=False, device="meta").parameters()) == 6_624_904


@pytest.mark.parametrize("training", [False, True])
def test_output_is_that_of_torchvision(training, record):
    ours = GoogLeNet(7)
    networks.compare_with_torchvision(record, METHOD, MODULE, "googlenet", ours, 64, training, num_classes=7, init_weights=False)


def test_sizes_of_the_paper():
    """The last column but four of table 1: output sizes of the modules."""
    model, seen = GoogLeNet(device="meta").eval(), {}
    for name in TABLE:
        model.get_submodule(f"inception{name}").register_forward_hook(lambda _, __, y, name=name: seen.update({name: tuple(y.shape[1:])}))
    assert model(torch.zeros(1, 3, 224, 224, device="meta")).shape == (1, 1000)
    channels = {"3a": 256, "3b": 480, "4a": 512, "4b": 512, "4c": 512, "4d": 528, "4e": 832, "5a": 832, "5b": 1024}
    side = {"3": 28, "4": 14, "5": 7}
    assert seen == {name: (c, side[name[0]], side[name[0]]) for name, c in channels.items()}


def test_kernels_of_the_third_branch():
    for kernel in (3, 5):
        model = GoogLeNet(kernel=kernel, device="meta")
        assert {model.get_submodule(f"inception{name}").branch3[1].conv.kernel_size for name in TABLE} == {(kernel, kernel)}
    alone = Inception(4, 1, 5, 2, 5, 3, 4)
    assert alone.branch3[1].conv.kernel_size == (3, 3) and alone(rand(2, 4, 6, 5, seed=1).float()).shape == (2, 10, 6, 5)


def test_every_number_of_channels_is_divided():
    """All sizes of all parameters but the image's three channels, the classes and the sizes of the kernels."""
    for (name, full), (_, part) in zip(*(GoogLeNet(divide=d, device="meta").named_parameters() for d in (1, 8)), strict=True):
        assert tuple(part.shape) == tuple(n if n in (1, 3, 7, 1000) else n // 8 for n in full.shape), name


def test_auxiliary_classifiers_train_the_early_layers():
    """The first auxiliary classifier alone moves 4a and what comes before, and nothing behind; the second reaches 4d."""
    for index, last in ((2, "4a"), (1, "4d")):
        model = small(3).train()
        model(rand(2, 3, 32, 32, seed=1).float())[index].sum().backward()
        moved = [name for name in TABLE if model.get_submodule(f"inception{name}").branch1.conv.weight.grad is not None]
        assert moved[-1] == last and moved == list(TABLE)[: len(moved)]
    assert small(3, aux=False).train()(rand(2, 3, 32, 32, seed=1).float()).shape == (2, 3), "without them there is one result"


def test_dropout():
    model = GoogLeNet(3, divide=8)
    assert (model.dropout.p, model.aux1.dropout.p, model.aux2.dropout.p) == (0.2, 0.7, 0.7)
    model = GoogLeNet(3, True, 0.1, 0.3, 8)
    assert (model.dropout.p, model.aux1.dropout.p, model.aux2.dropout.p) == (0.1, 0.3, 0.3)
    share = {}
    for name, layer in (("main", model.fc), ("aux1", model.aux1.fc2), ("aux2", model.aux2.fc2)):
        layer.register_forward_pre_hook(lambda _, args, name=name: share.update({name: args[0]}))
    for dropout in (model.dropout, model.aux1.dropout, model.aux2.dropout):
        dropout.register_forward_pre_hook(lambda _, args: (torch.ones_like(args[0]),))
    model(rand(8, 3, 32, 32, seed=1).float())
    for name, p in (("main", 0.1), ("aux1", 0.3), ("aux2", 0.3)):
        dropped = (share[name] == 0).double()
        assert abs(dropped.mean().item() - p) < 4 * (p * (1 - p) / dropped.numel()) ** 0.5


def test_initialization():
    torch.manual_seed(0)
    for layer in GoogLeNet(10, divide=4).modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            networks.check_spread(layer.weight, 0.01)


def test_two_byte_types_and_factory_arguments():
    networks.check_two_byte_types(small(3), rand(2, 3, 32, 32, seed=6))
    networks.check_factory_arguments(lambda **new: GoogLeNet(3, divide=8, **new), (2, 3, 32, 32))
    assert small(3).eval()(torch.zeros(1, 3, 15, 15)).shape == (1, 3) and GoogLeNet(1, divide=8).fc.out_features == 1
