"""Transposed convolution beside PyTorch's own, its usual making from a product and ``torch.nn.functional.fold``, and that product alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from refimpl.convolution.transposed_convolution import ConvTranspose2d
from tests.refimpl.convolution.cases_transposed_convolution import METHOD
from tests.refimpl.harness.bench import Bench, Product
from tests.refimpl.harness.case import randn


class Folded(nn.ConvTranspose2d):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        columns = self.weight.flatten(1).T @ input.flatten(2)
        size = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(input.shape[2:], self.stride, self.padding, self.kernel_size, strict=True)]
        return F.fold(columns, size, self.kernel_size, 1, self.padding, self.stride) + self.bias[:, None, None]


def setting(images: tuple[int, ...], out: int, kernel: int, stride: int) -> Bench:
    size = (images[2] - 1) * stride - 2 + kernel

    def made(cls):
        return lambda: cls(images[1], out, kernel, stride, 1)

    return Bench(
        METHOD,
        f"{images[0]} images of {' x '.join(map(str, images[1:]))}, {out} kernels {kernel} x {kernel}, stride {stride}",
        made(ConvTranspose2d),
        {
            "torch.nn.ConvTranspose2d": made(nn.ConvTranspose2d),
            "matmul and fold": made(Folded),
            Product.NAME: lambda: Product(out * kernel**2, images[1], images[0], images[2] * images[3], (out, size, size)),
        },
        lambda: (randn(*images, seed=0),),
    )


BENCHES = [setting((8, 128, 14, 14), 64, 4, 2), setting((8, 64, 28, 28), 64, 3, 1)]
