"""What is special to DeepDream: the energy rises, shifts are undone, octaves keep the image, the class model's closed form."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.convolution.deep_dream import class_model, dream, dream_step, energy
from tests.refimpl.convolution.cases_deep_dream import METHOD, X, layer
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.convolution.deep_dream"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def network():
    torch.manual_seed(2)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU()).double()


def test_energy_rises_at_every_step():
    net, image = network(), rand(1, 3, 20, 24, seed=3, low=0.0)
    levels = []
    for _ in range(10):
        levels.append(energy(net(image)).item())
        image = dream_step(net, image, 0.05)
    assert all(b > a for a, b in itertools.pairwise(levels))
    assert levels[-1] > 5 * levels[0]


def test_a_step_moves_each_pixel_by_the_rate_on_average():
    assert (dream_step(layer, X, 0.3) - X).abs().mean().item() == pytest.approx(0.3)


def test_a_shift_is_undone():
    """For a layer that follows shifts the jitter does not matter."""

    def circular(x):
        return F.conv2d(F.pad(x, (1, 1, 1, 1), "circular"), torch.ones(1, 2, 3, 3, dtype=x.dtype))

    assert error(dream_step(circular, X, 0.3, (3, -1)), dream_step(circular, X, 0.3)) < 1e-12
    assert error(dream_step(layer, X, 0.3, (1, -2)), dream_step(layer, X, 0.3)) > 1e-3


def test_no_steps_give_the_image_back():
    image = rand(1, 3, 20, 24, seed=4)
    assert error(dream(network(), image, steps=0), image) < 1e-12


def test_one_octave_is_a_row_of_steps(record):
    """With one octave and no jitter, dreaming is the step repeated."""
    net, image = network(), rand(1, 3, 20, 24, seed=5)
    expected = image
    for _ in range(4):
        expected = dream_step(net, expected, 0.07)
    gap = error(dream(net, image, 4, 0.07, octaves=1, jitter=0), expected)
    record(METHOD, MODULE, "one octave", "steps one by one", error=gap, **EXACT)


def test_octaves_by_hand(record):
    """Three sizes, each with the detail of the last: the recursion of the notebook written out."""
    net, image = network(), rand(1, 3, 20, 24, seed=6)

    def sized(x, h, w):
        return F.interpolate(x, (h, w), mode="bilinear", align_corners=False)

    detail = torch.zeros(1, 3, 9, 11, dtype=torch.float64)
    for h, w in ((9, 11), (13, 16), (20, 24)):  # 20 and 24 divided by 1.5^2, 1.5 and 1
        base = sized(image, h, w)
        dreamt = base + sized(detail, h, w)
        for _ in range(2):
            dreamt = dream_step(net, dreamt, 0.05)
        detail = dreamt - base
    gap = error(dream(net, image, 2, 0.05, 3, 1.5, 0), dreamt)
    record(METHOD, MODULE, "three octaves", "the recursion written out", error=gap, **EXACT)


def test_sizes_shifts_and_defaults():
    """Sizes seen by the layer, steps at each, shifts that reach both bounds and repeat under a seed."""
    seen, image = [], rand(1, 3, 20, 24, seed=7)

    def watched(x):
        seen.append(x)
        return x.square()

    dream(watched, image)
    assert [tuple(x.shape[2:]) for x in seen[::10]] == [(10, 12), (14, 17), (20, 24)] and len(seen) == 30
    seen.clear()
    line = torch.arange(24.0).expand(1, 1, 20, 24).contiguous()
    dream(watched, line, 200, 0.0, 1, jitter=2, generator=torch.Generator().manual_seed(1))
    assert {int(x[0, 0, 0, 0]) for x in seen} == {0, 1, 2, 22, 23}
    results = [dream(network(), image, 2, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])
    default = [dream(network(), image, generator=torch.Generator().manual_seed(1)) for _ in range(1)]
    assert torch.equal(default[0], dream(network(), image, 10, 0.02, 3, 1.4, 4, torch.Generator().manual_seed(1)))
    assert dream(lambda x: x, image[..., :1, :1], 1, octaves=2, scale=9.0, jitter=0).shape == (1, 3, 1, 1)


def test_class_model_of_linear_scores(record):
    """w / (2 lambda) maximizes w . x - lambda |x|^2; gradient ascent approaches it by 1 - 2 r lambda a step."""
    w = randn(4, 2 * 3 * 5, seed=8)
    found = class_model(lambda x: x.flatten(1) @ w.T, (1, 2, 3, 5), 2, steps=30, rate=2.0, decay=0.05, dtype=torch.float64)
    expected = w[2] / 0.1 * (1 - (1 - 2 * 2.0 * 0.05) ** 30)
    record(METHOD, MODULE, "class model of linear scores", "closed form", error=error(found.flatten(), expected), **EXACT)
    found = class_model(lambda x: x.flatten(1) @ w.float().T, (1, 2, 3, 5), 1)
    assert error(found.flatten(), w[1] / 0.02 * (1 - 0.98**100)) < 1e-5
    free = class_model(lambda x: x.flatten(1) @ w.float().T, (1, 2, 3, 5), 1, steps=3, decay=0.0, rate=0.5)
    assert error(free.flatten(), 1.5 * w[1]) < 1e-6
    assert class_model(lambda x: x.flatten(1), (1, 2, 1, 1), 0, steps=0, device="meta").device.type == "meta"


def test_no_history_is_kept():
    image = rand(1, 3, 20, 24, seed=10)
    dream_step(network(), image, 0.1)
    assert not image.requires_grad
    assert not class_model(lambda x: x.flatten(1), (1, 2, 1, 1), 0, steps=2).requires_grad


def test_shifts_are_drawn_on_the_cpu_whatever_the_default_device():
    net, image = network(), rand(1, 3, 20, 24, seed=11)
    with torch.device("meta"):
        found = dream(net, image, 1, octaves=2, scale=1.0, generator=torch.Generator().manual_seed(1))
    assert found.device == image.device and found.shape == image.shape


def test_the_network_is_left_alone():
    net, image = network(), rand(1, 3, 20, 24, seed=9)
    with torch.no_grad():
        result = dream(net, image, 2)
        made = class_model(lambda x: net(x).mean((2, 3)), (1, 3, 9, 9), 0, 2, dtype=torch.float64)
    assert not result.requires_grad and not made.requires_grad
    assert all(p.grad is None for p in net.parameters()) and not image.requires_grad
