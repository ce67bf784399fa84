"""Bilinear upsampling by a transposed convolution beside torch's own transposed convolution and interpolation."""

from __future__ import annotations

import torch.nn.functional as F

from refimpl.vision.fcn import bilinear_kernel, bilinear_upsample
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.vision.cases_fcn import METHOD


def built_in(x, factor):
    channels = x.shape[1]
    weight = bilinear_kernel(2 * factor, x.device, x.dtype).expand(channels, 1, -1, -1)
    return F.conv_transpose2d(x, weight, None, factor, factor // 2, groups=channels)


BENCHES = [
    Bench(
        METHOD,
        "upsampling by 8, 4 score maps of 21 x 20 x 20",
        lambda: bilinear_upsample,
        {"torch.nn.functional.conv_transpose2d": lambda: built_in},
        lambda: (randn(4, 21, 20, 20, seed=1), 8),
        compiled=False,
    )
]
