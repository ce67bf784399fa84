"""The weight map's distances beside scipy's distance transform, and the network beside labml's where it fits."""

from __future__ import annotations

import torch

from refimpl.vision.shapes import discs
from refimpl.vision.unet import distances
from tests.refimpl.harness.bench import Bench
from tests.refimpl.vision.cases_unet import METHOD


def by_pixels(cells):
    """Distances to every pixel of every cell."""
    place = torch.stack(torch.meshgrid(*(torch.arange(n, device=cells.device) for n in cells.shape), indexing="ij"), -1).float()
    each = [torch.cdist(place.view(-1, 2), place[cells == n]).amin(1) for n in cells.unique().tolist() if n]
    first, second = torch.stack(each).sort(0).values[:2]
    return first.view(cells.shape), second.view(cells.shape)


BENCHES = [
    Bench(
        METHOD,
        "distances to two cells, 96 x 96",
        lambda: distances,
        {"torch.cdist to every pixel": lambda: by_pixels},
        lambda: (discs(1, 96, torch.Generator().manual_seed(2))[1][0],),
        backward=False,
        compiled=False,
    )
]
