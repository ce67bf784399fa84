r"""SRCNN: three convolutions sharpen an image that bicubic interpolation has enlarged.

Paper
    Dong, Loy, He and Tang, "Image Super-Resolution Using Deep Convolutional Networks", PAMI 2016, arXiv:1501.00092,
    section 3.1, equations 1 to 3.

Equations (Y the enlarged image, n_1 = 64 and n_2 = 32 filters of f_1 = 9, f_2 = 1, f_3 = 5 pixels)
    srcnn-layers   F_1 = max(0, W_1 * Y + B_1),   F_2 = max(0, W_2 * F_1 + B_2),   F = W_3 * F_2 + B_3
    loss           mean (F - X)^2,   X the original

Deviations from the paper
    1. Images are padded with zeros, so that the output is as large as the input; ``padding=False`` is the paper's training without.
    2. The paper works on the luminance of 8-bit images; here channels and range are the user's.
    3. The enlargement is PyTorch's bicubic (a = -0.75), the paper's MATLAB's (a = -0.5).
    4. :meth:`SRCNN.start_from_input_` lets training start at the enlarged image itself; the paper's start, N(0, 0.001^2), needs
       its many steps to get there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from refimpl.vision.bicubic import bicubic
from refimpl.vision.restoration_scores import psnr, ssim

__all__ = ["SRCNN", "bicubic", "psnr", "ssim"]


class SRCNN(nn.Module):
    """Sharpen enlarged images.

    Args:
        channels: of the image.
        filters: n_1 and n_2.
        kernels: f_1, f_2 and f_3, odd.
        padding: keep the size; else f_1 + f_2 + f_3 - 3 pixels are lost along each axis.

    Shape: ``(N, C, H, W)`` to the same, or smaller without padding.
    """

    def __init__(
        self,
        channels: int = 1,
        filters: Sequence[int] = (64, 32),
        kernels: Sequence[int] = (9, 1, 5),
        padding: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if len(filters) != 2 or min(channels, *filters) < 1:
            raise ValueError(f"SRCNN: expected positive channels and two numbers of filters, got {channels} and {tuple(filters)}")
        if len(kernels) != 3 or any(k < 1 or k % 2 == 0 for k in kernels):
            raise ValueError(f"SRCNN: kernels must be three positive odd numbers, got {tuple(kernels)}")
        widths = (channels, *filters, channels)
        for i, k in enumerate(kernels):
            layer = nn.Conv2d(widths[i], widths[i + 1], k, padding=k // 2 if padding else 0, device=device, dtype=dtype)
            self.add_module(f"conv{i + 1}", layer)
        self.channels, self.least = channels, 1 if padding else sum(kernels) - 2
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights from N(0, 0.001^2), biases 0, as the paper says."""
        for layer in (self.conv1, self.conv2, self.conv3):
            nn.init.normal_(layer.weight, std=0.001)
            nn.init.zeros_(layer.bias)

    @torch.no_grad()
    def start_from_input_(self, noise: float = 0.1) -> None:
        """He's initialization, but each channel passes through one filter of its own; the others add ``noise`` times as much as usual.

        For a non-negative image and ``noise=0`` the output is then the input.
        """
        for layer in (self.conv1, self.conv2, self.conv3):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        self.conv3.weight.mul_(noise)
        for c in range(min(self.channels, self.conv1.out_channels, self.conv2.out_channels)):
            for layer in (self.conv1, self.conv2, self.conv3):
                middle = layer.kernel_size[0] // 2
                layer.weight[c] *= layer is self.conv3
                layer.weight[c, c, middle, middle] = 1

    def forward(self, input: Tensor) -> Tensor:
        fits = input.dim() == 4 and input.shape[1] == self.channels and min(input.shape[2:]) >= self.least
        if not fits or not input.is_floating_point():
            wanted = f"floating point (N, {self.channels}, H, W) with H and W of at least {self.least}"
            raise ValueError(f"SRCNN: input must be {wanted}, got {input.dtype} of shape {tuple(input.shape)}")
        return self.conv3(self.conv2(self.conv1(input).relu()).relu())


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.vision.shapes import smooth_discs

    arguments(__doc__)
    model = SRCNN(1, (16, 8), (9, 1, 5))
    model.start_from_input_()
    adam = torch.optim.Adam(model.parameters(), 1e-3)

    def pair(count: int) -> tuple[Tensor, Tensor]:
        sharp = smooth_discs(count, 48)
        return bicubic(bicubic(sharp, (24, 24), antialias=True), (48, 48)), sharp

    for step in range(301):
        blurred, sharp = pair(4)
        loss = (model(blurred) - sharp).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % 60 == 0:
            print(f"step {step:3}: mean squared error {loss.item():.5f}")
    blurred, sharp = pair(16)
    with torch.no_grad():
        found = model(blurred)
    for name, image in (("bicubic", blurred), ("SRCNN", found)):
        print(f"{name:<8} PSNR {psnr(image, sharp).item():.2f} dB, SSIM {ssim(image, sharp).item():.4f}")
