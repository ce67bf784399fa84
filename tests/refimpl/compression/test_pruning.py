"""What is special to pruning: masks that training keeps, channels that leave without a trace, the share over the network."""

from __future__ import annotations

import copy
import inspect

import torch
from torch import nn
from torch.nn.utils import parametrize

from refimpl.compression.pruning import channel_masks, filter_mask, magnitude_masks, prune_, slim_, slimming_penalty, smallest
from tests.refimpl.compression.cases_pruning import METHOD, A, B
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.compression.pruning"


def small_network():
    """Two normalized convolutions and a linear layer that reads 2 x 3 pixels of the last channels."""
    layers = [nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 2, bias=False), nn.BatchNorm2d(5), nn.ReLU()]
    return randomize(nn.Sequential(*layers, nn.Flatten(), nn.Linear(30, 4)))


def test_the_smallest_are_found():
    assert smallest(torch.tensor([3.0, -1.0, 2.0, 0.5]), 2).tolist() == [False, True, False, True]
    assert smallest(torch.tensor([[3.0, 1.0], [0.0, 5.0]]), 1).tolist() == [[False, True], [True, False]]
    assert smallest(torch.ones(4), 3).sum() == 3 and not smallest(torch.ones(4), 0).any()


def test_shares_are_rounded_over_all_tensors():
    masks = magnitude_masks([A, B], 0.4)
    assert [m.shape for m in masks] == [A.shape, B.shape]
    assert sum(int((~m).sum()) for m in masks) == round(0.4 * 107) == 43
    assert max(w[~m].abs().max() for w, m in zip((A, B), masks, strict=True)) < min(
        w[m].abs().min() for w, m in zip((A, B), masks, strict=True)
    )
    assert filter_mask(B, 0.5).shape == (4, 1, 1, 1) and filter_mask(B, 0.4, dim=1).shape == (1, 3, 1, 1)
    assert filter_mask(A, 0.5).sum() == 3, "2.5 is rounded to the even 2, as in torch.nn.utils.prune"
    parameters = inspect.signature(filter_mask).parameters
    assert parameters["p"].default == 1.0 and parameters["dim"].default == 0
    rows = torch.tensor([[3.0, 0.0, 0.0], [1.5, 1.5, 1.5]])
    assert filter_mask(rows, 0.5).flatten().tolist() == [False, True], "by the sum of magnitudes"
    assert filter_mask(rows, 0.5, p=2.0).flatten().tolist() == [True, False], "by length"


def test_training_keeps_what_is_pruned_at_zero():
    layer = nn.Linear(7, 5).double()
    mask = magnitude_masks([layer.weight], 0.6)[0]
    assert prune_(layer, mask) is layer
    optimizer = torch.optim.SGD(layer.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
    before = layer.weight.detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        layer(A).square().sum().backward()
        optimizer.step()
    assert not layer.weight[~mask].any() and (layer.weight != before)[mask].all()
    assert not layer.parametrizations.weight.original.grad[~mask].any()
    assert "parametrizations.weight.0.mask" in layer.state_dict()
    parametrize.remove_parametrizations(layer, "weight")
    assert isinstance(layer.weight, nn.Parameter) and not layer.weight[~mask].any()
    bias = prune_(nn.Linear(2, 3), torch.tensor([True, False, True]), "bias")
    assert bias.bias[1] == 0 != bias.bias[0]
    rows = prune_(nn.Linear(3, 3), torch.tensor([[True], [False], [True]]))
    assert rows.weight.any(1).tolist() == [True, False, True]


def test_removed_channels_leave_no_trace(record):
    """With scale and shift of some channels zero, the narrow network says the same, in training and in evaluation."""
    model = small_network()
    gone = {"1": [0, 4], "4": [2]}
    with torch.no_grad():
        for name, channels in gone.items():
            for parameter in (model[int(name)].weight, model[int(name)].bias):
                parameter[channels] = 0
    masks = channel_masks(model, 3 / 11)
    assert {n: (~m).nonzero().flatten().tolist() for n, m in masks.items()} == gone
    x = randn(3, 2, 5, 6, seed=7)
    expected = [copy.deepcopy(model).train(mode)(x) for mode in (False, True)]
    slim_(model[0], model[1], [model[3]], masks["1"])
    slim_(model[3], model[4], [model[7]], masks["4"])
    shapes = [tuple(v.shape) for v in model.state_dict().values() if v.dim() > 1]
    assert shapes == [(4, 2, 3, 3), (4, 4, 2, 2), (4, 24)]
    assert (model[0].out_channels, model[1].num_features, model[3].in_channels, model[3].out_channels) == (4, 4, 4, 4)
    assert model[7].in_features == 24 and all(isinstance(model[i].weight, nn.Parameter) for i in (0, 1, 3, 4, 7))
    for mode, before in zip((False, True), expected, strict=True):
        gap = error(copy.deepcopy(model).train(mode)(x), before)
        what = f"network without three channels, {'training' if mode else 'evaluation'}"
        record(METHOD, MODULE, what, "the same with their scales and shifts at zero", error=gap, tolerance=1e-12, dtype=x.dtype)
    model(x).sum().backward()
    assert model[1].running_var.shape == (4,) and model[0].bias.grad.shape == (4,)


def test_slimming_keeps_a_channel_in_every_layer():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm1d(2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([0.1, -0.3, 0.2]))
        model[1].weight.copy_(torch.tensor([-4.0, 5.0]))
    assert {n: m.tolist() for n, m in channel_masks(model, 0.6).items()} == {"0": [False, True, False], "1": [True, True]}
    assert {n: m.tolist() for n, m in channel_masks(model, 1.0).items()} == {"0": [False, True, False], "1": [False, True]}


def test_the_penalty_pulls_scales_to_zero():
    """Its gradient is lambda times the sign, for the scales alone."""
    model = small_network()
    slimming_penalty(model, 0.7).backward()
    for layer in (model[1], model[4]):
        assert error(layer.weight.grad, 0.7 * layer.weight.sign()) < 1e-15
    assert model[1].bias.grad is None and model[0].weight.grad is None
