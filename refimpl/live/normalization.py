"""Batch normalization of a cloud of points, in training and, with the running averages, in evaluation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refimpl.live.part import Demonstration, Inputs, Part, show
from refimpl.training.batch_norm import batch_norm

__all__ = ["LIVE", "Points"]

MOMENTUM = 0.1


class Points(nn.Module):
    """Both modes of batch normalization on one batch, with the state as an input and an output."""

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> tuple[Tensor, ...]:
        """Normalize ``x`` ``(N, 2)``.

        Returns:
            The output in training, the running mean and variance after it, and the output in evaluation with these.
        """
        mean, var = mean.clone(), var.clone()
        training = batch_norm(x, mean, var, weight, bias, True, MOMENTUM)
        return training, mean, var, batch_norm(x, mean, var, weight, bias)


def _sample(generator: torch.Generator) -> Inputs:
    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return {"x": 2.0 * draw(60, 2) + 3.0, "weight": draw(2), "bias": draw(2), "mean": draw(2), "var": draw(2).exp()}


LIVE = Demonstration(
    topic="normalization",
    parts=lambda: {"batch-norm": Part(Points(), ("training", "new_mean", "new_var", "evaluation"), _sample, {"x": 0})},
    facts={"momentum": MOMENTUM},
)


if __name__ == "__main__":
    show(__doc__, LIVE)
