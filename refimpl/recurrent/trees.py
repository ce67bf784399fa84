"""Trees as tables of children, and states computed from the leaves up, all nodes of one height at once.

A forest of n nodes with at most K children each is an integer tensor ``(n, K)``: row j holds the indices of the children
of node j, -1 where there is none. Children come before their node, so the last node of a tree is its root. Several trees
make one forest when the indices of each are moved up by the number of nodes before it; they are then computed together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["fold", "forest", "levels"]


def levels(children: Tensor) -> list[Tensor]:
    """Indices of the nodes of each height, the leaves first.

    Raises:
        ValueError: the table has a wrong shape or dtype, or names a child that does not come before its node.
    """
    if children.dim() != 2 or children.dtype != torch.int64:
        raise ValueError(f"levels: children must be torch.int64 (n, K), got {children.dtype} of shape {tuple(children.shape)}")
    heights: list[int] = []
    for node, row in enumerate(children.tolist()):
        wrong = [child for child in row if not -1 <= child < node]
        if wrong:
            raise ValueError(f"levels: children of node {node} must lie in [-1, {node}), got {wrong[0]}")
        heights.append(max((heights[child] + 1 for child in row if child >= 0), default=0))
    found = torch.tensor(heights, device=children.device)
    return [(found == height).nonzero().squeeze(1) for height in sorted(set(heights))]


def fold(
    children: Tensor, order: Sequence[Tensor], states: Sequence[Tensor], combine: Callable[..., tuple[Tensor, ...]]
) -> tuple[Tensor, ...]:
    """States of all nodes, computed in the given order.

    Args:
        children: the table, ``(n, K)``.
        order: nodes to be computed at once, as from :func:`levels`.
        states: each state before, ``(n, H)``; a missing child has zeros.
        combine: takes nodes ``(m,)`` and each state of their children ``(m, K, H)``, gives each state of the nodes ``(m, H)``.
    """
    states = tuple(torch.cat((s, s.new_zeros(1, s.shape[1]))) for s in states)  # row -1 is that of a missing child
    for nodes in order:
        below = children[nodes]
        new = combine(nodes, *(s[below] for s in states))
        states = tuple(s.index_copy(0, nodes, value) for s, value in zip(states, new, strict=True))
    return tuple(s[:-1] for s in states)


def forest(trees: Sequence[Tensor]) -> Tensor:
    """One table for several trees with as many columns each."""
    moved, start = [], 0
    for tree in trees:
        moved.append(torch.where(tree < 0, tree, tree + start))
        start += len(tree)
    return torch.cat(moved)
