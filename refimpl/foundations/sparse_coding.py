r"""Sparse coding: describe each input by few atoms of a dictionary, by ISTA, by FISTA, or by LISTA, which learns the iteration.

Papers
    Olshausen and Field, "Emergence of simple-cell receptive field properties by learning a sparse code for natural images",
    Nature 381, 1996: the objective and the rule for the dictionary. Daubechies, Defrise and De Mol, "An iterative
    thresholding algorithm for linear inverse problems with a sparsity constraint", 2004: ISTA. Beck and Teboulle, "A Fast
    Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems", SIAM Journal on Imaging Sciences 2, 2009:
    FISTA, equations 4.1 to 4.3, and both rates. Gregor and LeCun, "Learning Fast Approximations of Sparse Coding",
    ICML 2010: LISTA.

Equations (x an input (N), z its code (M), D the dictionary (N, M), one atom a column; L the largest eigenvalue of D'D)
    objective   F(z) = |x - D z|^2 / 2 + lambda |z|_1
    shrink      h_t(v) = sign(v) max(|v| - t, 0)
    ista        z <- h_{lambda / L}(z - D'(D z - x) / L) = h_{lambda / L}(D'x / L + (I - D'D / L) z)
    fista       z_k = the same step from w_k,   t_{k+1} = (1 + sqrt(1 + 4 t_k^2)) / 2,   t_1 = 1,
                w_{k+1} = z_k + (t_k - 1) / t_{k+1} (z_k - z_{k-1})
    lista       z <- h_theta(W x + S z),   W (M, N), S (M, M) and theta (M) learned; ISTA's at first
    optimal     z = h_lambda(z - D'(D z - x)), which is D_j'(D z - x) = -lambda sign(z_j) where z_j != 0, else within +-lambda
    dictionary  D <- D + eta mean_x (x - D z) z',   each column then scaled to length 1

Deviations from the papers
    1. Of the penalties of 1996 only |z| is here, the one that LISTA solves; its codes come from ISTA in place of conjugate gradients.
    2. The length of the atoms is held at 1; Olshausen and Field adapt it until the codes have a given variance.
    3. LISTA's steps count the first shrinkage of W x, which the paper counts apart: T steps of it are T + 1 here.
    4. What LISTA is trained for is left open; the paper takes the squared distance to the codes of a solver.
    5. ISTA and FISTA compute bfloat16 and float16 in float32.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

__all__ = ["LISTA", "dictionary_step", "fista", "ista", "optimality_gap", "soft_threshold", "sparse_objective"]


def soft_threshold(v: Tensor, threshold: float | Tensor) -> Tensor:
    """Numbers moved towards 0 by the threshold, those within it to 0."""
    return v.sign() * (v.abs() - threshold).relu()


def sparse_objective(x: Tensor, z: Tensor, dictionary: Tensor, penalty: float) -> Tensor:
    """F of each code, ``(...)``.

    Args:
        x: inputs, ``(..., N)``.
        z: codes, ``(..., M)``.
        dictionary: ``(N, M)``.
        penalty: lambda.

    Raises:
        ValueError: a shape does not fit, or the penalty is negative.
    """
    _check("sparse_objective", x, dictionary, z)
    _check_penalty("sparse_objective", penalty)
    return (x - z @ dictionary.T).square().sum(-1) / 2 + penalty * z.abs().sum(-1)


def optimality_gap(x: Tensor, z: Tensor, dictionary: Tensor, penalty: float) -> Tensor:
    """How far a step of ISTA with L = 1 moves a code, in its largest coordinate, ``(...)``: 0 exactly at a minimum. Arguments as above."""
    _check("optimality_gap", x, dictionary, z)
    _check_penalty("optimality_gap", penalty)
    slope = (z @ dictionary.T - x) @ dictionary  # (..., M)
    return (z - soft_threshold(z - slope, penalty)).abs().amax(-1)


def ista(x: Tensor, dictionary: Tensor, penalty: float, steps: int = 100, start: Tensor | None = None) -> Tensor:
    """Codes after a number of steps of ISTA, ``(..., M)``.

    Args:
        x: inputs, ``(..., N)``.
        dictionary: ``(N, M)``.
        penalty: lambda.
        steps: of shrinkage.
        start: first codes, ``(..., M)``; 0 by default.

    Raises:
        ValueError: a shape does not fit, or the penalty or ``steps`` is negative.
    """
    return _iterate("ista", x, dictionary, penalty, steps, start, accelerated=False)


def fista(x: Tensor, dictionary: Tensor, penalty: float, steps: int = 100, start: Tensor | None = None) -> Tensor:
    """Codes after a number of steps of FISTA, ``(..., M)``; arguments as for :func:`ista`."""
    return _iterate("fista", x, dictionary, penalty, steps, start, accelerated=True)


def _iterate(function: str, x: Tensor, dictionary: Tensor, penalty: float, steps: int, start: Tensor | None, accelerated: bool) -> Tensor:
    _check(function, x, dictionary, start)
    _check_penalty(function, penalty)
    if steps < 0:
        raise ValueError(f"{function}: steps must be non-negative, got {steps}")
    wide = torch.promote_types(x.dtype, torch.float32)
    encoder, inhibition, threshold = _operators(dictionary.to(wide), penalty)
    drive = x.to(wide) @ encoder.T  # (..., M)
    z = torch.zeros_like(drive) if start is None else start.to(wide)
    ahead, t = z, 1.0
    for _ in range(steps):
        before, z = z, soft_threshold(drive + ahead @ inhibition, threshold)
        following = (1 + sqrt(1 + 4 * t * t)) / 2 if accelerated else 1.0
        ahead, t = z + (t - 1) / following * (z - before), following
    return z.to(x.dtype)


def _operators(dictionary: Tensor, penalty: float) -> tuple[Tensor, Tensor, Tensor]:
    """D'/L, I - D'D/L, and lambda/L; for a dictionary of zeros L is the smallest number above 0."""
    largest = torch.linalg.matrix_norm(dictionary, 2).square().clamp(min=torch.finfo(dictionary.dtype).tiny)
    eye = torch.eye(dictionary.shape[1], dtype=dictionary.dtype, device=dictionary.device)
    return dictionary.T / largest, eye - dictionary.T @ dictionary / largest, penalty / largest


class LISTA(nn.Module):
    """ISTA unrolled, with weights to learn; before that it is ISTA.

    Args:
        dictionary: ``(N, M)``.
        penalty: lambda.
        steps: of shrinkage, one or more.

    Shape: inputs ``(..., N)`` to codes ``(..., M)``.
    """

    def __init__(self, dictionary: Tensor, penalty: float, steps: int = 3) -> None:
        super().__init__()
        _check("LISTA", dictionary.new_empty(dictionary.shape[:1]), dictionary)
        _check_penalty("LISTA", penalty)
        if steps < 1:
            raise ValueError(f"LISTA: steps must be positive, got {steps}")
        encoder, inhibition, threshold = _operators(dictionary, penalty)
        self.steps = steps
        self.encoder, self.inhibition = nn.Parameter(encoder.contiguous()), nn.Parameter(inhibition)
        self.threshold = nn.Parameter(threshold.repeat(dictionary.shape[1]))

    def forward(self, x: Tensor) -> Tensor:
        drive = linear(x, self.encoder)
        z = soft_threshold(drive, self.threshold)
        for _ in range(self.steps - 1):
            z = soft_threshold(drive + linear(z, self.inhibition), self.threshold)
        return z

    def extra_repr(self) -> str:
        return f"inputs={self.encoder.shape[1]}, codes={self.encoder.shape[0]}, steps={self.steps}"


def dictionary_step(x: Tensor, z: Tensor, dictionary: Tensor, lr: float) -> Tensor:
    """The dictionary after a step down the mean squared error at fixed codes, columns of length 1, ``(N, M)``.

    Args:
        x: inputs, ``(..., N)``.
        z: their codes, ``(..., M)``.
        dictionary: ``(N, M)``.
        lr: eta.

    Raises:
        ValueError: a shape does not fit.
    """
    _check("dictionary_step", x, dictionary, z)
    inputs, codes = dictionary.shape
    x, z = x.reshape(-1, inputs), z.reshape(-1, codes)
    return normalize(dictionary + lr / max(len(x), 1) * (x - z @ dictionary.T).T @ z, dim=0)


def _check(function: str, x: Tensor, dictionary: Tensor, z: Tensor | None = None) -> None:
    if dictionary.dim() != 2 or not dictionary.numel() or not dictionary.is_floating_point():
        wanted = "floating point (N, M), not empty"
        raise ValueError(f"{function}: dictionary must be {wanted}, got {dictionary.dtype} of shape {tuple(dictionary.shape)}")
    inputs, codes = dictionary.shape
    if x.shape[-1:] != (inputs,) or x.dtype != dictionary.dtype:
        raise ValueError(f"{function}: x must be {dictionary.dtype} (..., {inputs}), got {x.dtype} of shape {tuple(x.shape)}")
    if z is not None and z.shape != (*x.shape[:-1], codes):
        raise ValueError(f"{function}: codes must have shape {(*x.shape[:-1], codes)}, got {tuple(z.shape)}")


def _check_penalty(function: str, penalty: float) -> None:
    if not penalty >= 0:
        raise ValueError(f"{function}: penalty must be non-negative, got {penalty}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    atoms = normalize(torch.randn(20, 40), dim=0)
    x = (torch.randn(2000, 40) * (torch.rand(2000, 40) < 0.1)) @ atoms.T
    best = sparse_objective(x, fista(x, atoms, 0.1, 2000), atoms, 0.1).mean()
    print("40 atoms in 20 dimensions, 4 of them in an input; mean objective above its minimum, and largest optimality gap")
    for method in (ista, fista):
        for steps in (3, 30, 300):
            z = method(x, atoms, 0.1, steps)
            above, gap = sparse_objective(x, z, atoms, 0.1).mean() - best, optimality_gap(x, z, atoms, 0.1).max()
            print(f"{method.__name__:5s} {steps:3d} steps: {above.item():.6f}   {gap.item():.6f}")
    model = LISTA(atoms, 0.1, steps=3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    for _ in range(300):
        loss = sparse_objective(x, model(x), atoms, 0.1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"LISTA   3 steps: {(loss - best).item():.6f}   trained on the objective itself")
