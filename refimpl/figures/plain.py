"""Turn tensors into plain numbers short enough to store."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from refimpl.experiments.outcome import rounded

__all__ = ["numbers"]


def numbers(values: Tensor) -> Any:
    """Nested lists of the values, rounded to a few significant digits; a number where the tensor has no axes."""

    def plain(value: Any) -> Any:
        return [plain(v) for v in value] if isinstance(value, list) else rounded(value)

    return plain(values.detach().cpu().tolist())
