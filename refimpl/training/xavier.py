r"""Glorot (Xavier) initialization: weights sized so that neither signals nor gradients change scale in a linear layer.

Paper
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010. Section 4.2: equations 10 and 11 (the two conditions), 12 (the compromise), 16 (the distribution).

Equations (n_in inputs reach an output, n_out outputs are reached by an input, g the gain)
    forward    Var[y] = n_in  Var[w] E[x^2],        kept when n_in  Var[w] = 1
    backward   Var[dx] = n_out Var[w] E[dy^2],      kept when n_out Var[w] = 1
    variance   Var[w] = g^2 2 / (n_in + n_out)
    uniform    w ~ U(-b, b),   b = g sqrt(6 / (n_in + n_out))
    normal     w ~ N(0, g^2 2 / (n_in + n_out))

Deviations from the paper
    1. The gain g is not in the paper, whose units are linear around zero (g = 1).
    2. The paper draws uniform weights; the normal distribution of the same variance is a later addition.
    3. The paper sets biases to zero; these functions fill the tensor they are given and leave the rest alone.
    4. A convolution counts the positions of its kernel in both fans (see ``refimpl.training.fan``); the paper has no convolutions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from refimpl.training.fan import fan_in_and_fan_out, fill_normal_, fill_uniform_

__all__ = ["xavier_normal_", "xavier_std", "xavier_uniform_"]


def xavier_std(tensor: Tensor, gain: float = 1.0) -> float:
    """Standard deviation of Glorot's weights for a tensor of this shape; 0 where it has no fans.

    Raises:
        ValueError: the tensor is not real floating point, has fewer than two dimensions, or the gain is negative or not finite.
    """
    if not tensor.is_floating_point():
        raise ValueError(f"xavier_std: tensor must be real floating point, got {tensor.dtype}")
    if not 0.0 <= gain < math.inf:
        raise ValueError(f"xavier_std: gain must be non-negative and finite, got {gain}")
    fans = sum(fan_in_and_fan_out(tensor))
    return gain * math.sqrt(2.0 / fans) if fans else 0.0


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    """Fill in place with "Glorot uniform" weights; drops in for ``torch.nn.init.xavier_uniform_``.

    Args:
        tensor: weight, ``(out, in, *kernel)``.
        gain: factor for the activation that follows, such as ``calculate_gain("tanh")``.
        generator: where the numbers come from; PyTorch's global one by default.

    Returns:
        The tensor itself.

    Raises:
        ValueError: see :func:`xavier_std`.
    """
    return fill_uniform_(tensor, xavier_std(tensor, gain), generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    """Fill in place with "Glorot normal" weights; drops in for ``torch.nn.init.xavier_normal_``. Arguments as above."""
    return fill_normal_(tensor, xavier_std(tensor, gain), generator)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.randn(256, 500)
    for name, std in (("std 0.01", 0.01), ("Xavier", None), ("std 0.10", 0.10)):
        h = x
        for _ in range(10):
            w = torch.empty(500, 500)
            h = torch.tanh(h @ (xavier_uniform_(w) if std is None else fill_normal_(w, std)).T)
        print(f"{name:9} std after 10 layers of tanh {h.std().item():.2e}, saturated {(h.abs() > 0.95).float().mean().item():.1%}")
