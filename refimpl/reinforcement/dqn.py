r"""Deep Q-network (DQN) and its extensions: double, dueling, multi-step, prioritized, distributional, noisy.

Paper
    Mnih et al., "Human-level control through deep reinforcement learning", Nature 518, 2015 (replay, target network,
    clipped errors). Van Hasselt, Guez and Silver, arXiv:1509.06461 (double). Wang et al., arXiv:1511.06581, equation 9
    (dueling). Bellemare, Dabney and Munos, arXiv:1707.06887, algorithm 1 (distributional, C51). Sutton, 1988 (multi-step).

Equations (q (B, A) the values of the online weights, q' those of the target weights at the next state, d = 1 at the end)
    dqn-loss        L = mean w (y - q(s, a))^2,   y = r + gamma (1 - d) max_a' q'(s', a')
    dqn-double      y = r + gamma (1 - d) q'(s', argmax_a' q(s', a'))
    dqn-dueling     Q(s, a) = V(s) + A(s, a) - mean_a' A(s, a')
    dqn-multi-step  r = sum_k gamma^k r_(t+k+1) up to the end of the episode, with gamma^n for gamma in y
    dqn-c51         m_i = sum_j p_j max(0, 1 - |T z_j - z_i| / dz),   T z_j = r + gamma (1 - d) z_j, clamped to [v_min, v_max]

Deviations from the paper
    1. Networks are perceptrons on states of a few numbers; the paper's are convolutions on frames of Atari games.
    2. The demonstration uses Adam, not RMSProp, and a small memory.
    3. A clipped error is Huber's loss, whose gradient is the clipped error.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.reinforcement.noisy_linear import NoisyLinear
from refimpl.reinforcement.replay import PrioritizedMemory, ReplayMemory, SumTree

__all__ = [
    "DuelingNetwork",
    "NoisyLinear",
    "PrioritizedMemory",
    "ReplayMemory",
    "SumTree",
    "categorical_projection",
    "dueling",
    "multi_step",
    "td_errors",
    "td_loss",
    "td_target",
]


def td_target(rewards: Tensor, terminal: Tensor, next_values: Tensor, gamma: float = 0.99, chooser: Tensor | None = None) -> Tensor:
    """The target y of each transition.

    Args:
        rewards: r, ``(B,)``.
        terminal: whether the episode ended there, bool ``(B,)``; what comes after then counts for nothing.
        next_values: the target weights' values of the next state, ``(B, A)``.
        gamma: the discount factor; gamma^n after n steps.
        chooser: the online weights' values of the next state, ``(B, A)``, for double DQN.

    Returns:
        y, ``(B,)``.

    Raises:
        ValueError: a shape or dtype does not fit.
    """
    if next_values.dim() != 2 or rewards.shape != next_values.shape[:1]:
        raise ValueError(f"td_target: expected rewards (B,) and next_values (B, A), got {tuple(rewards.shape)}, {tuple(next_values.shape)}")
    if terminal.shape != rewards.shape or terminal.dtype != torch.bool:
        raise ValueError(f"td_target: terminal must be bool of shape {tuple(rewards.shape)}, got {terminal.dtype} {tuple(terminal.shape)}")
    if chooser is None:
        following = next_values.amax(1)
    elif chooser.shape != next_values.shape:
        raise ValueError(f"td_target: chooser must have shape {tuple(next_values.shape)}, got {tuple(chooser.shape)}")
    else:
        following = next_values.gather(1, chooser.argmax(1, keepdim=True)).squeeze(1)
    return torch.where(terminal, rewards, torch.add(rewards, following, alpha=gamma))


def td_errors(values: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """y - q(s, a) for the actions that were taken, ``(B,)``; no gradient passes through the targets.

    Raises:
        ValueError: a shape does not fit.
    """
    if values.dim() != 2 or actions.shape != values.shape[:1] or targets.shape != actions.shape:
        shapes = ", ".join(str(tuple(t.shape)) for t in (values, actions, targets))
        raise ValueError(f"td_errors: expected values (B, A), actions (B,) and targets (B,), got {shapes}")
    return targets.detach() - values.gather(1, actions.unsqueeze(1)).squeeze(1)


def td_loss(errors: Tensor, weights: Tensor | None = None, clip: bool = False) -> Tensor:
    """Mean of weights times squared errors; ``clip`` bounds each error's gradient by 1, which halves the square near zero."""
    loss = F.huber_loss(errors, torch.zeros_like(errors), reduction="none") if clip else errors.square()
    return (loss if weights is None else weights * loss).mean()


def dueling(value: Tensor, advantages: Tensor) -> Tensor:
    """Action values ``(B, A)`` from the state's value ``(B, 1)`` and the advantages ``(B, A)``.

    Raises:
        ValueError: a shape does not fit.
    """
    if value.shape != (*advantages.shape[:-1], 1):
        raise ValueError(f"dueling: value must have shape {(*advantages.shape[:-1], 1)}, got {tuple(value.shape)}")
    return value + advantages - advantages.mean(-1, keepdim=True)


def multi_step(rewards: Tensor, terminal: Tensor, gamma: float = 0.99) -> tuple[Tensor, Tensor]:
    """Discounted sums of n rewards, none after the end of an episode, and whether it ended: ``(B, n)`` to ``(B,)`` and ``(B,)``.

    Raises:
        ValueError: the shapes differ or ``terminal`` is not bool.
    """
    if rewards.dim() != 2 or terminal.shape != rewards.shape or terminal.dtype != torch.bool:
        given = f"{tuple(rewards.shape)}, {terminal.dtype} {tuple(terminal.shape)}"
        raise ValueError(f"multi_step: expected rewards (B, n) and terminal, bool (B, n), got {given}")
    ended = terminal.cumsum(1) - terminal.int() > 0  # before this step
    powers = gamma ** torch.arange(rewards.shape[1], dtype=rewards.dtype, device=rewards.device)
    return (rewards * powers).masked_fill(ended, 0.0).sum(1), terminal.any(1)


def categorical_projection(
    probabilities: Tensor, rewards: Tensor, terminal: Tensor, v_min: float, v_max: float, gamma: float = 0.99
) -> Tensor:
    """The distribution of r + gamma Z on the atoms of Z, each mass shared between its two neighbors.

    Args:
        probabilities: of the atoms, which are spaced evenly from ``v_min`` to ``v_max``, ``(B, n)``.
        rewards, terminal: ``(B,)``, the latter bool.

    Returns:
        Like ``probabilities``.

    Raises:
        ValueError: a shape or number does not fit.
    """
    if probabilities.dim() != 2 or probabilities.shape[1] < 2 or not rewards.shape == terminal.shape == probabilities.shape[:1]:
        shapes = ", ".join(str(tuple(t.shape)) for t in (probabilities, rewards, terminal))
        raise ValueError(f"categorical_projection: expected (B, n >= 2), (B,) and (B,), got {shapes}")
    if not v_min < v_max:
        raise ValueError(f"categorical_projection: v_min must lie below v_max, got {v_min} and {v_max}")
    n = probabilities.shape[1]
    atoms = torch.linspace(v_min, v_max, n, dtype=probabilities.dtype, device=probabilities.device)
    moved = torch.add(rewards.unsqueeze(1), torch.where(terminal.unsqueeze(1), 0.0, atoms), alpha=gamma)  # (B, n)
    place = (moved.clamp(v_min, v_max) - v_min) * ((n - 1) / (v_max - v_min))  # in steps from the first atom
    lower = place.floor().clamp(0, n - 2).long()
    share = place - lower
    return (
        torch.zeros_like(probabilities).scatter_add(1, lower, probabilities * (1 - share)).scatter_add(1, lower + 1, probabilities * share)
    )


class DuelingNetwork(nn.Module):
    """A hidden layer, then one stream for the value and one for the advantages; one product for both.

    Args:
        observations, actions, hidden: sizes.
        noisy: make the last layer a :class:`NoisyLinear`.
    """

    def __init__(
        self,
        observations: int,
        actions: int,
        hidden: int = 64,
        noisy: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(observations, hidden, device=device, dtype=dtype), nn.ReLU())
        self.streams = (NoisyLinear if noisy else nn.Linear)(hidden, 1 + actions, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        both = self.streams(self.body(x))  # (B, 1 + A)
        return dueling(both[..., :1], both[..., 1:])


if __name__ == "__main__":
    import copy
    import random

    from refimpl.demo import arguments
    from refimpl.reinforcement.cartpole import CartPole

    arguments(__doc__)
    rng, world = random.Random(torch.initial_seed()), CartPole()
    memory = ReplayMemory(10_000)
    online = DuelingNetwork(world.observations, world.actions)
    target = copy.deepcopy(online)
    adam = torch.optim.Adam(online.parameters(), lr=3e-3)
    lengths, state = [], torch.tensor(world.reset(rng))
    for step in range(3000):
        epsilon = max(0.05, 1 - step / 1000)
        with torch.no_grad():
            action = rng.randrange(2) if rng.random() < epsilon else int(online(state[None]).argmax())
        after, reward, fallen, late = world.step(action)
        memory.add(state, torch.tensor(action), torch.tensor(reward), torch.tensor(after), torch.tensor(fallen))
        state = torch.tensor(after)
        if fallen or late:
            lengths.append(world.steps)
            state = torch.tensor(world.reset(rng))
        if step >= 200:
            s, a, r, then, ended = memory.sample(64)
            with torch.no_grad():
                y = td_target(r, ended, target(then), 0.99, chooser=online(then))
            adam.zero_grad()
            td_loss(td_errors(online(s), a, y)).backward()
            adam.step()
        if step % 50 == 0:
            target.load_state_dict(online.state_dict())
        if step % 1000 == 999:
            print(f"step {step + 1}: {len(lengths)} episodes, the last five lasted {lengths[-5:]} steps")
