"""Errata on losses, perceptrons and multilayer perceptrons: the printed form fails where the right one holds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.foundations.softmax_cross_entropy import cross_entropy

CORNERS = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]])
"""The inputs of AND and XOR; the first column is the constant 1 that carries the threshold."""
AND = np.array([0, 0, 0, 1])
XOR = np.array([0, 1, 1, 0])


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def step(z: int) -> int:
    return int(z >= 0)


def train(x: np.ndarray, d: np.ndarray, activation=step, epochs: int = 60) -> tuple[list[float], list[tuple[int, ...]]]:
    """Rosenblatt's rule w += (d - y) x from zero weights: the mean of |d - y| over each epoch and the weights after it."""
    w = np.zeros(x.shape[1], dtype=int)
    errors, weights = [], []
    for _ in range(epochs):
        error = 0
        for xi, di in zip(x, d, strict=True):
            wrong = int(di - activation(w @ xi))
            w += wrong * xi
            error += abs(wrong)
        errors.append(error / len(d))
        weights.append(tuple(w.tolist()))
    return errors, weights


@pytest.mark.parametrize("delta", [0.5, 1.0, 2.0])
def test_huber_is_a_square_near_zero(delta):
    """The slope of Huber's loss is the residual, clipped to [-delta, delta]; |x| / 2 has a kink at zero and jumps at delta."""

    def huber(x: Tensor, near_zero) -> Tensor:
        return torch.where(x.abs() <= delta, near_zero(x), delta * (x.abs() - delta / 2))

    def right(x: Tensor) -> Tensor:
        return huber(x, lambda x: x**2 / 2)

    def printed(x: Tensor) -> Tensor:
        return huber(x, lambda x: x.abs() / 2)

    def slope(f, x: Tensor) -> Tensor:
        return torch.func.grad(lambda x: f(x).sum())(x)

    x = torch.linspace(-3, 3, 60, dtype=torch.float64)
    torch.testing.assert_close(right(x), F.huber_loss(x, torch.zeros_like(x), reduction="none", delta=delta))
    torch.testing.assert_close(slope(right, x), x.clamp(-delta, delta))

    edge = torch.tensor([delta, delta + 1e-9], dtype=torch.float64)
    zero = torch.tensor([-1e-9, 1e-9], dtype=torch.float64)
    assert right(edge).diff().abs() < 1e-8
    assert printed(edge).diff().item() == pytest.approx(delta * (delta - 1) / 2, abs=1e-8)
    assert slope(right, zero).diff() < 1e-8
    assert slope(printed, zero).diff() == 1


def test_constant_inside_the_logarithm_makes_cross_entropy_negative():
    """A cross-entropy with one-hot targets is never negative; after clipping, the added 1e-9 pushes it below zero."""
    target = np.array([[0.0, 1.0]])
    certain, opposite = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])

    def loss(p: np.ndarray, added: float) -> float:
        return float(-(target * np.log(np.clip(p, 1e-12, 1 - 1e-12) + added)).sum() / len(p))

    assert loss(certain, added=1e-9) < -9e-10
    assert 0 <= loss(certain, added=0.0) < 2e-12
    assert loss(opposite, added=0.0) == pytest.approx(12 * np.log(10))  # finite: the clipping suffices
    logits = torch.tensor([[-800.0, 0.0]], dtype=torch.float64)
    assert cross_entropy(logits, torch.tensor([1])).item() == 0


def test_linear_classifier_does_not_make_the_data_separable():
    """The same rule settles on AND and runs in circles on XOR, which is as good a training set."""
    errors, _ = train(CORNERS, AND)
    assert errors[-1] == 0
    errors, weights = train(CORNERS, XOR)
    assert min(errors) > 0
    assert weights[-1] in weights[:-1]  # a state that came before comes again, and so forever


def test_targets_are_the_values_of_the_activation():
    """On separable data the rule settles when the targets are values that the activation takes, and never otherwise."""
    signs = 2 * AND - 1
    assert train(CORNERS, AND, step)[0][-1] == 0
    assert train(CORNERS, signs, np.sign)[0][-1] == 0
    errors, weights = train(CORNERS, signs, step, epochs=200)
    assert min(errors) >= 3 / 4  # d - y is -1 or -2 on each of the three corners of class -1
    assert not any(a == b for a, b in pairwise(weights))


def test_limit_of_one_unit_is_separability_not_linearity():
    """AND is no linear function, yet one unit learns it; XOR has no separating plane until its input gets a product."""
    residual = np.linalg.lstsq(CORNERS.astype(float), AND.astype(float), rcond=None)[1]
    assert residual.item() == pytest.approx(1 / 4)
    assert train(CORNERS, AND)[0][-1] == 0

    opposite = np.array([1, -1, -1, 1]) @ CORNERS
    assert not opposite.any()  # z(0,0) + z(1,1) = z(0,1) + z(1,0) for all weights: the two classes cannot lie on two sides
    assert min(train(CORNERS, XOR)[0]) > 0

    with_product = np.column_stack([CORNERS, CORNERS[:, 1] * CORNERS[:, 2]])
    assert train(with_product, XOR)[0][-1] == 0


def test_radial_basis_needs_a_negative_factor():
    """exp(c r^2) is a bump for c < 0 only: it falls with the distance and its interpolation matrix is positive definite."""
    r = torch.linspace(0, 5, 51, dtype=torch.float64)
    centers = randn(6, 2)
    squared = torch.cdist(centers, centers) ** 2
    bump, wall = torch.exp(-(r**2)), torch.exp(r**2)
    assert (bump.diff() < 0).all() and bump[-1] < 1e-10
    assert (wall.diff() > 0).all() and wall[-1] > 1e10
    assert torch.linalg.eigvalsh(torch.exp(-squared)).min() > 0
    assert torch.linalg.eigvalsh(torch.exp(squared)).min() < 0


def test_weight_has_a_row_for_each_output():
    """W x needs as many columns as x has components; neither the sample size nor the transpose fits."""
    samples, p, l1, l2 = 7, 3, 5, 4
    x, h = randn(p), randn(l1)
    first, second = nn.Linear(p, l1), nn.Linear(l1, l2)
    assert first.weight.shape == (l1, p) and second.weight.shape == (l2, l1)
    assert (randn(l1, p) @ x).shape == (l1,) and (randn(l2, l1) @ h).shape == (l2,)
    for weight, input in ((randn(samples, l1), x), (randn(l1, l2), h)):
        with pytest.raises(RuntimeError):
            weight @ input


def test_symmetry_alone_does_not_make_a_loss_nonconvex():
    """Swapping parameters may leave a convex loss as it is; for a network the loss between the two minima decides."""
    quadratic = torch.autograd.functional.hessian(lambda w: (w.sum() - 1) ** 2, randn(2))
    assert torch.linalg.eigvalsh(quadratic).min() > -1e-12  # convex everywhere, and (1, 0) and (0, 1) both have loss 0

    x = torch.linspace(-2, 2, 21, dtype=torch.float64)
    inner, outer = torch.tensor([[1.0, -3.0], [2.0, 1.0]], dtype=torch.float64)
    swapped = inner.flip(0), outer.flip(0)

    def loss(inner: Tensor, outer: Tensor) -> float:
        return ((torch.tanh(x[:, None] * inner) @ outer - target) ** 2).mean().item()

    target = torch.tanh(x[:, None] * inner) @ outer
    assert loss(inner, outer) == 0 and loss(*swapped) < 1e-30
    assert loss((inner + swapped[0]) / 2, (outer + swapped[1]) / 2) > 0.1


def staircase(f, steps: int, sharpness: float) -> nn.Sequential:
    """A network with one hidden layer of sigmoids on [0, 1] that rises at k - 1/2 steps by the change of f there."""
    at = f(torch.linspace(0, 1, steps + 1, dtype=torch.float64))
    hidden, output = nn.Linear(1, steps).double(), nn.Linear(steps, 1).double()
    with torch.no_grad():
        hidden.weight.fill_(sharpness * steps)
        hidden.bias.copy_(-sharpness * (torch.arange(steps) + 0.5))
        output.weight.copy_(at.diff()[None])
        output.bias.copy_(at[:1])
    return nn.Sequential(hidden, nn.Sigmoid(), output)


@torch.no_grad()
def test_one_hidden_layer_approximates_continuous_functions_on_a_compact_set():
    """The error on a continuous function falls with the units; at a jump it stays 1/2, and far outside it has no bound."""
    x = torch.linspace(0, 1, 2001, dtype=torch.float64)[:, None]

    def wave(x: Tensor) -> Tensor:
        return torch.sin(7 * x) * x

    def error(f, net, x: Tensor) -> float:
        return (net(x) - f(x)).abs().max().item()

    errors = [error(wave, staircase(wave, n, 20.0), x) for n in (10, 100, 1000)]
    assert errors[0] > 5 * errors[1] > 25 * errors[2]

    def jump(x: Tensor) -> Tensor:
        return (x >= 0.5).double()

    around = 0.5 + torch.tensor([[-1e-12], [1e-12]], dtype=torch.float64)
    for sharpness in (1e1, 1e3, 1e5):
        assert error(jump, staircase(jump, 101, sharpness), around) > 0.49

    net = staircase(torch.square, 100, 20.0)
    assert error(torch.square, net, x) < 0.02
    bound = net[2].bias.abs() + net[2].weight.abs().sum()
    assert error(torch.square, net, 1e3 * bound[:, None]) > 1e5
