r"""Markov decision processes: values and best actions from the known dynamics, by value iteration and policy iteration.

Paper
    Sutton and Barto, "Reinforcement Learning: An Introduction", 2nd edition, 2018: chapters 3 (Bellman equations) and
    4 (dynamic programming). Learning without the dynamics, chapter 6, is in ``refimpl.reinforcement.temporal_difference``.

Equations (S states, A actions; P(s' | s, a) and R(s, a, s'), (S, A, S); v values, (S,); pi(a | s), (S, A); gamma the discount factor)
    action-values    q(s, a) = sum_s' P(s' | s, a) (R(s, a, s') + gamma v(s'))
    mdp-bellman      v_pi(s) = sum_a pi(a | s) q(s, a),   so that (I - gamma P_pi) v_pi = r_pi
    mdp-optimality   (T v)(s) = max_a q(s, a),   v* = T v*
    mdp-contraction  |T v - T w| <= gamma |v - w|,   hence |v_k+1 - v*| <= gamma / (1 - gamma) |v_k+1 - v_k|, largest magnitudes

Deviations from the paper
    1. The reward is a function of (s, a, s'), its mean where the book has a distribution p(s', r | s, a): the same values.
    2. A policy's values come from the linear system, which the book solves by sweeps; they need gamma < 1.
    3. Value iteration updates all states at once and stops where the last line bounds the error by ``tolerance``.
    4. A terminal state leads to itself without reward.
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.reinforcement.temporal_difference import epsilon_greedy, q_learning, sarsa

__all__ = [
    "action_values",
    "epsilon_greedy",
    "optimality_operator",
    "policy_evaluation",
    "policy_iteration",
    "policy_operator",
    "q_learning",
    "sarsa",
    "value_iteration",
]


def action_values(values: Tensor, transitions: Tensor, rewards: Tensor, gamma: float) -> Tensor:
    """What each action is worth if ``values`` are those of the next states.

    Args:
        values: v, ``(S,)``.
        transitions: P, the last dimension a distribution, ``(S, A, S)``.
        rewards: R, like ``transitions``.
        gamma: the discount factor, in [0, 1].

    Returns:
        q, ``(S, A)``.

    Raises:
        ValueError: a shape or gamma does not fit.
    """
    _check("action_values", transitions, rewards, gamma, values)
    return (transitions * torch.add(rewards, values, alpha=gamma)).sum(-1)


def policy_operator(values: Tensor, policy: Tensor, transitions: Tensor, rewards: Tensor, gamma: float) -> Tensor:
    """The right side of the Bellman equation of a policy ``(S, A)``: mean action value in each state."""
    return (_probabilities("policy_operator", policy, transitions) * action_values(values, transitions, rewards, gamma)).sum(-1)


def optimality_operator(values: Tensor, transitions: Tensor, rewards: Tensor, gamma: float) -> Tensor:
    """T v, the right side of the Bellman optimality equation: largest action value in each state."""
    return action_values(values, transitions, rewards, gamma).amax(-1)


def policy_evaluation(policy: Tensor, transitions: Tensor, rewards: Tensor, gamma: float) -> Tensor:
    """v_pi, the fixed point of :func:`policy_operator`, from its linear system; differentiable in all tensors.

    Raises:
        ValueError: a shape does not fit, or gamma is not below 1.
    """
    _check("policy_evaluation", transitions, rewards, gamma, below_one=True)
    weighted = _probabilities("policy_evaluation", policy, transitions).unsqueeze(-1) * transitions  # (S, A, S)
    system = torch.diag(torch.ones_like(policy[:, 0])) - gamma * weighted.sum(1)
    return torch.linalg.solve(system, (weighted * rewards).sum((1, 2)))


@torch.no_grad()
def value_iteration(
    transitions: Tensor, rewards: Tensor, gamma: float, tolerance: float = 1e-10, max_iterations: int = 100_000
) -> tuple[Tensor, Tensor]:
    """Best values and actions, by applying T until the values are within ``tolerance`` of the fixed point.

    Args:
        transitions, rewards, gamma: as in :func:`action_values`, gamma below 1.
        tolerance: largest error of a value; below the rounding of the dtype it cannot be reached.
        max_iterations: where to give up.

    Returns:
        v*, ``(S,)``, and the action of largest value, ``(S,)``.

    Raises:
        ValueError: an argument is out of range.
        RuntimeError: the tolerance is not reached.
    """
    _check("value_iteration", transitions, rewards, gamma, below_one=True)
    _check_distributions("value_iteration", transitions)
    if not tolerance > 0.0:
        raise ValueError(f"value_iteration: tolerance must be positive, got {tolerance}")
    values = transitions.new_zeros(len(transitions))
    immediate = (transitions * rewards).sum(-1)  # (S, A), the same at every step
    for _ in range(max_iterations):
        worth = torch.add(immediate, transitions @ values, alpha=gamma)
        new, actions = worth.max(-1)
        bound = gamma / (1.0 - gamma) * (new - values).abs().max().item()
        values = new
        if bound <= tolerance:
            return values, actions
    raise RuntimeError(f"value_iteration: error still up to {bound:.3g} after {max_iterations} iterations, expected {tolerance:.3g}")


@torch.no_grad()
def policy_iteration(transitions: Tensor, rewards: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """Best values and actions, by evaluating a policy and making it greedy in turns until no action changes.

    An action is kept while no other is better by more than rounding, 1,000 units of the larger of 1 and the value, so that
    ties cannot make it run forever.

    Args:
        transitions, rewards, gamma: as in :func:`value_iteration`.

    Returns:
        v*, ``(S,)``, and the actions, ``(S,)``.

    Raises:
        ValueError: an argument is out of range.
    """
    _check("policy_iteration", transitions, rewards, gamma, below_one=True)
    _check_distributions("policy_iteration", transitions)
    actions = transitions.new_zeros(len(transitions), dtype=torch.int64)
    slack = torch.finfo(transitions.dtype).eps * 1e3
    while True:
        policy = torch.nn.functional.one_hot(actions, transitions.shape[1])
        values = policy_evaluation(policy, transitions, rewards, gamma)
        worth = action_values(values, transitions, rewards, gamma)
        best, greedy = worth.max(-1)
        better = best > values + slack * values.abs().clamp(min=1.0)
        if not better.any():
            return values, actions
        actions = torch.where(better, greedy, actions)


def _check(
    function: str, transitions: Tensor, rewards: Tensor, gamma: float, values: Tensor | None = None, below_one: bool = False
) -> None:
    if transitions.dim() != 3 or transitions.shape[0] != transitions.shape[2] or not transitions.is_floating_point():
        raise ValueError(
            f"{function}: transitions must be floating point (S, A, S), got {transitions.dtype} of shape {tuple(transitions.shape)}"
        )
    if rewards.shape != transitions.shape:
        raise ValueError(f"{function}: rewards must have the shape of transitions, {tuple(transitions.shape)}, got {tuple(rewards.shape)}")
    if values is not None and values.shape != transitions.shape[:1]:
        raise ValueError(f"{function}: values must have shape ({len(transitions)},), got {tuple(values.shape)}")
    if not (0.0 <= gamma < 1.0 if below_one else 0.0 <= gamma <= 1.0):
        raise ValueError(f"{function}: gamma must lie in [0, 1{')' if below_one else ']'}, got {gamma}")


def _check_distributions(function: str, transitions: Tensor) -> None:
    sums = transitions.sum(-1)
    if bool((transitions < 0).any()) or not torch.allclose(sums, torch.ones_like(sums)):
        raise ValueError(f"{function}: transitions must be non-negative and sum to 1 over the next states, got sums {sums.aminmax()}")


def _probabilities(function: str, policy: Tensor, transitions: Tensor) -> Tensor:
    if policy.shape != transitions.shape[:2]:
        raise ValueError(f"{function}: policy must have shape {tuple(transitions.shape[:2])}, (S, A), got {tuple(policy.shape)}")
    return policy


if __name__ == "__main__":
    import random

    from refimpl.demo import arguments
    from refimpl.reinforcement.gridworld import CLIFF, FROZEN_LAKE, GridWorld

    device = arguments(__doc__)
    with torch.device("cpu"):
        lake = GridWorld(FROZEN_LAKE, slippery=True)
        cliff = GridWorld(CLIFF, step_reward=-1.0, goal_reward=-1.0)
    tables = lake.transitions.to(device), lake.rewards.to(device)
    values, actions = value_iteration(*tables, 0.99)
    print("frozen lake, gamma 0.99: the value of the start is", f"{values[0]:.6f}", "and the best moves are")
    letters = ["." if end else "<v>^"[a] for a, end in zip(actions.tolist(), lake.terminal.tolist(), strict=True)]
    print("\n".join("  " + " ".join(letters[i : i + 4]) for i in range(0, 16, 4)))
    gap = (policy_iteration(*tables, 0.99)[0] - values).abs().max()
    print(f"largest difference between value iteration and policy iteration: {gap:.1e}")
    print("cliff walking, where the shortest way, 13 steps, leads along the cliff: mean reward of the last 100 of 500 episodes")
    for learn in (q_learning, sarsa):
        table, returns = learn(cliff, 48, 4, 500, rng=random.Random(torch.initial_seed()))
        state, steps = cliff.start, 0
        while not cliff.terminal[state] and steps < 100:
            state, steps = cliff.step(state, int(table[state].argmax()), random.Random(0))[0], steps + 1
        print(f"  {learn.__name__:10} {sum(returns[-100:]) / 100:6.1f} while exploring; the greedy way takes {steps} steps")
