"""Alignment and pooling of regions beside a loop over regions on torch's own operators."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from refimpl.vision.roi import roi_align, roi_pool
from tests.refimpl.convolution.torchvision_models import torchvision_models
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.vision.cases_boxes import boxes
from tests.refimpl.vision.cases_faster_rcnn import METHOD


def cropped(x, rois):
    """Adaptive pooling of a crop for each region: its bins are those of ``roi_pool``."""
    found = []
    for image, *corners in rois.round().int().tolist():
        left, top, right, bottom = corners
        found.append(F.adaptive_max_pool2d(x[image, :, top : bottom + 1, left : right + 1], 7))
    return torch.stack(found)


def theirs():
    if torchvision_models() is None:
        return None
    from torchvision.ops.roi_align import _roi_align

    return lambda x, rois: _roi_align.__wrapped__(x, rois, 1.0, 7, 7, 2, True)


def regions(count):
    corners = boxes(count, 3).clamp(min=0)
    return torch.cat((torch.arange(count, dtype=torch.float64)[:, None] % 2, corners), 1)


BENCHES = [
    Bench(
        METHOD,
        "roi_pool, 100 regions of 64 x 40 x 40",
        lambda: lambda x, rois: roi_pool(x, rois, 7),
        {"adaptive_max_pool2d of each crop": lambda: cropped},
        lambda: (randn(2, 64, 40, 40, seed=1), regions(100).round()),
        backward=False,
        compiled=False,
    ),
    Bench(
        METHOD,
        "roi_align, 100 regions of 64 x 40 x 40",
        lambda: lambda x, rois: roi_align(x, rois, 7, 1.0, 2, True),
        {"torchvision.ops.roi_align in Python": theirs},
        lambda: (randn(2, 64, 40, 40, seed=1), regions(100)),
        backward=False,
        compiled=False,
    ),
]
