"""Drawn images with their truth, for the demonstrations and tests of detection and segmentation: bars and discs on a noisy ground."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["bars", "discs"]


def bars(count: int, size: int = 32, generator: torch.Generator | None = None) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Images with a lying bar (class 1) in one half and, in every second image, a standing one (class 2) in the other.

    Returns:
        Images ``(count, 3, size, size)``, and for each its boxes ``(M, 4)`` and classes ``(M,)``.
    """
    images, boxes, classes = 0.1 * torch.randn(count, 3, size, size, generator=generator), [], []
    for n in range(count):
        half = size // 2
        objects = [(1, half - 2, 6, 0), (2, 6, half - 2, half)][: 1 + n % 2]
        found = []
        for _, width, height, start in objects:
            x = start + int(torch.randint(0, half - width + 1, (), generator=generator))
            y = int(torch.randint(0, size - height + 1, (), generator=generator))
            images[n, :, y : y + height, x : x + width] += 1
            found.append([x, y, x + width, y + height])
        boxes.append(images.new_tensor(found))
        classes.append(torch.tensor([kind for kind, *_ in objects]))
    return images, boxes, classes


def discs(count: int, size: int = 48, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Images with four discs each, which may touch; the later lies on top.

    Returns:
        Images ``(count, 3, size, size)`` and the number of the disc at each pixel, 0 on the ground, ``(count, size, size)``.
    """
    images = 0.3 * torch.randn(count, 3, size, size, generator=generator)
    cells = torch.zeros(count, size, size, dtype=torch.int64)
    y, x = torch.arange(size)[:, None], torch.arange(size)
    for n in range(count):
        for number in range(1, 5):
            (top, left), radius = torch.rand(2, generator=generator) * size, 4 + 4 * torch.rand(1, generator=generator)
            cells[n][(y - top) ** 2 + (x - left) ** 2 < radius**2] = number
    images += (cells > 0)[:, None]
    return images, cells


def smooth_discs(count: int, size: int = 48, generator: torch.Generator | None = None) -> Tensor:
    """Clean images of six discs of different gray with edges about a pixel wide, ``(count, 1, size, size)`` in [0, 1]."""
    images = torch.zeros(count, 1, size, size)
    y, x = torch.arange(size)[:, None], torch.arange(size)
    for n in range(count):
        for _ in range(6):
            (top, left), radius, gray = (
                torch.rand(2, generator=generator) * size,
                *(torch.rand(2, generator=generator) * torch.tensor([8, 1])),
            )
            cover = torch.sigmoid(4 * (radius + 2 - ((y - top) ** 2 + (x - left) ** 2).sqrt()))
            images[n] = images[n] * (1 - cover) + gray * cover
    return images
