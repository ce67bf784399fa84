r"""Policy gradients: REINFORCE with a baseline, actor-critic with advantages over many steps (A2C), and PPO's clipped objective.

Paper
    Williams, 1992 (REINFORCE). Konda and Tsitsiklis, "Actor-Critic Algorithms", NeurIPS 1999. Mnih et al., "Asynchronous
    Methods for Deep Reinforcement Learning", arXiv:1602.01783 (advantages over n steps, entropy). Schulman et al.,
    arXiv:1506.02438, equation 16 (generalized advantages). Schulman et al., arXiv:1707.06347, equation 7 (PPO).

Equations (T steps, time first; r rewards, V values, d = 1 where the episode ends, pi = softmax of the logits)
    policy-gradient-return     G_t = r_t + gamma (1 - d_t) G_(t+1),   G_T = the bootstrap value
    policy-gradient-reinforce  L = -sum_t gamma^t (G_t - b_t) log pi(a_t | s_t)
    policy-gradient-advantage  A_t = r_t + ... + gamma^(n-1) r_(t+n-1) + gamma^n V(s_(t+n)) - V(s_t)
    policy-gradient-gae        A_t = e_t + gamma lambda (1 - d_t) A_(t+1),   e_t = r_t + gamma (1 - d_t) V(s_(t+1)) - V(s_t)
    policy-gradient-actor      L = -mean A log pi(a | s)
    policy-gradient-ppo        L = -mean min(rho A, clip(rho, 1 - epsilon, 1 + epsilon) A),   rho = pi(a | s) / pi_old(a | s)

Deviations from the paper
    1. All objectives are written as losses to descend; the papers ascend.
    2. Advantages over n steps are generalized advantages with lambda = 1 over a segment of n steps.
    3. No gradient passes through returns and advantages.
    4. An episode that is broken off counts as ended in the demonstration, which undervalues its last states a little.
    5. Returns and advantages are parallel scans over time instead of loops.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.linear_scan import linear_scan

__all__ = ["ActorCritic", "discounted_returns", "entropy", "generalized_advantages", "policy_loss", "ppo_loss", "reinforce_loss"]


def discounted_returns(rewards: Tensor, terminal: Tensor, gamma: float = 0.99, bootstrap: Tensor | None = None) -> Tensor:
    """Return after each step, up to the end of its episode.

    Args:
        rewards: r, ``(T, ...)``.
        terminal: whether the episode ended with this step, bool, like ``rewards``.
        gamma: the discount factor.
        bootstrap: value of what follows the last step, ``(...)``; zero where it is None.

    Returns:
        G, like ``rewards``.

    Raises:
        ValueError: a shape, dtype or number does not fit.
    """
    _check("discounted_returns", rewards, terminal, gamma=gamma)
    if bootstrap is not None and bootstrap.shape != rewards.shape[1:]:
        raise ValueError(f"discounted_returns: bootstrap must have shape {tuple(rewards.shape[1:])}, got {tuple(bootstrap.shape)}")
    return linear_scan(gamma * (~terminal).to(rewards.dtype), rewards, bootstrap, reverse=True)


def generalized_advantages(rewards: Tensor, values: Tensor, terminal: Tensor, gamma: float = 0.99, lam: float = 0.95) -> Tensor:
    """Generalized advantage estimates: ``lam`` = 0 trusts the values after one step, 1 takes all rewards of the segment.

    Args:
        rewards, terminal: as in :func:`discounted_returns`.
        values: V of the states before each step and of the one after the last, ``(T + 1, ...)``.
        gamma, lam: discount factor and lambda.

    Returns:
        A, like ``rewards``; with the values added they are targets for the critic.

    Raises:
        ValueError: a shape, dtype or number does not fit.
    """
    _check("generalized_advantages", rewards, terminal, gamma=gamma, lam=lam)
    if values.shape != (len(rewards) + 1, *rewards.shape[1:]):
        expected = (len(rewards) + 1, *rewards.shape[1:])
        raise ValueError(f"generalized_advantages: values must have shape {expected}, got {tuple(values.shape)}")
    going_on = gamma * (~terminal).to(rewards.dtype)  # what follows an end counts for nothing
    errors = rewards - values[:-1] + going_on * values[1:]
    return linear_scan(lam * going_on, errors, reverse=True)


def reinforce_loss(logits: Tensor, actions: Tensor, rewards: Tensor, gamma: float = 0.99, baseline: Tensor | None = None) -> Tensor:
    """The loss of one whole episode, whose gradient is an unbiased estimate of minus that of the expected return.

    Args:
        logits: of the actions at each step, ``(T, A)``.
        actions: taken, ``(T,)``, integer.
        rewards: received, ``(T,)``.
        gamma: the discount factor.
        baseline: subtracted from the returns, ``(T,)``; must not depend on the actions taken at its step or later.

    Raises:
        ValueError: a shape, dtype or number does not fit.
    """
    returns = discounted_returns(rewards, torch.zeros_like(rewards, dtype=torch.bool), gamma)
    weight = returns if baseline is None else returns - baseline
    discount = gamma ** torch.arange(len(rewards), dtype=rewards.dtype, device=rewards.device)
    return -(discount * weight.detach() * _log_probability("reinforce_loss", logits, actions, weight)).sum()


def policy_loss(logits: Tensor, actions: Tensor, advantages: Tensor) -> Tensor:
    """The actor's loss over a batch: ``(..., A)``, ``(...)``, ``(...)`` to a scalar.

    Raises:
        ValueError: a shape does not fit.
    """
    return -(advantages.detach() * _log_probability("policy_loss", logits, actions, advantages)).mean()


def ppo_loss(logits: Tensor, actions: Tensor, old_log_probabilities: Tensor, advantages: Tensor, epsilon: float = 0.2) -> Tensor:
    """PPO's clipped loss over a batch.

    Args:
        logits: of the policy that learns, ``(..., A)``.
        actions: taken by the policy that collected the data, ``(...)``, integer.
        old_log_probabilities: of these actions under that policy, ``(...)``.
        advantages: their advantages, ``(...)``.
        epsilon: how far the ratio of probabilities may go before the gradient stops.

    Raises:
        ValueError: a shape or number does not fit.
    """
    if not 0.0 < epsilon < 1.0:
        raise ValueError(f"ppo_loss: epsilon must lie between 0 and 1, got {epsilon}")
    ratio = torch.exp(_log_probability("ppo_loss", logits, actions, advantages) - old_log_probabilities.detach())
    advantages = advantages.detach()
    return -torch.minimum(ratio * advantages, ratio.clamp(1.0 - epsilon, 1.0 + epsilon) * advantages).mean()


def entropy(logits: Tensor) -> Tensor:
    """Entropy of the policy in nats, ``(..., A)`` to ``(...)``; a small multiple of its mean is often added to keep exploring."""
    log_probabilities = F.log_softmax(logits, -1)
    return -(log_probabilities.exp() * log_probabilities).sum(-1)


def _log_probability(function: str, logits: Tensor, actions: Tensor, like: Tensor) -> Tensor:
    if actions.shape != logits.shape[:-1] or like.shape != actions.shape:
        shapes = ", ".join(str(tuple(t.shape)) for t in (logits, actions, like))
        raise ValueError(f"{function}: expected logits (..., A), actions and one number for each (...), got {shapes}")
    return F.log_softmax(logits, -1).gather(-1, actions.unsqueeze(-1)).squeeze(-1)


def _check(function: str, rewards: Tensor, terminal: Tensor, **fractions: float) -> None:
    if rewards.dim() < 1 or terminal.shape != rewards.shape or terminal.dtype != torch.bool:
        given = f"{tuple(rewards.shape)} and {terminal.dtype} {tuple(terminal.shape)}"
        raise ValueError(f"{function}: expected rewards (T, ...) and terminal, bool of the same shape, got {given}")
    for name, value in fractions.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{function}: {name} must lie in [0, 1], got {value}")


class ActorCritic(nn.Module):
    """Two perceptrons: logits of the actions and the value of the state; ``(..., observations)`` to ``(..., A)`` and ``(...)``."""

    def __init__(
        self,
        observations: int,
        actions: int,
        hidden: int = 64,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("observations", observations), ("actions", actions), ("hidden", hidden)):
            if size < 1:
                raise ValueError(f"ActorCritic: {name} must be positive, got {size}")

        def perceptron(outputs: int) -> nn.Sequential:
            made = {"device": device, "dtype": dtype}
            return nn.Sequential(nn.Linear(observations, hidden, **made), nn.Tanh(), nn.Linear(hidden, outputs, **made))

        self.actor, self.critic = perceptron(actions), perceptron(1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.actor(x), self.critic(x).squeeze(-1)


if __name__ == "__main__":
    import random

    from refimpl.demo import arguments
    from refimpl.reinforcement.cartpole import CartPole

    arguments(__doc__)
    rng, carts, horizon = random.Random(torch.initial_seed()), [CartPole() for _ in range(16)], 64
    net = ActorCritic(4, 2)
    adam = torch.optim.Adam(net.parameters(), lr=3e-3)
    state, lengths = torch.tensor([cart.reset(rng) for cart in carts]), []
    for update in range(25):
        states, actions, rewards, ends, log_probabilities = [], [], [], [], []
        for _ in range(horizon):
            with torch.no_grad():
                logits = net.actor(state)
            action = torch.multinomial(logits.softmax(1), 1).squeeze(1)
            results = [cart.step(a) for cart, a in zip(carts, action.tolist(), strict=True)]
            states.append(state)
            actions.append(action)
            rewards.append(torch.tensor([r[1] for r in results]))
            ends.append(torch.tensor([r[2] or r[3] for r in results]))
            log_probabilities.append(F.log_softmax(logits, 1).gather(1, action[:, None]).squeeze(1))
            lengths += [cart.steps for cart, end in zip(carts, ends[-1].tolist(), strict=True) if end]
            after = [cart.reset(rng) if end else r[0] for cart, r, end in zip(carts, results, ends[-1].tolist(), strict=True)]
            state = torch.tensor(after)
        with torch.no_grad():
            values = net(torch.stack([*states, state]))[1]  # (T + 1, 16)
        advantages = generalized_advantages(torch.stack(rewards), values, torch.stack(ends))
        batch = [t.flatten(0, 1) for t in (torch.stack(states), torch.stack(actions), torch.stack(log_probabilities))]
        weights, targets = ((advantages - advantages.mean()) / advantages.std()).flatten(), (advantages + values[:-1]).flatten()
        for _ in range(4):
            for part in torch.randperm(len(targets)).split(256):
                logits, value = net(batch[0][part])
                loss = ppo_loss(logits, batch[1][part], batch[2][part], weights[part]) + 0.5 * F.mse_loss(value, targets[part])
                adam.zero_grad()
                (loss - 0.01 * entropy(logits).mean()).backward()
                adam.step()
        if update % 6 == 0:
            print(
                f"after {(update + 1) * horizon * 16:5} steps: the last 20 episodes lasted {sum(lengths[-20:]) / 20:.0f} steps on average"
            )
