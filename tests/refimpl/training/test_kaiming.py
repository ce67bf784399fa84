"""What is special to He's initialization: the drawn numbers, their distribution, and power kept through rectifiers both ways."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.training.kaiming import kaiming_normal_, kaiming_std, kaiming_uniform_
from refimpl.training.xavier import xavier_normal_
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_kaiming import METHOD
from tests.refimpl.training.cases_xavier import SHAPES
from tests.refimpl.training.test_xavier import SIGMAS, empty, seeded

MODULE = "refimpl.training.kaiming"
PAIRS = [(kaiming_uniform_, nn.init.kaiming_uniform_), (kaiming_normal_, nn.init.kaiming_normal_)]
BOTH = pytest.mark.parametrize("initialize", [kaiming_uniform_, kaiming_normal_])
OPTIONS = [(0.0, "fan_in", "relu"), (0.25, "fan_out", "leaky_relu"), (math.sqrt(5), "fan_in", "leaky_relu"), (0, "fan_out", "tanh")]
SLOPES = pytest.mark.parametrize("a", [0.0, 0.25, 1.0])


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_same_numbers_as_torch(ours, theirs, dtype, record):
    """From the same generator state come the same weights, bit for bit, whatever the shape, layout and options."""
    tensors = [empty(*noise.shape, dtype=dtype) for noise, _ in SHAPES] + [empty(6, 4, dtype=dtype).T, empty(4, 6, dtype=dtype)[:, ::2]]
    worst = 0.0
    for options in OPTIONS:
        for tensor in tensors:
            expected = theirs(tensor.clone(), *options, seeded())
            assert ours(tensor, *options, seeded()) is tensor
            worst = max(worst, error(tensor, expected))
            a, mode, nonlinearity = options
            assert torch.equal(ours(tensor.clone(), generator=seeded(), nonlinearity=nonlinearity, mode=mode, a=a), expected)
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
    expected = theirs(empty(5, 8))
    torch.manual_seed(7)
    assert torch.equal(ours(empty(5, 8)), expected)
    assert kaiming_std(empty(5, 8)) == 0.5


def test_linear_layers_of_torch_are_reproduced():
    """``nn.Linear`` starts with slope sqrt(5), that is U(-1/sqrt(n_in), 1/sqrt(n_in)), the heuristic of Glorot's equation 1."""
    torch.manual_seed(9)
    theirs = nn.Linear(6, 4).weight
    torch.manual_seed(9)
    ours = kaiming_uniform_(torch.empty(4, 6), a=math.sqrt(5))
    assert torch.equal(ours, theirs)
    assert theirs.abs().max() <= 6**-0.5


@BOTH
def test_no_gradient_is_recorded(initialize):
    weight = nn.Linear(3, 5).weight
    before = weight.detach().clone()
    assert initialize(weight) is weight
    assert weight.is_leaf and weight.requires_grad
    assert not torch.equal(weight, before)


@BOTH
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_tensor_without_elements_is_left_alone(initialize, mode):
    for shape in ((0, 0), (0, 5), (5, 0), (3, 2, 0)):
        assert initialize(empty(*shape), mode=mode).shape == shape
    assert kaiming_std(empty(3, 0)) == kaiming_std(empty(0, 3), mode="fan_out") == 0.0
    assert initialize(torch.empty(2, 3, device="meta")).device.type == "meta"


@BOTH
def test_compiles_to_one_graph(initialize):
    """Without a generator, which torch.compile does not take."""
    torch._dynamo.reset()
    weight = torch.compile(lambda w: initialize(w, 0.3, "fan_out"), fullgraph=True, backend="aot_eager")(torch.zeros(40, 30))
    assert 0.5 < weight.std() / kaiming_std(weight, 0.3, "fan_out") < 2.0


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@BOTH
def test_distribution(initialize, mode, record):
    """Mean 0 and variance 2 / ((1 + a^2) n) within 4 standard errors, and the whole distribution by Kolmogorov-Smirnov."""
    a, fan = 0.5, 20 * 5 if mode == "fan_in" else 300 * 5
    weights = initialize(empty(300, 20, 5), a, mode, generator=seeded(1)).flatten()
    n, variance = len(weights), 2 / ((1 + a**2) * fan)
    uniform = initialize is kaiming_uniform_
    excess = 9 / 5 if uniform else 3.0  # fourth moment over squared variance
    z_mean = weights.mean() / math.sqrt(variance / n)
    z_variance = (weights.square().mean() / variance - 1) / math.sqrt((excess - 1) / n)
    z = max(abs(float(z_mean)), abs(float(z_variance)))
    name = f"{initialize.__name__}, {mode}"
    record(METHOD, MODULE, f"{name}: mean and variance, z-score", "equations 14 and 15", error=z, tolerance=SIGMAS, dtype=torch.float64)

    bound = math.sqrt(3 * variance)
    below = (weights / bound + 1) / 2 if uniform else torch.special.ndtr(weights / variance**0.5)
    gap = (below.sort().values - (torch.arange(n) + 0.5) / n).abs().max() + 0.5 / n
    oracle = "U(-b, b)" if uniform else "N(0, variance)"
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


def rectified_z(total: float, terms: int, a: float) -> float:
    """z-score of sum leaky_relu(z)^2: mean (1 + a^2) / 2 each, variance 3 (1 + a^4) / 2 minus its square."""
    mean = (1 + a**2) / 2
    return abs(total - terms * mean) / math.sqrt(terms * (3 * (1 + a**4) / 2 - mean**2))


@SLOPES
@BOTH
def test_power_is_kept_forward(initialize, a, record):
    """Equation 15: a leaky layer of any width hands on the mean square of its input."""
    fan_in, fan_out = 700, 1900
    x = randn(fan_in, seed=2)
    y = initialize(empty(fan_out, fan_in), a, generator=seeded(3)) @ x
    gain_squared = 2 / (1 + a**2)
    z = rectified_z(float(F.leaky_relu(y, a).square().sum() / (gain_squared * x.square().mean())), fan_out, a)
    name = f"{initialize.__name__}: mean square after leaky_relu of slope {a}, z-score"
    record(METHOD, MODULE, name, "equation 15", error=z, tolerance=SIGMAS, dtype=torch.float64)


@SLOPES
@BOTH
def test_power_is_kept_backward(initialize, a, record):
    """Equation 14: with "fan_out" the gradient by a layer's input keeps the mean square of the gradient by its output."""
    fan_in, fan_out = 1900, 700
    weight = initialize(empty(fan_out, fan_in), a, "fan_out", generator=seeded(4))
    before = randn(fan_in, seed=5).requires_grad_()  # the pre-activation of the layer below
    g = randn(fan_out, seed=6)
    (slope,) = torch.autograd.grad(F.linear(F.leaky_relu(before, a), weight), before, g)
    mean = (1 + a**2) / 2
    each = float(g.square().mean()) * 2 / (1 + a**2)  # of the gradient before the rectifier passes it on
    z = abs(float(slope.square().sum()) / each - fan_in * mean) / math.sqrt(fan_in * (3 * (1 + a**4) / 2 - mean**2))
    name = f"{initialize.__name__}: mean square of the gradient, slope {a}, z-score"
    record(METHOD, MODULE, name, "equation 14", error=z, tolerance=SIGMAS, dtype=torch.float64)


def test_thirty_layers(record):
    """Powers after 30 ReLU layers of width n: He keeps 1, Glorot 2^-30; the log varies with variance about 5 L / n."""
    n, depth = 600, 30
    for initialize, kept in ((kaiming_normal_, 1.0), (xavier_normal_, 0.5)):
        x = randn(n, 8, seed=7)
        start = float(x.square().mean())
        for layer in range(depth):
            x = F.relu(initialize(empty(n, n), generator=seeded(20 + layer)) @ x)
        ratio = math.log(float(x.square().mean()) / start) - depth * math.log(kept) + 5 * depth / (2 * n)
        z = abs(ratio) / math.sqrt(5 * depth / n)
        what = f"{initialize.__name__}: log power after 30 ReLU layers, z-score"
        record(METHOD, MODULE, what, f"{kept:g}^30", error=z, tolerance=SIGMAS, dtype=torch.float64, shapes=f"({n},8)")


def test_first_layer_is_linear():
    """The paper's first layer has variance 1 / n_in: ``nonlinearity="linear"``, whatever the slope."""
    assert kaiming_std(empty(3, 16), nonlinearity="linear") == kaiming_std(empty(3, 16), 0.5, nonlinearity="linear") == 0.25
    assert kaiming_std(empty(3, 16), nonlinearity="relu") ** 2 == pytest.approx(2 / 16, rel=1e-15)
