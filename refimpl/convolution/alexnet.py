r"""AlexNet: the convolutional network that won ImageNet 2012, and its later form on a single device.

Papers
    Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012:
    section 3.3 (response normalization), 3.5 (layers). Krizhevsky, "One weird trick for parallelizing convolutional
    neural networks", arXiv:1404.5997 (the form on one device).

Equation (a_i the activity of channel i at one position, N channels)
    lrn       b_i = a_i / (k + alpha sum_j a_j^2)^beta,    j from max(0, i - n / 2) to min(N - 1, i + n / 2)

    2012      conv 11 x 11 / 4 (96), lrn, pool, conv 5 x 5 (256, 2 groups), lrn, pool, conv 3 x 3 (384),
              conv 3 x 3 (384, 2 groups), conv 3 x 3 (256, 2 groups), pool, dropout, 4096, dropout, 4096, 1000
    2014      the same with 64, 192, 384, 256, 256 channels, no groups, no response normalization

Deviations from the papers
    1. The two devices of 2012 are two groups in one convolution.
    2. The first convolution pads by 2, so that images of 224 pixels give 55 positions; the paper's 224 and 55 do not fit
       each other without padding.
    3. Means over cells bring other image sizes to the 6 x 6 that the classifier takes, as in torchvision.
    4. The form of 2014 draws weights as PyTorch's layers do; 2012 draws from N(0, 0.01^2) with biases 1 in the second,
       fourth and fifth convolution and in the hidden layers, as the paper says.

The state dict of ``AlexNet`` has the layout of ``torchvision.models.alexnet``, so published weights load.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import check_images, made_on

__all__ = ["AlexNet", "AlexNet2012", "ResponseNorm", "local_response_norm"]


def local_response_norm(input: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    """Divide each activity by a power of the activities of neighboring channels at the same position.

    The defaults are the paper's. ``torch.nn.functional.local_response_norm`` divides ``alpha`` by ``size``.

    Args:
        input: ``(N, C, ...)``.
        size: number of neighboring channels n, odd.

    Raises:
        ValueError: the input has no channels or the size is not a positive odd number.
    """
    if input.dim() < 2 or not input.is_floating_point():
        raise ValueError(f"local_response_norm: input must be floating point (N, C, ...), got {input.dtype} of shape {tuple(input.shape)}")
    if size < 1 or size % 2 == 0:
        raise ValueError(f"local_response_norm: size must be a positive odd number, got {size}")
    x = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
    channels, reach = x.shape[1], size // 2
    squares = x.square().transpose(1, -1)  # channels last, where padding is simple
    padded = F.pad(squares, (reach, reach)).transpose(1, -1)
    total = sum(padded.narrow(1, j, channels) for j in range(size))
    return (x / (k + alpha * total) ** beta).to(input.dtype)


def _active(layer: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The layer and the ReLU behind it."""
    return layer, nn.ReLU(inplace=True)


class ResponseNorm(nn.Module):
    """:func:`local_response_norm` with the paper's constants."""

    def forward(self, input: Tensor) -> Tensor:
        return local_response_norm(input)


class AlexNet(nn.Module):
    """Images to class scores, in the form of 2014.

    Args:
        num_classes: number of classes K.
        dropout: probability of dropping a unit before each hidden layer.
        channels: outputs of the five convolutions.
        hidden: units of the two hidden layers.

    Shape: ``(N, 3, H, W)`` to ``(N, K)``; the paper's images have 224 x 224 pixels, 63 x 63 are the least.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        dropout: float = 0.5,
        channels: Sequence[int] = (64, 192, 384, 256, 256),
        hidden: int = 4096,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if len(channels) != 5 or min(channels) < 1 or hidden < 1 or num_classes < 1:
            wanted = "five numbers of channels, hidden and num_classes, all positive"
            raise ValueError(f"{type(self).__name__}: expected {wanted}, got {tuple(channels)}, {hidden} and {num_classes}")
        with made_on(device):
            self.features = self.convolutions(*channels)
            self.classifier = nn.Sequential(
                nn.Dropout(dropout),
                *_active(nn.Linear(36 * channels[4], hidden)),
                nn.Dropout(dropout),
                *_active(nn.Linear(hidden, hidden)),
                nn.Linear(hidden, num_classes),
            )
        self.to(dtype)
        self.reset_parameters()

    def convolutions(self, c1: int, c2: int, c3: int, c4: int, c5: int) -> nn.Sequential:
        """The layers before the classifier."""
        return nn.Sequential(
            *_active(nn.Conv2d(3, c1, 11, 4, 2)),
            nn.MaxPool2d(3, 2),
            *_active(nn.Conv2d(c1, c2, 5, padding=2)),
            nn.MaxPool2d(3, 2),
            *_active(nn.Conv2d(c2, c3, 3, padding=1)),
            *_active(nn.Conv2d(c3, c4, 3, padding=1)),
            *_active(nn.Conv2d(c4, c5, 3, padding=1)),
            nn.MaxPool2d(3, 2),
        )

    def reset_parameters(self) -> None:
        """Draw weights and biases as the layers themselves do."""
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                layer.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        check_images(type(self).__name__, input, 63)
        x = F.adaptive_avg_pool2d(self.features(input), 6)
        return self.classifier(x.flatten(1))


class AlexNet2012(AlexNet):
    """Images to class scores, as the paper of 2012 describes it: response normalization and two groups; 60,965,224 parameters.

    Args and shape as in :class:`AlexNet`; all numbers of channels but the first and the third are even.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        dropout: float = 0.5,
        channels: Sequence[int] = (96, 256, 384, 384, 256),
        hidden: int = 4096,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(num_classes, dropout, channels, hidden, device, dtype)

    def convolutions(self, c1: int, c2: int, c3: int, c4: int, c5: int) -> nn.Sequential:
        return nn.Sequential(
            *_active(nn.Conv2d(3, c1, 11, 4, 2)),
            ResponseNorm(),
            nn.MaxPool2d(3, 2),
            *_active(nn.Conv2d(c1, c2, 5, padding=2, groups=2)),
            ResponseNorm(),
            nn.MaxPool2d(3, 2),
            *_active(nn.Conv2d(c2, c3, 3, padding=1)),
            *_active(nn.Conv2d(c3, c4, 3, padding=1, groups=2)),
            *_active(nn.Conv2d(c4, c5, 3, padding=1, groups=2)),
            nn.MaxPool2d(3, 2),
        )

    def reset_parameters(self) -> None:
        """N(0, 0.01^2), with biases of 1 where section 5 has them and 0 elsewhere."""
        ones = [self.features[i] for i in (4, 10, 12)] + [self.classifier[i] for i in (1, 4)]
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(layer.weight, 0.0, 0.01)
                nn.init.constant_(layer.bias, float(layer in ones))


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    for network in (AlexNet, AlexNet2012):
        print(f"{network.__name__:12s}", sum(p.numel() for p in network(device="meta").parameters()), "parameters")
    model, x = AlexNet(num_classes=10, channels=(8, 16, 16, 16, 8), hidden=32), torch.randn(2, 3, 224, 224)
    for i, layer in enumerate(model.features):
        x = layer(x)
        if not isinstance(layer, nn.ReLU):
            print(f"features.{i:<3d}{type(layer).__name__:10s}{tuple(x.shape)}")
    a = torch.ones(1, 7, 1, 1) * 100
    print("response normalization of 7 channels of 100:", [round(v, 2) for v in local_response_norm(a).flatten().tolist()])
