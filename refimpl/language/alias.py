"""Alias method: draw from any distribution over n outcomes in constant time, after a table is made once.

Papers
    Walker, "An Efficient Method for Generating Discrete Random Variables with General Distributions", ACM TOMS 3(3), 1977.
    Vose, "A Linear Algorithm for Generating Random Numbers with a Given Distribution", IEEE TSE 17(9), 1991 (the table).

Equation (n columns of height 1/n, column i holds outcome i up to p_i / n and outcome a_i above)
    alias     P(i) = (p_i + sum over j with a_j = i of (1 - p_j)) / n
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["AliasTable", "alias_table"]


class AliasTable(NamedTuple):
    """Share of each column that is its own, ``(n,)``, and the outcome of the rest, ``(n,)`` int64."""

    own: Tensor
    other: Tensor

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        """Independent outcomes, int64 of the given shape."""
        device = self.own.device
        column = torch.randint(len(self.own), tuple(shape), generator=generator, device=device)
        level = torch.rand(tuple(shape), generator=generator, device=device, dtype=self.own.dtype)
        return torch.where(level < self.own[column], column, self.other[column])


def alias_table(weights: Tensor) -> AliasTable:
    """The table of a distribution in proportion to ``weights``, ``(n,)``.

    Raises:
        ValueError: a weight is negative or not finite, or none is positive.
    """
    values = weights.double()
    if values.dim() != 1 or not (values >= 0).all() or not 0 < values.sum() < torch.inf:
        raise ValueError(f"alias_table: weights must be (n,), finite, non-negative and not all zero, got shape {tuple(weights.shape)}")
    left = (values / values.sum() * len(values)).tolist()
    own, other = [1.0] * len(left), list(range(len(left)))
    small, large = [i for i, v in enumerate(left) if v < 1], [i for i, v in enumerate(left) if v >= 1]
    while small and large:
        i, j = small.pop(), large[-1]
        own[i], other[i] = left[i], j
        left[j] -= 1 - left[i]
        if left[j] < 1:
            small.append(large.pop())
    return AliasTable(torch.tensor(own, device=weights.device, dtype=torch.float64), torch.tensor(other, device=weights.device))
