"""Run the stored files in a runtime and compare what they answer with PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from refimpl.live.part import Part

__all__ = ["DRAWS", "TOLERANCE", "Arrays", "difference", "draw", "largest_difference", "run_onnxruntime"]

Arrays = dict[str, np.ndarray]

DRAWS = 5
"""How many inputs of each file are compared."""

TOLERANCE = 1e-4
"""Largest difference that is accepted, relative where a value exceeds 1; all is float32, and sums run in another order."""


def draw(part: Part) -> list[Arrays]:
    """Inputs like those of the demonstration."""
    samples = (part.sample(torch.Generator().manual_seed(1000 + seed)) for seed in range(DRAWS))
    return [{name: value.numpy() for name, value in sample.items()} for sample in samples]


def run_onnxruntime(stored: bytes, inputs: Sequence[Arrays]) -> list[Arrays]:
    """What onnxruntime answers, by output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(stored, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return [dict(zip(names, session.run(None, arrays), strict=True)) for arrays in inputs]


def largest_difference(parts: Mapping[str, Part], run: Callable[[str, list[Arrays]], list[Arrays]]) -> tuple[float, int]:
    """The largest difference over all outputs of all files, and the number of inputs; ``run`` answers for a file's name."""
    largest, count = 0.0, 0
    for name, part in parts.items():
        inputs = draw(part)
        for arrays, found in zip(inputs, run(name, inputs), strict=True):
            expected = part.run({key: torch.from_numpy(value) for key, value in arrays.items()})
            largest = max(largest, *(difference(found[output], value.numpy()) for output, value in expected.items()))
            count += 1
    return largest, count


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of two arrays, relative where the expected value exceeds 1.

    Raises:
        ValueError: their shapes differ.
    """
    if found.shape != expected.shape:
        raise ValueError(f"difference: expected shape {expected.shape}, got {found.shape}")
    gap = np.abs(found.astype(np.float64) - expected.astype(np.float64)) / np.maximum(1.0, np.abs(expected))
    return float(gap.max()) if gap.size and not np.isnan(gap).any() else (0.0 if not gap.size else float("inf"))
