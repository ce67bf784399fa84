"""Advantages by a scan beside the loop over the steps that is common for them."""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.reinforcement.actor_critic import generalized_advantages, ppo_loss
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.reinforcement.cases_actor_critic import METHOD


def loop(rewards: Tensor, values: Tensor, terminal: Tensor) -> Tensor:
    """From the last step to the first, as in most codes."""
    out, last = torch.zeros_like(rewards), torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        on = 1.0 - terminal[t].float()
        last = rewards[t] + 0.99 * values[t + 1] * on - values[t] + 0.99 * 0.95 * on * last
        out[t] = last
    return out


def categorical(logits: Tensor, actions: Tensor, old: Tensor, advantages: Tensor) -> Tensor:
    """PPO with torch.distributions."""
    ratio = (torch.distributions.Categorical(logits=logits, validate_args=False).log_prob(actions) - old).exp()
    return -torch.min(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()


def policies() -> tuple[Tensor, ...]:
    logits = randn(4096, 18, seed=3)
    actions = torch.arange(4096) % 18
    return logits, actions, torch.log_softmax(logits + 0.1, 1).gather(1, actions[:, None])[:, 0], randn(4096, seed=4)


BENCHES = [
    Bench(
        METHOD,
        f"advantages, {steps} steps of {many} episodes",
        lambda: generalized_advantages,
        {"a loop over the steps": lambda: loop},
        lambda steps=steps, many=many: (randn(steps, many, seed=0), randn(steps + 1, many, seed=1), randn(steps, many, seed=2) > 2),
        backward=False,
        compiled=False,
    )
    for steps, many in ((128, 8), (2000, 8))
] + [
    Bench(
        METHOD,
        "PPO's loss, 4,096 steps, 18 actions",
        lambda: ppo_loss,
        {"torch.distributions.Categorical": lambda: categorical},
        policies,
    )
]
