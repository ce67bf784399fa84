"""Dropout of 64 units under one linear unit: what many masks do to its value, beside what the equations predict."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.live.part import Demonstration, Inputs, Part, show
from refimpl.training.dropout import dropout, linear_variance, original_dropout

__all__ = ["LIVE", "Masks"]

UNITS = 64
PROBABILITIES = tuple(k / 20 for k in range(19))
"""The positions of the slider, 0 to 0.9; ``p`` is an ordinary number in Python, so each has its own branch."""


class Masks(nn.Module):
    """w . dropout(x) under M masks for every p of ``PROBABILITIES``.

    Args:
        x, weight: units and the weights that leave them, ``(64,)``.
        uniform: ``(M, 64)`` from [0, 1); a unit is kept where its number is at least p.

    Returns:
        The sums for inverted and for original dropout, ``(P, M)``, the variance that the equation of inverted dropout predicts,
        ``(P,)``, the units under the first mask, inverted, ``(P, 64)``, and the sums in evaluation, inverted and original, ``(P, 2)``.
    """

    def forward(self, x: Tensor, weight: Tensor, uniform: Tensor) -> tuple[Tensor, ...]:
        batch = x.expand(uniform.shape)
        rows = []
        for p in PROBABILITIES:
            mask = uniform >= p
            inverted, original = dropout(batch, p, mask=mask), original_dropout(batch, p, mask=mask)
            evaluated = torch.stack((dropout(x, p, training=False), original_dropout(x, p, training=False)))
            predicted = linear_variance(x, weight.unsqueeze(0), p).squeeze(0)
            rows.append((F.linear(inverted, weight), F.linear(original, weight), predicted, inverted[0], F.linear(evaluated, weight)))
        return tuple(torch.stack(column) for column in zip(*rows, strict=True))


def _sample(generator: torch.Generator) -> Inputs:
    units = {"x": torch.randn(UNITS, generator=generator), "weight": torch.randn(UNITS, generator=generator) / UNITS**0.5}
    return units | {"uniform": torch.rand(500, UNITS, generator=generator)}


LIVE = Demonstration(
    topic="dropout",
    parts=lambda: {"dropout": Part(Masks(), ("inverted", "original", "variance", "units", "evaluation"), _sample, {"uniform": 0})},
    facts={"probabilities": PROBABILITIES, "units": UNITS},
)


if __name__ == "__main__":
    show(__doc__, LIVE)
