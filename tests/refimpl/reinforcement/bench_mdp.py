"""Planning and learning beside the textbook's loops."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from refimpl.reinforcement.gridworld import FROZEN_LAKE, GridWorld
from refimpl.reinforcement.mdp import q_learning, value_iteration
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import rand
from tests.refimpl.reinforcement.cases_mdp import METHOD


def sweeps(transitions: Tensor, rewards: Tensor) -> Tensor:
    """Value iteration as the book prints it: state by state, in place, until no value changes much."""
    p, r = transitions.numpy(), rewards.numpy()
    v = [0.0] * len(p)
    change = 1.0
    while change > 1e-5:
        change = 0.0
        for s in range(len(p)):
            new = max(float(p[s, a] @ (r[s, a] + 0.9 * v_array(v))) for a in range(p.shape[1]))
            change, v[s] = max(change, abs(new - v[s])), new
    return torch.tensor(v)


def v_array(v: list[float]):
    return torch.tensor(v).numpy()


def tensors(world: GridWorld, episodes: int) -> Tensor:
    """Q-learning with the table in a tensor."""
    rng, table = random.Random(0), torch.zeros(16, 4)
    for _ in range(episodes):
        state, over = world.start, False
        while not over:
            action = rng.randrange(4) if rng.random() < 1.0 else int(table[state].argmax())
            to, reward, over = world.step(state, action, rng)
            table[state, action] += 0.5 * (reward + 0.9 * table[to].max() * (not over) - table[state, action])
            state = to
    return table


def made() -> tuple[Tensor, Tensor]:
    p = rand(100, 4, 100, seed=1, low=0.0) ** 8
    return p / p.sum(-1, keepdim=True), rand(100, 4, 100, seed=2)


LAKE = GridWorld(FROZEN_LAKE, slippery=True)

BENCHES = [
    Bench(
        METHOD,
        "value iteration, 100 states, 4 actions, gamma 0.9",
        lambda: lambda p, r: value_iteration(p, r, 0.9, 1e-3)[0],
        {"sweeps state by state": lambda: sweeps},
        made,
        backward=False,
        compiled=False,
    ),
    Bench(
        METHOD,
        "Q-learning, 100 episodes of random play on the frozen lake",
        lambda: lambda: q_learning(LAKE, 16, 4, 100, gamma=0.9, epsilon=1.0)[0].float(),
        {"the table in a tensor": lambda: lambda: tensors(LAKE, 100)},
        backward=False,
        compiled=False,
    ),
]
