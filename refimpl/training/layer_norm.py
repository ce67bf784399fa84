r"""Layer normalization: give the features of each example zero mean and unit variance, whatever the batch.

Paper
    Ba, Kiros, Hinton, "Layer Normalization", 2016, arXiv:1607.06450. Equations 3 and 4.

Equations (x the M features of one example or one time step)
    statistics   mu = mean(x),   var = mean((x - mu)^2)
    transform    y = gamma (x - mu) / sqrt(var + eps) + beta

Deviations from the paper
    1. eps, which the paper leaves out, is added to the variance, as in PyTorch.
    2. The paper normalizes the summed inputs of a layer before its nonlinearity; this is a layer of its own, to be put anywhere.
    3. bfloat16 and float16 inputs are normalized in float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from refimpl.training.standardize import affine, standardize

__all__ = ["LayerNorm", "layer_norm"]


def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize over the last dimensions; drops in for ``torch.nn.functional.layer_norm``.

    Args:
        input: ``(..., *normalized_shape)``.
        normalized_shape: sizes of the dimensions that form one set of features.
        weight, bias: gamma and beta, of shape ``normalized_shape``.
        eps: added to the variance.

    Returns:
        A tensor like ``input``.

    Raises:
        ValueError: a shape, dtype or parameter does not fit; the message names it.
    """
    shape = tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        raise ValueError(f"layer_norm: input must end in dimensions {shape}, at least one, got shape {tuple(input.shape)}")
    if not input.is_floating_point():
        raise ValueError(f"layer_norm: input must be floating point, got {input.dtype}")
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and tuple(value.shape) != shape:
            raise ValueError(f"layer_norm: {name} must have shape {shape}, got {tuple(value.shape)}")
    if not eps >= 0.0:
        raise ValueError(f"layer_norm: eps must be non-negative, got {eps}")
    xhat = standardize(input.flatten(-len(shape)), eps).view(input.shape)
    return affine(xhat, weight, bias, input.dtype)


class LayerNorm(nn.Module):
    """Layer normalization as a layer; parameters and state dict are those of ``torch.nn.LayerNorm``.

    Args:
        normalized_shape: sizes of the dimensions that form one set of features, or the one size.
        eps: added to the variance.
        elementwise_affine: learn gamma and beta.
        bias: learn beta.

    Shape: ``(..., *normalized_shape)`` to the same.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        if not self.normalized_shape or min(self.normalized_shape) < 1:
            raise ValueError(f"LayerNorm: normalized_shape must be one or more positive sizes, got {self.normalized_shape}")
        self.eps, self.elementwise_affine = eps, elementwise_affine
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.ones(self.normalized_shape, **new)) if elementwise_affine else None
        self.bias = nn.Parameter(torch.zeros(self.normalized_shape, **new)) if elementwise_affine and bias else None

    def forward(self, input: Tensor) -> Tensor:
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.randn(3, 256) * torch.tensor([[1.0], [100.0], [0.01]]) + torch.tensor([[0.0], [5.0], [-7.0]])
    y = LayerNorm(256)(x)
    for i in range(3):
        print(f"example {i}: mean {x[i].mean():8.3f} std {x[i].std():8.3f}   after: mean {y[i].mean():6.3f} std {y[i].std():6.3f}")
    alone = LayerNorm(256)(x[:1])
    print(f"largest change when the rest of the batch is left out: {(alone - y[:1]).abs().max():.1e}")
    shifted = LayerNorm(256)(3 * x + 2)
    print(f"largest change when every feature x becomes 3 x + 2:   {(shifted - y)[1].abs().max():.1e}")
