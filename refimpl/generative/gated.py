"""The gated activation of PixelCNN and WaveNet: half of the channels pass through tanh, the other half decides how much."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["gated_activation"]


def gated_activation(x: Tensor) -> Tensor:
    """tanh of the first half of the channels times the sigmoid of the second: ``(N, 2 C, ...)`` to ``(N, C, ...)``."""
    features, gates = x.chunk(2, 1)
    return torch.tanh(features) * torch.sigmoid(gates)
