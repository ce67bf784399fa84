"""Replay memories: uniform, and prioritized by a tree of sums.

Paper
    Schaul, Quan, Antonoglou and Silver, "Prioritized Experience Replay", ICLR 2016, arXiv:1511.05952. Equation 1,
    section 3.4 (weights), algorithm 1, appendix B.2.1 (the tree). The uniform memory is that of Mnih et al., 2015.

Equations (N stored transitions with priorities p)
    dqn-prioritized  P(i) = p_i^alpha / sum_k p_k^alpha,   w_i = (1 / (N P(i)))^beta, divided by the largest of the batch
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["PrioritizedMemory", "ReplayMemory", "SumTree"]


class ReplayMemory:
    """The last ``capacity`` transitions, each a tuple of tensors of fixed shapes.

    Raises:
        ValueError: ``capacity`` is not positive.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"{type(self).__name__}: capacity must be positive, got {capacity}")
        self.capacity, self.added = capacity, 0
        self._columns: list[Tensor] = []

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, *transition: Tensor) -> int:
        """Store one transition in place of the oldest and return its index."""
        if not self._columns:
            self._columns = [t.new_empty(self.capacity, *t.shape) for t in transition]
        index = self.added % self.capacity
        for column, value in zip(self._columns, transition, strict=True):
            column[index] = value
        self.added += 1
        return index

    def get(self, indices: Tensor) -> tuple[Tensor, ...]:
        """The transitions at these indices, each column a batch."""
        return tuple(column[indices] for column in self._columns)

    def sample(self, batch: int, generator: torch.Generator | None = None) -> tuple[Tensor, ...]:
        """``batch`` transitions, drawn uniformly with replacement.

        Raises:
            ValueError: the memory is empty.
        """
        if not len(self):
            raise ValueError(f"{type(self).__name__}: expected at least one transition to sample from, got none")
        return self.get(torch.randint(len(self), (batch,), generator=generator))


class SumTree:
    """Non-negative numbers whose sum is kept, so that an index can be drawn in proportion to them in logarithmic time."""

    def __init__(self, capacity: int) -> None:
        self.leaves = 1 << (capacity - 1).bit_length()  # a power of 2
        self.sums = np.zeros(2 * self.leaves)  # node i has children 2 i and 2 i + 1; leaves come last

    @property
    def total(self) -> float:
        return float(self.sums[1])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return self.sums[self.leaves + np.asarray(indices)]

    def __setitem__(self, indices: np.ndarray, values: np.ndarray) -> None:
        nodes = self.leaves + np.atleast_1d(indices)
        self.sums[nodes] = values
        while nodes[0] > 1:
            nodes = np.unique(nodes // 2)
            self.sums[nodes] = self.sums[2 * nodes] + self.sums[2 * nodes + 1]

    def find(self, marks: np.ndarray) -> np.ndarray:
        """For each mark in [0, total) the index whose interval of the running sum holds it."""
        nodes = np.ones(len(marks), dtype=np.int64)
        while nodes[0] < self.leaves:
            left = self.sums[2 * nodes]
            # rounding can put a mark at the very end: never go where nothing is
            right = (marks >= left) & (self.sums[2 * nodes + 1] > 0)
            marks = marks - np.where(right, left, 0.0)
            nodes = 2 * nodes + right
        return nodes - self.leaves


class PrioritizedMemory(ReplayMemory):
    """A replay memory from which transitions are drawn in proportion to p^alpha.

    Args:
        capacity: how many transitions it holds.
        alpha: 0 draws uniformly.
        epsilon: added to the magnitude of an error, so that no transition is lost.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(self, capacity: int, alpha: float = 0.6, epsilon: float = 1e-6) -> None:
        super().__init__(capacity)
        if alpha < 0:
            raise ValueError(f"PrioritizedMemory: alpha must be non-negative, got {alpha}")
        if not epsilon > 0:
            raise ValueError(f"PrioritizedMemory: epsilon must be positive, got {epsilon}")
        self.alpha, self.epsilon, self.largest = alpha, epsilon, 1.0
        self.tree = SumTree(capacity)

    def add(self, *transition: Tensor) -> int:
        """Store one transition with the largest priority so far, so that it is soon seen."""
        index = super().add(*transition)
        self.tree[index] = self.largest**self.alpha
        return index

    def draw(self, batch: int, beta: float = 0.4, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Indices ``(batch,)``, one from each of ``batch`` equal shares of the total, and the weights that correct their bias.

        Raises:
            ValueError: the memory is empty or ``beta`` lies outside [0, 1].
        """
        if not len(self):
            raise ValueError("PrioritizedMemory: expected at least one transition to sample from, got none")
        if not 0.0 <= beta <= 1.0:
            raise ValueError(f"PrioritizedMemory: beta must lie in [0, 1], got {beta}")
        shares = (torch.arange(batch) + torch.rand(batch, generator=generator, dtype=torch.float64)) / batch
        indices = self.tree.find(shares.numpy() * self.tree.total)
        drawn = self.tree[indices]
        weights = (drawn / drawn.min()) ** -beta  # N and the sum of all cancel
        return torch.from_numpy(indices), torch.from_numpy(weights).to(torch.get_default_dtype())

    def update(self, indices: Tensor, errors: Tensor) -> None:
        """Give transitions new priorities, the magnitudes of their errors."""
        priorities = errors.detach().abs().cpu().double().numpy() + self.epsilon
        self.largest = max(self.largest, float(priorities.max()))
        self.tree[indices.cpu().numpy()] = priorities**self.alpha
