"""Cases of YOLO: boxes and losses of versions 1 and 3; one loop over cells and objects serves the oracles in NumPy and in torch."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.vision.yolo import YOLO, cluster_priors, decode, yolo_loss, yolo_v1_loss
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize
from tests.refimpl.vision.cases_boxes import pair_iou

METHOD = "yolo"


def sigmoid(z):
    return 1 / (1 + math.e ** (-z))


def cross_entropy(z, target):
    p = sigmoid(z)
    return -((p if target else 1 - p).log() if isinstance(z, torch.Tensor) else math.log(p if target else 1 - p))


def middle(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]


def corners(x, y, w, h):
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def loop_v1(_, boxes, scores, truth, classes, coord=5.0, noobj=0.5):
    n, s, _, b, _ = boxes.shape
    total, taken = boxes.sum() * 0, set()
    for image in range(n):
        for real, kind in zip(truth[image].tolist(), classes[image].tolist(), strict=True):
            x, y, w, h = middle(real)
            i, j = min(s - 1, int(y * s)), min(s - 1, int(x * s))
            own = [[float(v) for v in boxes[image, i, j, k]] for k in range(b)]
            overlaps = [pair_iou(corners((j + p[0]) / s, (i + p[1]) / s, p[2] ** 2, p[3] ** 2), real) for p in own]
            best = max(range(b), key=lambda k: overlaps[k])
            taken.add((image, i, j, best))
            p = boxes[image, i, j, best]
            shift = (p[0] - (x * s - j)) ** 2 + (p[1] - (y * s - i)) ** 2
            total = total + coord * (shift + (p[2] - math.sqrt(w)) ** 2 + (p[3] - math.sqrt(h)) ** 2) + (p[4] - overlaps[best]) ** 2
            total = total + sum((v - float(k == kind)) ** 2 for k, v in enumerate(scores[image, i, j]))
    for place in np.ndindex(n, s, s, b):
        if place not in taken:
            total = total + noobj * boxes[(*place, 4)] ** 2
    return total / n


def loop_decode(exp, stack, _, output, priors, stride):
    rows = []
    for n, i, j, a in np.ndindex(*output.shape[:4]):
        t = output[n, i, j, a]
        x, y = (sigmoid(t[0]) + j) * stride, (sigmoid(t[1]) + i) * stride
        rows += corners(x, y, priors[a][0] * exp(t[2]), priors[a][1] * exp(t[3]))
    return stack(rows).reshape(*output.shape[:4], 4)


def loop_v3(_, output, priors, stride, truth, classes, ignore=0.5):
    n, height, width, _, _ = output.shape
    plain = output.detach().numpy() if isinstance(output, torch.Tensor) else output
    boxes = loop_decode(math.exp, np.array, None, plain, priors.tolist(), stride)
    total, taken = output.sum() * 0, set()
    for image in range(n):
        for real, kind in zip(truth[image].tolist(), classes[image].tolist(), strict=True):
            x, y, w, h = middle(real)
            j, i = (max(0, min(size - 1, math.floor(v / stride))) for v, size in ((x, width), (y, height)))
            fits = [pair_iou(corners(0, 0, w, h), corners(0, 0, *p)) for p in priors.tolist()]
            a = fits.index(max(fits))
            taken.add((image, i, j, a))
            t, (pw, ph) = output[image, i, j, a], priors[a].tolist()
            total = total + (sigmoid(t[0]) - (x / stride - j)) ** 2 + (sigmoid(t[1]) - (y / stride - i)) ** 2
            total = total + (t[2] - math.log(w / pw)) ** 2 + (t[3] - math.log(h / ph)) ** 2 + cross_entropy(t[4], True)
            total = total + sum(cross_entropy(z, k == kind) for k, z in enumerate(t[5:]))
    for place in np.ndindex(*output.shape[:4]):
        near = max((pair_iou(boxes[place].tolist(), real) for real in truth[place[0]].tolist()), default=0.0)
        if place not in taken and near <= ignore:
            total = total + cross_entropy(output[(*place, 4)], False)
    return total / n


def network(p, x):
    for i, stride in ((0, 2), (2, 2), (4, 2), (6, 1)):
        x = F.conv2d(x, p[f"backbone.{i}.weight"], p[f"backbone.{i}.bias"], stride, 1).relu()
    x = x.permute(0, 2, 3, 1) @ p["head.weight"].flatten(1).T + p["head.bias"]
    return x.view(*x.shape[:3], 2, -1)


def numpy_network(p, x):
    for i, stride in ((0, 2), (2, 2), (4, 2), (6, 1)):
        w, b = p[f"backbone.{i}.weight"], p[f"backbone.{i}.bias"]
        padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
        size = [(n - 1) // stride + 1 for n in x.shape[2:]]
        y = np.zeros((len(x), len(w), *size))
        for r, c in np.ndindex(*size):
            seen = padded[:, :, r * stride : r * stride + 3, c * stride : c * stride + 3]
            y[:, :, r, c] = np.maximum(0, np.tensordot(seen, w, ([1, 2, 3], [1, 2, 3])) + b)
        x = y
    x = np.einsum("ncij,kc->nijk", x, p["head.weight"][:, :, 0, 0]) + p["head.bias"]
    return x.reshape(*x.shape[:3], 2, -1)


BOXES, SCORES = rand(2, 3, 3, 2, 5, seed=1, low=0.2), randn(2, 3, 3, 4, seed=2)
TRUTH = [torch.tensor([[0.1, 0.2, 0.5, 0.9], [0.6, 0.5, 1.0, 0.8]]), torch.tensor([[0.7, 0.0, 1.0, 0.15]])]
CLASSES = [torch.tensor([3, 0]), torch.tensor([2])]
TWICE = [torch.tensor([[0.1, 0.2, 0.5, 0.9], [0.2, 0.25, 0.55, 0.75]]), TRUTH[1][:0]]
AT_THE_END = [torch.tensor([[0.9, 0.9, 1.1, 1.1]]), torch.tensor([[0.95, 0.1, 1.05, 0.2]])]
OUTPUT, PRIORS = randn(2, 3, 4, 2, 8, seed=3), torch.tensor([[9.0, 20.0], [22.0, 12.0]])
PIXELS = [torch.tensor([[3.0, 5, 12, 21], [10, 2, 31, 14]]), torch.tensor([[18.0, 11, 27, 23.5]])]
KINDS = [torch.tensor([2, 0]), torch.tensor([1])]
OUTSIDE = [torch.tensor([[28.0, 20, 39, 33], [-9, -30, 3, 5]]), PIXELS[1][:0]]
V1 = {"truth": TRUTH, "classes": CLASSES}
V3 = {"stride": 8, "truth": PIXELS, "classes": KINDS}
SMALL = {"num_classes": 3, "priors": [(9.0, 20.0), (22.0, 12.0)], "channels": 8}
SHAPE = r"output must be floating point \(N, H, W, A, 5 \+ K\), got "

BAD = (
    Bad(lambda: yolo_v1_loss(BOXES[0], SCORES, **V1), r"yolo_v1_loss: boxes must have shape \(N, S, S, B, 5\), got \(3, 3, 2, 5\)"),
    Bad(lambda: yolo_v1_loss(BOXES[..., None], SCORES, **V1), r"yolo_v1_loss: boxes must have shape .*, got \(2, 3, 3, 2, 5, 1\)"),
    Bad(lambda: yolo_v1_loss(BOXES[:, 1:], SCORES, **V1), r"yolo_v1_loss: boxes must have shape .*, got \(2, 2, 3, 2, 5\)"),
    Bad(lambda: yolo_v1_loss(BOXES[..., 1:], SCORES, **V1), r"yolo_v1_loss: boxes must have shape .*, got \(2, 3, 3, 2, 4\)"),
    Bad(lambda: yolo_v1_loss(BOXES, SCORES[:1], **V1), r"yolo_v1_loss: scores must have shape \(2, 3, 3\) and classes, got \(1, 3, 3, 4\)"),
    Bad(lambda: yolo_v1_loss(BOXES, SCORES[..., 0], **V1), r"yolo_v1_loss: scores must have shape .*, got \(2, 3, 3\)"),
    Bad(lambda: yolo_v1_loss(BOXES, SCORES, TRUTH[:1], CLASSES), r"yolo_v1_loss: expected truth and classes of .* 2 here, got 1 and 2"),
    Bad(lambda: yolo_v1_loss(BOXES[:0], SCORES[:0], [], []), r"yolo_v1_loss: .* at least one image, 0 here, got 0 and 0"),
    Bad(lambda: yolo_loss(OUTPUT, PRIORS, 8, PIXELS, KINDS[:1]), r"yolo_loss: expected truth and classes of .* 2 here, got 2 and 1"),
    Bad(lambda: yolo_loss(OUTPUT[0], PRIORS, **V3), "yolo_loss: " + SHAPE + r"torch.float64 of shape \(3, 4, 2, 8\)"),
    Bad(lambda: decode(OUTPUT.long(), PRIORS, 8), "decode: " + SHAPE + r"torch.int64 of shape \(2, 3, 4, 2, 8\)"),
    Bad(lambda: decode(OUTPUT[..., :5], PRIORS, 8), "decode: " + SHAPE + r"torch.float64 of shape \(2, 3, 4, 2, 5\)"),
    Bad(lambda: decode(OUTPUT, PRIORS[:1], 8), r"decode: priors must have shape \(2, 2\), got \(1, 2\)"),
    Bad(lambda: cluster_priors(PRIORS, 3), r"cluster_priors: expected sizes \(N, 2\) and a count from 1 to N, got \(2, 2\) and 3"),
    Bad(lambda: cluster_priors(PRIORS, 0), r"cluster_priors: expected .*, got \(2, 2\) and 0"),
    Bad(lambda: cluster_priors(PRIORS[0], 1), r"cluster_priors: expected .*, got \(2,\) and 1"),
    Bad(lambda: cluster_priors(OUTPUT[0, 0, 0], 1), r"cluster_priors: expected .*, got \(2, 8\) and 1"),
    Bad(lambda: YOLO(0, [(1, 1)]), r"YOLO: expected a positive number of classes and positive priors, got 0 and \[\(1, 1\)\]"),
    Bad(lambda: YOLO(1, []), r"YOLO: expected .*, got 1 and \[\]"),
    Bad(lambda: YOLO(1, [(1, 1), (1, 0)]), r"YOLO: expected .*, got 1 and \[\(1, 1\), \(1, 0\)\]"),
    Bad(
        lambda: YOLO(1, [(1, 1)])(torch.zeros(1, 3, 7, 8)), r"YOLO: input must be .* at least 8, got torch.float32 of shape \(1, 3, 7, 8\)"
    ),
)
BY_OBJECTS = "the number of objects depends on the images"
LOSS = {"dtypes": (torch.float64, torch.float32), "compiles": BY_OBJECTS, "exports": BY_OBJECTS, "layouts": False}
# rounding to two bytes moves boxes into other cells and across the threshold
CASES = [
    Case(
        METHOD,
        "boxes",
        function(decode, stride=8),
        lambda: [Sample((OUTPUT, PRIORS))],
        (
            Oracle("cell by cell in torch", partial(loop_decode, torch.exp, torch.stack, stride=8)),
            Oracle("cell by cell in NumPy", partial(loop_decode, np.exp, np.array, stride=8), "numpy"),
        ),
        hard=lambda: [Sample((OUTPUT * torch.tensor([30.0, 30, 5, 5, 1, 1, 1, 1]), PRIORS), name="centers at the cell's border")],
        layouts=False,
        bad=BAD,
    ),
    Case(
        METHOD,
        "loss of version 1",
        function(yolo_v1_loss),
        lambda: [
            Sample((BOXES, SCORES), {**V1, "coord": 3.0, "noobj": 0.7}),
            Sample((BOXES, SCORES), V1, "defaults"),
            Sample((BOXES, SCORES), {**V1, "truth": TWICE, "classes": [CLASSES[0], CLASSES[1][:0]]}, "two objects in a cell, and none"),
            Sample((BOXES, SCORES), {"truth": AT_THE_END, "classes": [CLASSES[1], CLASSES[0][1:]]}, "centers on the border"),
        ],
        (Oracle("object by object in torch", loop_v1), Oracle("object by object in NumPy", loop_v1, "numpy")),
        hard=lambda: [Sample((BOXES * 0, SCORES * 1e4), V1, "zeros and values of 1e4")],
        gradcheck=0,  # the target of the confidence, an overlap, takes no gradient; compared with the oracle's
        **LOSS,
    ),
    Case(
        METHOD,
        "loss of version 3",
        function(yolo_loss),
        lambda: [
            Sample((OUTPUT / 2,), {**V3, "priors": PRIORS, "ignore": 0.2}),
            Sample((OUTPUT / 3,), {**V3, "priors": PRIORS}, "defaults"),
            Sample((OUTPUT,), {**V3, "priors": PRIORS, "truth": OUTSIDE, "classes": [KINDS[0], KINDS[1][:0]]}, "outside the image"),
        ],
        (Oracle("object by object in torch", loop_v3), Oracle("object by object in NumPy", loop_v3, "numpy")),
        hard=lambda: [Sample((OUTPUT * 5,), {**V3, "priors": PRIORS}, "large logits")],
        **LOSS,
    ),
    Case(
        METHOD,
        "network",
        lambda: randomize(YOLO(**SMALL), scale=0.5),
        lambda: [Sample((randn(2, 3, 17, 22, seed=4),))],
        (Oracle("the network in torch.nn.functional", network), Oracle("position by position in NumPy", numpy_network, "numpy")),
        gradcheck=0,  # kinks; the gradients are compared with the oracle's
        degenerate=lambda: [Sample((randn(1, 3, 8, 9, seed=5),), name="one cell and a piece")],
        dtypes=(torch.float64, torch.float32),
        tolerance={torch.float32: 1e-4},  # errors add up from layer to layer
        compiles="its convolutions are compiled in their own cases",
    ),
]
