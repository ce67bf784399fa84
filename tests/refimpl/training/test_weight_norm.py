"""What is special to weight normalization: its gradients, PyTorch's state dict, the initialization from data."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from refimpl.training.weight_norm import WeightNorm, initialize_from_data, norm_except, weight_norm
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_weight_norm import METHOD

MODULE = "refimpl.training.weight_norm"


def test_gradients_by_equation_3(record):
    """grad_g and grad_v from the gradient by w; the latter is orthogonal to v."""
    v, g, upstream = randn(4, 6, seed=1).requires_grad_(), rand(4, 1, seed=2, low=0.5).requires_grad_(), randn(4, 6, seed=3)
    (WeightNorm()(g, v) * upstream).sum().backward()
    length = v.detach().square().sum(1, keepdim=True).sqrt()
    grad_g = (upstream * v.detach()).sum(1, keepdim=True) / length
    grad_v = g.detach() / length * (upstream - grad_g * v.detach() / length)
    gap = max(error(g.grad, grad_g), error(v.grad, grad_v))
    record(METHOD, MODULE, "gradients by g and v", "equation 3", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(4,6)")
    assert (v.grad * v).sum(1).abs().max() < 1e-13


@pytest.mark.parametrize("make", [lambda: nn.Linear(5, 3), lambda: nn.Conv2d(2, 4, 3), lambda: nn.ConvTranspose1d(2, 4, 3)])
def test_layers_of_torch(make, record):
    """The same output, gradients and state dict as torch.nn.utils.parametrizations.weight_norm."""
    torch.manual_seed(1)
    ours = make().double()
    theirs = make().double()
    theirs.load_state_dict(ours.state_dict())
    weight_norm(ours), parametrizations.weight_norm(theirs)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    with torch.no_grad():
        ours.parametrizations.weight.original0.mul_(1.7)
    theirs.load_state_dict(ours.state_dict())
    x = randn(2, 5, seed=4) if isinstance(ours, nn.Linear) else randn(2, 2, *(6,) * (ours.weight.dim() - 2), seed=4)
    gaps = [error(ours(x), theirs(x))]
    ours(x).square().sum().backward(), theirs(x).square().sum().backward()
    gaps += [error(a.grad, b.grad) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True)]
    oracle = "torch.nn.utils.parametrizations.weight_norm"
    record(METHOD, MODULE, type(ours).__name__, oracle, error=max(gaps), tolerance=1e-13, dtype=torch.float64, shapes=str(tuple(x.shape)))


def test_the_layer_is_unchanged_at_first():
    layer, twin = nn.Linear(5, 3), nn.Linear(5, 3)
    twin.load_state_dict(layer.state_dict())
    x = torch.randn(4, 5)
    assert weight_norm(layer) is layer
    assert error(layer(x), twin(x)) < 1e-6
    assert layer.parametrizations.weight.original0.shape == (3, 1)


def test_length_and_direction_are_apart():
    layer = weight_norm(nn.Linear(5, 3).double())
    with torch.no_grad():
        layer.parametrizations.weight.original1.mul_(7.0)
    before = layer.weight.detach().clone()
    with torch.no_grad():
        layer.parametrizations.weight.original1.mul_(0.1)
    assert error(layer.weight, before) < 1e-14
    assert error(norm_except(layer.weight), layer.parametrizations.weight.original0) < 1e-14


def test_norms():
    v = torch.tensor([[3.0, 4.0], [0.0, 5.0]])
    assert norm_except(v).tolist() == [[5.0], [5.0]]
    assert norm_except(v, 1).tolist() == [[3.0, pytest.approx(41**0.5)]]
    assert norm_except(v, None).item() == pytest.approx(50**0.5)
    assert norm_except(torch.tensor([-2.0, 3.0])).tolist() == [2.0, 3.0]


@pytest.mark.parametrize("make", [lambda: nn.Linear(6, 3), lambda: nn.Conv2d(2, 4, 3)])
def test_initialization_from_data(make, record):
    """Section 3: the outputs of the batch have zero mean and unit variance, and v keeps its values."""
    layer = weight_norm(make().double())
    x = randn(50, 6, seed=5) * 3 + 2 if isinstance(layer, nn.Linear) else randn(9, 2, 7, 7, seed=5) * 3 + 2
    v = layer.parametrizations.weight.original1.detach().clone()
    y = initialize_from_data(layer, x)
    dims = [d for d in range(y.dim()) if d != 1]
    gap = max(y.mean(dims).abs().max().item(), (y.var(dims, correction=0) - 1).abs().max().item())
    record(METHOD, MODULE, f"{type(layer).__name__} from data", "mean 0, variance 1", error=gap, tolerance=1e-12, dtype=torch.float64)
    assert torch.equal(layer.parametrizations.weight.original1, v) and torch.equal(layer(x), y)
    assert layer(x).requires_grad


def test_repr_and_default_dimension():
    assert repr(WeightNorm()) == "WeightNorm(dim=0)"
    assert weight_norm(nn.Linear(5, 3), dim=1).parametrizations.weight.original0.shape == (1, 5)
    named = weight_norm(nn.LSTMCell(3, 4), "weight_hh")
    assert named.parametrizations.weight_hh.original0.shape == (16, 1)
