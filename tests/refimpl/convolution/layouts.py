"""State dicts of torchvision's models as text: one line a layer, with the shapes of its tensors.

python -m tests.refimpl.convolution.layouts     writes layouts.txt anew from the installed torchvision
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path

import torch
from torch import Tensor

from tests.refimpl.convolution.torchvision_models import torchvision_models

PATH = Path(__file__).with_name("layouts.txt")
WHOLE = ("alexnet", "vgg16", "vgg11_bn", "googlenet", "resnet18", "resnet50", "densenet121")
"""Models whose layout is kept line by line."""

HASHED = ("vgg11", "vgg13", "vgg19", "vgg13_bn", "vgg16_bn", "vgg19_bn", "resnet34", "resnet101", "resnet152")
HASHED += ("densenet161", "densenet169", "densenet201")
HASHED += ("segmentation.fcn_resnet50", "segmentation.fcn_resnet101")
"""Models of which the number of parameters and a hash of the lines are kept."""

OPTIONS = {"aux_loss": True, "weights": None, "weights_backbone": None}
"""How models for segmentation are built: with the head that the published weights have, and without a download."""


def describe(state: Mapping[str, Tensor]) -> list[str]:
    """Lines such as ``conv1 weight 64x3x7x7``, in the order of the state dict."""
    layers: dict[str, list[str]] = {}
    for key, value in state.items():
        layer, _, name = key.rpartition(".")
        layers.setdefault(layer, []).append(f"{name} {'x'.join(map(str, value.shape)) or 'scalar'}")
    return [f"{layer} {', '.join(tensors)}" for layer, tensors in layers.items()]


def digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def read() -> dict[str, tuple[int, list[str] | str]]:
    """For each model its number of parameters, and its lines or their hash."""
    found: dict[str, tuple[int, list[str] | str]] = {}
    for block in PATH.read_text("utf8").split("\n\n"):
        title, *lines = block.strip().split("\n")
        name, count, *hashed = title.split()
        found[name] = int(count), hashed[0] if hashed else lines
    return found


def write() -> None:
    models = torchvision_models()
    if models is None:
        raise SystemExit("layouts: torchvision is not installed; expected version 0.28 beside this PyTorch")
    blocks = []
    for name in (*WHOLE, *HASHED):
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            model = attrgetter(name)(models)(**OPTIONS if name.startswith("segmentation.") else {})
        lines = describe(model.state_dict())
        blocks.append(
            "\n".join([f"{name} {parameters(model)}", *lines] if name in WHOLE else [f"{name} {parameters(model)} {digest(lines)}"])
        )
    PATH.write_text("\n\n".join(blocks) + "\n", "utf8")
    print(f"{PATH.name}: {len(blocks)} models")


if __name__ == "__main__":
    write()
