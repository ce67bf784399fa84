r"""YOLO: one pass of one network predicts boxes and classes at every cell of a grid. Version 3's boxes and loss; version 1's loss.

Papers
    Redmon, Divvala, Girshick and Farhadi, "You Only Look Once", CVPR 2016, arXiv:1506.02640 (``yolo_v1.py``).
    Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017, arXiv:1612.08242 (priors from clusters, boxes).
    Redmon and Farhadi, "YOLOv3: An Incremental Improvement", arXiv:1804.02767, sections 2.1 and 2.2.

Equations (cell at (c_x, c_y), prior (p_w, p_h), network output t, stride s; s() the sigmoid)
    yolo-box      b_x = (s(t_x) + c_x) s,   b_y = (s(t_y) + c_y) s,   b_w = p_w e^t_w,   b_h = p_h e^t_h
    yolo-v1-loss  coord sum_obj [(x - x')^2 + (y - y')^2 + (sqrt w - sqrt w')^2 + (sqrt h - sqrt h')^2]
                  + sum_obj (C - IoU)^2 + noobj sum_noobj C^2 + sum_obj sum_k (p(k) - [k is true])^2
    yolo-v3-loss  sum_obj [(s(t_x) - x')^2 + (s(t_y) - y')^2 + (t_w - log w' / p_w)^2 + (t_h - log h' / p_h)^2]
                  + sum_obj BCE(t_o, 1) + sum_noobj BCE(t_o, 0) + sum_obj sum_k BCE(t_k, [k is true])
                  noobj: no object has this prior here, and the predicted box overlaps none by more than 0.5
    yolo-priors   d(box, centroid) = 1 - IoU(box, centroid), both with their centers at the origin

Deviations from the papers
    1. Version 1's network predicts the square roots of width and height, as its text says; equation 3 takes roots of its w and h.
    2. Several objects in one cell each add their terms; the papers keep one. Of boxes that all miss the object the first answers.
    3. Version 3's center errors are those of the sigmoids, as in the authors' code, not of t; all losses are divided by the images.
    4. One grid and a small backbone; version 3 has three grids on Darknet-53, each with this loss and three priors of its own.
    5. Clusters are means of width and height, started from boxes drawn at random.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import check_images
from refimpl.vision.backbone import small_backbone
from refimpl.vision.boxes import batched_nms, box_convert, box_iou
from refimpl.vision.yolo_v1 import objects, yolo_v1_loss

__all__ = ["YOLO", "cluster_priors", "decode", "yolo_loss", "yolo_v1_loss"]


def decode(output: Tensor, priors: Tensor, stride: int) -> Tensor:
    """Boxes in pixels, left, top, right, bottom, from the network's output.

    Args:
        output: ``(N, H, W, A, 5 + K)``: t_x, t_y, t_w, t_h, objectness and classes as logits.
        priors: widths and heights in pixels, ``(A, 2)``.
        stride: pixels a cell.

    Returns:
        ``(N, H, W, A, 4)``.
    """
    _check("decode", output, priors)
    y, x = (torch.arange(n, device=output.device) for n in output.shape[1:3])
    cells = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[:, :, None]  # (H, W, 1, 2)
    center = (output[..., :2].sigmoid() + cells) * stride
    return box_convert(torch.cat((center, output[..., 2:4].exp() * priors), -1), "cxcywh", "xyxy")


def yolo_loss(
    output: Tensor, priors: Tensor, stride: int, truth: Sequence[Tensor], classes: Sequence[Tensor], ignore: float = 0.5
) -> Tensor:
    """Version 3's loss over the number of images.

    Args:
        output, priors, stride: as in :func:`decode`.
        truth: for each image true boxes in pixels, ``(M, 4)``.
        classes: their classes ``(M,)``, from 0.
        ignore: a prediction without an object that overlaps one by more than this counts for nothing.
    """
    _check("yolo_loss", output, priors)
    image, real, kind = objects("yolo_loss", len(output), truth, classes)
    center, size = box_convert(real, "xyxy", "cxcywh").split(2, -1)  # (O, 2)
    cell = (center / stride).floor()
    last = cell.new_tensor([output.shape[2] - 1, output.shape[1] - 1])
    cell = cell.clamp(min=0).minimum(last)
    column, row = cell.long().unbind(-1)
    prior = box_iou(_placed(size), _placed(priors)).argmax(1)  # the one whose shape fits best, (O,)
    own = output[image, row, column, prior]  # (O, 5 + K)
    shift = (own[:, :2].sigmoid() - (center / stride - cell)).square().sum()
    shape = (own[:, 2:4] - (size / priors[prior]).log()).square().sum()
    label = F.binary_cross_entropy_with_logits(own[:, 5:], F.one_hot(kind, own.shape[1] - 5).to(own.dtype), reduction="sum")
    with torch.no_grad():
        free = torch.stack([_apart(b, t, ignore) for b, t in zip(decode(output, priors, stride), truth, strict=True)])
        free[image, row, column, prior] = False
    return (shift + shape + label + F.softplus(-own[:, 4]).sum() + F.softplus(output[..., 4][free]).sum()) / len(output)


def cluster_priors(sizes: Tensor, count: int, steps: int = 100, generator: torch.Generator | None = None) -> Tensor:
    """Typical widths and heights by k-means under the distance 1 - IoU, smallest area first; ``(count, 2)`` from ``(N, 2)``."""
    if sizes.dim() != 2 or sizes.shape[1] != 2 or not 1 <= count <= len(sizes):
        raise ValueError(f"cluster_priors: expected sizes (N, 2) and a count from 1 to N, got {tuple(sizes.shape)} and {count}")
    means = sizes[torch.randperm(len(sizes), generator=generator, device=sizes.device)[:count]]
    for _ in range(steps):
        nearest = box_iou(_placed(sizes), _placed(means)).argmax(1)
        members = F.one_hot(nearest, count).to(sizes.dtype)  # (N, count)
        held = members.sum(0)[:, None]
        moved = torch.where(held > 0, members.T @ sizes / held.clamp(min=1), means)
        if torch.equal(moved, means):
            break
        means = moved
    return means[means.prod(1).argsort()]


class YOLO(nn.Module):
    """Detector of K classes on one grid.

    Args:
        num_classes: K; classes count from 0.
        priors: widths and heights in pixels, A pairs.
        backbone: images to features ``(N, channels, H / stride, W / stride)``; a small convolutional one where it is None.
        channels, stride: of the backbone; the small one has stride 8.

    Shape: ``(N, 3, H, W)`` to ``(N, H / stride, W / stride, A, 5 + K)``.
    """

    def __init__(
        self,
        num_classes: int,
        priors: Sequence[tuple[float, float]],
        backbone: nn.Module | None = None,
        channels: int = 32,
        stride: int = 8,
    ) -> None:
        super().__init__()
        if num_classes < 1 or not priors or min(map(min, priors)) <= 0:
            raise ValueError(f"YOLO: expected a positive number of classes and positive priors, got {num_classes} and {priors}")
        self.stride = stride
        self.backbone = small_backbone((channels // 4, channels // 2, channels)) if backbone is None else backbone
        self.head = nn.Conv2d(channels, len(priors) * (5 + num_classes), 1)
        self.register_buffer("priors", torch.tensor(priors, dtype=self.head.weight.dtype))

    def forward(self, images: Tensor) -> Tensor:
        check_images("YOLO", images, self.stride)
        return self.head(self.backbone(images)).movedim(1, 3).unflatten(3, (len(self.priors), -1))

    def detect(self, images: Tensor, least: float = 0.3, overlap: float = 0.45) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Boxes, scores and classes of each image; the score is objectness times the class's probability."""
        output = self(images)
        scores = output[..., 4:5].sigmoid() * output[..., 5:].sigmoid()  # (N, H, W, A, K)
        found = []
        for box, score in zip(decode(output, self.priors, self.stride), scores, strict=True):
            *place, kind = (score > least).nonzero().unbind(1)
            boxes, kept_scores = box[tuple(place)], score[(*place, kind)]
            kept = batched_nms(boxes, kept_scores, kind, overlap)
            found.append((boxes[kept], kept_scores[kept], kind[kept]))
        return found


def _placed(sizes: Tensor) -> Tensor:
    """Boxes of these sizes with one corner in common; they overlap as they do with one center."""
    return F.pad(sizes, (2, 0))


def _apart(boxes: Tensor, truth: Tensor, ignore: float) -> Tensor:
    """Which predicted boxes overlap no true one by more than ``ignore``: ``(H, W, A)``."""
    return (box_iou(boxes.flatten(0, 2), truth) <= ignore).all(1).view(boxes.shape[:3])


def _check(function: str, output: Tensor, priors: Tensor) -> None:
    if output.dim() != 5 or output.shape[4] < 6 or not output.is_floating_point():
        raise ValueError(
            f"{function}: output must be floating point (N, H, W, A, 5 + K), got {output.dtype} of shape {tuple(output.shape)}"
        )
    if priors.shape != (output.shape[3], 2):
        raise ValueError(f"{function}: priors must have shape ({output.shape[3]}, 2), got {tuple(priors.shape)}")


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.vision.boxes import mean_average_precision
    from refimpl.vision.shapes import bars

    arguments(__doc__)
    sizes = torch.cat([b[:, 2:] - b[:, :2] for b in bars(40)[1]])
    priors = cluster_priors(sizes, 2)
    print("priors:", [[round(v, 1) for v in p] for p in priors.tolist()])
    model = YOLO(2, [tuple(p) for p in priors.tolist()])
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    for step in range(301):
        images, boxes, classes = bars(8)
        loss = yolo_loss(model(images), model.priors, model.stride, boxes, [c - 1 for c in classes])
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % 60 == 0:
            print(f"step {step:3}: loss {loss.item():.3f}")
    images, boxes, classes = bars(24)
    with torch.no_grad():
        score = mean_average_precision(model.detect(images), list(zip(boxes, [c - 1 for c in classes], strict=True)), (0.5,), "area")
    print(f"lying and standing bars in 24 new images: mean average precision {score.item():.3f} at an overlap of 0.5")
