"""Monte Carlo tree search guided by a policy and a value, for games of two players with alternating moves.

Paper
    Silver et al., "Mastering the game of Go without human knowledge", Nature 550, 2017 (methods, search algorithm), and
    "Mastering Chess and Shogi by Self-Play with a General Reinforcement Learning Algorithm", 2017, arXiv:1712.01815.

Equations (at a position s: N visits, W sums of values, Q = W / N or 0, P priors of the moves a)
    alphazero-puct    a = argmax_a Q(s, a) + c P(s, a) sqrt(sum_b N(s, b)) / (1 + N(s, a))
    alphazero-backup  N <- N + 1, W <- W + v along the path; v is negated at each step, since players alternate
    alphazero-noise   P = (1 - epsilon) p + epsilon eta,   eta ~ Dirichlet(alpha), at the root
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

__all__ = ["Node", "Position", "puct", "search"]


class Position(Protocol):
    """A position of a game, seen by the player to move."""

    @property
    def result(self) -> float | None:
        """The value for the player to move where the game is over, else None."""
        ...

    def moves(self) -> list[int]:
        """The legal moves."""
        ...

    def play(self, move: int) -> Any:
        """The position after a move, seen by the other player."""
        ...


Evaluate = Callable[[Any], tuple[Sequence[float], float]]
"""From a position to a probability for each legal move and the value for the player to move."""


def puct(prior: np.ndarray, visits: np.ndarray, totals: np.ndarray, c: float) -> np.ndarray:
    """The score of each move; the largest is tried next. Before any visit the largest prior wins, as the equation's limit says."""
    q = totals / np.maximum(visits, 1.0)  # 0 where there was no visit
    return q + c * prior * math.sqrt(max(visits.sum(), 1.0)) / (1.0 + visits)


class Node:
    """A position in the tree with the statistics of its moves.

    Attributes:
        position: the position.
        moves: its legal moves; ``prior``, ``visits`` and ``totals`` have one number for each, in this order.
        value: of the position for the player to move, by the network or by the rules.
        children: nodes that have been reached, by index of the move.
    """

    def __init__(self, position: Any, evaluate: Evaluate) -> None:
        self.position, self.children = position, {}
        ended = position.result
        self.moves: list[int] = [] if ended is not None else position.moves()
        self.visits, self.totals = np.zeros(len(self.moves)), np.zeros(len(self.moves))
        prior, self.value = evaluate(position) if ended is None else ((), float(ended))
        self.prior = np.asarray(prior)
        if self.prior.shape != (len(self.moves),):
            raise ValueError(f"Node: expected {len(self.moves)} probabilities, one for each legal move, got shape {self.prior.shape}")

    def add_noise(self, rng: np.random.Generator, alpha: float, epsilon: float) -> None:
        """Mix Dirichlet noise into the prior.

        Raises:
            ValueError: a number is out of range.
        """
        if not alpha > 0 or not 0 <= epsilon <= 1:
            raise ValueError(f"Node: alpha must be positive and epsilon lie in [0, 1], got {alpha} and {epsilon}")
        self.prior = (1 - epsilon) * self.prior + epsilon * rng.dirichlet([alpha] * len(self.moves))


def search(
    position: Position,
    evaluate: Evaluate,
    simulations: int,
    c: float = 1.25,
    *,
    noise: np.random.Generator | None = None,
    alpha: float = 0.3,
    epsilon: float = 0.25,
) -> Node:
    """Grow a tree from a position.

    Args:
        position: where to begin; the game must not be over.
        evaluate: gives prior and value of a new position.
        simulations: how many positions to add or final positions to see again.
        c: weight of exploration.
        noise: source of Dirichlet noise at the root; none where it is None.
        alpha, epsilon: the noise's concentration and share.

    Returns:
        The root, whose visits are the result.

    Raises:
        ValueError: the game is over, or a number is out of range.
    """
    if position.result is not None:
        raise ValueError(f"search: expected a position from which the game goes on, got {position!r}")
    if simulations < 1:
        raise ValueError(f"search: simulations must be positive, got {simulations}")
    root = Node(position, evaluate)
    if noise is not None:
        root.add_noise(noise, alpha, epsilon)
    for _ in range(simulations):
        node, path = root, []
        while node.moves:
            move = int(puct(node.prior, node.visits, node.totals, c).argmax())
            path.append((node, move))
            if move not in node.children:
                node.children[move] = node = Node(node.position.play(node.moves[move]), evaluate)
                break
            node = node.children[move]
        value = node.value
        for parent, move in reversed(path):
            value = -value  # the parent's player is the other one
            parent.visits[move] += 1
            parent.totals[move] += value
    return root
