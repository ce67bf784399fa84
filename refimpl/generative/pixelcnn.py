r"""Gated PixelCNN: the probability of an image, pixel by pixel, each given all pixels above and to the left.

Paper
    Van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves and Kavukcuoglu, "Conditional Image Generation with PixelCNN
    Decoders", NeurIPS 2016, arXiv:1606.05328. Equation 1 (factorization), 2 (gate), 4 (condition); section 2.2 and
    figure 2 (two stacks).

Equations (x an image, (N, 1, H, W); v and h the features of the vertical and the horizontal stack; c a condition)
    autoregressive-factorization  p(x) = prod_i p(x_i | x_1, ..., x_(i-1)),   pixels row by row
    pixelcnn-gate                 y = tanh(W_f * x + V_f c) sigmoid(W_g * x + V_g c)
    pixelcnn-vertical             v' = gate(s),   s = K_v * v + V c:   K_v sees k // 2 rows above and its own, of k columns
    pixelcnn-horizontal           h' = h + P gate(K_h * h + L down(s) + U c):   K_h sees k // 2 pixels to the left and its own
    down(s) is s moved by one row, so that the horizontal stack sees all rows above; its first K_h does not see its own pixel.

Deviations from the paper
    1. Kernels are cut to what their mask would keep, which is the same and cheaper.
    2. One channel: the order among the colors of a pixel is left out.
    3. The condition is one vector for the image, as in equation 3 and 4, not a map of vectors.
    4. The first layer has no residual connection in the horizontal stack, because the image has other channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.generative.gated import gated_activation

__all__ = ["GatedLayer", "PixelCNN"]


class GatedLayer(nn.Module):
    """One layer of both stacks.

    Args:
        in_channels, channels: of the features that enter and that leave.
        kernel_size: k, odd.
        condition: size of the vector c; 0 for none.
        first: hide the pixel itself from the horizontal stack, and leave out its residual connection.

    Shape: v and h ``(N, in_channels, H, W)``, c ``(N, condition)`` to v and h ``(N, channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel_size: int,
        condition: int = 0,
        first: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 3 or kernel_size % 2 == 0:
            raise ValueError(f"GatedLayer: kernel_size must be odd and at least 3, got {kernel_size}")
        if not first and in_channels != channels:
            raise ValueError(f"GatedLayer: in_channels must be {channels} like channels unless first, got {in_channels}")
        made = {"device": device, "dtype": dtype}
        self.reach, self.first = kernel_size // 2, first
        self.vertical = nn.Conv2d(in_channels, 2 * channels, (self.reach + 1, kernel_size), padding=(0, self.reach), **made)
        self.horizontal = nn.Conv2d(in_channels, 2 * channels, (1, self.reach if first else self.reach + 1), **made)
        self.link = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False, **made)
        self.out = nn.Conv2d(channels, channels, 1, **made)
        self.condition = nn.Linear(condition, 4 * channels, bias=False, **made) if condition else None

    def forward(self, v: Tensor, h: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        above = self.vertical(F.pad(v, (0, 0, self.reach, 0)))  # (N, 2 C, H, W), row r from rows r - reach ... r
        left = self.horizontal(F.pad(h, (self.reach, 0, 0, 0)))
        if self.first:
            left = left[..., :-1]  # column j from columns j - reach ... j - 1
        if self.condition is not None:
            shift = self.condition(c)[:, :, None, None]
            above, left = above + shift.chunk(2, 1)[0], left + shift.chunk(2, 1)[1]
        left = left + self.link(F.pad(above, (0, 0, 1, 0))[:, :, :-1])  # the row above
        new = self.out(gated_activation(left))
        return gated_activation(above), new if self.first else h + new


class PixelCNN(nn.Module):
    """Logits of each pixel's level from the pixels before it.

    Args:
        levels: number of values a pixel can take.
        channels: of the features.
        layers: how many gated layers, the first with ``first_kernel``, the others with ``kernel_size``.
        condition: size of a vector that describes the image, such as a one-hot class; 0 for none.

    Shape: x ``(N, 1, H, W)`` with values 0, 1 / (levels - 1), ..., 1, c ``(N, condition)`` to logits ``(N, levels, H, W)``.
    """

    def __init__(
        self,
        levels: int = 256,
        channels: int = 64,
        layers: int = 8,
        kernel_size: int = 3,
        first_kernel: int = 7,
        condition: int = 0,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value, least in (("levels", levels, 2), ("channels", channels, 1), ("layers", layers, 1), ("condition", condition, 0)):
            if value < least:
                raise ValueError(f"PixelCNN: {name} must be at least {least}, got {value}")
        made = {"device": device, "dtype": dtype}
        self.levels, self.condition = levels, condition
        later = [GatedLayer(channels, channels, kernel_size, condition, **made) for _ in range(layers - 1)]
        self.layers = nn.ModuleList([GatedLayer(1, channels, first_kernel, condition, first=True, **made), *later])
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(channels, channels, 1, **made), nn.ReLU(), nn.Conv2d(channels, levels, 1, **made))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        if x.dim() != 4 or x.shape[1] != 1 or not x.is_floating_point():
            raise ValueError(f"PixelCNN: x must be floating point (N, 1, H, W), got {x.dtype} of shape {tuple(x.shape)}")
        if (None if c is None else tuple(c.shape)) != ((len(x), self.condition) if self.condition else None):
            expected = (len(x), self.condition) if self.condition else None
            raise ValueError(f"PixelCNN: c must be {expected}, got {None if c is None else tuple(c.shape)}")
        v = h = x
        for layer in self.layers:
            v, h = layer(v, h, c)
        return self.head(h)

    def log_likelihood(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """log p(x) in nats, ``(N,)``; divided by H W log 2 it is negative bits a pixel."""
        targets = (x.squeeze(1) * (self.levels - 1)).round().long()  # (N, H, W)
        return -F.cross_entropy(self(x, c), targets, reduction="none").sum((1, 2))

    @torch.no_grad()
    def sample(self, n: int, height: int, width: int, c: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``n`` images, one pixel after the other, ``(n, 1, height, width)``."""
        like = self.head[1].weight
        x = torch.zeros(n, 1, height, width, dtype=like.dtype, device=like.device)
        for i in range(height):
            for j in range(width):
                logits = self(x[:, :, : i + 1], c)[:, :, i, j]  # rows below have no say
                drawn = torch.multinomial(logits.float().softmax(1), 1, generator=generator)
                x[:, 0, i, j] = drawn.squeeze(1).to(x.dtype) / (self.levels - 1)
        return x


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    device = arguments(__doc__)
    data = digits_split(device=device)
    x, x_test = (images.gt(0.5).float() for images in (data.x, data.x_test))
    rate = x.mean(0).clamp(1e-3, 1 - 1e-3)
    alone = (x_test * rate.log() + (1 - x_test) * (1 - rate).log()).sum((1, 2, 3)).mean()
    print(f"64 pixels, each by itself: {alone:.1f} nats on the test digits")
    net = PixelCNN(2, 16, 3, 3, 5, condition=10)
    adam = torch.optim.Adam(net.parameters(), lr=5e-3)
    for epoch in range(7):
        for batch in torch.randperm(len(x)).split(100):
            adam.zero_grad()
            (-net.log_likelihood(x[batch], F.one_hot(data.y[batch], 10).float()).mean()).backward()
            adam.step()
        if epoch % 3 == 0:
            with torch.no_grad():
                print(f"epoch {epoch}: {net.log_likelihood(x_test, F.one_hot(data.y_test, 10).float()).mean():.1f} nats")
    made = net.sample(6, 8, 8, F.one_hot(torch.tensor([0, 1, 2, 3, 4, 7]), 10).float())[:, 0]
    print("drawn as 0, 1, 2, 3, 4, 7:")
    for row in range(8):
        print("  ".join("".join(".#"[int(p)] for p in image[row].tolist()) for image in made))
