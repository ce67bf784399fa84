"""Fading from one resolution to the next, scales at run time, and gradients for the levels in use."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from refimpl.generative.equalized import EqualizedConv2d, EqualizedLinear, minibatch_std, pixel_norm
from refimpl.generative.progressive_gan import Discriminator, Generator, drift
from tests.refimpl.generative.cases_progressive_gan import METHOD, WIDTHS
from tests.refimpl.harness.case import rand, randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.progressive_gan"
LAYERS = "refimpl.generative.equalized"
Z = randn(3, 5, seed=1)


@pytest.mark.parametrize("level", [1, 2])
def test_fading_in_begins_with_the_old_network(level, record):
    """At alpha = 0 the images are the smaller ones, doubled, and the scores those of the halved images; in between it is linear."""
    generator, discriminator = randomize(Generator(5, WIDTHS, 2)), randomize(Discriminator(WIDTHS, 2))
    size = 4 * 2**level
    image = rand(3, 2, size, size, seed=2)
    old, new = F.interpolate(generator(Z, level - 1), scale_factor=2), generator(Z, level)
    gap = max(
        error(generator(Z, level, 0.0), old),
        error(generator(Z, level, 0.25), 0.75 * old + 0.25 * new),
        error(discriminator(image, level, 0.0), discriminator(F.avg_pool2d(image, 2), level - 1)),
    )
    record(METHOD, MODULE, f"level {level} at alpha 0 and 1/4", "level below, doubled or halved", error=gap, tolerance=1e-13, dtype=Z.dtype)
    assert torch.equal(generator(Z, level, 1.0), new) and torch.equal(discriminator(image, level), discriminator(image, level, 1.0))
    assert new.shape == (3, 2, size, size) and discriminator(image, level).shape == (3,)


def test_gradients_reach_the_levels_in_use_alone():
    generator, discriminator = Generator(5, WIDTHS, 2), Discriminator(WIDTHS, 2)
    discriminator(generator(Z.float(), 1, 0.5), 1, 0.5).sum().backward()
    for net in (generator, discriminator):
        without = {name for name, p in net.named_parameters() if p.grad is None}
        assert without == {n for n, _ in net.named_parameters() if n.startswith("rgb.2") or n in OUT_OF_USE[type(net)]}


OUT_OF_USE = {
    Generator: {"conv1.2.weight", "conv1.2.bias", "conv2.1.weight", "conv2.1.bias"},
    Discriminator: {"conv1.1.weight", "conv1.1.bias", "conv2.1.weight", "conv2.1.bias"},
}


def test_pixel_norm_gives_unit_mean_square(record):
    y = pixel_norm(randn(4, 6, 3, 5, seed=3) * 100, eps=0.0)
    gap = error(y.square().mean(1), torch.ones(4, 3, 5).double())
    record(METHOD, LAYERS, "mean square over channels", "1", error=gap, tolerance=1e-14, dtype=y.dtype)
    small = torch.full((1, 4), 1e-4, dtype=torch.float64)
    assert pixel_norm(small)[0, 0].item() == pytest.approx(1e-4 / math.sqrt(1e-8 + 1e-8), rel=1e-14)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_pixel_norm_of_two_byte_types_is_taken_in_float32(dtype):
    x = (randn(2, 3, 4, seed=4) * 300).to(dtype)
    assert torch.equal(pixel_norm(x), pixel_norm(x.float()).to(dtype))


def test_spread_of_equal_images_is_nearly_zero():
    x = rand(1, 2, 3, 3, seed=5).expand(4, -1, -1, -1)
    assert minibatch_std(x)[:, 2].unique().item() == pytest.approx(1e-4)
    assert torch.equal(minibatch_std(x)[:, :2], x)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_layers_keep_the_variance(dtype, record):
    """Weights of N(0, 1): He's gain keeps the mean square through a rectifier, within 5 standard errors over the weights."""
    torch.manual_seed(0)
    layer = EqualizedLinear(400, 20_000, dtype=dtype)
    assert layer.weight.dtype == dtype and layer.weight.std().item() == pytest.approx(1, abs=0.01) and not layer.bias.any()
    x = torch.randn(1, 400, dtype=dtype)
    ratio = (F.relu(layer(x)).square().mean() / x.square().mean()).item()
    record(
        METHOD, LAYERS, "mean square after a rectifier", "before it", error=abs(ratio - 1), tolerance=5 * math.sqrt(5 / 20_000), dtype=dtype
    )


def test_scales():
    conv = EqualizedConv2d(4, 3, 5)
    assert conv.scale == math.sqrt(2 / 100) and EqualizedConv2d(4, 3, 5, gain=1.0).scale == 0.1 and conv.padding == 0
    assert EqualizedLinear(8, 3).scale == 0.5 and EqualizedLinear(4, 3, gain=1.0).scale == 0.5
    generator, discriminator = Generator(16, [8, 4]), Discriminator([8, 4])
    assert generator.first.scale == pytest.approx(math.sqrt(2) / 4 / 4) and generator.rgb[0].scale == pytest.approx(1 / math.sqrt(8))
    assert discriminator.score.scale == pytest.approx(1 / math.sqrt(8)) and discriminator.rgb[1].scale == pytest.approx(math.sqrt(2 / 3))
    assert generator.rgb[1].weight.shape == (3, 4, 1, 1)
    assert not conv.bias.any() and conv.weight.shape == (3, 4, 5, 5)


def test_one_step_of_adam_moves_scaled_weights_by_the_rate_times_the_scale():
    """The paper's reason: Adam moves each weight by the rate, and the scale makes that a fixed part of its layer's range."""
    torch.manual_seed(0)
    for fan_in in (4, 400):
        layer = EqualizedLinear(fan_in, 3)
        before = layer.weight.detach().clone()
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
        layer(torch.randn(8, fan_in)).square().sum().backward()
        optimizer.step()
        assert ((layer.weight - before).abs() - 0.01).abs().max() < 1e-4


def test_drift_by_hand():
    assert drift(torch.tensor([3.0, -1.0])).item() == pytest.approx(0.005) and drift(torch.tensor([2.0]), 0.5).item() == 2.0


@pytest.mark.parametrize("make", [lambda **n: Generator(4, [3, 2], **n), lambda **n: Discriminator([3, 2], **n)])
def test_factory_arguments(make):
    made = make(device="meta", dtype=torch.float64)
    assert {(p.dtype, p.device.type) for p in made.parameters()} == {(torch.float64, "meta")}
