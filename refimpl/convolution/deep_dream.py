r"""DeepDream and activation maximization: change an image, not the network, until a unit or a layer responds strongly.

Sources
    Mordvintsev, Olah and Tyka, "Inceptionism: Going Deeper into Neural Networks", Google Research Blog, 2015, and
    their notebook (steps, jitter, octaves). Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks",
    arXiv:1312.6034, equation 1 (class model).

Equations (image I, features a(I) of a layer, unnormalized score S of a class)
    objective   E(I) = 1/2 sum a(I)^2
    step        I <- I + r g / mean|g|,      g = dE / dI of the image shifted by a random jitter
    octaves     I_o = resize(base, size_o) + resize(detail, size_o), from small to large; detail is what the steps added
    class       I* = argmax S(I) - lambda |I|^2,   by gradient ascent from an image of zeros

Deviations from the sources
    1. The image wraps around when it is shifted, as in the notebook; nothing is clipped to the range of pixels.
    2. A gradient of zeros leaves the image as it is, instead of dividing by zero.
    3. The class model is ascended with a fixed rate and without the mean image that the paper adds at the end.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["class_model", "dream", "dream_step", "energy"]


def energy(features: Tensor) -> Tensor:
    """Half the sum of squares, whose gradient is the features themselves: what responds is made to respond more."""
    return 0.5 * features.square().sum()


def dream_step(layer: Callable[[Tensor], Tensor], image: Tensor, rate: float, shift: tuple[int, int] = (0, 0)) -> Tensor:
    """One step uphill of mean size ``rate`` a pixel.

    Args:
        layer: images ``(N, C, H, W)`` to the features to be raised.
        image: ``(N, C, H, W)``.
        shift: rows and columns by which the image is moved, with its edges joined, before the layer sees it.

    Returns:
        The new image; the old one is left alone.
    """
    if image.dim() != 4 or not image.is_floating_point():
        raise ValueError(f"dream_step: image must be floating point (N, C, H, W), got {image.dtype} of shape {tuple(image.shape)}")
    with torch.enable_grad():
        x = image.detach().requires_grad_()
        (g,) = torch.autograd.grad(energy(layer(x.roll(shift, (2, 3)))), x)
    size = g.abs().mean()
    return image + rate * g / torch.where(size > 0, size, 1)


def dream(
    layer: Callable[[Tensor], Tensor],
    image: Tensor,
    steps: int = 10,
    rate: float = 0.02,
    octaves: int = 3,
    scale: float = 1.4,
    jitter: int = 4,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Dream at several sizes, so that large and small structures appear.

    Args:
        layer, image, rate: as in :func:`dream_step`.
        steps: steps at each size.
        octaves: number of sizes, the last being the image's own.
        scale: ratio of one size to the next smaller one.
        jitter: largest shift of a step, in pixels.
        generator: source of the shifts, on the CPU.

    Returns:
        An image of the same shape.
    """
    if steps < 0 or octaves < 1 or not scale >= 1 or jitter < 0:
        raise ValueError(
            f"dream: expected steps >= 0, octaves >= 1, scale >= 1 and jitter >= 0, got {steps}, {octaves}, {scale} and {jitter}"
        )
    full = image.shape[2:]
    detail = torch.zeros_like(image)
    for octave in range(octaves):
        size = tuple(max(1, round(n / scale ** (octaves - 1 - octave))) for n in full)
        base = _resize(image, size)
        dreamt = base + _resize(detail, size)
        for shift in torch.randint(-jitter, jitter + 1, (steps, 2), generator=generator, device="cpu").tolist():
            dreamt = dream_step(layer, dreamt, rate, tuple(shift))
        detail = dreamt - base
    return image + detail


def class_model(
    model: Callable[[Tensor], Tensor], shape: tuple[int, ...], target: int, steps: int = 100, rate: float = 1.0, decay: float = 0.01, **new
) -> Tensor:
    """The image that a network holds most typical of a class.

    Args:
        model: images ``(1, ...)`` to scores ``(1, K)``; put it in evaluation mode.
        shape: that of the image, ``(1, C, H, W)``.
        target: the class.
        steps, rate: of the gradient ascent.
        decay: lambda, the price of the image's squared norm.
        new: ``device`` and ``dtype`` of the image.
    """
    if decay < 0 or steps < 0:
        raise ValueError(f"class_model: expected decay >= 0 and steps >= 0, got {decay} and {steps}")
    image = torch.zeros(shape, **new)
    for _ in range(steps):
        with torch.enable_grad():
            x = image.requires_grad_()
            (g,) = torch.autograd.grad(model(x)[0, target] - decay * x.square().sum(), x)
        image = image.detach() + rate * g
    return image


def _resize(image: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(image, size, mode="bilinear", align_corners=False)


if __name__ == "__main__":
    from torch import nn

    from refimpl.demo import arguments

    arguments(__doc__)
    layer = nn.Sequential(nn.Conv2d(3, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, 2), nn.ReLU())
    image = torch.rand(1, 3, 48, 64)
    for step in range(6):
        print(f"step {step}: energy {energy(layer(image)).item():.2f}")
        image = dream_step(layer, image, 0.05)
    print(f"three octaves of ten steps: energy {energy(layer(dream(layer, image))).item():.2f}")
    weight = torch.randn(5, 3 * 8 * 8)
    found = class_model(lambda x: x.flatten(1) @ weight.T, (1, 3, 8, 8), 2, steps=1000, rate=1.0)
    print(f"class model of a linear score: off w / (2 lambda) by {(found.flatten() - weight[2] / 0.02).abs().max().item():.1e}")
