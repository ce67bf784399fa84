"""Q-learning and SARSA on the cliff: what each learns and what each earns while it explores."""

from __future__ import annotations

import random
from typing import Any

from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.reinforcement.gridworld import GridWorld
from refimpl.reinforcement.temporal_difference import q_learning, sarsa

__all__ = ["cliff_walking"]

ROWS = ("FFFFFFFFFFFF", "FFFFFFFFFFFF", "FFFFFFFFFFFF", "SCCCCCCCCCCG")
EPISODES, RUNS, LAST, WINDOW = 500, 10, 100, 10
RULES = {"q": q_learning, "sarsa": sarsa}


def greedy_steps(world: GridWorld, values: Tensor) -> int:
    """Steps of the greedy path from the start to the goal; 100 where it does not arrive or falls."""
    state, rng = world.start, random.Random(0)
    for step in range(1, 100):
        state, reward, over = world.step(state, int(values[state].argmax()), rng)
        if reward <= -100:
            return 100
        if over:
            return step
    return 100


def _cliff_walking(seed: int) -> Outcome:
    world = GridWorld(ROWS, step_reward=-1.0, goal_reward=-1.0, cliff_reward=-100.0)
    values: dict[str, float] = {}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for name, rule in RULES.items():
        runs = [
            rule(world, len(world.terminal), 4, EPISODES, step_size=0.5, epsilon=0.1, rng=random.Random(RUNS * seed + run))
            for run in range(RUNS)
        ]
        returns = [sum(earned) / RUNS for earned in zip(*(found[1] for found in runs), strict=True)]
        paths = sorted(greedy_steps(world, found[0]) for found in runs)
        values |= {f"{name}_return": sum(returns[-LAST:]) / LAST, f"{name}_steps": paths[RUNS // 2]}
        ends = range(WINDOW, EPISODES + 1, WINDOW)
        curves[name] = (list(ends), [max(sum(returns[end - WINDOW : end]) / WINDOW, -100.0) for end in ends])
    values["sarsa_gain"] = values["sarsa_return"] - values["q_return"]
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Reward of an episode while exploring", "zh": "探索时每个回合的奖励"},
        x=axis("episode", "回合"),
        y=axis("reward, at least -100", "奖励，最低画到 -100"),
        series=[curve(outcomes, "sarsa", "SARSA", "SARSA"), curve(outcomes, "q", "Q-learning", "Q 学习")],
        alt={
            "en": "Reward by episode: both rise within a hundred episodes, SARSA's to about -25, Q-learning's to about -50.",
            "zh": "奖励随回合的变化：两者都在一百回合内上升，SARSA 升到 -25 左右，Q 学习升到 -50 左右。",
        },
    )


cliff_walking = Experiment(_cliff_walking, seeds=(0, 1, 2), figure=_draw)
