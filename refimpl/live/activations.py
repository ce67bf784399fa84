"""Every activation function and its derivative, on as many numbers as the page asks for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refimpl.foundations.activations import ACTIVATIONS
from refimpl.live.part import Demonstration, Inputs, Part, show

__all__ = ["LIVE", "AllActivations"]


class AllActivations(nn.Module):
    """f(x) and f'(x) of the A rows of ``ACTIVATIONS`` with their default parameters: ``(N,)`` to twice ``(A, N)``."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        rows = ACTIVATIONS.values()
        return torch.stack([row(x) for row in rows]), torch.stack([row.derivative(x) for row in rows])


def _sample(generator: torch.Generator) -> Inputs:
    return {"x": 3.0 * torch.randn(400, generator=generator)}


LIVE = Demonstration(
    topic="activations",
    parts=lambda: {"activations": Part(AllActivations(), ("value", "slope"), _sample, {"x": 0})},
    facts={"names": list(ACTIVATIONS), "titles": [row.title for row in ACTIVATIONS.values()]},
)


if __name__ == "__main__":
    show(__doc__, LIVE)
