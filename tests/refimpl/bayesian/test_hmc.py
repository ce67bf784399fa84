"""What is special to Hamiltonian Monte Carlo: reversed and volume-keeping trajectories, a kept density by quadrature, moments."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from refimpl.bayesian.hmc import hamiltonian, hmc_step, leapfrog, propose, sample
from tests.refimpl.bayesian.cases_hmc import MASS, METHOD, PRECISION, P, Q, normal, numpy_propose, quartic
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.bayesian.hmc"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def flat(q):
    return 0 * q.sum(-1)


@pytest.mark.parametrize("mass", [None, MASS])
def test_reversed_momentum_leads_back(mass, record):
    q, p = leapfrog(quartic, Q, P, 0.2, 12, mass)
    start, momentum = leapfrog(quartic, q, -p, 0.2, 12, mass)
    gap = max(error(start, Q), error(-momentum, P))
    assert error(q, Q) > 0.1
    record(METHOD, MODULE, f"way back, {'unit mass' if mass is None else 'with a mass matrix'}", "the start", error=gap, **EXACT)


@pytest.mark.parametrize("mass", [None, MASS])
def test_volume_and_areas_are_kept(mass, record):
    """The Jacobian S of (q, p) has determinant 1, and S^T J S = J: every step is symplectic, however long."""

    def trajectory(both):
        return torch.cat(leapfrog(quartic, both[:3], both[3:], 0.35, 4, mass))

    jacobian = torch.func.jacrev(trajectory)(torch.cat((Q[0], P[0])))
    form = torch.zeros(6, 6, dtype=torch.float64)
    form[:3, 3:], form[3:, :3] = torch.eye(3), -torch.eye(3)
    gap = max(abs(torch.linalg.det(jacobian).item() - 1), (jacobian.T @ form @ jacobian - form).abs().max().item())
    name = "unit mass" if mass is None else "with a mass matrix"
    record(METHOD, MODULE, f"determinant and areas, {name}", "1 and the symplectic form", error=gap, **EXACT | {"tolerance": 1e-10})


def test_energy_error_falls_with_the_square_of_the_step():
    def worst(step_size):
        end, momentum = leapfrog(quartic, Q, P, step_size, round(1.6 / step_size), MASS)
        return (hamiltonian(quartic, end, momentum, MASS) - hamiltonian(quartic, Q, P, MASS)).abs().max().item()

    assert worst(0.02) / worst(0.01) == pytest.approx(4, rel=0.02)


def test_a_spring_keeps_its_modified_energy(record):
    """For U = q^2 / 2 a step keeps p^2 + (1 - eps^2 / 4) q^2 exactly, so that up to eps = 2 nothing runs away."""
    q, p, eps = torch.tensor([1.3]).double(), torch.tensor([-0.4]).double(), 1.9
    kept = p**2 + (1 - eps**2 / 4) * q**2
    for steps in (1, 7, 1000):
        end, momentum = leapfrog(lambda x: x.square().sum(-1) / 2, q, p, eps, steps)
        gap = error(momentum**2 + (1 - eps**2 / 4) * end**2, kept)
        record(METHOD, MODULE, f"modified energy after {steps} steps", "that of the start", error=gap, **EXACT | {"tolerance": 1e-11})
    end, _ = leapfrog(lambda x: x.square().sum(-1) / 2, q, p, 2.1, 100)
    assert end.abs() > 1e6


def double_well(q):
    return 2 * (q.square().sum(-1) - 1) ** 2 + 0.5 * q.sum(-1)


@pytest.mark.parametrize("mass", [1.0, 1.7])
def test_the_density_is_kept_by_quadrature(mass, record):
    """Over all q and p, E[A f(q*) + (1 - A) f(q)] = E f(q), with steps so long that a third is rejected."""
    q, p = (torch.linspace(-r, r, 801, dtype=torch.float64) for r in (2.6, 9.0))
    q, p = (v.reshape(-1, 1) for v in torch.meshgrid(q, p, indexing="ij"))
    matrix = torch.tensor([[mass]]).double()
    weight = torch.exp(-hamiltonian(double_well, q, p, matrix))
    weight = weight / weight.sum()
    end, probability = propose(double_well, q, p, 0.3, 4, matrix)
    assert 0.5 < (weight * probability).sum() < 0.97
    for name, f in (("mean", lambda x: x[:, 0]), ("square", lambda x: x[:, 0] ** 2), ("wave", lambda x: torch.sin(3 * x[:, 0] + 1))):
        after = (weight * (probability * f(end) + (1 - probability) * f(q))).sum()
        gap = abs(after - (weight * f(q)).sum()).item()
        record(METHOD, MODULE, f"{name} after a step, mass {mass:g}", "before it, by quadrature", error=gap, tolerance=1e-4, dtype=q.dtype)
        assert abs((weight * f(end)).sum() - (weight * f(q)).sum()) > 1e-3, "without the decision it is not kept"


@pytest.mark.parametrize("mass", [None, MASS])
def test_a_step_by_brute_force(mass, record):
    """The same random numbers: a standard normal momentum times the root of M, then one uniform number a chain."""
    q = randn(40, 3, seed=9)
    found, probability = hmc_step(quartic, q, 0.5, 3, mass, generator=drawn(4))
    source = drawn(4)
    p = torch.randn(40, 3, dtype=torch.float64, generator=source).numpy()
    uniform = torch.rand(40, dtype=torch.float64, generator=source).numpy()
    if mass is not None:
        p = p @ np.linalg.cholesky(mass.numpy()).T
    end, expected = numpy_propose(None, q.numpy(), p, 0.5, 3, None if mass is None else mass.numpy())
    wanted = np.where((uniform < expected)[:, None], end, q.numpy())
    gap = max(error(probability, torch.as_tensor(expected)), error(found, torch.as_tensor(wanted)))
    record(METHOD, MODULE, f"a step, {'unit mass' if mass is None else 'with a mass matrix'}", "brute force in NumPy", error=gap, **EXACT)
    stayed = (found == q).all(1)
    assert 0 < stayed.sum() < 40 and probability.min() < 0.01 and probability.max() == 1


def test_moments_of_a_correlated_normal_density(record):
    """2,000 chains of 12 draws after 12 that are left out; mean and covariance within 4.5 standard errors of independent chains."""
    draws, probabilities = sample(normal, torch.full((2000, 3), 2.0).double(), 24, 0.45, 3, generator=drawn(1))
    assert 0.6 < probabilities.mean() < 0.99
    kept, covariance = draws[12:], PRECISION.inverse()
    products = (kept[..., :, None] * kept[..., None, :]).mean(0)
    for name, values, expected in (("means", kept.mean(0), torch.zeros(3).double()), ("covariances", products, covariance)):
        z = ((values.mean(0) - expected).abs() / (values.std(0) / 2000**0.5)).max().item()
        record(METHOD, MODULE, f"{name} of 2,000 chains, standard errors", "the normal density", error=z, tolerance=4.5, dtype=draws.dtype)
    assert (products.std(0) / 2000**0.5).max() < 0.02


def test_mean_of_a_double_well(record):
    """Not symmetric, with two modes: the mean and the share on the right, against sums over a grid."""
    draws, _ = sample(double_well, torch.zeros(4000, 1).double(), 40, 0.35, 4, generator=drawn(2))
    grid = torch.linspace(-3, 3, 6001, dtype=torch.float64)[:, None]
    weight = torch.exp(-double_well(grid))
    for name, f in (("mean", lambda x: x), ("share on the right", lambda x: (x > 0).double())):
        values, expected = f(draws[-1, :, 0]), ((weight * f(grid[:, 0])).sum() / weight.sum()).item()
        z = abs(values.mean().item() - expected) / (values.std().item() / 4000**0.5)
        record(METHOD, MODULE, f"{name} of a double well, standard errors", "sums over a grid", error=z, tolerance=4.0, dtype=draws.dtype)


def test_momenta_have_the_covariance_of_the_mass(record):
    """Without a potential a trajectory is q + eps steps M^-1 p and always accepted, so its covariance is that of M^-1."""
    start = torch.zeros(20_000, 3, dtype=torch.float64)
    moved, probability = hmc_step(flat, start, 0.5, 4, MASS, generator=drawn(3))
    assert (probability == 1).all()
    expected = 4 * MASS.inverse()
    products = moved[:, :, None] * moved[:, None, :]
    z = ((products.mean(0) - expected).abs() / (products.std(0) / 20_000**0.5)).max().item()
    record(METHOD, MODULE, "covariance of free moves, standard errors", "(eps steps)^2 M^-1", error=z, tolerance=4.5, dtype=moved.dtype)


def test_a_posterior_of_weights(record):
    """Linear regression with a normal prior: the posterior's mean and covariance are known."""
    x, noise = randn(15, 2, seed=10), 0.6
    y = x @ torch.tensor([1.0, -2.0]).double() + noise * randn(15, seed=11)

    def potential(w):
        return (w @ x.T - y).square().sum(-1) / (2 * noise**2) + w.square().sum(-1) / 2

    precision = x.T @ x / noise**2 + torch.eye(2).double()
    mean = torch.linalg.solve(precision, x.T @ y) / noise**2
    draws, _ = sample(potential, torch.zeros(3000, 2).double(), 30, 0.7, 2, mass=precision, generator=drawn(5))
    last = draws[-1]
    z = ((last.mean(0) - mean).abs() / (last.std(0) / 3000**0.5)).max().item()
    spread = (last.T.cov() - precision.inverse()).abs().max().item() / precision.inverse().abs().max().item()
    record(METHOD, MODULE, "posterior mean of a regression, standard errors", "closed form", error=z, tolerance=4.0, dtype=last.dtype)
    record(
        METHOD, MODULE, "posterior covariance, relative", "closed form", error=spread, tolerance=4.5 * (2 / 3000) ** 0.5, dtype=last.dtype
    )


@pytest.mark.parametrize("wall", [math.inf, math.nan])
def test_ends_without_energy_are_rejected(wall):
    """Beyond a wall the density is zero or not a number; and from there any end within is accepted."""

    def box(q):
        return torch.where(q.abs().amax(-1) < 1, 0.0, wall)

    end, probability = propose(box, torch.tensor([[0.5], [0.0]]), torch.tensor([[1.0], [0.1]]), 0.5, 2)
    assert probability.tolist() == [0.0, 1.0] and end[0].item() == 1.5
    moved, _ = hmc_step(box, torch.zeros(200, 1), 0.5, 4, generator=drawn(6))
    assert moved.abs().max() < 1 and 0 < (moved == 0).sum() < 200
    _, outside = propose(box, torch.tensor([[1.5]]), torch.tensor([[-1.0]]), 0.5, 2)
    assert outside.item() == (1.0 if wall == math.inf else 0.0)


def test_what_has_probability_zero_never_happens(monkeypatch):
    """Not even where the uniform number is zero."""
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.zeros(shape))
    start = torch.zeros(50, 1)
    moved, probability = hmc_step(lambda q: torch.where(q == 0, 0.0, math.inf).sum(-1), start, 0.5, 2)
    assert (probability == 0).all() and torch.equal(moved, start)


def test_draws_are_a_chain():
    """Each draw starts where the last one ended, the first from the start; the seed decides all."""
    start, source = randn(5, 3, seed=12), drawn(7)
    draws, probabilities = sample(quartic, start, 3, 0.2, 2, MASS, generator=drawn(7))
    q = start
    for i in range(3):
        q, probability = hmc_step(quartic, q, 0.2, 2, MASS, generator=source)
        assert torch.equal(draws[i], q) and torch.equal(probabilities[i], probability)
    assert draws.shape == (3, 5, 3) and probabilities.shape == (3, 5)
    torch.manual_seed(8)
    one = sample(quartic, start, 2, 0.2, 2)[0]
    torch.manual_seed(8)
    assert torch.equal(sample(quartic, start, 2, 0.2, 2)[0], one)
    assert not torch.equal(sample(quartic, start, 2, 0.2, 2)[0], one)
    assert sample(quartic, start[0], 1, 0.2, 2)[0].shape == (1, 3)


def test_draws_record_no_gradients_and_keep_type_and_device():
    scale = torch.tensor(2.0, requires_grad=True)
    draws, probabilities = sample(lambda q: scale * q.square().sum(-1), torch.ones(4, 2), 2, 0.1, 2, torch.eye(2))
    assert not draws.requires_grad and not probabilities.requires_grad and scale.grad is None
    assert draws.dtype == probabilities.dtype == torch.float32
    moved, _ = hmc_step(quartic, torch.zeros(4, 2, device="meta", dtype=torch.float64), 0.1, 2)
    assert moved.device.type == "meta" and moved.dtype == torch.float64
