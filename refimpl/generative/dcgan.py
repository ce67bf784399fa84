r"""DCGAN: a generator and a discriminator of strided convolutions with batch normalization.

Paper
    Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
    ICLR 2016, arXiv:1511.06434. Section 3 (the guidelines) and 4 (initialization); figure 1 (the generator).

Layout (size S = 4, 8, ..., F features; each convolution has kernel 4)
    generator      z (N, latent) -> 4 x 4 with F S/8 channels, then doubled and halved in channels at each layer, -> S x S, tanh
    discriminator  S x S -> halved and doubled in channels at each layer -> 4 x 4, -> one logit; leaky ReLU of slope 0.2

Parameters and state dict are those of the sequence ``main`` of PyTorch's own example for S = 64.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Discriminator", "Generator"]


class _Network(nn.Module):
    def __init__(self, name: str, size: int, widths: dict[str, int]) -> None:
        super().__init__()
        if size < 8 or size & (size - 1):
            raise ValueError(f"{name}: size must be a power of 2 of at least 8, got {size}")
        for what, width in widths.items():
            if width < 1:
                raise ValueError(f"{name}: {what} must be positive, got {width}")
        self.main: nn.Sequential

    def reset_parameters(self) -> None:
        """Weights from N(0, 0.02), gammas from N(1, 0.02), betas 0, as section 4 says."""
        for layer in self.main:
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.normal_(layer.weight, 0.0, 0.02)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1.0, 0.02)
                nn.init.zeros_(layer.bias)


class Generator(_Network):
    """From noise ``(N, latent)`` to images ``(N, channels, size, size)`` with values in (-1, 1).

    Args:
        latent: dimensions of the noise.
        features: channels of the last hidden layer.
        channels: of the image.
        size: of the image, a power of 2 of at least 8.
    """

    def __init__(
        self,
        latent: int = 100,
        features: int = 64,
        channels: int = 3,
        size: int = 64,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__("Generator", size, {"latent": latent, "features": features, "channels": channels})
        made = {"device": device, "dtype": dtype}
        width, layers = features * size // 8, []
        layers += [nn.ConvTranspose2d(latent, width, 4, 1, 0, bias=False, **made), nn.BatchNorm2d(width, **made), nn.ReLU()]
        while width > features:
            layers += [
                nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False, **made),
                nn.BatchNorm2d(width // 2, **made),
                nn.ReLU(),
            ]
            width //= 2
        self.latent = latent
        self.main = nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False, **made), nn.Tanh())
        self.reset_parameters()

    def forward(self, z: Tensor) -> Tensor:
        if z.dim() != 2 or z.shape[1] != self.latent:
            raise ValueError(f"Generator: z must be (N, {self.latent}), got {tuple(z.shape)}")
        return self.main(z[:, :, None, None])


class Discriminator(_Network):
    """From images ``(N, channels, size, size)`` to one logit each, ``(N,)``.

    Args:
        features: channels of the first hidden layer.
        channels, size: as in :class:`Generator`.
    """

    def __init__(
        self,
        features: int = 64,
        channels: int = 3,
        size: int = 64,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__("Discriminator", size, {"features": features, "channels": channels})
        made = {"device": device, "dtype": dtype}
        width, layers = features, [nn.Conv2d(channels, features, 4, 2, 1, bias=False, **made), nn.LeakyReLU(0.2)]
        while width < features * size // 8:
            layers += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False, **made), nn.BatchNorm2d(2 * width, **made), nn.LeakyReLU(0.2)]
            width *= 2
        self.shape = (channels, size, size)
        self.main = nn.Sequential(*layers, nn.Conv2d(width, 1, 4, 1, 0, bias=False, **made))
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != self.shape:
            raise ValueError(f"Discriminator: x must be (N, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}")
        return self.main(x).flatten()
