"""Paths of the optimizers on four classic surfaces of two variables.

Each optimizer starts at the same point and takes the same number of steps; its step size is the one of ``RATES`` that
stays in the picture and is lowest over the whole way, so that no rule is shown with a rate chosen for another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from refimpl.figures.plain import numbers
from refimpl.training.adagrad import Adagrad
from refimpl.training.adam import Adam
from refimpl.training.aggmo import AggMo
from refimpl.training.gradient_descent import GradientDescent
from refimpl.training.momentum import Momentum
from refimpl.training.rmsprop import RMSProp

__all__ = ["SURFACES", "Surface", "data", "descend"]

STEPS, GRID = 150, 41
FLOOR = 1e-6
"""Heights below this count as this: all of them are at the bottom."""

RATES = tuple(float(f"{a}e{k}") for k in range(-5, 1) for a in (1, 2, 3, 5, 7))

Maker = Callable[[list[Tensor], float], torch.optim.Optimizer]


@dataclass(frozen=True)
class Surface:
    """A function of two variables, where the paths start, its lowest points, and the part of the plane that is drawn."""

    title: dict[str, str]
    tex: str
    value: Callable[[Tensor, Tensor], Tensor]
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    x: tuple[float, float]
    y: tuple[float, float]

    @property
    def lowest(self) -> float:
        return min(self.value(*torch.tensor(place, dtype=torch.float64)).item() for place in self.minima)

    def shows(self, path: Tensor) -> bool:
        """Whether every point of the path lies in the part of the plane that is drawn."""
        low, high = torch.tensor([self.x, self.y], dtype=torch.float64).T
        return bool(((path >= low) & (path <= high)).all())


SURFACES = {
    "rosenbrock": Surface(
        {"en": "Rosenbrock's valley", "zh": "Rosenbrock 峡谷"},
        r"(1 - x)^2 + 100\,(y - x^2)^2",
        lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        (-1.6, 2.2),
        ((1.0, 1.0),),
        (-2.4, 2.2),
        (-1.2, 4.2),
    ),
    "beale": Surface(
        {"en": "Beale's function", "zh": "Beale 函数"},
        r"(1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2",
        lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
        (1.0, 1.6),
        ((3.0, 0.5),),
        (-1.5, 5.0),
        (-2.2, 2.2),
    ),
    "ravine": Surface(
        {"en": "A ravine", "zh": "狭长山谷"},
        r"\tfrac{1}{2} (x^2 + 60\,y^2)",
        lambda x, y: (x**2 + 60 * y**2) / 2,
        (-4.0, 1.6),
        ((0.0, 0.0),),
        (-5.0, 2.0),
        (-2.5, 2.5),
    ),
    "saddle": Surface(
        {"en": "A saddle", "zh": "鞍点"},
        r"\tfrac{1}{2} (x^2 - y^2) + \tfrac{1}{4} y^4",
        lambda x, y: (x**2 - y**2) / 2 + y**4 / 4,
        (-1.8, 0.01),
        ((0.0, 1.0), (0.0, -1.0)),
        (-2.2, 1.4),
        (-1.5, 1.5),
    ),
}

OPTIMIZERS: dict[str, tuple[str | dict[str, str], Maker]] = {
    "gradient-descent": ({"en": "Gradient descent", "zh": "梯度下降"}, lambda p, lr: GradientDescent(p, lr=lr)),
    "momentum": ({"en": "Momentum 0.9", "zh": "动量 0.9"}, lambda p, lr: Momentum(p, lr=lr)),
    "nesterov": ("Nesterov 0.9", lambda p, lr: Momentum(p, lr=lr, nesterov=True)),
    "aggmo": ("AggMo", lambda p, lr: AggMo(p, lr=lr)),
    "adagrad": ("Adagrad", lambda p, lr: Adagrad(p, lr=lr)),
    "rmsprop": ("RMSProp", lambda p, lr: RMSProp(p, lr=lr)),
    "adam": ("Adam", lambda p, lr: Adam(p, lr=lr)),
}


def descend(surface: Surface, make: Maker, rate: float) -> Tensor:
    """The points of one run, the start first, ``(STEPS + 1, 2)``; what follows a point that is not finite is missing."""
    point = torch.tensor(surface.start, dtype=torch.float64, requires_grad=True)
    optimizer = make([point], rate)
    places = [point.detach().clone()]
    for _ in range(STEPS):
        optimizer.zero_grad()
        surface.value(*point).backward()
        optimizer.step()
        if not point.isfinite().all():
            break
        places.append(point.detach().clone())
    return torch.stack(places)


def best(surface: Surface, make: Maker) -> tuple[float, Tensor]:
    """The step size whose path stays in the picture with the lowest mean logarithm of the height above the bottom, and that path."""

    def cost(path: Tensor) -> float:
        if len(path) <= STEPS or not surface.shows(path):
            return float("inf")
        return (surface.value(*path.T) - surface.lowest).clamp_min(FLOOR).log().mean().item()

    runs = [(rate, descend(surface, make, rate)) for rate in RATES]
    return min(runs, key=lambda run: cost(run[1]))


def data() -> dict[str, Any]:
    """For each surface its values on a grid (rows along y) and the path of each optimizer with its rate and last value."""
    surfaces = []
    for name, surface in SURFACES.items():
        x, y = (torch.linspace(*ends, GRID, dtype=torch.float64) for ends in (surface.x, surface.y))
        height = surface.value(x[None, :], y[:, None])
        paths = []
        for id, (title, make) in OPTIMIZERS.items():
            rate, path = best(surface, make)
            value = numbers(surface.value(*path[-1]))
            paths.append({"id": id, "title": title, "rate": rate, "value": value, "path": numbers(path)})
        surfaces.append(
            {
                "id": name,
                "title": surface.title,
                "tex": surface.tex,
                "x": surface.x,
                "y": surface.y,
                "grid": numbers(height),
                "lowest": surface.lowest,
                "minima": surface.minima,
                "start": surface.start,
                "paths": paths,
            }
        )
    return {"steps": STEPS, "rates": [RATES[0], RATES[-1]], "surfaces": surfaces}
