"""What is special to the least-squares GAN: its best discriminator, the Pearson divergence, and gradients far from the boundary."""

from __future__ import annotations

import inspect

import pytest
import torch

from refimpl.generative import gan
from refimpl.generative.lsgan import discriminator_loss, generator_loss, optimal_discriminator
from tests.refimpl.generative.cases_lsgan import METHOD
from tests.refimpl.harness.case import rand
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.lsgan"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
P, Q = (rand(5, seed=s, low=0.1) for s in (1, 2))
P, Q = P / P.sum(), Q / Q.sum()


def test_best_discriminator_is_where_the_loss_is_flat(record):
    """Proposition: for densities p and q over five points, D* makes the expected loss stationary, and smaller than its neighbors."""
    for a, b in ((0.0, 1.0), (-1.0, 1.0), (2.0, -0.5)):
        best = optimal_discriminator(P, Q, a, b).requires_grad_()
        cost = 0.5 * (P * (best - b) ** 2 + Q * (best - a) ** 2).sum()
        (slope,) = torch.autograd.grad(cost, best)
        record(METHOD, MODULE, f"slope at the best discriminator, codes {a:g}, {b:g}", "0", error=slope.abs().max().item(), **EXACT)
    counts_p, counts_q = torch.tensor([3, 1, 4]), torch.tensor([1, 5, 2])  # as samples: the mean loss over them is least at D*
    points = optimal_discriminator(counts_p / 8, counts_q / 8).double().requires_grad_()
    loss = discriminator_loss(points.repeat_interleave(counts_p), points.repeat_interleave(counts_q))
    (slope,) = torch.autograd.grad(loss, points)
    record(METHOD, MODULE, "slope of the loss over samples", "0", error=slope.abs().max().item(), tolerance=1e-7, dtype=torch.float64)


@pytest.mark.parametrize(("a", "b", "c"), [(-1.0, 1.0, 0.0), (0.5, 2.5, 1.5)])
def test_generator_minimizes_the_pearson_divergence(a, b, c, record):
    """With b - c = 1 and b - a = 2, twice the cost at D* is the Pearson divergence of p + q and 2 q; both vanish where p = q."""
    best = optimal_discriminator(P, Q, a, b)
    cost = 0.5 * ((P + Q) * (best - c) ** 2).sum()
    pearson = ((2 * Q - (P + Q)) ** 2 / (P + Q)).sum()
    record(
        METHOD,
        MODULE,
        f"twice the generator's cost, codes {a:g}, {b:g}, {c:g}",
        "Pearson divergence",
        error=error(2 * cost, pearson),
        **EXACT,
    )
    assert error(optimal_discriminator(P, P, a, b) - c, torch.zeros(5).double()) < 1e-15 < pearson


def test_far_examples_are_pulled_back():
    """The pull grows with the distance from the code, where the non-saturating loss of the GAN lets go."""
    scores = torch.tensor([2.0, 5.0, 50.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(3 * generator_loss(scores), scores)
    assert slope.tolist() == pytest.approx([1.0, 4.0, 49.0])
    (logistic,) = torch.autograd.grad(3 * gan.generator_loss(scores), scores)
    assert (logistic.abs() < 0.12).all() and logistic[2].abs() < 1e-20


def test_default_codes():
    for f, expected in (
        (discriminator_loss, {"a": 0.0, "b": 1.0}),
        (generator_loss, {"c": 1.0}),
        (optimal_discriminator, {"a": 0.0, "b": 1.0}),
    ):
        assert {n: p.default for n, p in inspect.signature(f).parameters.items() if p.default is not p.empty} == expected
