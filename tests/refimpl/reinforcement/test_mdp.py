"""What is special to Markov decision processes: the contraction, planning against enumeration and gymnasium, learning."""

from __future__ import annotations

import inspect
import itertools
import random

import pytest
import torch

from refimpl.reinforcement.gridworld import CLIFF, FROZEN_LAKE, GridWorld
from refimpl.reinforcement.mdp import (
    action_values,
    epsilon_greedy,
    optimality_operator,
    policy_evaluation,
    policy_iteration,
    policy_operator,
    q_learning,
    sarsa,
    value_iteration,
)
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.reinforcement.cases_mdp import METHOD, PI, P, R, V

MODULE = "refimpl.reinforcement.mdp"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
LAKE = GridWorld(FROZEN_LAKE, slippery=True)


def test_operators_contract_by_gamma():
    """For both operators; the bound is attained where all values differ by the same amount."""
    for seed in range(20):
        v, w = randn(4, seed=10 + seed), randn(4, seed=40 + seed)
        gap = (v - w).abs().max()
        assert (optimality_operator(v, P, R, 0.8) - optimality_operator(w, P, R, 0.8)).abs().max() <= 0.8 * gap
        assert (policy_operator(v, PI, P, R, 0.8) - policy_operator(w, PI, P, R, 0.8)).abs().max() <= 0.8 * gap
    assert error(optimality_operator(V + 3, P, R, 0.8), optimality_operator(V, P, R, 0.8) + 2.4) < 1e-14


def test_planning_finds_the_best_of_all_policies(record):
    """The 81 deterministic policies, evaluated one by one: their largest values, state by state, are v*."""
    every = [
        policy_evaluation(torch.nn.functional.one_hot(torch.tensor(a), 3).double(), P, R, 0.9)
        for a in itertools.product(range(3), repeat=4)
    ]
    best = torch.stack(every).max(0).values
    choice = torch.tensor(list(itertools.product(range(3), repeat=4))[int(torch.stack(every).sum(1).argmax())])
    for plan in (value_iteration, policy_iteration):
        values, actions = plan(P, R, 0.9)
        record(
            METHOD, MODULE, plan.__name__, "all 81 policies", error=(values - best).abs().max().item(), tolerance=1e-10, dtype=torch.float64
        )
        assert torch.equal(actions, choice) and not values.requires_grad
        assert error(optimality_operator(values, P, R, 0.9), values) < 1e-9


@pytest.mark.parametrize("tolerance", [1.0, 1e-3])
def test_value_iteration_stops_within_the_tolerance_and_not_long_before(tolerance):
    exact, _ = policy_iteration(P, R, 0.95)
    found, _ = value_iteration(P, R, 0.95, tolerance)
    assert tolerance / 1e4 < (found - exact).abs().max() <= tolerance
    steps = next(k for k in itertools.count(1) if _stops(P, R, 0.95, tolerance, k))
    with pytest.raises(RuntimeError, match=f"after {steps - 1} iterations"):
        value_iteration(P, R, 0.95, tolerance, steps - 1)
    value_iteration(P, R, 0.95, tolerance, steps)


def _stops(p, r, gamma, tolerance, k):
    v = torch.zeros(4).double()
    for _ in range(k):
        previous, v = v, optimality_operator(v, p, r, gamma)
    return gamma / (1 - gamma) * (v - previous).abs().max() <= tolerance


def test_new_tensors_are_on_the_device_of_the_input():
    with torch.device("meta"):
        found = [*value_iteration(P, R, 0.9), *policy_iteration(P, R, 0.9), policy_evaluation(PI, P, R, 0.9)]
    assert {t.device.type for t in found} == {"cpu"}


def test_gamma_zero_looks_one_step_ahead():
    values, actions = value_iteration(P, R, 0.0)
    assert error(values, (P * R).sum(-1).max(1).values) < 1e-15 and torch.equal(actions, (P * R).sum(-1).argmax(1))
    assert [inspect.signature(value_iteration).parameters[n].default for n in ("tolerance", "max_iterations")] == [1e-10, 100_000]
    one = torch.ones(1, 1, 1).double()  # one step gives 1 of 2 in all: off by 1 exactly
    assert value_iteration(one, one, 0.5, 1.0, 1)[0].item() == 1.0
    assert value_iteration(one, -one, 0.5, 1e-6)[0].item() == pytest.approx(-2, abs=1e-6)


def test_gamma_one_counts_what_follows_in_full():
    assert error(action_values(V, P, R, 1.0), (P * R).sum(2) + P @ V) < 1e-14


@pytest.mark.parametrize(
    ("value", "gain", "moves"), [(0, 1e3, False), (0, 1.2e3, True), (0.5, 1.4e3, True), (-1e3, 9e5, False), (-1e3, 1.1e6, True)]
)
def test_policy_iteration_leaves_an_action_for_more_than_rounding(value, gain, moves):
    """The second action is better by ``gain`` units of rounding."""
    rewards = torch.tensor([[[value], [value + gain * torch.finfo(torch.float64).eps]]], dtype=torch.float64)
    assert policy_iteration(torch.ones_like(rewards), rewards, 0.0)[1].tolist() == [int(moves)]


def test_policy_iteration_ends_on_ties():
    same = torch.full((5, 4, 5), 0.2, dtype=torch.float64), torch.ones(5, 4, 5, dtype=torch.float64) / 3
    values, actions = policy_iteration(*same, 0.9)
    assert error(values, torch.full((5,), 10 / 3, dtype=torch.float64)) < 1e-12 and not actions.any()
    values, _ = policy_iteration(LAKE.transitions, LAKE.rewards, 0.99)
    assert error(values, value_iteration(LAKE.transitions, LAKE.rewards, 0.99)[0]) < 1e-9


def test_frozen_lake(record):
    """The tables of gymnasium's FrozenLake-v1, slippery and not, and the value of the start at gamma 0.99."""
    gymnasium = pytest.importorskip("gymnasium")
    for slippery in (False, True):
        ours = GridWorld(FROZEN_LAKE, slippery)
        theirs = gymnasium.make("FrozenLake-v1", is_slippery=slippery).unwrapped.P
        p, r = torch.zeros(16, 4, 16).double(), torch.zeros(16, 4, 16).double()
        for s, a in itertools.product(range(16), range(4)):
            for chance, to, reward, over in theirs[s][a]:
                p[s, a, to] += chance
                r[s, a, to] = reward
                assert over == ours.terminal[to]
        gap = max(error(ours.transitions, p), error(ours.rewards, r))
        record(METHOD, MODULE, f"tables, slippery {slippery}", "gymnasium FrozenLake-v1", error=gap, **EXACT)
    # recomputed from gymnasium's own tables by plain sweeps
    v = torch.zeros(16).double()
    for _ in range(3000):
        v = (p * (r + 0.99 * v)).sum(-1).max(1).values
    found, _ = value_iteration(LAKE.transitions, LAKE.rewards, 0.99)
    record(
        METHOD,
        MODULE,
        "values of the frozen lake",
        "sweeps over gymnasium's tables",
        error=error(found, v),
        tolerance=1e-9,
        dtype=torch.float64,
    )


def test_cliff_walking(record):
    """The tables of gymnasium's CliffWalking-v1 wherever an agent can be; its actions are up, right, down, left."""
    gymnasium = pytest.importorskip("gymnasium")
    ours = GridWorld(CLIFF, step_reward=-1.0, goal_reward=-1.0)
    theirs, names = gymnasium.make("CliffWalking-v1").unwrapped.P, {0: 3, 1: 2, 2: 1, 3: 0}
    for s, a in itertools.product(range(37), range(4)):
        ((chance, to, reward, over),) = theirs[s][names[a]]
        assert (chance, reward, over) == (ours.transitions[s, a, to], ours.rewards[s, a, to], ours.terminal[to])
    values, _ = value_iteration(ours.transitions, ours.rewards, 0.9)
    shortest = -(1 - 0.9**13) / 0.1
    record(
        METHOD, MODULE, "value of the way along the cliff", "13 rewards of -1", error=abs(values[36].item() / shortest - 1), tolerance=1e-9
    )


def test_worlds_by_hand():
    """Ends, edges, rewards, and a slip that reaches one cell in two ways, by a move and by a fall."""
    world = GridWorld(("SF", "CG"), step_reward=-1.0, goal_reward=5.0, cliff_reward=-9.0)
    assert world.start == 0 and world.terminal.tolist() == [False, False, False, True]
    moves = [world.step(0, a, random.Random(0)) for a in range(4)]
    assert moves == [(0, -1.0, False), (0, -9.0, False), (1, -1.0, False), (0, -1.0, False)]
    assert world.step(1, 1, random.Random(0)) == (3, 5.0, True) and world.step(3, 0, random.Random(0)) == (3, 0.0, True)
    assert (world.transitions.sum(-1) == 1).all() and not world.rewards[3].any()
    assert world.rewards.dtype == world.transitions.dtype == torch.float64
    slips = GridWorld(("SF", "CG"), True, step_reward=-1.0, goal_reward=5.0, cliff_reward=-9.0)
    third = 1 / 3
    assert slips.transitions[0, 1].tolist() == pytest.approx([2 * third, third, 0, 0])  # left stays, down falls, right moves
    assert slips.rewards[0, 1, :2].tolist() == pytest.approx([-5.0, -1.0])
    assert slips.transitions[1, 2].tolist() == pytest.approx([0, 2 * third, 0, third])  # down, right, up
    rng, counts = random.Random(3), [0] * 4
    for _ in range(3000):
        counts[slips.step(1, 2, rng)[0]] += 1
    assert counts[0] == counts[2] == 0 and abs(counts[3] - 1000) < 4 * (3000 * third * 2 * third) ** 0.5
    before = rng.getstate()
    assert world.step(0, 2, rng)[0] == 1 and rng.getstate() == before  # without chance no number is drawn
    plain = GridWorld(("SCG",))
    assert [plain.rewards[0, 2, 0].item(), plain.rewards[1, 2, 2].item(), plain.rewards[0, 0, 0].item()] == [-100.0, 1.0, 0.0]


@pytest.mark.parametrize("rows", [("SF", "G"), ("SF", "SG"), ("FF", "FG"), ("SX",)])
def test_bad_drawings_are_named(rows):
    with pytest.raises(ValueError, match=r"^GridWorld: rows must have one length, the letters S, F, H, G, C and exactly one S, got \("):
        GridWorld(rows)


class Script:
    """A world that plays back what happens, whatever is done."""

    start = 0

    def __init__(self, *steps):
        self.steps = iter(steps)

    def step(self, state, action, rng):
        return next(self.steps)


def test_updates_by_hand():
    """One action: 0 -> 1 (reward 2), 1 -> 0 (reward 3), 0 -> 1 (reward 4), which is the end, with alpha 1/2 and gamma 1/4, twice."""
    steps = [(1, 2.0, False), (0, 3.0, False), (1, 4.0, True)] * 2
    q = [0.0, 0.0]
    for at, target in ((0, lambda: 2 + q[1] / 4), (1, lambda: 3 + q[0] / 4), (0, lambda: 4.0)) * 2:
        q[at] += (target() - q[at]) / 2
    for learn in (q_learning, sarsa):
        table, returns = learn(Script(*steps), 2, 1, 2, step_size=0.5, gamma=0.25, epsilon=0.0)
        assert table.flatten().tolist() == q and returns == [9.0, 9.0]


def boxed_q_learning(world, rng, episodes, alpha, gamma, epsilon):
    """The book's box of Q-learning, with a dictionary."""
    q, returns = {}, []
    for _ in range(episodes):
        s, over, total = world.start, False, 0.0
        while not over:
            a = epsilon_greedy([q.get((s, b), 0.0) for b in range(4)], epsilon, rng)
            to, r, over = world.step(s, a, rng)
            best = max(q.get((to, b), 0.0) for b in range(4))
            q[s, a] = q.get((s, a), 0.0) + alpha * (r + gamma * best - q.get((s, a), 0.0))
            s, total = to, total + r
        returns.append(total)
    return q, returns


def boxed_sarsa(world, rng, episodes, alpha, gamma, epsilon):
    """The book's box of SARSA, with a dictionary."""
    q, returns = {}, []
    for _ in range(episodes):
        s, over, total = world.start, False, 0.0
        a = epsilon_greedy([q.get((s, b), 0.0) for b in range(4)], epsilon, rng)
        while not over:
            to, r, over = world.step(s, a, rng)
            then = epsilon_greedy([q.get((to, b), 0.0) for b in range(4)], epsilon, rng)
            q[s, a] = q.get((s, a), 0.0) + alpha * (r + gamma * q.get((to, then), 0.0) - q.get((s, a), 0.0))
            s, a, total = to, then, total + r
        returns.append(total)
    return q, returns


@pytest.mark.parametrize(("learn", "boxed"), [(q_learning, boxed_q_learning), (sarsa, boxed_sarsa)])
def test_learning_against_the_boxes_of_the_book(learn, boxed, record):
    """The same choices from the same random numbers: tables and returns of 200 episodes on the slippery lake."""
    table, returns = learn(LAKE, 16, 4, 200, step_size=0.3, gamma=0.9, epsilon=0.4, rng=random.Random(6))
    q, expected = boxed(LAKE, random.Random(6), 200, 0.3, 0.9, 0.4)
    assert returns == expected and sum(returns) > 0
    gap = max(abs(table[s, a].item() - q.get((s, a), 0.0)) for s, a in itertools.product(range(16), range(4)))
    record(METHOD, MODULE, f"table of {learn.__name__}", "the book's box, with a dictionary", error=gap, **EXACT)


def test_q_learning_takes_the_maximum_and_sarsa_the_action_taken():
    """From 0 the world leads to 1, whose actions are worth 0 and 8; at random, SARSA bootstraps from either, Q-learning from 8."""

    class Fork:
        start = 0

        def step(self, state, action, rng):
            return (1, 0.0, False) if state == 0 else (2, 8.0 * action, True)

    seen = {learn: set() for learn in (q_learning, sarsa)}
    for learn, found in seen.items():
        for seed in range(8):
            # with step size 1 the last episode alone decides; the first ones teach what the actions of 1 are worth
            table, _ = learn(Fork(), 3, 2, 30, step_size=1.0, gamma=0.5, epsilon=1.0, rng=random.Random(seed))
            found |= set(table[0].tolist())
            assert table[1].tolist() == [0.0, 8.0]
    assert seen == {q_learning: {4.0}, sarsa: {0.0, 4.0}}


def test_q_learning_finds_the_optimal_values(record):
    """With step size 1 in a world without chance, random play converges to the fixed point exactly."""
    world = GridWorld(FROZEN_LAKE, step_reward=-0.1)
    table, _ = q_learning(world, 16, 4, 3000, step_size=1.0, gamma=0.9, epsilon=1.0, rng=random.Random(1))
    values, _ = value_iteration(world.transitions, world.rewards, 0.9)
    expected = action_values(values, world.transitions, world.rewards, 0.9)
    record(
        METHOD, MODULE, "table of Q-learning, frozen lake without slips", "value iteration", error=error(table, expected), tolerance=1e-9
    )


def test_sarsa_evaluates_the_policy_it_follows(record):
    """Random play: the mean over the second half of many small steps lies near the policy's own action values."""
    world = GridWorld(("SFG",), step_reward=-1.0)
    policy = torch.full((3, 4), 0.25).double()
    exact = action_values(policy_evaluation(policy, world.transitions, world.rewards, 0.8), world.transitions, world.rewards, 0.8)
    rng, tables = random.Random(2), []
    for _ in range(8):
        tables.append(sarsa(world, 3, 4, 1500, step_size=0.02, gamma=0.8, epsilon=1.0, rng=rng)[0])
    mean, spread = torch.stack(tables).mean(0)[:2], torch.stack(tables).std(0)[:2].clamp(min=0.02) / 8**0.5
    z = ((mean - exact[:2]).abs() / spread).max().item()
    record(METHOD, MODULE, "SARSA's table under random play, z-score", "policy evaluation", error=z, tolerance=6.0, dtype=torch.float64)
    assert (mean - exact[:2]).abs().max() < 0.1 < (exact[:2, 2:3] - exact[:2]).abs().max()


def test_on_the_cliff_sarsa_keeps_away_and_q_learning_does_not():
    """Example 6.6: with exploration SARSA earns more, while Q-learning's greedy way is the shortest."""
    world = GridWorld(CLIFF, step_reward=-1.0, goal_reward=-1.0)
    rewards, lengths = {}, {}
    for learn in (q_learning, sarsa):
        table, returns = learn(world, 48, 4, 400, rng=random.Random(0))
        rewards[learn], state, lengths[learn] = sum(returns[-100:]) / 100, world.start, 0
        while not world.terminal[state] and lengths[learn] < 50:
            state, lengths[learn] = world.step(state, int(table[state].argmax()), random.Random(0))[0], lengths[learn] + 1
    assert rewards[sarsa] > rewards[q_learning] + 10
    assert lengths[q_learning] == 13 < lengths[sarsa] < 20


def test_exploration_at_random_and_ties():
    rng, n = random.Random(4), 6000
    counts = [0] * 3
    for _ in range(n):
        counts[epsilon_greedy([1.0, 5.0, 5.0], 0.3, rng)] += 1
    for count, share in zip(counts, (0.1, 0.45, 0.45), strict=True):
        assert abs(count - n * share) < 4 * (n * share * (1 - share)) ** 0.5
    assert {epsilon_greedy([0.0, 1.0], 0.0, rng) for _ in range(50)} == {1}
    assert epsilon_greedy([0.0, 1.0], 0.0, Least()) == 1


class Least(random.Random):
    """Draws the least number always."""

    def random(self):
        return 0.0


def test_long_episodes_are_broken_off_and_randomness_is_reproducible():
    world = GridWorld(("SF",), step_reward=-1.0)
    assert q_learning(world, 2, 4, 2, max_steps=7)[1] == [-7.0, -7.0]
    costly = GridWorld(FROZEN_LAKE, True, step_reward=-0.1)
    first, again = (q_learning(costly, 16, 4, 30)[0] for _ in range(2))
    assert first.any() and torch.equal(first, again) and torch.equal(first, q_learning(costly, 16, 4, 30, rng=random.Random(0))[0])
    for learn in (q_learning, sarsa):
        defaults = {n: p.default for n, p in inspect.signature(learn).parameters.items() if p.kind is p.KEYWORD_ONLY}
        assert defaults == {"step_size": 0.5, "gamma": 1.0, "epsilon": 0.1, "max_steps": 10_000, "rng": None}


@pytest.mark.parametrize("learn", [q_learning, sarsa])
@pytest.mark.parametrize("name", ["step_size", "gamma", "epsilon"])
def test_bad_numbers_are_named(learn, name):
    for value in (-0.1, 1.1):
        with pytest.raises(ValueError, match=rf"^{learn.__name__}: {name} must lie in \[0, 1\], got {value}$"):
            learn(LAKE, 16, 4, 1, **{name: value})
    learn(LAKE, 16, 4, 1, **{name: 0.0})
    learn(LAKE, 16, 4, 1, **{name: 1.0})
