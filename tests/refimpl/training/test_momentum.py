"""What is special to momentum: its two-by-two dynamics, Nesterov's look-ahead in its own variables, its defaults."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from refimpl.training.momentum import Momentum
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.rule import check_state, walk
from tests.refimpl.training.cases_momentum import METHOD

MODULE = "refimpl.training.momentum"


def on_a_parabola(curvature: float, steps: int, **options) -> float:
    theta = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    optimizer = Momentum([theta], **options)
    for _ in range(steps):
        theta.grad = curvature * theta.detach()
        optimizer.step()
    return theta.item()


def test_defaults():
    expected = {"lr": 1e-3, "momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False, "maximize": False}
    assert Momentum([torch.zeros(1, requires_grad=True)]).defaults == expected
    assert error(walk(Momentum)[0], walk(torch.optim.SGD, momentum=0.9)[0]) < 1e-14


def test_state_has_the_names_of_torch():
    check_state(Momentum, torch.optim.SGD, momentum=0.8, dampening=0.1)


def test_heavy_ball_is_a_linear_map(record):
    """On h theta^2 / 2 the pair (theta, v) is multiplied by one matrix; its spectral radius is sqrt(mu) where it oscillates."""
    lr, mu, h, steps = 0.1, 0.6, 7.0, 40
    matrix = np.array([[1 - lr * h, -lr * mu], [h, mu]])
    assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(np.sqrt(mu), rel=1e-12)
    expected = (np.linalg.matrix_power(matrix, steps) @ [1.0, 0.0])[0]
    gap = abs(on_a_parabola(h, steps, lr=lr, momentum=mu) - expected)
    what = "40 steps on a parabola"
    record(METHOD, MODULE, what, "powers of the 2 x 2 matrix", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(1,)")


def test_nesterov_in_the_variables_of_the_paper(record):
    """Sutskever's equations 3 and 4: the gradient at theta + mu v; the parameter kept here is that point."""
    lr, mu = 0.05, 0.7

    def gradient(x: float) -> float:
        return x**3 + np.cos(2 * x)

    theta, velocity, ahead = 0.8, 0.0, []
    for _ in range(12):
        velocity = mu * velocity - lr * gradient(theta + mu * velocity)
        theta += velocity
        ahead.append(theta + mu * velocity)
    point, ours = torch.tensor([0.8], dtype=torch.float64, requires_grad=True), []
    optimizer = Momentum([point], lr=lr, momentum=mu, nesterov=True)
    for _ in range(12):
        point.grad = point.detach() ** 3 + torch.cos(2 * point.detach())
        optimizer.step()
        ours.append(point.item())
    gap = error(torch.tensor(ours, dtype=torch.float64), torch.tensor(ahead, dtype=torch.float64))
    source = "Sutskever et al. 2013, equations 3 and 4"
    record(METHOD, MODULE, "Nesterov", source, error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(1,)")


def test_a_gradient_kept_by_the_caller_is_left_alone():
    """Code that accumulates into the same gradient tensor must not change the velocity, nor the step that tensor."""
    point = torch.zeros(2, requires_grad=True)
    point.grad = torch.tensor([1.0, -2.0])
    optimizer = Momentum([point], lr=1.0, momentum=0.5)
    optimizer.step()
    optimizer.step()
    assert point.grad.tolist() == [1.0, -2.0]
    assert point.tolist() == [-2.5, 5.0]


def test_boundaries_are_accepted():
    end, _ = walk(Momentum, lr=0.0, momentum=0.0, dampening=0.0, weight_decay=0.0)
    assert torch.equal(end, torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    Momentum([torch.zeros(1, requires_grad=True)], momentum=1e-9, dampening=0.0, nesterov=True)
    with pytest.raises(ValueError, match=r"momentum must be in \[0, 1\), got 1.0"):
        Momentum([torch.zeros(1, requires_grad=True)], momentum=1.0, nesterov=True)
