"""What is special to Faster R-CNN: anchors, sampling, other packages, and the whole detector."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch

from refimpl.vision import faster_rcnn
from refimpl.vision.anchors import anchor_grid, decode, encode, match_anchors, sample_labels
from refimpl.vision.boxes import box_iou, mean_average_precision
from refimpl.vision.faster_rcnn import FasterRCNN, RPNHead, rpn_loss
from refimpl.vision.roi import roi_align, roi_pool
from refimpl.vision.shapes import bars
from tests.refimpl.convolution.torchvision_models import torchvision_models
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_boxes import boxes, pair_iou
from tests.refimpl.vision.cases_faster_rcnn import MAP, METHOD, ROIS, numpy_decode, numpy_detection, numpy_encode, numpy_rpn
from tests.refimpl.vision.test_boxes import greedy

MODULE = "refimpl.vision.faster_rcnn"


def torchvision_part(path):
    if torchvision_models() is None:
        pytest.skip("torchvision is not installed")
    module, name = path.rsplit(".", 1)
    return getattr(__import__(f"torchvision.{module}", fromlist=[name]), name)


def test_anchors_one_by_one(record):
    found = anchor_grid((2, 3), 16, (8, 20), (0.5, 2.0), dtype=torch.float64)
    expected = []
    for i, j in np.ndindex(2, 3):
        for ratio in (0.5, 2.0):
            for scale in (8, 20):
                w, h = scale / math.sqrt(ratio), scale * math.sqrt(ratio)
                x, y = 16 * j + 8, 16 * i + 8
                expected.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    gap = error(found, torch.tensor(expected, dtype=torch.float64))
    record(METHOD, MODULE, "anchors", "the definition, one by one", error=gap, tolerance=1e-14, dtype=torch.float64)
    nine = anchor_grid((1, 1), 16)
    assert nine.shape == (9, 4) and nine.dtype == torch.get_default_dtype()
    assert anchor_grid((1, 1), 16, dtype=torch.bfloat16).dtype == torch.bfloat16
    sides = nine[:, 2:] - nine[:, :2]
    assert sides.prod(1).sqrt().tolist() == pytest.approx([128.0, 256.0, 512.0] * 3, rel=1e-6)
    assert (sides[:, 1] / sides[:, 0]).tolist() == pytest.approx([0.5] * 3 + [1.0] * 3 + [2.0] * 3, rel=1e-6)


def test_offsets_by_torchvision_and_back(record):
    coder = torchvision_part("models.detection._utils.BoxCoder")((1.0, 1.0, 1.0, 1.0))
    found, anchors = boxes(9, 3), boxes(9, 7)
    pairs = [(encode(found, anchors), coder.encode_single(found, anchors)), (decode(encode(found, anchors), anchors), found)]
    offsets = 3 * randn(9, 4, seed=1)
    pairs.append((decode(offsets, anchors), coder.decode_single(offsets, anchors)))
    gap = max(error(a, e) for a, e in pairs)
    record(METHOD, MODULE, "offsets, and back", "torchvision BoxCoder", error=gap, tolerance=1e-12, dtype=torch.float64)


ANCHORS = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 7], [0, 0, 10, 3], [0, 0, 10, 2.9], [20, 20, 30, 30], [50, 50, 60, 60]])


def test_matching_by_hand():
    truth = torch.tensor([[0.0, 0, 10, 10], [20, 20, 32, 32], [90, 90, 95, 95]])
    labels, place = match_anchors(ANCHORS, truth)
    assert labels.tolist() == [1, 1, -1, 0, 1, 0]  # overlaps 1, 0.7, 0.3, 0.29, 0.694 (the most for its object), 0
    assert place.tolist()[:5] == [0, 0, 0, 0, 1]
    assert match_anchors(ANCHORS, truth, force=False)[0].tolist() == [1, 1, -1, 0, -1, 0]
    assert match_anchors(ANCHORS, truth, 0.6, 0.2)[0].tolist() == [1, 1, -1, -1, 1, 0]
    assert match_anchors(ANCHORS, truth, 1.0, 0.0)[0].tolist() == [1, -1, -1, -1, 1, -1]
    labels, place = match_anchors(ANCHORS, truth[:0])
    assert labels.tolist() == place.tolist() == [0] * 6 and labels.dtype == place.dtype == torch.int64
    two = torch.tensor([[0.0, 0, 10, 2.9], [0, 0, 10, 5]])  # two anchors may be an object's best
    assert match_anchors(ANCHORS[[3, 3, 5]], two[1:])[0].tolist() == [1, 1, 0]


def test_sampling():
    labels = torch.tensor([1] * 30 + [0] * 100 + [-1] * 20)
    for count, share, positive, negative in (
        (40, 0.5, 20, 20),
        (100, 0.5, 30, 70),
        (10, 0.0, 0, 10),
        (400, 1.0, 30, 100),
        (9, 0.5, 4, 5),
        (1, 0.5, 0, 1),
    ):
        chosen = sample_labels(labels, count, share, torch.Generator().manual_seed(1))
        assert labels[chosen].tolist() == [1] * positive + [0] * negative
        assert len(set(chosen.tolist())) == len(chosen)
    assert (labels[sample_labels(2 * labels.clamp(min=0), 20, 0.5)] == 1).sum() == 10
    first, second = (sample_labels(labels, 20, 0.5, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
    draws = torch.stack([sample_labels(labels, 20, 0.5) for _ in range(300)])
    counts = torch.bincount(draws.flatten(), minlength=150)
    assert counts[130:].sum() == 0
    expected, spread = 300 * 10 / 30, (300 * (1 / 3) * (2 / 3)) ** 0.5
    assert (abs(counts[:30] - expected) < 4.5 * spread).all()


def test_tensors_are_made_where_the_inputs_are():
    """With another device as PyTorch's default the answers are the same."""
    labels = torch.tensor([1, 0, 0])
    calls = [
        lambda: sample_labels(labels, 3, 0.5).sort().values,
        lambda: anchor_grid((2, 3), 16, device="cpu"),
        lambda: roi_align(MAP, ROIS, (2, 3), 0.5),
        lambda: roi_pool(MAP, ROIS, (2, 3), 0.5),
    ]
    expected = [call() for call in calls]
    with torch.device("meta"):
        assert all(torch.equal(call(), e) for call, e in zip(calls, expected, strict=True))


@pytest.mark.parametrize(("ratio", "aligned"), [(-1, False), (2, False), (3, True), (0, True)])
def test_alignment_by_torchvision(ratio, aligned, record):
    theirs = torchvision_part("ops.roi_align._roi_align").__wrapped__  # not compiled
    inside = ROIS[[0, 1, 4]]  # farther out its Python form, unlike its C++, repeats the border
    ours = roi_align(MAP, inside, (3, 2), 0.5, ratio, aligned)
    gap, what = error(ours, theirs(MAP, inside, 0.5, 3, 2, ratio, aligned)), f"alignment, {ratio} samples, aligned {aligned}"
    record(METHOD, MODULE, what, "torchvision.ops.roi_align", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_regions_keep_their_digits_beside_coarser_features():
    """Boxes may be of another type than the features: places are taken in that of the features, in float32 at least."""
    expected = roi_align(MAP.float(), ROIS.float(), (2, 3), 0.5)
    found = roi_align(MAP.float(), ROIS, (2, 3), 0.5)
    assert found.dtype == torch.float32 and torch.equal(found, expected)
    coarse = MAP.bfloat16()
    found = roi_align(coarse, ROIS, (2, 3), 0.5)
    assert found.dtype == torch.bfloat16 and torch.equal(found, roi_align(coarse.float(), ROIS, (2, 3), 0.5).bfloat16())


def test_pooling_by_onnxruntime(record):
    """A second package: ONNX's MaxRoiPool and RoiAlign."""
    ort, onnx = pytest.importorskip("onnxruntime"), pytest.importorskip("onnx")
    from onnx import helper

    def run(kind, inputs, opset, **options):
        names = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in inputs.items()]
        node = helper.make_node(kind, list(inputs), ["y"], **options)
        graph = helper.make_graph([node], kind, names, [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return torch.from_numpy(session.run(None, inputs)[0])

    x, rois = MAP.float(), ROIS[[0, 1, 3]].float()
    size = {"pooled_shape": [2, 3]}
    expected = run("MaxRoiPool", {"x": x.numpy(), "r": rois.numpy()}, 16, spatial_scale=0.5, **size)
    gap = error(roi_pool(x, rois, (2, 3), 0.5), expected)
    record(METHOD, MODULE, "pooling of regions", "onnxruntime MaxRoiPool", error=gap, tolerance=0.0, dtype=torch.float32)
    inputs = {"x": x.numpy(), "r": rois[:, 1:].numpy(), "i": rois[:, 0].long().numpy()}
    size = {"output_height": 2, "output_width": 3, "sampling_ratio": 2}
    expected = run("RoiAlign", inputs, 16, spatial_scale=0.5, coordinate_transformation_mode="half_pixel", **size)
    gap = error(roi_align(x, rois, (2, 3), 0.5, 2, True), expected)
    record(METHOD, MODULE, "alignment of regions", "onnxruntime RoiAlign", error=gap, tolerance=1e-5, dtype=torch.float32)


def test_a_region_of_the_whole_image():
    whole = torch.tensor([[1.0, 0, 0, 8, 5]], dtype=torch.float64)
    assert torch.equal(roi_pool(MAP[:, :, :6], whole, (2, 3))[0], torch.nn.functional.max_pool2d(MAP[1:, :, :6], 3)[0])
    assert torch.equal(roi_pool(MAP[:, :, :6], whole, (6, 9))[0], MAP[1, :, :6])
    cells = torch.tensor([[1.0, 0, 0, 9, 7]], dtype=torch.float64)
    assert error(roi_align(MAP, cells, (7, 9), aligned=True)[0], MAP[1]) < 1e-14
    ramp = torch.arange(9.0).expand(1, 1, 7, 9)
    inner = torch.tensor([[0.0, 2, 1, 6, 5]])
    assert error(roi_align(ramp, inner, (1, 4))[0, 0, 0], torch.tensor([2.5, 3.5, 4.5, 5.5])) < 1e-6


def test_head_is_that_of_torchvision():
    theirs = torchvision_part("models.detection.rpn.RPNHead")(4, 3)
    ours = RPNHead(4, 3)
    layout = {k: v.shape for k, v in ours.state_dict().items()}
    assert layout == {k: v.shape for k, v in theirs.state_dict().items()}
    large = RPNHead(64, 9)
    for layer in (large.conv[0][0], large.cls_logits, large.bbox_pred):
        n = layer.weight.numel()
        assert abs(layer.weight.std().item() / 0.01 - 1) < 5 / (2 * n) ** 0.5 and not layer.bias.any()
    made = RPNHead(4, 3, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in made.parameters()} == {("meta", torch.float16)}


def test_defaults():
    defaults = {k: p.default for k, p in inspect.signature(FasterRCNN).parameters.items() if k != "num_classes"}
    paper = {"scales": (128, 256, 512), "ratios": (0.5, 1.0, 2.0)}
    small = {"backbone": None, "channels": 32, "stride": 4, "hidden": 64, "pool": 5, "align": True, "proposals": 50}
    assert defaults == paper | small
    detect = inspect.signature(FasterRCNN.detect).parameters
    assert (detect["least"].default, detect["overlap"].default) == (0.05, 0.3)
    assert [m.out_channels for m in FasterRCNN(2).backbone if isinstance(m, torch.nn.Conv2d)] == [16, 32, 32]


def test_smallest_with_a_backbone_of_one_s_own():
    model = FasterRCNN(1, (4,), (1.0,), torch.nn.Conv2d(3, 1, 1), 1, 1, 1, 1, proposals=1).eval()
    with torch.no_grad():
        model.cls_score.bias.copy_(torch.tensor([0.0, 4.0]))
        ((found, scores, kinds),) = model(rand(1, 3, 6, 5, seed=1).float())
    assert found.shape == (1, 4) and len(scores) == 1 and kinds.tolist() == [1]
    several = FasterRCNN(2, (8, 12), (0.5, 1.0, 2.0))
    assert several.rpn(several.backbone(bars(1)[0]))[1].shape == (1, 8 * 8 * 6, 4)


@pytest.mark.parametrize(("align", "features"), [(True, roi_align), (False, roi_pool)])
def test_second_stage_part_by_part(align, features):
    model = FasterRCNN(2, channels=3, stride=2, hidden=4, pool=3, align=align, backbone=torch.nn.Identity())
    regions = torch.tensor([[1.0, 2, 11, 9], [0, 0, 6, 6]]), torch.tensor([[3.0, 1, 14, 12]])
    placed = torch.tensor([[0.0, 1, 2, 11, 9], [0, 0, 0, 6, 6], [1, 3, 1, 14, 12]])
    scores, offsets = model.second_stage(MAP.float(), regions)
    hidden = features(MAP.float(), placed, 3, 0.5).flatten(1)
    for layer in (model.head[1], model.head[3]):
        hidden = (hidden @ layer.weight.T + layer.bias).clamp(min=0)
    assert error(scores, hidden @ model.cls_score.weight.T + model.cls_score.bias) < 1e-6
    assert error(offsets, (hidden @ model.bbox_pred.weight.T + model.bbox_pred.bias).view(3, 3, 4)) < 1e-6


def test_losses_part_by_part(record):
    """So few anchors and regions that all are drawn: both losses from their targets, written out."""
    torch.manual_seed(1)
    model = FasterRCNN(2, scales=(8,))
    images, truth, kind = rand(1, 3, 16, 24, seed=1).float(), torch.tensor([[2.0, 3, 11, 10], [9, 1, 23, 12]]), torch.tensor([2, 1])
    maps = model.backbone(images)
    logits, offsets = model.rpn(maps)
    anchors = anchor_grid((4, 6), 4, (8,))
    overlap = np.array([[pair_iou(a, b) for b in truth.tolist()] for a in anchors.tolist()])
    labels = np.where((overlap.max(1) >= 0.7) | (overlap == overlap.max(0)).any(1), 1, np.where(overlap.max(1) < 0.3, 0, -1))
    targets = numpy_encode(None, truth[overlap.argmax(1)].double().numpy(), anchors.double().numpy())
    arrays = logits[0].detach().double().numpy(), offsets[0].detach().double().numpy()
    first = torch.tensor(numpy_rpn(None, *arrays, labels, targets, 24))
    gap = error(model(images, [truth], [kind])[0], first)
    record(METHOD, MODULE, "loss of the first stage", "the equations in NumPy", error=gap, tolerance=1e-5, dtype=torch.float32)
    regions = [torch.tensor([[3.0, 3, 12, 10], [0, 0, 6, 6]]), torch.tensor([[3.0, 1, 14, 12]])]
    boxes = torch.cat((regions[0], truth, regions[1]))
    maps = maps.expand(2, -1, -1, -1)
    scores, shifts = model.second_stage(maps, (boxes[:4], boxes[4:]))
    aims = numpy_encode(None, boxes[[2, 2, 2, 3, 4]].double().numpy(), boxes.double().numpy())
    arrays = scores.detach().double().numpy(), shifts.detach().double().numpy()
    second = torch.tensor(numpy_detection(None, *arrays, np.array([2, 0, 2, 1, 0]), aims))
    gap = error(model.second_loss(maps, regions, [truth, truth[:0]], [kind, kind[:0]]), second)
    record(METHOD, MODULE, "loss of the second stage", "the equations in NumPy", error=gap, tolerance=1e-5, dtype=torch.float32)


def test_balance_of_the_paper():
    """With 256 anchors, 2,400 positions and lambda = 10 both terms weigh about the same."""
    labels, zero = torch.ones(256, dtype=torch.int64), torch.zeros(256, 4)
    shift = rpn_loss(torch.full((256,), 50.0), zero + 1.5, labels, zero, 2400).item()
    assert shift == pytest.approx(10 * 256 * 4 * 1.0 / 2400, rel=1e-6)


def test_proposals():
    model = FasterRCNN(2, scales=(12,), proposals=7)
    anchors = boxes(90, 5, 36.0).float()
    logits = rand(90, seed=2).float()
    found = model.propose(logits, anchors, (24, 20))
    assert 0 < len(found) <= 7
    assert (found[:, :2] >= 0).all() and (found[:, 2] <= 20).all() and (found[:, 3] <= 24).all()
    assert ((found[:, 2:] - found[:, :2]) >= 1).all()
    assert (box_iou(found, found).fill_diagonal_(0) <= 0.7).all()
    best = anchors[logits.argmax()].clamp(min=0).minimum(torch.tensor([20.0, 24, 20, 24]))
    assert torch.equal(found[0], best)
    apart = torch.tensor([[float(3 * i), 0, 3 * i + 2, 9] for i in range(6)])
    crowd = torch.cat((torch.tensor([[0.0, 12, 20, 24]]).repeat(7, 1), apart))  # seven copies of the best box, six others
    assert len(model.propose(torch.arange(13.0, 0, -1), crowd, (24, 20))) == 7
    narrow = torch.tensor([[0.0, 0, 1.2, 9], [10, 10, 10.9, 19]])
    assert torch.equal(model.propose(torch.tensor([1.0, 2.0]), narrow, (24, 20)), narrow[:1])
    one = FasterRCNN(2, scales=(12,), proposals=1)  # six anchors are looked at for each proposal wanted
    for empty, count in ((5, 1), (6, 0)):
        ranked = torch.tensor([[5.0, 5, 5, 5]] * empty + [[0.0, 0, 9, 9]])
        assert len(one.propose(torch.arange(empty + 1.0, 0, -1), ranked, (24, 20))) == count
    nested = torch.tensor([[0.0, 0, 20, 20], [0, 0, 20, 13], [0, 0, 20, 15]])  # overlaps 0.65, 0.75
    assert len(model.propose(torch.tensor([3.0, 2.0, 1.0]), nested, (24, 20))) == 2


def test_mini_batches_of_the_paper(monkeypatch):
    """256 anchors, half of them positive at most; 64 regions, a quarter objects at most, and the true boxes among them."""
    drawn, matched = [], []
    monkeypatch.setattr(faster_rcnn, "sample_labels", lambda *a: drawn.append(a[1:]) or sample_labels(*a))
    monkeypatch.setattr(faster_rcnn, "match_anchors", lambda *a, **k: matched.append((a, k)) or match_anchors(*a, **k))
    images, found, classes = bars(1)
    FasterRCNN(2, scales=(12,))(images, found, classes)
    assert drawn == [(256, 0.5), (64, 0.25)]
    (anchors, _), no_options = matched[0]
    (regions, _, high, low), options = matched[1]
    assert anchors.shape == (192, 4) and not no_options
    assert torch.equal(regions[-1:], found[0]) and (high, low, options) == (0.5, 0.5, {"force": False})


@pytest.mark.parametrize("align", [True, False])
def test_losses_of_both_stages(align):
    model = FasterRCNN(2, scales=(12,), align=align)
    images, found, classes = bars(2, generator=torch.Generator().manual_seed(1))
    losses = model(images, found, classes)
    assert len(losses) == 2 and all(loss.dim() == 0 and loss > 0 for loss in losses)
    assert losses[0].item() == pytest.approx(math.log(2), rel=0.2) and losses[1].item() == pytest.approx(math.log(3), rel=0.3)
    losses[1].backward(retain_graph=True)
    assert all(p.grad is None for p in model.rpn.parameters())  # no gradient through the proposals
    assert all(p.grad is not None for p in (*model.head.parameters(), *model.backbone.parameters()))
    losses[0].backward()
    assert all(p.grad is not None for p in model.parameters())
    empty = [f[:0] for f in found], [c[:0] for c in classes]
    assert all(loss.isfinite() for loss in model(images, *empty))


def test_detections():
    model = FasterRCNN(3, scales=(12,)).eval()
    with torch.no_grad():
        model.cls_score.bias.copy_(torch.tensor([1.0, -4.0, 2.0, 0.0]))
        model.cls_score.weight.zero_()
        model.bbox_pred.weight.zero_()
        model.bbox_pred.bias.zero_()
        images = bars(3)[0]
        found = model(images)
        again = [kept for kept, _, _ in found], (32, 32), found[0][1].max().item()
        assert [len(kept) for kept, _, _ in model.detect(model.backbone(images), *again)] == [0, 0, 0]  # none is above the best
    p = torch.tensor([1.0, -4.0, 2.0, 0.0]).softmax(0)
    for kept, scores, kinds in found:
        assert set(kinds.tolist()) == {2, 3}  # 1 has a probability of less than 0.05
        assert error(scores, p[kinds]) < 1e-6
        for kind in (2, 3):
            own = kept[kinds == kind]
            assert (box_iou(own, own).fill_diagonal_(0) <= 0.3).all()
            assert own.min() >= 0 and own.max() <= 32


def test_each_class_has_its_own_scores_and_offsets(monkeypatch):
    model, regions = FasterRCNN(2), boxes(12, 5).float()
    scores, offsets = 3 * randn(12, 3, seed=1).float(), 0.3 * randn(12, 3, 4, seed=2).float()
    monkeypatch.setattr(FasterRCNN, "second_stage", lambda *_: (scores, offsets))
    ((found, kept_scores, kinds),) = model.detect(MAP.float(), [regions], (30, 28))
    p, expected = scores.softmax(1), []
    for kind in (1, 2):
        rows = (p[:, kind] > 0.05).nonzero()[:, 0]
        placed = torch.from_numpy(numpy_decode(None, offsets[rows, kind].double().numpy(), regions[rows].double().numpy()))
        placed = placed.clamp(min=0).minimum(torch.tensor([28.0, 30, 28, 30]))
        kept = greedy(placed.tolist(), p[rows, kind].tolist(), 0.3)
        assert 1 < len(kept) < len(rows)
        expected += [(p[rows[i], kind].item(), kind, placed[i]) for i in kept]
    expected.sort(key=lambda row: -row[0])
    assert kinds.tolist() == [kind for _, kind, _ in expected]
    assert error(kept_scores, torch.tensor([score for score, _, _ in expected])) < 1e-6
    assert error(found, torch.stack([box for _, _, box in expected])) < 1e-6


def test_drawn_images():
    images, found, classes = bars(4, 48, torch.Generator().manual_seed(3))
    assert images.shape == (4, 3, 48, 48) and [c.tolist() for c in classes] == [[1], [1, 2], [1], [1, 2]]
    for image, own in zip(images, found, strict=True):
        inside = torch.zeros(48, 48, dtype=torch.bool)
        for left, top, right, bottom in own.int().tolist():
            assert min(right - left, bottom - top) == 6 and max(right - left, bottom - top) == 22
            inside[top:bottom, left:right] = True
        assert abs(image[:, inside].mean() - 1) < 0.03 and abs(image[:, ~inside].mean()) < 0.03
        assert abs(image[:, ~inside].std().item() / 0.1 - 1) < 0.05
    again = bars(4, 48, torch.Generator().manual_seed(3))
    assert torch.equal(again[0], images) and all(map(torch.equal, again[1], found))


def test_drawn_bars_lie_anywhere_in_their_half():
    images, found, _ = bars(400, generator=torch.Generator().manual_seed(1))
    assert images.shape == (400, 3, 32, 32)
    lying, standing = (torch.stack([f[i] for f in found if len(f) > i])[:, :2].T.int().tolist() for i in (0, 1))
    assert set(lying[0]) == set(range(16 - 14 + 1)) and set(lying[1]) == set(range(32 - 6 + 1))
    assert set(standing[0]) == set(range(16, 32 - 6 + 1)) and set(standing[1]) == set(range(32 - 14 + 1))


@pytest.mark.slow
def test_it_learns_to_detect(record):
    """150 steps find the bars in new images."""
    torch.manual_seed(0)
    model = FasterRCNN(2, scales=(12,))
    adam = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(150):
        adam.zero_grad()
        sum(model(*bars(4))).backward()
        adam.step()
    images, found, classes = bars(30)
    with torch.no_grad():
        score = mean_average_precision(model.eval()(images), list(zip(found, classes, strict=True)), (0.5,), "area").item()
    record(METHOD, MODULE, "1 - mean average precision on drawn bars", "the truth", error=1 - score, tolerance=0.4)
