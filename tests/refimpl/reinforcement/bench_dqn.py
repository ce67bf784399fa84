"""Parts of DQN beside the loops and operators that are common for them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from refimpl.reinforcement.dqn import SumTree, categorical_projection
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.reinforcement.cases_dqn import METHOD


def kernel(p: Tensor, r: Tensor) -> Tensor:
    """The triangular kernel between all pairs of atoms."""
    z = torch.linspace(-10, 10, p.shape[1], dtype=p.dtype)
    moved = (r[:, None] + 0.99 * z).clamp(-10, 10)
    near = torch.relu(1 - (moved[:, None, :] - z[:, None]).abs() * ((p.shape[1] - 1) / 20))
    return (near * p[:, None, :]).sum(2)


class Cumulative:
    """Draws from a running sum that is made anew after each change of priorities."""

    def __call__(self, priorities: Tensor, marks: Tensor) -> Tensor:
        values = priorities.double().numpy()
        found = []
        for chunk in marks.numpy().reshape(-1, 32):
            ends = np.cumsum(values)
            found.append(np.searchsorted(ends, chunk * ends[-1], side="right"))
            values[found[-1]] *= 0.99
        return torch.from_numpy(np.concatenate(found)).float()


class Tree(Cumulative):
    """The same with the tree of sums, filled once."""

    tree: SumTree | None = None

    def __call__(self, priorities: Tensor, marks: Tensor) -> Tensor:
        values = priorities.double().numpy()
        if self.tree is None:
            self.tree = SumTree(len(values))
            self.tree[np.arange(len(values))] = values
        found = []
        for chunk in marks.numpy().reshape(-1, 32):
            found.append(self.tree.find(chunk * self.tree.total))
            self.tree[found[-1]] = self.tree[found[-1]] * 0.99
        return torch.from_numpy(np.concatenate(found)).float()


BENCHES = [
    Bench(
        METHOD,
        "projection, 256 distributions of 51 atoms",
        lambda: lambda p, r: categorical_projection(p, r, torch.zeros(len(r), dtype=torch.bool), -10.0, 10.0),
        {"a kernel between all pairs of atoms": lambda: kernel},
        lambda: (torch.softmax(randn(256, 51, seed=0), 1), randn(256, seed=1)),
    ),
    Bench(
        METHOD,
        "prioritized draws, 20 batches of 32 of 200,000, priorities updated",
        Tree,
        {"numpy.cumsum and searchsorted": Cumulative},
        lambda: (rand(200_000, seed=2, low=0.1), rand(640, seed=3, low=0.0)),
        backward=False,
        compiled=False,
    ),
]
