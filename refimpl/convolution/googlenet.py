r"""GoogLeNet: modules that look at an image through kernels of several sizes at once, with few parameters.

Paper
    Szegedy, Liu, Jia et al., "Going Deeper with Convolutions", CVPR 2015, arXiv:1409.4842: figure 2b (module), table 1
    (network), section 5 (auxiliary classifiers).

Equations (x the input of a module; each conv is followed by normalization and ReLU)
    module    y = [conv1x1(x), conv3x3(conv1x1(x)), conv5x5(conv1x1(x)), conv1x1(maxpool3x3(x))]     joined by channels
    loss      L = L_main + 0.3 (L_aux1 + L_aux2)     in training, the weight that section 5 gives

Deviations from the paper
    1. The layout is torchvision's, whose published weights have 3 x 3 kernels in the branch that the paper gives 5 x 5;
       ``kernel=5`` is the paper's.
    2. Batch normalization after each convolution, as in the weights that are published; the paper has none, and
       normalizes responses after the first two stages.
    3. The auxiliary classifiers average over 4 x 4 cells whatever the image's size; the paper averages 5 x 5 windows with stride 3.
    4. Weights are drawn from a normal distribution of standard deviation 0.01, cut at +-2, as in torchvision.

The state dict has the layout of ``torchvision.models.googlenet``, so published weights load.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import check_images, made_on

__all__ = ["TABLE", "Auxiliary", "BasicConv2d", "GoogLeNet", "Inception", "training_loss"]

TABLE = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Channels in each module, as in table 1: 1 x 1, 3 x 3 reduce, 3 x 3, 5 x 5 reduce, 5 x 5, pool projection."""


class BasicConv2d(nn.Module):
    """Convolution that keeps the size (at stride 1), batch normalization, ReLU."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=1e-3)

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(input)), inplace=True)


class Inception(nn.Module):
    """The module: ``(N, C, H, W)`` to ``(N, one + three + five + pool, H, W)``."""

    def __init__(self, channels: int, one: int, reduce3: int, three: int, reduce5: int, five: int, pool: int, kernel: int = 3) -> None:
        super().__init__()
        self.branch1 = BasicConv2d(channels, one, 1)
        self.branch2 = nn.Sequential(BasicConv2d(channels, reduce3, 1), BasicConv2d(reduce3, three, 3))
        self.branch3 = nn.Sequential(BasicConv2d(channels, reduce5, 1), BasicConv2d(reduce5, five, kernel))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), BasicConv2d(channels, pool, 1))

    def forward(self, input: Tensor) -> Tensor:
        return torch.cat([self.branch1(input), self.branch2(input), self.branch3(input), self.branch4(input)], 1)


class Auxiliary(nn.Module):
    """A classifier on the way, which sends gradients to early layers: ``(N, C, H, W)`` to ``(N, K)``."""

    def __init__(self, channels: int, num_classes: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.conv = BasicConv2d(channels, width, 1)
        self.fc1 = nn.Linear(16 * width, hidden)
        self.fc2 = nn.Linear(hidden, num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input: Tensor) -> Tensor:
        x = self.conv(F.adaptive_avg_pool2d(input, 4)).flatten(1)
        return self.fc2(self.dropout(F.relu(self.fc1(x), inplace=True)))


class GoogLeNet(nn.Module):
    """Images to class scores; in training to the scores of the network and of its two auxiliary classifiers.

    Args:
        num_classes: number of classes K.
        aux_logits: have auxiliary classifiers.
        dropout, dropout_aux: probability of dropping a unit before the scores.
        divide: make every number of channels smaller by this divisor, for small experiments.
        kernel: size in the third branch: 3 as in the published weights, 5 as in the paper.

    Shape: ``(N, 3, H, W)`` to ``(N, K)``, or to three of them: main, second and first auxiliary, in torchvision's order.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
        divide: int = 1,
        kernel: int = 3,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if num_classes < 1 or divide not in (1, 2, 4, 8) or kernel not in (3, 5):
            wanted = "num_classes >= 1, divide 1, 2, 4 or 8 and kernel 3 or 5"
            raise ValueError(f"GoogLeNet: expected {wanted}, got {num_classes}, {divide} and {kernel}")
        with made_on(device):
            self.conv1 = BasicConv2d(3, 64 // divide, 7, 2)
            self.conv2 = BasicConv2d(64 // divide, 64 // divide, 1)
            self.conv3 = BasicConv2d(64 // divide, 192 // divide, 3)
            channels, inputs = 192 // divide, {}
            for name, row in TABLE.items():
                one, _, three, _, five, pool = widths = [v // divide for v in row]
                self.add_module(f"inception{name}", Inception(channels, *widths, kernel))
                inputs[name], channels = channels, one + three + five + pool
            self.aux1, self.aux2 = (
                Auxiliary(inputs[name], num_classes, 128 // divide, 1024 // divide, dropout_aux) if aux_logits else None
                for name in ("4b", "4e")
            )
            self.dropout = nn.Dropout(dropout)
            self.fc = nn.Linear(channels, num_classes)
        self.to(dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights of standard deviation 0.01; biases as the layers themselves draw them."""
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(layer.weight, std=0.01)

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        check_images("GoogLeNet", input, 15)
        aux = self.training and self.aux1 is not None
        x = _halve(self.conv1(input), 3)
        x = _halve(self.conv3(self.conv2(x)), 3)  # (N, 192, H / 8, W / 8)
        x = _halve(self.inception3b(self.inception3a(x)), 3)
        x = self.inception4a(x)
        first = self.aux1(x) if aux else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        second = self.aux2(x) if aux else None
        x = _halve(self.inception4e(x), 2)
        x = self.inception5b(self.inception5a(x)).mean((2, 3))  # (N, 1024)
        scores = self.fc(self.dropout(x))
        return (scores, second, first) if aux else scores


def training_loss(scores: tuple[Tensor, Tensor, Tensor], target: Tensor) -> Tensor:
    """Cross-entropy of the network, and 0.3 of that of each auxiliary classifier."""
    main, second, first = (F.cross_entropy(s, target) for s in scores)
    return main + 0.3 * (first + second)


def _halve(x: Tensor, window: int) -> Tensor:
    return F.max_pool2d(x, window, 2, ceil_mode=True)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    for aux in (True, False):
        print(f"auxiliary classifiers {aux}:", sum(p.numel() for p in GoogLeNet(aux_logits=aux, device="meta").parameters()), "parameters")
    model, x = GoogLeNet(10, divide=8), torch.randn(2, 3, 64, 64)
    scores = model(x)
    print(
        "in training:",
        [tuple(s.shape) for s in scores],
        f"loss {training_loss(scores, torch.tensor([3, 7])).item():.3f}, 1.6 log(10) = 3.684",
    )
    print("in evaluation:", tuple(model.eval()(x).shape))
