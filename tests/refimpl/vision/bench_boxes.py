"""Overlaps beside torchvision's, suppression beside the greedy loop."""

from __future__ import annotations

import torch

from refimpl.vision.boxes import box_iou, complete_box_iou, nms
from tests.refimpl.convolution.torchvision_models import torchvision_models
from tests.refimpl.harness.bench import Bench, published
from tests.refimpl.harness.case import rand
from tests.refimpl.vision.cases_boxes import METHOD, boxes


def theirs(name):
    return None if torchvision_models() is None else getattr(published("importlib", "import_module", "torchvision.ops"), name)


def loop(found, scores, threshold):
    """Greedy suppression box by box, on rows of the matrix of overlaps."""
    order = scores.argsort(descending=True)
    over = box_iou(found[order], found[order]) > threshold
    gone = torch.zeros(len(order), dtype=torch.bool, device=found.device)
    kept = []
    for i in range(len(order)):
        if not gone[i]:
            kept.append(i)
            gone |= over[i]
    return order[kept]


BENCHES = [
    Bench(
        METHOD,
        f"{ours.__name__}, 500 x 400 boxes",
        lambda ours=ours: ours,
        {f"torchvision.ops.{ours.__name__}": lambda ours=ours: theirs(ours.__name__)},
        lambda: (boxes(500, 1), boxes(400, 3)),
        compiled=False,
    )
    for ours in (box_iou, complete_box_iou)
] + [
    Bench(
        METHOD,
        "nms, 1000 boxes",
        lambda: nms,
        {"loop over boxes in torch": lambda: loop},
        lambda: (boxes(1000, 1, 400.0), rand(1000, seed=3), 0.5),
        backward=False,
        compiled=False,
    )
]
