"""Maximization bias: the targets of Q-learning and of double Q-learning on noise, and where the bias leads."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure, panels
from refimpl.reinforcement.dqn import td_target

__all__ = ["double_q_bias"]

ACTIONS, DRAWS, COUNTS = 10, 5000, (2, 4, 8, 16, 32)
RUNS, EPISODES, EARLY, RATE, EPSILON, REWARD = 300, 300, 50, 0.1, 0.1, -0.1
OPTIMUM = EPSILON / 2
"""Share of left turns of an agent that knows that left loses."""


def bias(double: bool, actions: int, generator: torch.Generator) -> float:
    """Mean target where every action is worth 0 and its estimate is standard normal."""
    first, second = torch.randn(2, DRAWS, actions, generator=generator)
    zero = torch.zeros(DRAWS)
    return td_target(zero, zero.bool(), first, 1.0, second if double else None).mean().item()


def choose(values: Tensor, generator: torch.Generator) -> Tensor:
    """Epsilon-greedy actions, ties broken at random: ``(RUNS, A)`` to ``(RUNS,)``."""
    best = (values + 1e-9 * torch.rand(values.shape, generator=generator)).argmax(1)
    random = torch.randint(values.shape[1], (RUNS,), generator=generator)
    return random.where(torch.rand(RUNS, generator=generator) < EPSILON, best)


def left_turns(double: bool, generator: torch.Generator) -> list[float]:
    """Share of the runs that turn left in each episode of Sutton and Barto's example.

    From the start, right ends the episode with 0. Left, worth 0, leads to a state each of whose ``ACTIONS`` actions ends the
    episode with a normal reward of mean ``REWARD``. With ``double`` one of two tables, by a coin, learns from the other.
    """
    start, state = torch.zeros(2, RUNS, 2), torch.zeros(2, RUNS, ACTIONS)  # of the two tables; the single one is the first
    runs, none, over = torch.arange(RUNS), torch.zeros(RUNS), torch.ones(RUNS, dtype=torch.bool)
    shares = []
    for _ in range(EPISODES):
        learner = torch.randint(2, (RUNS,), generator=generator) if double else torch.zeros(RUNS, dtype=torch.int64)
        other = 1 - learner if double else learner
        turn = choose(start.sum(0), generator)
        left = turn == 0
        action = choose(state.sum(0), generator)
        reward = REWARD + torch.randn(RUNS, generator=generator)
        target = td_target(none, ~left, state[other, runs], 1.0, state[learner, runs] if double else None)
        start[learner, runs, turn] += RATE * (target - start[learner, runs, turn])
        ended = td_target(reward, over, state[other, runs], 1.0)
        state[learner, runs, action] += RATE * left * (ended - state[learner, runs, action])
        shares.append(left.double().mean().item())
    return shares


def _double_q_bias(seed: int) -> Outcome:
    values: dict[str, float] = {}
    curves: dict[str, tuple[Any, list[float]]] = {}
    for name, double in (("q", False), ("double", True)):
        generator = torch.Generator().manual_seed(seed)
        biases = [bias(double, actions, generator) for actions in COUNTS]
        shares = left_turns(double, generator)
        values |= {f"{name}_bias_of_{ACTIONS}": bias(double, ACTIONS, generator), f"{name}_left_most": max(shares)}
        values |= {f"{name}_left_early": sum(shares[:EARLY]) / EARLY, f"{name}_left_late": sum(shares[-EARLY:]) / EARLY}
        curves[f"{name} bias"] = (COUNTS, biases)
        curves[f"{name} left"] = (list(range(5, EPISODES + 1, 5)), [sum(shares[end - 5 : end]) / 5 for end in range(5, EPISODES + 1, 5)])
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    alt = {
        "en": "Left, the mean target against the number of actions, all worth 0: it rises with Q-learning and is 0 with double "
        "Q-learning. Right, "
        "the share of left turns by episode, of which 5% would be best: Q-learning first turns left nearly always, double "
        "Q-learning seldom.",
        "zh": "左图：所有动作价值为 0 时，目标的均值随动作数的变化，Q 学习上升，双 Q 学习为 0。右图：各回合向左的比例，最优为 5%："
        "Q 学习起初几乎总向左，双 Q 学习很少向左。",
    }
    names = {"q": ("Q-learning", "Q 学习"), "double": ("double Q-learning", "双 Q 学习")}
    drawn = [
        figure(
            "lines",
            title={"en": en, "zh": zh},
            x=x,
            y=y,
            series=[curve(outcomes, f"{name} {what}", *label) for name, label in names.items()],
            alt=alt,
        )
        for what, en, zh, x, y in (
            ("bias", "Target on pure noise", "纯噪声上的目标", axis("actions", "动作数", scale="log"), axis("mean target", "目标均值")),
            ("left", "Turning left, which loses", "选择会输的左边", axis("episode", "回合"), axis("share of left turns", "向左的比例")),
        )
    ]
    return panels({"en": "Maximization bias", "zh": "最大化偏差"}, drawn, alt)


double_q_bias = Experiment(_double_q_bias, seeds=(0, 1, 2), figure=_draw)
