r"""VGG: nothing but 3 x 3 convolutions and 2 x 2 pooling, deep.

Paper
    Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
    arXiv:1409.1556, table 1.

Equation (C channels in and out)
    stack     two 3 x 3 convolutions see 5 x 5 positions, three see 7 x 7: 27 C^2 weights in place of 49 C^2

    A (11 layers), B (13), D (16), E (19): stages of 64, 128, 256, 512, 512 channels, each ended by pooling; then 4096, 4096, 1000

Deviations from the paper
    1. Columns A-LRN (response normalization) and C (1 x 1 convolutions) of table 1 are not made.
    2. Batch normalization after each convolution, where ``batch_norm`` asks for it, came after the paper.
    3. He's initialization by fan-out; the paper starts deep networks from trained shallow ones.
    4. Means over cells bring other image sizes to the 7 x 7 that the classifier takes, as in torchvision.

The state dict has the layout of ``torchvision.models.vgg``, so published weights load.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import check_images, he_normal_, made_on

__all__ = ["VGG", "vgg11", "vgg13", "vgg16", "vgg19"]

CHANNELS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """Images to class scores.

    Args:
        depths: number of convolutions in each stage.
        num_classes: number of classes K.
        batch_norm: normalize after each convolution.
        dropout: probability of dropping a hidden unit.
        channels: width of each stage.
        hidden: units of the two hidden layers.

    Shape: ``(N, 3, H, W)`` to ``(N, K)``; the paper's images have 224 x 224 pixels, 32 x 32 are the least for five stages.
    """

    def __init__(
        self,
        depths: Sequence[int],
        num_classes: int = 1000,
        batch_norm: bool = False,
        dropout: float = 0.5,
        channels: Sequence[int] = CHANNELS,
        hidden: int = 4096,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if len(depths) != len(channels) or min(*depths, *channels, hidden, num_classes) < 1:
            wanted = "a depth for each number of channels, hidden and num_classes, all positive"
            raise ValueError(f"VGG: expected {wanted}, got {tuple(depths)}, {tuple(channels)}, {hidden} and {num_classes}")
        self.least = 2 ** len(depths)
        with made_on(device):
            self.features, before = nn.Sequential(), 3
            for depth, width in zip(depths, channels, strict=True):
                for _ in range(depth):
                    self.features.append(nn.Conv2d(before, width, 3, padding=1))
                    if batch_norm:
                        self.features.append(nn.BatchNorm2d(width))
                    self.features.append(nn.ReLU(inplace=True))
                    before = width
                self.features.append(nn.MaxPool2d(2, 2))
            self.classifier = nn.Sequential(
                nn.Linear(49 * before, hidden),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
                nn.Linear(hidden, hidden),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
                nn.Linear(hidden, num_classes),
            )
        self.to(dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """He's initialization of the convolutions, by fan-out; N(0, 0.01^2) and zero biases in the classifier."""
        he_normal_(self, "fan_out")
        for layer in self.classifier:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, input: Tensor) -> Tensor:
        check_images("VGG", input, self.least)
        x = F.adaptive_avg_pool2d(self.features(input), 7)
        return self.classifier(x.flatten(1))


def vgg11(num_classes: int = 1000, batch_norm: bool = False, **more: object) -> VGG:
    """Column A: 132,863,336 parameters without batch normalization; ``more`` are the other arguments of :class:`VGG`."""
    return VGG((1, 1, 2, 2, 2), num_classes, batch_norm, **more)


def vgg13(num_classes: int = 1000, batch_norm: bool = False, **more: object) -> VGG:
    """Column B: 133,047,848 parameters."""
    return VGG((2, 2, 2, 2, 2), num_classes, batch_norm, **more)


def vgg16(num_classes: int = 1000, batch_norm: bool = False, **more: object) -> VGG:
    """Column D: 138,357,544 parameters."""
    return VGG((2, 2, 3, 3, 3), num_classes, batch_norm, **more)


def vgg19(num_classes: int = 1000, batch_norm: bool = False, **more: object) -> VGG:
    """Column E: 143,667,240 parameters."""
    return VGG((2, 2, 4, 4, 4), num_classes, batch_norm, **more)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    for make in (vgg11, vgg13, vgg16, vgg19):
        print(make.__name__, sum(p.numel() for p in make(device="meta").parameters()), "parameters")
    model, x = VGG((1, 1, 2), 10, channels=(8, 16, 32), hidden=16), torch.randn(2, 3, 64, 48)
    for layer in model.features:
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d):
            print("after a stage:", tuple(x.shape))
