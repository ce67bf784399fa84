r"""Rosenblatt's perceptron: a threshold unit that learns its hyperplane from its mistakes.

Papers
    Rosenblatt, "The Perceptron: A Probabilistic Model for Information Storage and Organization in the Brain",
    Psychological Review 65, 1958.
    Novikoff, "On convergence proofs for perceptrons", Symposium on the Mathematical Theory of Automata, 1962: the bound.

Equations (x an example, d its target and y the output, both 0 or 1; lr the learning rate)
    output         y = 1[w'x + b > 0]
    update         w <- w + lr (d - y) x,   b <- b + lr (d - y)
    mistake-bound  from zero weights, at most (R / gamma)^2 updates:   R = max ||(x, 1)||,
                   gamma = min (2 d - 1) u'(x, 1) for any unit vector u that separates the classes

Deviations from the papers
    1. The machine of 1958 has a random layer of association units before the units that learn; the input stands for it here.
    2. Several units learn side by side, each by its own mistakes, as several response units would.
    3. The output is 0 on the hyperplane itself; others let the unit fire there.
    4. An epoch is not a loop over examples: outputs are computed for a block of examples with the weights as they are, and
       those behind the first mistake are computed again after the update. The updates are the same, in the same order.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Learned", "Perceptron", "learn", "mistake_bound", "perceptron"]

FIRST_BLOCK = 16
"""Examples looked at after a mistake; without another one the number doubles."""


class Learned(NamedTuple):
    """Weights ``(O, I)``, biases ``(O,)`` or None, and how often each unit was updated in each epoch run, ``(E, O)`` int64."""

    weight: Tensor
    bias: Tensor | None
    updates: Tensor


def perceptron(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Outputs 0 or 1, in the dtype of the input.

    Args:
        input: ``(..., I)``.
        weight: one row a unit, ``(O, I)``.
        bias: ``(O,)``.

    Returns:
        ``(..., O)``.

    Raises:
        ValueError: a shape or dtype does not fit.
    """
    _check("perceptron", input, weight, bias)
    return (nn.functional.linear(input, weight, bias) > 0).to(input.dtype)


@torch.no_grad()
def learn(input: Tensor, target: Tensor, weight: Tensor, bias: Tensor | None = None, lr: float = 1.0, epochs: int = 100) -> Learned:
    """Run through the examples in their order and update on each mistake, until an epoch has none or ``epochs`` have passed.

    Args:
        input: ``(N, I)``.
        target: 0 or 1 for each unit, ``(N, O)``.
        weight, bias: where to start; left as they are. Without a bias the hyperplanes pass through the origin.

    Raises:
        ValueError: a shape, dtype, target or parameter does not fit.
    """
    _check("learn", input, weight, bias)
    _check_target("learn", input, target, weight)
    if not lr > 0:
        raise ValueError(f"learn: lr must be positive, got {lr}")
    if epochs < 1:
        raise ValueError(f"learn: epochs must be at least 1, got {epochs}")
    weight, bias, updates = weight.clone(), None if bias is None else bias.clone(), []
    for _ in range(epochs):
        updates.append(_epoch(input, target, weight, bias, lr))
        if not updates[-1].any():
            break
    return Learned(weight, bias, torch.stack(updates))


def _epoch(input: Tensor, target: Tensor, weight: Tensor, bias: Tensor | None, lr: float) -> Tensor:
    """Update weight and bias in place; the number of updates of each unit, ``(O,)``."""
    updates = torch.zeros(len(weight), dtype=torch.int64, device=input.device)
    start, length = 0, FIRST_BLOCK
    while start < len(input):
        x = input[start : start + length]
        error = target[start : start + length] - perceptron(x, weight, bias)  # (block, O)
        mistaken = error.any(1).nonzero()
        if not len(mistaken):
            start, length = start + length, 2 * length
            continue
        first = mistaken[0, 0]
        weight.addr_(error[first], x[first], alpha=lr)
        if bias is not None:
            bias.add_(error[first], alpha=lr)
        updates += error[first].ne(0)
        start, length = start + int(first) + 1, FIRST_BLOCK
    return updates


def mistake_bound(input: Tensor, target: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The largest number of updates of each unit from zero weights, ``(O,)``, as a separating solution shows it.

    Args:
        input: ``(N, I)``.
        target: 0 or 1 for each unit, ``(N, O)``.
        weight, bias: any solution; its length does not matter. The bias counts as the weight of a constant input 1.

    Raises:
        ValueError: as for :func:`learn`, or the weights do not separate the classes.
    """
    _check("mistake_bound", input, weight, bias)
    _check_target("mistake_bound", input, target, weight)
    if bias is not None:
        input = torch.cat([input, torch.ones_like(input[:, :1])], 1)  # (N, I + 1)
        weight = torch.cat([weight, bias[:, None]], 1)
    margin = ((2 * target - 1) * (input @ weight.T)).amin(0) / weight.norm(dim=1)
    if not (margin > 0).all():
        raise ValueError(f"mistake_bound: expected weights that separate the classes, got margins {margin.tolist()}")
    return (input.norm(dim=1).max() / margin).square()


class Perceptron(nn.Module):
    """A row of perceptrons; parameters and state dict are those of ``torch.nn.Linear``, start at 0 and take no gradient.

    Args:
        in_features, out_features: numbers of inputs I and of units O.
        bias: learn a threshold for each unit.

    Shape: ``(..., I)`` to ``(..., O)``.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int = 1,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("in_features", in_features), ("out_features", out_features)):
            if value < 1:
                raise ValueError(f"Perceptron: {name} must be positive, got {value}")
        self.in_features, self.out_features = in_features, out_features
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.zeros(out_features, in_features, **new), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(out_features, **new), requires_grad=False) if bias else None

    def forward(self, input: Tensor) -> Tensor:
        return perceptron(input, self.weight, self.bias)

    @torch.no_grad()
    def learn(self, input: Tensor, target: Tensor, lr: float = 1.0, epochs: int = 100) -> Tensor:
        """Go on learning from the present weights, see :func:`learn`; the updates of each unit in each epoch, ``(E, O)``."""
        learned = learn(input, target, self.weight, self.bias, lr, epochs)
        self.weight.copy_(learned.weight)
        if self.bias is not None:
            self.bias.copy_(learned.bias)
        return learned.updates

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def _check(function: str, input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if not input.is_floating_point():
        raise ValueError(f"{function}: input must be floating point, got {input.dtype}")
    if weight.dim() != 2 or input.dim() < 1 or input.shape[-1] != weight.shape[1]:
        raise ValueError(f"{function}: weight must be (O, I) for input (..., I), got {tuple(weight.shape)} for {tuple(input.shape)}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"{function}: bias must have shape ({len(weight)},), one number a unit, got {tuple(bias.shape)}")


def _check_target(function: str, input: Tensor, target: Tensor, weight: Tensor) -> None:
    expected = (len(input), len(weight))
    if input.dim() != 2 or target.shape != expected:
        raise ValueError(
            f"{function}: expected input (N, I) and target (N, {len(weight)}), got {tuple(input.shape)} and {tuple(target.shape)}"
        )
    if not ((target == 0) | (target == 1)).all():
        raise ValueError(f"{function}: target must hold 0 and 1, got values from {target.min().item()} to {target.max().item()}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    corners = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    gates = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0], "XOR": [0, 1, 1, 0]}
    planes = {"AND": ([[2.0, 2]], [-3.0]), "OR": ([[2.0, 2]], [-1.0]), "NAND": ([[-2.0, -2]], [3.0])}
    for name, outputs in gates.items():
        d, unit = torch.tensor(outputs)[:, None].float(), Perceptron(2)
        updates = unit.learn(corners, d, epochs=20)[:, 0]
        outcome = "not learned"
        if name in planes:
            outcome = (
                f"learned in {updates.sum()} updates of at most {mistake_bound(corners, d, *map(torch.tensor, planes[name])).item():.0f}"
            )
        print(f"{name:5s}{outcome}; in each epoch {updates.tolist()}")
