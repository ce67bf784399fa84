r"""t-SNE: a map in the plane in which points that are similar in the data lie near each other.

Papers
    van der Maaten and Hinton, "Visualizing Data using t-SNE", Journal of Machine Learning Research 9, 2008: equations 1, 4
    and 5, section 3, algorithm 1. Jacobs, "Increased rates of convergence through learning rate adaptation", Neural
    Networks 1, 1988: the gains.

Equations (x_i one of n data points, y_i its place on the map, d_ij = |y_i - y_j|^2; sums over pairs of different points)
    conditional  p_{j|i} = exp(-b_i |x_i - x_j|^2) / sum_{k != i} exp(-b_i |x_i - x_k|^2),   b_i = 1 / (2 sigma_i^2)
    perplexity   2^{H_i} is the same given number for every i,   H_i = -sum_j p_{j|i} log2 p_{j|i}
    joint        p_ij = (p_{j|i} + p_{i|j}) / (2 n)
    map          q_ij = (1 + d_ij)^-1 / sum_{k != l} (1 + d_kl)^-1
    cost         C = sum_ij p_ij log(p_ij / q_ij)
    gradient     dC/dy_i = 4 sum_j (p_ij - q_ij) (y_i - y_j) (1 + d_ij)^-1
    step         v <- a v - eta g dC/dy,   y <- y + v,   a = .5 at first, .8 later
    gains        g <- g + .2 where dC/dy and v differ in sign, else max(.8 g, .01); one for each coordinate, 1 at first

Deviations from the paper
    1. Its update, equation 3 and algorithm 1, is printed with a plus before the gradient; a descent subtracts it.
    2. The gains, which it takes from Jacobs without numbers, are those of van der Maaten's program.
    3. The bandwidths are searched by 60 bisections of log b in float64, on distances less the smallest one of the row.
       Where more points than the perplexity are equally near, no bandwidth has it, and those share the probability.
    4. The perplexity is 30 where none is given, as in that program; the paper recommends 5 to 50.
    5. Probabilities come in the dtype of the data; the gradient of the map is taken about its mean, so that places far from
       0 do no harm.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

__all__ = ["conditional_probabilities", "joint_probabilities", "map_probabilities", "tsne", "tsne_cost", "tsne_gradient"]


@torch.no_grad()
def conditional_probabilities(x: Tensor, perplexity: float = 30.0) -> Tensor:
    """p_{j|i}, row i: how likely the i-th point takes the j-th for its neighbor, ``(N, N)`` with zeros on the diagonal.

    Args:
        x: data, ``(N, D)``.
        perplexity: effective number of neighbors, from 1 to N - 1.

    Raises:
        ValueError: the data are not floating point ``(N, D)`` with N of at least 2, or the perplexity is out of range.
    """
    if x.dim() != 2 or len(x) < 2 or not x.is_floating_point():
        raise ValueError(f"conditional_probabilities: x must be floating point (N, D) with N > 1, got {x.dtype} of shape {tuple(x.shape)}")
    if not 1 <= perplexity <= len(x) - 1:
        raise ValueError(f"conditional_probabilities: perplexity must lie in [1, {len(x) - 1}] for {len(x)} points, got {perplexity}")
    away = torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist").square().fill_diagonal_(torch.inf)
    away = (away - away.amin(1, keepdim=True)).fill_diagonal_(0)  # the nearest at 0
    away = away / away.mean(1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
    target = torch.tensor(perplexity, dtype=torch.float64, device=x.device).log()
    position = away.new_zeros(len(x), 1)  # log2 b
    for step in range(60):
        _, entropy = _gaussian(away, position.exp2())
        position = torch.where(entropy > target, position + 2 ** (6 - step), position - 2 ** (6 - step))
    return _gaussian(away, position.exp2())[0].to(x.dtype)


def _gaussian(away: Tensor, precision: Tensor) -> tuple[Tensor, Tensor]:
    """Each row's probabilities and their entropy in nats, ``(N, 1)``."""
    weight = (-precision * away).exp().fill_diagonal_(0)
    total = weight.sum(1, keepdim=True)
    p = weight / total
    return p, total.log() + precision * (p * away).sum(1, keepdim=True)


def joint_probabilities(x: Tensor, perplexity: float = 30.0) -> Tensor:
    """p_ij, ``(N, N)``, symmetric with sum 1; arguments as for :func:`conditional_probabilities`."""
    p = conditional_probabilities(x, perplexity)
    return (p + p.T) / (2 * len(x))


def map_probabilities(y: Tensor) -> Tensor:
    """q_ij of places ``(N, K)``: ``(N, N)``, symmetric with sum 1."""
    near = _near(_squared("map_probabilities", y))
    return near / near.sum()


def tsne_cost(p: Tensor, y: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the map from the data, in nats, a scalar.

    Args:
        p: joint probabilities, ``(N, N)`` with zeros on the diagonal.
        y: places, ``(N, K)``.

    Raises:
        ValueError: a shape or dtype does not fit.
    """
    d = _squared("tsne_cost", y, p)
    return torch.xlogy(p, p).sum() + (p * d.log1p()).sum() + p.sum() * _near(d).sum().log()


def tsne_gradient(p: Tensor, y: Tensor) -> Tensor:
    """dC/dy in closed form, ``(N, K)``. Arguments as for :func:`tsne_cost`; ``p`` may be exaggerated."""
    near = _near(_squared("tsne_gradient", y, p))
    force = (p - near / near.sum()) * near
    y = y - y.mean(0)
    return 4 * (force.sum(1, keepdim=True) * y - force @ y)


def tsne(
    x: Tensor,
    perplexity: float = 30.0,
    dims: int = 2,
    steps: int = 1000,
    lr: float = 100.0,
    exaggeration: float = 4.0,
    exaggerated: int = 50,
    momentum: tuple[float, float] = (0.5, 0.8),
    switch: int = 250,
    start: Tensor | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """A map of the data, ``(N, dims)``.

    Args:
        x, perplexity: see :func:`conditional_probabilities`.
        dims: dimensions of the map.
        steps: T, of descent.
        lr: eta.
        exaggeration: what P is multiplied by for the first ``exaggerated`` steps.
        momentum: for the first ``switch`` steps, and after.
        start: first places, ``(N, dims)``; drawn from a normal distribution of standard deviation .01 where not given.
        generator: source of these random numbers.

    Raises:
        ValueError: ``start`` does not fit, or see :func:`conditional_probabilities`.
    """
    p = joint_probabilities(x, perplexity)
    if start is None:
        start = 0.01 * torch.randn(len(x), dims, dtype=x.dtype, device=x.device, generator=generator)
    elif start.shape != (len(x), dims):
        raise ValueError(f"tsne: start must have shape {(len(x), dims)}, got {tuple(start.shape)}")
    y, velocity, gain = start, torch.zeros_like(start), torch.ones_like(start)
    for step in range(steps):
        gradient = tsne_gradient(p * exaggeration if step < exaggerated else p, y)
        gain = torch.where((gradient > 0) != (velocity > 0), gain + 0.2, (gain * 0.8).clamp(min=0.01))
        velocity = momentum[step >= switch] * velocity - lr * gain * gradient
        y = y + velocity
    return y


def _squared(function: str, y: Tensor, p: Tensor | None = None) -> Tensor:
    """Squared distances d_ij, ``(N, N)``, of places that fit ``p``."""
    if y.dim() != 2 or len(y) < 2 or not y.is_floating_point():
        raise ValueError(f"{function}: y must be floating point (N, K) with N > 1, got {y.dtype} of shape {tuple(y.shape)}")
    if p is not None and p.shape != (len(y), len(y)):
        raise ValueError(f"{function}: p must have shape {(len(y), len(y))}, got {tuple(p.shape)}")
    return (y[:, None] - y).square().sum(-1)


def _near(d: Tensor) -> Tensor:
    """(1 + d_ij)^-1, and 0 on the diagonal."""
    return (1 - torch.eye(len(d), dtype=d.dtype, device=d.device)) / (1 + d)


if __name__ == "__main__":
    from refimpl.data import digits
    from refimpl.demo import arguments

    pixels, classes = digits(arguments(__doc__))
    chosen = torch.arange(400)
    x, labels = pixels[chosen], classes[chosen]
    p = joint_probabilities(x)
    y = 0.01 * torch.randn(len(x), 2)
    for steps in (0, 50, 250, 500):
        found = tsne(x, steps=steps, start=y)
        nearest = torch.cdist(found, found).fill_diagonal_(torch.inf).argmin(1)
        same = (labels[nearest] == labels).double().mean().item()
        print(f"step {steps:3d}: divergence {tsne_cost(p, found).item():.3f} nats, nearest digit on the map of the same class: {same:.3f}")
