"""What is special to progressive growing: the ends of fading, equalized steps, variances, deviation, a stage that is learned."""

from __future__ import annotations

import inspect
import math

import pytest
import torch
import torch.nn.functional as F

from refimpl.generative.progressive_gan import (
    Discriminator,
    EqualizedConv2d,
    EqualizedLinear,
    Generator,
    drift_penalty,
    fade,
    minibatch_deviation,
    pixel_norm,
)
from refimpl.generative.wgan import generator_loss
from refimpl.generative.wgan_gp import wgan_gp_loss
from tests.refimpl.convolution.networks import check_spread
from tests.refimpl.generative.cases_progressive_gan import FEATURES, METHOD, WIDTHS, D, G, Z
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.progressive_gan"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def nets():
    return randomize(Generator(4, WIDTHS, 2)), randomize(Discriminator(WIDTHS, 2))


def test_a_new_stage_begins_as_the_old_one(record):
    """alpha = 0: the old image doubled, and the score of the halved image; alpha = 1: no trace of the old layers."""
    g, d = nets()
    for stage in (1, 2):
        old = F.interpolate(g(Z, stage - 1), scale_factor=2.0, mode="nearest")
        record(
            METHOD, MODULE, f"images of stage {stage}, alpha 0", "the stage before, doubled", error=error(g(Z, stage, 0.0), old), **EXACT
        )
        x = randn(3, 2, 4 * 2**stage, 4 * 2**stage, seed=stage)
        before = d(F.avg_pool2d(x, 2), stage - 1)
        record(
            METHOD,
            MODULE,
            f"scores of stage {stage}, alpha 0",
            "the stage before, on halved images",
            error=error(d(x, stage, 0.0), before),
            **EXACT,
        )
        for net, inputs, layers in ((g, Z, g.to_image), (d, x, d.from_image)):
            full = net(inputs, stage)
            assert torch.equal(full, net(inputs, stage, 1.0))
            slopes = torch.autograd.grad(full.sum(), [layers[stage - 1].weight, layers[stage].weight], allow_unused=True)
            assert slopes[0] is None and slopes[1].abs().max() > 0
            mixed = torch.autograd.grad(net(inputs, stage, 0.5).sum(), [layers[stage - 1].weight, layers[stage].weight])
            assert all(s.abs().max() > 0 for s in mixed)


def test_pixel_norm_has_mean_square_one(record):
    y = pixel_norm(FEATURES)
    gap = (y.square().mean(1) - 1).abs().max().item()
    record(METHOD, MODULE, "mean square over the features of each pixel", "1", error=gap, tolerance=1e-6, dtype=torch.float64)
    assert error(pixel_norm(1000 * FEATURES), y) < 1e-6 and not pixel_norm(torch.zeros(2, 3)).any()
    assert pixel_norm(torch.full((1, 4), 1e-4)).tolist()[0] == pytest.approx([2**-0.5] * 4, rel=1e-5)


def test_deviation_is_zero_for_equal_examples_and_one_number():
    equal = FEATURES[:1].expand(4, -1, -1, -1)
    assert minibatch_deviation(equal)[:, 2].tolist() == [[[pytest.approx(1e-4)] * 4] * 3] * 4
    out = minibatch_deviation(FEATURES)
    assert torch.equal(out[:, :2], FEATURES) and out.shape == (3, 3, 3, 4) and out[:, 2].unique().numel() == 1
    assert error(minibatch_deviation(10 * FEATURES)[0, 2, 0, 0], 10 * out[0, 2, 0, 0]) < 1e-6
    assert error(minibatch_deviation(FEATURES + 5)[:, 2], out[:, 2]) < 1e-12
    apart = torch.tensor([300.0, -300.0], dtype=torch.float16).view(2, 1, 1, 1)  # whose variance, 90,000, is beyond float16
    assert minibatch_deviation(apart)[:, 1].flatten().tolist() == [300, 300]


def test_layers_keep_the_variance(record):
    """With gain 1 the outputs of unit inputs have variance 1, with the default gain 2, whatever the fan-in; within 4 standard errors."""
    torch.manual_seed(0)
    x, worst = torch.randn(400, 60), 0.0
    for gain, expected in ((1.0, 1.0), (math.sqrt(2), 2.0)):
        y = EqualizedLinear(60, 300, gain)(x)
        worst = max(worst, abs(y.var().item() / expected - 1) / (2 / 300 / 60 * 300 / 60 + 2 / 400) ** 0.5)
        images = EqualizedConv2d(5, 200, 3, gain=gain)(x.view(-1, 5, 4, 3).repeat(1, 1, 1, 2))
        worst = max(worst, abs(images.var().item() / expected - 1) / (2 / 200 + 2 / 400) ** 0.5)
    record(METHOD, MODULE, "variance of the outputs, z-score", "gain squared", error=worst, tolerance=4.0, dtype=torch.float32)


def test_equalized_steps(record):
    """One step of Adam moves the effective weight of layers with fan-in 4 and 64 by steps in the ratio of their scales, 4 to 1."""
    moved = []
    for inputs in (4, 64):
        layer = EqualizedLinear(inputs, 3).double()
        before = (layer.weight * layer.scale).detach().clone()
        adam = torch.optim.Adam(layer.parameters(), lr=0.01)
        layer(randn(5, inputs, seed=1)).square().sum().backward()
        adam.step()
        moved.append((layer.weight * layer.scale - before).abs().mean().item() / before.std().item())
        assert layer.scale == pytest.approx((2 / inputs) ** 0.5)
    record(
        METHOD,
        MODULE,
        "relative step of a weight, fan-in 4 against 64",
        "equal",
        error=abs(moved[0] / moved[1] - 1),
        tolerance=0.5,
        dtype=torch.float64,
    )
    assert all(0.005 < m < 0.02 for m in moved)


def test_later_stages_get_no_gradient():
    g, d = nets()
    g(Z, 1).sum().backward()
    d(randn(3, 2, 8, 8, seed=2), 1).sum().backward()
    for net in (g, d):
        unused = {n for n, p in net.named_parameters() if p.grad is None}
        first = "to_image" if net is g else "from_image"
        assert unused == {f"{n}.{k}" for n in ("convs.2.0", "convs.2.1", f"{first}.0", f"{first}.2") for k in ("weight", "bias")}


def test_the_noise_is_normalized():
    g, _ = nets()
    assert error(g(7 * Z, 1), g(Z, 1)) < 1e-6


def test_scores_depend_on_the_other_examples():
    _, d = nets()
    x = randn(3, 2, 8, 8, seed=3)
    assert not torch.allclose(d(x, 1)[:1], d(x[:1], 1))
    assert error(d(x[[2, 0, 1]], 1), d(x, 1)[[2, 0, 1]]) < 1e-12


def test_paper_layout():
    """Table 2: 512 channels up to 32 x 32, then halved at each stage to 16 at 1024 x 1024; about 23.1 million parameters each."""
    with torch.device("meta"):
        g, d = Generator(), Discriminator()
        assert g(torch.zeros(2, 512), 8).shape == (2, 3, 1024, 1024) and d(torch.zeros(2, 3, 1024, 1024), 8).shape == (2,)
    counts = [sum(p.numel() for p in net.parameters()) for net in (g, d)]
    assert [round(c / 1e6, 1) for c in counts] == [23.1, 23.1]
    widths = [512] * 4 + [256, 128, 64, 32, 16]
    assert [conv.weight.shape[1] for conv in g.to_image] == widths == [conv.weight.shape[0] for conv in d.from_image]
    assert g.stages == 9 and g.first.gain == pytest.approx(2**0.5 / 4) and g.to_image[0].gain == d.last.gain == 1.0
    assert d.from_image[0].gain == g.convs[1][0].gain == pytest.approx(2**0.5)


def test_initialization_and_factory_arguments():
    torch.manual_seed(1)
    layer = EqualizedConv2d(20, 30, 3)
    with torch.no_grad():
        layer.weight.fill_(9.0), layer.bias.fill_(9.0)
    layer.reset_parameters()
    check_spread(layer.weight.detach(), 1.0)
    assert not layer.bias.any()
    assert repr(EqualizedConv2d(2, 3, 1, 2, 1.0)) == "EqualizedConv2d(2, 3, kernel_size=1, padding=2, gain=1)"
    assert repr(EqualizedLinear(2, 3)) == "EqualizedLinear(2, 3, gain=1.41421)" and EqualizedConv2d(1, 1, 1).padding == 0
    for net in (Generator(4, WIDTHS, 2, device="meta", dtype=torch.float16), Discriminator(WIDTHS, 2, device="meta", dtype=torch.float16)):
        assert {(p.device.type, p.dtype) for p in net.parameters()} == {("meta", torch.float16)}
    assert inspect.signature(drift_penalty).parameters["weight"].default == 1e-3
    assert G.channels == D.channels == 2
    assert Discriminator((1,), 1)(Generator(1, (1,), 1)(torch.ones(2, 1), 0), 0).shape == (2,)
    assert [inspect.signature(f).parameters["eps"].default for f in (pixel_norm, minibatch_deviation)] == [1e-8] * 2
    assert torch.equal(fade(Z, 2 * Z, 0.0), Z) and torch.equal(fade(Z, 2 * Z, 1.0), 2 * Z)


def test_learns_the_mean_of_the_data(record):
    """Data of one constant image with a little noise, stage 0: the generator's images come near it."""
    torch.manual_seed(0)
    image = torch.tensor([0.8, -0.5]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    g, d = Generator(4, (8,), 2), Discriminator((8,), 2)
    of_g, of_d = (torch.optim.Adam(net.parameters(), 0.01, (0.0, 0.99)) for net in (g, d))
    for _ in range(60):
        real = image + 0.05 * torch.randn(16, 2, 4, 4)
        loss = wgan_gp_loss(lambda x: d(x, 0), real, g(torch.randn(16, 4), 0).detach())
        of_d.zero_grad()
        (loss + drift_penalty(d(real, 0))).backward()
        of_d.step()
        of_g.zero_grad()
        generator_loss(d(g(torch.randn(16, 4), 0), 0)).backward()
        of_g.step()
    with torch.no_grad():
        gap = (g(torch.randn(64, 4), 0).mean((0, 2, 3)) - image[0, :, 0, 0]).abs().max().item()
    record(METHOD, MODULE, "mean of generated images after 60 steps", "the data's", error=gap, tolerance=0.3, dtype=torch.float32)
