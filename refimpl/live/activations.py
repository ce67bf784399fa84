"""Every activation function and its derivative, on as many numbers as the page asks for; those with a parameter under several."""

from __future__ import annotations

import inspect

import torch
from torch import Tensor, nn

from refimpl.foundations.activations import ACTIVATIONS
from refimpl.live.part import Demonstration, Inputs, Part, show

__all__ = ["LIVE", "PARAMETERS", "AllActivations"]

PARAMETERS: dict[str, tuple[str, str, tuple[float, ...]]] = {
    "leaky_relu": ("negative_slope", "a", (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)),
    "elu": ("alpha", "α", (0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)),
    "hardsigmoid": ("slope", "a", (0.05, 0.1, 1 / 6, 0.2, 0.25, 0.5, 1.0)),
    "softplus": ("beta", "β", (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)),
    "celu": ("alpha", "α", (0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)),
    "isrlu": ("alpha", "α", (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)),
    "isru": ("alpha", "α", (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)),
    "penalized_tanh": ("alpha", "a", (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)),
    "silu": ("beta", "β", (0.0, 0.25, 0.5, 1.0, 1.702, 3.0, 10.0)),
    "squareplus": ("b", "b", (0.01, 0.25, 1.0, 2.0, 4.0, 8.0, 16.0)),
}
"""The parameter, its sign and the positions of its slider; it is an ordinary number in Python, so each has its own branch."""

ROWS = [
    *((row, {}) for row in ACTIVATIONS.values()),
    *((ACTIVATIONS[name], {parameter: value}) for name, (parameter, _, values) in PARAMETERS.items() for value in values),
]


class AllActivations(nn.Module):
    """f(x) and f'(x) of the A rows of ``ACTIVATIONS`` with their default parameters, then of those in ``PARAMETERS`` with each value.

    ``(N,)`` to twice ``(A + B, N)``.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.stack([row(x, **given) for row, given in ROWS]), torch.stack([row.derivative(x, **given) for row, given in ROWS])


def _sample(generator: torch.Generator) -> Inputs:
    return {"x": 3.0 * torch.randn(400, generator=generator)}


def _parameters() -> dict[str, dict[str, object]]:
    """For each function with a parameter: its sign, its values, which of them is the default, and the row of the first of them."""
    found = {}
    first = len(ACTIVATIONS)
    for name, (parameter, sign, values) in PARAMETERS.items():
        default = inspect.signature(ACTIVATIONS[name].function).parameters[parameter].default
        found[name] = {"sign": sign, "values": values, "default": values.index(default), "first": first}
        first += len(values)
    return found


LIVE = Demonstration(
    topic="activations",
    parts=lambda: {"activations": Part(AllActivations(), ("value", "slope"), _sample, {"x": 0})},
    facts={"names": list(ACTIVATIONS), "titles": [row.title for row in ACTIVATIONS.values()], "parameters": _parameters()},
)


if __name__ == "__main__":
    show(__doc__, LIVE)
