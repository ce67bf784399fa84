r"""He (Kaiming) initialization: weights sized for rectifiers, which discard half of the signal's power.

Paper
    He, Zhang, Ren and Sun, "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
    Classification", ICCV 2015, arXiv:1502.01852. Section 2.2: equations 10 (forward), 14 (backward), 15 (leaky).

Equations (x = f(y) for the layer before, f = leaky_relu with slope a, n_in and n_out the fans, g the gain)
    half       E[x^2] = (1 + a^2) / 2 Var[y]    for y symmetric around 0
    forward    (1 + a^2) / 2 n_in  Var[w] = 1   keeps Var[y] from layer to layer     (mode "fan_in")
    backward   (1 + a^2) / 2 n_out Var[w] = 1   keeps Var[dy] from layer to layer    (mode "fan_out")
    normal     w ~ N(0, g^2 / n),               g = sqrt(2 / (1 + a^2))
    uniform    w ~ U(-b, b),                    b = g sqrt(3 / n)

Deviations from the paper
    1. The paper draws normal weights; the uniform distribution of the same variance is a later addition.
    2. The paper gives the first layer, whose input has met no rectifier, the variance 1 / n_in, and sets biases to zero.
       These functions fill the tensor they are given: pass ``nonlinearity="linear"`` for that layer.
    3. The gains of nonlinearities other than relu and leaky_relu are not in the paper (see ``refimpl.training.fan``).
    4. A tensor without elements is returned as it is; PyTorch also warns.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from refimpl.training.fan import calculate_gain, fan_in_and_fan_out, fill_normal_, fill_uniform_

__all__ = ["calculate_gain", "kaiming_normal_", "kaiming_std", "kaiming_uniform_"]

MODES = ("fan_in", "fan_out")


def kaiming_std(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> float:
    """Standard deviation of He's weights for a tensor of this shape; 0 where the fan is 0. Arguments as below.

    Raises:
        ValueError: the tensor is not real floating point or has fewer than two dimensions, or a, mode or nonlinearity is not known.
    """
    if not tensor.is_floating_point():
        raise ValueError(f"kaiming_std: tensor must be real floating point, got {tensor.dtype}")
    if mode not in MODES:
        raise ValueError(f"kaiming_std: mode must be one of {', '.join(MODES)}, got {mode!r}")
    gain = calculate_gain(nonlinearity, a)
    fan = fan_in_and_fan_out(tensor)[MODES.index(mode)]
    return gain / math.sqrt(fan) if fan else 0.0


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: torch.Generator | None = None
) -> Tensor:
    """Fill in place with "He uniform" weights; drops in for ``torch.nn.init.kaiming_uniform_``.

    Args:
        tensor: weight, ``(out, in, *kernel)``.
        a: negative slope of leaky_relu; with the default 0 that is relu.
        mode: "fan_in" keeps the variance of the signal, "fan_out" that of the gradient.
        nonlinearity: name of the activation in ``torch.nn.functional``.
        generator: where the numbers come from; PyTorch's global one by default.

    Returns:
        The tensor itself.

    Raises:
        ValueError: see :func:`kaiming_std`.
    """
    return fill_uniform_(tensor, kaiming_std(tensor, a, mode, nonlinearity), generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: torch.Generator | None = None
) -> Tensor:
    """Fill in place with "He normal" weights; drops in for ``torch.nn.init.kaiming_normal_``. Arguments as above."""
    return fill_normal_(tensor, kaiming_std(tensor, a, mode, nonlinearity), generator)


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.training.xavier import xavier_normal_

    arguments(__doc__)
    x = torch.randn(256, 500)
    for name, initialize in (("Xavier", xavier_normal_), ("He", kaiming_normal_)):
        h, powers = x, []
        for layer in range(1, 31):
            h = torch.relu(h @ initialize(torch.empty(500, 500)).T)
            if layer % 10 == 0:
                powers.append(f"{h.square().mean().item():.1e}")
        print(f"{name:6} mean square after 10, 20 and 30 layers of relu:", *powers)
    print(f"2^-30 = {2**-30:.1e}: without the factor 2 each layer halves the power")
