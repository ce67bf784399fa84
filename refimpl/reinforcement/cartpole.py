"""Cart and pole: push a cart left or right so that the pole on it does not fall; the rules of gymnasium's CartPole-v1.

Source
    Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult learning control problems", IEEE
    Transactions on Systems, Man, and Cybernetics, 1983. Integrated by Euler's method in steps of 0.02 s.
"""

from __future__ import annotations

import math
import random

__all__ = ["CartPole"]

GRAVITY, CART_MASS, POLE_MASS, HALF_LENGTH, FORCE, SECONDS = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02  # m/s^2, kg, kg, m, N, s
LARGEST_POSITION, LARGEST_ANGLE = 2.4, math.radians(12)


class CartPole:
    """One cart; the state is its position (m), velocity, the pole's angle (rad) and angular velocity.

    Args:
        max_steps: after so many steps an episode is broken off.
    """

    observations, actions = 4, 2

    def __init__(self, max_steps: int = 500) -> None:
        self.max_steps = max_steps
        self.state, self.steps = (0.0, 0.0, 0.0, 0.0), 0

    def reset(self, rng: random.Random) -> tuple[float, ...]:
        """Begin an episode with four numbers between -0.05 and 0.05."""
        self.state, self.steps = tuple(rng.uniform(-0.05, 0.05) for _ in range(4)), 0
        return self.state

    def step(self, action: int) -> tuple[tuple[float, ...], float, bool, bool]:
        """Push left (0) or right (1): the next state, the reward 1, whether the pole has fallen, whether the time is up.

        Raises:
            ValueError: there is no such action.
        """
        if action not in (0, 1):
            raise ValueError(f"CartPole: action must be 0 or 1, got {action}")
        position, velocity, angle, spin = self.state
        force, total = FORCE if action else -FORCE, CART_MASS + POLE_MASS
        push = (force + POLE_MASS * HALF_LENGTH * spin**2 * math.sin(angle)) / total
        lever = HALF_LENGTH * (4 / 3 - POLE_MASS * math.cos(angle) ** 2 / total)
        turn = (GRAVITY * math.sin(angle) - math.cos(angle) * push) / lever
        pull = push - POLE_MASS * HALF_LENGTH * turn * math.cos(angle) / total
        self.state = (position + SECONDS * velocity, velocity + SECONDS * pull, angle + SECONDS * spin, spin + SECONDS * turn)
        self.steps += 1
        fallen = abs(self.state[0]) > LARGEST_POSITION or abs(self.state[2]) > LARGEST_ANGLE
        return self.state, 1.0, fallen, self.steps >= self.max_steps
