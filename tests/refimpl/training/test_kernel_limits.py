"""What is special to the tangent kernel: means over random networks, networks trained by gradient descent, positive definiteness."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refimpl.training.kernel_limits import NTKLinear, empirical_ntk, kernel_descent, linearized, ntk_mlp, relu_ntk
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_kernel_limits import METHOD, X1, X2

MODULE = "refimpl.training.kernel_limits"


def test_mean_kernel_of_one_hidden_layer_is_the_limit(record):
    """At any width the expected kernel of a network with one hidden layer is that of the infinite one."""
    torch.manual_seed(0)
    draws = torch.stack([empirical_ntk(ntk_mlp(4, 40, 1).double(), X1, X2) for _ in range(60)]).detach()
    limit, _ = relu_ntk(X1, X2, 1)
    z = ((draws.mean(0) - limit).abs() / (draws.std(0) / 60**0.5)).max().item()
    record(METHOD, MODULE, "mean of 60 finite kernels, standard errors", "arc-cosine kernel", error=z, tolerance=4.5, dtype=X1.dtype)


def test_the_kernel_settles_as_the_width_grows():
    """Two hidden layers: the spread over networks falls like the root of the width."""
    torch.manual_seed(0)
    limit, _ = relu_ntk(X1, X1, 2)
    spread = []
    for width in (16, 256):
        draws = torch.stack([empirical_ntk(ntk_mlp(4, width, 2).double(), X1) for _ in range(8)]).detach()
        spread.append(((draws - limit).square().mean().sqrt() / limit.norm()).item())
    assert 2 < spread[0] / spread[1] < 8


def test_outputs_have_the_covariance_of_the_limit(record):
    torch.manual_seed(1)
    draws = torch.stack([ntk_mlp(4, 200, 1).double()(X1).flatten() for _ in range(150)]).detach()
    covariance = relu_ntk(X1, X1, 1)[1]
    products = draws[:, :, None] * draws[:, None]
    z = ((products.mean(0) - covariance).abs() / (products.std(0) / 150**0.5)).max().item()
    record(METHOD, MODULE, "covariance of 150 outputs, standard errors", "arc-cosine kernel", error=z, tolerance=4.5, dtype=X1.dtype)


def test_a_linear_model_follows_the_kernel_exactly(record):
    """Its linearization is itself: 25 steps of gradient descent end where the kernel says."""
    torch.manual_seed(2)
    model = nn.Linear(4, 1, bias=True).double()
    y = randn(3, seed=5)
    kernel, cross = empirical_ntk(model, X1).detach(), empirical_ntk(model, X2, X1).detach()
    before, at_start = model(X2).detach().flatten(), model(X1).detach().flatten()
    predicted = before + kernel_descent(kernel, cross, y - at_start, 0.05, 25)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for _ in range(25):
        optimizer.zero_grad()
        ((model(X1).flatten() - y).square().sum() / 2).backward()
        optimizer.step()
    gap = error(model(X2).flatten(), predicted)
    record(METHOD, MODULE, "25 steps of a linear model", "torch.optim.SGD", error=gap, tolerance=1e-12, dtype=X1.dtype)


def test_a_wide_network_stays_near_the_prediction_of_its_kernel():
    y, steps, lr, off = torch.sin(X1.sum(1)), 60, 0.05, []
    for width in (8, 512):
        torch.manual_seed(3)
        model = ntk_mlp(4, width, 1).double()
        kernel, cross = empirical_ntk(model, X1).detach(), empirical_ntk(model, X2, X1).detach()
        start, other = model(X1).detach().flatten(), model(X2).detach().flatten()
        optimizer = torch.optim.SGD(model.parameters(), lr)
        for _ in range(steps):
            optimizer.zero_grad()
            ((model(X1).flatten() - y).square().sum() / 2).backward()
            optimizer.step()
        moved = model(X2).detach().flatten() - other
        off.append(error(moved, kernel_descent(kernel, cross, y - start, lr, steps)))
    assert off[1] < 0.05 and off[1] < off[0] / 2


def test_limits_and_shapes():
    x = randn(6, 5, seed=7)
    for depth in range(4):
        tangent, covariance = relu_ntk(x, x, depth)
        lengths = x.square().sum(1) / 5
        assert torch.linalg.eigvalsh(tangent + tangent.T).min() > -1e-12
        tolerance = 1e-7  # the arc cosine of one, less the rounding of the length
        assert error(covariance.diagonal(), lengths) < tolerance and error(tangent.diagonal(), (depth + 1) * lengths) < tolerance
    opposite = relu_ntk(x, -x, 1)[1].diagonal()
    assert opposite.abs().max() < 1e-7, "no unit is on for both of two opposite inputs"
    zero = relu_ntk(torch.zeros(1, 5, dtype=torch.float64), x, 2)
    assert not zero[0].any() and not zero[1].any()


def test_linearized_is_exact_for_no_change_and_for_the_last_layer():
    model = ntk_mlp(4, 6, 2).double()
    assert torch.equal(linearized(model, {}, X1), model(X1))
    change = randn(1, 6, seed=8)
    moved = linearized(model, {"4.weight": change}, X1)
    with torch.no_grad():
        model[4].weight += change
    assert error(moved, model(X1)) < 1e-13


def test_an_eigenvalue_of_zero_leaves_gradients_finite():
    train = torch.diag(torch.tensor([0.0, 1.0, 2.0])).requires_grad_()
    (slope,) = torch.autograd.grad(kernel_descent(train, torch.eye(3), torch.ones(3), 0.3, 4).sum(), train)
    assert slope.isfinite().all() and slope.any()


def test_networks_are_built_as_said():
    model = ntk_mlp(5, 7, 2)
    assert [tuple(p.shape) for p in model.parameters()] == [(7, 5), (7, 7), (1, 7)]
    assert [tuple(p.shape) for p in ntk_mlp(5, 7, 0).parameters()] == [(1, 5)]
    layer = NTKLinear(9, 4, device="meta", dtype=torch.float16)
    assert (layer.weight.device.type, layer.weight.dtype) == ("meta", torch.float16)
    one = NTKLinear(4, 2)
    x = torch.ones(1, 4)
    assert torch.allclose(one(x), one.weight.sum(1)[None] / 2)
    assert model[1](torch.tensor([-1.0, 3.0])).tolist() == pytest.approx([0.0, 3 * 2**0.5])
    assert abs(NTKLinear(300, 300).weight.std().item() - 1) < 0.02
    flat = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)).double()
    assert empirical_ntk(flat, X1).shape == (3, 3)
