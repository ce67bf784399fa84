"""What is special to boxes: bounds and identities, suppression, average precision, and other packages."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest
import torch

from refimpl.vision.boxes import (
    average_precision,
    batched_nms,
    box_iou,
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
from tests.refimpl.convolution.torchvision_models import torchvision_models
from tests.refimpl.harness.case import rand
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_boxes import METHOD, boxes, pair_iou

MODULE = "refimpl.vision.boxes"
OVERLAPS = (box_iou, generalized_box_iou, distance_box_iou, complete_box_iou)


def greedy(found, scores, threshold):
    """The rule as it is told: take the best box left, drop those that overlap it."""
    left, kept = sorted(range(len(found)), key=lambda i: -scores[i]), []
    while left:
        kept.append(left.pop(0))
        left = [i for i in left if pair_iou(found[kept[-1]], found[i]) <= threshold]
    return kept


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_against_torchvision(overlap, record):
    if torchvision_models() is None:
        pytest.skip("torchvision is not installed")
    theirs = getattr(importlib.import_module("torchvision.ops"), overlap.__name__)
    names = list(inspect.signature(overlap).parameters)
    assert names == list(inspect.signature(theirs).parameters)[: len(names)]  # a format follows in newer versions
    gap = error(overlap(boxes(30, 3), boxes(20, 7)), theirs(boxes(30, 3), boxes(20, 7)))
    record(METHOD, MODULE, overlap.__name__, f"torchvision.ops.{overlap.__name__}", error=gap, tolerance=1e-12, dtype=torch.float64)


@pytest.mark.parametrize("overlap", OVERLAPS)
def test_bounds_and_invariances(overlap):
    a, b = boxes(8, 13), boxes(6, 17)
    found = overlap(a, b)
    assert (found <= 1).all() and (found >= (0 if overlap is box_iou else -2)).all()
    assert error(overlap(a, a).diagonal(), torch.ones(8)) < 1e-7
    assert error(overlap(b, a).T, found) < 1e-14
    assert error(overlap(3 * a + 7, 3 * b + 7), found) < 1e-7
    assert error(overlap(a[:, [1, 0, 3, 2]], b[:, [1, 0, 3, 2]]), found) < 1e-14


def test_known_overlaps():
    a, far = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 1, 3, 3], [98.0, 0, 100, 2], [2, 0, 4, 2]])
    assert box_iou(a, far)[0].tolist() == [pytest.approx(1 / 7), 0.0, 0.0]
    assert generalized_box_iou(a, far)[0].tolist() == [pytest.approx(1 / 7 - 2 / 9), pytest.approx(8 / 200 - 1), 0.0]
    assert distance_box_iou(a, far)[0].tolist() == [pytest.approx(1 / 7 - 2 / 18), pytest.approx(-(98**2) / 10004), pytest.approx(-4 / 20)]
    assert complete_box_iou(a, torch.tensor([[0.0, 0, 0, 2]]))[0].isfinite().all()


def test_small_boxes():
    found = torch.tensor([[0.0, 0, 3, 3], [0, 0, 3, 2], [1, 1, 3.5, 9], [0, 0, 2, 3], [5, 5, 9, 9]])
    assert remove_small_boxes(found, 3.0).tolist() == [0, 4]
    assert remove_small_boxes(found, 2.5).tolist() == [0, 2, 4]


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.7, 1.0])
def test_suppression_against_the_loop(threshold, record):
    wrong = 0
    for seed in range(20):
        found, scores = boxes(25, 100 * seed), rand(25, seed=seed, low=0.0)
        wrong += nms(found, scores, threshold).tolist() != greedy(found.tolist(), scores.tolist(), threshold)
    record(METHOD, MODULE, f"suppression at {threshold}", "the loop over boxes", error=wrong, tolerance=0, dtype=torch.float64)


def test_suppression_by_onnxruntime(record):
    """A second package: ONNX's NonMaxSuppression."""
    ort, onnx = pytest.importorskip("onnxruntime"), pytest.importorskip("onnx")
    from onnx import helper

    kind, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    names = ("boxes", kind, [1, 40, 4]), ("scores", kind, [1, 1, 40]), ("most", whole, [1]), ("iou", kind, [1])
    inputs = [helper.make_tensor_value_info(*n) for n in names]
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "iou"], ["kept"])
    graph = helper.make_graph([node], "nms", inputs, [helper.make_tensor_value_info("kept", whole, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    run = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run
    wrong = 0
    for seed in range(5):
        found, scores = boxes(40, 50 * seed).float(), rand(40, seed=seed, low=0.0).float()
        asked = found[None].numpy(), scores[None, None].numpy(), np.array([40]), np.array([0.4], np.float32)
        kept = run(None, dict(zip(("boxes", "scores", "most", "iou"), asked, strict=True)))[0][:, 2]
        wrong += nms(found, scores, 0.4).tolist() != kept.tolist()
    record(METHOD, MODULE, "suppression at 0.4", "onnxruntime", error=wrong, tolerance=0, dtype=torch.float32)


def test_suppression_keeps_what_it_kept_and_nothing_that_overlaps():
    found, scores = boxes(60, 31), rand(60, seed=3)
    kept = nms(found, scores, 0.3)
    assert nms(found[kept], scores[kept], 0.3).tolist() == list(range(len(kept)))
    assert (box_iou(found[kept], found[kept]).fill_diagonal_(0) <= 0.3).all()
    assert (scores[kept].diff() <= 0).all()
    assert nms(found[:0], scores[:0], 0.3).shape == (0,)


def test_equal_scores_and_an_overlap_at_the_threshold():
    found = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 1], [0, 0, 2, 2]], dtype=torch.bfloat16)
    assert nms(found, torch.ones(3), 0.5).tolist() == [0, 1]  # IoU of 0.5 is not above 0.5
    assert nms(found, torch.ones(3), 0.49).tolist() == [0]
    many = torch.arange(40.0)[:, None].expand(-1, 4) * 3 + torch.tensor([0.0, 0, 2, 2])
    assert nms(many, torch.ones(40), 0.5).tolist() == list(range(40))
    chain = torch.tensor([[0.0, 0, 10, 1], [4, 0, 14, 1], [8, 0, 18, 1], [12, 0, 22, 1]])  # each suppresses the next
    assert nms(chain, torch.tensor([0.9, 0.8, 0.7, 0.6]), 0.3).tolist() == [0, 2]


def test_classes_do_not_suppress_each_other():
    found, scores, kinds = boxes(50, 41), rand(50, seed=4), (rand(50, seed=5, low=0.0) * 3).long()
    kept = batched_nms(found, scores, kinds, 0.2)
    expected = torch.cat([(kinds == k).nonzero()[:, 0][nms(found[kinds == k], scores[kinds == k], 0.2)] for k in range(3)])
    assert sorted(kept.tolist()) == sorted(expected.tolist()) and (scores[kept].diff() <= 0).all()
    for none in (kinds[:0], scores[:0]):
        empty = batched_nms(found[:0], scores[:0], none, 0.2)
        assert empty.shape == (0,) and empty.dtype == torch.int64
    middle = torch.tensor([[-1.0, -1, 1, 1]] * 2)
    assert batched_nms(middle, torch.ones(2), torch.tensor([0, 1]), 0.5).tolist() == [0, 1]
    apart = torch.tensor([[0.0, 0, 1, 1], [1, 1, 2, 2]]) - 5.0  # equal after a shift of 1
    assert batched_nms(apart[[0, 0]], torch.ones(2), torch.tensor([0, 1]), 0.5).tolist() == [0, 1]
    assert len(batched_nms(apart, torch.ones(2), torch.tensor([1, 0]), 0.5)) == 2


@pytest.mark.parametrize("linear", [None, 0.25])
def test_soft_suppression_against_the_loop(linear, record):
    found, scores, sigma, least = boxes(20, 61), rand(20, seed=6, low=0.0), 0.3, 0.05
    left, expected = dict(enumerate(scores.tolist())), []
    while left and max(left.values()) > least:
        best = max(left, key=left.get)
        expected.append((best, left.pop(best)))
        for i in left:
            overlap = pair_iou(found[best].tolist(), found[i].tolist())
            if linear is None:
                left[i] *= np.exp(-(overlap**2) / sigma)
            elif overlap >= linear:
                left[i] *= 1 - overlap
    places, lowered = soft_nms(found, scores, sigma, least, linear)
    assert places.tolist() == [i for i, _ in expected] and len(expected) < 20
    gap = error(lowered, torch.tensor([s for _, s in expected], dtype=torch.float64))
    what = "soft suppression, " + ("Gaussian" if linear is None else "linear")
    record(METHOD, MODULE, what, "the loop over boxes", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(20,4)")


def test_soft_suppression_at_its_limits():
    found, scores = boxes(12, 71), rand(12, seed=7, low=0.2)
    assert soft_nms(found, scores, 1e9)[0].tolist() == scores.argsort(descending=True).tolist()
    a, b = soft_nms(found, scores), soft_nms(found, scores, 0.5, 1e-3, None)
    assert all(map(torch.equal, a, b))
    assert inspect.signature(soft_nms).parameters["score_threshold"].default == 1e-3
    places, lowered = soft_nms(found[:0].bfloat16(), scores[:0].bfloat16())
    assert places.dtype == torch.int64 and lowered.dtype == torch.bfloat16 and len(places) == 0
    twice = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 1]])
    assert soft_nms(twice, torch.tensor([1.0, 0.8]), iou_threshold=0.5)[1].tolist() == pytest.approx([1.0, 0.4])
    assert [v.shape for v in soft_nms(twice[:1], torch.tensor([0.5]), score_threshold=0.5)] == [(0,), (0,)]
    assert soft_nms(twice.bfloat16(), torch.ones(2, dtype=torch.bfloat16))[1].dtype == torch.bfloat16


TRUTH = torch.tensor([[0.0, 0, 10, 10], [4, 0, 14, 10]])
FOUND = torch.tensor([[1.0, 0, 11, 10], [2, 0, 12, 10], [30, 30, 40, 40], [0, 0, 10, 5]])
RANK = torch.tensor([0.9, 0.8, 0.7, 0.6])


def test_matching_of_voc_and_coco_differ():
    """The second box overlaps both objects by 2/3, and the first, which a better one holds, is its best in VOC."""
    assert match_detections(FOUND, RANK, TRUTH).tolist() == [True, False, False, False]
    assert match_detections(FOUND, RANK, TRUTH, 0.5, "coco").tolist() == [True, True, False, False]
    assert match_detections(FOUND[[3, 2]], RANK[:2], TRUTH, 0.5).tolist() == [True, False]  # an overlap of just 0.5 counts
    assert match_detections(FOUND.flip(0), RANK.flip(0), TRUTH).tolist() == [False, False, False, True]
    assert match_detections(FOUND[1:2], RANK[:1], TRUTH).tolist() == [True]
    assert not match_detections(FOUND, RANK, TRUTH[:0]).any()
    twins = TRUTH[:1].expand(40, 4)
    assert match_detections(twins, torch.ones(40), TRUTH[:1]).nonzero().tolist() == [[0]]  # of equal scores the first comes first
    assert match_detections(FOUND[:0], RANK[:0], TRUTH).shape == (0,)


def by_the_definition(scores, hits, objects, style):
    """max_{r' >= r} p(r') asked anew at each recall."""
    ranked = [h for _, h in sorted(zip(scores, hits, strict=True), key=lambda pair: -pair[0])]
    points = [(sum(ranked[: i + 1]) / objects, sum(ranked[: i + 1]) / (i + 1)) for i in range(len(ranked))]

    def best(r):
        return max((p for recall, p in points if recall >= r - 1e-9), default=0.0)

    if style == "area":
        return sum(best((k + 1) / objects) for k in range(objects)) / objects
    steps = {"11-point": 10, "101-point": 100}[style]
    return sum(best(k / steps) for k in range(steps + 1)) / (steps + 1)


@pytest.mark.parametrize("style", ["area", "11-point", "101-point"])
def test_average_precision_against_its_definition(style, record):
    found, expected = torch.zeros(2, 20, dtype=torch.float64)
    for seed in range(20):
        scores, hits = rand(15, seed=seed), rand(15, seed=seed + 99) > -0.2
        objects = int(hits.sum()) + seed % 3 + 1
        found[seed] = average_precision(*precision_recall(scores, hits, objects), style)
        expected[seed] = by_the_definition(scores.tolist(), hits.tolist(), objects, style)
    gap = error(found, expected)
    record(METHOD, MODULE, f"average precision, {style}", "the definition, recall by recall", error=gap, tolerance=1e-14)


def test_average_precision_at_its_limits():
    for style in ("area", "11-point", "101-point"):
        perfect = precision_recall(RANK, RANK > 0, 4)
        assert average_precision(*perfect, style).item() == pytest.approx(1.0)
        assert average_precision(*precision_recall(RANK, RANK > 1, 4), style).item() == 0.0
        assert average_precision(RANK[:0], RANK[:0], style).item() == 0.0
    single = torch.ones(7), torch.arange(1, 8) / 10  # 0.7 in float32 lies below 0.7
    assert average_precision(*single, "11-point").item() == pytest.approx(8 / 11) and average_precision(
        *single, "101-point"
    ).item() == pytest.approx(71 / 101)
    precision, recall = precision_recall(torch.tensor([0.1, 0.9]), torch.tensor([True, False]), 1)
    assert precision.tolist() == [0.0, 0.5] and recall.tolist() == [0.0, 1.0]
    assert precision_recall(torch.ones(40), torch.arange(40) < 10, 10)[1][9].item() == 1.0
    assert average_precision(precision, recall).item() == 0.5


def test_tensors_are_made_where_the_inputs_are():
    """With another device as PyTorch's default the answers are the same."""
    with torch.device("meta"):
        hits = match_detections(FOUND, RANK, TRUTH)
        assert hits.tolist() == [True, False, False, False]
        curve = precision_recall(RANK, hits, 2)
        assert [average_precision(*curve, style).item() for style in ("area", "11-point")] == pytest.approx([0.5, 6 / 11])


def test_mean_over_classes_and_thresholds():
    kinds, real = torch.tensor([0, 0, 1, 5]), torch.tensor([0, 0])
    images = [(FOUND, RANK, kinds), (TRUTH[:1], torch.tensor([0.95]), torch.tensor([7]))]
    truth = [(TRUTH, real), (TRUTH[:1], torch.tensor([7]))]
    assert mean_average_precision(images, truth, (0.5,), "area").item() == pytest.approx((0.5 + 1) / 2)
    overlaps = (9 / 11, 2 / 3)
    expected = [sum((51 if t <= overlaps[0] else 0) + (50 if t <= overlaps[1] else 0) for _ in "a") / 101 for t in np.arange(0.5, 1, 0.05)]
    assert mean_average_precision(images, truth).item() == pytest.approx((np.mean(expected) + 1) / 2)
    assert mean_average_precision([(FOUND[:0], RANK[:0], kinds[:0])], truth[:1]).item() == 0.0
