"""What is special to YOLO: exact matches cost nothing, responsibility, priors from clusters, and the whole detector."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch

from refimpl.vision.boxes import box_convert, box_iou, mean_average_precision
from refimpl.vision.shapes import bars
from refimpl.vision.yolo import YOLO, cluster_priors, decode, yolo_loss, yolo_v1_loss
from tests.refimpl.harness.case import rand
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_boxes import pair_iou
from tests.refimpl.vision.cases_yolo import BOXES, CLASSES, KINDS, METHOD, OUTPUT, PIXELS, PRIORS, SCORES, SMALL, TRUTH

MODULE = "refimpl.vision.yolo"


def test_a_perfect_prediction_of_version_1_costs_nothing():
    boxes, scores = torch.zeros(1, 4, 4, 2, 5), torch.zeros(1, 4, 4, 3)
    real = torch.tensor([[0.3, 0.4, 0.5, 0.8]])  # center (0.4, 0.6): cell 2, 1
    boxes[0, 2, 1, 1] = torch.tensor([0.6, 0.4, math.sqrt(0.2), math.sqrt(0.4), 1.0])
    scores[0, 2, 1, 2] = 1
    assert yolo_v1_loss(boxes, scores, [real], [torch.tensor([2])]).item() == pytest.approx(0, abs=1e-12)
    boxes[0, 2, 1, 1, 4] = 0
    assert yolo_v1_loss(boxes, scores, [real], [torch.tensor([2])]).item() == pytest.approx(1, rel=1e-5)
    boxes[0, 0, 0, 0, 4] = 2
    assert yolo_v1_loss(boxes, scores, [real], [torch.tensor([2])]).item() == pytest.approx(1 + 0.5 * 4, rel=1e-5)


def test_the_box_that_overlaps_best_answers():
    boxes, scores = torch.zeros(1, 1, 1, 2, 5, requires_grad=True), torch.zeros(1, 1, 1, 1)
    with torch.no_grad():
        boxes[0, 0, 0] = torch.tensor([[0.5, 0.5, 0.2, 0.2, 0.0], [0.5, 0.5, 0.6, 0.6, 0.0]])
    yolo_v1_loss(boxes, scores, [torch.tensor([[0.3, 0.3, 0.7, 0.7]])], [torch.tensor([0])]).backward()
    assert not boxes.grad[0, 0, 0, 0].any() and boxes.grad[0, 0, 0, 1, 2:].all()


def test_boxes_invert_the_targets(record):
    """The output that costs least gives the true boxes back."""
    real = torch.tensor([[18.0, 11, 27, 23.5]], dtype=torch.float64)
    x, y, w, h = box_convert(real, "xyxy", "cxcywh")[0].tolist()
    output = torch.full((1, 3, 4, 2, 8), -40.0, dtype=torch.float64)
    inside = x / 8 - 2, y / 8 - 2
    t = [*(math.log(v / (1 - v)) for v in inside), math.log(w / 9), math.log(h / 20), 40, -40, 40, -40]
    output[0, 2, 2, 0] = torch.tensor(t, dtype=torch.float64)
    assert yolo_loss(output, PRIORS.double(), 8, [real], [torch.tensor([1])]).item() < 1e-12
    gap = error(decode(output, PRIORS.double(), 8)[0, 2, 2, 0], real[0])
    record(METHOD, MODULE, "boxes from the output that costs least", "the true boxes", error=gap, tolerance=1e-14, dtype=torch.float64)


def test_what_overlaps_an_object_is_not_punished():
    """Objectness of a prediction with an IoU above 0.5 takes a gradient only where it answers for the object."""
    output = torch.zeros(1, 1, 2, 1, 6, requires_grad=True)
    priors, real = torch.tensor([[12.0, 8.0]]), [torch.tensor([[1.0, 0.0, 13.0, 8.0]])]  # predictions at 4 and 12, object at 7

    def gradient(ignore):
        return torch.autograd.grad(yolo_loss(output, priors, 8, real, [torch.tensor([0])], ignore), output)[0][0, 0, :, 0, 4].tolist()

    overlap = box_iou(decode(output, priors, 8).detach().view(2, 4), real[0])[1].item()
    assert overlap == pytest.approx(7 / 17)
    assert gradient(0.5) == [-0.5, 0.5] and gradient(0.4) == [-0.5, 0.0]
    assert gradient(overlap) == [-0.5, 0.5]  # not above
    wide, real = torch.tensor([[20.0, 8.0]]), [torch.tensor([[-3.0, 0.0, 17.0, 8.0]])]  # an overlap of 15 / 25 with the other
    found = torch.autograd.grad(yolo_loss(output, wide, 8, real, [torch.tensor([0])]), output)[0]
    assert found[0, 0, :, 0, 4].tolist() == [-0.5, 0.0]


def test_centers_stay_in_their_cells():
    boxes = box_convert(decode(OUTPUT * 5, PRIORS.double(), 8), "xyxy", "cxcywh")
    for i in range(3):
        for j in range(4):
            center = boxes[:, i, j, :, :2] / 8
            assert (center >= torch.tensor([j, i])).all() and (center <= torch.tensor([j + 1, i + 1])).all()


def test_tensors_are_made_where_the_inputs_are():
    """With another device as PyTorch's default the answers are the same."""
    calls = [
        lambda: yolo_v1_loss(BOXES, SCORES, TRUTH, CLASSES),
        lambda: yolo_loss(OUTPUT, PRIORS.double(), 8, PIXELS, KINDS),
        lambda: cluster_priors(PRIORS, 2),
    ]
    expected = [call() for call in calls]
    with torch.device("meta"):
        assert all(torch.equal(call(), e) for call, e in zip(calls, expected, strict=True))


def test_clusters_of_sizes():
    true = torch.tensor([[5.0, 8.0], [20.0, 10.0], [30.0, 60.0]], dtype=torch.float64)
    sizes = (true[:, None] * rand(3, 40, 2, seed=1, low=0.9, high=1.1)).view(-1, 2)
    found = cluster_priors(sizes, 3, generator=torch.Generator().manual_seed(4))
    assert error(found, sizes.view(3, 40, 2).mean(1)) < 1e-12
    assert torch.equal(cluster_priors(sizes[:3], 3), sizes[:3][sizes[:3].prod(1).argsort()])
    assert error(cluster_priors(sizes, 1)[0], sizes.mean(0)) < 1e-12
    start, again = (cluster_priors(sizes, 2, 0, torch.Generator().manual_seed(1)) for _ in range(2))
    assert all((sizes == row).all(1).any() for row in start) and torch.equal(start, again)
    twins = torch.tensor([[2.0, 3.0]] * 3)
    assert torch.equal(cluster_priors(twins, 2), twins[:2])  # an empty cluster stays where it is
    twins = torch.tensor([[2.0, 3.0], [2.0, 3.0], [4.0, 3.0]], requires_grad=True)
    for seed in range(6):  # some start with both twins
        (slope,) = torch.autograd.grad(cluster_priors(twins, 2, generator=torch.Generator().manual_seed(seed)).sum(), twins)
        assert slope.isfinite().all()
    assert inspect.signature(cluster_priors).parameters["steps"].default == 100


def test_clusters_step_by_step(record):
    """From the same start, each size goes to the mean that it overlaps most, and each mean to the middle of its sizes."""
    found, expected = [], []
    for seed in range(20):
        sizes = rand(6, 2, seed=seed, low=0.1)
        start, end = (cluster_priors(sizes, 3, steps, torch.Generator().manual_seed(seed)) for steps in (0, 100))
        means = start.tolist()
        for _ in range(10):
            groups = [[], [], []]
            for size in sizes.tolist():
                groups[max(range(3), key=lambda k: pair_iou((0, 0, *size), (0, 0, *means[k])))].append(size)
            means = [np.mean(g, 0).tolist() if g else m for g, m in zip(groups, means, strict=True)]
        found.append(end)
        expected.append(torch.tensor(sorted(means, key=math.prod), dtype=torch.float64))
    gap = error(torch.stack(found), torch.stack(expected))
    record(METHOD, MODULE, "clusters", "step by step in NumPy", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(6,2)")


def test_small_and_large_boxes_cluster_by_shape_not_size():
    """The distance of the Euclidean kind would give both means to the large boxes."""
    sizes = torch.tensor([[2.0, 1], [2.2, 1], [4, 8], [100, 100], [140, 140], [100, 104]])
    found = [cluster_priors(sizes, 2, generator=torch.Generator().manual_seed(s)) for s in range(8)]
    assert any((f[0] < 10).all() for f in found)


def test_detections_follow_scores():
    torch.manual_seed(1)
    model = YOLO(**SMALL).eval().requires_grad_(False)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.copy_(torch.tensor([0.0, 0, 0, 0, 2, 2, -0.763, -0.561, 0, 0, 0, 0, -9, 9, 9, 9]))
    images = torch.zeros(2, 3, 16, 24)
    with torch.no_grad():
        found = model.detect(images)
    best = (1 / (1 + math.exp(-2))) ** 2, 1 / (1 + math.exp(-2)) / (1 + math.exp(0.561))  # 0.77 and 0.32; class 1 has 0.28
    for boxes, scores, kinds in found:
        assert set(kinds.tolist()) == {0, 2}
        assert error(scores[kinds == 0], torch.full_like(scores[kinds == 0], best[0])) < 1e-6
        assert error(scores[kinds == 2], torch.full_like(scores[kinds == 2], best[1])) < 1e-6
        own = boxes[kinds == 0]
        assert error(own[:, 2:] - own[:, :2], torch.tensor([[9.0, 20.0]]).expand_as(own[:, 2:])) < 1e-5
        assert len(own) == 6  # neighbors overlap by 0.43
    assert [len(model.detect(images, least)[0][0]) for least in (0.25, 0.3, 0.7, 0.9)] == [18, 12, 6, 0]
    found = model.detect(images, overlap=0.4)[0]
    own = found[0][found[2] == 0]
    assert (box_iou(own, own).fill_diagonal_(0) <= 0.4).all() and len(own) == 3
    assert len(model.detect(images, found[1].max().item())[0][0]) == 0
    model.priors[0] = torch.tensor([24.0, 20.0])  # neighbors to the right overlap by a half
    boxes, _, kinds = model.detect(images)[0]
    assert len(boxes[kinds == 0]) == 4


def test_defaults_and_a_backbone_of_one_s_own():
    model = YOLO(2, [(3.0, 4.0)])
    assert model(torch.zeros(1, 3, 32, 24)).shape == (1, 4, 3, 1, 7) and model.head.in_channels == 32
    assert [m.out_channels for m in model.backbone if isinstance(m, torch.nn.Conv2d)] == [8, 16, 32, 32]
    assert YOLO(2, [(3, 4)]).priors.dtype == torch.get_default_dtype()
    own = torch.nn.Conv2d(3, 5, 4, 4)
    assert YOLO(2, [(3.0, 4.0)], own, 5, 4)(torch.zeros(1, 3, 16, 12)).shape == (1, 4, 3, 1, 7)
    loss = yolo_loss(OUTPUT, PRIORS.double(), 8, PIXELS, KINDS)
    assert error(yolo_loss(OUTPUT, PRIORS.double(), 8, PIXELS, KINDS, 0.5), loss) == 0


@pytest.mark.slow
def test_it_learns_to_detect(record):
    """300 steps find the bars in new images."""
    torch.manual_seed(0)
    model = YOLO(2, [(14.0, 6.0), (6.0, 14.0)])
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(300):
        images, boxes, classes = bars(8)
        adam.zero_grad()
        yolo_loss(model(images), model.priors, 8, boxes, [c - 1 for c in classes]).backward()
        adam.step()
    images, boxes, classes = bars(30)
    with torch.no_grad():
        found = model.detect(images)
    score = mean_average_precision(found, list(zip(boxes, [c - 1 for c in classes], strict=True)), (0.5,), "area").item()
    record(METHOD, MODULE, "1 - mean average precision on drawn bars", "the truth", error=1 - score, tolerance=0.4)
