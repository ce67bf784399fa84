r"""Boxes of object detection: overlap, non-maximum suppression, and average precision.

Papers
    Everingham, Van Gool, Williams, Winn and Zisserman, "The Pascal Visual Object Classes (VOC) Challenge", IJCV 88, 2010
    (overlap, average precision). Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019, arXiv:1902.09630.
    Zheng et al., "Distance-IoU Loss", AAAI 2020, arXiv:1911.08287 (distance and complete IoU). Bodla, Singh, Chellappa and
    Davis, "Soft-NMS", ICCV 2017, arXiv:1704.04503. Lin et al., "Microsoft COCO", ECCV 2014, arXiv:1405.0312.

Equations (A, B boxes; H their smallest enclosing box; p precision, r recall)
    boxes-iou   |A and B| / |A or B|,   |A or B| = |A| + |B| - |A and B|
    giou        IoU - (|H| - |A or B|) / |H|
    diou        IoU - d^2 / (c^2 + eps),    d distance of the centers, c diagonal of H
    ciou        DIoU - a v,    v = 4 / pi^2 (arctan w_A / h_A - arctan w_B / h_B)^2,    a = v / (1 - IoU + v + eps)
    soft-nms    s_i <- s_i exp(-IoU(M, b_i)^2 / sigma),   or   s_i <- s_i (1 - IoU(M, b_i)) where that IoU is at least N_t
    boxes-average-precision   AP = 1 / 11 sum_{r in 0, 0.1, ..., 1} max_{r' >= r} p(r'),   or the area under max_{r' >= r} p(r')

Deviations from the papers
    1. A box is a continuous area, x2 - x1 wide; VOC counts pixels, x2 - x1 + 1.
    2. IoU of two empty boxes is 0 (0 / 0 elsewhere), and GIoU then has no second term.
    3. The angle arctan(w / h) is taken as arctan2(w, h), defined for a height of 0.
    4. Greedy suppression is the fixed point of deciding all boxes at once (see ``suppression.py``).
    5. No difficult or crowd objects, no limit on detections an image, and no areas by size, as VOC and COCO have them.
    6. bfloat16 and float16 overlaps are computed in float32.

Names and arguments are those of ``torchvision.ops`` where it has the function.
"""

from __future__ import annotations

from refimpl.vision.average_precision import average_precision, match_detections, mean_average_precision, precision_recall
from refimpl.vision.overlap import (
    box_area,
    box_convert,
    box_iou,
    clip_boxes_to_image,
    complete_box_iou,
    distance_box_iou,
    generalized_box_iou,
    remove_small_boxes,
)
from refimpl.vision.suppression import batched_nms, nms, soft_nms

__all__ = [
    "average_precision",
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "match_detections",
    "mean_average_precision",
    "nms",
    "precision_recall",
    "remove_small_boxes",
    "soft_nms",
]

if __name__ == "__main__":
    import torch

    from refimpl.demo import arguments

    arguments(__doc__)
    boxes = torch.tensor([[10.0, 10, 50, 50], [12, 8, 52, 48], [30, 30, 70, 70], [80, 20, 99, 60]])
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6])
    for name, overlap in (("IoU", box_iou), ("GIoU", generalized_box_iou), ("DIoU", distance_box_iou), ("CIoU", complete_box_iou)):
        print(f"{name:<5}of the first box with each:", [round(v, 3) for v in overlap(boxes, boxes)[0].tolist()])
    print("greedy suppression at 0.5 keeps", nms(boxes, scores, 0.5).tolist())
    places, lowered = soft_nms(boxes, scores)
    print("soft suppression keeps", places.tolist(), "with scores", [round(v, 3) for v in lowered.tolist()])
    truth = torch.tensor([[11.0, 9, 51, 49], [31, 32, 69, 68], [0, 80, 20, 99]])
    curve = precision_recall(scores, match_detections(boxes, scores, truth), len(truth))
    print("precision", [round(v, 3) for v in curve[0].tolist()], "recall", [round(v, 3) for v in curve[1].tolist()])
    print("average precision:", {style: round(average_precision(*curve, style).item(), 4) for style in ("area", "11-point", "101-point")})
    print("by hand: area 1/3 (1 + 2/3) = 0.5556, 11-point (4 + 3 2/3) / 11 = 0.5455")
