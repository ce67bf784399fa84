"""Errata on optimizers, regularization, gradients and dropout: the printed form fails where the right one holds."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
import torch
from torch import Tensor

from refimpl.training.dropout import dropout, original_dropout


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def loss(theta: Tensor) -> Tensor:
    """A loss with its minimum at (3, -1)."""
    return ((theta - torch.tensor([3.0, -1.0], dtype=torch.float64)) ** 2).sum() / 2


def gradient(f, theta: Tensor) -> Tensor:
    return torch.func.grad(f)(theta)


def test_descent_subtracts_the_gradient():
    """A small step along plus the gradient raises the loss; the step of SGD is along minus the gradient and lowers it."""
    start, rate = randn(2), 0.1
    g = gradient(loss, start)
    assert loss(start + rate * g) > loss(start) > loss(start - rate * g)
    theta = start.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=rate)
    loss(theta).backward()
    optimizer.step()
    torch.testing.assert_close(theta.detach(), start - rate * g)


def test_exponential_does_not_solve_the_stationarity_equation():
    """J' = -2 lambda theta is solved by -lambda theta^2 + C; exp(-2 lambda theta) solves J' = -2 lambda J instead."""
    decay = 0.3
    theta = torch.linspace(-2, 2, 9, dtype=torch.float64)
    wanted = -2 * decay * theta
    torch.testing.assert_close(gradient(lambda t: (-decay * t**2).sum(), theta), wanted)
    exponential = torch.exp(wanted)
    slope = gradient(lambda t: torch.exp(-2 * decay * t).sum(), theta)
    torch.testing.assert_close(slope, -2 * decay * exponential)
    assert (slope - wanted).abs().max() > 0.5


def test_penalty_shrinks_the_minimum_and_does_not_move_it_to_zero():
    """The minimum of J + lambda |theta|^2 is the shrunken (3, -1) / (1 + 2 lambda); only there is J' = -2 lambda theta."""
    decay = 0.3
    minimum = torch.tensor([3.0, -1.0], dtype=torch.float64) / (1 + 2 * decay)
    theta = torch.zeros(2, dtype=torch.float64)
    for _ in range(200):
        theta = theta - 0.1 * gradient(lambda t: loss(t) + decay * (t**2).sum(), theta)
    torch.testing.assert_close(theta, minimum)
    torch.testing.assert_close(gradient(loss, theta), -2 * decay * theta)
    assert (gradient(loss, 2 * theta) + 4 * decay * theta).abs().min() > 0.5


@pytest.mark.parametrize("rate", [0.1, 0.02])
def test_decay_factor_holds_the_learning_rate(rate):
    """A gradient step on J + lambda |theta|^2 multiplies theta by 1 - 2 alpha lambda; 1 - lambda is another step."""
    decay, start = 0.3, randn(2)
    theta = start.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=rate)
    (loss(theta) + decay * (theta**2).sum()).backward()
    optimizer.step()
    torch.testing.assert_close(theta.detach(), (1 - 2 * rate * decay) * start - rate * gradient(loss, start))
    printed = (1 - decay) * start - rate * gradient(loss, start)
    assert (theta.detach() - printed).abs().max() > 0.1


def test_absolute_value_penalty_gives_exact_zeros():
    """The L1 minimum of a least-squares problem has weights that are 0.0, as its optimality conditions say; the L2 minimum has none."""
    data, noise, decay = randn(40, 6), randn(40, seed=1), 12.0
    target = data @ torch.tensor([2.0, 0.0, 0.0, -1.5, 0.0, 0.1], dtype=torch.float64) + 0.1 * noise
    gram, moment = data.T @ data, data.T @ target
    rate = 1 / torch.linalg.eigvalsh(gram).max()
    weight = torch.zeros(6, dtype=torch.float64)
    for _ in range(500):
        weight = torch.nn.functional.softshrink(weight - rate * (gram @ weight - moment), (rate * decay).item())
    zero = weight == 0
    assert 1 <= zero.sum() < 6
    slope = moment - gram @ weight
    assert (slope[zero].abs() < decay).all()
    torch.testing.assert_close(slope[~zero], decay * weight[~zero].sign())
    ridge = torch.linalg.solve(gram + 2 * decay * torch.eye(6, dtype=torch.float64), moment)
    assert (ridge != 0).all()


def test_jacobian_of_a_layer_scales_the_rows():
    """The Jacobian of tanh(W h) is diag(slopes) W; without the diagonal the product is a vector or scales the columns."""
    weight, h = randn(4, 4), randn(4, seed=1)
    slopes = 1 - torch.tanh(weight @ h) ** 2
    jacobian = torch.func.jacrev(lambda h: torch.tanh(weight @ h))(h)
    torch.testing.assert_close(torch.diag(slopes) @ weight, jacobian)
    assert (slopes @ weight).shape != jacobian.shape
    assert (slopes * weight - jacobian).abs().max() > 0.1


def test_slope_of_an_activation_may_be_one():
    """A slope is at most 1/4 for the sigmoid, but 1 for an active ReLU and above 1 for GELU: through 50 ReLU layers nothing shrinks."""
    z = torch.linspace(-4, 4, 801, dtype=torch.float64)

    def largest_slope(f) -> float:
        return torch.func.vmap(torch.func.grad(f))(z).max().item()

    assert largest_slope(torch.sigmoid) == pytest.approx(1 / 4)
    assert largest_slope(torch.tanh) == pytest.approx(1)
    assert largest_slope(torch.relu) == 1
    assert largest_slope(torch.nn.functional.gelu) > 1.12

    def deep(h: Tensor) -> Tensor:
        for _ in range(50):
            h = torch.relu(torch.eye(3, dtype=torch.float64) @ h)
        return h

    h = randn(3).abs()
    assert torch.equal(torch.func.jacrev(deep)(h), torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_dropout_is_scaled_in_training_or_in_evaluation(p):
    """Over all masks, a unit behind dropout gets 1 - p of its sum; leaving the masks out without scaling gives it the whole."""
    x, weight = randn(5), randn(5, seed=1)
    masks = [torch.tensor(mask) for mask in product([False, True], repeat=5)]
    chances = [prod((1 - p) if kept else p for kept in mask.tolist()) for mask in masks]

    def mean(f) -> Tensor:
        return sum(c * (weight @ f(m)) for c, m in zip(chances, masks, strict=True))

    whole = weight @ x
    without_scaling = mean(lambda m: x * m)
    torch.testing.assert_close(without_scaling, (1 - p) * whole)
    assert (without_scaling - whole).abs() > 0.1
    torch.testing.assert_close(without_scaling, weight @ original_dropout(x, p, training=False))
    torch.testing.assert_close(mean(lambda m: dropout(x, p, mask=m)), weight @ dropout(x, p, training=False))
