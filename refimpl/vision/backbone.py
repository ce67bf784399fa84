"""A small convolutional backbone for the detectors' demonstrations and tests."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

__all__ = ["small_backbone"]


def small_backbone(widths: Sequence[int]) -> nn.Sequential:
    """A 3 x 3 convolution of stride 2 to each number of channels, then one of stride 1, each with a ReLU."""
    layers, before = nn.Sequential(), 3
    for width, stride in (*((w, 2) for w in widths), (widths[-1], 1)):
        layers += nn.Sequential(nn.Conv2d(before, width, 3, stride, padding=1), nn.ReLU())
        before = width
    return layers
