r"""Natural gradient: the steepest descent where distance is measured between the model's distributions, not its parameters.

Papers
    Amari, "Natural Gradient Works Efficiently in Learning", Neural Computation 10, 1998: the direction F^-1 g.
    Rattray, Saad, Amari, "Natural Gradient Descent for On-Line Learning", Physical Review Letters 81, 1998.
    Martens, "New Insights and Perspectives on the Natural Gradient Method", JMLR 21, 2020, arXiv:1412.1193:
    the Fisher matrix as a Gauss-Newton matrix (section 9), damping (section 10).

Equations (p = softmax(z) for logits z(x, theta) over N inputs x; J the Jacobian of z)
    fisher        F = 1/N sum_x sum_y p(y|x) grad log p(y|x) grad log p(y|x)^T
    ggn           F = 1/N sum_x J^T (diag(p) - p p^T) J
    natural       d = (F + damping I)^-1 g

Deviations from the papers
    1. F is that of a softmax classifier on the batch; it is never formed: products F v are taken by one forward- and one
       reverse-mode pass, and the system is solved by conjugate gradients.
    2. ``damping`` adds a multiple of the identity; 0 is Amari's direction, which F must then be regular for (or g in its range).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

__all__ = ["conjugate_gradient", "fisher_vector_product", "natural_gradient"]

Tree = dict[str, Tensor]
"""Parameters, or a direction among them, by name."""


def fisher_vector_product(
    logits: Callable[[Mapping[str, Tensor]], Tensor], parameters: Mapping[str, Tensor], v: Mapping[str, Tensor]
) -> Tree:
    """F v for the distribution softmax(logits(parameters)), averaged over the inputs.

    Args:
        logits: from parameters to (N, K), for the N inputs that it closes over.
        parameters: where F is taken.
        v: a direction with the names and shapes of the parameters.

    Raises:
        ValueError: names or shapes of v differ, or the logits are not (N, K).
    """
    _check("fisher_vector_product", parameters, v)
    z, jv = torch.func.jvp(logits, (dict(parameters),), (dict(v),))  # (N, K) (N, K)
    if z.dim() != 2:
        raise ValueError(f"fisher_vector_product: expected logits of shape (N, K), got {tuple(z.shape)}")
    p = torch.softmax(z, -1)
    weighted = p * (jv - (p * jv).sum(-1, keepdim=True)) / z.shape[0]  # (diag(p) - p p^T) J v / N
    _, transpose = torch.func.vjp(logits, dict(parameters))
    return transpose(weighted)[0]


def conjugate_gradient(product: Callable[[Tree], Tree], b: Mapping[str, Tensor], steps: int = 50, tolerance: float = 1e-10) -> Tree:
    """Solve A x = b for a positive (semi-)definite A known only by its products.

    Args:
        product: from x to A x.
        b: right-hand side.
        steps: products at most.
        tolerance: stop where the residual's norm has fallen to this part of b's.

    Raises:
        ValueError: fewer than one step, or a negative tolerance.
    """
    if steps < 1:
        raise ValueError(f"conjugate_gradient: steps must be at least 1, got {steps}")
    if tolerance < 0:
        raise ValueError(f"conjugate_gradient: tolerance must be non-negative, got {tolerance}")
    x = {name: torch.zeros_like(value) for name, value in b.items()}
    residual = direction = dict(b)
    squared = _dot(residual, residual)
    enough = tolerance**2 * squared
    for _ in range(steps):
        if squared <= enough:
            break
        image = product(direction)
        curvature = _dot(direction, image)
        if curvature <= 0:
            break
        alpha = squared / curvature
        x, residual = _add(x, alpha, direction), _add(residual, -alpha, image)
        former, squared = squared, _dot(residual, residual)
        direction = _add(residual, squared / former, direction)
    return x


def natural_gradient(
    logits: Callable[[Mapping[str, Tensor]], Tensor],
    parameters: Mapping[str, Tensor],
    gradient: Mapping[str, Tensor],
    damping: float = 0.0,
    steps: int = 50,
    tolerance: float = 1e-10,
) -> Tree:
    """(F + damping I)^-1 gradient; subtract a multiple of it from the parameters.

    Args:
        logits, parameters: as in :func:`fisher_vector_product`.
        gradient: of the loss, by name.
        damping: multiple of the identity, at least 0.
        steps, tolerance: as in :func:`conjugate_gradient`.

    Raises:
        ValueError: negative damping, or names or shapes that differ.
    """
    if damping < 0:
        raise ValueError(f"natural_gradient: damping must be non-negative, got {damping}")
    _check("natural_gradient", parameters, gradient)
    return conjugate_gradient(lambda v: _add(fisher_vector_product(logits, parameters, v), damping, v), gradient, steps, tolerance)


def _dot(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Tensor:
    return sum((a[name] * b[name]).sum() for name in a)


def _add(a: Mapping[str, Tensor], factor: Tensor | float, b: Mapping[str, Tensor]) -> Tree:
    return {name: a[name] + factor * b[name] for name in a}


def _check(function: str, parameters: Mapping[str, Tensor], v: Mapping[str, Tensor]) -> None:
    mine, theirs = ({name: tuple(value.shape) for name, value in tree.items()} for tree in (parameters, v))
    if mine != theirs:
        raise ValueError(f"{function}: expected a direction with names and shapes {mine}, got {theirs}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.randn(500, 2, dtype=torch.float64) * torch.tensor([1.0, 0.01], dtype=torch.float64)
    y = (torch.rand(500) < torch.sigmoid(2 * x[:, 0] + 300 * x[:, 1])).long()

    def model(p: Mapping[str, Tensor]) -> Tensor:
        return x @ p["w"]

    def loss(p: Mapping[str, Tensor]) -> Tensor:
        return torch.nn.functional.cross_entropy(model(p), y)

    print("softmax regression with features of spread 1 and 0.01, loss after each step")
    for name, rate in (("natural gradient", 1.0), ("gradient", 1.0)):
        p, losses = {"w": torch.zeros(2, 2, dtype=torch.float64)}, []
        for _ in range(6):
            g = torch.func.grad(loss)(p)
            step = natural_gradient(model, p, g, damping=1e-9) if name == "natural gradient" else g
            p = {"w": p["w"] - rate * step["w"]}
            losses.append(loss(p).item())
        print(f"  {name:16s}", " ".join(f"{value:.4f}" for value in losses))
