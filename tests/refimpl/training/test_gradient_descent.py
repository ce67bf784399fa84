"""What is special to gradient descent: the mean it computes, the rate on a quadratic, its defaults."""

from __future__ import annotations

import torch

from refimpl.training.gradient_descent import GradientDescent
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.rule import check_defaults, walk
from tests.refimpl.training.cases_gradient_descent import METHOD

MODULE = "refimpl.training.gradient_descent"


def test_defaults_are_those_of_torch():
    check_defaults(GradientDescent, torch.optim.SGD)
    assert GradientDescent([torch.zeros(1, requires_grad=True)]).defaults["power"] == 0.0


def test_harmonic_steps_compute_the_running_mean(record):
    """With lr_t = 1 / t on (theta - x_t)^2 / 2 the parameter is the mean of the samples so far."""
    samples = randn(50, seed=1) + 3.0
    theta = torch.tensor(-7.0, dtype=torch.float64, requires_grad=True)
    optimizer, means = GradientDescent([theta], lr=1.0, power=1.0), []
    for x in samples:
        theta.grad = theta.detach() - x
        optimizer.step()
        means.append(theta.item())
    gap = error(torch.tensor(means, dtype=torch.float64), samples.cumsum(0) / torch.arange(1, 51))
    record(METHOD, MODULE, "steps 1 / t", "running mean of the samples", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(50,)")


def test_rate_on_a_quadratic(record):
    """On sum_i h_i theta_i^2 / 2 each coordinate shrinks by (1 - lr h_i) a step."""
    h = torch.tensor([0.5, 3.0, 19.0], dtype=torch.float64)
    theta = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = GradientDescent([theta], lr=0.1)
    for _ in range(20):
        theta.grad = h * theta.detach()
        optimizer.step()
    gap = error(theta, (1 - 0.1 * h) ** 20 * torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    what = "20 steps on a quadratic"
    record(METHOD, MODULE, what, "(1 - lr h)^t, closed form", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(3,)")


def test_no_penalty_leaves_an_infinite_parameter_alone():
    point = torch.tensor([torch.inf], requires_grad=True)
    point.grad = torch.ones(1)
    GradientDescent([point], weight_decay=0.0).step()
    assert point.item() == torch.inf


def test_boundaries_are_accepted():
    end, _ = walk(GradientDescent, lr=0.0, weight_decay=0.0, power=0.0)
    assert torch.equal(end, torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
