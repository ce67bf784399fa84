"""Cases of Hamiltonian Monte Carlo: trajectories with slopes by hand in NumPy, and those of a normal density as powers of a matrix."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from refimpl.bayesian.hmc import hamiltonian, hmc_step, leapfrog, propose, sample
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn

METHOD = "hmc"
PRECISION = torch.tensor([[1.5, 0.6, -0.2], [0.6, 2.0, 0.4], [-0.2, 0.4, 0.8]], dtype=torch.float64)
MASS = torch.tensor([[2.0, 0.5, 0.3], [0.5, 1.2, -0.4], [0.3, -0.4, 0.9]], dtype=torch.float64)


def quartic(q: Tensor) -> Tensor:
    """Neighbors attract, each is held back by its fourth power."""
    return (q**4).sum(-1) / 4 + ((q[..., 1:] - q[..., :-1]) ** 2).sum(-1)


def normal(q: Tensor) -> Tensor:
    return (q @ PRECISION.to(q) * q).sum(-1) / 2


def numpy_quartic(q):
    return sum(v**4 / 4 for v in q) + sum((b - a) ** 2 for a, b in pairwise(q))


def numpy_slope(q):
    """Slopes of the quartic potential, number by number."""
    found = [v**3 for v in q]
    for i in range(len(q) - 1):
        found[i + 1] += 2 * (q[i + 1] - q[i])
        found[i] -= 2 * (q[i + 1] - q[i])
    return np.array(found)


def numpy_leapfrog(_, q, p, step_size, steps, mass=None):
    inverse = np.eye(q.shape[-1]) if mass is None else np.linalg.inv(mass)
    ends = np.zeros_like(q), np.zeros_like(p)
    for chain in np.ndindex(q.shape[:-1]):
        x, v = q[chain], p[chain]
        for _ in range(steps):
            half = v - step_size / 2 * numpy_slope(x)
            x = x + step_size * inverse @ half
            v = half - step_size / 2 * numpy_slope(x)
        ends[0][chain], ends[1][chain] = x, v
    return ends


def numpy_propose(_, q, p, step_size, steps, mass=None):
    inverse = np.eye(q.shape[-1]) if mass is None else np.linalg.inv(mass)
    end, momentum = numpy_leapfrog(_, q, p, step_size, steps, mass)
    probability = np.zeros(q.shape[:-1])
    for chain in np.ndindex(q.shape[:-1]):
        before = numpy_quartic(q[chain]) + p[chain] @ inverse @ p[chain] / 2
        after = numpy_quartic(end[chain]) + momentum[chain] @ inverse @ momentum[chain] / 2
        probability[chain] = min(1.0, math.exp(before - after))
    return end, probability


def torch_leapfrog(_, q, p, step_size, steps, mass=None):
    """Two half steps between positions as one whole step, slopes by hand."""
    inverse = torch.eye(q.shape[-1], dtype=q.dtype) if mass is None else mass.inverse()

    def slope(x):
        bond = 2 * torch.diff(x, dim=-1)
        return x**3 + torch.nn.functional.pad(bond, (1, 0)) - torch.nn.functional.pad(bond, (0, 1))

    p = p - step_size * slope(q) / 2
    for k in range(steps):
        q = q + step_size * torch.einsum("ij,...j->...i", inverse, p)
        p = p - step_size * slope(q) / (2 if k == steps - 1 else 1)
    return q, p


def torch_propose(_, q, p, step_size, steps, mass=None):
    inverse = torch.eye(q.shape[-1], dtype=q.dtype) if mass is None else mass.inverse()
    end, momentum = torch_leapfrog(_, q, p, step_size, steps, mass)

    def energy(x, v):
        return (x**4).sum(-1) / 4 + torch.diff(x, dim=-1).square().sum(-1) + torch.einsum("...i,ij,...j->...", v, inverse, v) / 2

    ratio = torch.exp(energy(q, p) - energy(end, momentum))
    return end, torch.where(ratio > 1, 1.0, ratio)


def by_powers(_, q, p, step_size, steps, mass=None):
    """With a normal density a step is one matrix on (q, p)."""
    d = len(PRECISION)
    one, zero, eps = torch.eye(d, dtype=q.dtype), torch.zeros(d, d, dtype=q.dtype), step_size
    kick = torch.cat((torch.cat((one, zero), 1), torch.cat((-eps / 2 * PRECISION, one), 1)))
    drift = torch.cat((torch.cat((one, eps * (one if mass is None else mass.inverse())), 1), torch.cat((zero, one), 1)))
    power = torch.linalg.matrix_power(kick @ drift @ kick, steps)
    return (torch.cat((q, p), -1) @ power.T).split(d, -1)


Q, P = randn(2, 3, seed=1), randn(2, 3, seed=2)
BAD = (
    Bad(
        lambda: leapfrog(quartic, Q, P[:1], 0.1, 1),
        r"leapfrog: q and p must be floating point of one shape \(..., D\), got torch.float64 of shape \(2, 3\) and \(1, 3\)",
    ),
    Bad(lambda: leapfrog(quartic, Q[0, 0], P[0, 0], 0.1, 1), r"leapfrog: q and p must be .*, got torch.float64 of shape \(\) and \(\)"),
    Bad(lambda: leapfrog(quartic, Q.long(), P.long(), 0.1, 1), r"leapfrog: q and p must be .*, got torch.int64 of shape"),
    Bad(lambda: leapfrog(quartic, Q, P, 0.0, 1), r"leapfrog: expected a positive step_size and at least 1 step, got 0.0 and 1"),
    Bad(lambda: leapfrog(quartic, Q, P, float("nan"), 1), r"leapfrog: expected a positive step_size .*, got nan and 1"),
    Bad(lambda: leapfrog(quartic, Q, P, 0.1, 0), r"leapfrog: expected a positive step_size and at least 1 step, got 0.1 and 0"),
    Bad(lambda: leapfrog(quartic, Q, P, 0.1, 1, MASS[:2]), r"leapfrog: mass must have shape \(3, 3\), got \(2, 3\)"),
    Bad(lambda: leapfrog(lambda q: q, Q, P, 0.1, 1), r"leapfrog: potential must give shape \(2,\), one number a chain, got \(2, 3\)"),
    Bad(lambda: leapfrog(torch.sum, Q, P, 0.1, 1), r"leapfrog: potential must give shape \(2,\), one number a chain, got \(\)"),
    Bad(lambda: hamiltonian(quartic, Q, P[0]), r"hamiltonian: q and p must be .* of shape \(2, 3\) and \(3,\)"),
    Bad(lambda: hamiltonian(quartic, Q, P, MASS[0]), r"hamiltonian: mass must have shape \(3, 3\), got \(3,\)"),
    Bad(lambda: propose(quartic, Q, P, -0.1, 1), r"leapfrog: expected a positive step_size and at least 1 step, got -0.1 and 1"),
    Bad(lambda: hmc_step(quartic, Q.long(), 0.1, 1), r"hmc_step: q and p must be floating point .*, got torch.int64"),
    Bad(lambda: hmc_step(quartic, Q, 0.1, 1, MASS[:, :1]), r"hmc_step: mass must have shape \(3, 3\), got \(3, 1\)"),
    Bad(lambda: sample(quartic, Q, 0, 0.1, 1), r"sample: count must be at least 1, got 0"),
    Bad(lambda: sample(quartic, Q, 2, 0.0, 1), r"leapfrog: expected a positive step_size and at least 1 step, got 0.0 and 1"),
)


def samples():
    return [
        Sample((randn(3, seed=3), randn(3, seed=4), 0.2, 2), {"mass": MASS}),
        Sample((randn(4, 2, 3, seed=5), randn(4, 2, 3, seed=6), 0.15, 5), {"mass": MASS}, "many chains"),
        Sample((randn(2, 5, seed=7), randn(2, 5, seed=8), 0.1, 3), {}, "defaults"),
    ]


def degenerate():
    return [
        Sample((Q[:, :1], P[:, :1], 0.2, 1), {}, "one dimension, one step"),
        Sample((randn(0, 3, seed=1), randn(0, 3, seed=1), 0.2, 2), {}, "no chain"),
    ]


COMMON = {
    "dtypes": (torch.float64, torch.float32),  # in two-byte types energies are too coarse to compare
    "exports": "torch.export does not trace a gradient that is taken inside the program",
}
CASES = [
    Case(
        METHOD,
        "trajectory",
        lambda: partial(leapfrog, quartic),
        samples,
        (
            Oracle("whole steps of the momentum, slopes by hand", torch_leapfrog),
            Oracle("the steps in NumPy, number by number", numpy_leapfrog, "numpy"),
        ),
        hard=lambda: [Sample((Q * 0, P * 0, 0.2, 4), {}, "at rest"), Sample((Q * 0, P * 1e-4, 0.2, 4), {}, "almost at rest")],
        bad=BAD,
        gradcheck=2,
        degenerate=degenerate,
        **COMMON,
    ),
    Case(
        METHOD,
        "trajectory in a normal density",
        lambda: partial(leapfrog, normal),
        lambda: [Sample((Q, P, 0.3, 3), {"mass": MASS}), Sample((Q, P, 0.4, 6), {}, "unit mass")],
        (Oracle("powers of the step's matrix", by_powers),),
        hard=lambda: [Sample((Q * 1e4, P, 0.3, 5), {}, "far away")],
        **COMMON,
    ),
    Case(
        METHOD,
        "proposal",
        lambda: partial(propose, quartic),
        samples,
        (
            Oracle("ratio of densities in torch", torch_propose),
            Oracle("ratio of densities in NumPy, chain by chain", numpy_propose, "numpy"),
        ),
        degenerate=degenerate,
        **COMMON,
    ),
]
