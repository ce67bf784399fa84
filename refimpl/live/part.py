"""What a live demonstration is made of: modules with named inputs and outputs, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Demonstration", "Inputs", "Part", "show"]

Inputs = dict[str, Tensor]


@dataclass(frozen=True)
class Part:
    """One module that becomes one file.

    Args:
        module: takes the inputs by position and returns a tensor or a tuple of them.
        outputs: their names.
        sample: draws inputs like those of the demonstration, by name, in the order of ``module``'s arguments.
        varying: the dimension, by input, that may have any size.
    """

    module: nn.Module
    outputs: tuple[str, ...]
    sample: Callable[[torch.Generator], Inputs]
    varying: Mapping[str, int] = field(default_factory=dict)

    def run(self, inputs: Inputs) -> dict[str, Tensor]:
        """The outputs by name, in evaluation and without gradients."""
        self.module.eval()
        with torch.no_grad():
            found = self.module(*inputs.values())
        return dict(zip(self.outputs, found if isinstance(found, tuple) else (found,), strict=True))


@dataclass(frozen=True)
class Demonstration:
    """A topic's demonstration.

    Args:
        topic: the topic on whose page it stands.
        parts: creates the modules by name, with weights from PyTorch's global generator.
        train: trains the modules in place, seeded by itself, and returns what it measured; None where there is nothing to learn.
        facts: what the page must know of the modules, such as an alphabet.
    """

    topic: str
    parts: Callable[[], dict[str, Part]]
    train: Callable[[dict[str, Part]], dict[str, float]] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def show(description: str | None, demonstration: Demonstration) -> None:
    """Train as the stored files were trained, and print what was measured and what the modules return for one input."""
    from refimpl.demo import arguments

    arguments(description)
    parts = demonstration.parts()
    if demonstration.train is not None:
        for name, value in demonstration.train(parts).items():
            print(f"{name:<24} {value:.4g}")
    for name, part in parts.items():
        inputs = part.sample(torch.Generator().manual_seed(0))
        print(name)
        for way, values in (("in", inputs), ("out", part.run(inputs))):
            print(f"    {way:<4}", ", ".join(f"{key} {tuple(value.shape)}" for key, value in values.items()))
