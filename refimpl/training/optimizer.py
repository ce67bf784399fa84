"""What every optimizer here shares: parameter groups, the loop over them, and checks of hyperparameters.

A method is a subclass of :class:`Rule` with two short methods: ``begin`` makes the state of one
parameter, ``update`` changes all parameters of a group that have a gradient. The loop, closures,
``maximize`` and the refusal of sparse gradients stand here once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Rule", "need"]


def need(optimizer: str, name: str, value: Any, holds: bool, expected: str) -> None:
    """Raise a ``ValueError`` that names the hyperparameter and its value unless ``holds``."""
    if not holds:
        raise ValueError(f"{optimizer}: {name} must be {expected}, got {value}")


class Rule(torch.optim.Optimizer):
    """An optimizer given by how one group of dense parameters is updated."""

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        """The state of a parameter before its first step."""
        raise NotImplementedError

    def update(self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor], states: list[dict[str, Any]]) -> None:
        """Change the parameters and their states in place."""
        raise NotImplementedError

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Update every parameter that has a gradient; returns the closure's loss, if one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            for p in parameters:
                if p.grad.is_sparse:
                    name, shape = type(self).__name__, tuple(p.grad.shape)
                    raise ValueError(f"{name}: gradients must be dense, got a sparse gradient of shape {shape}")
                if not self.state[p]:
                    self.state[p].update(self.begin(group, p))
            gradients = [-p.grad if group.get("maximize") else p.grad for p in parameters]
            self.update(group, parameters, gradients, [self.state[p] for p in parameters])
        return loss
