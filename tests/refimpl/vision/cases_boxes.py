"""Cases of the overlaps and formats of boxes; the NumPy oracles go from pair to pair."""

from __future__ import annotations

import math

import numpy as np
import torch

from refimpl.vision.boxes import (
    average_precision,
    batched_nms,
    box_area,
    box_convert,
    box_iou,
    clip_boxes_to_image,
    complete_box_iou,
    distance_box_iou,
    generalized_box_iou,
    match_detections,
    mean_average_precision,
    nms,
    precision_recall,
    remove_small_boxes,
    soft_nms,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand

METHOD = "boxes"
EPS = 0.3


def boxes(n, seed, size=40.0):
    """Boxes with sides from 2 to ``size`` / 2 in an image of 60 x ``size``."""
    corner = rand(n, 2, seed=seed, low=-3.0, high=size / 2)
    return torch.cat((corner, corner + rand(n, 2, seed=seed + 1, low=2.0, high=size / 2)), 1)


def quantities(a, b):
    """Shared area, union, enclosing area, squared distance of centers, squared diagonal, and both angles of one pair."""
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    sizes = [(v[2] - v[0], v[3] - v[1]) for v in (a, b)]
    union = sum(w * h for w, h in sizes) - shared
    hull = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    apart = ((a[0] + a[2]) / 2 - (b[0] + b[2]) / 2) ** 2 + ((a[1] + a[3]) / 2 - (b[1] + b[3]) / 2) ** 2
    return shared, union, hull[0] * hull[1], apart, hull[0] ** 2 + hull[1] ** 2, *(math.atan2(*size) for size in sizes)


def pair_iou(a, b, _=None):
    shared, union, *_ = quantities(a, b)
    return shared / union if union else 0.0


def pair_giou(a, b, _=None):
    _, union, around, *_ = quantities(a, b)
    return pair_iou(a, b) - (around - union) / around if around else 0.0


def pair_diou(a, b, eps):
    *_, apart, diagonal, _, _ = quantities(a, b)
    return pair_iou(a, b) - apart / (diagonal + eps)


def pair_ciou(a, b, eps):
    *_, first, second = quantities(a, b)
    v = 4 / math.pi**2 * (first - second) ** 2
    return pair_diou(a, b, eps) - v * v / (1 - pair_iou(a, b) + v + eps)


def in_numpy(pair):
    def call(_, first, second, eps=1e-7):
        return np.array([[pair(a, b, eps) for b in second] for a in first]).reshape(len(first), len(second))

    return Oracle("the equations in NumPy, pair by pair", call, "numpy")


def in_torch(kind):
    """The same from sorted coordinates: of the four ends of two intervals, the middle two bound what they share."""

    def call(_, first, second, eps=1e-7):
        n, m = len(first), len(second)
        a, b = first[:, None].expand(n, m, 4), second.expand(n, m, 4)
        ends = torch.stack((a[..., :2], a[..., 2:], b[..., :2], b[..., 2:]), -1).sort(-1).values  # (N, M, 2, 4)
        lengths = (a - b)[..., :2] * 0 + ends[..., 2] - ends[..., 1]
        apart = (a[..., 2:] <= b[..., :2]) | (b[..., 2:] <= a[..., :2])
        shared = torch.where(apart, torch.zeros_like(lengths), lengths).prod(-1)
        areas = [(v[..., 2:] - v[..., :2]).prod(-1) for v in (a, b)]
        union = areas[0] + areas[1] - shared
        iou = torch.where(union == 0, shared * 0, shared / union.where(union != 0, torch.ones_like(union)))
        if kind == "iou":
            return iou
        hull = ends[..., 3] - ends[..., 0]
        if kind == "giou":
            around = hull.prod(-1)
            return torch.where(around == 0, iou, iou - 1 + union / around.where(around != 0, torch.ones_like(around)))
        centers = [v.view(n, m, 2, 2).mean(2) for v in (a.contiguous(), b.contiguous())]
        diou = iou - torch.dist(*centers) ** 2 * 0 - ((centers[0] - centers[1]) ** 2).sum(-1) / ((hull**2).sum(-1) + eps)
        if kind == "diou":
            return diou
        angles = [torch.atan((v[..., 2] - v[..., 0]) / (v[..., 3] - v[..., 1])) for v in (a, b)]
        v = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
        return diou - (v / (1 - iou + v + eps)).detach() * v

    return Oracle("the equations in torch, from sorted ends", call)


FIRST, SECOND = boxes(4, 14), boxes(3, 19)  # no two sides are equal after rounding to bfloat16
EMPTY = torch.zeros(0, 4, dtype=torch.float64)
POINT = torch.tensor([[3.0, 4.0, 3.0, 4.0]], dtype=torch.float64)
SCORES = rand(4, seed=9, low=0.1)
PAIR = r"must be floating point \(N, 4\), got torch.{} of shape {}"


def overlap(name, call, kind, pair, **more):
    kwargs = {"eps": EPS} if kind in ("diou", "ciou") else {}
    points = [] if kind == "ciou" else [Sample((POINT, POINT), kwargs, "points")]  # atan of 0 / 0 in the oracle
    return Case(
        METHOD,
        name,
        function(call),
        lambda: [Sample((FIRST, SECOND), kwargs), Sample((boxes(5, 25), FIRST), name="defaults")],
        (in_torch(kind), in_numpy(pair)),
        hard=lambda: [
            Sample((FIRST + 1e4, SECOND + 1e4), kwargs, "1e4 pixels away"),
            Sample((FIRST * 1e6, SECOND * 1e6), name="millions of pixels"),
        ],
        degenerate=lambda: [Sample((EMPTY, SECOND), kwargs, "no box"), Sample((FIRST, EMPTY), kwargs, "no other box"), *points],
        dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
        **more,
    )


def mean_ap(detections=0, **more):
    found = [(FIRST, SCORES, torch.zeros(4))] * detections
    return lambda: mean_average_precision(found, [(FIRST, torch.zeros(4))], **more)


BAD = (
    Bad(lambda: box_iou(FIRST[0], SECOND), "box_iou: boxes1 " + PAIR.format("float64", r"\(4,\)")),
    Bad(lambda: generalized_box_iou(FIRST, SECOND.long()), "generalized_box_iou: boxes2 " + PAIR.format("int64", r"\(3, 4\)")),
    Bad(lambda: distance_box_iou(FIRST[:, :3], SECOND), "distance_box_iou: boxes1 " + PAIR.format("float64", r"\(4, 3\)")),
    Bad(lambda: complete_box_iou(FIRST[None], SECOND), "complete_box_iou: boxes1 " + PAIR.format("float64", r"\(1, 4, 4\)")),
    Bad(lambda: box_area(FIRST.long()), r"box_area: boxes must be floating point \(..., 4\), got torch.int64 of shape \(4, 4\)"),
    Bad(lambda: box_area(FIRST.sum()), r"box_area: boxes must be floating point \(..., 4\), got torch.float64 of shape \(\)"),
    Bad(lambda: clip_boxes_to_image(FIRST[:, 1:], (2, 3)), r"clip_boxes_to_image: boxes .*, got torch.float64 of shape \(4, 3\)"),
    Bad(lambda: remove_small_boxes(FIRST[:, 1:], 1.0), r"remove_small_boxes: boxes .*, got torch.float64 of shape \(4, 3\)"),
    Bad(lambda: box_convert(FIRST[:, 1:], "xyxy", "xywh"), r"box_convert: boxes .*, got torch.float64 of shape \(4, 3\)"),
    Bad(lambda: box_convert(FIRST, "xxyy", "xywh"), r"box_convert: in_fmt must be one of xyxy, xywh, cxcywh, got 'xxyy'"),
    Bad(lambda: box_convert(FIRST, "xyxy", "whxy"), r"box_convert: out_fmt must be one of xyxy, xywh, cxcywh, got 'whxy'"),
    Bad(lambda: nms(FIRST[0], SCORES, 0.5), "nms: boxes " + PAIR.format("float64", r"\(4,\)")),
    Bad(lambda: nms(FIRST, SCORES[1:], 0.5), r"nms: scores must be floating point \(4,\), got torch.float64 of shape \(3,\)"),
    Bad(lambda: soft_nms(FIRST, SCORES.long()), r"soft_nms: scores must be floating point \(4,\), got torch.int64 of shape \(4,\)"),
    Bad(lambda: nms(FIRST, SCORES, 1.5), r"nms: iou_threshold must lie in \[0, 1\], got 1.5"),
    Bad(lambda: soft_nms(FIRST, SCORES, iou_threshold=-0.1), r"soft_nms: iou_threshold must lie in \[0, 1\], got -0.1"),
    Bad(lambda: soft_nms(FIRST, SCORES, 0.0), r"soft_nms: sigma must be positive, got 0.0"),
    Bad(lambda: batched_nms(FIRST, SCORES, torch.zeros(3), 0.5), r"batched_nms: idxs must have the shape of scores, \(4,\), got \(3,\)"),
    Bad(lambda: batched_nms(FIRST, SCORES, torch.zeros(4), 2.0), r"batched_nms: iou_threshold must lie in \[0, 1\], got 2.0"),
    Bad(lambda: match_detections(FIRST, SCORES, SECOND, style="best"), r"match_detections: style must be 'voc' or 'coco', got 'best'"),
    Bad(lambda: precision_recall(SCORES, SCORES, 3), r"precision_recall: hits must be bool \(4,\), got torch.float64 of shape \(4,\)"),
    Bad(lambda: precision_recall(SCORES, SCORES[1:] > 0, 3), r"precision_recall: hits must be bool \(4,\), got torch.bool of shape \(3,\)"),
    Bad(lambda: precision_recall(SCORES, SCORES < 9, 3), r"precision_recall: objects must be .* at least the 4 hits, got 3"),
    Bad(lambda: precision_recall(SCORES, SCORES > 9, 0), r"precision_recall: objects must be .* at least the 0 hits, got 0"),
    Bad(lambda: average_precision(SCORES, SCORES, "sum"), r"style must be one of area, 11-point, 101-point, got 'sum'"),
    Bad(lambda: average_precision(SCORES, SCORES[1:]), r"expected precision and recall \(N,\) of one length, got \(4,\) and \(3,\)"),
    Bad(lambda: average_precision(FIRST, FIRST), r"average_precision: expected .*, got \(4, 4\) and \(4, 4\)"),
    Bad(mean_ap(2), r"mean_average_precision: expected detections and truth for the same images, got 2 and 1"),
    Bad(lambda: mean_average_precision([], []), r"mean_average_precision: expected at least one true object, got none"),
    Bad(mean_ap(1, style="sum"), r"average_precision: style must be one of"),
)


def convert(array, xyxy, out):
    corners = {"xyxy": lambda a, b, c, d: (a, b, c, d), "xywh": lambda a, b, w, h: (a, b, a + w, b + h)}
    corners["cxcywh"] = lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    back = {"xyxy": lambda *v: v, "xywh": lambda a, b, c, d: (a, b, c - a, d - b)}
    back["cxcywh"] = lambda a, b, c, d: ((a + c) / 2, (b + d) / 2, c - a, d - b)
    return back[out](*corners[xyxy](*array))


def plain(name, call, oracle_torch, oracle_numpy, samples, **more):
    oracles = (
        Oracle("coordinate by coordinate in torch", oracle_torch),
        Oracle("coordinate by coordinate in NumPy", oracle_numpy, "numpy"),
    )
    empty = [Sample((EMPTY, *samples[0].args[1:]), name="no box")]
    return Case(METHOD, name, function(call), lambda: samples, oracles, degenerate=lambda: empty, **more)


FORMATS = ("xyxy", "xywh", "cxcywh")
CASES = [
    overlap("IoU", box_iou, "iou", pair_iou, bad=BAD),
    overlap("generalized IoU", generalized_box_iou, "giou", pair_giou),
    overlap("distance IoU", distance_box_iou, "diou", pair_diou),
    overlap("complete IoU", complete_box_iou, "ciou", pair_ciou, gradcheck=0),  # the weight takes no gradient; compared with the oracle's
    plain(
        "formats",
        box_convert,
        lambda _, x, a, b: torch.stack(convert(x.unbind(-1), a, b), -1),
        lambda _, x, a, b: np.stack(convert(np.moveaxis(x, -1, 0), a, b), -1),
        [Sample((FIRST, a, b), name=f"{a} to {b}") for a in FORMATS for b in FORMATS]
        + [Sample((FIRST[0], "xywh", "xyxy"), name="one box")],
        exports="its formats are strings, which torch.export takes as constants only by name",
    ),
    plain(
        "area",
        box_area,
        lambda _, x: (x.unbind(-1)[2] - x.unbind(-1)[0]) * (x.unbind(-1)[3] - x.unbind(-1)[1]),
        lambda _, x: (x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]),
        [Sample((FIRST,)), Sample((boxes(6, 21).view(2, 3, 4),), name="in two images"), Sample((FIRST[0],), name="one box")],
    ),
    plain(
        "clipping",
        clip_boxes_to_image,
        lambda _, x, size: torch.stack([v.clamp(0, size[1 - i % 2]) for i, v in enumerate(x.unbind(-1))], -1),
        lambda _, x, size: np.stack([np.clip(x[..., i], 0, size[1 - i % 2]) for i in range(4)], -1),
        [Sample((FIRST * 3 - 10, (17, 23))), Sample((boxes(6, 21).view(2, 3, 4), (30, 9)), name="in two images")],
    ),
]
