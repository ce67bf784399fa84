"""What is special to unrolling: the two terms of the gradient, the games that it settles, and what stays untouched."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from refimpl.generative import gan
from refimpl.generative.unrolled_gan import unroll, unrolled_generator_loss
from tests.refimpl.generative.cases_unrolled_gan import CURVES, LR, MATRIX, METHOD, game, value
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.unrolled_gan"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
G, D = randn(3, seed=21), randn(2, seed=22)


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_both_terms_of_the_gradient(steps, record):
    """Equation 10: the slope at the answer held fixed, and the answer's own slope by g times that of f by the answer."""
    g = G.clone().requires_grad_()
    surrogate, reached = game(steps)(g, D)
    (whole,) = torch.autograd.grad(surrogate, g, retain_graph=True)
    answer = reached.detach().requires_grad_()
    fixed, pull = torch.autograd.grad(value(g, answer), (g, answer))
    answers = torch.autograd.functional.jacobian(lambda x: game(steps)(x, D)[1], G)  # (2, 3)
    record(METHOD, MODULE, f"slope of f_K, {steps} steps", "both terms of equation 10", error=error(whole, fixed + pull @ answers), **EXACT)
    assert (answers.abs().max() > 0) == (steps > 0)


def test_many_steps_reach_the_best_answer(record):
    """f concave in d: as K grows, f_K is the maximum over d, whose slope is that of f with the best d held fixed."""
    g = G.clone().requires_grad_()
    surrogate, reached = game(400)(g, D)
    best = torch.linalg.solve(CURVES, MATRIX.mT @ G)
    (whole,) = torch.autograd.grad(surrogate, g)
    record(METHOD, MODULE, "answer after 400 steps", "the best answer", error=error(reached, best), **EXACT)
    record(METHOD, MODULE, "slope of f_K after 400 steps", "that of the maximum", error=error(whole, MATRIX @ best), **EXACT)


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_a_game_without_curvature(steps, record):
    """f = g d: simultaneous steps of size s grow by sqrt(1 + s^2) each; K steps ahead the generator is damped by 2 K s g."""
    size, g, d = 0.1, torch.tensor(1.0).double(), torch.tensor(1.0).double()
    step = torch.tensor([[1 - 2 * steps * size * size, -size], [size, 1]], dtype=torch.float64)
    expected = torch.linalg.matrix_power(step, 30) @ torch.ones(2, dtype=torch.float64)
    for _ in range(30):
        place = g.clone().requires_grad_()
        answer = unroll(lambda p, place=place: -place * p["d"], {"d": d}, steps, size)["d"]
        (slope,) = torch.autograd.grad(place * answer, place)
        g, d = g - size * slope, d + size * g
    record(METHOD, MODULE, f"30 rounds, {steps} steps ahead", "powers of a matrix", error=error(torch.stack([g, d]), expected), **EXACT)
    assert (torch.linalg.eigvals(step).abs().max() < 1) == (steps > 0)


def test_no_step_is_the_ordinary_loss():
    discriminator = randomize(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)))
    real, fake = randn(5, 3, seed=31), randn(4, 3, seed=32)
    assert torch.equal(unrolled_generator_loss(discriminator, real, fake, 0), gan.generator_loss(discriminator(fake)))


def test_the_discriminator_stays_where_it_is():
    """And the generated examples get another slope than through their scores alone."""
    discriminator = randomize(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)))
    before = [p.detach().clone() for p in discriminator.parameters()]
    real, fake = randn(5, 3, seed=31), randn(4, 3, seed=32).requires_grad_()
    loss = unrolled_generator_loss(discriminator, real, fake, 3, LR)
    loss.backward()
    assert all(torch.equal(a, b) for a, b in zip(before, discriminator.parameters(), strict=True))
    through_the_score = torch.autograd.grad(unrolled_generator_loss(discriminator, real, fake, 0), fake)[0]
    assert fake.grad is not None and error(fake.grad, through_the_score) > 1e-2


def test_the_loss_may_draw_anew_at_each_step():
    batches = iter([2.0, 3.0, 5.0])
    start = {"w": torch.tensor(1.0), "unused": torch.tensor(7.0)}
    reached = unroll(lambda p: next(batches) * p["w"], start, 3, 0.5)
    assert reached == {"w": 1.0 - 0.5 * 10, "unused": 7.0} and list(batches) == [] and start["w"] == 1.0


def test_the_start_is_differentiated_unless_it_is_detached():
    start = torch.tensor(2.0, requires_grad=True)
    unroll(lambda p: p["w"].square(), {"w": start}, 2, 0.25)["w"].backward()
    assert start.grad == 0.25  # each step halves it


def test_defaults():
    found = {n: p.default for n, p in inspect.signature(unrolled_generator_loss).parameters.items() if p.default is not p.empty}
    assert found == {"steps": 5, "lr": 1e-2, "loss": gan.generator_loss}
