r"""Progressive growing: generator and discriminator start at 4 x 4 pixels, and each new resolution is faded in.

Paper
    Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and Variation", ICLR 2018,
    arXiv:1710.10196, section 2 and figure 2 (fading in), appendix A.1 and table 2 (the networks).

Equations (level l: images of 4 2^l pixels; up doubles by repeating pixels, down averages 2 x 2; alpha from 0 to 1)
    generator      x_0 = block_0(z),  x_l = block_l(up x_{l-1})
    fade-in        image = (1 - alpha) up rgb_{l-1}(x_{l-1}) + alpha rgb_l(x_l)
    discriminator  h_{l-1} = (1 - alpha) from_{l-1}(down image) + alpha block_l(from_l(image)),  h_{k-1} = block_k(h_k)
    pixel-norm, equalized, spread: see ``equalized.py``
    drift          L_D of WGAN-GP + 0.001 E D(x)^2 keeps the discriminator's output near zero

Deviations from the paper
    1. Widths and number of levels are arguments; the paper has 9 levels with 512 to 16 channels, and latent vectors of length 512.
    2. The moving average of the generator's weights is left out; take ``torch.optim.swa_utils``.
    3. The gradient penalty takes each score for that of its own image; the spread of the batch breaks this a little, as in the paper.
    4. All levels exist from the start, and a call says how many are used; those not in use get no gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.generative.equalized import EqualizedConv2d, EqualizedLinear, minibatch_std, pixel_norm

__all__ = ["Discriminator", "Generator", "drift"]

SLOPE = 0.2


class Generator(nn.Module):
    """Latent vectors to images.

    Args:
        latent_dim: length of a latent vector D.
        widths: channels at each level, from 4 x 4 pixels on.
        image_channels: channels of an image.

    Shape: ``(N, D)`` to ``(N, image_channels, 4 2^level, 4 2^level)``.
    """

    def __init__(
        self,
        latent_dim: int,
        widths: Sequence[int],
        image_channels: int = 3,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        _positive("Generator", latent_dim, widths, image_channels)
        super().__init__()
        new = {"device": device, "dtype": dtype}
        self.latent_dim, self.levels = latent_dim, len(widths)
        self.first = EqualizedLinear(latent_dim, 16 * widths[0], gain=2**0.5 / 4, **new)  # a 4 x 4 convolution of one pixel
        self.conv1 = nn.ModuleList(EqualizedConv2d(a, b, 3, 1, **new) for a, b in zip(widths[:1] + widths[:-1], widths, strict=True))
        self.conv2 = nn.ModuleList(EqualizedConv2d(b, b, 3, 1, **new) for b in widths[1:])
        self.rgb = nn.ModuleList(EqualizedConv2d(b, image_channels, 1, gain=1.0, **new) for b in widths)

    def forward(self, input: Tensor, level: int, alpha: float = 1.0) -> Tensor:
        _stage("Generator", level, self.levels, alpha)
        if input.dim() != 2 or input.shape[1] != self.latent_dim:
            raise ValueError(f"Generator: input must be (N, {self.latent_dim}), got shape {tuple(input.shape)}")
        x = self.first(pixel_norm(input)).view(len(input), -1, 4, 4)
        x = _active(self.conv1[0], _active(None, x))  # (N, C, 4, 4)
        before = x
        for k in range(1, level + 1):
            before = x
            x = _active(self.conv2[k - 1], _active(self.conv1[k], _up(x)))  # (N, C, 4 2^k, 4 2^k)
        image = self.rgb[level](x)
        if level == 0 or alpha == 1:
            return image
        return torch.lerp(_up(self.rgb[level - 1](before)), image, alpha)


class Discriminator(nn.Module):
    """Images to scores; a mirror image of :class:`Generator`, with the same arguments but the latent length.

    Shape: ``(N, image_channels, 4 2^level, 4 2^level)`` to ``(N,)``.
    """

    def __init__(
        self, widths: Sequence[int], image_channels: int = 3, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        _positive("Discriminator", 1, widths, image_channels)
        super().__init__()
        new = {"device": device, "dtype": dtype}
        self.levels, self.image_channels = len(widths), image_channels
        self.rgb = nn.ModuleList(EqualizedConv2d(image_channels, b, 1, **new) for b in widths)
        self.conv1 = nn.ModuleList(EqualizedConv2d(b, b, 3, 1, **new) for b in widths[1:])
        self.conv2 = nn.ModuleList(EqualizedConv2d(b, a, 3, 1, **new) for a, b in pairwise(widths))
        self.last = EqualizedConv2d(widths[0] + 1, widths[0], 3, 1, **new)
        self.whole = EqualizedConv2d(widths[0], widths[0], 4, **new)
        self.score = EqualizedLinear(widths[0], 1, gain=1.0, **new)

    def forward(self, input: Tensor, level: int, alpha: float = 1.0) -> Tensor:
        _stage("Discriminator", level, self.levels, alpha)
        wanted = (self.image_channels, 4 * 2**level, 4 * 2**level)
        if input.dim() != 4 or input.shape[1:] != wanted:
            raise ValueError(f"Discriminator: input at level {level} must be (N, {', '.join(map(str, wanted))}), got {tuple(input.shape)}")
        x = F.leaky_relu(self.rgb[level](input), SLOPE)
        for k in range(level, 0, -1):
            x = F.leaky_relu(self.conv1[k - 1](x), SLOPE)
            x = F.avg_pool2d(F.leaky_relu(self.conv2[k - 1](x), SLOPE), 2)  # (N, C, 4 2^(k - 1), 4 2^(k - 1))
            if k == level and alpha < 1:
                x = torch.lerp(F.leaky_relu(self.rgb[k - 1](F.avg_pool2d(input, 2)), SLOPE), x, alpha)
        x = F.leaky_relu(self.last(minibatch_std(x)), SLOPE)
        x = F.leaky_relu(self.whole(x), SLOPE).flatten(1)  # (N, C)
        return self.score(x)[:, 0]


def drift(real_scores: Tensor, weight: float = 0.001) -> Tensor:
    """What is added to the discriminator's loss so that its scores of real images stay near zero, a scalar."""
    return weight * real_scores.square().mean()


def _active(layer: nn.Module | None, x: Tensor) -> Tensor:
    return pixel_norm(F.leaky_relu(x if layer is None else layer(x), SLOPE))


def _up(x: Tensor) -> Tensor:
    """Every pixel four times."""
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def _positive(name: str, latent_dim: int, widths: Sequence[int], image_channels: int) -> None:
    if not widths or min(latent_dim, image_channels, *widths) < 1:
        raise ValueError(f"{name}: sizes must be positive, at least one width, got {latent_dim}, {list(widths)} and {image_channels}")


def _stage(name: str, level: int, levels: int, alpha: float) -> None:
    if not 0 <= level < levels:
        raise ValueError(f"{name}: level must lie in [0, {levels - 1}], got {level}")
    if not 0.0 <= alpha <= 1.0:
        raise ValueError(f"{name}: alpha must lie in [0, 1], got {alpha}")


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments
    from refimpl.generative.wgan_gp import gradient_penalty

    device = arguments(__doc__)
    images = digits_split(device=device).x[:512] * 2 - 1
    generator, discriminator = Generator(16, [16, 16], 1), Discriminator([16, 16], 1)
    of_generator, of_discriminator = (torch.optim.Adam(net.parameters(), 2e-3, (0.0, 0.99)) for net in (generator, discriminator))
    for step in range(301):
        level, alpha = (0, 1.0) if step < 100 else (1, min(1.0, (step - 100) / 100))
        real = images[torch.randint(512, (32,))]
        real = F.avg_pool2d(real, 2) if level == 0 else torch.lerp(_up(F.avg_pool2d(real, 2)), real, alpha)
        fake = generator(torch.randn(32, 16), level, alpha)
        critic = partial(discriminator, level=level, alpha=alpha)
        scores, penalty = critic(real), gradient_penalty(critic, real, fake.detach())
        loss = critic(fake.detach()).mean() - scores.mean() + 2 * penalty + drift(scores)
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()
        of_generator.zero_grad()
        (-critic(generator(torch.randn(32, 16), level, alpha)).mean()).backward()
        of_generator.step()
        if step % 100 == 0:
            print(f"step {step:3}: {4 * 2**level} x {4 * 2**level} pixels, alpha {alpha:.2f}, estimated distance {-loss.item():.2f}")
    made = generator(torch.randn(6, 16), 1)[:, 0]
    for row in range(8):
        print("  ".join("".join(" .:*#"[min(max(int((p + 1) * 2.5), 0), 4)] for p in image[row].tolist()) for image in made))
