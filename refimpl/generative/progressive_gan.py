r"""Progressive growing: a GAN that begins with 4 x 4 pixels and doubles its size, fading each new layer in.

Paper
    Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
    ICLR 2018, arXiv:1710.10196. Section 2, figure 2; table 2 of the appendix (the networks); appendix A.1 (drift).
    The parts are in ``refimpl.generative.progressive_layers``; the loss is that of ``refimpl.generative.wgan_gp``.

Layout (stage s works on images of 4 2^s pixels; alpha goes from 0 to 1 while the stage is new)
    generator      z -> 4 x 4; for each stage: doubled (nearest), two convolutions 3 x 3; images by a convolution 1 x 1
    discriminator  the mirror image with means over 2 x 2; minibatch deviation before the last block; one score
    fading         images of the stage before, doubled, and features of the stage before, of halved images, are mixed in
    progressive-gan-drift  0.001 mean D(x)^2 is added to the critic's loss, so that scores do not wander

Deviations from the paper
    1. Layers of all stages exist from the beginning; those of later stages are not used and get no gradient.
    2. The running average of the generator's weights, for showing images, is left out.
    3. Sizes are free; the paper goes from 4 to 1024 pixels with 512 to 16 channels.
    4. The deviation is taken over the whole batch, as the text says; the authors' code takes groups of four.
    5. The deviation lets a score depend on the other examples; the gradient penalty counts only what it sums to, as theirs does.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.generative.progressive_layers import EqualizedConv2d, EqualizedLinear, fade, minibatch_deviation, pixel_norm

__all__ = ["Discriminator", "EqualizedConv2d", "EqualizedLinear", "Generator", "drift_penalty", "fade", "minibatch_deviation", "pixel_norm"]


def drift_penalty(real_scores: Tensor, weight: float = 1e-3) -> Tensor:
    """``weight`` times the mean squared score of real examples."""
    return weight * real_scores.square().mean()


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


class _Growing(nn.Module):
    """What both networks share: checks of the stage."""

    def __init__(self, widths: Sequence[int], channels: int) -> None:
        super().__init__()
        if not widths or min(widths) < 1 or channels < 1:
            raise ValueError(
                f"{type(self).__name__}: expected at least one width, all positive, got {tuple(widths)} and channels {channels}"
            )
        self.stages, self.channels = len(widths), channels

    def _check(self, stage: int, alpha: float) -> None:
        if not 0 <= stage < self.stages:
            raise ValueError(f"{type(self).__name__}: stage must lie in [0, {self.stages}), got {stage}")
        if not 0.0 <= alpha <= 1.0:
            raise ValueError(f"{type(self).__name__}: alpha must lie in [0, 1], got {alpha}")


class Generator(_Growing):
    """From noise ``(N, latent)`` to images ``(N, channels, 4 2^stage, 4 2^stage)``.

    Args:
        latent: dimensions of the noise, which is brought to root mean square 1 first.
        widths: channels of each stage.
        channels: of the images.
    """

    def __init__(
        self,
        latent: int = 512,
        widths: Sequence[int] = (512, 512, 512, 512, 256, 128, 64, 32, 16),
        channels: int = 3,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(widths, channels)
        made = {"device": device, "dtype": dtype}
        self.latent = latent
        self.first = EqualizedLinear(latent, widths[0] * 16, 2**0.5 / 4, **made)  # gain / 4, as in the authors' code
        befores = (None, *widths[:-1])
        self.convs = nn.ModuleList(
            nn.ModuleList(EqualizedConv2d(i, after, 3, 1, **made) for i in ([after] if before is None else [before, after]))
            for before, after in zip(befores, widths, strict=True)
        )
        self.to_image = nn.ModuleList(EqualizedConv2d(width, channels, 1, gain=1.0, **made) for width in widths)

    def forward(self, z: Tensor, stage: int, alpha: float = 1.0) -> Tensor:
        self._check(stage, alpha)
        if z.dim() != 2 or z.shape[1] != self.latent:
            raise ValueError(f"Generator: z must be (N, {self.latent}), got {tuple(z.shape)}")
        x = self.first(pixel_norm(z)).unflatten(1, (-1, 4, 4))  # (N, C, 4, 4)
        x = before = pixel_norm(_leaky(x))
        for i in range(stage + 1):
            if i:
                x = before = F.interpolate(x, scale_factor=2.0)  # nearest
            for conv in self.convs[i]:
                x = pixel_norm(_leaky(conv(x)))
        image = self.to_image[stage](x)
        return fade(self.to_image[stage - 1](before), image, alpha) if stage and alpha < 1.0 else image


class Discriminator(_Growing):
    """From images ``(N, channels, 4 2^stage, 4 2^stage)`` to one score each, ``(N,)``.

    Args:
        widths: channels of each stage, as in :class:`Generator`.
        channels: of the images.
    """

    def __init__(
        self,
        widths: Sequence[int] = (512, 512, 512, 512, 256, 128, 64, 32, 16),
        channels: int = 3,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(widths, channels)
        made = {"device": device, "dtype": dtype}
        self.from_image = nn.ModuleList(EqualizedConv2d(channels, width, 1, **made) for width in widths)
        ends = [EqualizedConv2d(widths[0] + 1, widths[0], 3, 1, **made), EqualizedConv2d(widths[0], widths[0], 4, **made)]
        later = [
            nn.ModuleList([EqualizedConv2d(width, width, 3, 1, **made), EqualizedConv2d(width, after, 3, 1, **made)])
            for after, width in pairwise(widths)
        ]
        self.convs = nn.ModuleList([nn.ModuleList(ends), *later])
        self.last = EqualizedLinear(widths[0], 1, 1.0, **made)

    def forward(self, x: Tensor, stage: int, alpha: float = 1.0) -> Tensor:
        self._check(stage, alpha)
        shape = (self.channels, 4 * 2**stage, 4 * 2**stage)
        if x.shape[1:] != shape:
            raise ValueError(f"Discriminator: x must be (N, {', '.join(map(str, shape))}) at stage {stage}, got {tuple(x.shape)}")
        features = _leaky(self.from_image[stage](x))
        for i in range(stage, 0, -1):
            for conv in self.convs[i]:
                features = _leaky(conv(features))
            features = F.avg_pool2d(features, 2)
            if i == stage and alpha < 1.0:
                features = fade(_leaky(self.from_image[i - 1](F.avg_pool2d(x, 2))), features, alpha)
        features = minibatch_deviation(features)
        for conv in self.convs[0]:
            features = _leaky(conv(features))
        return self.last(features.flatten(1)).squeeze(1)


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments
    from refimpl.generative.wgan import generator_loss
    from refimpl.generative.wgan_gp import wgan_gp_loss

    device = arguments(__doc__)
    sharp = digits_split(device=device).x[:512] * 2 - 1
    generator, critic = Generator(16, (16, 16), 1), Discriminator((16, 16), 1)
    of_generator, of_critic = (torch.optim.Adam(net.parameters(), 2e-3, (0.0, 0.99)) for net in (generator, critic))
    for stage, alpha, steps in ((0, 1.0, 40), (1, 0.25, 15), (1, 0.5, 15), (1, 0.75, 15), (1, 1.0, 50)):
        blurred = F.interpolate(F.avg_pool2d(sharp, 2), scale_factor=2.0, mode="nearest")
        images = fade(blurred, sharp, alpha) if stage else F.avg_pool2d(sharp, 2)
        for _ in range(steps):
            real, z = images[torch.randint(512, (32,))], torch.randn(32, 16)
            loss = wgan_gp_loss(lambda x, s=stage, a=alpha: critic(x, s, a), real, generator(z, stage, alpha).detach())
            of_critic.zero_grad()
            (loss + drift_penalty(critic(real, stage, alpha))).backward()
            of_critic.step()
            of_generator.zero_grad()
            generator_loss(critic(generator(torch.randn(32, 16), stage, alpha), stage, alpha)).backward()
            of_generator.step()
        print(f"stage {stage}, {4 * 2**stage} x {4 * 2**stage} pixels, alpha {alpha:4}: critic's loss {loss.item():7.3f}")
    made = generator(torch.randn(6, 16), 1)[:, 0]
    for row in range(8):
        print("  ".join("".join(" .:*#"[max(0, min(int((p + 1) * 2.5), 4))] for p in image[row].tolist()) for image in made))
