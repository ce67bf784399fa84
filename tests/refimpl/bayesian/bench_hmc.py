"""A step of many chains beside the same with the plain autograd of one chain after another."""

from __future__ import annotations

import torch

from refimpl.bayesian.hmc import hmc_step
from tests.refimpl.bayesian.cases_hmc import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


def funnel(q):
    return q[..., 0] ** 2 / 18 + (q[..., 1:] ** 2).sum(-1) * torch.exp(-q[..., 0]) / 2 + (q.shape[-1] - 1) * q[..., 0] / 2


def ours(q):
    return hmc_step(funnel, q, 0.1, 10)[0]


def chain_by_chain(q):
    def slope(x):
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            return torch.autograd.grad(funnel(x), x)[0]

    found = []
    for start in q:
        x, p = start, torch.randn_like(start)
        before = funnel(x) + p.square().sum() / 2
        p = p - 0.05 * slope(x)
        for k in range(10):
            x = x + 0.1 * p
            p = p - (0.05 if k == 9 else 0.1) * slope(x)
        accepted = torch.rand((), device=q.device) < torch.exp(before - funnel(x) - p.square().sum() / 2)
        found.append(torch.where(accepted, x, start))
    return torch.stack(found)


BENCHES = [
    Bench(
        METHOD,
        "10 leapfrog steps of 64 chains in 20 dimensions",
        lambda: ours,
        {"torch.autograd.grad, one chain after another": lambda: chain_by_chain},
        lambda: (randn(64, 20, seed=0),),
        backward=False,
        compiled=False,
    )
]
