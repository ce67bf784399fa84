"""Tic-tac-toe: the smallest game that a search can play perfectly, and whose every position can be solved."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["TicTacToe"]

LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))


@dataclass(frozen=True)
class TicTacToe:
    """A position: for each of the nine cells 1 where the player to move has a mark, -1 where the other has, else 0."""

    cells: tuple[int, ...] = (0,) * 9

    @property
    def result(self) -> float | None:
        """For the player to move: -1 after the other's line, 0 on a full board, None while the game goes on."""
        if any(all(self.cells[i] == -1 for i in line) for line in LINES):
            return -1.0
        return 0.0 if all(self.cells) else None

    def moves(self) -> list[int]:
        """The free cells."""
        return [i for i, mark in enumerate(self.cells) if not mark]

    def play(self, move: int) -> TicTacToe:
        """The position after a move, seen by the other player.

        Raises:
            ValueError: the cell is taken, or there is none of this number.
        """
        if not 0 <= move < 9 or self.cells[move]:
            raise ValueError(f"TicTacToe: move must be one of {self.moves()}, got {move}")
        return TicTacToe(tuple(-1 if i == move else -mark for i, mark in enumerate(self.cells)))

    def encode(self) -> Tensor:
        """What a network sees, ``(18,)``: own marks, then those of the other."""
        marks = torch.tensor(self.cells)
        return torch.cat([marks == 1, marks == -1]).to(torch.get_default_dtype())

    def __str__(self) -> str:
        own, other = ("X", "O") if sum(self.cells) == 0 else ("O", "X")  # X begins
        signs = [own if mark == 1 else other if mark == -1 else "." for mark in self.cells]
        return "\n".join(" ".join(signs[i : i + 3]) for i in (0, 3, 6))
