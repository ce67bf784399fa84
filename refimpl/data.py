"""Handwritten digits of 8 x 8 pixels, stored with the package: real data for demonstrations, experiments and tests.

Source
    Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
    doi:10.24432/C50P49, license CC BY 4.0 (see ``digits.license.txt``). These are its 1,797 test images, by 13
    writers, in the order of ``sklearn.datasets.load_digits``. A pixel counts the inked points, 0 to 16, of a 4 x 4
    block in a scan of 32 x 32 points.

Each writer has images in both parts of the split, so accuracies are a little better than on the hands of strangers.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

__all__ = ["Split", "digits", "digits_split"]


class Split(NamedTuple):
    """Images with values in [0, 1], ``(N, 1, 8, 8)``, and their classes 0 to 9, ``(N,)``, to learn from and to test on."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor


def digits(device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> tuple[Tensor, Tensor]:
    """All images as rows of pixels 0 to 16, ``(1797, 64)``, and their classes, ``(1797,)`` int64.

    Args:
        dtype: floating type of the pixels; PyTorch's default where it is None.
    """
    pixels, classes = _stored()
    dtype = torch.get_default_dtype() if dtype is None else dtype
    return torch.tensor(pixels, device=device, dtype=dtype), torch.tensor(classes, device=device, dtype=torch.int64)


def digits_split(test: int = 360, seed: int = 0, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Split:
    """The images, scaled to [0, 1], in a random order that depends on the seed alone; the last ``test`` of them to test on.

    Raises:
        ValueError: ``test`` leaves nothing to learn from or nothing to test on.
    """
    x, y = digits(device, dtype)
    if not 0 < test < len(x):
        raise ValueError(f"digits_split: test must lie between 0 and {len(x)}, both excluded, got {test}")
    order = torch.from_numpy(np.random.RandomState(seed).permutation(len(x))).to(x.device)  # the same in every version of NumPy
    x, y = x[order].view(-1, 1, 8, 8) / 16, y[order]
    return Split(x[:-test], y[:-test], x[-test:], y[-test:])


@cache
def _stored() -> tuple[np.ndarray, np.ndarray]:
    with files("refimpl").joinpath("digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return stored["pixels"], stored["classes"]


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x, y = digits()
    print("images of each class:", torch.bincount(y).tolist())
    for row in x[0].view(8, 8).int().tolist():
        print("".join(" .:-=+*#%@"[value * 9 // 16] * 2 for value in row))
    print("the first image is a", y[0].item())
