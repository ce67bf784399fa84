"""Cases of Faster R-CNN's parts: offsets, anchors, losses, the proposal head, and the features of regions."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.vision.anchors import anchor_grid, decode, encode, match_anchors, sample_labels
from refimpl.vision.faster_rcnn import FasterRCNN, RPNHead, detection_loss, rpn_loss
from refimpl.vision.roi import roi_align, roi_pool
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize
from tests.refimpl.vision.cases_boxes import EMPTY, boxes

METHOD = "faster-rcnn"
HALVES = (torch.float64, torch.float32, torch.bfloat16)


def center(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]


def numpy_encode(_, found, anchors):
    rows = []
    for box, anchor in zip(found, anchors, strict=True):
        (x, y, w, h), (xa, ya, wa, ha) = center(box), center(anchor)
        rows.append([(x - xa) / wa, (y - ya) / ha, math.log(w / wa), math.log(h / ha)])
    return np.array(rows).reshape(-1, 4)


def numpy_decode(_, offsets, anchors):
    rows = []
    for t, anchor in zip(offsets, anchors, strict=True):
        xa, ya, wa, ha = center(anchor)
        x, y = t[0] * wa + xa, t[1] * ha + ya
        w, h = (min(1000 / 16, math.exp(v)) * size for v, size in ((t[2], wa), (t[3], ha)))
        rows.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    return np.array(rows).reshape(-1, 4)


def torch_encode(_, found, anchors):
    (x, y, w, h), (xa, ya, wa, ha) = center(found.T), center(anchors.T)
    return torch.stack([(x - xa) / wa, (y - ya) / ha, w.log() - wa.log(), h.log() - ha.log()], 1)


def torch_decode(_, offsets, anchors):
    xa, ya, wa, ha = center(anchors.T)
    x, y, w, h = xa + wa * offsets[:, 0], ya + ha * offsets[:, 1], *(offsets[:, 2:].exp().clamp(max=62.5) * torch.stack((wa, ha), 1)).T
    return torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)


def smooth(z):
    return 0.5 * z * z if abs(z) < 1 else abs(z) - 0.5


def numpy_rpn(_, logits, offsets, labels, targets, positions, balance=10.0):
    kind = [math.log1p(math.exp(-z if label else z)) for z, label in zip(logits, labels, strict=True) if label >= 0]
    shift = [smooth(d) for t, v, label in zip(offsets, targets, labels, strict=True) if label == 1 for d in t - v]
    return np.array((sum(kind) / len(kind) if kind else 0.0) + balance * sum(shift) / positions)


def torch_rpn(_, logits, offsets, labels, targets, positions, balance=10.0):
    two = torch.stack((torch.zeros_like(logits), logits), 1)  # the paper's two scores
    kind = F.cross_entropy(two, labels, ignore_index=-1) if (labels >= 0).any() else logits.sum() * 0
    z = offsets - targets
    return kind + balance / positions * ((labels == 1)[:, None] * torch.where(z.abs() < 1, z**2 / 2, z.abs() - 0.5)).sum()


def numpy_detection(_, scores, offsets, classes, targets):
    total = 0.0
    for s, t, u, v in zip(scores, offsets, classes, targets, strict=True):
        total += math.log(np.exp(s).sum()) - s[u]
        if u >= 1:
            total += sum(smooth(d) for d in t[u] - v)
    return np.array(total / len(classes))


def torch_detection(_, scores, offsets, classes, targets):
    rows = torch.arange(len(classes))
    z = offsets[rows, classes] - targets
    shift = torch.where(z.abs() < 1, z**2 / 2, z.abs() - 0.5).sum(1) * (classes > 0)
    return (shift - scores.log_softmax(1)[rows, classes]).mean()


def numpy_pool(_, x, rois, output_size, spatial_scale=1.0):
    down, across = output_size
    y = np.zeros((len(rois), x.shape[1], down, across))
    for k, (image, *corners) in enumerate(rois):
        left, top, right, bottom = (math.floor(c * spatial_scale + 0.5) for c in corners)
        height, width = max(bottom - top + 1, 1), max(right - left + 1, 1)
        for i, j in np.ndindex(down, across):
            rows = range(max(0, top + math.floor(i * height / down)), min(x.shape[2], top + math.ceil((i + 1) * height / down)))
            columns = range(max(0, left + math.floor(j * width / across)), min(x.shape[3], left + math.ceil((j + 1) * width / across)))
            if rows and columns:
                y[k, :, i, j] = x[int(image)][:, list(rows)][:, :, list(columns)].max((1, 2))
    return y


def torch_pool(_, x, rois, output_size, spatial_scale=1.0):
    down, across = output_size
    parts = []
    for image, *corners in rois.tolist():
        left, top, right, bottom = (math.floor(c * spatial_scale + 0.5) for c in corners)
        height, width = max(bottom - top + 1, 1), max(right - left + 1, 1)
        for i in range(down):
            for j in range(across):
                a, b = top + i * height // down, top - (-(i + 1) * height // down)
                c, d = left + j * width // across, left - (-(j + 1) * width // across)
                part = x[int(image), :, max(a, 0) : max(b, 0), max(c, 0) : max(d, 0)].flatten(1)
                parts.append(part.max(1).values if part.shape[1] else x[0, :, 0, 0] * 0)
    found = torch.stack(parts) if parts else x[0, :, 0, 0].expand(0, -1)
    return found.view(len(rois), down, across, x.shape[1]).permute(0, 3, 1, 2)


def grid_points(rois, output_size, spatial_scale, sampling_ratio, aligned):
    """Image, bin and place of every sample, with the number of samples in its bin."""
    down, across = output_size
    for k, (image, *corners) in enumerate(rois.tolist()):
        left, top, right, bottom = (c * spatial_scale - 0.5 * aligned for c in corners)
        height, width = (v if aligned else max(v, 1.0) for v in (bottom - top, right - left))
        ny, nx = (sampling_ratio if sampling_ratio > 0 else max(0, math.ceil(v)) for v in (height / down, width / across))
        for i, j in np.ndindex(down, across):
            for a, b in np.ndindex(ny, nx):
                place = top + (i + (a + 0.5) / ny) * height / down, left + (j + (b + 0.5) / nx) * width / across
                yield k, int(image), i, j, place, ny * nx


def bilinear(x, y, place):
    """The value of channels ``x`` (C, H, W) at a place; 0 farther than one cell outside."""
    height, width = x.shape[1:]
    if not (-1 <= place[0] <= height and -1 <= place[1] <= width):
        return y * 0
    r, c = min(max(place[0], 0), height - 1), min(max(place[1], 0), width - 1)
    r0, c0 = int(r), int(c)
    r1, c1 = min(r0 + 1, height - 1), min(c0 + 1, width - 1)
    top = x[:, r0, c0] * (c0 + 1 - c) + x[:, r0, c1] * (c - c0)
    return top * (r0 + 1 - r) + (x[:, r1, c0] * (c0 + 1 - c) + x[:, r1, c1] * (c - c0)) * (r - r0)


def align(stack):
    def call(_, x, boxes, output_size, spatial_scale=1.0, sampling_ratio=-1, aligned=False):
        down, across = output_size
        found = [[[x[0, :, 0, 0] * 0 for _ in range(across)] for _ in range(down)] for _ in boxes]
        for k, image, i, j, place, count in grid_points(boxes, output_size, spatial_scale, sampling_ratio, aligned):
            found[k][i][j] = found[k][i][j] + bilinear(x[image], x[0, :, 0, 0], place) / count
        flat = [cell for roi in found for row in roi for cell in row]
        return stack(flat, x).reshape(len(boxes), down, across, x.shape[1])

    return call


def numpy_align(*args, **options):
    return align(lambda cells, x: np.array(cells) if cells else np.zeros((0, x.shape[1])))(*args, **options).transpose(0, 3, 1, 2)


def torch_align(*args, **options):
    return align(lambda cells, x: torch.stack(cells) if cells else x[0, :, 0, 0].expand(0, -1))(*args, **options).permute(0, 3, 1, 2)


def torch_head(p, x):
    h = F.conv2d(x, p["conv.0.0.weight"], p["conv.0.0.bias"], padding=1).relu().movedim(1, 3)  # (N, H, W, C)
    logits, offsets = (h @ p[f"{n}.weight"].flatten(1).T + p[f"{n}.bias"] for n in ("cls_logits", "bbox_pred"))
    return logits.reshape(len(x), -1), offsets.reshape(len(x), -1, 4)


def numpy_head(p, x):
    n, _, height, width = x.shape
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    logits, offsets = [], []
    for image, i, j in np.ndindex(n, height, width):
        seen = padded[image, :, i : i + 3, j : j + 3]
        hidden = np.maximum(0, [(w * seen).sum() + b for w, b in zip(p["conv.0.0.weight"], p["conv.0.0.bias"], strict=True)])
        logits.append(p["cls_logits.weight"][:, :, 0, 0] @ hidden + p["cls_logits.bias"])
        offsets.append(p["bbox_pred.weight"][:, :, 0, 0] @ hidden + p["bbox_pred.bias"])
    return np.array(logits).reshape(n, -1), np.array(offsets).reshape(n, -1, 4)


FOUND, ANCHORS = boxes(5, 14), boxes(5, 25)
LOGITS, OFFSETS, TARGETS = 2 * randn(6, seed=1), 2 * randn(6, 4, seed=2), randn(6, 4, seed=3)
LABELS = torch.tensor([1, 0, -1, 1, 0, 0])
SCORES, CLASSES = randn(6, 4, seed=4), torch.tensor([0, 3, 1, 0, 2, 3])
CLASS_OFFSETS = 2 * randn(6, 4, 4, seed=5)
MAP = randn(2, 3, 7, 9, seed=6)
CORNERS = [
    [0, 1.2, 2.6, 11.1, 9.8],
    [1, 4.0, 0.3, 17.3, 13.9],
    [1, -4.7, -3.1, 6.0, 5.3],
    [0, 15.1, 10.9, 25.3, 21.2],
    [0, 5.2, 5.1, 5.3, 5.2],
]
ROIS = torch.tensor(CORNERS, dtype=torch.float64)
AWAY = torch.tensor([[0.0, 20, 20, 24, 26], [1, 6, 5, 3, 1]], dtype=torch.float64)
CORNER = torch.tensor([[1.0, 8, 6, 10, 8]], dtype=torch.float64)  # its middle is where the last cells end, at (9, 7)
POINTS = torch.tensor([[1.0, 3, 2, 3, 2], [0, 2, 1, 2, 4], [0, 5, 3, 3, 2]], dtype=torch.float64)
IMAGES = torch.zeros(2, 3, 16, 16)
SIZES = r"num_classes, channels, stride, hidden, pool and proposals must be positive, got "

BAD = (
    Bad(lambda: encode(FOUND[:, :2], ANCHORS), r"encode: boxes must be floating point \(..., 4\), got torch.float64 of shape \(5, 2\)"),
    Bad(lambda: encode(FOUND, ANCHORS[:, :2]), r"encode: anchors must be .*, got torch.float64 of shape \(5, 2\)"),
    Bad(lambda: decode(FOUND.long(), ANCHORS), r"decode: offsets must be .*, got torch.int64 of shape \(5, 4\)"),
    Bad(lambda: decode(FOUND, ANCHORS.long()), r"decode: anchors must be .*, got torch.int64 of shape \(5, 4\)"),
    Bad(
        lambda: anchor_grid((0, 2), 4),
        r"anchor_grid: expected positive size, stride, scales and ratios, got \(0, 2\), 4, \(128, 256, 512\)",
    ),
    Bad(lambda: anchor_grid((1, 2), 0), r"anchor_grid: expected positive .*, got \(1, 2\), 0"),
    Bad(lambda: anchor_grid((1, 2), 1, ()), r"anchor_grid: expected positive .*, got \(1, 2\), 1, \(\)"),
    Bad(lambda: anchor_grid((1, 2), 1, (1, 0)), r"anchor_grid: expected positive .*, got \(1, 2\), 1, \(1, 0\)"),
    Bad(lambda: anchor_grid((1, 2), 1, ratios=()), r"anchor_grid: expected positive .* and \(\)"),
    Bad(lambda: match_anchors(FOUND, FOUND, 0.3, 0.7), r"match_anchors: expected 0 <= low <= high <= 1, got low 0.7 and high 0.3"),
    Bad(lambda: match_anchors(FOUND, FOUND, 1.1, 0.7), r"match_anchors: expected .*, got low 0.7 and high 1.1"),
    Bad(lambda: match_anchors(FOUND, FOUND, 0.1, -0.1), r"match_anchors: expected .*, got low -0.1 and high 0.1"),
    Bad(lambda: sample_labels(LABELS, 0, 0.5), r"sample_labels: expected a positive count and a share in \[0, 1\], got 0 and 0.5"),
    Bad(lambda: sample_labels(LABELS, 1, 1.5), r"sample_labels: expected .*, got 1 and 1.5"),
    Bad(lambda: sample_labels(LABELS, 1, -0.5), r"sample_labels: expected .*, got 1 and -0.5"),
    Bad(
        lambda: roi_pool(MAP[0], ROIS, 2), r"roi_pool: input must be floating point \(N, C, H, W\), got torch.float64 of shape \(3, 7, 9\)"
    ),
    Bad(lambda: roi_align(MAP[..., :0], ROIS, 2), r"roi_align: input must be .*, got torch.float64 of shape \(2, 3, 7, 0\)"),
    Bad(lambda: roi_align(MAP.long(), ROIS, 2), r"roi_align: input must be .*, got torch.int64"),
    Bad(lambda: roi_pool(MAP, ROIS[:, 1:], 2), r"roi_pool: boxes must be floating point \(K, 5\), got torch.float64 of shape \(5, 4\)"),
    Bad(lambda: roi_align(MAP, ROIS[0], 2), r"roi_align: boxes must be floating point \(K, 5\), got torch.float64 of shape \(5,\)"),
    Bad(lambda: roi_align(MAP, ROIS.long(), 2), r"roi_align: boxes must be floating point \(K, 5\), got torch.int64 of shape \(5, 5\)"),
    Bad(lambda: roi_pool(MAP, ROIS, 0), r"roi_pool: output_size must be an integer of at least 1 or two of them, got 0"),
    Bad(lambda: FasterRCNN(0), SIZES + "0, 32, 4, 64, 5 and 50"),
    Bad(lambda: FasterRCNN(1, channels=0), SIZES + "1, 0, 4, 64, 5 and 50"),
    Bad(lambda: FasterRCNN(1, stride=0), SIZES + "1, 32, 0, 64, 5 and 50"),
    Bad(lambda: FasterRCNN(1, hidden=0), SIZES + "1, 32, 4, 0, 5 and 50"),
    Bad(lambda: FasterRCNN(1, pool=0), SIZES + "1, 32, 4, 64, 0 and 50"),
    Bad(lambda: FasterRCNN(1, proposals=0), SIZES + "1, 32, 4, 64, 5 and 0"),
    Bad(lambda: FasterRCNN(1)(IMAGES[..., :3]), r"FasterRCNN: input must be .* of at least 4, got torch.float32 of shape \(2, 3, 16, 3\)"),
    Bad(lambda: FasterRCNN(1)(IMAGES, [EMPTY], [LABELS]), r"FasterRCNN: expected boxes and classes of 2 images, got 1 and 1"),
    Bad(lambda: FasterRCNN(1)(IMAGES, [EMPTY] * 2, [LABELS]), r"FasterRCNN: expected boxes and classes of 2 images, got 2 and 1"),
)


def case(name, call, torch_oracle, numpy_oracle, samples, **more):
    oracles = (Oracle("the equations in torch", torch_oracle), Oracle("the equations in NumPy, one by one", numpy_oracle, "numpy"))
    more.setdefault("dtypes", HALVES)
    return Case(METHOD, name, function(call), lambda: samples, oracles, **more)


NONE = [LOGITS[:0], OFFSETS[:0], LABELS[:0], TARGETS[:0], 5, 2.5]
BY_LABEL = "the number of chosen rows depends on the labels; the arithmetic is that of compiled built-in losses"
BY_REGION = "the most cells of any bin depend on the boxes"
CASES = [
    case(
        "encoding",
        encode,
        torch_encode,
        numpy_encode,
        [Sample((FOUND, ANCHORS))],
        degenerate=lambda: [Sample((EMPTY, EMPTY), name="no box")],
        hard=lambda: [Sample((FOUND + 1e4, ANCHORS + 1e4), name="1e4 pixels away")],
        bad=BAD,
    ),
    case(
        "decoding",
        decode,
        torch_decode,
        numpy_decode,
        [Sample((OFFSETS[:5] / 2, ANCHORS))],
        degenerate=lambda: [Sample((EMPTY, EMPTY), name="no box")],
        hard=lambda: [Sample((OFFSETS[:5] * 30, ANCHORS), name="sizes without bound")],
        compiles="encoding, made of the same operations, is compiled",
    ),
    case(
        "loss of the proposals",
        rpn_loss,
        torch_rpn,
        numpy_rpn,
        [
            Sample((LOGITS, OFFSETS, LABELS, TARGETS, 7, 2.5)),
            Sample((LOGITS, OFFSETS, LABELS, TARGETS, 3), name="default balance"),
            Sample((LOGITS, OFFSETS, -LABELS.abs(), TARGETS, 3), name="no object"),
        ],
        degenerate=lambda: [Sample(tuple(NONE), name="no anchor")],
        hard=lambda: [Sample((LOGITS * 300, OFFSETS * 1e3, LABELS, TARGETS, 7, 2.5), name="extreme logits")],
        compiles=BY_LABEL,
        exports=BY_LABEL,
    ),
    case(
        "loss of the second stage",
        detection_loss,
        torch_detection,
        numpy_detection,
        [
            Sample((SCORES, CLASS_OFFSETS, CLASSES, TARGETS)),
            Sample((SCORES, CLASS_OFFSETS, CLASSES * 0, TARGETS), name="background alone"),
        ],
        compiles=BY_LABEL,
        exports=BY_LABEL,
    ),
    case(
        "pooling of regions",
        roi_pool,
        torch_pool,
        numpy_pool,
        [
            Sample((MAP, ROIS[:3], (2, 3)), {"spatial_scale": 0.5}),
            Sample((MAP, ROIS, (3, 2)), {"spatial_scale": 0.5}, "outside, and smaller than a cell"),
            Sample((MAP, ROIS * 0.7, (1, 1)), name="defaults"),
            Sample((MAP, AWAY, (2, 1)), name="no cell inside, and an end before the beginning"),
            Sample((MAP, ROIS * 0 + torch.tensor([1.0, 0.5, 1.5, 2.5, 4.5]), (2, 2)), name="halves"),
        ],
        degenerate=lambda: [Sample((MAP, ROIS[:0], (2, 3)), name="no region"), Sample((MAP, AWAY[:1], (2, 1)), name="no cell inside")],
        # a region has no gradient by its corners, and in two-byte types they fall into other cells
        dtypes=(torch.float64, torch.float32),
        gradcheck=0,
        compiles=BY_REGION,
        exports=BY_REGION,
    ),
    case(
        "alignment of regions",
        roi_align,
        torch_align,
        numpy_align,
        [
            Sample((MAP,), {"boxes": ROIS, "output_size": (2, 3), "spatial_scale": 0.5}, "as many samples as cells"),
            Sample((MAP,), {"boxes": ROIS, "output_size": (3, 2), "spatial_scale": 0.5, "sampling_ratio": 2, "aligned": True}, "aligned"),
            Sample((MAP,), {"boxes": ROIS / 2, "output_size": (2, 2), "aligned": True}, "aligned, adaptive"),
            Sample((MAP,), {"boxes": ROIS / 2, "output_size": (1, 2), "sampling_ratio": 3}, "three samples"),
            Sample((MAP,), {"boxes": CORNER, "output_size": (1, 1), "sampling_ratio": 1}, "a sample on the far corner"),
            Sample((MAP,), {"boxes": POINTS, "output_size": (2, 1), "aligned": True}, "regions without width or height"),
        ],
        degenerate=lambda: [Sample((MAP,), {"boxes": ROIS[:0], "output_size": (2, 3)}, "no region")],
        dtypes=(torch.float64, torch.float32),  # rounded corners are other samples
        hard=lambda: [Sample((MAP + 1e4,), {"boxes": ROIS / 2, "output_size": (2, 2), "sampling_ratio": 2}, "mean 1e4")],
        compiles=BY_REGION,
        exports=BY_REGION,
    ),
    Case(
        METHOD,
        "head of the proposals",
        lambda: randomize(RPNHead(3, 2)),
        lambda: [Sample((randn(2, 3, 3, 4, seed=8),))],
        (Oracle("matrix products in torch", torch_head), Oracle("position by position in NumPy", numpy_head, "numpy")),
        degenerate=lambda: [Sample((randn(1, 3, 1, 1, seed=9),), name="one position")],
        hard=lambda: [Sample((rand(1, 3, 2, 3, seed=9) * 1e4,), name="values of 1e4")],
    ),
]
