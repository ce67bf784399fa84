"""Clipping by norm beside PyTorch's function, on five million gradients in 50 tensors."""

from __future__ import annotations

import torch

from refimpl.training.gradient_clipping import clip_grad_norm_
from tests.refimpl.harness.bench import Bench

THEIRS = torch.nn.utils.clip_grad_norm_


def on_gradients(clip):
    """A call on gradients, which belong to parameters that are made once."""
    found = []

    def call(*gradients):
        if not found:
            found.extend(torch.zeros_like(g).requires_grad_() for g in gradients)
        for p, g in zip(found, gradients, strict=True):
            p.grad = g
        return clip(found, 1e9)

    return call


BENCHES = [
    Bench(
        "gradient-clipping",
        "norm of 5M gradients in 50 tensors",
        lambda: on_gradients(clip_grad_norm_),
        {"torch.nn.utils.clip_grad_norm_": lambda: on_gradients(THEIRS)},
        lambda: tuple(torch.randn(316, 316, generator=torch.Generator().manual_seed(i)) for i in range(50)),
        backward=False,
        compiled=False,
    )
]
