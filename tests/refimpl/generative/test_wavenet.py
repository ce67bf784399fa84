"""What is special to WaveNet: mu-law, causality and reach, generation with caches, a distribution that sums to one, learning."""

from __future__ import annotations

import inspect
import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from refimpl.generative.wavenet import WaveNet, mu_law_decode, mu_law_encode
from tests.refimpl.generative.cases_wavenet import METHOD, SMALL, C, X
from tests.refimpl.harness.case import rand, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.wavenet"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def network(**more):
    return randomize(WaveNet(**{**SMALL, **more}), scale=0.6)


def hot(codes, levels=4):
    return F.one_hot(codes, levels).transpose(1, 2).double()


@pytest.mark.parametrize("levels", [2, 8, 256])
def test_mu_law_against_the_formula(levels, record):
    """Encoding rounds the companded sample to the nearest level; decoding inverts it; the ends and the order are kept."""
    mu, s = levels - 1, np.linspace(-1, 1, 1001)
    companded = np.sign(s) * np.log(1 + mu * np.abs(s)) / np.log(1 + mu)
    codes = mu_law_encode(torch.from_numpy(s), levels)
    assert codes.dtype == torch.int64 and codes.tolist() == np.floor((companded + 1) / 2 * mu + 0.5).astype(int).tolist()
    assert codes[0] == 0 and codes[-1] == mu and (codes.diff() >= 0).all()
    every = torch.arange(levels)
    y = every.double().numpy() / mu * 2 - 1
    exact = np.sign(y) * ((1 + mu) ** np.abs(y) - 1) / mu
    record(
        METHOD,
        MODULE,
        f"decoded levels, {levels}",
        "the inverse in NumPy",
        error=error(mu_law_decode(every, levels), torch.from_numpy(exact)),
        tolerance=1e-6,
        dtype=torch.float32,
    )
    assert torch.equal(mu_law_encode(mu_law_decode(every, levels), levels), every)


def test_mu_law_is_finer_near_zero():
    """In 256 levels an error of at most 0.00015 near zero and 0.022 near one; 256 is the default."""
    s = torch.linspace(-1, 1, 4001)
    off = (mu_law_decode(mu_law_encode(s)) - s).abs()
    assert off[(s.abs() < 0.004)].max() < 1.5e-4 < 0.02 < off.max() < 0.0218
    assert mu_law_encode(torch.tensor([-2.0, 2.0])).tolist() == [0, 255]
    for f in (mu_law_encode, mu_law_decode):
        assert inspect.signature(f).parameters["levels"].default == 256


@pytest.mark.parametrize(("kernel", "layers", "blocks", "field"), [(2, 2, 1, 5), (2, 2, 2, 8), (3, 2, 1, 9), (2, 3, 1, 9)])
def test_reach(kernel, layers, blocks, field):
    """The logits at a step depend on exactly the last ``receptive_field`` inputs, the present one included, and on no later one."""
    net = network(kernel_size=kernel, layers=layers, blocks=blocks, skip=9)
    assert net.receptive_field == field
    x = rand(1, 4, 13, seed=1, low=0.0)
    seen = torch.autograd.functional.jacobian(lambda v: net(v)[0, :, 10].sum(), x).abs().sum((0, 1)) > 0
    assert seen.tolist() == [10 - field < t <= 10 for t in range(13)]


@pytest.mark.parametrize("more", [{}, {"kernel_size": 4, "layers": 3}, {"condition": 3}])
def test_caches_give_the_same_logits(more, record):
    """The logits of 12 drawn samples, after hearing 3, are those of the whole network on all of them."""
    net, c = network(**more), C if "condition" in more else None
    heard = torch.tensor([[1, 3, 0], [2, 2, 1]])
    codes, logits = net.generate(heard, 12, c, generator=torch.Generator().manual_seed(1))
    assert codes.shape == (2, 15) and torch.equal(codes[:, :3], heard) and not logits.requires_grad
    with torch.no_grad():
        expected = net(hot(codes[:, :-1]), c)[:, :, 2:]
    record(
        METHOD,
        MODULE,
        f"logits with caches, {more}",
        "the network on the whole sequence",
        error=error(logits, expected),
        **EXACT,
        shapes="(2,4,12)",
    )
    torch.manual_seed(1)
    assert torch.equal(net.generate(heard, 12, c)[0], codes)
    generator = torch.Generator().manual_seed(1)
    assert codes[:, 3].tolist() == torch.multinomial(expected[:, :, 0].float().softmax(1), 1, generator=generator)[:, 0].tolist()
    assert net.generate(heard, 0, c)[0].tolist() == heard.tolist() and net.generate(heard, 0, c)[1].shape == (2, 4, 0)


def test_probabilities_of_all_continuations_sum_to_one(record):
    """All 64 sequences of three samples after a first one."""
    net = network()
    codes = torch.tensor([(2, *rest) for rest in itertools.product(range(4), repeat=3)])
    with torch.no_grad():
        total = net.log_likelihood(codes).exp().sum().item()
    record(METHOD, MODULE, "sum of the probabilities of 64 continuations", "1", error=abs(total - 1), **EXACT)


def test_likelihood_is_the_product_over_samples(record):
    net, codes = network(condition=3), (rand(2, 7, seed=2, low=0.0) * 4).long()
    with torch.no_grad():
        logits = net(hot(codes), C)
        expected = torch.zeros(2).double()
        for n, t in itertools.product(range(2), range(1, 7)):
            expected[n] += torch.log_softmax(logits[n, :, t - 1], 0)[codes[n, t]]
        gap = error(net.log_likelihood(codes, C), expected)
    record(METHOD, MODULE, "log-likelihood", "the sum of log-probabilities, sample by sample", error=gap, **EXACT)
    assert not torch.equal(net(X, C), net(X, -C))
    with torch.device("meta"):
        assert net(X, C).device.type == net.generate(codes, 2, C, generator=torch.Generator("cpu"))[1].device.type == "cpu"


def test_drawn_samples_have_the_probabilities_of_the_model(record):
    """One sample after two, 6000 times: counts within 4 standard errors."""
    net, n = network(), 6000
    heard = torch.tensor([[1, 3]]).expand(n, -1)
    codes, logits = net.generate(heard, 1, generator=torch.Generator().manual_seed(2))
    p = logits[0, :, 0].softmax(0)
    z = ((torch.bincount(codes[:, 2], minlength=4) - n * p) / (n * p * (1 - p)).sqrt()).abs().max().item()
    record(METHOD, MODULE, "counts of drawn samples, z-score", "softmax of the logits", error=z, tolerance=4.0, dtype=torch.float64)


def test_two_byte_types():
    """The answer in bfloat16 lies near that in float64."""
    net = network(condition=3)
    expected = net(X, C)
    low = net.bfloat16()(X.bfloat16(), C.bfloat16())
    assert low.dtype == torch.bfloat16 and error(low, expected) < 0.1
    heard = torch.tensor([[1, 3]]).expand(3000, -1)
    codes, logits = net.generate(heard, 1, C[:1].expand(3000, -1).bfloat16(), generator=torch.Generator().manual_seed(3))
    p = logits[:, :, 0].float().softmax(1)
    assert torch.equal(codes[:, 2:], torch.multinomial(p, 1, generator=torch.Generator().manual_seed(3))), "float32 probabilities"


def test_defaults_and_factory_arguments():
    net = WaveNet(device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in net.parameters()} == {("meta", torch.float16)}
    assert len(net.layers) == 10 and net.receptive_field == 1 + 1 + 1023 and net.causal.weight.shape == (32, 256, 2)
    assert [layer.dilation for layer in net.layers] == [2**i for i in range(10)]
    assert net.layers[0].out.weight.shape == (32 + 256, 32, 1) and net.layers[9].out.weight.shape == (256, 32, 1)
    assert net.head[3].weight.shape == (256, 256, 1) and net.layers[0].condition is None
    assert [layer.dilation for layer in WaveNet(4, 2, 2, 2, 3).layers] == [1, 2] * 3
    least = WaveNet(2, 1, 1, 1)
    assert least.receptive_field == 3 and least(torch.zeros(2, 2, 4)).shape == (2, 2, 4)
    conditional = WaveNet(4, 2, 3, 1, condition=5, device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in conditional.parameters()} == {("meta", torch.float16)}
    assert conditional.layers[0].condition.weight.shape == (4, 5) and conditional.layers[0].condition.bias is None


def test_learns_a_sine_and_plays_it_on(record):
    """Period 10 in 8 levels, 60 steps of Adam: 50 drawn samples lie near the wave."""
    wave = 0.8 * torch.sin(2 * math.pi * (torch.arange(90) + 0.25) / 10)
    codes = mu_law_encode(wave, 8)
    torch.manual_seed(0)
    net = WaveNet(8, 8, 16, layers=3)
    adam, batch = torch.optim.Adam(net.parameters(), lr=0.02), torch.stack([codes[s : s + 30] for s in range(10)])
    for _ in range(60):
        adam.zero_grad()
        (-net.log_likelihood(batch).mean() / 29).backward()
        adam.step()
    drawn, _ = net.generate(codes[None, :20], 50, generator=torch.Generator().manual_seed(0))
    wrong = (drawn[0, 20:] != codes[20:70]).double().mean().item()
    record(
        METHOD,
        MODULE,
        "share of drawn samples in another level than the sine",
        "0, at most 0.1",
        error=wrong,
        tolerance=0.1,
        dtype=torch.float32,
    )
