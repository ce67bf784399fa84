"""What is special to Adagrad: its step on a constant gradient, its indifference to the scale of a coordinate, its defaults."""

from __future__ import annotations

import torch

from refimpl.training.adagrad import Adagrad
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.rule import GRADIENTS, check_defaults, check_state, walk
from tests.refimpl.training.cases_adagrad import METHOD

MODULE = "refimpl.training.adagrad"


def test_defaults_are_those_of_torch():
    check_defaults(Adagrad, torch.optim.Adagrad)


def test_state_has_the_names_of_torch():
    check_state(Adagrad, torch.optim.Adagrad, initial_accumulator_value=0.2)


def test_constant_gradient(record):
    """The steps are lr / sqrt(t), whatever the gradient's size."""
    places, point = [0.0], torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = Adagrad([point], lr=0.3, eps=0.0)
    for _ in range(30):
        point.grad = torch.full_like(point, -123.0)
        optimizer.step()
        places.append(point.item())
    gap = error(torch.tensor(places, dtype=torch.float64).diff(), 0.3 * torch.arange(1, 31).double() ** -0.5)
    record(METHOD, MODULE, "constant gradient", "lr / sqrt(t), closed form", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(1,)")


def test_scale_of_a_coordinate_does_not_matter():
    """Gradients multiplied coordinate by coordinate give the same path when eps is 0."""
    scale = torch.tensor([1e-4, 3.0, 1e5], dtype=torch.float64)
    scaled, _ = walk(Adagrad, [scale * g for g in GRADIENTS], lr=0.1, eps=0.0)
    assert error(scaled, walk(Adagrad, lr=0.1, eps=0.0)[0]) < 1e-13


def test_boundaries_are_accepted():
    end, _ = walk(Adagrad, lr=0.0, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=0.0)
    assert torch.equal(end, torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
