"""Which values of a batch each normalization averages: found by asking which inputs move one normalized value.

A value of the output depends on its own input and, through mean and variance, on every value that these are taken over.
So the set is where the gradient of one output by all inputs is not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from refimpl.training.batch_norm import batch_norm
from refimpl.training.group_norm import group_norm
from refimpl.training.instance_norm import instance_norm
from refimpl.training.layer_norm import layer_norm
from refimpl.training.switch_norm import switch_norm

__all__ = ["data"]

SHAPE = (4, 6, 5)
"""Examples, channels, positions."""

PROBE = (0, 5, 0)
"""The output that is asked about."""

GROUPS = 3


def _switch(x: Tensor) -> Tensor:
    kinds = x.new_zeros(3)
    return switch_norm(x, None, None, kinds, kinds, training=True)


KINDS: dict[str, tuple[str, str, str, Callable[[Tensor], Tensor]]] = {
    "batch": ("Batch", "批归一化", "refimpl.training.batch_norm", lambda x: batch_norm(x, None, None, training=True)),
    "layer": ("Layer", "层归一化", "refimpl.training.layer_norm", lambda x: layer_norm(x, x.shape[1:])),
    "instance": ("Instance", "实例归一化", "refimpl.training.instance_norm", instance_norm),
    "group": ("Group", "组归一化", "refimpl.training.group_norm", lambda x: group_norm(x, GROUPS)),
    "switchable": ("Switchable", "可切换归一化", "refimpl.training.switch_norm", _switch),
}
"""English and Chinese name, where the code is from, and the function, by id."""


def depends(normalize: Callable[[Tensor], Tensor]) -> Tensor:
    """Where the probed output depends on the input, as booleans of ``SHAPE``."""
    x = torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (gradient,) = torch.autograd.grad(normalize(x)[PROBE], x)
    return gradient.abs() > 1e-9


def data() -> dict[str, Any]:
    """``shape``, ``probe``, ``groups``, and for each kind the ``[n, c, s]`` of the values that enter its statistics."""
    kinds = [
        {"id": name, "title": {"en": en, "zh": zh}, "code": code, "cells": depends(function).nonzero().tolist()}
        for name, (en, zh, code, function) in KINDS.items()
    ]
    return {"shape": SHAPE, "probe": PROBE, "groups": GROUPS, "kinds": kinds}
