r"""U-Net: an encoder and a decoder of the same width, with the encoder's features copied across, for images larger than memory.

Paper
    Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015,
    arXiv:1505.04597. Figure 1 (network), figure 2 (overlap-tile), section 3, equations 1 and 2.

Equations (a_k(x) score of class k at pixel x, l(x) the true class; d_1, d_2 distances to the nearest and second nearest cell)
    unet-loss        E = -sum_x w(x) log p_l(x)(x),   p = softmax(a)
    unet-weight-map  w(x) = w_c(x) + w_0 exp(-(d_1(x) + d_2(x))^2 / (2 sigma^2)),   w_0 = 10, sigma = 5 pixels
    block            two 3 x 3 convolutions without padding, each with a ReLU; 2 x 2 pooling down, 2 x 2 transposed convolution up
    size             572 to 388: each of 2 depth + 1 blocks loses 4 pixels at its own scale

Deviations from the paper
    1. Equation 1 is printed without its minus sign.
    2. w_c = pixels / (2 pixels of the class), so that cells and ground weigh the same in sum; the paper says "balance" alone.
    3. The second term counts on the ground only, and distances are to the nearest pixel of a cell, the paper's to its border.
    4. The loss is divided by the number of images.
    5. Dropout at the end of the contracting path has a parameter, 0.5 by default; the paper gives no number.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import made_on
from refimpl.vision.mirror import mirrored
from refimpl.vision.segmentation_scores import dice_loss

__all__ = ["UNet", "dice_loss", "distances", "overlap_tile", "unet_loss", "weight_map"]


class UNet(nn.Module):
    """Images to scores of the pixels in their middle.

    Args:
        in_channels, num_classes: channels of the image and classes K.
        width: channels of the first block; each stage down doubles them.
        depth: number of stages down and up.
        dropout: at the end of the contracting path.

    Shape: ``(N, C, H, W)`` to ``(N, K, H - margin, W - margin)``; :meth:`output_size` says which sizes fit.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 2,
        width: int = 64,
        depth: int = 4,
        dropout: float = 0.5,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(in_channels, num_classes, width, depth) < 1:
            sizes = f"{in_channels}, {num_classes}, {width} and {depth}"
            raise ValueError(f"UNet: in_channels, num_classes, width and depth must be positive, got {sizes}")
        self.in_channels, self.depth = in_channels, depth
        widths = [width * 2**i for i in range(depth + 1)]
        with made_on(device):
            self.down = nn.ModuleList(_block(a, b) for a, b in zip((in_channels, *widths), widths, strict=False))
            self.dropout = nn.Dropout(dropout)
            self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in reversed(widths[:-1]))
            self.merge = nn.ModuleList(_block(2 * w, w) for w in reversed(widths[:-1]))
            self.head = nn.Conv2d(width, num_classes, 1)
        self.to(dtype)
        self.reset_parameters()

    @property
    def margin(self) -> int:
        """Pixels by which the output is smaller than the input along each axis: 184 for a depth of 4."""
        return 12 * 2**self.depth - 8

    def output_size(self, length: int) -> int:
        """Length of the output along one axis.

        Raises:
            ValueError: the input is too small, or a pooling would meet an odd length.
        """
        size, step = length - self.margin, 2**self.depth
        if size < 1 or (size - 4) % step:
            raise ValueError(f"UNet: {length} pixels do not fit; expected {self.margin + 4} plus a multiple of {step}")
        return size

    def reset_parameters(self) -> None:
        """Weights from N(0, 2 / fan in), as section 3 says, and biases 0."""
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                up = isinstance(layer, nn.ConvTranspose2d)  # each of its outputs sees one pixel
                nn.init.normal_(layer.weight, std=(2 / (layer.in_channels if up else layer.weight[0].numel())) ** 0.5)
                nn.init.zeros_(layer.bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() != 4 or input.shape[1] != self.in_channels or not input.is_floating_point():
            wanted = f"floating point (N, {self.in_channels}, H, W)"
            raise ValueError(f"UNet: input must be {wanted}, got {input.dtype} of shape {tuple(input.shape)}")
        for length in input.shape[2:]:
            self.output_size(length)
        x, kept = input, []
        for block in self.down[:-1]:
            x = block(x)
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.dropout(self.down[-1](x))
        for up, merge, wide in zip(self.up, self.merge, reversed(kept), strict=True):
            x = up(x)
            cut = (wide.shape[2] - x.shape[2]) // 2  # along both axes
            middle = wide[:, :, cut:-cut, cut:-cut]
            x = merge(torch.cat((middle, x), 1))
        return self.head(x)


def unet_loss(scores: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Weighted cross-entropy summed over the pixels, mean over the images.

    Args:
        scores: ``(N, K, H, W)``.
        target: true classes ``(N, H, W)``.
        weight: of each pixel ``(N, H, W)``, one where it is None.
    """
    if target.shape != scores.shape[:1] + scores.shape[2:] or (weight is not None and weight.shape != target.shape):
        got = f"{tuple(scores.shape)}, {tuple(target.shape)} and {None if weight is None else tuple(weight.shape)}"
        raise ValueError(f"unet_loss: expected scores (N, K, H, W), target and weight (N, H, W), got {got}")
    loss = F.cross_entropy(scores, target, reduction="none")
    return (loss if weight is None else loss * weight).sum() / len(scores)


def weight_map(cells: Tensor, w0: float = 10.0, sigma: float = 5.0) -> Tensor:
    """Weights that balance the classes and grow in the gap between two cells.

    Args:
        cells: number of the cell at each pixel, 0 on the ground, ``(H, W)``.
        w0, sigma: height and width in pixels of the gap's weight.

    Returns:
        Float ``(H, W)``.
    """
    if not (w0 >= 0 and sigma > 0):
        raise ValueError(f"weight_map: expected w0 >= 0 and sigma > 0, got {w0} and {sigma}")
    ground = cells == 0
    share = torch.where(ground, ground.sum(), (~ground).sum())
    balance = cells.numel() / (2 * share)
    d1, d2 = distances(cells)
    return balance + ground * w0 * torch.exp(-((d1 + d2) ** 2) / (2 * sigma**2))


def distances(cells: Tensor) -> tuple[Tensor, Tensor]:
    """Distances in pixels to the nearest and to the second nearest cell, infinite where there is none; each ``(H, W)``."""
    if cells.dim() != 2 or cells.is_floating_point():
        raise ValueError(f"distances: cells must be integers (H, W), got {cells.dtype} of shape {tuple(cells.shape)}")
    first = second = torch.full(cells.shape, torch.inf, device=cells.device)
    for number in cells.unique().tolist():
        if number:
            d = _distance(cells == number)
            first, second = torch.minimum(first, d), torch.minimum(second, torch.maximum(first, d))
    return first, second


def overlap_tile(model: UNet, image: Tensor, tile: int) -> Tensor:
    """Scores of a whole image ``(C, H, W)`` from tiles without seams: ``(K, H, W)``; beyond the border the image is mirrored.

    Args:
        tile: side of a tile's output, 4 plus a multiple of 2**depth.
    """
    model.output_size(tile + model.margin)
    lengths = image.shape[1:]
    counts = [-(-n // tile) for n in lengths]
    rows, columns = (mirrored(n, model.margin // 2, c * tile + model.margin, image.device) for n, c in zip(lengths, counts, strict=True))
    wide = image[:, rows[:, None], columns]
    reach = tile + model.margin
    lines = []
    for top in range(0, counts[0] * tile, tile):
        parts = [model(wide[None, :, top : top + reach, left : left + reach])[0] for left in range(0, counts[1] * tile, tile)]
        lines.append(torch.cat(parts, 2))
    return torch.cat(lines, 1)[:, : lengths[0], : lengths[1]]


def _block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3), nn.ReLU(inplace=True), nn.Conv2d(after, after, 3), nn.ReLU(inplace=True))


def _distance(mask: Tensor) -> Tensor:
    """Euclidean distance to the nearest True: down each column first, then the best column for each pixel of a row."""
    height, width = mask.shape
    row = torch.arange(height, device=mask.device)[:, None]
    above = torch.where(mask, row, -torch.inf).cummax(0).values
    below = torch.where(mask, row, torch.inf).flip(0).cummin(0).values.flip(0)
    down = torch.minimum(row - above, below - row)  # (H, W)
    column = torch.arange(width, device=mask.device)
    across = (column[:, None] - column).square()  # (W, W)
    return torch.stack([(across + line.square()).amin(1) for line in down]).sqrt()


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.vision.shapes import discs

    arguments(__doc__)
    print(f"572 pixels give {UNet(width=1).output_size(572)}")
    model = UNet(3, 2, 8, 2, 0.0)
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    inside = slice(model.margin // 2, -model.margin // 2)
    for step in range(41):
        images, cells = discs(4, 40 + model.margin)
        weights = torch.stack([weight_map(c) for c in cells])[:, inside, inside]
        loss = unet_loss(model(images), (cells > 0).long()[:, inside, inside], weights)
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % 10 == 0:
            print(f"step {step:2}: loss {loss.item() / 1600:.4f} a pixel")
    images, cells = discs(1, 60)
    with torch.no_grad():
        scores = overlap_tile(model.eval(), images[0], 20)
    print(f"60 x 60 pixels in 9 tiles: {((scores.argmax(0) > 0) == (cells[0] > 0)).double().mean().item():.3f} of the pixels right")
