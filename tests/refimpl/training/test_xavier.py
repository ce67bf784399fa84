"""What is special to Glorot's initialization: the drawn numbers, their distribution, the two variances; and fans and gains."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.training.fan import GAINS, calculate_gain, fan_in_and_fan_out
from refimpl.training.xavier import xavier_normal_, xavier_std, xavier_uniform_
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_xavier import METHOD, SHAPES

MODULE = "refimpl.training.xavier"
PAIRS = [(xavier_uniform_, nn.init.xavier_uniform_), (xavier_normal_, nn.init.xavier_normal_)]
BOTH = pytest.mark.parametrize("initialize", [xavier_uniform_, xavier_normal_])
SIGMAS = 4.0
"""Largest z-score allowed: one right initializer in 16,000 would exceed it, and the seeds are fixed."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def empty(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.empty(shape, dtype=dtype)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_same_numbers_as_torch(ours, theirs, dtype, record):
    """From the same generator state come the same weights, bit for bit, whatever the shape, layout and gain."""
    tensors = [empty(*noise.shape, dtype=dtype) for noise, _ in SHAPES] + [empty(6, 4, dtype=dtype).T, empty(4, 6, dtype=dtype)[:, ::2]]
    worst = 0.0
    for gain in (1.0, 5 / 3, 1e-3, 0.0):
        for tensor in tensors:
            expected = theirs(tensor.clone(), gain, seeded())
            assert ours(tensor, gain, seeded()) is tensor
            worst = max(worst, error(tensor, expected))
            assert torch.equal(ours(tensor.clone(), gain=gain, generator=seeded()), expected)
    record(
        METHOD,
        MODULE,
        f"{ours.__name__}: weights from the same generator",
        f"torch.nn.init.{theirs.__name__}",
        error=worst,
        tolerance=0.0,
        dtype=dtype,
    )


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_defaults_are_those_of_torch(ours, theirs):
    torch.manual_seed(7)
    expected = theirs(empty(5, 3))
    torch.manual_seed(7)
    assert torch.equal(ours(empty(5, 3)), expected)
    assert xavier_std(empty(5, 3)) == 0.5


@BOTH
def test_no_gradient_is_recorded(initialize):
    weight = nn.Linear(3, 5).weight
    before, version = weight.detach().clone(), weight._version
    assert initialize(weight) is weight
    assert weight.is_leaf and weight.requires_grad and weight._version > version
    assert not torch.equal(weight, before)


@BOTH
def test_tensor_without_elements_is_left_alone(initialize):
    for shape in ((0, 0), (0, 5), (5, 0), (3, 2, 0)):
        assert initialize(empty(*shape)).shape == shape
    assert xavier_std(empty(0, 0)) == 0.0
    assert initialize(torch.empty(2, 3, device="meta")).device.type == "meta"


@BOTH
def test_compiles_to_one_graph(initialize):
    """Without a generator, which torch.compile does not take."""
    torch._dynamo.reset()
    weight = torch.compile(lambda w: initialize(w, 2.0), fullgraph=True, backend="aot_eager")(torch.zeros(40, 30))
    assert 0.5 < weight.std() / xavier_std(weight, 2.0) < 2.0


@pytest.mark.parametrize("gain", [1.0, 2.5])
@BOTH
def test_distribution(initialize, gain, record):
    """Mean 0 and variance 2 g^2 / (n_in + n_out) within 4 standard errors, and the whole distribution by Kolmogorov-Smirnov."""
    weights, fan_in, fan_out = initialize(empty(300, 20, 5), gain, seeded(1)).flatten(), 20 * 5, 300 * 5
    n, variance = len(weights), 2 * gain**2 / (fan_in + fan_out)
    uniform = initialize is xavier_uniform_
    excess = 9 / 5 if uniform else 3.0  # fourth moment over squared variance
    z_mean = weights.mean() / math.sqrt(variance / n)
    z_variance = (weights.square().mean() / variance - 1) / math.sqrt((excess - 1) / n)
    z = max(abs(float(z_mean)), abs(float(z_variance)))
    name = f"{initialize.__name__}, gain {gain}"
    record(METHOD, MODULE, f"{name}: mean and variance, z-score", "equation 12", error=z, tolerance=SIGMAS, dtype=torch.float64)

    bound = gain * math.sqrt(6 / (fan_in + fan_out))
    below = (weights / bound + 1) / 2 if uniform else torch.special.ndtr(weights / variance**0.5)
    gap = (below.sort().values - (torch.arange(n) + 0.5) / n).abs().max() + 0.5 / n
    oracle = "U(-b, b), equation 16" if uniform else "N(0, variance)"
    record(
        METHOD,
        MODULE,
        f"{name}: distance of distributions, sqrt(n) D",
        oracle,
        error=float(gap) * n**0.5,
        tolerance=1.95,
        dtype=torch.float64,
    )
    assert not uniform or 0.999 * bound < weights.abs().max() <= bound


def test_uniform_and_normal_share_their_variance():
    """Two distributions, one method: "Glorot uniform" is the paper's, "Glorot normal" has the same second moment and no bound."""
    uniform, normal = (initialize(empty(400, 300), generator=seeded(2)) for initialize in (xavier_uniform_, xavier_normal_))
    variance, n = xavier_std(uniform) ** 2, uniform.numel()
    z = (uniform.var() - normal.var()) / (variance * math.sqrt((4 / 5 + 2) / n))
    assert abs(z) < SIGMAS
    bound = math.sqrt(6 / 700)
    assert uniform.abs().max() <= bound < normal.abs().max()


def power_z(total: Tensor, terms: int, each: float) -> float:
    """z-score of a sum of ``terms`` squares of numbers near N(0, each); their variance is at most 2 each^2."""
    return abs(float(total) / each - terms) / math.sqrt(2 * terms)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(500, 500), (200, 800), (900, 300)])
@BOTH
def test_variance_forward_and_backward(initialize, fan_in, fan_out, record):
    """Forward the power per unit changes by 2 n_in / (n_in + n_out), backward by 2 n_out / (n_in + n_out): both 1 when square."""
    weight = initialize(empty(fan_out, fan_in), generator=seeded(3))
    x, g = randn(fan_in, seed=4), randn(fan_out, seed=5)
    y, back = torch.func.vjp(lambda x: F.linear(x, weight), x)
    (dx,) = back(g)
    forward = power_z(y.square().sum(), fan_out, 2 * fan_in / (fan_in + fan_out) * float(x.square().mean()))
    backward = power_z(dx.square().sum(), fan_in, 2 * fan_out / (fan_in + fan_out) * float(g.square().mean()))
    for what, z in (("forward", forward), ("backward", backward)):
        name = f"{initialize.__name__}: power {what}, {fan_in} to {fan_out} units, z-score"
        record(METHOD, MODULE, name, "conditions 10 and 11, closed form", error=z, tolerance=SIGMAS, dtype=torch.float64)


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_scale_of_the_input_is_kept_not_reset(scale, record):
    """Ten square linear layers hand on the input's variance: the output is near N(0, 1) only if the input was."""
    x = scale * randn(1, 1000, seed=6)
    for layer in range(10):
        x = x @ xavier_normal_(empty(1000, 1000), generator=seeded(10 + layer)).T
    # The log of each layer's power ratio has mean -1/n and variance 2/n.
    z = abs(math.log(float(x.square().mean()) / scale**2) + 10 / 1000) / math.sqrt(10 * 2 / 1000)
    record(
        METHOD,
        MODULE,
        f"power after 10 linear layers, input of std {scale}, z-score",
        "scale^2",
        error=z,
        tolerance=SIGMAS,
        dtype=torch.float64,
    )


def test_relu_halves_the_power(record):
    """With gain 1 each square ReLU layer keeps half of the power: E[relu(z)^2] = 1/2, Var[relu(z)^2] = 5/4."""
    n = 2000
    x = randn(n, seed=7)
    y = F.relu(xavier_normal_(empty(n, n), generator=seeded(8)) @ x)
    z = abs(float(y.square().sum() / x.square().mean()) - n / 2) / math.sqrt(5 / 4 * n)
    record(METHOD, MODULE, "power after relu, z-score", "1/2", error=z, tolerance=SIGMAS, dtype=torch.float64)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(7, 4), (7,)),
        (nn.Conv1d(3, 5, 4), (3, 9)),
        (nn.Conv2d(3, 5, (2, 3)), (3, 7, 9)),
        (nn.Conv3d(2, 3, (1, 2, 3)), (2, 4, 5, 7)),
        (nn.Conv2d(3, 5, 3, dilation=2), (3, 11, 11)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_fans_are_the_connections_of_the_layer(layer, shape, record):
    """With all weights 1, an inner output is its number of inputs, and an inner input's gradient its number of outputs."""
    nn.init.ones_(layer.weight), nn.init.zeros_(layer.bias)
    x = torch.ones(1, *shape, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    counted = torch.stack([y.max(), x.grad.max()])
    found = torch.tensor(fan_in_and_fan_out(layer.weight), dtype=torch.float32)
    record(METHOD, MODULE, f"fans of {type(layer).__name__}", "connections counted", error=error(found, counted.detach()), tolerance=0.0)


def test_fans_of_transposed_and_grouped_layers():
    """What the conventions say: transposed layers swap the fans; groups are not seen in n_out."""
    transposed, grouped = nn.ConvTranspose2d(6, 4, 3), nn.Conv2d(6, 4, 3, groups=2)
    assert fan_in_and_fan_out(transposed.weight) == (4 * 9, 6 * 9)
    assert fan_in_and_fan_out(grouped.weight) == (3 * 9, 4 * 9)
    assert fan_in_and_fan_out(empty(5, 0, 3)) == (0, 15)


def test_gains_are_those_of_torch():
    for name in GAINS:
        assert calculate_gain(name) == calculate_gain(name, 0.7) == nn.init.calculate_gain(name)
    for slope in (None, 0, 0.01, 0.25, -2.0, 1e3):
        assert calculate_gain("leaky_relu", slope) == nn.init.calculate_gain("leaky_relu", slope)
    assert calculate_gain("leaky_relu", 1.0) == 1.0


def test_gains_from_their_formula(record):
    """1 / sqrt(E[f(z)^2]) integrated: exact for the rectifiers and the identity, not for tanh and selu."""
    z, weights = np.polynomial.hermite_e.hermegauss(200)

    def integrated(f) -> float:
        return float((weights @ f(torch.from_numpy(z)).numpy() ** 2 / weights.sum()) ** -0.5)

    leaky = max(abs(calculate_gain("leaky_relu", a) - integrated(lambda x, a=a: F.leaky_relu(x, a))) for a in (0.01, 0.25, 1.5))
    gap = max(leaky, abs(calculate_gain("relu") - integrated(F.relu)), abs(calculate_gain("linear") - integrated(lambda x: x)))
    record(METHOD, MODULE, "gains of relu, leaky_relu and the identity", "1 / sqrt(E[f(z)^2]) by quadrature", error=gap, tolerance=1e-12)
    assert round(integrated(torch.tanh), 3) == 1.593
    assert abs(integrated(F.selu) - 1) < 1e-3  # the kink slows the quadrature


def test_gain_scales_the_weights():
    w, v = (xavier_uniform_(empty(5, 3), gain, seeded()) for gain in (1.0, 2.0))
    assert torch.equal(2 * w, v)
    assert xavier_std(rand(5, 3, seed=1), 3.0) == 1.5
