"""What is special to PixelCNN: what each pixel sees, a distribution that sums to one, drawing, learning."""

from __future__ import annotations

import inspect
import itertools

import pytest
import torch
import torch.nn.functional as F

from refimpl.data import digits_split
from refimpl.generative.pixelcnn import GatedLayer, PixelCNN
from tests.refimpl.generative.cases_pixelcnn import METHOD, C, H, V, X, torch_layer
from tests.refimpl.harness.case import rand, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.pixelcnn"


def network(**more):
    return randomize(PixelCNN(**{"levels": 2, "channels": 3, "layers": 2, "first_kernel": 3, **more}), scale=0.6)


@pytest.mark.parametrize(("first", "kernel"), [(3, 3), (5, 3), (3, 5)])
def test_each_pixel_sees_all_before_it_and_no_other(first, kernel):
    """The Jacobian of a deep enough net: zero at the pixel itself and after it, and not zero anywhere before: no blind spot."""
    net = network(layers=5, first_kernel=first, kernel_size=kernel)
    x = rand(1, 1, 4, 4, seed=1, low=0.0)
    jacobian = torch.autograd.functional.jacobian(lambda v: net(v)[0].sum(0), x).reshape(16, 16).abs()
    seen = jacobian > 0
    assert torch.equal(seen, torch.ones(16, 16).tril(-1).bool())


def test_one_layer_sees_what_its_kernels_reach():
    """Of kernel 5 in an image of 7 x 9: five columns of the two rows above, then the two pixels to the left."""
    net = network(layers=1, first_kernel=5, channels=2)
    x = rand(1, 1, 7, 9, seed=2, low=0.0)
    at = torch.autograd.functional.jacobian(lambda v: net(v)[0, :, 4, 5].sum(), x)[0, 0] != 0
    expected = torch.zeros(7, 9, dtype=torch.bool)
    expected[1:4, 3:8] = True  # the vertical stack has its own row too, which is moved down: rows 4 - 1 - 2 to 4 - 1
    expected[4, 3:5] = True
    assert torch.equal(at, expected)


@pytest.mark.parametrize("levels", [2, 3])
def test_probabilities_of_all_images_sum_to_one(levels, record):
    """Every image of 2 x 2 pixels."""
    net = network(levels=levels)
    images = torch.tensor(list(itertools.product(range(levels), repeat=4))).double().view(-1, 1, 2, 2) / (levels - 1)
    with torch.no_grad():
        total = net.log_likelihood(images).exp().sum().item()
    record(
        METHOD, MODULE, f"sum of the probabilities of {len(images)} images", "1", error=abs(total - 1), tolerance=1e-12, dtype=torch.float64
    )


def test_likelihood_is_the_product_over_pixels(record):
    net, x = network(levels=3, condition=3), (rand(2, 1, 3, 4, seed=3, low=0.0) * 2).round() / 2
    with torch.no_grad():
        logits, c = net(x, C), C
        total = torch.zeros(2).double()
        for n, i, j in itertools.product(range(2), range(3), range(4)):
            total[n] += torch.log_softmax(logits[n, :, i, j], 0)[int(x[n, 0, i, j] * 2)]
        gap = error(net.log_likelihood(x, c), total)
    record(
        METHOD,
        MODULE,
        "log-likelihood of images",
        "the sum of log-probabilities, pixel by pixel",
        error=gap,
        tolerance=1e-13,
        dtype=torch.float64,
    )


def test_drawn_images_have_the_probabilities_of_the_model(record):
    """4000 images of 2 x 2 with two levels: the counts of all 16 within 4 standard errors of the likelihood."""
    net, n = network(), 4000
    drawn = net.sample(n, 2, 2, generator=torch.Generator().manual_seed(1))
    assert drawn.dtype == torch.float64 and drawn.shape == (n, 1, 2, 2) and not drawn.requires_grad
    images = torch.tensor(list(itertools.product(range(2), repeat=4))).double().view(-1, 1, 2, 2)
    with torch.no_grad():
        p = net.log_likelihood(images).exp()
    counts = torch.bincount((drawn.flatten(1) @ torch.tensor([8.0, 4, 2, 1]).double()).long(), minlength=16)
    z = ((counts - n * p) / (n * p * (1 - p)).sqrt()).abs().max().item()
    record(METHOD, MODULE, "counts of drawn images, z-score", "their likelihood", error=z, tolerance=4.0, dtype=torch.float64)


def test_drawing_follows_the_generator_and_the_condition():
    net = network(levels=3, condition=3)
    c = C * 30
    first = net.sample(2, 3, 4, c, torch.Generator().manual_seed(2))
    torch.manual_seed(2)
    assert torch.equal(net.sample(2, 3, 4, c), first) and set(first.flatten().tolist()) <= {0.0, 0.5, 1.0}
    generator, x = torch.Generator().manual_seed(2), torch.zeros(2, 1, 3, 4).double()
    for i, j in itertools.product(range(3), range(4)):  # from the whole image each time
        x[:, 0, i, j] = torch.multinomial(net(x, c)[:, :, i, j].detach().float().softmax(1), 1, generator=generator)[:, 0] / 2
    assert torch.equal(first, x)
    with torch.device("meta"):
        assert net.sample(2, 1, 2, c, torch.Generator("cpu")).device.type == "cpu"
    assert not torch.equal(net(X, C), net(X, -C))
    thirds = network(levels=4).sample(2, 3, 4, generator=torch.Generator().manual_seed(2))
    assert set(thirds.flatten().tolist()) <= {0.0, 1 / 3, 2 / 3, 1.0}
    low = network(levels=3).bfloat16()
    drawn = low.sample(2000, 1, 1, generator=torch.Generator().manual_seed(3)).flatten()
    p = low(torch.zeros(2000, 1, 1, 1).bfloat16())[:, :, 0, 0].float().softmax(1)
    assert torch.equal(drawn * 2, torch.multinomial(p, 1, generator=torch.Generator().manual_seed(3))[:, 0]), "float32 probabilities"


def test_defaults_and_factory_arguments():
    net = PixelCNN(device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in net.parameters()} == {("meta", torch.float16)}
    assert len(net.layers) == 8 and net.levels == 256 and net.layers[0].vertical.weight.shape == (128, 1, 4, 7)
    assert net.layers[1].vertical.weight.shape == (128, 64, 2, 3) and net.layers[1].horizontal.weight.shape == (128, 64, 1, 2)
    assert net.layers[0].horizontal.weight.shape == (128, 1, 1, 3) and net.layers[0].condition is None and net.layers[0].link.bias is None
    assert inspect.signature(GatedLayer).parameters["first"].default is False
    plain = randomize(GatedLayer(2, 2, 3))
    ours, expected = plain(V, H), torch_layer(dict(plain.named_parameters()), "", V, H, None, False)
    assert max(map(error, ours, expected)) < 1e-14, "without a condition"
    conditional = PixelCNN(2, 4, 2, condition=5, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in conditional.parameters()} == {("meta", torch.float16)}
    assert conditional.layers[1].condition.weight.shape == (16, 5) and conditional.layers[1].condition.bias is None


def test_learns_digits_better_than_pixels_alone(record):
    """Four epochs of binarized digits: more than 1.5 nats above pixels that know nothing of each other."""
    data = digits_split()
    x, x_test = (images.gt(0.5).float() for images in (data.x, data.x_test))
    rate = x.mean(0).clamp(1e-3, 1 - 1e-3)
    alone = (x_test * rate.log() + (1 - x_test) * (1 - rate).log()).sum((1, 2, 3)).mean().item()
    torch.manual_seed(0)
    net = PixelCNN(2, 12, 2, 3, 5)
    adam = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(4):
        for batch in torch.randperm(len(x)).split(50):
            adam.zero_grad()
            F.cross_entropy(net(x[batch]), x[batch, 0].long()).backward()
            adam.step()
    with torch.no_grad():
        learned = net.log_likelihood(x_test).mean().item()
    record(
        METHOD,
        MODULE,
        "nats gained over independent pixels, negated",
        "at least 1.5",
        error=alone - learned,
        tolerance=-1.5,
        dtype=torch.float32,
    )
