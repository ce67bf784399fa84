"""Learning action values from experience alone: Q-learning and SARSA on a table.

Paper
    Sutton and Barto, "Reinforcement Learning: An Introduction", 2nd edition, 2018: chapter 6. Q-learning is Watkins's, 1989.

Equations (Q the table, alpha the step size, gamma the discount factor; Q is 0 at a terminal state)
    mdp-q-learning  Q(s, a) <- Q(s, a) + alpha (r + gamma max_a' Q(s', a') - Q(s, a))
    mdp-sarsa       Q(s, a) <- Q(s, a) + alpha (r + gamma Q(s', a') - Q(s, a)),   a' the action taken next
"""

from __future__ import annotations

import random
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["World", "epsilon_greedy", "q_learning", "sarsa"]


class World(Protocol):
    """What an agent needs to know of a world: where it starts, and what a step does."""

    start: int

    def step(self, state: int, action: int, rng: random.Random) -> tuple[int, float, bool]:
        """The next state, the reward, and whether the episode is over."""
        ...


def epsilon_greedy(values: list[float], epsilon: float, rng: random.Random) -> int:
    """An action at random with probability ``epsilon``, else one of the best, ties broken at random."""
    if rng.random() < epsilon:
        return rng.randrange(len(values))
    best = max(values)
    return rng.choice([action for action, value in enumerate(values) if value == best])


def q_learning(
    world: World,
    states: int,
    actions: int,
    episodes: int,
    *,
    step_size: float = 0.5,
    gamma: float = 1.0,
    epsilon: float = 0.1,
    max_steps: int = 10_000,
    rng: random.Random | None = None,
) -> tuple[Tensor, list[float]]:
    """Learn from episodes by Q-learning, exploring epsilon-greedily.

    Args:
        world: see :class:`World`.
        states, actions: their numbers.
        episodes: how many to play; one longer than ``max_steps`` is broken off.
        step_size: alpha.
        gamma: the discount factor.
        epsilon: share of random actions.
        rng: source of randomness; one seeded with 0 by default.

    Returns:
        The table, float64 ``(states, actions)``, and the sum of rewards of each episode.

    Raises:
        ValueError: a number is out of range.
    """
    return _learn("q_learning", False, world, states, actions, episodes, step_size, gamma, epsilon, max_steps, rng)


def sarsa(
    world: World,
    states: int,
    actions: int,
    episodes: int,
    *,
    step_size: float = 0.5,
    gamma: float = 1.0,
    epsilon: float = 0.1,
    max_steps: int = 10_000,
    rng: random.Random | None = None,
) -> tuple[Tensor, list[float]]:
    """Learn from episodes by SARSA: the action that is really taken next takes the maximum's place; else as :func:`q_learning`."""
    return _learn("sarsa", True, world, states, actions, episodes, step_size, gamma, epsilon, max_steps, rng)


def _learn(
    function: str,
    on_policy: bool,
    world: World,
    states: int,
    actions: int,
    episodes: int,
    step_size: float,
    gamma: float,
    epsilon: float,
    max_steps: int,
    rng: random.Random | None,
) -> tuple[Tensor, list[float]]:
    for name, number in (("step_size", step_size), ("gamma", gamma), ("epsilon", epsilon)):
        if not 0.0 <= number <= 1.0:
            raise ValueError(f"{function}: {name} must lie in [0, 1], got {number}")
    rng = random.Random(0) if rng is None else rng
    table = [[0.0] * actions for _ in range(states)]
    returns = []
    for _ in range(episodes):
        state, total = world.start, 0.0
        action = epsilon_greedy(table[state], epsilon, rng)
        for _ in range(max_steps):
            to, reward, terminal = world.step(state, action, rng)
            total += reward
            # the behavior of Q-learning chooses after the update, that of SARSA before it
            following = epsilon_greedy(table[to], epsilon, rng) if on_policy else None
            bootstrap = 0.0 if terminal else table[to][following] if on_policy else max(table[to])
            table[state][action] += step_size * (reward + gamma * bootstrap - table[state][action])
            if terminal:
                break
            state, action = to, following if on_policy else epsilon_greedy(table[to], epsilon, rng)
        returns.append(total)
    return torch.tensor(table, dtype=torch.float64), returns
