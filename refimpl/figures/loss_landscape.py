"""The loss around a trained network, with and without batch normalization.

Paper
    Li, Xu, Taylor, Studer and Goldstein, "Visualizing the Loss Landscape of Neural Nets", NeurIPS 2018, arXiv:1712.09913:
    two random directions, each row of which has the length of the weights' row (filter normalization); see
    ``refimpl.foundations.loss_landscape``.

Both networks have the same layers, data, first weights, directions and steps. Normalization always takes the
statistics of the whole training set, also while the weights are moved.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.data import digits_split
from refimpl.figures.plain import numbers
from refimpl.foundations.loss_landscape import movable, plane, random_direction
from refimpl.training.adam import Adam
from refimpl.training.batch_norm import BatchNorm1d
from refimpl.training.kaiming import kaiming_normal_

__all__ = ["data", "surface"]

DEPTH, WIDTH, STEPS, BATCH, RATE = 12, 32, 400, 128, 2e-3
REACH, GRID, SEED = 1.0, 31, 0


def network(normalized: bool) -> nn.Sequential:
    """``DEPTH`` ReLU layers, each with batch normalization or none, and a linear read-out."""
    generator = torch.Generator().manual_seed(SEED)
    layers: list[nn.Module] = []
    for inputs in (64, *[WIDTH] * (DEPTH - 1)):
        layers += [nn.Linear(inputs, WIDTH), *([BatchNorm1d(WIDTH)] if normalized else []), nn.ReLU()]
    layers.append(nn.Linear(WIDTH, 10))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def surface(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The loss on a grid around the network's weights, ``(GRID, GRID)``; rows follow the second direction."""
    weights, generator = movable(net), torch.Generator().manual_seed(SEED)
    across, up = random_direction(weights, generator), random_direction(weights, generator)
    return plane(lambda: F.cross_entropy(net(x), y), weights, across, up, torch.linspace(-REACH, REACH, GRID))


def data() -> dict[str, Any]:
    """``reach`` of the plane and, for each network, its losses, the loss at the center and the test accuracy."""
    split = digits_split()
    x, y = split.x.flatten(1), split.y
    networks = []
    for id, en, zh in (("plain", "Without normalization", "无归一化"), ("batch-norm", "Batch normalization", "批归一化")):
        net = network(id == "batch-norm")
        optimizer = Adam(net.parameters(), lr=RATE)
        draws = torch.Generator().manual_seed(SEED)
        for _ in range(STEPS):
            batch = torch.randint(len(x), (BATCH,), generator=draws)
            optimizer.zero_grad()
            F.cross_entropy(net(x[batch]), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            loss = F.cross_entropy(net(x), y)
            right = net(split.x_test.flatten(1)).argmax(1) == split.y_test
        grid = numbers(surface(net, x, y))
        accuracy = numbers(right.double().mean())
        networks.append({"id": id, "title": {"en": en, "zh": zh}, "grid": grid, "loss": numbers(loss), "accuracy": accuracy})
    return {"reach": REACH, "depth": DEPTH, "networks": networks}
