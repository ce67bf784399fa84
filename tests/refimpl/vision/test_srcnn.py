"""What is special to SRCNN: the paper's size and start, other packages for bicubic and the scores, and that it beats bicubic."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from refimpl.vision.bicubic import bicubic
from refimpl.vision.shapes import smooth_discs
from refimpl.vision.srcnn import SRCNN, psnr, ssim
from tests.refimpl.convolution.networks import check_spread
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_srcnn import METHOD

MODULE = "refimpl.vision.srcnn"


def test_size_and_start_of_the_paper():
    torch.manual_seed(0)
    model = SRCNN()
    weights = [p for p in model.parameters() if p.dim() > 1]
    assert sum(p.numel() for p in weights) == 8032  # the paper's number for 9-1-5
    for p in weights:
        check_spread(p, 0.001)
    assert not any(p.any() for p in model.parameters() if p.dim() == 1)
    assert SRCNN(padding=False)(torch.zeros(1, 1, 33, 33)).shape[2:] == (21, 21)  # the paper's training patches
    made = SRCNN(device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in made.parameters()} == {("meta", torch.float16)}


def test_start_from_the_input():
    model, image = SRCNN(2, (5, 4)), rand(2, 2, 9, 8, seed=1, low=0.0).float()
    model.start_from_input_(0.0)
    assert error(model(image), image) < 1e-6
    torch.manual_seed(1)
    model.start_from_input_(1.0)
    one = model(image) - image
    torch.manual_seed(1)
    model.start_from_input_()
    assert error(model(image) - image, one * 0.1) < 0.5 and one.abs().max() > 0.05
    torch.manual_seed(2)
    wide = SRCNN(1, (100, 60))
    wide.start_from_input_(0.2)
    check_spread(wide.conv1.weight[1:], (2 / 81) ** 0.5)
    check_spread(wide.conv2.weight[1:], (2 / 100) ** 0.5)
    middle = torch.ones(60, 5, 5, dtype=torch.bool)
    middle[0, 2, 2] = False
    check_spread(wide.conv3.weight[0][middle], 0.2 * (2 / 1500) ** 0.5)


def test_bicubic_by_opencv(record):
    cv2 = pytest.importorskip("cv2")
    image = rand(9, 7, seed=2)
    theirs = torch.from_numpy(cv2.resize(image.numpy(), (16, 15), interpolation=cv2.INTER_CUBIC))  # rounds positions to float32
    gap = error(bicubic(image, (15, 16)), theirs)
    record(METHOD, MODULE, "bicubic", "cv2.resize", error=gap, tolerance=1e-5, dtype=torch.float64, shapes="(9,7)")


def test_bicubic_reproduces_lines_and_constants():
    ramp = torch.arange(12.0, dtype=torch.float64).expand(5, 12)
    found = bicubic(ramp, (10, 24), -0.5)[:, 4:-4]
    assert error(found, ((torch.arange(24, dtype=torch.float64) + 0.5) / 2 - 0.5).expand(10, 24)[:, 4:-4]) < 1e-14
    assert error(bicubic(ramp * 0 + 3, (7, 9)), torch.full((7, 9), 3.0)) < 1e-14
    assert error(bicubic(ramp * 0 + 3, (2, 3), antialias=True), torch.full((2, 3), 3.0)) < 1e-14
    image = rand(3, 6, 5, seed=3)
    assert error(bicubic(image, (6, 5)), image) < 1e-14
    parabola = (torch.arange(12.0, dtype=torch.float64) ** 2).expand(5, 12)  # a = -0.5 alone is exact to third order
    wanted = ((torch.arange(24, dtype=torch.float64) + 0.5) / 2 - 0.5) ** 2
    assert error(bicubic(parabola, (5, 24), -0.5)[:, 4:-4], wanted.expand(5, 24)[:, 4:-4]) < 1e-13
    assert error(bicubic(parabola, (5, 24))[:, 4:-4], wanted.expand(5, 24)[:, 4:-4]) > 1e-4


def test_scores_by_skimage(record):
    metrics = pytest.importorskip("skimage.metrics")
    x, y = rand(15, 14, seed=4, low=0.0), rand(15, 14, seed=5, low=0.0)
    gap = abs(psnr(x[None, None], y[None, None], 2.0).item() - metrics.peak_signal_noise_ratio(x.numpy(), y.numpy(), data_range=2.0))
    oracle = "skimage.metrics"
    record(METHOD, MODULE, "PSNR", oracle, error=gap, tolerance=1e-12, dtype=torch.float64)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 2.0}
    theirs = metrics.structural_similarity(x.numpy(), (x + 0.1 * y).numpy(), **options)
    gap = abs(ssim(x[None, None], (x + 0.1 * y)[None, None], 2.0).item() - theirs)
    record(METHOD, MODULE, "SSIM", oracle, error=gap, tolerance=1e-12, dtype=torch.float64)


def test_tensors_are_made_where_the_inputs_are():
    """With another device as PyTorch's default the answers are the same."""
    x, y = rand(1, 2, 12, 13, seed=6, low=0.0), rand(1, 2, 12, 13, seed=8, low=0.0)
    expected = ssim(x, y), bicubic(x, (5, 20)), bicubic(x, (5, 20), antialias=True)
    with torch.device("meta"):
        found = ssim(x, y), bicubic(x, (5, 20)), bicubic(x, (5, 20), antialias=True)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_scores_at_their_limits():
    x = rand(1, 2, 12, 13, seed=6, low=0.0)
    assert psnr(x, x).item() == float("inf") and ssim(x, x).item() == pytest.approx(1, abs=1e-12)
    assert psnr(x, x + 0.1).item() == pytest.approx(20.0) and psnr(255 * x, 255 * x + 25.5, 255.0).item() == pytest.approx(20.0)
    assert ssim(x, 1 - x) < 0 < ssim(x, x + 0.05 * randn(1, 2, 12, 13, seed=7)) < 1
    flat = torch.full((1, 1, 11, 11), 0.4, dtype=torch.float64)
    expected = (2 * 0.4 * 0.6 + 1e-4) / (0.4**2 + 0.6**2 + 1e-4)
    assert ssim(flat, flat + 0.2).item() == pytest.approx(expected, rel=1e-12)


def test_drawn_discs():
    """Six discs, one over the other, pixel by pixel: up to 8 pixels and 2 in radius, gray up to 1, a slope of 1 at the edge."""
    images, generator = smooth_discs(2, 21, torch.Generator().manual_seed(1)), torch.Generator().manual_seed(1)
    assert images.shape == (2, 1, 21, 21) and images.min() >= 0 and images.max() <= 1
    assert (images.std((1, 2, 3)) > 0.05).all()
    for image in images[:, 0]:
        painted = torch.zeros(21, 21)
        for _ in range(6):
            row, column, radius, gray = torch.rand(2, generator=generator).tolist() + torch.rand(2, generator=generator).tolist()
            for i, j in np.ndindex(21, 21):
                beyond = math.hypot(i - 21 * row, j - 21 * column) - 8 * radius - 2
                cover = 1 / (1 + math.exp(4 * beyond))
                painted[i, j] += cover * (gray - painted[i, j])
        assert error(image, painted) < 1e-5
    assert smooth_discs(1).shape == (1, 1, 48, 48)


@pytest.mark.slow
def test_it_beats_bicubic(record):
    torch.manual_seed(0)
    model = SRCNN(1, (16, 8))
    model.start_from_input_()
    adam = torch.optim.Adam(model.parameters(), 1e-3)

    def pair(count):
        sharp = smooth_discs(count)
        return bicubic(bicubic(sharp, (24, 24), antialias=True), (48, 48)), sharp

    for _ in range(200):
        blurred, sharp = pair(4)
        adam.zero_grad()
        (model(blurred) - sharp).square().mean().backward()
        adam.step()
    blurred, sharp = pair(16)
    with torch.no_grad():
        gain = psnr(model(blurred), sharp) - psnr(blurred, sharp)
    record(METHOD, MODULE, "PSNR of bicubic less that of SRCNN, in dB", "the sharp images", error=-gain.item(), tolerance=-1.0)
