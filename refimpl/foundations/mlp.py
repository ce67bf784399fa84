r"""Multilayer perceptron: affine maps with an elementwise nonlinearity between them.

Paper
    Rumelhart, Hinton and Williams, "Learning Internal Representations by Error Propagation", in Parallel Distributed
    Processing 1, 1986 (ICS report 8506, 1985).

Equations (h_0 = x the input, l = 1 ... L layers)
    layer        h_l = f(W_l h_{l-1} + b_l),   W_l (units of layer l, units of layer l - 1)
    output       y = g(W_L h_{L-1} + b_L)

Deviations from the paper
    1. The output is affine by default, since the losses take logits; ``output="sigmoid"`` is the paper's net.
    2. Any of the activations of this package may take the place of the logistic function.
    3. The first weights are those of ``torch.nn.Linear``; the paper only asks for small random ones.
    4. No connections skip a layer; the paper allows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from refimpl.foundations.activations import ACTIVATIONS

__all__ = ["MLP", "LinearStack", "Pointwise", "check_sizes"]


class Pointwise(nn.Module):
    """One of ``ACTIVATIONS`` as a layer without parameters of its own.

    Raises:
        ValueError: there is no activation of this name.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        if name not in ACTIVATIONS:
            raise ValueError(f"Pointwise: activation must be one of {', '.join(ACTIVATIONS)}, got {name!r}")
        self.name = name

    def forward(self, input: Tensor) -> Tensor:
        return ACTIVATIONS[self.name](input)

    def extra_repr(self) -> str:
        return self.name


class LinearStack(nn.Sequential):
    """Layers of which the first is linear: ``(..., inputs)`` to ``(..., outputs)``. Some of them are a ``torch.nn.Sequential``."""

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() < 1 or input.shape[-1] != self[0].in_features:
            raise ValueError(f"{type(self).__name__}: input must have shape (..., {self[0].in_features}), got {tuple(input.shape)}")
        return super().forward(input)

    def __getitem__(self, index: int | slice) -> nn.Module:
        return nn.Sequential(*list(self)[index]) if isinstance(index, slice) else super().__getitem__(index)


def check_sizes(function: str, sizes: Sequence[int]) -> None:
    """Raise a ``ValueError`` in the name of ``function`` unless there are two or more positive sizes."""
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"{function}: sizes must be two or more positive numbers, got {list(sizes)}")


class MLP(LinearStack):
    """A multilayer perceptron; parameters and state dict are those of ``torch.nn.Sequential(Linear, activation, Linear, ...)``.

    Args:
        sizes: numbers of units from the input to the output, at least two.
        activation: name in ``ACTIVATIONS``, after every layer but the last.
        output: name of the function after the last layer.
        bias: add b_l.

    Shape: ``(..., sizes[0])`` to ``(..., sizes[-1])``.

    Raises:
        ValueError: fewer than two sizes, a size below 1, an unknown activation, or an input of another size.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "sigmoid",
        output: str = "identity",
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_sizes("MLP", sizes)
        layers: list[nn.Module] = []
        for before, units in pairwise(sizes):
            layers += [nn.Linear(before, units, bias, device, dtype), Pointwise(activation)]
        layers[-1] = Pointwise(output)
        super().__init__(*(layers[:-1] if output == "identity" else layers))


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    corners, xor = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), torch.tensor([[0.0], [1], [1], [0]])
    for sizes in ((2, 1), (2, 4, 1)):
        model = MLP(sizes, "tanh", "sigmoid")
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(400):
            optimizer.zero_grad()
            nn.functional.binary_cross_entropy(model(corners), xor).backward()
            optimizer.step()
        print(f"units {sizes}: XOR of (0,0) (0,1) (1,0) (1,1) comes out as", [round(v, 2) for v in model(corners)[:, 0].tolist()])
