r"""DenseNet: every layer of a block sees the outputs of all earlier ones.

Paper
    Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks", CVPR 2017, arXiv:1608.06993,
    equation 2, section 3, table 1.

Equations (growth rate k, block input of k_0 channels)
    layer       x_l = H([x_0, x_1, ..., x_{l-1}]),    H = conv3x3(relu(bn(conv1x1(relu(bn(.))))))     k channels
    channels    k_0 + l k after l layers;   the 1 x 1 convolution makes 4 k of them
    transition  half of the channels by conv1x1(relu(bn(.))), then means over 2 x 2 pixels

Deviations from the paper
    1. This is DenseNet-BC with compression 1/2, the paper's networks for ImageNet.
    2. The features of a block are joined anew for each layer, which takes memory quadratic in their number; the paper's
       code shares buffers.

The state dict has the layout of ``torchvision.models.densenet``; the published files name layers ``norm.1`` where the
model has ``norm1``, and load too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import check_images, he_normal_, made_on

__all__ = ["DenseLayer", "DenseNet", "Transition", "densenet121", "densenet161", "densenet169", "densenet201"]

OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")
"""Names such as ``denselayer1.norm.1.weight`` in the published files."""


class DenseLayer(nn.Module):
    """H: the features so far, ``(N, C, H, W)``, to k new ones, ``(N, k, H, W)``."""

    def __init__(self, channels: int, growth: int, bottleneck: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, bottleneck * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(bottleneck * growth)
        self.conv2 = nn.Conv2d(bottleneck * growth, growth, 3, padding=1, bias=False)
        self.dropout = dropout

    def forward(self, input: Tensor) -> Tensor:
        x = self.conv1(F.relu(self.norm1(input), inplace=True))
        x = self.conv2(F.relu(self.norm2(x), inplace=True))
        return F.dropout(x, self.dropout, self.training)


class DenseBlock(nn.Module):
    """Layers that each see the block's input and all new features: ``(N, C, H, W)`` to ``(N, C + layers k, H, W)``."""

    def __init__(self, layers: int, channels: int, growth: int, bottleneck: int, dropout: float) -> None:
        super().__init__()
        for i in range(layers):
            self.add_module(f"denselayer{i + 1}", DenseLayer(channels + i * growth, growth, bottleneck, dropout))

    def forward(self, input: Tensor) -> Tensor:
        features = [input]
        for layer in self.children():
            features.append(layer(torch.cat(features, 1)))
        return torch.cat(features, 1)


class Transition(nn.Module):
    """Half of the channels, half of the size: ``(N, C, H, W)`` to ``(N, C / 2, H / 2, W / 2)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(self.conv(F.relu(self.norm(input), inplace=True)), 2)


class DenseNet(nn.Module):
    """Images to class scores.

    Args:
        growth_rate: k.
        block_config: number of layers in each block.
        num_init_features: channels before the first block.
        bn_size: channels of the 1 x 1 convolution, in units of k.
        drop_rate: probability of dropping a new feature.
        num_classes: number of classes K.

    Shape: ``(N, 3, H, W)`` to ``(N, K)``; the paper's images have 224 x 224 pixels.
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0.0,
        num_classes: int = 1000,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(growth_rate, *block_config, num_init_features, bn_size, num_classes) < 1 or not 0 <= drop_rate < 1:
            given = f"{growth_rate}, {tuple(block_config)}, {num_init_features}, {bn_size}, {drop_rate} and {num_classes}"
            raise ValueError(f"DenseNet: expected positive sizes and drop_rate in [0, 1), got {given}")
        self.least = 2 ** (len(block_config) + 1)
        channels = num_init_features
        with made_on(device):
            self.features = nn.Sequential()
            self.features.add_module("conv0", nn.Conv2d(3, channels, 7, 2, 3, bias=False))
            self.features.add_module("norm0", nn.BatchNorm2d(channels))
            self.features.add_module("relu0", nn.ReLU(inplace=True))
            self.features.add_module("pool0", nn.MaxPool2d(3, 2, 1))
            for i, layers in enumerate(block_config, 1):
                self.features.add_module(f"denseblock{i}", DenseBlock(layers, channels, growth_rate, bn_size, drop_rate))
                channels += layers * growth_rate
                if i < len(block_config):
                    self.features.add_module(f"transition{i}", Transition(channels))
                    channels //= 2
            self.features.add_module("norm5", nn.BatchNorm2d(channels))
            self.classifier = nn.Linear(channels, num_classes)
        self.register_load_state_dict_pre_hook(_rename)
        self.to(dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """He's initialization of the convolutions, by fan-in; gamma 1 and beta 0 in every normalization; no bias."""
        he_normal_(self, "fan_in")
        nn.init.zeros_(self.classifier.bias)

    def forward(self, input: Tensor) -> Tensor:
        check_images("DenseNet", input, self.least)
        return self.classifier(F.relu(self.features(input), inplace=True).mean((2, 3)))


def _rename(_: nn.Module, state: dict[str, Tensor], prefix: str, *__: object) -> None:
    """Give entries of published files the names of the model."""
    for name in list(state):
        state[OLD_NAME.sub(r"\1\2", name)] = state.pop(name)


def densenet121(**more: object) -> DenseNet:
    """121 layers, 7,978,856 parameters; ``more`` are the other arguments of :class:`DenseNet`."""
    return DenseNet(32, (6, 12, 24, 16), 64, **more)


def densenet169(**more: object) -> DenseNet:
    """169 layers, 14,149,480 parameters."""
    return DenseNet(32, (6, 12, 32, 32), 64, **more)


def densenet201(**more: object) -> DenseNet:
    """201 layers, 20,013,928 parameters."""
    return DenseNet(32, (6, 12, 48, 32), 64, **more)


def densenet161(**more: object) -> DenseNet:
    """161 layers with growth rate 48, 28,681,000 parameters."""
    return DenseNet(48, (6, 12, 36, 24), 96, **more)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    for make in (densenet121, densenet169, densenet201, densenet161):
        print(make.__name__, sum(p.numel() for p in make(device="meta").parameters()), "parameters")
    model, x = DenseNet(8, (2, 3), 16, num_classes=10), torch.randn(2, 3, 64, 64)
    for name, layer in model.features.named_children():
        x = layer(x)
        print(f"{name:12s}", tuple(x.shape))
    print("scores      ", tuple(model(torch.randn(2, 3, 64, 64)).shape))
