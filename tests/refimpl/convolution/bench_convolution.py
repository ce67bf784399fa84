"""Convolution beside PyTorch's own, beside its unfold with a matrix product, that product alone, and fft-conv-pytorch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from refimpl.convolution.convolution import Conv2d
from tests.refimpl.convolution.cases_convolution import METHOD
from tests.refimpl.harness.bench import Bench, Product, published
from tests.refimpl.harness.case import randn


class Unfolded(nn.Conv2d):
    """The usual im2col in PyTorch: ``torch.nn.functional.unfold`` and one product."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        columns = F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)
        y = self.weight.flatten(1) @ columns + self.bias[:, None]
        height = (input.shape[2] + 2 * self.padding[0] - self.kernel_size[0]) // self.stride[0] + 1
        return y.unflatten(2, (height, -1))


def fft_conv(*options, **named):
    """The layer of fft-conv-pytorch, where it is installed."""
    return published("fft_conv_pytorch", "FFTConv2d", *options, **named)


def setting(name: str, method: str, images: tuple[int, ...], out: int, kernel: int, others) -> Bench:
    def made(cls, **more):
        return lambda: cls(images[1], out, kernel, padding=kernel // 2, **more)

    return Bench(
        METHOD,
        f"{method}, {name}",
        made(Conv2d, method=method),
        {"torch.nn.Conv2d": made(nn.Conv2d)} | {other: made(cls) for other, cls in others.items()},
        lambda: (randn(*images, seed=0),),
    )


def product(channels: int, out: int, kernel: int, **_) -> Product:
    return Product(out, channels * kernel**2, 8, 28 * 28, (out, 28, 28))


BENCHES = [
    setting(
        "8 images of 64 x 28 x 28, 64 kernels 3 x 3",
        "im2col",
        (8, 64, 28, 28),
        64,
        3,
        {"unfold and matmul": Unfolded, Product.NAME: product},
    ),
    setting("8 images of 64 x 28 x 28, 64 kernels 3 x 3", "direct", (8, 64, 28, 28), 64, 3, {}),
    setting("8 images of 256 x 14 x 14, 256 kernels 3 x 3", "winograd4", (8, 256, 14, 14), 256, 3, {}),
    setting("8 images of 16 x 64 x 64, 16 kernels 15 x 15", "fft", (8, 16, 64, 64), 16, 15, {"fft_conv_pytorch FFTConv2d": fft_conv}),
]
