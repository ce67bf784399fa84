r"""Loss landscape: the loss along random directions from the weights, scaled filter by filter so that plots can be compared.

Paper
    Li, Xu, Taylor, Studer and Goldstein, "Visualizing the Loss Landscape of Neural Nets", NeurIPS 2018, arXiv:1712.09913:
    sections 3 (slices) and 4 (filter normalization).

Equations (theta_i the i-th filter of a layer, delta and eta random directions, L the loss)
    filter       delta_i <- delta_i ||theta_i|| / ||delta_i||
    line         f(a) = L(theta + a delta)
    plane        f(a, b) = L(theta + a delta + b eta)

Deviations from the paper
    1. A filter is a row of the weight, ``weight[i]``: the weights of one unit or output channel. Biases and the scales
       and shifts of normalizations, which have one dimension, do not move.
    2. The loss is whatever the caller computes; buffers such as running statistics are its business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor, nn

__all__ = ["filter_lengths", "line", "movable", "normalize_filters", "plane", "random_direction"]


def movable(model: nn.Module) -> list[nn.Parameter]:
    """The weights that have filters: parameters of two dimensions or more."""
    return [p for p in model.parameters() if p.dim() >= 2]


def filter_lengths(weight: Tensor) -> Tensor:
    """Euclidean length of each filter, ``(out, 1, ...)``, for ``(out, in, *kernel)``."""
    lengths = torch.linalg.vector_norm(weight.flatten(1), dim=1)
    return lengths.view(-1, *(1,) * (weight.dim() - 1))


def normalize_filters(direction: Tensor, weight: Tensor) -> Tensor:
    """The direction with each filter as long as the weight's; a filter of zeros stays one.

    Args:
        direction, weight: ``(out, in, *kernel)``.

    Raises:
        ValueError: the shapes differ or have fewer than two dimensions.
    """
    if direction.shape != weight.shape or weight.dim() < 2:
        shapes = f"{tuple(direction.shape)} and {tuple(weight.shape)}"
        raise ValueError(f"normalize_filters: expected direction and weight of one shape (out, in, ...), got {shapes}")
    lengths = filter_lengths(direction)
    return direction * (filter_lengths(weight) / lengths.where(lengths > 0, 1))


@torch.no_grad()
def random_direction(weights: Sequence[Tensor], generator: Generator | None = None) -> list[Tensor]:
    """A normal direction for each weight, filter by filter as long as the weight."""
    drawn = (torch.randn(w.shape, generator=generator, dtype=w.dtype, device=w.device) for w in weights)
    return [normalize_filters(d, w) for d, w in zip(drawn, weights, strict=True)]


def line(loss: Callable[[], Tensor], weights: Sequence[Tensor], direction: Sequence[Tensor], steps: Tensor) -> Tensor:
    """The loss at weights + step * direction.

    Args:
        loss: computes the loss from the present weights.
        weights: moved in place, and put back in the end.
        direction: of the shapes of the weights.
        steps: ``(S,)``.

    Returns:
        ``(S,)``.
    """
    return plane(loss, weights, direction, direction, steps, steps.new_zeros(1))[0]


@torch.no_grad()
def plane(
    loss: Callable[[], Tensor],
    weights: Sequence[Tensor],
    across: Sequence[Tensor],
    up: Sequence[Tensor],
    steps: Tensor,
    steps_up: Tensor | None = None,
) -> Tensor:
    """The loss at weights + a * across + b * up; arguments as for :func:`line`.

    Args:
        steps: values of a, ``(A,)``.
        steps_up: values of b, ``(B,)``; those of a by default.

    Returns:
        ``(B, A)``.

    Raises:
        ValueError: a direction has not the shapes of the weights, or there are no steps.
    """
    for name, direction in (("across", across), ("up", up)):
        if [d.shape for d in direction] != [w.shape for w in weights]:
            wanted, got = ([tuple(t.shape) for t in group] for group in (weights, direction))
            raise ValueError(f"plane: {name} must have the shapes of the weights {wanted}, got {got}")
    steps_up = steps if steps_up is None else steps_up
    for name, values in (("steps", steps), ("steps_up", steps_up)):
        if values.dim() != 1 or not len(values):
            raise ValueError(f"plane: {name} must be one or more numbers, got shape {tuple(values.shape)}")
    center, rows = [w.clone() for w in weights], []
    try:
        for b in steps_up:
            for a in steps:
                for weight, w, d, e in zip(weights, center, across, up, strict=True):
                    weight.copy_(w + a * d + b * e)
                rows.append(loss().clone())
    finally:
        for weight, w in zip(weights, center, strict=True):
            weight.copy_(w)
    return torch.stack(rows).view(-1, len(steps))


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments
    from refimpl.foundations.mlp import MLP
    from refimpl.foundations.softmax_cross_entropy import cross_entropy

    device = arguments(__doc__)
    data = digits_split(device=device)
    x, y = data.x.flatten(1), data.y
    model = MLP((64, 32, 10), "relu", bias=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
    steps, weights = torch.linspace(-1, 1, 9), movable(model)
    for factor in (1, 10):
        with torch.no_grad():  # the same function
            weights[0] *= factor
            weights[1] /= factor
        generator = torch.Generator(device=device).manual_seed(0)
        plain = [torch.randn(w.shape, generator=generator) for w in weights]
        generator.manual_seed(0)
        for name, direction in (("filter-normalized", random_direction(weights, generator)), ("plain", plain)):
            losses = line(lambda: cross_entropy(model(x), y), weights, direction, steps)
            print(f"first layer x {factor:2d}, {name:17s}", *(f"{v:9.2f}" for v in losses.tolist()))
