"""What is special to FCN: the paper's upsampling, weights taken from a classifier, convolutionalization, and the scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from refimpl.convolution.vgg import VGG
from refimpl.vision.fcn import FCN, bilinear_kernel, bilinear_upsample, confusion, segmentation_scores
from refimpl.vision.shapes import discs
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_fcn import METHOD, small

MODULE = "refimpl.vision.fcn"


@pytest.mark.parametrize("factor", [2, 3, 5, 8])
def test_upsampling_of_the_paper(factor, record):
    """Section 3.3: a transposed convolution with 2 f - 1 taps is the printed equation, up to the last sample."""
    x = randn(1, 1, 4, 5, seed=1)
    y = F.conv_transpose2d(x, bilinear_kernel(2 * factor - 1, dtype=torch.float64)[None, None], stride=factor, padding=factor - 1)
    expected = torch.zeros(3 * factor, 4 * factor, dtype=torch.float64)
    for i, j in np.ndindex(3 * factor, 4 * factor):
        for a, b in np.ndindex(2, 2):
            weight = abs(1 - a - (i / factor) % 1) * abs(1 - b - (j / factor) % 1)
            expected[i, j] += weight * x[0, 0, i // factor + a, j // factor + b].item()
    gap = error(y[0, 0, : 3 * factor, : 4 * factor], expected)
    record(METHOD, MODULE, f"upsampling by {factor}", "the equation of section 3.3", error=gap, tolerance=1e-13, dtype=torch.float64)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_upsampling_by_interpolate(factor, record):
    x = randn(2, 3, 5, 6, seed=2)
    inner = (..., slice(factor, -factor), slice(factor, -factor))
    gap = error(bilinear_upsample(x, factor)[inner], F.interpolate(x, scale_factor=factor, mode="bilinear")[inner])
    what = f"upsampling by {factor}, away from the border"
    record(METHOD, MODULE, what, "torch.nn.functional.interpolate", error=gap, tolerance=1e-13, dtype=torch.float64)


def test_kernels():
    assert bilinear_kernel(4)[0].tolist() == pytest.approx([v / 16 for v in (1, 3, 3, 1)])
    assert bilinear_kernel(3)[1].tolist() == pytest.approx([0.5, 1.0, 0.5])
    assert bilinear_kernel(1).tolist() == [[1.0]] and bilinear_kernel(2).tolist() == [[0.25] * 2] * 2
    for factor in (1, 2, 3, 7):
        size = 2 * factor - factor % 2
        kernel = bilinear_kernel(size, dtype=torch.float64)
        assert torch.equal(kernel, kernel.T) and torch.equal(kernel, kernel.flip(0))
        shares = torch.zeros(factor, factor, dtype=torch.float64)
        for a, b in np.ndindex(size, size):
            shares[a % factor, b % factor] += kernel[a, b]
        assert error(shares, torch.ones_like(shares)) < 1e-14  # constants stay constant
    assert bilinear_kernel(4).dtype == torch.get_default_dtype()


def test_upsampling_starts_as_interpolation_of_each_class():
    model = small()
    for layer in model.up:
        x = randn(1, 3, 4, 5, seed=3).float()
        assert error(layer(x), bilinear_upsample(x, 2)) < 1e-6
        assert layer.weight.requires_grad
    for layer in model.scores:
        assert not layer.weight.any() and not layer.bias.any()
    assert not model(rand(1, 3, 9, 10, seed=1).float()).any()


def test_one_class_and_one_hidden_unit():
    model = FCN(1, 1, (1, 1), (2, 3), 1, 0.0)
    assert model.scores[0].weight.shape == (1, 1, 1, 1) and model(rand(1, 3, 5, 4, seed=6).float()).shape == (1, 1, 5, 4)


def test_a_classifier_becomes_convolutional():
    """At the middle of 7 x 7 features the hidden layers give what the classifier they come from gives."""
    vgg = VGG((1, 1), 10, channels=(3, 4), hidden=6).eval()
    model = FCN(3, 1, (1, 1), (3, 4), 6).eval()
    model.load_vgg(vgg)
    images = rand(2, 3, 28, 28, seed=5).float()
    with torch.no_grad():
        features = model.features(images)
        dense = vgg.classifier[:5](vgg.features(images).flatten(1))
        assert error(model.classifier(features)[:, :, 3, 3], dense) < 1e-5
    assert all(torch.equal(a, b) for a, b in zip(model.features.parameters(), vgg.features.parameters(), strict=True))


def test_layout_and_size_of_the_paper_s_network():
    model = FCN(device="meta")
    names = {k.rsplit(".", 1)[0] for k in model.state_dict() if k.startswith("features")}
    assert len(names) == 13 and "features.28" in names
    assert model.classifier[0].weight.shape == (4096, 512, 7, 7) and model.classifier[3].weight.shape == (4096, 4096, 1, 1)
    assert [s.weight.shape[1] for s in model.scores] == [4096, 512, 256] and model.stride == 32
    assert [m.p for m in model.classifier if isinstance(m, torch.nn.Dropout)] == [0.5, 0.5]
    assert sum(p.numel() for p in model.classifier.parameters()) == 119_545_856  # as many as the classifier's hidden layers
    counts = [sum(p.numel() for p in FCN(skips=s, device="meta").up.parameters()) for s in (0, 1, 2)]
    assert counts == [0, 21 * 21 * 16, 2 * 21 * 21 * 16]
    assert {(p.device.type, p.dtype) for p in small(device="meta", dtype=torch.float16).parameters()} == {("meta", torch.float16)}
    assert small()(torch.zeros(1, 3, 1, 1)).shape == (1, 3, 1, 1)


def test_output_follows_the_image_by_whole_strides():
    """Away from the border, an image moved by the stride gives moved scores."""
    model = small().double().eval()
    for i, p in enumerate(model.parameters()):
        p.data.copy_(rand(*p.shape, seed=i, low=-0.5, high=0.5))
    x = rand(1, 3, 200, 200, seed=8)
    gap = error(model(x[:, :, 8:, 8:])[:, :, 90:106, 90:106], model(x)[:, :, 98:114, 98:114])
    assert gap < 1e-12


def test_scores_against_their_definitions(record):
    truth, predicted = (rand(2, 9, 7, seed=1, low=-0.2) * 5).floor().long(), (rand(2, 9, 7, seed=2, low=0.0) * 5).floor().long()
    truth[truth == 4], predicted[predicted == 3] = 2, 0
    truth[0, 0, 0] = 5  # the only pixel of its class; none has class 6
    n = np.zeros((7, 7))
    for t, p in zip(truth.flatten().tolist(), predicted.flatten().tolist(), strict=True):
        if t >= 0:
            n[t, p] += 1
    assert (truth < 0).any() and confusion(truth, predicted, 7).tolist() == n.tolist()
    hit, real = np.diag(n), n.sum(1)
    iou = {i: hit[i] / (real[i] + n[:, i].sum() - hit[i]) for i in range(7) if real[i] + n[:, i].sum()}
    expected = {
        "pixel accuracy": hit.sum() / n.sum(),
        "mean accuracy": np.mean([hit[i] / real[i] for i in range(7) if real[i]]),
        "mean IoU": np.mean(list(iou.values())),
        "frequency weighted IoU": sum(real[i] * v for i, v in iou.items()) / n.sum(),
    }
    found = segmentation_scores(confusion(truth, predicted, 7))
    assert real[5] == 1 and len(iou) == 6 and found.keys() == expected.keys()
    gap = error(*(torch.tensor([scores[k] for k in expected], dtype=torch.float64) for scores in (found, expected)))
    record(METHOD, MODULE, "four scores of a segmentation", "their definitions in NumPy", error=gap, tolerance=1e-14)
    assert confusion(truth[:0], predicted[:0], 3).tolist() == [[0] * 3] * 3


@pytest.mark.slow
def test_skips_help(record):
    """On drawn discs FCN with a stride of 2 beats the one with a stride of 8."""
    found = {}
    for skips in (0, 2):
        torch.manual_seed(0)
        model = FCN(2, skips, (1, 1, 1), (8, 16, 24), 32)
        adam = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(120):
            images, cells = discs(8, 40)
            adam.zero_grad()
            F.cross_entropy(model(images), (cells > 0).long()).backward()
            adam.step()
        images, cells = discs(32, 40)
        with torch.no_grad():
            found[skips] = segmentation_scores(confusion((cells > 0).long(), model.eval()(images).argmax(1), 2))["mean IoU"]
    assert not math.isnan(found[0])
    record(METHOD, MODULE, "mean IoU of stride 8 less that of stride 2", "the truth", error=found[0] - found[2], tolerance=-0.05)
