"""What is special to U-Net: sizes, tiles without seams, the weight map against other distance transforms, and learning."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
import torch

from refimpl.vision.shapes import discs
from refimpl.vision.unet import UNet, dice_loss, distances, overlap_tile, unet_loss, weight_map
from tests.refimpl.convolution.networks import check_spread
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.vision.cases_unet import METHOD, SCORES, TARGET, WEIGHT, small

MODULE = "refimpl.vision.unet"


def test_sizes_of_the_paper():
    model = UNet(width=1)
    assert model.output_size(572) == 388 and model.margin == 184
    with torch.no_grad():
        for depth in (1, 2, 3):
            model = UNet(1, 2, 1, depth)
            fits = [n for n in range(80 * 2**depth) if _fits(model, n)]
            assert fits[:2] == ([18, 20] if depth == 1 else [model.margin + 4, model.margin + 4 + 2**depth])
            assert model(torch.zeros(1, 1, fits[0], fits[1])).shape[2:] == (fits[0] - model.margin, fits[1] - model.margin)
    assert sum(p.numel() for p in UNet(device="meta").parameters()) == 31_030_658
    assert [b[0].out_channels for b in UNet(device="meta").down] == [64, 128, 256, 512, 1024]
    assert inspect.signature(UNet).parameters["dropout"].default == 0.5


def _fits(model, length):
    try:
        return model.output_size(length) > 0
    except ValueError:
        return False


def test_tiles_have_no_seams(record):
    """Inside, tiles give what the whole image gives at once; at the border the image is mirrored."""
    model = randomize(small(), scale=0.5).eval()
    image = randn(2, 60, 52, seed=3)
    with torch.no_grad():
        tiled = overlap_tile(model, image, 8)
        inner = (..., slice(20, -20), slice(20, -20))
        gap = error(tiled[inner], model(image[None])[0])
        record(METHOD, MODULE, "tiles of 8 pixels", "the whole image at once", error=gap, tolerance=1e-12, dtype=torch.float64)
        mirrored = np.pad(image.numpy(), [(0, 0), (20, 20), (20, 20)], mode="reflect")
        whole = model(torch.from_numpy(mirrored)[None])[0]
        record(METHOD, MODULE, "mirrored border", "numpy.pad", error=error(tiled, whole), tolerance=1e-12, dtype=torch.float64)
        assert error(overlap_tile(model, image[:, :9, :7], 12), overlap_tile(model, image[:, :9, :7], 8)) < 1e-12
        assert overlap_tile(model, image[:, :1, :3], 4).shape == (3, 1, 3)


def test_tensors_are_made_where_the_inputs_are():
    """With another device as PyTorch's default the answers are the same."""
    model, image, cells = randomize(small()).eval(), randn(2, 9, 7, seed=3), torch.tensor([[0, 1, 0], [0, 0, 2]])
    calls = [lambda: overlap_tile(model, image, 8), lambda: weight_map(cells), lambda: torch.stack(distances(cells))]
    with torch.no_grad():
        expected = [call() for call in calls]
        with torch.device("meta"):
            assert all(torch.equal(call(), e) for call, e in zip(calls, expected, strict=True))


def test_distances_by_brute_force_and_scipy(record):
    ndimage = pytest.importorskip("scipy.ndimage")
    cells = discs(1, 24, torch.Generator().manual_seed(5))[1][0]
    assert len(cells.unique()) >= 4
    masks = [(cells == n).numpy() for n in cells.unique().tolist() if n]
    each = np.stack([ndimage.distance_transform_edt(~m) for m in masks])
    each.sort(0)
    d1, d2 = distances(cells)
    gap = max(error(d1, torch.from_numpy(each[0])), error(d2, torch.from_numpy(each[1])))
    record(METHOD, MODULE, "distances to two cells", "scipy.ndimage.distance_transform_edt", error=gap, tolerance=1e-6, dtype=torch.float32)
    brute = []
    for m in masks:
        inside = np.argwhere(m)
        brute.append([[math.sqrt(min(((inside - [i, j]) ** 2).sum(1))) for j in range(24)] for i in range(24)])
    gap = error(d1, torch.tensor(np.min(brute, 0)))
    record(METHOD, MODULE, "distance to the nearest cell", "brute force", error=gap, tolerance=1e-6, dtype=torch.float32)


def test_distances_without_cells():
    none = torch.zeros(3, 4, dtype=torch.int64)
    assert all(d.isinf().all() for d in distances(none))
    one = none.clone()
    one[1, 2] = 7
    d1, d2 = distances(one)
    assert d1[1].tolist() == [2, 1, 0, 1] and d1[0, 0].item() == pytest.approx(5**0.5) and d2.isinf().all()
    assert weight_map(none).tolist() == [[0.5] * 4] * 3


def test_weight_map_by_hand():
    cells = torch.zeros(5, 9, dtype=torch.int64)
    cells[:, :3], cells[:, 5:7] = 1, 2
    found = weight_map(cells, 4.0, 0.8)
    d = [(0, 0)] * 3 + [(1, 2), (2, 1), (0, 0), (0, 0), (1, 5), (2, 6)]
    cell, ground = 45 / (2 * 25), 45 / (2 * 20)
    expected = [cell if a + b == 0 else ground + 4 * math.exp(-((a + b) ** 2) / (2 * 0.64)) for a, b in d]
    assert error(found, torch.tensor([expected] * 5)) < 1e-6
    assert error(weight_map(cells), weight_map(cells, 10.0, 5.0)) == 0
    assert weight_map(cells, 0.0)[0, 3].item() == pytest.approx(ground)
    assert found[cells > 0].sum().item() == pytest.approx(weight_map(cells, 0.0)[cells == 0].sum().item())


def test_the_minus_sign_of_equation_1():
    """As printed, sum of w log p, the energy falls as the prediction gets worse."""
    p = SCORES.softmax(1).gather(1, TARGET[:, None])[:, 0]
    printed = (WEIGHT * p.log()).sum() / 2
    assert error(unet_loss(SCORES, TARGET, WEIGHT), -printed) < 1e-14 and printed < 0
    right = torch.nn.functional.one_hot(TARGET, 3).movedim(-1, 1).double()
    better = SCORES + right
    assert unet_loss(better, TARGET, WEIGHT) < unet_loss(SCORES, TARGET, WEIGHT)


def test_dice_at_its_limits():
    mask = (rand(6, 5, seed=1) > 0).double()
    assert dice_loss(mask, mask).item() == pytest.approx(0, abs=1e-15)
    assert dice_loss(1 - mask, mask).item() == 1.0
    assert dice_loss(mask * 0, mask * 0).item() == 0.0
    assert dice_loss(torch.tensor([0.5]), torch.tensor([0.0])).item() == 1.0


def test_initialization_and_dropout():
    torch.manual_seed(0)
    model = UNet(3, 2, 16, 2, 0.3)
    for layer in model.modules():
        if isinstance(layer, torch.nn.Conv2d):
            check_spread(layer.weight, (2 / (layer.in_channels * layer.kernel_size[0] ** 2)) ** 0.5)
            assert not layer.bias.any()
        elif isinstance(layer, torch.nn.ConvTranspose2d):
            check_spread(layer.weight, (2 / layer.in_channels) ** 0.5)
            assert not layer.bias.any()
    share = []
    model.down[-1].register_forward_hook(lambda _, __, y: torch.ones_like(y))
    model.up[0].register_forward_pre_hook(lambda _, args: share.append((args[0] == 0).double()))
    model(torch.zeros(20, 3, 44, 44))
    assert abs(share[0].mean().item() - 0.3) < 4 * (0.3 * 0.7 / share[0].numel()) ** 0.5
    made = UNet(1, 2, 2, 1, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in made.parameters()} == {("meta", torch.float16)}


def test_drawn_discs():
    images, cells = discs(3, 50, torch.Generator().manual_seed(1))
    assert images.shape == (3, 3, 50, 50) and cells.min() == 0 and cells.max() == 4
    on, off = images[(cells > 0)[:, None].expand_as(images)], images[(cells == 0)[:, None].expand_as(images)]
    assert abs(on.mean() - 1) < 0.05 and abs(off.mean()) < 0.05 and abs(off.std().item() / 0.3 - 1) < 0.05
    again = discs(3, 50, torch.Generator().manual_seed(1))
    assert torch.equal(again[0], images) and torch.equal(again[1], cells)
    assert discs(1)[0].shape == (1, 3, 48, 48) and discs(1)[1].dtype == torch.int64


def test_drawn_discs_are_round():
    """The topmost of each image, where it does not touch the border: radii from 4 to 8."""
    _, cells = discs(150, 40, torch.Generator().manual_seed(2))
    sides = []
    for top in cells == 4:
        rows, columns = top.any(1).nonzero()[:, 0], top.any(0).nonzero()[:, 0]
        if rows[0] > 0 and rows[-1] < 39 and columns[0] > 0 and columns[-1] < 39:
            height, width = len(rows), len(columns)
            assert abs(height - width) <= 1 and rows[-1] - rows[0] == height - 1
            assert top.sum().item() == pytest.approx(math.pi / 4 * height * width, rel=0.16)
            sides.append(height)
    assert len(sides) > 40 and min(sides) in (7, 8) and max(sides) in (15, 16)


@pytest.mark.slow
def test_it_learns_to_segment(record):
    torch.manual_seed(0)
    model = UNet(3, 2, 8, 2, 0.0)
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    inside = slice(20, -20)
    for _ in range(60):
        images, cells = discs(4, 80)
        target = (cells > 0).long()[:, inside, inside]
        adam.zero_grad()
        unet_loss(model(images), target).backward()
        adam.step()
    images, cells = discs(8, 80)
    with torch.no_grad():
        wrong = (model.eval()(images).argmax(1) != (cells > 0)[:, inside, inside]).double().mean().item()
    record(METHOD, MODULE, "share of wrong pixels on drawn discs", "the truth", error=wrong, tolerance=0.05)
