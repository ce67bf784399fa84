"""Every activation function and its derivative on a grid; the derivative is what autograd returns."""

from __future__ import annotations

from typing import Any

import torch

from refimpl.figures.plain import numbers
from refimpl.foundations.activations import ACTIVATIONS

__all__ = ["data"]

END, STEPS = 5.0, 101


def data() -> dict[str, Any]:
    """The grid ``x``, and for each function its ``id``, ``title``, ``year``, values ``y`` and ``slope``."""
    grid = torch.linspace(-END, END, STEPS, dtype=torch.float64)
    curves = []
    for name, activation in ACTIVATIONS.items():
        x = grid.clone().requires_grad_()
        y = activation(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        curves.append({"id": name, "title": activation.title, "year": activation.year, "y": numbers(y), "slope": numbers(slope)})
    return {"x": numbers(grid), "curves": curves}
