"""What is special to the activation functions: kinks, printed formulas, tails, worked values, layers with a state."""

from __future__ import annotations

import inspect
import math
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.foundations import activation_rectifiers, activations
from refimpl.foundations.activation_layers import Maxout, PReLU, RReLU, SReLU, maxout
from refimpl.foundations.activation_rectifiers import prelu, srelu
from refimpl.foundations.activations import ACTIVATIONS
from refimpl.foundations.elementwise import above_zero
from tests.refimpl.foundations.cases_activations import CHANNELS, FAMILIES, KINKS, METHOD, PARAMETERS, TORCH, WIDE, X, randn
from tests.refimpl.foundations.tex import evaluate
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.activations"
ARTICLE = """step identity relu sigmoid tanh leaky_relu prelu rrelu elu selu srelu hardsigmoid hardtanh lecun_tanh arctan
    softsign softplus sign bent_identity symmetrical_sigmoid log_log gaussian absolute sine cosine sinc"""
each = pytest.mark.parametrize("name", ACTIVATIONS)

SYMBOLS = {
    "leaky_relu": ("a",),
    "prelu": ("w",),
    "rrelu": ("l", "u"),
    "elu": (r"\alpha",),
    "srelu": ("t_l", "a_l", "t_r", "a_r"),
    "hardsigmoid": ("a",),
    "hardtanh": ("a", "b"),
    "softplus": (r"\beta",),
    "celu": (r"\alpha",),
    "isrlu": (r"\alpha",),
    "isru": (r"\alpha",),
    "penalized_tanh": ("a",),
    "silu": (r"\beta",),
    "squareplus": ("b",),
}
"""What each function's parameters, in order, are called in its formula."""

MONOTONE = set(ACTIVATIONS) - {"gaussian", "absolute", "sine", "cosine", "sinc", "silu", "hardswish", "mish", "gelu"}


def parameters_of(name: str) -> list[str]:
    """The function's numerical parameters."""
    return [p for p in list(inspect.signature(ACTIVATIONS[name].function).parameters)[1:] if p not in ("training", "generator")]


def test_table_holds_the_26_of_the_article_first():
    assert list(ACTIVATIONS)[:26] == ARTICLE.split()
    assert len(ACTIVATIONS) == 37 == len({a.title for a in ACTIVATIONS.values()})
    assert sorted(n for names in FAMILIES.values() for n in names) == sorted(ACTIVATIONS)
    with pytest.raises(TypeError):
        ACTIVATIONS["relu"] = None


@each
def test_row_is_whole(name):
    row = ACTIVATIONS[name]
    assert row.function.__name__ == name
    assert row.derivative.__name__ == f"{name}_derivative"
    assert row.function.__doc__
    assert row.title and row.source.endswith(str(row.year))
    assert 1943 <= row.year <= 2021
    assert set(parameters_of(name)) == set(PARAMETERS.get(name, {})), "every parameter has a value other than its default in a case"
    assert list(inspect.signature(row.derivative).parameters)[1:] == parameters_of(name)
    assert torch.equal(row(X), row.function(X))


@each
def test_derivative_is_that_of_the_oracle(name, record):
    """Over both tails and at the kinks, with default and other parameters."""
    x = torch.cat([WIDE, KINKS]).requires_grad_()
    for parameters in ({}, PARAMETERS.get(name, {})):
        (expected,) = torch.autograd.grad(TORCH[name](x, **parameters).sum(), x)
        gap = error(ACTIVATIONS[name].derivative(x.detach(), **parameters), expected)
        what = f"derivative of {name}" + (", other parameters" if parameters else "")
        record(METHOD, MODULE, what, "autograd of the oracle", error=gap, tolerance=1e-12, dtype=x.dtype)


@each
def test_printed_formula_is_what_is_computed(name, record):
    """The TeX of f and f', evaluated, equals the code: at the kinks and between them."""
    row, given = ACTIVATIONS[name], PARAMETERS.get(name, {}) if name != "gelu" else {}
    symbols = dict(zip(SYMBOLS.get(name, ()), given.values(), strict=True))
    if name == "selu":
        symbols = {r"\alpha": activation_rectifiers.SELU_ALPHA, r"\lambda": activation_rectifiers.SELU_SCALE}
    points = torch.cat([torch.linspace(-7, 7, 29, dtype=torch.float64), torch.tensor([-0.6, -0.5, 0.7, 1.4], dtype=torch.float64)])
    for what, tex, f in (("f", row.tex, row.function), ("f'", row.derivative_tex, row.derivative)):
        expected = torch.tensor([evaluate(tex, {"x": x, **symbols}) for x in points.tolist()], dtype=torch.float64)
        gap = error(f(points, **given), expected)
        record(METHOD, MODULE, f"printed formula of {what}, {name}", "the TeX, evaluated", error=gap, tolerance=1e-9, dtype=points.dtype)


@pytest.mark.parametrize(
    ("tex", "value"),
    [
        ("1 - e^{-x^2}", 1 - math.exp(-4)),
        (r"-2 x \frac{1}{x + 1} - 3", -4 / 3 - 3),
        (r"\max(1, \min(x, 5)) (1 - \lvert -x \rvert)", -2),
        (r"\begin{cases} \frac{1}{x - 2} & x > 2 \\ 7 & x \ge 2 \\ 0 & \text{otherwise} \end{cases}", 7),
        (r"2 \cdot 3 \sqrt{x + 2} x^3", 96),
    ],
)
def test_formulas_are_read_as_printed(tex, value):
    assert evaluate(tex, {"x": 2.0}) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("tex", ["x = 3", r"x + \foo", "x ~ 2", "x )", r"\frac{1}{x"])
def test_wrong_formulas_are_refused(tex):
    with pytest.raises((ValueError, IndexError)):
        evaluate(tex, {"x": 2.0})


WORKED = {
    "selu": (-1.0, -1.7580993408473766 * (1 - math.exp(-1))),
    "lecun_tanh": (1.0, 1.7159 * math.tanh(2 / 3)),
    "mish": (1.0, math.tanh(math.log(1 + math.e))),
    "gelu": (1.0, 0.8413447460685429),
    "silu": (1.0, 0.7310585786300049),
    "squareplus": (0.0, 1.0),
    "softplus": (0.0, math.log(2)),
    "sinc": (math.pi / 2, 2 / math.pi),
    "bent_identity": (math.sqrt(3), 0.5 + math.sqrt(3)),
    "log_log": (0.0, 1 - 1 / math.e),
    "step": (0.0, 1.0),
    "sign": (0.0, 0.0),
    "rrelu": (-48.0, -11.0),
}


@pytest.mark.parametrize("name", WORKED)
def test_worked_value(name, record):
    x, expected = WORKED[name]
    actual = ACTIVATIONS[name](torch.tensor(x, dtype=torch.float64))
    gap = abs(actual.item() - expected)
    record(METHOD, MODULE, f"worked value of {name}({x:.4g})", "closed form", error=gap, tolerance=1e-14, dtype=actual.dtype)


KINK_SLOPES = {
    "relu": {0.0: 0.0},
    "leaky_relu": {0.0: 0.01},
    "elu": {0.0: 1.0},
    "selu": {0.0: 1.7580993408473766},
    "celu": {0.0: 1.0},
    "relu6": {0.0: 0.0, 6.0: 0.0},
    "hardtanh": {-1.0: 0.0, 1.0: 0.0},
    "hardsigmoid": {-3.0: 0.0, 3.0: 0.0},
    "hardswish": {-3.0: 0.0, 3.0: 1.0},
    "prelu": {0.0: 0.25},
    "rrelu": {0.0: 11 / 48},
}


@pytest.mark.parametrize("name", KINK_SLOPES)
def test_slope_at_a_kink_is_that_of_the_built_in(name, record):
    built_in = {"prelu": lambda x: F.prelu(x, torch.tensor([0.25]).to(x.dtype))}.get(name) or getattr(F, name)
    for at, slope in KINK_SLOPES[name].items():
        ours, theirs = (torch.tensor([at], dtype=torch.float64, requires_grad=True) for _ in range(2))
        ACTIVATIONS[name](ours).backward()
        built_in(theirs).backward()
        assert ours.grad.item() == pytest.approx(slope, abs=1e-15)
        gap = error(ours.grad, theirs.grad)
        record(METHOD, MODULE, f"slope of {name} at {at:g}", f"torch.nn.functional.{name}", error=gap, tolerance=1e-15, dtype=torch.float64)


def test_remaining_kinks():
    zero = torch.tensor(0.0)
    slopes = {"absolute": 0.0, "squared_relu": 0.0, "isrlu": 1.0, "penalized_tanh": 0.25}
    assert {name: ACTIVATIONS[name].derivative(zero).item() for name in slopes} == slopes
    thresholds = torch.tensor([-1.0, 1.0])
    assert ACTIVATIONS["srelu"].derivative(thresholds, a_left=0.3, a_right=0.4).tolist() == pytest.approx([0.3, 0.4])


def test_defaults_of_torch():
    """With every argument left out, float32 outputs equal the built-ins that have the same name."""
    names = [n for n in ACTIVATIONS if hasattr(F, n) and n != "prelu"]
    assert len(names) == 17
    x = WIDE.float()
    for name in names:
        assert error(ACTIVATIONS[name](x), getattr(F, name)(x)) < 1e-6, name
    assert torch.equal(PReLU()(x), nn.PReLU()(x))


def relative(actual: torch.Tensor, expected: list[float]) -> float:
    expected = torch.tensor(expected, dtype=torch.float64)
    return ((actual.double() - expected) / expected).abs().max().item()


TAILS = {
    "softplus": ([-40.0, -20.0, -5.0], [math.log1p(math.exp(-v)) for v in (40, 20, 5)]),
    "squareplus": ([-1e4, -300.0], [2 / (1e4 + math.sqrt(1e8 + 4)), 2 / (300 + math.sqrt(90004))]),
    "gelu": ([-8.0, -5.5], [x * math.erfc(-x / math.sqrt(2)) / 2 for x in (-8.0, -5.5)]),
    "log_log": ([-30.0, -12.0], [math.exp(-30), -math.expm1(-math.exp(-12))]),
    "bent_identity": ([1e-4, -1e-5], [1e-4 + 2.5e-9, -1e-5 + 2.5e-11]),
    "elu": ([-1e-4, -1e-6], [math.expm1(-1e-4), math.expm1(-1e-6)]),
    "celu": ([-1e-4, -1e-6], [math.expm1(-1e-4), math.expm1(-1e-6)]),
}
SLOPE_TAILS = {
    "tanh": ([20.0, -15.0], [1 / math.cosh(20) ** 2, 1 / math.cosh(15) ** 2]),
    "lecun_tanh": ([30.0], [1.7159 * 2 / 3 / math.cosh(20) ** 2]),
    "symmetrical_sigmoid": ([40.0], [0.5 / math.cosh(20) ** 2]),
    "sigmoid": ([30.0, -30.0], [math.exp(-30)] * 2),
    "sinc": ([1e-4, -1e-3], [-1e-4 / 3, 1e-3 / 3 - 1e-9 / 30]),
    "squareplus": ([-1e4], [1e-8]),
    "softplus": ([-40.0], [math.exp(-40)]),
}


@pytest.mark.parametrize("name", TAILS)
def test_value_keeps_its_digits(name, record):
    x, expected = TAILS[name]
    gap = relative(ACTIVATIONS[name](torch.tensor(x)), expected)
    what = f"relative error of {name} where the literal form cancels"
    record(METHOD, MODULE, what, "closed form", error=gap, tolerance=3e-6, dtype=torch.float32)


@pytest.mark.parametrize("name", SLOPE_TAILS)
def test_derivative_keeps_its_digits(name, record):
    x, expected = SLOPE_TAILS[name]
    gap = relative(ACTIVATIONS[name].derivative(torch.tensor(x)), expected)
    record(METHOD, MODULE, f"relative error of the derivative of {name}", "closed form", error=gap, tolerance=5e-6, dtype=torch.float32)


def test_slope_of_sinc_near_zero_is_exact(record):
    """Against the power series in exact fractions; from 0.5 on the quotient, which loses a factor of 1 / x^2."""
    points = [0.0, 1e-9, 1e-3, 0.1, 0.3, 0.4999999, 0.5, 0.7]
    series = [float(sum((-1) ** k * 2 * k * Fraction(x) ** (2 * k - 1) / math.factorial(2 * k + 1) for k in range(1, 12))) for x in points]
    x = torch.tensor(points, dtype=torch.float64)
    gap = relative(ACTIVATIONS["sinc"].derivative(x[1:]), series[1:])
    what = "relative error of the derivative of sinc near zero"
    record(METHOD, MODULE, what, "power series in fractions", error=gap, tolerance=2e-14, dtype=x.dtype)
    assert ACTIVATIONS["sinc"].derivative(x[:1]).item() == 0


def test_second_derivative_of_sinc(record):
    """f'' = -f - 2 f' / x, and -1/3 at zero; the branch that is not taken does not spoil it."""
    x = torch.tensor([0.0, 0.25, -0.5, 3.0, 1e4], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(ACTIVATIONS["sinc"](x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(slope.sum(), x)
    y, z = (v.detach()[1:] for v in (ACTIVATIONS["sinc"](x), x))
    expected = torch.cat([torch.tensor([-1 / 3], dtype=torch.float64), -y - 2 * slope.detach()[1:] / z])
    gap = error(second, expected)
    record(METHOD, MODULE, "second derivative of sinc", "its differential equation", error=gap, tolerance=1e-13, dtype=x.dtype)


@each
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_extreme_inputs_stay_finite(name, dtype):
    top = [1e4, 4e4] if dtype == torch.float16 else [1e4, 1e18]
    x = torch.tensor([*top, *(-t for t in top)], dtype=dtype, requires_grad=True)
    y = ACTIVATIONS[name](x)
    (slope,) = torch.autograd.grad(y.double().sum(), x)
    if dtype == torch.float16 and name == "squared_relu":
        assert y.tolist() == [math.inf, math.inf, 0.0, 0.0]  # 1e8 is beyond float16
        y = y[2:]
        slope = slope[2:]
    assert torch.isfinite(y).all()
    assert torch.isfinite(slope).all()
    assert y.dtype == slope.dtype == dtype


@each
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_dtype_is_kept(name, dtype):
    row, x = ACTIVATIONS[name], X.to(dtype)
    for parameters in ({}, PARAMETERS.get(name, {})):
        assert row(x, **parameters).dtype == row.derivative(x, **parameters).dtype == dtype


@each
def test_not_a_number_is_passed_on(name):
    y = ACTIVATIONS[name](torch.tensor(math.nan))
    assert y.isnan() or (name in ("step", "sign") and y == 0)


@pytest.mark.parametrize("name", sorted(MONOTONE))
def test_never_decreases(name):
    assert (ACTIVATIONS[name](WIDE).diff() >= 0).all()


def test_the_others_do_decrease():
    assert all((ACTIVATIONS[n](WIDE).diff() < 0).any() for n in set(ACTIVATIONS) - MONOTONE)


def test_identities(record):
    """Relations between rows that no formula states."""
    f = {n: a.function for n, a in ACTIVATIONS.items()}
    x = WIDE
    pairs = {
        "tanh(x) = 2 sigmoid(2x) - 1": (f["tanh"](x), 2 * f["sigmoid"](2 * x) - 1),
        "softplus(x) - softplus(-x) = x": (f["softplus"](x) - f["softplus"](-x), x),
        "squareplus(x) squareplus(-x) = b / 4": (f["squareplus"](x, 3.0) * f["squareplus"](-x, 3.0), torch.full_like(x, 0.75)),
        "gelu(x) - gelu(-x) = x": (f["gelu"](x) - f["gelu"](-x), x),
        "silu(x) - silu(-x) = x": (f["silu"](x) - f["silu"](-x), x),
        "hardswish(x) = x hardsigmoid(x)": (f["hardswish"](x), x * f["hardsigmoid"](x)),
        "relu(x) + relu(-x) = absolute(x)": (f["relu"](x) + f["relu"](-x), f["absolute"](x)),
        "sine^2 + cosine^2 = 1": (f["sine"](x) ** 2 + f["cosine"](x) ** 2, torch.ones_like(x)),
        "maxout of (x, 0) = relu": (maxout(torch.stack([x, 0 * x], -1), 2).squeeze(-1), f["relu"](x)),
        "maxout of (x, -x) = absolute": (maxout(torch.stack([x, -x], -1), 2).squeeze(-1), f["absolute"](x)),
    }
    for what, (left, right) in pairs.items():
        record(METHOD, MODULE, what, "identity", error=error(left, right), tolerance=1e-14, dtype=x.dtype, shapes="(77,)")


def test_constants_of_selu_solve_their_equations(record):
    """Zero mean and unit variance are a fixed point under a standard normal input, by quadrature."""
    x = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
    density = torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    y = ACTIVATIONS["selu"](x)
    mean, square = (torch.trapezoid(v * density, x).item() for v in (y, y * y))
    record(METHOD, MODULE, "mean of selu", "quadrature", error=abs(mean), tolerance=1e-8, dtype=x.dtype)
    record(METHOD, MODULE, "second moment of selu", "quadrature", error=abs(square - 1), tolerance=1e-8, dtype=x.dtype)


@pytest.mark.parametrize("name", ["softplus", "squareplus", "celu", "isrlu", "isru", "hardsigmoid"])
def test_small_parameters_are_allowed(name):
    assert error(ACTIVATIONS[name](WIDE, 0.25), TORCH[name](WIDE, 0.25)) < 1e-12
    assert error(ACTIVATIONS[name](WIDE, 0.01), TORCH[name](WIDE, 0.01)) < 1e-12


def test_signs_are_numbers_without_history():
    x = torch.tensor([-math.inf, -1.0, -0.0, 0.0, 1e-40, 2.0, math.inf, math.nan], requires_grad=True)
    found = above_zero(x)
    assert found.tolist() == [0, 0, 0, 0, 1, 1, 1, 0] and found.dtype == x.dtype and not found.requires_grad
    assert x[5] == 2.0  # the input is not written to


def test_transforms_of_torch_func():
    x = torch.tensor([-1.5, 0.25, 2.0], dtype=torch.float64)
    for name in ("mish", "gelu", "sinc", "hardtanh"):
        row = ACTIVATIONS[name]
        assert torch.equal(torch.func.vmap(torch.func.grad(row.function))(x), row.derivative(x)), name


def test_random_slopes_are_uniform(record):
    """Mean and variance of 10^5 draws within five standard errors; none beyond the bounds."""
    g = torch.Generator().manual_seed(3)
    n, low, high = 100_000, 0.1, 0.6
    slopes = activation_rectifiers.rrelu_slopes(torch.zeros(n, dtype=torch.float64), low, high, generator=g)
    assert low <= slopes.min() < low + 1e-3
    assert high - 1e-3 < slopes.max() < high
    sigma = (high - low) / math.sqrt(12)
    z = abs(slopes.mean().item() - (low + high) / 2) / (sigma / math.sqrt(n))
    record(METHOD, MODULE, "mean slope of rrelu, standard errors", "closed form", error=z, tolerance=5.0, dtype=slopes.dtype)
    z = abs(slopes.var().item() / sigma**2 - 1) / math.sqrt(0.8 / n)  # kurtosis 1.8 less 1
    record(METHOD, MODULE, "variance of the slopes, standard errors", "closed form", error=z, tolerance=5.0, dtype=slopes.dtype)


def test_rrelu_uses_the_generator_and_nothing_else():
    x = -torch.ones(5, 7)
    f = ACTIVATIONS["rrelu"].function
    state = torch.get_rng_state()
    first, second = (f(x, 0.2, 0.7, True, generator=torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(-first, activation_rectifiers.rrelu_slopes(x, 0.2, 0.7, generator=torch.Generator().manual_seed(5)))
    assert first.unique().numel() == 35
    assert torch.equal(f(-x, training=True), -x)
    assert torch.equal(f(x, 0.4, 0.4, True), torch.full_like(x, -0.4))
    defaults = f(x.expand(2000, 5, 7), training=True)
    assert -1 / 3 <= defaults.min() < -0.333
    assert -0.1252 < defaults.max() <= -1 / 8
    slopes = activation_rectifiers.rrelu_slopes(x.expand(2000, 5, 7))
    assert 1 / 8 <= slopes.min() < 0.1252
    assert 0.333 < slopes.max() < 1 / 3
    assert activation_rectifiers.rrelu_slopes(torch.zeros(3, device="meta")).device.type == "meta"


def test_paper_of_rrelu_evaluates_with_another_slope():
    """Deviation 4: divisor uniform between 3 and 8, evaluated with its mean 5.5; the mean slope is larger."""
    slope = ACTIVATIONS["rrelu"].derivative(torch.tensor(-1.0)).item()
    assert slope == pytest.approx(0.2292, abs=5e-5)
    assert slope - 1 / 5.5 == pytest.approx(0.047, abs=5e-4)


def test_layers_follow_their_mode():
    layer = RReLU()
    assert torch.equal(layer.eval()(X), ACTIVATIONS["rrelu"](X))
    negative = X < 0
    assert not torch.equal(layer.train()(X)[negative], layer(X)[negative])
    assert RReLU(0.5, 0.5)(X)[negative].equal(0.5 * X[negative])


def test_layers_are_those_of_torch():
    for ours, theirs, arguments in (
        (PReLU, nn.PReLU, (3, 0.4)),
        (RReLU, nn.RReLU, (0.25, 0.5)),
        (PReLU, nn.PReLU, ()),
        (RReLU, nn.RReLU, ()),
    ):
        ours, theirs = ours(*arguments), theirs(*arguments)
        assert repr(ours) == repr(theirs)
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in ours.state_dict().items())
    assert PReLU(3, 0.4).init == 0.4


def test_initial_parameters():
    layer = SReLU(2)
    assert {k: v.tolist() for k, v in layer.state_dict().items()} == {
        k: pytest.approx([v] * 2) for k, v in {"t_left": -1.0, "a_left": 0.2, "t_right": 1.0, "a_right": 0.2}.items()
    }
    assert SReLU(t_left=0.5, t_right=0.5).num_parameters == 1
    assert error(layer(CHANNELS[:, :2].float()), ACTIVATIONS["srelu"](CHANNELS[:, :2].float())) < 1e-6
    torch.manual_seed(0)
    ours = Maxout(25, 40, pieces=3)
    assert ours.weight.shape == (120, 25) and ours.bias.shape == (120,)
    assert 0.19 < ours.weight.abs().max() <= 0.2
    assert 0.19 < ours.bias.abs().max() <= 0.2
    z = abs(ours.weight.std().item() * math.sqrt(3) / 0.2 - 1) / math.sqrt(0.2 / ours.weight.numel())
    assert z < 5
    assert Maxout(5, 2).pieces == 2
    assert Maxout(5, 2, bias=False).bias is None
    assert repr(ours) == "Maxout(in_features=25, out_features=40, pieces=3, bias=True)"
    assert repr(layer) == "SReLU(num_parameters=2)"


@pytest.mark.parametrize("make", [PReLU, SReLU, lambda **k: Maxout(2, 3, **k)], ids=["PReLU", "SReLU", "Maxout"])
def test_factory_arguments(make):
    assert {v.dtype for v in make(device="cpu", dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in make(device="meta").state_dict().values()} == {"meta"}


def test_mixed_precision_keeps_float32_parameters():
    x = CHANNELS.bfloat16()
    for layer in (PReLU(3, -0.3), SReLU(3, a_left=0.3)):
        y = layer(x)
        assert y.dtype == torch.bfloat16
        assert torch.equal(y, layer(x.float()).bfloat16())


def test_relu_keeps_only_what_the_next_layer_keeps():
    x = torch.randn(5, requires_grad=True)
    y, other = (ACTIVATIONS[name](x) for name in ("relu", "tanh"))
    assert y.grad_fn.saved_tensors[0].data_ptr() == y.data_ptr() and other.grad_fn.saved_tensors[0].data_ptr() == x.data_ptr()


def test_result_has_dtype_and_shape_of_the_input():
    """Whatever those of the parameters are."""
    for x, weight in (
        (CHANNELS.float(), torch.full((3,), 0.3, dtype=torch.float64)),
        (torch.tensor(-1.0), torch.full((1,), 0.3, dtype=torch.float64)),
    ):
        for y in (prelu(x, weight), srelu(x, a_left=weight)):
            assert y.dtype == torch.float32
            assert y.shape == x.shape


def test_ties_of_maxout_share_the_gradient():
    x = torch.tensor([2.0, 2.0, 1.0, -1.0, 5.0, 0.0], requires_grad=True)
    maxout(x, 3).backward(torch.tensor([1.0, 3.0]))
    assert x.grad.tolist() == [0.5, 0.5, 0.0, 0.0, 3.0, 0.0]
    assert maxout(randn(4, 6, 2, seed=1), 2, -2).shape == (4, 3, 2)
    assert torch.equal(maxout(X, 1), X)
    assert maxout(torch.zeros(3, 0), 2).shape == (3, 0)


def test_public_names():
    assert set(activations.__all__) == {"ACTIVATIONS", "Activation", "Maxout", "PReLU", "RReLU", "SReLU", "maxout"}
    for family in FAMILIES:
        module = __import__(f"refimpl.foundations.activation_{family}", fromlist=["__all__"])
        extra = {"rrelu_slopes"} if family == "rectifiers" else set()
        assert set(module.__all__) == {*FAMILIES[family], *extra}
