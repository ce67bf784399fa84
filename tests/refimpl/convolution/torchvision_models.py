"""torchvision's models beside a PyTorch built without its operators: two of them are declared, since its import needs their names."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_KEPT: list[torch.library.Library] = []
"""Declarations last as long as the library that made them."""


@cache
def torchvision_models() -> ModuleType | None:
    """``torchvision.models``; None where torchvision is missing or does not load."""
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        return None
    try:
        for path in Path(found.origin).parent.glob("_C*.so"):
            torch.ops.load_library(path)
    except OSError:  # built for another PyTorch
        _KEPT.append(torch.library.Library("torchvision", "DEF"))
        for schema in SCHEMAS:
            _KEPT[0].define(schema)
    try:
        import torchvision.models
    except (ImportError, RuntimeError):
        return None
    return torchvision.models
