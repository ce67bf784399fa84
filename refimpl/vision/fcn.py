r"""FCN: a classification network made convolutional, its coarse scores brought back to the image's size with the help of finer ones.

Paper
    Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015, arXiv:1411.4038; longer:
    Shelhamer, Long and Darrell, PAMI 2017, arXiv:1605.06211. Section 3.3 (upsampling), 4.2 (skips).

Equations (factor f, {.} the fractional part)
    fcn-upsampling   y_ij = sum_{a,b in 0,1} |1 - a - {i / f}| |1 - b - {j / f}| x_{floor(i / f) + a, floor(j / f) + b}
    kernel    w_k = 1 - |k - (n - 1) / 2| / f,   n = 2 f - f mod 2 taps: a transposed convolution of stride f
    fusion    32s: s_5;   16s: up2(s_5) + s_4;   8s: up2(up2(s_5) + s_4) + s_3;   s_k the scores of stage k, brought up at last by f

Deviations from the paper
    1. Images are padded on the right and below to a multiple of the coarsest stride and the scores cut off again; the paper pads
       by 100 on each side and cuts the middle out.
    2. For an even factor the grid of the output lies half a pixel off that of the equation, as in the authors' layers; the kernel
       with 2 f - 1 taps gives the equation itself.
    3. The last upsampling is fixed, the others are learned from the bilinear start, as section 4.2 of the paper has it; a class's
       scores are mixed with no other's at the start.
    4. Other depths and widths than those of VGG16 may be given.

``FCN(...).features`` has the layout of ``torchvision.models.vgg16().features``; :meth:`FCN.load_vgg` takes its hidden layers too.
:mod:`refimpl.vision.fcn_resnet` has the network of ``torchvision.models.segmentation``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import check_images, made_on
from refimpl.convolution.transposed_convolution import ConvTranspose2d, conv_transpose2d
from refimpl.convolution.vgg import CHANNELS, VGG
from refimpl.vision.segmentation_scores import confusion, segmentation_scores

__all__ = ["FCN", "bilinear_kernel", "bilinear_upsample", "confusion", "segmentation_scores"]


def bilinear_kernel(size: int, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """Weights of a transposed convolution that interpolates, ``(size, size)``: for the factor f, 2 f - 1 or 2 f taps."""
    if size < 1:
        raise ValueError(f"bilinear_kernel: size must be positive, got {size}")
    taps = _taps(size, device, dtype)
    return taps[:, None] * taps


def bilinear_upsample(input: Tensor, factor: int) -> Tensor:
    """Bilinear enlargement by transposed convolutions with zeros beyond the border: ``(N, C, H, W)`` to ``(N, C, f H, f W)``.

    The kernel is a product of taps down and taps across, so two convolutions of 2 f taps do the work of one with 4 f^2.
    """
    if input.dim() != 4 or factor < 1:
        raise ValueError(f"bilinear_upsample: expected input (N, C, H, W) and a positive factor, got {tuple(input.shape)} and {factor}")
    n, c, height, width = input.shape
    taps, pad = _taps(2 * factor - factor % 2, input.device, input.dtype), factor // 2
    x = input.reshape(n * c, 1, height, width)
    x = conv_transpose2d(x, taps.view(1, 1, -1, 1), None, (factor, 1), (pad, 0))
    x = conv_transpose2d(x, taps.view(1, 1, 1, -1), None, (1, factor), (0, pad))
    return x.view(n, c, height * factor, width * factor)


def _taps(size: int, device: torch.device | str | None, dtype: torch.dtype | None) -> Tensor:
    factor = (size + 1) // 2
    return 1 - (torch.arange(size, device=device, dtype=dtype) - (size - 1) / 2).abs() / factor


class FCN(nn.Module):
    """Images to scores of each pixel.

    Args:
        num_classes: number of classes K.
        skips: number of finer stages whose scores are added: 0, 1 and 2 for FCN-32s, 16s and 8s.
        depths: convolutions in each stage; VGG16's by default.
        channels: width of each stage.
        hidden: channels of the two hidden layers.
        dropout: probability of dropping a hidden channel's value.

    Shape: ``(N, 3, H, W)`` to ``(N, K, H, W)``.
    """

    def __init__(
        self,
        num_classes: int = 21,
        skips: int = 2,
        depths: Sequence[int] = (2, 2, 3, 3, 3),
        channels: Sequence[int] = CHANNELS,
        hidden: int = 4096,
        dropout: float = 0.5,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= skips < len(depths) or min(num_classes, hidden) < 1:
            wanted = f"skips from 0 to {len(depths) - 1}, positive num_classes and hidden"
            raise ValueError(f"FCN: expected {wanted}, got {skips}, {num_classes} and {hidden}")
        self.stride, self.skips = 2 ** len(depths), skips
        with made_on(device):
            self.features = VGG(depths, 1, channels=channels, hidden=1).features
            self.classifier = nn.Sequential(
                nn.Conv2d(channels[-1], hidden, 7, padding=3),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
                nn.Conv2d(hidden, hidden, 1),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
            )
            widths = (hidden, *reversed(channels[-1 - skips : -1]))
            self.scores = nn.ModuleList(nn.Conv2d(width, num_classes, 1) for width in widths)
            self.up = nn.ModuleList(ConvTranspose2d(num_classes, num_classes, 4, 2, 1, bias=False) for _ in range(skips))
        self.to(dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scores start at zero, upsampling as bilinear interpolation of each class; the rest as VGG and PyTorch's layers do."""
        for layer in self.scores:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for layer in self.up:
            kernel = bilinear_kernel(4, layer.weight.device, layer.weight.dtype)
            with torch.no_grad():
                layer.weight.zero_().diagonal().copy_(kernel[..., None].expand(-1, -1, len(layer.weight)))

    def load_vgg(self, model: VGG) -> None:
        """Take over all weights of a VGG with the same stages and hidden units but its last layer."""
        first, second = model.classifier[0], model.classifier[3]
        self.features.load_state_dict(model.features.state_dict())
        with torch.no_grad():
            for mine, dense in ((self.classifier[0], first), (self.classifier[3], second)):
                mine.weight.copy_(dense.weight.view_as(mine.weight))  # a dense layer is a convolution over its whole input
                mine.bias.copy_(dense.bias)

    def forward(self, input: Tensor) -> Tensor:
        check_images("FCN", input, 1)
        height, width = input.shape[2:]
        x = F.pad(input, (0, -width % self.stride, 0, -height % self.stride))
        pooled = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                pooled.append(x)
        score = self.scores[0](self.classifier(x))  # (N, K, H / stride, W / stride)
        for up, layer, finer in zip(self.up, self.scores[1:], reversed(pooled[:-1]), strict=False):
            score = up(score) + layer(finer)
        return bilinear_upsample(score, self.stride >> self.skips)[:, :, :height, :width]


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.vision.shapes import discs

    arguments(__doc__)
    x = torch.randn(1, 1, 9, 9)
    gap = bilinear_upsample(x, 4) - F.interpolate(x, scale_factor=4, mode="bilinear")
    print(f"transposed convolution against F.interpolate, away from the border: {gap[..., 2:-2, 2:-2].abs().max().item():.1e}")
    for skips in (0, 1, 2):
        torch.manual_seed(0)
        model = FCN(2, skips, (1, 1, 1), (8, 16, 24), 32)
        adam = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(60):
            images, cells = discs(8, 40)
            adam.zero_grad()
            F.cross_entropy(model(images), (cells > 0).long()).backward()
            adam.step()
        images, cells = discs(32, 40)
        with torch.no_grad():
            counts = confusion((cells > 0).long(), model.eval()(images).argmax(1), 2)
        print(f"stride {8 >> skips} on drawn discs: mean IoU {segmentation_scores(counts)['mean IoU']:.3f}")
