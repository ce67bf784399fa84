"""A sampled output with its complexity beside the same by ``torch.distributions``."""

from __future__ import annotations

import torch
from torch import nn
from torch.distributions import Normal

from refimpl.bayesian.bayes_by_backprop import BayesByBackprop
from tests.refimpl.bayesian.cases_bayes_by_backprop import METHOD
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn


class Ours(BayesByBackprop):
    def forward(self, x):
        return self.sample(x)


class Distributions(BayesByBackprop):
    """The same with objects for the distributions."""

    def forward(self, x):
        weights, complexity = {}, 0.0
        for name, mean, sigma in self.distributions():
            q = Normal(mean, sigma)
            weights[name] = w = q.rsample()
            complexity = complexity + (q.log_prob(w) - Normal(0.0, 1.0).log_prob(w)).sum()
        return torch.func.functional_call(self.module, weights, (x,)), complexity


def made(kind):
    return lambda: kind(nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 10)))


BENCHES = [
    Bench(
        METHOD,
        "784-400-400-10, batch 128",
        made(Ours),
        {"torch.distributions": made(Distributions)},
        lambda: (randn(128, 784, seed=0),),
        compiled=False,
    )
]
