"""What every optimizer here shares: parameter groups, the loop over them, and checks of hyperparameters.

A method is a subclass of :class:`Rule` with two short methods: ``begin`` makes the state of one
parameter, and ``move`` changes one parameter and its state (``update`` a whole group, where that is
shorter). The loop, closures, ``maximize``, the L2 penalty, the ranges of hyperparameters and the
refusal of sparse gradients stand here once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Rule", "need"]

FRACTIONS = {"betas", "momentum", "dampening", "rho", "alpha", "beta"}
"""Hyperparameters in [0, 1), decays above all; a tuple is checked one by one. All other numbers must not be negative."""


def need(optimizer: str, name: str, value: Any, holds: bool, expected: str) -> None:
    """Raise a ``ValueError`` that names the hyperparameter and its value unless ``holds``."""
    if not holds:
        raise ValueError(f"{optimizer}: {name} must be {expected}, got {value}")


class Rule(torch.optim.Optimizer):
    """An optimizer given by how one group of dense parameters is updated.

    Args:
        params: parameters or parameter groups.
        hyper: the defaults of the groups; those named ``weight_decay`` and ``maximize`` act here.

    Raises:
        ValueError: a hyperparameter is out of range, or, in a step, a gradient is sparse.
    """

    def __init__(self, params: Iterable[Any], **hyper: Any) -> None:
        for name, value in hyper.items():
            several = isinstance(value, tuple)
            for i, number in enumerate(value if several else (value,)):
                label = f"{name}[{i}]" if several else name
                if name in FRACTIONS:
                    need(type(self).__name__, label, number, 0.0 <= number < 1.0, "in [0, 1)")
                else:
                    need(type(self).__name__, label, number, number >= 0.0, "non-negative")
        super().__init__(params, hyper)

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        """The state of a parameter before its first step."""
        raise NotImplementedError

    def move(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        """Change one parameter and its state in place, the L2 penalty being part of the gradient."""
        raise NotImplementedError

    def update(self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor], states: list[dict[str, Any]]) -> None:
        """Change the parameters of a group and their states in place."""
        for p, g, state in zip(parameters, gradients, states, strict=True):
            if group.get("weight_decay"):
                g = g.add(p, alpha=group["weight_decay"])
            self.move(group, p, g, state)

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
