"""Drive an update rule written in NumPy as if it were an optimizer: the oracle of the trajectories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


class NumpyOptimizer:
    """Applies ``rule(t, theta, g, state, **hyper) -> theta`` to each parameter in float64.

    Args:
        groups: parameter groups, which may override hyperparameters.
        rule: the update of one parameter at step t = 1, 2, ...; it keeps what it needs in ``state``.
        maximize: negate the gradient first.
        hyper: the hyperparameters.
    """

    def __init__(self, groups: Any, rule: Callable[..., np.ndarray], *, maximize: bool = False, **hyper: Any) -> None:
        self.rule, self.sign = rule, -1.0 if maximize else 1.0
        self.groups = [(g["params"], {**hyper, **{k: v for k, v in g.items() if k != "params"}}) for g in groups]
        self.states: dict[int, dict[str, Any]] = {}
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        for parameters, hyper in self.groups:
            for p in parameters:
                g = self.sign * p.grad.detach().cpu().double().numpy()
                theta = self.rule(self.steps, p.detach().cpu().double().numpy(), g, self.states.setdefault(id(p), {}), **hyper)
                with torch.no_grad():
                    p.copy_(torch.as_tensor(theta))
