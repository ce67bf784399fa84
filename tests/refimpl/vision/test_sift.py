"""What is special to SIFT: OpenCV's keypoints, extrema of known functions, turned images, and the ratio test."""

from __future__ import annotations

import inspect
import math
from itertools import pairwise

import pytest
import torch

from refimpl.vision.bicubic import bicubic
from refimpl.vision.scale_space import blur, differences, extrema, octaves
from refimpl.vision.shapes import smooth_discs
from refimpl.vision.sift import describe, match, orientations, sift
from tests.refimpl.harness.case import rand
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_sift import IMAGE, METHOD, STACK

MODULE = "refimpl.vision.sift"


def picture(size=96, seed=0):
    """Discs under a texture, in steps of 1 / 255."""
    generator = torch.Generator().manual_seed(seed)
    texture = bicubic(torch.rand(size // 4, size // 4, generator=generator), (size, size))
    return ((0.8 * smooth_discs(1, size, generator)[0, 0] + 0.2 * texture).clamp(0, 1) * 255).round() / 255


def apart(a, b):
    """Difference of angles, in (-pi, pi]."""
    return (a - b + math.pi) % (2 * math.pi) - math.pi


def test_keypoints_of_opencv(record):
    """The same keypoints: position, scale, angle, response, and descriptors to the eight bits that OpenCV keeps."""
    cv2 = pytest.importorskip("cv2")
    image = picture()
    theirs, described = cv2.SIFT_create(enable_precise_upscale=True).detectAndCompute((image * 255).byte().numpy(), None)
    ours = sift(image, contrast=0.04 / 3)
    assert len(ours.scale) == len(theirs) > 60
    position = torch.tensor([k.pt for k in theirs])
    scale, angle = torch.tensor([k.size / 2 for k in theirs]), torch.tensor([math.radians(k.angle) for k in theirs])
    gap = torch.cdist(position, ours.position) + 5 * apart(angle[:, None], ours.angle).abs() + (scale[:, None] - ours.scale).abs()
    best, place = gap.min(1)
    assert best.max() < 0.1 and len(place.unique()) == len(theirs)
    vectors = torch.from_numpy(described)
    response = torch.tensor([k.response for k in theirs])
    measured = {
        "positions, in pixels": ((position - ours.position[place]).norm(dim=1).max(), 1e-3),
        "scales, relative": ((scale / ours.scale[place] - 1).abs().max(), 1e-4),
        "angles, in radians": (apart(angle, ours.angle[place]).abs().max(), 1e-2),  # a table of arc tangents there
        "responses": ((response - ours.response[place]).abs().max(), 1e-6),
        "descriptors, distance": ((vectors / vectors.norm(dim=1, keepdim=True) - ours.descriptors[place]).norm(dim=1).max(), 2e-2),
    }
    for what, (gap, tolerance) in measured.items():
        record(METHOD, MODULE, what, "cv2.SIFT_create", error=gap.item(), tolerance=tolerance, dtype=torch.float32, shapes="(96,96)")


def test_blur_by_scipy(record):
    ndimage = pytest.importorskip("scipy.ndimage")
    radius = round(8 * 1.7 + 1) // 2
    theirs = torch.from_numpy(ndimage.gaussian_filter(IMAGE.numpy(), 1.7, mode="mirror", radius=radius))
    record(
        METHOD, MODULE, "blur", "scipy.ndimage.gaussian_filter", error=error(blur(IMAGE, 1.7), theirs), tolerance=1e-14, dtype=IMAGE.dtype
    )


def test_octaves():
    found = octaves(picture().double(), 2, 1.5)
    assert [tuple(g.shape) for g in found] == [(5, 192, 192), (5, 96, 96), (5, 48, 48), (5, 24, 24), (5, 12, 12)]
    for a, b in pairwise(found):
        assert torch.equal(b[0], a[2][::2, ::2])
    for i, g in enumerate(found[0][1:], 1):  # blurring adds up: sigma_i^2 = sigma_0^2 + ...
        total = 1.5 * math.sqrt(2 ** (2 * i / 2) - 1)
        assert error(g, blur(found[0][0], total)) < 1e-3
    assert error(differences(found[0])[0], found[0][1] - found[0][0]) == 0
    start = torch.zeros(33, 33, dtype=torch.float64)
    start[16, 16] = 1.0  # doubling spreads it by the hat function, of variance 1 / 2 in new pixels
    y = torch.arange(66.0, dtype=torch.float64) - 32
    for camera in (0.5, 0.3):
        first = octaves(start, 3, 1.6, camera)[0][0]
        assert ((first.sum(1) / first.sum()) @ y**2).item() == pytest.approx(1.6**2 - (2 * camera) ** 2 + 0.5, rel=0.01)


def test_smallest_octaves():
    """The last octave is the last with a pixel between its borders of five."""
    assert [tuple(g.shape) for g in octaves(IMAGE[:2, :2])] == [(6, 4, 4)]
    assert [g.shape[1] for g in octaves(rand(40, 44, seed=1))] == [80, 40, 20]
    assert [g.shape[1] for g in octaves(rand(44, 44, seed=1), 1, 1.6, 0.0)] == [88, 44, 22, 11]


def bump(peak, curvature=(0.02, 0.03, 0.05), height=0.5, mixed=0.0, size=17):
    """A quadratic over scale, row and column with its top at ``peak``."""
    s, y, x = torch.meshgrid(*(torch.arange(float(n), dtype=torch.float64) for n in (5, size, size)), indexing="ij")
    s, y, x = s - peak[0], y - peak[1], x - peak[2]
    return height - curvature[0] * s**2 - curvature[1] * y**2 - curvature[2] * x**2 - mixed * (s * y + y * x + 2 * s * x)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("peak", [(2.3, 8.4, 7.8), (1.6, 5.2, 11.3)])
def test_extrema_of_a_quadratic_are_exact(sign, peak, record):
    found = extrema(sign * bump(peak, mixed=0.004), 0.1)
    assert len(found.value) == 1
    place = (found.cell + found.offset)[0]
    gap = max(error(place, torch.tensor(peak)), abs(found.value.item() - sign * 0.5))
    record(METHOD, MODULE, f"extremum at {peak}", "the top of a quadratic", error=gap, tolerance=1e-7, dtype=torch.float64)


def test_weak_and_edge_like_extrema_are_dropped():
    peak = (2.2, 8.0, 8.0)
    assert len(extrema(bump(peak, height=0.1), 0.0999).value) == 1 and len(extrema(bump(peak, height=0.1), 0.1001).value) == 0
    ratio = {"curvature": (0.02, 0.01, 0.08)}  # of principal curvatures: 8
    assert len(extrema(bump(peak, **ratio), 0.1, 8.1).value) == 1 and len(extrema(bump(peak, **ratio), 0.1, 7.9).value) == 0
    exact = bump((2.0, 8.0, 8.0), (0.02, 2**-7, 2**-4))  # a ratio of just 8
    assert len(extrema(exact, 0.1, 8.0).value) == 0 and len(extrema(exact, 0.1, 8.001).value) == 1
    assert len(extrema(bump((2.2, 8.4, 8.0), curvature=(0.02, -0.03, 0.05)), 0.1).value) == 0  # a saddle
    for outside in ((2.2, 4.3, 8.0), (2.2, 8.0, 4.3), (2.2, 11.7, 8.0), (2.2, 8.0, 11.7), (0.2, 8.0, 8.0), (3.8, 8.0, 8.0)):
        assert len(extrema(bump(outside), 0.1).value) == 0
    for inside in ((2.2, 5.3, 8.0), (2.2, 8.0, 11.3), (1.2, 8.0, 8.0), (3.2, 8.0, 8.0)):
        assert len(extrema(bump(inside), 0.1).value) == 1
    assert len(extrema(bump(peak)[1:4], 0.1).value) == 1  # an octave of one scale
    for size, count in ((10, 0), (11, 1), (12, 1)):
        assert len(extrema(bump((2.2, 5.2, 5.2), size=size), 0.1).value) == count  # from 11 pixels on one lies between the borders
    flat = torch.zeros(5, 17, 17)
    assert len(extrema(flat).value) == 0 and len(extrema(flat[:, :10]).value) == 0
    assert len(extrema(flat + 0.5, 0.1).value) == 0  # a singular Hessian
    sharp = bump((2.25, 8.0, 8.0), (4.0, 0.03125, 0.03125))  # 0.5 at the top, 0.25 at the nearest sample
    assert [len(extrema(sign * sharp, contrast).value) for sign in (1, -1) for contrast in (0.5, 0.49)] == [0, 1, 0, 1]
    assert len(extrema(bump((2.0, 8.0, 8.0)), 0.5).value) == 1  # just as strong as the contrast
    assert len(extrema(bump((2.0, 8.5, 8.0), (2**-6, 2**-5, 2**-5)), 0.1).value) == 0  # midway: neither sample is nearer
    assert len(extrema(bump(peak), 0.0).value) == 1 and len(extrema(bump(peak), 0.1, 1.0).value) == 0
    defaults = {k: p.default for k, p in inspect.signature(extrema).parameters.items() if k != "d"}
    assert defaults == {"contrast": 0.03, "edge": 10.0, "steps": 5}


def test_the_fit_moves_to_a_neighbor():
    """Some extrema of a picture lie nearer to another sample than the highest one; what is found is at the top of its own fit."""
    d = differences(octaves(picture().double())[0])
    counts = [len(extrema(d, 0.005, 10.0, steps).value) for steps in (1, 2, 5)]
    assert counts[0] < counts[1] <= counts[2]
    assert len(extrema(d, 0.005).value) == counts[2]
    found = extrema(d, 0.005)
    assert (found.offset.abs() < 0.5).all() and (found.value.abs() >= 0.005).all()


@pytest.mark.parametrize("degrees", [0.0, 33.0, 90.0, 200.0, 359.0])
def test_a_slope_has_one_angle(degrees):
    y, x = torch.meshgrid(torch.arange(31.0), torch.arange(31.0), indexing="ij")
    slope = (x * math.cos(math.radians(degrees)) + y * math.sin(math.radians(degrees)))[None].double()
    which, angle = orientations(slope, torch.tensor([[0, 15, 15]]), torch.tensor([2.0]))
    assert which.tolist() == [0]
    assert abs(apart(angle, math.radians(degrees)).item()) < math.radians(5)
    found = describe(
        slope, torch.tensor([0]), torch.tensor([[15.0, 15.0]]), torch.tensor([1.0]).double(), torch.tensor([math.radians(degrees)]).double()
    )
    by_direction = found.view(16, 8)
    assert by_direction[:, 0].min() > 0.2 and by_direction[:, 1:].abs().max() < 1e-6  # all gradients along the angle
    turned = describe(
        slope,
        torch.tensor([0]),
        torch.tensor([[15.0, 15.0]]),
        torch.tensor([1.0]).double(),
        torch.tensor([math.radians(degrees + 45)]).double(),
    )
    assert turned.view(16, 8)[:, 1].min() > 0.2


def test_orientations_gradient_by_gradient(record):
    cells = torch.tensor([[1, 12, 10], [0, 4, 15], [1, 14, 8]])  # the second reaches the border
    scales = torch.tensor([1.45, 0.9, 0.9], dtype=torch.float64)
    expected = []
    for n, (level, y0, x0) in enumerate(cells.tolist()):
        g, s, bins = STACK[level].numpy(), scales[n].item(), [0.0] * 36
        reach = round(4.5 * s)
        for y in range(max(1, y0 - reach), min(g.shape[0] - 1, y0 + reach + 1)):
            for x in range(max(1, x0 - reach), min(g.shape[1] - 1, x0 + reach + 1)):
                gy, gx = g[y + 1, x] - g[y - 1, x], g[y, x + 1] - g[y, x - 1]
                weight = math.hypot(gx, gy) * math.exp(-((y - y0) ** 2 + (x - x0) ** 2) / (2 * (1.5 * s) ** 2))
                bins[round(math.degrees(math.atan2(gy, gx)) / 10) % 36] += weight
        h = [sum(w * bins[(i + k) % 36] for k, w in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True)) / 16 for i in range(36)]
        for i in range(36):
            a, b, c = h[i - 1], h[i], h[(i + 1) % 36]
            if b > a and b > c and b >= 0.8 * max(h):
                expected.append((n, math.radians(10 * (i + (a - c) / (2 * (a - 2 * b + c)))) % (2 * math.pi)))
    which, angle = orientations(STACK, cells, scales)
    assert which.tolist() == [n for n, _ in expected]
    gap = apart(angle, torch.tensor([a for _, a in expected], dtype=torch.float64)).abs().max().item()
    record(METHOD, MODULE, "angles", "gradient by gradient in Python", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_two_peaks_give_two_keypoints():
    """A roof with slopes of two directions that meet in the keypoint."""
    y, x = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(41.0) - 20, indexing="ij")
    cells, scales = torch.tensor([[0, 20, 20], [0, 20, 20]]), torch.tensor([3.0, 2.5])
    for share, expected in ((0.95, [0.0, 90.0]), (0.5, [0.0])):
        which, angle = orientations(torch.minimum(x, share * y)[None], cells, scales)
        assert which.tolist() == [i for i in range(2) for _ in expected]
        gaps = apart(angle, torch.tensor([math.radians(a) for a in expected]).repeat(2))
        assert gaps.abs().max() < math.radians(6)
        assert (angle >= 0).all() and (angle < 2 * math.pi).all()


def beside(right, below):
    """4 x 4 pixels with the gradient ``right`` one pixel to the right of row 1, column 1, and ``below`` one below it; no others."""
    image = torch.zeros(1, 4, 4, dtype=torch.float64)
    image[0, 1, 3], image[0, 0, 2] = right[0], -right[1]
    image[0, 2, 0], image[0, 3, 1] = -below[0], below[1]
    return image


def test_a_peak_is_higher_than_both_neighbors():
    """Directions of 37 and 53 degrees fill neighboring bins; where these are equal neither is a peak."""
    cell, scale = torch.tensor([[0, 1, 1]]), torch.tensor([1.0], dtype=torch.float64)
    assert orientations(beside((4.0, 3.0), (3.0, 4.0)), cell, scale)[1].shape == (0,)
    for more, less in ((4.1, 4.0), (4.0, 4.1)):
        _, angle = orientations(beside((4.0 * more, 3.0 * more), (3.0 * less, 4.0 * less)), cell, scale)
        assert angle.tolist() == [pytest.approx(math.radians(45), abs=math.radians(1))]


def test_a_peak_may_have_just_the_share_of_the_highest():
    """In float16 a Gaussian of 60 pixels is 1 beside its center, so that the peaks are 1.875 and 1.5."""
    cell, scale = torch.tensor([[0, 1, 1]]), torch.tensor([40.0]).half()
    for second, expected in ((4.0, [0, 90]), (3.98, [0])):
        _, angle = orientations(beside((5.0, 0.0), (0.0, second)).half(), cell, scale)
        assert angle.rad2deg().round().tolist() == expected


def test_a_quarter_turn_turns_the_keypoints(record):
    image = picture(64, 3)[:, :60]
    first, second = sift(image, contrast=0.01), sift(image.flip(0).T.contiguous(), contrast=0.01)  # clockwise
    pairs = match(first.descriptors, second.descriptors)
    assert len(pairs) > 0.7 * len(first.scale) > 10
    a, b = pairs.T
    there = torch.stack((63 - first.position[a, 1], first.position[a, 0]), 1)
    near = (there - second.position[b]).norm(dim=1) < 1.0
    record(METHOD, MODULE, "share of wrong matches after a quarter turn", "geometry", error=1 - near.double().mean().item(), tolerance=0.05)
    a, b = a[near], b[near]
    turn = apart(second.angle[b] - first.angle[a], math.pi / 2).abs()
    assert turn.median() < 0.02 and (second.scale[b] / first.scale[a] - 1).abs().median() < 0.02


def test_scale_follows_the_image():
    image = picture(64, 5)
    first, second = sift(image, contrast=0.01), sift(bicubic(image, (128, 128)), contrast=0.01)
    a, b = match(first.descriptors, second.descriptors, 0.7).T
    near = ((first.position[a] * 2 + 0.5) - second.position[b]).norm(dim=1) < 1.5
    assert near.double().mean() > 0.8 and len(a) > 10
    assert (second.scale[b[near]] / first.scale[a[near]] / 2 - 1).abs().median() < 0.1


def test_descriptors_do_not_see_brightness_or_contrast():
    keys = torch.tensor([1]), torch.tensor([[12.0, 11.0]]), torch.tensor([1.0]).double(), torch.tensor([0.4]).double()
    found = describe(STACK, *keys)
    assert error(describe(3 * STACK + 0.7, *keys), found) < 1e-12
    assert found.norm().item() == pytest.approx(1) and (found >= 0).all()
    spike = STACK * 0
    spike[1, 12, 11:] = 1.0
    one = describe(spike, *keys)
    assert one.max() < 0.9 and one.isfinite().all()
    assert not describe(STACK * 0, *keys).any()
    assert describe(STACK, *(k[:0] for k in keys)).shape == (0, 128)


def test_tensors_are_made_where_the_inputs_are():
    """With another device as PyTorch's default the answers are the same."""
    image = picture(32)
    expected = sift(image, contrast=0.01)
    assert len(expected.scale)
    with torch.device("meta"):
        found = sift(image, contrast=0.01)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_ratio_test():
    second = torch.tensor([[0.0, 0], [10, 0], [10, 1], [50, 50]])
    first = torch.tensor([[1.0, 0], [10, 0.5], [4, 0], [40, 40]])
    assert match(first, second).tolist() == [[0, 0], [2, 0], [3, 3]]  # 1 / 9, 1 / 1, 4 / 6, 0.33
    assert match(first, second, 0.6).tolist() == [[0, 0], [3, 3]]
    assert match(first, second, 1.0).tolist() == [[0, 0], [2, 0], [3, 3]]
    edge = torch.tensor([[8.0, 0]])
    assert len(match(edge, torch.tensor([[4.0, 0], [13.0, 0]]))) == 0  # exactly 0.8 is too much
    assert len(match(edge, torch.tensor([[4.0, 0], [13.0, 0]]), 0.81)) == 1
    far = torch.stack((10000 + torch.arange(30.0), torch.zeros(30)), 1)  # beside squares of 1e8 a distance of 1 would be lost
    assert match(far + 0.25, far).tolist() == [[i, i] for i in range(30)]


def test_an_empty_image_has_no_keypoints():
    found = sift(torch.zeros(20, 30))
    assert found.position.shape == (0, 2) and found.descriptors.shape == (0, 128)
    assert sift(rand(12, 12, seed=1, low=0.0)).angle.dtype == torch.float64
    defaults = {k: p.default for k, p in inspect.signature(sift).parameters.items() if k != "image"}
    assert defaults == {"scales": 3, "sigma": 1.6, "contrast": 0.03, "edge": 10.0}
