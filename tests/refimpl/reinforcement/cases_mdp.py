"""Cases of the Bellman operators; the NumPy oracle sums over states and actions one at a time."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.reinforcement.mdp import (
    action_values,
    optimality_operator,
    policy_evaluation,
    policy_iteration,
    policy_operator,
    value_iteration,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn

METHOD = "mdp"


def numpy_action_values(values, transitions, rewards, gamma):
    states, actions, _ = transitions.shape
    q = np.zeros((states, actions))
    for s in range(states):
        for a in range(actions):
            for to in range(states):
                q[s, a] += transitions[s, a, to] * (rewards[s, a, to] + gamma * values[to])
    return q


def numpy_policy(values, policy, transitions, rewards, gamma):
    q = numpy_action_values(values, transitions, rewards, gamma)
    return np.array([sum(policy[s, a] * q[s, a] for a in range(q.shape[1])) for s in range(len(q))])


def numpy_evaluation(policy, transitions, rewards, gamma):
    """Sweeps, as the book does, until nothing changes."""
    values = np.zeros(len(policy))
    for _ in range(400):
        values = numpy_policy(values, policy, transitions, rewards, gamma)
    return values


def torch_action_values(values, transitions, rewards, gamma):
    return torch.einsum("ijk,ijk->ij", transitions, rewards) + gamma * torch.einsum("ijk,k->ij", transitions, values)


def torch_evaluation(policy, transitions, rewards, gamma):
    """The sum of discounted rewards, sum_k (gamma P)^k r, by its closed form with an inverse."""
    p = torch.einsum("sa,sat->st", policy, transitions)
    r = torch.einsum("sa,sat,sat->s", policy, transitions, rewards)
    return torch.linalg.inv(torch.eye(len(p), dtype=p.dtype) - gamma * p) @ r


def distributions(*shape: int, seed: int):
    p = rand(*shape, seed=seed, low=0.1)
    return p / p.sum(-1, keepdim=True)


P, R, V, PI = distributions(4, 3, 4, seed=1), randn(4, 3, 4, seed=2), randn(4, seed=3), distributions(4, 3, seed=4)
ONE = torch.ones(1, 1, 1).double(), torch.full((1, 1, 1), 2.5).double()
ALL = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def case(name, call, torch_call, numpy_call, *leading, **more):
    def torch_oracle(_, *args, gamma):
        return torch_call(*args, gamma)

    def numpy_oracle(_, *args, gamma):
        return numpy_call(*args, gamma)

    small = [torch.zeros(1).double() if t.dim() == 1 else torch.ones(1, 1).double() for t in leading]
    return Case(
        METHOD,
        name,
        function(call),
        lambda: [Sample((*leading, P, R), {"gamma": 0.7}), Sample((*leading, P, R), {"gamma": 0.0}, "gamma 0")],
        (Oracle("sums of products", torch_oracle), Oracle("the equations in NumPy, one state and action at a time", numpy_oracle, "numpy")),
        hard=lambda: [Sample((*leading, P, R * 1e4 + 1e4), {"gamma": 0.9}, "rewards of mean 1e4")],
        degenerate=lambda: [Sample((*small, *ONE), {"gamma": 0.5}, "one state, one action")],
        **{"dtypes": ALL, "gradcheck": 2, **more},
    )


BAD = (
    Bad(
        lambda: action_values(V, P[0], R, 0.5),
        r"^action_values: transitions must be floating point \(S, A, S\), got torch.float64 of shape",
    ),
    Bad(lambda: action_values(V, P[:3], R, 0.5), r"transitions must be floating point \(S, A, S\), got torch.float64 of shape \(3, 3, 4\)"),
    Bad(lambda: optimality_operator(V, P.long(), R, 0.5), r"transitions must be floating point \(S, A, S\), got torch.int64"),
    Bad(lambda: action_values(V, P, R[:, :2], 0.5), r"rewards must have the shape of transitions, \(4, 3, 4\), got \(4, 2, 4\)$"),
    Bad(lambda: action_values(V[:3], P, R, 0.5), r"^action_values: values must have shape \(4,\), got \(3,\)$"),
    Bad(lambda: action_values(V, P, R, 1.5), r"^action_values: gamma must lie in \[0, 1\], got 1.5$"),
    Bad(lambda: action_values(V, P, R, -0.1), r"^action_values: gamma must lie in \[0, 1\], got -0.1$"),
    Bad(lambda: policy_operator(V, PI[:, :2], P, R, 0.5), r"^policy_operator: policy must have shape \(4, 3\), \(S, A\), got \(4, 2\)$"),
    Bad(lambda: policy_evaluation(PI[0], P, R, 0.5), r"^policy_evaluation: policy must have shape \(4, 3\), \(S, A\), got \(3,\)$"),
    Bad(lambda: policy_evaluation(PI, P, R, 1.0), r"^policy_evaluation: gamma must lie in \[0, 1\), got 1.0$"),
    Bad(lambda: value_iteration(P, R, 1.0), r"^value_iteration: gamma must lie in \[0, 1\), got 1.0$"),
    Bad(lambda: policy_iteration(P, R, 1.0), r"^policy_iteration: gamma must lie in \[0, 1\), got 1.0$"),
    Bad(lambda: value_iteration(P * 2, R, 0.5), r"^value_iteration: transitions must be non-negative and sum to 1"),
    Bad(lambda: value_iteration((P - 0.25) * 3 + 0.25, R, 0.5), r"^value_iteration: transitions must be non-negative and sum to 1"),
    Bad(lambda: policy_iteration(P * 2, R, 0.5), r"^policy_iteration: transitions must be non-negative and sum to 1"),
    Bad(lambda: value_iteration(P, R, 0.5, tolerance=0.0), r"^value_iteration: tolerance must be positive, got 0.0$"),
    Bad(
        lambda: value_iteration(P, R, 0.9, 1e-6, 3),
        r"^value_iteration: error still up to .* after 3 iterations, expected 1e-06$",
        RuntimeError,
    ),
)

CASES = [
    case("action values", action_values, torch_action_values, numpy_action_values, V, bad=BAD),
    case(
        "policy operator",
        policy_operator,
        lambda v, pi, p, r, gamma: torch.einsum("sa,sa->s", pi, torch_action_values(v, p, r, gamma)),
        numpy_policy,
        V,
        PI,
    ),
    case(
        "optimality operator",
        optimality_operator,
        lambda v, p, r, gamma: torch_action_values(v, p, r, gamma).max(1).values,
        lambda v, p, r, gamma: np.array([max(row) for row in numpy_action_values(v, p, r, gamma)]),
        V,
    ),
    case(
        "policy evaluation",
        policy_evaluation,
        torch_evaluation,
        numpy_evaluation,
        PI,
        dtypes=(torch.float64, torch.float32),  # torch.linalg.solve knows no others
    ),
]
