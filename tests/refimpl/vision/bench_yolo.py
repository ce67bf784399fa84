"""The loss of version 3 beside the same terms image by image, on masks over the whole grid."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from refimpl.vision.boxes import box_iou
from refimpl.vision.yolo import decode, yolo_loss
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import randn
from tests.refimpl.vision.cases_boxes import boxes
from tests.refimpl.vision.cases_yolo import METHOD

TRUTH = [boxes(10, 2 * i + 1, 300.0).clamp(min=1).float() for i in range(8)]
CLASSES = [torch.arange(10) for _ in range(8)]


def by_image(output, priors):
    """Targets and masks written object by object into grids, then built-in losses over the whole grid."""
    total = 0.0
    for out, truth, classes in zip(output, TRUTH, CLASSES, strict=True):
        out, truth = out, truth.to(out)
        with torch.no_grad():
            near = box_iou(decode(out[None], priors, 32).view(-1, 4), truth).amax(1).view(out.shape[:3])
        weight = (near <= 0.5).to(out.dtype)
        has = torch.zeros_like(weight)
        for box, kind in zip(truth, classes, strict=True):
            center, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
            j, i = (center / 32).long().clamp(max=out.shape[0] - 1).tolist()
            a = (torch.minimum(size, priors).prod(1) / (size.prod() + priors.prod(1) - torch.minimum(size, priors).prod(1))).argmax()
            t = out[i, j, a]
            total = total + ((t[:2].sigmoid() - (center / 32 - center.new_tensor([j, i]))) ** 2).sum()
            total = total + ((t[2:4] - (size / priors[a]).log()) ** 2).sum()
            target = F.one_hot(kind.to(out.device), t.shape[0] - 5).to(out.dtype)
            total = total + F.binary_cross_entropy_with_logits(t[5:], target, reduction="sum")
            total = total + F.softplus(-t[4])
            has[i, j, a] = 1
        total = total + (F.softplus(out[..., 4]) * weight * (1 - has)).sum()
    return total / len(output)


BENCHES = [
    Bench(
        METHOD,
        "loss of version 3, 8 images, 10 x 10 cells, 10 objects",
        lambda: lambda output, priors: yolo_loss(output, priors, 32, [t.to(output) for t in TRUTH], [c.to(output.device) for c in CLASSES]),
        {"object by object in torch": lambda: by_image},
        lambda: (randn(8, 10, 10, 3, 25, seed=1), torch.tensor([[40.0, 60], [90, 70], [150, 140]])),
        compiled=False,
    )
]
