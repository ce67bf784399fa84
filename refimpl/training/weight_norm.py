r"""Weight normalization: learn the length and the direction of each weight vector apart.

Paper
    Salimans and Kingma, "Weight Normalization: A Simple Reparameterization to Accelerate Training of Deep Neural Networks",
    NeurIPS 2016, arXiv:1602.07868. Equations 2 (weights), 3 (gradients), 5 and 6 (initialization from data).

Equations (v a vector, g a number, for each output unit; grad_w the gradient by w)
    weight       w = g v / |v|
    length       grad_g = grad_w . v / |v|
    direction    grad_v = g / |v| (grad_w - grad_g v / |v|),   orthogonal to v
    data         t = v . x / |v|,   g <- 1 / std(t),   b <- -mean(t) / std(t)

Deviations from the paper
    1. A weight may have any number of dimensions; the norm runs over all but ``dim``, and ``dim=None`` keeps one length for all.
    2. A vector v of zeros has no direction: its weight is NaN, as in PyTorch.
    3. The paper draws v from a normal distribution with spread 0.05; ``weight_norm`` keeps the weights of the layer it is given.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = ["WeightNorm", "initialize_from_data", "norm_except", "weight_norm"]


def norm_except(v: Tensor, dim: int | None = 0) -> Tensor:
    """Euclidean norms over all dimensions but ``dim``, which keep their places with size 1; one scalar for None.

    Raises:
        ValueError: there is no such dimension.
    """
    if dim is None:
        return torch.linalg.vector_norm(v)
    if not 0 <= dim < v.dim():
        raise ValueError(f"norm_except: dim must be None or lie in [0, {v.dim()}), got {dim}")
    others = [d for d in range(v.dim()) if d != dim]
    return torch.linalg.vector_norm(v, dim=others, keepdim=True) if others else v.abs()


class WeightNorm(nn.Module):
    """The parametrization: (g, v) to w; ``right_inverse`` gives w back its length and itself."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norm_except(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except(weight, self.dim), weight

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


def weight_norm(module: nn.Module, name: str = "weight", dim: int | None = 0) -> nn.Module:
    """Learn a layer's weight by length and direction; drops in for ``torch.nn.utils.parametrizations.weight_norm``.

    The state dict has PyTorch's names, ``parametrizations.<name>.original0`` (g) and ``original1`` (v).

    Raises:
        ValueError: the module has no parameter of this name, or the parameter no such dimension.
    """
    if module._parameters.get(name) is None:
        raise ValueError(f"weight_norm: expected the name of a parameter of {type(module).__name__}, got {name!r}")
    parametrize.register_parametrization(module, name, WeightNorm(dim))
    return module


@torch.no_grad()
def initialize_from_data(module: nn.Module, input: Tensor) -> Tensor:
    """Set g and the bias of a weight-normalized linear or convolutional layer so that its outputs for this batch are standardized.

    Args:
        module: made by :func:`weight_norm` with ``dim=0``, with a bias.
        input: a batch, as the layer takes it.

    Returns:
        The standardized output.

    Raises:
        ValueError: the module has no normalized weight or no bias.
    """
    if not parametrize.is_parametrized(module, "weight") or getattr(module, "bias", None) is None:
        raise ValueError(f"initialize_from_data: expected a layer with a normalized weight and a bias, got {module}")
    g, v = module.parametrizations.weight.original0, module.parametrizations.weight.original1
    g.copy_(torch.ones_like(g))
    module.bias.zero_()
    t = module(input)  # (N, K) or (N, K, d1, ...)
    others = [d for d in range(t.dim()) if d != 1]
    mean, std = t.mean(others), t.std(others, correction=0)  # (K,)
    g.copy_((1 / std).view(-1, *(1,) * (v.dim() - 1)))
    module.bias.copy_(-mean / std)
    return module(input)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    layer = weight_norm(nn.Linear(50, 3))
    x = torch.randn(1000, 50) * 4 + 2
    print("std of the outputs", [round(s, 2) for s in layer(x).std(0).tolist()])
    y = initialize_from_data(layer, x)
    means, stds = ([round(abs(v), 3) for v in values.tolist()] for values in (y.mean(0), y.std(0)))
    print("after initialization from the data: mean", means, "std", stds)
    (layer(x) ** 3).mean().backward()
    v = layer.parametrizations.weight.original1
    print("cosine between v and its gradient", [f"{c:.0e}" for c in torch.cosine_similarity(v, v.grad).tolist()])
