r"""LeCun initialization: weights with variance 1 / fan-in, so that a unit's weighted sum keeps the variance of its inputs.

Papers
    LeCun, Bottou, Orr, Muller, "Efficient BackProp", in Neural Networks: Tricks of the Trade, 1998: section 4.6, equation 16,
    with the activation of section 4.4.
    Klambauer, Unterthiner, Mayr, Hochreiter, "Self-Normalizing Neural Networks", NeurIPS 2017, arXiv:1706.02515: the same
    weights before SELU.

Equations (n_in inputs of unit variance)
    deviation    s = n_in^(-1/2),   so that Var[sum_i w_i x_i] = 1
    normal       w ~ N(0, 1 / n_in)
    uniform      w ~ U(-b, b),   b = sqrt(3 / n_in)
    activation   f(x) = 1.7159 tanh(2 x / 3),   f(1) = 1 and f(-1) = -1

Deviations from the papers
    1. The first paper asks for mean zero and this standard deviation and leaves the distribution open; both usual ones stand here.
    2. A convolution counts the positions of its kernel in the fan; the papers speak of units with connections.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from refimpl.training.fan import fill_normal_, fill_uniform_
from refimpl.training.kaiming import kaiming_std

__all__ = ["lecun_normal_", "lecun_uniform_", "scaled_tanh"]


def lecun_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Fill in place with normal weights of variance 1 / fan-in.

    Args:
        tensor: weight, ``(out, in, *kernel)``.
        generator: where the numbers come from; PyTorch's global one by default.

    Returns:
        The tensor itself.

    Raises:
        ValueError: the tensor is not real floating point or has fewer than two dimensions.
    """
    return fill_normal_(tensor, kaiming_std(tensor, nonlinearity="linear"), generator)


def lecun_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Fill in place with uniform weights of variance 1 / fan-in. Arguments as above."""
    return fill_uniform_(tensor, kaiming_std(tensor, nonlinearity="linear"), generator)


def scaled_tanh(input: Tensor) -> Tensor:
    """LeCun's activation, whose effective gain is about 1 for inputs of unit variance."""
    return 1.7159 * torch.tanh(2 / 3 * input)


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.foundations.activation_rectifiers import selu

    arguments(__doc__)
    x = torch.randn(512, 500)
    for name, activation in (("scaled tanh", scaled_tanh), ("tanh", torch.tanh), ("selu", selu), ("relu", torch.relu)):
        h, variances = x, []
        for layer in range(1, 31):
            h = activation(h @ lecun_normal_(torch.empty(500, 500)).T)
            if layer % 10 == 0:
                variances.append(f"{h.var().item():.2e}")
        print(f"{name:12s} variance after 10, 20 and 30 layers:", *variances)
