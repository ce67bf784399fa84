"""What the image networks share: where they are made, the check of their input, He's initialization of their convolutions."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

__all__ = ["check_images", "he_normal_", "made_on"]


def made_on(device: torch.device | str | None) -> AbstractContextManager:
    """A context in which layers are made on ``device``; without one they are made where PyTorch makes them."""
    return nullcontext() if device is None else torch.device(device)


def check_images(network: str, input: Tensor, least: int) -> None:
    """Raise a ``ValueError`` unless the input is ``(N, 3, H, W)``, floating point, with H and W of at least ``least`` pixels."""
    if input.dim() != 4 or input.shape[1] != 3 or min(input.shape[2:]) < least or not input.is_floating_point():
        wanted = f"floating point (N, 3, H, W) with H and W of at least {least}"
        raise ValueError(f"{network}: input must be {wanted}, got {input.dtype} of shape {tuple(input.shape)}")


def he_normal_(model: nn.Module, mode: str) -> None:
    """Draw every convolution's weight from N(0, 2 / fan), fan in or out by ``mode``, and set its bias to zero."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
            if layer.bias is not None:
                with torch.no_grad():
                    layer.bias.zero_()
