r"""SIFT: points of an image that stay when it is turned and resized, each with 128 numbers that describe its surroundings.

Paper
    Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 60(2), 2004. Sections 3 and 4 (``scale_space.py``),
    5 (orientation), 6.1 (descriptor), 7.1 (matching).

Equations (m, theta magnitude and direction of the gradient of the Gaussian nearest in scale, s the keypoint's scale)
    orientation  histogram of theta in 36 bins, weights m and a Gaussian of 1.5 s; each peak of 0.8 of the highest or more gives
                 a keypoint, its angle from the parabola through three bins
    descriptor   4 x 4 cells of 3 s pixels, turned by the angle, of 8 directions relative to it; weights m and a Gaussian of half the
                 width; each gradient goes to the 2 x 2 x 2 nearest bins by linear shares; length 1, clipped at 0.2, length 1
    sift-ratio-test   |f - f_1| / |f - f_2| < 0.8,   f_1, f_2 the nearest descriptors of the other image

Deviations from the paper
    1. The histogram of directions is smoothed by (1, 4, 6, 4, 1) / 16, and a cell is 3 s wide: both as in OpenCV, Lowe names neither.
    2. An extremum half as strong as the contrast is tried; the fit moves to a neighboring sample five times at most.
    3. Taps of a blur reach to four sigma; nothing is sought within 5 pixels of an octave's border.
    4. Matching compares with all descriptors; Lowe's best-bin-first search is approximate.

Angles and the order of the descriptor are those of ``cv2.SIFT_create(enable_precise_upscale=True)``, whose contrast is divided by the
number of scales: 0.04 / 3 here.
"""

from __future__ import annotations

import math
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from refimpl.vision.scale_space import differences, extrema, octaves

__all__ = ["Keypoints", "describe", "match", "orientations", "sift"]

TURN = 2 * math.pi


class Keypoints(NamedTuple):
    """N keypoints: ``position`` x and y in pixels of the image, ``(N, 2)``; ``scale`` sigma in pixels; ``angle`` in radians, clockwise on
    the screen from the x axis; ``response`` magnitude of D; each ``(N,)``; ``descriptors`` ``(N, 128)``."""

    position: Tensor
    scale: Tensor
    angle: Tensor
    response: Tensor
    descriptors: Tensor


def sift(image: Tensor, scales: int = 3, sigma: float = 1.6, contrast: float = 0.03, edge: float = 10.0) -> Keypoints:
    """Keypoints of a gray image ``(H, W)`` with values in [0, 1].

    Args:
        scales: S in each octave.
        sigma: of the first scale of an octave.
        contrast: least magnitude of D.
        edge: largest ratio of principal curvatures.
    """
    parts = []
    for octave, gaussians in enumerate(octaves(image, scales, sigma)):
        found = extrema(differences(gaussians), contrast, edge)
        scale = sigma * 2 ** ((found.cell[:, 0] + found.offset[:, 0]) / scales)  # in pixels of the octave
        which, angle = orientations(gaussians, found.cell, scale)
        cell, scale = found.cell[which], scale[which]
        exact = cell + found.offset[which]
        described = describe(gaussians, cell[:, 0], exact[:, 1:], scale, angle)
        pixels = 2.0 ** (octave - 1)
        parts.append(Keypoints(exact[:, [2, 1]] * pixels, scale * pixels, angle, found.value[which].abs(), described))
    return Keypoints(*(torch.cat(column) for column in zip(*parts, strict=True)))


def orientations(gaussians: Tensor, cell: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Angles of keypoints of one octave, one or several each.

    Args:
        gaussians: ``(S + 3, H, W)``.
        cell: scale, row and column, ``(N, 3)`` int64.
        scale: in pixels of the octave, ``(N,)``.

    Returns:
        The keypoint that each angle belongs to, ``(K,)``, and the angles in [0, 2 pi), ``(K,)``.
    """
    which, dy, dx, magnitude, theta = _gradients(gaussians, cell[:, 0], cell[:, 1:], (4.5 * scale).round())
    weight = magnitude * torch.exp(-(dy**2 + dx**2) / (4.5 * scale[which] ** 2))
    bins = (theta * (36 / TURN)).round().long() % 36
    histogram = gaussians.new_zeros(len(cell) * 36).index_add_(0, which * 36 + bins, weight).view(-1, 36)
    near = [histogram.roll(i, 1) for i in (-2, -1, 0, 1, 2)]
    smooth = (near[0] + near[4]) / 16 + (near[1] + near[3]) / 4 + near[2] * 3 / 8
    left, right = smooth.roll(1, 1), smooth.roll(-1, 1)
    peak = (smooth > left) & (smooth > right) & (smooth >= 0.8 * smooth.amax(1, keepdim=True))
    which, place = peak.nonzero().unbind(1)
    a, b, c = left[peak], smooth[peak], right[peak]
    return which, ((place + (a - c) / (2 * (a - 2 * b + c))) * (TURN / 36)) % TURN


def describe(gaussians: Tensor, layer: Tensor, position: Tensor, scale: Tensor, angle: Tensor) -> Tensor:
    """Descriptors of keypoints of one octave: ``(N, 128)`` of length 1, row by row, then column, then direction.

    Args:
        gaussians: ``(S + 3, H, W)``.
        layer: whose gradients are taken, ``(N,)`` int64.
        position: row and column, ``(N, 2)``.
        scale, angle: ``(N,)``.
    """
    reach = 11 * scale  # the corners of the cells with a half more on each side are 10.6 s away
    which, dy, dx, magnitude, theta = _gradients(gaussians, layer, position.round().long(), reach)
    cos, sin = ((v / (3 * scale))[which] for v in (angle.cos(), angle.sin()))  # a cell is 3 s wide
    along, down = dx * cos + dy * sin, dy * cos - dx * sin  # in cells, the x axis along the angle
    inside = (torch.maximum(along.abs(), down.abs()) < 2.5).nonzero().squeeze(1)
    which, along, down = which[inside], along[inside], down[inside]
    weight = magnitude[inside] * torch.exp(-(along**2 + down**2) / 8)
    direction = ((angle[which] - theta[inside]) * (8 / TURN)) % 8  # counterclockwise, as in OpenCV
    both = [_shares(v) for v in (down + 2.5, along + 2.5, direction)]  # rows and columns 1 to 4 of 6 are the cells
    total = gaussians.new_zeros(len(layer) * 6 * 6 * 8)
    for (r, in_row), (c, in_column), (o, in_direction) in product(*both):
        total.index_add_(0, ((which * 6 + r) * 6 + c) * 8 + o % 8, weight * in_row * in_column * in_direction)
    inner = total.view(-1, 6, 6, 8)[:, 1:5, 1:5].flatten(1)  # without what falls beyond the outer cells
    unit = inner / inner.norm(dim=1, keepdim=True).clamp(min=torch.finfo(inner.dtype).tiny)
    clipped = unit.clamp(max=0.2)
    return clipped / clipped.norm(dim=1, keepdim=True).clamp(min=torch.finfo(inner.dtype).tiny)


def match(first: Tensor, second: Tensor, ratio: float = 0.8) -> Tensor:
    """Pairs of a descriptor and its nearest in the other image that pass the ratio test: ``(K, 2)`` from ``(N, D)`` and ``(M, D)``."""
    if first.dim() != 2 or second.dim() != 2 or first.shape[1] != second.shape[1] or len(second) < 2:
        raise ValueError(f"match: expected (N, D) and (M, D) with M > 1, got {tuple(first.shape)} and {tuple(second.shape)}")
    if not 0 < ratio <= 1:
        raise ValueError(f"match: ratio must lie in (0, 1], got {ratio}")
    nearest = torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist").topk(2, 1, largest=False)
    good = nearest.values[:, 0] < ratio * nearest.values[:, 1]
    return torch.stack((good.nonzero().squeeze(1), nearest.indices[good, 0]), 1)


def _shares(value: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The two nearest bins of each value, and how much of it falls to each."""
    low = value.floor()
    return (low.long(), 1 - (value - low)), (low.long() + 1, value - low)


def _gradients(gaussians: Tensor, layer: Tensor, center: Tensor, radius: Tensor) -> tuple[Tensor, ...]:
    """All gradients in the square of each keypoint, in one row: which keypoint, row and column from its center, magnitude, direction.

    There is none at the image's border, where there is no central difference.
    """
    reach = int(radius.max()) if len(radius) else 0
    side = torch.arange(-reach, reach + 1, device=gaussians.device)
    dy, dx = torch.cartesian_prod(side, side).T
    height, width = gaussians.shape[1:]
    y, x = center[:, :1] + dy, center[:, 1:] + dx  # (N, P)
    inside = (y > 0) & (y < height - 1) & (x > 0) & (x < width - 1) & (torch.maximum(dy.abs(), dx.abs()) <= radius[:, None])
    which, place = inside.nonzero().unbind(1)
    at = (layer[which] * height + y[inside]) * width + x[inside]
    flat = gaussians.flatten()
    gy, gx = flat[at + width] - flat[at - width], flat[at + 1] - flat[at - 1]
    return which, dy[place], dx[place], torch.hypot(gx, gy), torch.atan2(gy, gx)


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.vision.bicubic import bicubic
    from refimpl.vision.shapes import smooth_discs

    arguments(__doc__)
    image = smooth_discs(1, 160)[0, 0]
    image = image + 0.2 * bicubic(torch.rand(40, 40), (160, 160))
    found = sift(image, contrast=0.01)
    print(f"{len(found.scale)} keypoints, scales from {found.scale.min().item():.1f} to {found.scale.max().item():.1f} pixels")
    for name, other, back in (
        ("turned by a quarter", image.rot90(), lambda p: torch.stack((159 - p[:, 1], p[:, 0]), 1)),
        ("larger by 1.5", bicubic(image, (240, 240)), lambda p: (p + 0.5) / 1.5 - 0.5),
    ):
        there = sift(other, contrast=0.01)
        pairs = match(found.descriptors, there.descriptors)
        gap = (back(there.position)[pairs[:, 1]] - found.position[pairs[:, 0]]).norm(dim=1)
        print(f"{name:<20} {len(pairs)} matches, {(gap < 2).double().mean().item():.3f} of them within two pixels of the right place")
