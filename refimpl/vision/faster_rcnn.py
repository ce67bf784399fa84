r"""Faster R-CNN: a network proposes regions of an image, a second part classifies and shifts them, on shared features.

Paper
    Ren, He, Girshick and Sun, "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks", NIPS 2015,
    arXiv:1506.01497. Section 3.1.1 (anchors), equation 1 (loss), equation 2 (offsets), section 3.1.3 (sampling).
    Second stage: Girshick, "Fast R-CNN", ICCV 2015, arXiv:1504.08083, section 2.3.

Equations (anchor (x_a, y_a, w_a, h_a) by its center and size; p objectness, p* and t* targets; u the true class, 0 background)
    faster-rcnn-encoding   t_x = (x - x_a) / w_a,   t_y = (y - y_a) / h_a,   t_w = log(w / w_a),   t_h = log(h / h_a)
    label         p* = 1 where IoU >= 0.7 or the anchor overlaps an object most, 0 where IoU < 0.3 for all, else not used
    faster-rcnn-rpn-loss   L = 1 / N_cls sum_i CE(p_i, p*_i) + lambda / N_reg sum_i p*_i smoothL1(t_i - t*_i)
                  N_cls the sampled anchors, N_reg the positions of the feature map, lambda = 10
    fast-rcnn-loss  L = mean over sampled regions of -log p_u + [u >= 1] sum smoothL1(t^u - v)
    smooth        smoothL1(z) = z^2 / 2 where |z| < 1, |z| - 1/2 elsewhere

Deviations from the paper
    1. Objectness is one logit with a sigmoid, as torchvision has it; the paper has two with a softmax, which is the same function.
    2. Approximate joint training: both losses in one pass, no gradient through the proposals' coordinates; the paper's main
       results alternate the two networks in four steps.
    3. Anchors are centered in their cells and not rounded; those that cross the border take part in training (section 3.1.3 leaves
       them out), since with a small image most would.
    4. The backbone is given, with a small one as the default, and features of a region are pooled by ``roi_align`` unless asked.
    5. Regions of the second stage: objects by IoU >= 0.5, background below; Fast R-CNN draws background from IoU in [0.1, 0.5).
    6. Offsets of the second stage are not normalized to unit variance, and one size of image makes a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.images import check_images
from refimpl.vision.anchors import anchor_grid, decode, encode, match_anchors, sample_labels
from refimpl.vision.backbone import small_backbone
from refimpl.vision.boxes import batched_nms, clip_boxes_to_image, nms, remove_small_boxes
from refimpl.vision.roi import roi_align, roi_pool

__all__ = ["FasterRCNN", "RPNHead", "detection_loss", "rpn_loss"]


def rpn_loss(logits: Tensor, offsets: Tensor, labels: Tensor, targets: Tensor, positions: int, balance: float = 10.0) -> Tensor:
    """Loss of the proposals over the anchors of a mini-batch.

    Args:
        logits: objectness, ``(N,)``.
        offsets: predicted, ``(N, 4)``.
        labels: ``(N,)``: 1 positive, 0 negative, -1 not used.
        targets: true offsets ``(N, 4)``; those of other than positive anchors do not count.
        positions: N_reg, cells of the feature map.
        balance: lambda.
    """
    used, positive = labels >= 0, labels == 1
    kind = F.binary_cross_entropy_with_logits(logits[used], positive[used].to(logits.dtype), reduction="sum") / used.sum().clamp(min=1)
    return kind + balance / positions * F.smooth_l1_loss(offsets[positive], targets[positive], reduction="sum")


def detection_loss(scores: Tensor, offsets: Tensor, classes: Tensor, targets: Tensor) -> Tensor:
    """Loss of the second stage over R sampled regions.

    Args:
        scores: logits ``(R, K + 1)``, background first.
        offsets: ``(R, K + 1, 4)``, one set for each class.
        classes: true class u of each region, 0 for background, ``(R,)``.
        targets: true offsets v, ``(R, 4)``.
    """
    objects = classes >= 1
    chosen = offsets[objects, classes[objects]]  # (objects, 4)
    return F.cross_entropy(scores, classes) + F.smooth_l1_loss(chosen, targets[objects], reduction="sum") / len(classes)


class RPNHead(nn.Module):
    """Objectness and offsets of A anchors at each position; names and initialization are those of torchvision's ``RPNHead``.

    Shape: ``(N, C, H, W)`` to ``(N, H W A)`` and ``(N, H W A, 4)``.
    """

    def __init__(self, in_channels: int, num_anchors: int, device: torch.device | str | None = None, dtype: torch.dtype | None = None):
        super().__init__()
        new = {"device": device, "dtype": dtype}
        self.conv = nn.Sequential(nn.Sequential(nn.Conv2d(in_channels, in_channels, 3, padding=1, **new), nn.ReLU()))
        self.cls_logits = nn.Conv2d(in_channels, num_anchors, 1, **new)
        self.bbox_pred = nn.Conv2d(in_channels, 4 * num_anchors, 1, **new)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights from N(0, 0.01^2), biases 0, as section 3.1.3 says."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.conv(features)
        logits = self.cls_logits(hidden).permute(0, 2, 3, 1).flatten(1)
        offsets = self.bbox_pred(hidden)  # (N, A 4, H, W)
        return logits, offsets.unflatten(1, (-1, 4)).permute(0, 3, 4, 1, 2).flatten(1, 3)


class FasterRCNN(nn.Module):
    """Detector of K classes in images of one size.

    Args:
        num_classes: K, without background; classes count from 1.
        scales, ratios: of the anchors.
        backbone: images to features ``(N, channels, H / stride, W / stride)``; a small convolutional one where it is None.
        channels, stride: of the backbone.
        hidden: units of the second stage.
        pool: side of a region's grid.
        align: ``roi_align``, else ``roi_pool``.
        proposals: regions kept an image.

    In training ``forward(images, boxes, classes)``, with a list of true boxes ``(M, 4)`` and classes ``(M,)`` an image, returns the
    losses of both stages; in evaluation ``forward(images)`` returns boxes, scores and classes an image.
    """

    def __init__(
        self,
        num_classes: int,
        scales: Sequence[float] = (128, 256, 512),
        ratios: Sequence[float] = (0.5, 1.0, 2.0),
        backbone: nn.Module | None = None,
        channels: int = 32,
        stride: int = 4,
        hidden: int = 64,
        pool: int = 5,
        align: bool = True,
        proposals: int = 50,
    ) -> None:
        super().__init__()
        if num_classes < 1 or min(channels, stride, hidden, pool, proposals) < 1:
            sizes = f"{num_classes}, {channels}, {stride}, {hidden}, {pool} and {proposals}"
            raise ValueError(f"FasterRCNN: num_classes, channels, stride, hidden, pool and proposals must be positive, got {sizes}")
        self.scales, self.ratios, self.stride, self.pool, self.proposals = tuple(scales), tuple(ratios), stride, pool, proposals
        self.features = roi_align if align else roi_pool
        self.backbone = small_backbone((channels // 2, channels)) if backbone is None else backbone
        self.rpn = RPNHead(channels, len(self.scales) * len(self.ratios))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(channels * pool**2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.cls_score, self.bbox_pred = nn.Linear(hidden, num_classes + 1), nn.Linear(hidden, 4 * (num_classes + 1))

    def forward(self, images: Tensor, boxes: Sequence[Tensor] = (), classes: Sequence[Tensor] = ()):
        check_images("FasterRCNN", images, self.stride)
        if self.training and not len(images) == len(boxes) == len(classes):
            raise ValueError(f"FasterRCNN: expected boxes and classes of {len(images)} images, got {len(boxes)} and {len(classes)}")
        features = self.backbone(images)
        logits, offsets = self.rpn(features)
        anchors = anchor_grid(features.shape[2:], self.stride, self.scales, self.ratios, images.device, images.dtype)
        with torch.no_grad():
            regions = [self.propose(s, decode(t, anchors), images.shape[2:]) for s, t in zip(logits, offsets, strict=True)]
        if not self.training:
            return self.detect(features, regions, images.shape[2:])
        first = [
            self.first_loss(anchors, *each, features.shape[2] * features.shape[3]) for each in zip(logits, offsets, boxes, strict=True)
        ]
        return torch.stack(first).mean(), self.second_loss(features, regions, boxes, classes)

    def propose(self, logits: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
        """The best decoded anchors, cut off at the image's border, after suppression at 0.7."""
        best = logits.topk(min(len(logits), 6 * self.proposals)).indices
        kept = clip_boxes_to_image(boxes[best], size)
        large = remove_small_boxes(kept, 1.0)
        return kept[large][nms(kept[large], logits[best][large], 0.7)[: self.proposals]]

    def first_loss(self, anchors: Tensor, logits: Tensor, offsets: Tensor, truth: Tensor, positions: int) -> Tensor:
        """Loss of the proposals on 256 anchors of one image, at most half of them positive."""
        labels, place = match_anchors(anchors, truth)
        chosen = sample_labels(labels, 256, 0.5)
        targets = encode(truth[place[chosen]], anchors[chosen]) if len(truth) else offsets.new_zeros(len(chosen), 4)
        return rpn_loss(logits[chosen], offsets[chosen], labels[chosen], targets, positions)

    def second_loss(self, features: Tensor, regions: list[Tensor], boxes: Sequence[Tensor], classes: Sequence[Tensor]) -> Tensor:
        """Loss of the second stage on 64 regions an image, at most a quarter of them objects; true boxes count as regions."""
        picked, kinds, targets = [], [], []
        for region, truth, kind in zip(regions, boxes, classes, strict=True):
            region = torch.cat((region, truth))
            labels, place = match_anchors(region, truth, 0.5, 0.5, force=False)
            chosen = sample_labels(labels, 64, 0.25)
            region, labels, place = region[chosen], labels[chosen], place[chosen]
            picked.append(region)
            kinds.append(torch.where(labels == 1, kind[place], 0) if len(truth) else labels)
            targets.append(encode(truth[place], region) if len(truth) else torch.zeros_like(region))
        scores, offsets = self.second_stage(features, picked)
        return detection_loss(scores, offsets, torch.cat(kinds), torch.cat(targets))

    def second_stage(self, features: Tensor, regions: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Class scores ``(R, K + 1)`` and offsets ``(R, K + 1, 4)`` of all regions."""
        image = torch.cat([r.new_full((len(r), 1), i) for i, r in enumerate(regions)])
        grid = self.features(features, torch.cat((image, torch.cat(list(regions))), 1), self.pool, 1 / self.stride)
        hidden = self.head(grid)
        return self.cls_score(hidden), self.bbox_pred(hidden).unflatten(1, (-1, 4))

    def detect(self, features: Tensor, regions: list[Tensor], size: tuple[int, int], least: float = 0.05, overlap: float = 0.3):
        """Boxes, scores and classes of each image: every class of a region whose probability is above ``least``, after suppression."""
        scores, offsets = self.second_stage(features, regions)
        counts = [len(r) for r in regions]
        found = []
        for region, p, t in zip(regions, scores.softmax(1).split(counts), offsets.split(counts), strict=True):
            place, kind = (p[:, 1:] > least).nonzero().unbind(1)
            boxes = clip_boxes_to_image(decode(t[place, kind + 1], region[place]), size)
            kept = batched_nms(boxes, p[place, kind + 1], kind, overlap)
            found.append((boxes[kept], p[place, kind + 1][kept], kind[kept] + 1))
        return found


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.vision.boxes import mean_average_precision
    from refimpl.vision.shapes import bars

    arguments(__doc__)
    model = FasterRCNN(2, scales=(12,), ratios=(0.5, 1.0, 2.0))
    adam = torch.optim.Adam(model.parameters(), 2e-3)
    for step in range(121):
        losses = model(*bars(4))
        adam.zero_grad()
        sum(losses).backward()
        adam.step()
        if step % 40 == 0:
            print(f"step {step:3}: loss of the proposals {losses[0].item():.3f}, of the second stage {losses[1].item():.3f}")
    images, boxes, classes = bars(24)
    with torch.no_grad():
        found = model.eval()(images)
    score = mean_average_precision(found, list(zip(boxes, classes, strict=True)), (0.5,), "area")
    print(f"lying and standing bars in 24 new images: mean average precision {score.item():.3f} at an overlap of 0.5")
