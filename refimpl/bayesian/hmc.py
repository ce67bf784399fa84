r"""Hamiltonian Monte Carlo: draw from a density by simulating a particle on its negative logarithm.

Papers
    Duane, Kennedy, Pendleton and Roweth, "Hybrid Monte Carlo", Physics Letters B 195, 1987, pages 216-222.
    Neal, "MCMC using Hamiltonian dynamics", Handbook of Markov Chain Monte Carlo, 2011, arXiv:1206.1901. Sections 2 and 3.

Equations (U the negative log density up to a constant, q the position, p the momentum, M the mass matrix, eps the step)
    hmc-leapfrog     p <- p - eps / 2 grad U(q),   q <- q + eps M^-1 p,   p <- p - eps / 2 grad U(q)
    hmc-acceptance   H(q, p) = U(q) + p^T M^-1 p / 2,   A = min(1, exp(H(q, p) - H(q*, p*)))
    hmc-momentum     p ~ N(0, M) before each trajectory;   then q <- q* with probability A, else q stays

Deviations from the papers
    1. Many independent chains move at once, each with its own momentum and decision.
    2. The end's momentum is not turned around: H is even in it and it is drawn anew.
    3. A trajectory whose end has no finite energy, NaN included, is rejected.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["hamiltonian", "hmc_step", "leapfrog", "propose", "sample"]

Potential = Callable[[Tensor], Tensor]


def leapfrog(potential: Potential, q: Tensor, p: Tensor, step_size: float, steps: int, mass: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Position and momentum after ``steps`` leapfrog steps.

    Args:
        potential: U, from ``(..., D)`` to ``(...)``, each chain by itself; differentiated by ``torch.func.grad``.
        q, p: ``(..., D)``.
        step_size: eps.
        steps: at least 1.
        mass: M, symmetric and positive definite, ``(D, D)``; the identity by default.

    Raises:
        ValueError: a shape or number does not fit.
    """
    _check("leapfrog", q, p, mass)
    if not step_size > 0.0 or steps < 1:
        raise ValueError(f"leapfrog: expected a positive step_size and at least 1 step, got {step_size} and {steps}")
    root = _root(mass)

    def energy(x: Tensor) -> Tensor:
        found = potential(x)
        if found.shape != x.shape[:-1]:
            raise ValueError(f"leapfrog: potential must give shape {tuple(x.shape[:-1])}, one number a chain, got {tuple(found.shape)}")
        return found.sum()

    slope_at = torch.func.grad(energy)
    slope = slope_at(q)
    for _ in range(steps):
        p = p - step_size / 2 * slope
        q = q + step_size * _velocity(p, root)
        slope = slope_at(q)
        p = p - step_size / 2 * slope
    return q, p


def hamiltonian(potential: Potential, q: Tensor, p: Tensor, mass: Tensor | None = None) -> Tensor:
    """H(q, p) of each chain, ``(...)``; for the arguments see :func:`leapfrog`."""
    _check("hamiltonian", q, p, mass)
    return potential(q) + (p * _velocity(p, _root(mass))).sum(-1) / 2


def propose(potential: Potential, q: Tensor, p: Tensor, step_size: float, steps: int, mass: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The end q* of the trajectory ``(..., D)`` and the probability A of going there ``(...)``; for the arguments see :func:`leapfrog`."""
    end, momentum = leapfrog(potential, q, p, step_size, steps, mass)
    gain = hamiltonian(potential, q, p, mass) - hamiltonian(potential, end, momentum, mass)
    return end, gain.clamp(max=0.0).exp().nan_to_num(0.0)


@torch.no_grad()
def hmc_step(
    potential: Potential, q: Tensor, step_size: float, steps: int, mass: Tensor | None = None, *, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """One trajectory of each chain from a new momentum: where the chains are then ``(..., D)``, and the probabilities A ``(...)``.

    Args:
        generator: source of momenta and decisions; PyTorch's global one by default.

    For the other arguments and the errors see :func:`leapfrog`.
    """
    _check("hmc_step", q, q, mass)
    p = torch.randn(q.shape, generator=generator, dtype=q.dtype, device=q.device)
    if mass is not None:
        p = p @ _root(mass).T
    end, probability = propose(potential, q, p, step_size, steps, mass)
    accepted = torch.rand(probability.shape, generator=generator, dtype=q.dtype, device=q.device) < probability
    return torch.where(accepted[..., None], end, q), probability


def sample(
    potential: Potential,
    start: Tensor,
    count: int,
    step_size: float,
    steps: int,
    mass: Tensor | None = None,
    *,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """``count`` steps of every chain from ``start``: the draws ``(count, ..., D)`` and the probabilities A ``(count, ...)``.

    The first draws still depend on the start; leave them out. An A of 0.6 to 0.9 in the mean shows a good step size.

    Raises:
        ValueError: ``count`` is less than 1, or see :func:`leapfrog`.
    """
    if count < 1:
        raise ValueError(f"sample: count must be at least 1, got {count}")
    draws, probabilities, q = [], [], start
    for _ in range(count):
        q, probability = hmc_step(potential, q, step_size, steps, mass, generator=generator)
        draws.append(q)
        probabilities.append(probability)
    return torch.stack(draws), torch.stack(probabilities)


def _root(mass: Tensor | None) -> Tensor | None:
    """The lower triangular L with M = L L^T."""
    return None if mass is None else torch.linalg.cholesky(mass)


def _velocity(p: Tensor, root: Tensor | None) -> Tensor:
    """M^-1 p."""
    return p if root is None else torch.cholesky_solve(p[..., None], root)[..., 0]


def _check(function: str, q: Tensor, p: Tensor, mass: Tensor | None) -> None:
    if not q.dim() or p.shape != q.shape or not q.is_floating_point():
        got = f"{q.dtype} of shape {tuple(q.shape)} and {tuple(p.shape)}"
        raise ValueError(f"{function}: q and p must be floating point of one shape (..., D), got {got}")
    if mass is not None and mass.shape != 2 * q.shape[-1:]:
        raise ValueError(f"{function}: mass must have shape {tuple(2 * q.shape[-1:])}, got {tuple(mass.shape)}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    covariance = torch.tensor([[1.0, 0.9], [0.9, 1.0]])
    precision = covariance.inverse()

    def narrow(q: Tensor) -> Tensor:
        return (q @ precision * q).sum(-1) / 2

    print("100 chains of 200 draws from a normal distribution with correlation 0.9, after 20 that are left out")
    for step_size in (0.1, 0.3, 0.5, 0.65):
        draws, probabilities = sample(narrow, torch.full((100, 2), 3.0), 220, step_size, 5)
        found = draws[20:].flatten(0, 1)
        lag = torch.corrcoef(torch.stack((draws[20:-1, :, 0].flatten(), draws[21:, :, 0].flatten())))[0, 1]
        print(
            f"  step {step_size:4.2f}: accepted {probabilities.mean().item():.0%}, variance {found.var(0)[0].item():.3f},"
            f" correlation {torch.corrcoef(found.T)[0, 1].item():.3f}, of a draw with the next {lag.item():5.2f}"
        )
