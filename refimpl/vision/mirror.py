"""An axis continued beyond its ends by reflection at the first and the last place, however far."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["mirrored"]


def mirrored(length: int, before: int, total: int, device: torch.device | str | None = None) -> Tensor:
    """Places in ``0 .. length - 1`` of ``total`` positions, the first of which lies ``before`` places in front of place 0."""
    period = max(1, 2 * (length - 1))
    place = (torch.arange(total, device=device) - before) % period
    return torch.minimum(place, period - place)
