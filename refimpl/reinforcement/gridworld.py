"""Small worlds of square cells with their tables of transitions and rewards, to plan and to learn in.

A world is drawn with letters: ``S`` start, ``F`` floor, ``H`` hole and ``G`` goal, both of which end the episode, ``C`` cliff,
from which the agent is put back to the start. States are numbered row by row, actions are left, down, right, up. A move
against the edge leaves the agent in place. Where the floor is slippery the move goes to the intended side or to one of the
two sides at right angles to it, with probability 1/3 each. The worlds here have the rules of gymnasium's FrozenLake-v1 and CliffWalking-v1.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

__all__ = ["CLIFF", "FROZEN_LAKE", "GridWorld"]

FROZEN_LAKE = ("SFFF", "FHFH", "FFFH", "HFFG")
CLIFF = ("FFFFFFFFFFFF", "FFFFFFFFFFFF", "FFFFFFFFFFFF", "SCCCCCCCCCCG")
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))


class GridWorld:
    """Tables of a drawn world, and single steps in it.

    Args:
        rows: the drawing, strings of one length with exactly one ``S``.
        slippery: whether a move may go astray.
        step_reward, goal_reward, cliff_reward: rewards of an ordinary move, a move onto the goal, a move onto the cliff.

    Attributes:
        transitions: P(s' | s, a), float64, ``(S, 4, S)``; a terminal state leads to itself.
        rewards: the reward of that transition, float64, ``(S, 4, S)``; zero from a terminal state.
        terminal: whether the episode ends there, ``(S,)``.
        start: the first state.

    Raises:
        ValueError: the drawing is none.
    """

    def __init__(
        self,
        rows: Sequence[str],
        slippery: bool = False,
        *,
        step_reward: float = 0.0,
        goal_reward: float = 1.0,
        cliff_reward: float = -100.0,
    ) -> None:
        cells = "".join(rows)
        if len({len(row) for row in rows}) != 1 or set(cells) - set("SFHGC") or cells.count("S") != 1:
            raise ValueError(f"GridWorld: rows must have one length, the letters S, F, H, G, C and exactly one S, got {rows}")
        height, width, states = len(rows), len(rows[0]), len(cells)
        self.start = cells.index("S")
        self.terminal = torch.tensor([cell in "HG" for cell in cells])
        self.transitions = torch.zeros(states, 4, states, dtype=torch.float64)
        self.rewards = torch.zeros(states, 4, states, dtype=torch.float64)
        reward_of = {"S": step_reward, "F": step_reward, "H": step_reward, "G": goal_reward, "C": cliff_reward}
        sides = (-1, 0, 1) if slippery else (0,)
        for state in range(states):
            if self.terminal[state]:
                self.transitions[state, :, state] = 1.0
                continue
            row, column = divmod(state, width)
            for action in range(4):
                for side in sides:
                    down, right = MOVES[(action + side) % 4]
                    to = min(max(row + down, 0), height - 1) * width + min(max(column + right, 0), width - 1)
                    reward = reward_of[cells[to]]
                    if cells[to] == "C":
                        to = self.start
                    seen, share = self.transitions[state, action, to].item(), 1.0 / len(sides)
                    self.rewards[state, action, to] = (self.rewards[state, action, to] * seen + reward * share) / (seen + share)
                    self.transitions[state, action, to] += share
        self._chances, self._prizes, self._ends = self.transitions.tolist(), self.rewards.tolist(), self.terminal.tolist()

    def step(self, state: int, action: int, rng: random.Random) -> tuple[int, float, bool]:
        """The next state, the reward, and whether the episode is over."""
        chances = self._chances[state][action]
        to = rng.choices(range(len(chances)), chances)[0] if max(chances) < 1.0 else chances.index(1.0)
        return to, self._prizes[state][action][to], self._ends[to]
