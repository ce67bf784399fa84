r"""Local generalization: what a trained network does far from its data follows from its weights, not from what it was fitted to.

Sources
    Chollet, "The limitations of deep learning", 2017 (local and extreme generalization).
    Hein, Andriushchenko and Bitterwolf, "Why ReLU Networks Yield High-Confidence Predictions Far Away From the Training Data
    and How to Mitigate the Problem", CVPR 2019, arXiv:1812.05720 (the affine piece on a ray, and what softmax makes of it).

Equations (x: D inputs; f: K outputs; V, a the affine map on the region of x; alpha > 0)
    piece                f(x') = V x' + a for all x' in the region of x;  V = W_L D_{L-1} W_{L-1} ... D_1 W_1,  D_l = diag(z_l > 0)
    relu-extrapolation   f(alpha x) = alpha V x + a for all alpha >= beta;  beta = max over units of -c / u, where alpha u + c is
                         the unit's input on the ray beyond the breaks of the layers before
    tanh-saturation      b + v tanh(alpha W x + c)  ->  b + v sign(W x),  tanh(c_j) in the place of a sign of 0
    softmax-far-confidence   softmax(alpha s + a)  ->  softmax of a among the largest s, 0 elsewhere

Deviations from the sources
    1. Chollet's text has no formula; these make its claim exact for two kinds of networks.
    2. At a kink, z = 0, a unit counts as off, as in PyTorch's derivative of ReLU.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["affine_piece", "relu_on_ray", "softmax_limit", "tanh_limit"]


def affine_piece(model: nn.Sequential, x: Tensor) -> tuple[Tensor, Tensor]:
    """The affine map that a ReLU network is around each input.

    Args:
        model: linear layers with ReLU between them.
        x: ``(B, D)``.

    Returns:
        V ``(B, K, D)`` and a ``(B, K)``, with f(x) = V x + a.

    Raises:
        ValueError: the model is another kind of network, or ``x`` does not fit it.
    """
    layers = _layers("affine_piece", model, x)
    z, shift, patterns = x, torch.zeros_like(x), []  # shift: what the piece gives where the input is zero
    for i, layer in enumerate(layers):
        if i:
            patterns.append(z > 0)
            z, shift = z * patterns[-1], shift * patterns[-1]
        z, shift = layer(z), layer(shift)  # (B, H)
    slope = layers[-1].weight.expand(len(x), -1, -1)  # (B, K, H)
    for layer, on in zip(reversed(layers[:-1]), reversed(patterns), strict=True):
        slope = (slope * on[:, None]) @ layer.weight  # (B, K, H of the layer before)
    return slope, shift


def relu_on_ray(model: nn.Sequential, direction: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a ReLU network becomes on the ray of each direction from the origin.

    Args:
        model: linear layers with ReLU between them.
        direction: x, ``(B, D)``.

    Returns:
        V x ``(B, K)``, a ``(B, K)`` and beta ``(B,)``, with f(alpha x) = alpha V x + a for all alpha >= beta >= 0.

    Raises:
        ValueError: the model is another kind of network, or ``direction`` does not fit it.
    """
    layers = _layers("relu_on_ray", model, direction)
    slope, shift = direction, torch.zeros_like(direction)
    beta = direction.new_zeros(len(direction))
    for i, layer in enumerate(layers):
        if i:
            breaks = -shift / slope.masked_fill(slope == 0, torch.inf)
            beta = torch.maximum(beta, breaks.amax(1))
            on = (slope > 0) | ((slope == 0) & (shift > 0))
            slope, shift = slope * on, shift * on
        slope, shift = slope @ layer.weight.t(), F.linear(shift, layer.weight, layer.bias)  # (B, H)
    return slope, shift, beta


def tanh_limit(model: nn.Sequential, direction: Tensor) -> Tensor:
    """Where a network with one hidden tanh layer levels off on the ray of each direction.

    Args:
        model: linear, tanh, linear.
        direction: x, ``(B, D)``.

    Returns:
        The limit of f(alpha x), ``(B, K)``.

    Raises:
        ValueError: the model is another kind of network, or ``direction`` does not fit it.
    """
    hidden, out = _layers("tanh_limit", model, direction, nn.Tanh, 2)
    slope = F.linear(direction, hidden.weight)  # (B, H)
    still = torch.zeros_like(slope) if hidden.bias is None else hidden.bias.tanh()
    return out(torch.where(slope == 0, still, slope.sign()))


def softmax_limit(slope: Tensor, shift: Tensor) -> Tensor:
    """The limit of softmax(alpha slope + shift) as alpha grows, over the last dimension: ``(..., K)``, with the sum 1.

    Certain, whatever the input means, as soon as one slope is the largest.
    """
    if slope.shape != shift.shape or slope.dim() == 0 or slope.shape[-1] == 0:
        raise ValueError(
            f"softmax_limit: slope and shift must have one shape (..., K) with K > 0, got {tuple(slope.shape)} and {tuple(shift.shape)}"
        )
    largest = slope == slope.amax(-1, keepdim=True)
    return shift.masked_fill(~largest, -torch.inf).softmax(-1)


def _layers(function: str, model: nn.Sequential, x: Tensor, between: type = nn.ReLU, count: int | None = None) -> list[nn.Linear]:
    """The linear layers of the model, once it and ``x`` are seen to fit."""
    layers = list(model)
    kinds = [nn.Linear if i % 2 == 0 else between for i in range(len(layers))]
    fits = len(layers) % 2 and all(type(layer) is kind for layer, kind in zip(layers, kinds, strict=True))
    if not fits or (count and len(layers) != 2 * count - 1):
        wanted = f"{count or 'n'} Linear layers with {between.__name__} between them"
        raise ValueError(f"{function}: model must be {wanted}, got {', '.join(type(layer).__name__ for layer in layers) or 'nothing'}")
    features = layers[0].in_features
    if x.dim() != 2 or x.shape[1] != features:
        raise ValueError(f"{function}: inputs must be (B, {features}), got shape {tuple(x.shape)}")
    return layers[::2]


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)

    def fitted(activation: type[nn.Module]) -> nn.Sequential:
        """A network fitted to x^2 on [-1, 1]."""
        model = nn.Sequential(nn.Linear(1, 64), activation(), nn.Linear(64, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        x = torch.linspace(-1, 1, 200)[:, None]
        for _ in range(1500):
            optimizer.zero_grad()
            F.mse_loss(model(x), x**2).backward()
            optimizer.step()
        return model.requires_grad_(False)

    relu, tanh = fitted(nn.ReLU), fitted(nn.Tanh)
    slope, shift, beta = relu_on_ray(relu, torch.ones(1, 1))
    print("fitted to x^2 on [-1, 1]")
    print("     x      x^2     ReLU     tanh")
    for x in (0.5, 1.0, 2.0, 5.0, 20.0):
        at = torch.tensor([[x]])
        print(f"{x:6.1f} {x * x:8.2f} {relu(at).item():8.2f} {tanh(at).item():8.2f}")
    print(f"from {beta.item():.2f} on the ReLU network is {slope.item():.3f} x {shift.item():+.3f}")
    print(f"the tanh network goes to {tanh_limit(tanh, torch.ones(1, 1)).item():.2f}")
