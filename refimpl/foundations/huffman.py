"""Huffman's tree: the binary tree whose leaves, weighted by their counts, lie nearest to the root.

Paper
    Huffman, "A Method for the Construction of Minimum-Redundancy Codes", Proceedings of the IRE 40, 1952.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Tree", "huffman_tree"]


class Tree(NamedTuple):
    """The way from the root to each of V leaves, for all leaves as long as the longest one, L.

    ``paths`` are the numbers of the inner nodes passed, ``(V, L)`` int64, the root being 0; ``signs`` say where to go
    from there, ``(V, L)`` int8: 1 to the first child, -1 to the second, 0 where the leaf has been reached.
    """

    paths: Tensor
    signs: Tensor


def huffman_tree(counts: Sequence[float] | Tensor) -> Tree:
    """Merge the two rarest again and again.

    Args:
        counts: how often each leaf occurs, one or more numbers of at least 0. Of equal ones the leaf of the lowest number
            comes first, and every leaf before a merged node.

    Raises:
        ValueError: there is no leaf, or a count is negative or not a number.
    """
    counts = [float(c) for c in counts]
    if not counts or not all(c >= 0 for c in counts):
        raise ValueError(f"huffman_tree: counts must be one or more numbers of at least 0, got {counts[:8]}")
    leaves = len(counts)
    heap = [(count, leaf) for leaf, count in enumerate(counts)]
    heapq.heapify(heap)
    children: list[tuple[int, int]] = []  # of node leaves + i
    while len(heap) > 1:
        (first, a), (second, b) = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (first + second, leaves + len(children)))
        children.append((a, b))

    root = leaves + len(children) - 1
    ways: dict[int, list[tuple[int, int]]] = {root: []}
    for node in range(root, leaves - 1, -1):  # a parent comes after its children
        way = ways.pop(node)
        for child, sign in zip(children[node - leaves], (1, -1), strict=True):
            ways[child] = [*way, (root - node, sign)]
    longest = max(map(len, ways.values()))
    padded = [ways[leaf] + [(0, 0)] * (longest - len(ways[leaf])) for leaf in range(leaves)]
    table = torch.tensor(padded, dtype=torch.int64).view(leaves, longest, 2)
    return Tree(table[..., 0].contiguous(), table[..., 1].to(torch.int8))
