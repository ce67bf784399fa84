"""What is special to policy gradients: exact gradients by enumeration, baselines, advantages, PPO's clip, a cart that is balanced."""

from __future__ import annotations

import inspect
import itertools
import random

import pytest
import torch
import torch.nn.functional as F

from refimpl.reinforcement.actor_critic import (
    ActorCritic,
    discounted_returns,
    entropy,
    generalized_advantages,
    policy_loss,
    ppo_loss,
    reinforce_loss,
)
from refimpl.reinforcement.cartpole import CartPole
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.reinforcement.cases_actor_critic import ACTIONS, LOGITS, METHOD, OLD, A, D, R, V

MODULE = "refimpl.reinforcement.actor_critic"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
NEXT, REWARD = torch.tensor([[1, 0], [0, 2], [2, 1]]), randn(3, 2, seed=1)  # three states, two actions, no chance
BASE = randn(3, seed=2)


def expected_return(table, gamma, steps=3):
    """J by dynamic programming: the value of state 0 with so many steps to go."""
    policy = torch.softmax(table, 1)
    v = torch.zeros(3, dtype=torch.float64)
    for _ in range(steps):
        v = (policy * (REWARD + gamma * v[NEXT])).sum(1)
    return v[0]


@pytest.mark.parametrize("baseline", [False, True])
def test_reinforce_is_unbiased(baseline, record):
    """Over all 8 episodes, by their probabilities, the mean gradient of the loss is minus that of J, whatever the baseline."""
    table = randn(3, 2, seed=3).requires_grad_()
    (exact,) = torch.autograd.grad(expected_return(table, 0.8), table)
    total = torch.zeros_like(table)
    for actions in itertools.product(range(2), repeat=3):
        states = [0]
        for a in actions[:-1]:
            states.append(int(NEXT[states[-1], a]))
        rewards = REWARD[states, actions]
        loss = reinforce_loss(table[states], torch.tensor(actions), rewards, 0.8, BASE[states] if baseline else None)
        probability = torch.softmax(table, 1)[states, actions].prod().detach()
        total += probability * torch.autograd.grad(loss, table)[0]
    record(
        METHOD,
        MODULE,
        f"mean gradient of REINFORCE, baseline {baseline}",
        "minus the gradient of J, by enumeration",
        error=error(-total, exact),
        **EXACT,
    )


def test_a_baseline_does_not_move_the_mean(record):
    """sum_a pi(a | s) b grad log pi(a | s) = 0."""
    logits = LOGITS[:1].clone().requires_grad_()
    probabilities = torch.softmax(logits, 1)[0].detach()
    slopes = [torch.autograd.grad(policy_loss(logits, torch.tensor([a]), torch.tensor([7.0]).double()), logits)[0] for a in range(3)]
    mean = sum(p * s for p, s in zip(probabilities, slopes, strict=True))
    assert slopes[0].abs().max() > 0.5
    record(METHOD, MODULE, "mean gradient by a baseline", "0", error=mean.abs().max().item(), **EXACT)


def test_advantages_at_the_ends_of_lambda(record):
    """lambda = 0: errors of one step; lambda = 1: discounted returns with bootstrap, minus the values."""
    errors = R + 0.8 * torch.where(D, 0.0, V[1:]) - V[:-1]
    record(
        METHOD,
        MODULE,
        "advantages, lambda = 0",
        "temporal-difference errors",
        error=error(generalized_advantages(R, V, D, 0.8, 0.0), errors),
        **EXACT,
    )
    expected = discounted_returns(R, D, 0.8, V[-1]) - V[:-1]
    record(
        METHOD,
        MODULE,
        "advantages, lambda = 1",
        "returns minus values",
        error=error(generalized_advantages(R, V, D, 0.8, 1.0), expected),
        **EXACT,
    )


def test_advantage_over_n_steps_by_hand():
    """Three rewards of 1, gamma 1/2, V = 4 before and 8 after: 1 + 1/2 + 1/4 + 8 / 8 - 4."""
    ones, values = torch.ones(3), torch.tensor([4.0, 5.0, 6.0, 8.0])
    never = torch.zeros(3, dtype=torch.bool)
    assert generalized_advantages(ones, values, never, 0.5, 1.0)[0].item() == pytest.approx(1.75 + 1 - 4)
    assert generalized_advantages(ones, values, torch.tensor([False, True, False]), 0.5, 1.0)[0].item() == pytest.approx(1.5 - 4)


def test_exact_values_leave_no_advantage_on_average(record):
    """With the policy's own values each state's advantages have mean zero under it."""
    table = randn(3, 2, seed=4)
    policy, values = torch.softmax(table, 1), torch.zeros(3, dtype=torch.float64)
    for _ in range(400):
        values = (policy * (REWARD + 0.9 * values[NEXT])).sum(1)
    each = torch.stack(
        [
            generalized_advantages(REWARD[:, a][None], torch.stack([values, values[NEXT[:, a]]]), torch.zeros(1, 3).bool(), 0.9)[0]
            for a in range(2)
        ],
        1,
    )
    record(METHOD, MODULE, "mean advantage under exact values", "0", error=(policy * each).sum(1).abs().max().item(), **EXACT)


def test_no_gradient_through_returns_and_advantages():
    logits, weights, old = LOGITS.clone().requires_grad_(), A.clone().requires_grad_(), OLD.clone().requires_grad_()
    for loss in (
        policy_loss(logits, ACTIONS, weights),
        ppo_loss(logits, ACTIONS, old, weights),
        reinforce_loss(logits, ACTIONS, weights, 0.9, old),
    ):
        of_logits, *others = torch.autograd.grad(loss, [logits, weights, old], allow_unused=True)
        assert of_logits.abs().max() > 0.01 and others == [None, None]


def test_ppo_begins_as_the_policy_gradient_and_stops_at_the_clip(record):
    """At the old policy the two gradients agree; beyond 1 +- epsilon on the side of the advantage there is none, on the other there is."""
    logits = LOGITS.clone().requires_grad_()
    old = torch.log_softmax(LOGITS, 1).gather(1, ACTIONS[:, None])[:, 0]
    (ours,) = torch.autograd.grad(ppo_loss(logits, ACTIONS, old, A), logits)
    (plain,) = torch.autograd.grad(policy_loss(logits, ACTIONS, A), logits)
    record(METHOD, MODULE, "gradient of PPO at the old policy", "policy gradient", error=error(ours, plain), **EXACT)
    for ratio, advantage, moves in (
        (1.21, 1, False),
        (1.19, 1, True),
        (0.5, 1, True),
        (0.79, -1, False),
        (0.81, -1, True),
        (2.0, -1, True),
    ):
        one = LOGITS[:1].clone().requires_grad_()
        before = torch.log_softmax(LOGITS[:1], 1)[:, 2] - torch.tensor([ratio]).double().log()
        loss = ppo_loss(one, ACTIONS[:1], before, torch.tensor([float(advantage)]).double())
        (slope,) = torch.autograd.grad(loss, one)
        assert bool(slope.any()) == moves
        limit = min(ratio, 1.2) if advantage > 0 else max(ratio, 0.8)
        assert loss.item() == pytest.approx(-limit * advantage)


def test_new_tensors_are_on_the_device_of_the_input():
    with torch.device("meta"):
        assert reinforce_loss(LOGITS, ACTIONS, A).device.type == discounted_returns(R, D).device.type == "cpu"


def test_entropy_of_even_and_certain_policies():
    assert entropy(torch.zeros(2, 4)).tolist() == pytest.approx([1.3862943649, 1.3862943649])
    assert entropy(torch.tensor([0.0, 1e4, -1e4])).item() == 0.0


def test_defaults_and_factory_arguments():
    for f, expected in (
        (discounted_returns, {"gamma": 0.99, "bootstrap": None}),
        (generalized_advantages, {"gamma": 0.99, "lam": 0.95}),
        (reinforce_loss, {"gamma": 0.99, "baseline": None}),
        (ppo_loss, {"epsilon": 0.2}),
    ):
        assert {n: p.default for n, p in inspect.signature(f).parameters.items() if p.default is not p.empty} == expected
    net = ActorCritic(3, 2, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in net.parameters()} == {("meta", torch.float16)} and net.actor[0].weight.shape == (64, 3)


def play(net, rng, torch_rng):
    """One episode: states, actions, and how long it lasted."""
    cart = CartPole(200)
    states, actions, over = [cart.reset(rng)], [], False
    while not over:
        with torch.no_grad():
            logits = net.actor(torch.tensor(states[-1]))
        actions.append(int(torch.multinomial(logits.softmax(0), 1, generator=torch_rng)))
        state, _, fallen, late = cart.step(actions[-1])
        over = fallen or late
        states.append(state)
    return torch.tensor(states[:-1]), torch.tensor(actions)


def test_reinforce_learns_to_balance(record):
    """150 episodes with the critic as baseline: the last 20 last at least three times as long as the first 20."""
    torch.manual_seed(0)
    net, rng, torch_rng = ActorCritic(4, 2), random.Random(0), torch.Generator().manual_seed(0)
    adam, lengths = torch.optim.Adam(net.parameters(), lr=0.01), []
    for _ in range(150):
        states, actions = play(net, rng, torch_rng)
        rewards = torch.ones(len(actions))
        logits, values = net(states)
        returns = discounted_returns(rewards, torch.zeros_like(rewards, dtype=torch.bool))
        loss = reinforce_loss(logits, actions, rewards, baseline=values.detach()) / len(actions) + F.smooth_l1_loss(values, returns)
        adam.zero_grad()
        loss.backward()
        adam.step()
        lengths.append(len(actions))
    first, last = sum(lengths[:20]) / 20, sum(lengths[-20:]) / 20
    record(
        METHOD,
        MODULE,
        "first episodes' length over the last ones'",
        "at most 1/3",
        error=first / last,
        tolerance=1 / 3,
        dtype=torch.float32,
    )


def test_ppo_improves_a_bandit(record):
    """Rewards 0, 1 and 0.5 for three actions: clipped steps from collected data put the probability on the best one."""
    torch.manual_seed(0)
    logits, payoff = torch.zeros(3, dtype=torch.float64, requires_grad=True), torch.tensor([0.0, 1.0, 0.5]).double()
    for _ in range(40):
        actions = torch.multinomial(logits.softmax(0).detach(), 64, replacement=True)
        old = F.log_softmax(logits, 0)[actions].detach()
        advantages = payoff[actions] - payoff[actions].mean()
        for _ in range(5):
            (slope,) = torch.autograd.grad(ppo_loss(logits.expand(64, 3), actions, old, advantages), logits)
            logits = (logits - 0.8 * slope).detach().requires_grad_()
    record(
        METHOD,
        MODULE,
        "probability of the worse actions",
        "0, at most 0.1",
        error=1 - logits.softmax(0)[1].item(),
        tolerance=0.1,
        dtype=torch.float64,
    )
