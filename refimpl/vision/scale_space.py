r"""Scale space of SIFT: Gaussians of growing width, their differences, and the extrema of these between pixels and scales.

Paper
    Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 60(2), 2004, sections 3 and 4.

Equations (G Gaussian, k = 2^(1/S) for S scales an octave, D(x) the differences at x = (x, y, scale), r ratio of curvatures)
    sift-dog        D = (G(k sigma) - G(sigma)) * I
    sift-subpixel   x^ = -(d2D / dx2)^{-1} dD / dx,   D(x^) = D + 1/2 dD / dx . x^
    sift-edge-test  Tr(H)^2 / Det(H) < (r + 1)^2 / r,   H the Hessian of D over x and y
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.vision.mirror import mirrored

__all__ = ["Extrema", "blur", "differences", "double", "extrema", "octaves"]

BORDER = 5
"""Pixels at each border of an octave in which no extremum is sought."""


class Extrema(NamedTuple):
    """Extrema of an octave: ``cell`` scale, row and column of the nearest sample, ``(N, 3)`` int64; ``offset`` from it in the same
    order, ``(N, 3)``; ``value`` D at the extremum, ``(N,)``."""

    cell: Tensor
    offset: Tensor
    value: Tensor


def blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of ``(H, W)``, mirrored at the border; the taps reach to four sigma."""
    radius = round(8 * sigma + 1) // 2
    taps = torch.exp(-((torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype) / sigma) ** 2) / 2)
    taps = taps / taps.sum()
    rows, columns = (mirrored(n, radius, n + 2 * radius, image.device) for n in image.shape)
    down = F.conv2d(image[rows][None, None], taps.view(1, 1, -1, 1))
    return F.conv2d(down[..., columns], taps.view(1, 1, 1, -1))[0, 0]


def double(image: Tensor) -> Tensor:
    """Twice as many pixels, linear between the old ones, which keep their places at even rows and columns."""
    for axis in (0, 1):
        after = torch.cat((image.narrow(axis, 1, image.shape[axis] - 1), image.narrow(axis, image.shape[axis] - 1, 1)), axis)
        image = torch.stack((image, (image + after) / 2), axis + 1).flatten(axis, axis + 1)
    return image


def octaves(image: Tensor, scales: int = 3, sigma: float = 1.6, camera: float = 0.5) -> list[Tensor]:
    """Gaussians of each octave, ``(scales + 3, H, W)``: the first of the doubled image, each next one of half the size.

    Args:
        image: ``(H, W)``.
        scales: S.
        sigma: of the first Gaussian of an octave, in its pixels.
        camera: blur that the image is taken to have already.
    """
    if image.dim() != 2 or min(image.shape) < 2 or image.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"octaves: image must be float32 or float64 (H, W), got {image.dtype} of shape {tuple(image.shape)}")
    if scales < 1 or not sigma > 2 * camera >= 0:
        raise ValueError(f"octaves: expected scales >= 1 and sigma > 2 camera >= 0, got {scales}, {sigma} and {camera}")
    first = blur(double(image), math.sqrt(sigma**2 - (2 * camera) ** 2))
    k, found = 2 ** (1 / scales), []
    while not found or min(first.shape) > 2 * BORDER:
        stack = [first]
        for i in range(1, scales + 3):
            stack.append(blur(stack[-1], sigma * k ** (i - 1) * math.sqrt(k * k - 1)))
        found.append(torch.stack(stack))
        first = stack[scales][::2, ::2]
    return found


def differences(gaussians: Tensor) -> Tensor:
    """D at each pair of neighboring scales: ``(S + 2, H, W)`` from ``(S + 3, H, W)``."""
    return gaussians[1:] - gaussians[:-1]


def extrema(d: Tensor, contrast: float = 0.03, edge: float = 10.0, steps: int = 5) -> Extrema:
    """Extrema over position and scale, placed by a quadratic fit; weak ones and those on edges are dropped.

    Args:
        d: differences ``(S + 2, H, W)``.
        contrast: least magnitude of D at the extremum.
        edge: largest ratio r of the principal curvatures.
        steps: how often the fit may move to a neighboring sample.
    """
    if d.dim() != 3 or len(d) < 3:
        raise ValueError(f"extrema: differences must have shape (S + 2, H, W), got {tuple(d.shape)}")
    if not (contrast >= 0 and edge >= 1 and steps >= 1):
        raise ValueError(f"extrema: expected contrast >= 0, edge >= 1 and steps >= 1, got {contrast}, {edge} and {steps}")
    first = torch.tensor([1, BORDER, BORDER], device=d.device)
    last = torch.tensor(d.shape, device=d.device) - 1 - first
    highest, lowest = ((v == F.max_pool3d(v[None, None], 3, 1, 1)[0, 0]) & (v > contrast / 2) for v in (d, -d))
    cell = (highest | lowest).nonzero()
    cell = cell[((cell >= first) & (cell <= last)).all(1)]
    kept: list[Extrema] = []
    for _ in range(steps):
        gradient, hessian, value = _derivatives(d, cell)
        offset, failed = torch.linalg.solve_ex(hessian, -gradient)
        here = (offset.abs() < 0.5).all(1) & (failed == 0)
        value = value + (gradient * offset).sum(1) / 2
        plane = hessian[:, 1:, 1:]
        trace, det = plane.diagonal(dim1=1, dim2=2).sum(1), plane[:, 0, 0] * plane[:, 1, 1] - plane[:, 0, 1] ** 2
        good = here & (value.abs() >= contrast) & (trace**2 * edge < (edge + 1) ** 2 * det)  # det > 0 follows
        kept.append(Extrema(cell[good], offset[good], value[good]))
        moved = cell + offset.round()  # not finite where the Hessian is singular, and so not inside
        inside = ((moved >= first) & (moved <= last)).all(1) & ~here
        cell = moved[inside].long()
    return Extrema(*(torch.cat(parts) for parts in zip(*kept, strict=True)))


def _derivatives(d: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient ``(N, 3)`` and Hessian ``(N, 3, 3)`` over scale, row and column by central differences, and D ``(N,)``."""
    step = torch.eye(3, dtype=torch.int64, device=d.device)

    def at(place: Tensor) -> Tensor:
        return d[place.unbind(-1)]

    middle = at(cell)
    up, down = (torch.stack([at(cell + sign * s) for s in step], 1) for sign in (1, -1))  # (N, 3)
    hessian = torch.diag_embed(up + down - 2 * middle[:, None])
    for i, j in ((0, 1), (0, 2), (1, 2)):
        a, b = step[i], step[j]
        mixed = (at(cell + a + b) - at(cell + a - b) - at(cell - a + b) + at(cell - a - b)) / 4
        hessian[:, i, j] = hessian[:, j, i] = mixed
    return (up - down) / 2, hessian, middle
