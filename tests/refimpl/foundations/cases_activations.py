"""Cases of the activation functions, family by family.

For each function: the PyTorch built-in, or a composition that autograd differentiates, and its
formula in NumPy. Every parameter takes its default in one case and another value in the next.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.foundations.activation_layers import Maxout, PReLU, RReLU, SReLU, maxout
from refimpl.foundations.activation_rectifiers import prelu, rrelu, srelu
from refimpl.foundations.activations import ACTIVATIONS
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, function, rand, randn, randomize

METHOD = "activations"
HALVES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

PARAMETERS: dict[str, dict[str, float | str]] = {
    "leaky_relu": {"negative_slope": 0.3},
    "prelu": {"weight": -0.4},
    "rrelu": {"lower": 0.1, "upper": 0.6},
    "elu": {"alpha": 1.7},
    "srelu": {"t_left": -0.5, "a_left": 0.1, "t_right": 0.7, "a_right": 0.4},
    "hardsigmoid": {"slope": 0.5},
    "hardtanh": {"min_val": -0.6, "max_val": 1.4},
    "softplus": {"beta": 2.5},
    "celu": {"alpha": 2.0},  # a power of two: for others the float64 gradient of F.celu is right to 1e-8 only
    "isrlu": {"alpha": 2.5},
    "isru": {"alpha": 2.5},
    "penalized_tanh": {"alpha": 0.6},
    "silu": {"beta": 1.7},
    "gelu": {"approximate": "tanh"},
    "squareplus": {"b": 1.5},
}
"""Values other than the defaults for every parameter there is."""


def torch_hardsigmoid(x, slope=1 / 6):
    """Not ``F.hardsigmoid``, whose float64 gradient is 1/6 rounded to float32."""
    return F.relu6(6 * slope * x + 3) / 6


def torch_srelu(x, t_left=-1.0, a_left=0.2, t_right=1.0, a_right=0.2):
    """Three lines, each times the indicator of its range."""
    right, left = x >= t_right, x <= t_left
    return right * (t_right + a_right * (x - t_right)) + left * (t_left + a_left * (x - t_left)) + ~(right | left) * x


TORCH = {
    "step": lambda x: torch.heaviside(x.detach(), x.new_ones(())) + 0 * x,
    "identity": lambda x: x + 0,
    "relu": F.relu,
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "leaky_relu": F.leaky_relu,
    "prelu": lambda x, weight=0.25: F.leaky_relu(x, weight),
    "rrelu": F.rrelu,
    "elu": F.elu,
    "selu": F.selu,
    "srelu": torch_srelu,
    "hardsigmoid": torch_hardsigmoid,
    "hardtanh": F.hardtanh,
    "lecun_tanh": lambda x: 1.7159 * torch.tanh(x * 2 / 3),
    "arctan": torch.atan,
    "softsign": F.softsign,
    "softplus": lambda x, beta=1.0: F.softplus(x, beta, threshold=700),
    "sign": torch.sign,
    "bent_identity": lambda x: x + (torch.hypot(x, x.new_ones(())) - 1) / 2,
    "symmetrical_sigmoid": lambda x: 2 * torch.sigmoid(x) - 1,
    "log_log": lambda x: 1 - torch.exp(-torch.exp(x.clamp_max(20))),
    "gaussian": lambda x: torch.exp(-x * x),
    "absolute": torch.abs,
    "sine": torch.sin,
    "cosine": torch.cos,
    "sinc": lambda x: torch.sinc(x / math.pi),
    "relu6": F.relu6,
    "celu": F.celu,
    "squared_relu": lambda x: F.relu(x) ** 2,
    "isrlu": lambda x, alpha=1.0: torch.where(x < 0, x / torch.sqrt(1 + alpha * x * x), x),
    "isru": lambda x, alpha=1.0: x / torch.sqrt(1 + alpha * x * x),
    "penalized_tanh": lambda x, alpha=0.25: F.leaky_relu(torch.tanh(x), alpha),
    "silu": lambda x, beta=1.0: F.silu(beta * x) / beta,
    "hardswish": F.hardswish,
    "mish": F.mish,
    "gelu": lambda x, approximate="none": F.gelu(x, approximate=approximate),
    "squareplus": lambda x, b=4.0: (x + torch.sqrt(x * x + b)) / 2,
}

erf = np.vectorize(math.erf, otypes=[float])


def np_sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def np_gelu(x, approximate="none"):
    if approximate == "none":
        return x * (1 + erf(x / math.sqrt(2))) / 2
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def np_srelu(x, t_left=-1.0, a_left=0.2, t_right=1.0, a_right=0.2):
    return np.select([x >= t_right, x <= t_left], [t_right + a_right * (x - t_right), t_left + a_left * (x - t_left)], x)


NUMPY = {
    "step": lambda x: np.heaviside(x, 1.0),
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(0, x),
    "sigmoid": np_sigmoid,
    "tanh": np.tanh,
    "leaky_relu": lambda x, negative_slope=0.01: np.maximum(negative_slope * x, x),
    "prelu": lambda x, weight=0.25: np.maximum(0, x) + weight * np.minimum(0, x),
    "rrelu": lambda x, lower=1 / 8, upper=1 / 3: np.maximum(0, x) + (lower + upper) / 2 * np.minimum(0, x),
    "elu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(np.minimum(x, 0)) - 1)),
    "srelu": np_srelu,
    "hardsigmoid": lambda x, slope=1 / 6: np.maximum(0, np.minimum(1, slope * x + 0.5)),
    "hardtanh": lambda x, min_val=-1.0, max_val=1.0: np.maximum(min_val, np.minimum(max_val, x)),
    "lecun_tanh": lambda x: 1.7159 * np.tanh(2 * x / 3),
    "arctan": np.arctan,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softplus": lambda x, beta=1.0: np.logaddexp(0, beta * x) / beta,
    "sign": np.sign,
    "bent_identity": lambda x: (np.sqrt(x**2 + 1) - 1) / 2 + x,
    "symmetrical_sigmoid": lambda x: np_sigmoid(x) - np_sigmoid(-x),
    "log_log": lambda x: 1 - np.exp(-np.exp(np.minimum(x, 500))),
    "gaussian": lambda x: np.exp(-(x**2)),
    "absolute": np.abs,
    "sine": np.sin,
    "cosine": np.cos,
    "sinc": lambda x: np.where(x == 0, 1, np.sin(x) / np.where(x == 0, 1, x)),
    "relu6": lambda x: np.minimum(6, np.maximum(0, x)),
    "celu": lambda x, alpha=1.0: np.maximum(0, x) + np.minimum(0, alpha * (np.exp(np.minimum(x, 0) / alpha) - 1)),
    "squared_relu": lambda x: np.maximum(0, x) ** 2,
    "isrlu": lambda x, alpha=1.0: np.where(x < 0, x / np.sqrt(1 + alpha * x**2), x),
    "isru": lambda x, alpha=1.0: x / np.sqrt(1 + alpha * x**2),
    "penalized_tanh": lambda x, alpha=0.25: np.where(x > 0, 1, alpha) * np.tanh(x),
    "silu": lambda x, beta=1.0: x * np_sigmoid(beta * x),
    "hardswish": lambda x: x * np.maximum(0, np.minimum(6, x + 3)) / 6,
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "gelu": np_gelu,
    "squareplus": lambda x, b=4.0: (x + np.sqrt(x**2 + b)) / 2,
}

FAMILIES = {
    family: tuple(name for name, a in ACTIVATIONS.items() if a.function.__module__.endswith(family))
    for family in ("rectifiers", "sigmoids", "smooth", "waves")
}

X = randn(3, 5, seed=1) * 2.5
IMAGE = randn(2, 3, 2, 4, seed=2) * 3
WIDE = torch.linspace(-9, 9, 77, dtype=torch.float64)
"""Meets every kink of the functions with default parameters (0, 1, 3 and 6), and both tails."""
KINKS = torch.tensor([-6.0, -3.0, -1.0, -0.0, 0.0, 1.0, 3.0, 6.0], dtype=torch.float64)
EXTREME = torch.tensor([-1e4, -700.0, -100.0, -30.0, 30.0, 100.0, 700.0, 1e4], dtype=torch.float64)
SLOPES, CHANNELS = rand(3, seed=3, low=0.1, high=0.7), randn(2, 3, 4, seed=4)


class Family:
    """Applies every function of a family to the same input; the outputs in the order of the table."""

    def __init__(self, table, family: str, parameters) -> None:
        self.parts = [partial(table[name], **parameters.get(name, {})) for name in FAMILIES[family]]

    def __call__(self, x):
        return tuple(part(x) for part in self.parts)


def family_case(family: str, name: str, parameters) -> Case:
    torch_family, numpy_family = Family(TORCH, family, parameters), Family(NUMPY, family, parameters)
    return Case(
        METHOD,
        f"{family}, {name}",
        partial(Family, ACTIVATIONS, family, parameters),
        lambda: [Sample((X,)), Sample((IMAGE,), {}, "images"), Sample((WIDE,), {}, "both tails")],
        (
            Oracle("torch.nn.functional, or compositions that autograd differentiates", lambda _, x: torch_family(x)),
            Oracle("the formulas in NumPy", lambda _, x: numpy_family(x), "numpy"),
        ),
        hard=lambda: [
            Sample((X + 1e4,), {}, "mean 1e4"),
            Sample((X - 1e4,), {}, "mean -1e4"),
            Sample((torch.zeros(2, 3, dtype=torch.float64),), {}, "all zero"),
            Sample((EXTREME,), {}, "both tails to 1e4"),
        ],
        degenerate=lambda: [
            Sample((X[:0],), {}, "empty batch"),
            Sample((X[0, 0],), {}, "one number"),
            Sample((KINKS,), {}, "at the kinks"),
        ],
        gradcheck=2,
        dtypes=HALVES,
    )


def channels_srelu():
    layer = randomize(SReLU(3))
    with torch.no_grad():
        layer.t_left.abs_().neg_(), layer.t_right.abs_()
    return layer


def numpy_channels(f, x, *parameters):
    """``f`` channel by channel, with the parameters of that channel."""
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        y[:, c] = f(x[:, c], *(p[c] if p.size > 1 else p.item() for p in parameters))
    return y


def torch_maxout(p, x, pieces, dim=-1):
    """The built-in's max pooling, over channels moved to the end."""
    z = x.movedim(dim, -1)
    pooled = F.max_pool1d(z.reshape(math.prod(z.shape[:-1]), 1, z.shape[-1]), pieces)
    return pooled.view(*z.shape[:-1], z.shape[-1] // pieces).movedim(-1, dim)


def numpy_maxout(p, x, pieces, dim=-1):
    z = np.moveaxis(x, dim, -1)
    y = np.empty((*z.shape[:-1], z.shape[-1] // pieces))
    for position in np.ndindex(y.shape):
        y[position] = max(z[position[:-1]][position[-1] * pieces + j] for j in range(pieces))
    return np.moveaxis(y, -1, dim)


def numpy_maxout_layer(p, x, pieces, out):
    """h_i(x) = max_j (x W_ij + b_ij), one unit and one piece at a time."""
    y = np.empty((*x.shape[:-1], out))
    for position in np.ndindex(y.shape):
        *batch, i = position
        row = x[tuple(batch)]
        y[position] = max(sum(row * p["weight"][i * pieces + j]) + p.get("bias", np.zeros(99))[i * pieces + j] for j in range(pieces))
    return y


def torch_maxout_layer(p, x, pieces, out):
    z = torch.einsum("...d,ud->...u", x, p["weight"]) + p.get("bias", x.new_zeros(()))
    return torch.stack([z[..., i * pieces : (i + 1) * pieces].max(-1).values for i in range(out)], -1)


def maxout_case(name: str, bias: bool) -> Case:
    return Case(
        METHOD,
        f"Maxout, {name}",
        lambda: randomize(Maxout(5, 2, pieces=3, bias=bias)),
        lambda: [Sample((X,)), Sample((randn(2, 3, 5, seed=6),), {}, "sequences"), Sample((X[0],), {}, "one example")],
        (
            Oracle("torch.einsum and torch.max, unit by unit", partial(torch_maxout_layer, pieces=3, out=2)),
            Oracle("the equations in NumPy, piece by piece", partial(numpy_maxout_layer, pieces=3, out=2), "numpy"),
        ),
        degenerate=lambda: [Sample((X[:0],), {}, "empty batch")],
        gradcheck=2,
    )


BAD = (
    Bad(lambda: ACTIVATIONS["relu"](torch.arange(3)), r"relu: input must be floating point, got torch.int64"),
    Bad(lambda: ACTIVATIONS["relu"].derivative(torch.arange(3)), r"relu_derivative: input must be floating point, got torch.int64"),
    Bad(lambda: prelu(torch.arange(3)), r"prelu: input must be floating point, got torch.int64"),
    Bad(
        lambda: prelu(CHANNELS, SLOPES[:2]),
        r"prelu: weight must be one number or one for each of 3 channels of input \(2, 3, 4\), got shape \(2,\)",
    ),
    Bad(lambda: prelu(CHANNELS[0, 0], SLOPES), r"prelu: weight must be one number or one for each of 1 channels of input \(4,\)"),
    Bad(lambda: srelu(CHANNELS, t_left=SLOPES[:2]), r"srelu: t_left must be one number or one for each of 3"),
    Bad(lambda: srelu(CHANNELS, a_left=SLOPES[:2]), r"srelu: a_left must be one number"),
    Bad(lambda: srelu(CHANNELS, t_right=SLOPES[:2]), r"srelu: t_right must be one number"),
    Bad(lambda: srelu(CHANNELS, a_right=SLOPES[:2]), r"srelu: a_right must be one number"),
    Bad(lambda: rrelu(X, 0.5, 0.25, training=True), r"rrelu: lower must not exceed upper, got lower 0.5 and upper 0.25"),
    Bad(lambda: ACTIVATIONS["hardsigmoid"](X, 0.0), r"hardsigmoid: slope must be positive, got 0.0"),
    Bad(lambda: ACTIVATIONS["hardtanh"](X, 1.0, 1.0), r"hardtanh: min_val must be below max_val, got 1.0 and 1.0"),
    Bad(lambda: ACTIVATIONS["softplus"](X, beta=0.0), r"softplus: beta must be positive, got 0.0"),
    Bad(lambda: ACTIVATIONS["softplus"](X, beta=math.nan), r"softplus: beta must be positive, got nan"),
    Bad(lambda: ACTIVATIONS["squareplus"](X, b=0.0), r"squareplus: b must be positive, got 0.0"),
    Bad(lambda: ACTIVATIONS["celu"](X, alpha=0.0), r"celu: alpha must be positive, got 0.0"),
    Bad(lambda: ACTIVATIONS["isrlu"](X, alpha=0.0), r"isrlu: alpha must be positive, got 0.0"),
    Bad(lambda: ACTIVATIONS["isru"](X, alpha=0.0), r"isru: alpha must be positive, got 0.0"),
    Bad(lambda: ACTIVATIONS["gelu"](X, approximate="erf"), r"gelu: approximate must be none or tanh, got 'erf'"),
    Bad(lambda: maxout(torch.arange(4), 2), r"maxout: input must be floating point of one dimension or more, got torch.int64 \(4,\)"),
    Bad(lambda: maxout(X[0, 0], 1), r"maxout: input must be floating point of one dimension or more, got torch.float64 \(\)"),
    Bad(lambda: maxout(X, 2), r"maxout: pieces must divide dimension -1 of input \(3, 5\), got 2"),
    Bad(lambda: maxout(X, 0), r"maxout: pieces must divide dimension -1 of input \(3, 5\), got 0"),
    Bad(lambda: PReLU(0), r"PReLU: num_parameters must be positive, got 0"),
    Bad(lambda: SReLU(0), r"SReLU: num_parameters must be positive, got 0"),
    Bad(lambda: SReLU(t_left=1.5), r"SReLU: t_left must not exceed t_right, got 1.5 and 1.0"),
    Bad(lambda: RReLU(0.5, 0.25), r"RReLU: lower must not exceed upper, got lower 0.5 and upper 0.25"),
    Bad(lambda: Maxout(0, 1), r"Maxout: in_features must be positive, got 0"),
    Bad(lambda: Maxout(1, 0), r"Maxout: out_features must be positive, got 0"),
    Bad(lambda: Maxout(1, 1, 0), r"Maxout: pieces must be positive, got 0"),
    Bad(lambda: Maxout(4, 2)(torch.zeros(2, 3)), r"Maxout: input must have shape \(..., 4\), got \(2, 3\)"),
    Bad(lambda: Maxout(4, 2)(torch.zeros(())), r"Maxout: input must have shape \(..., 4\), got \(\)"),
)

CASES = [
    *(family_case(family, "default parameters", {}) for family in FAMILIES),
    *(family_case(family, "other parameters", PARAMETERS) for family in ("rectifiers", "sigmoids", "smooth")),
    Case(
        METHOD,
        "PReLU, a slope for each channel",
        lambda: randomize(PReLU(3)),
        lambda: [Sample((CHANNELS,)), Sample((IMAGE,), {}, "images"), Sample((CHANNELS[:, :, 0],), {}, "vectors")],
        (
            Oracle("torch.nn.functional.prelu", lambda p, x: F.prelu(x, p["weight"])),
            Oracle("the formula in NumPy, channel by channel", lambda p, x: numpy_channels(NUMPY["prelu"], x, p["weight"]), "numpy"),
        ),
        hard=lambda: [Sample((CHANNELS * 1e4,), {}, "values of 1e4"), Sample((CHANNELS * 0,), {}, "all zero")],
        degenerate=lambda: [Sample((CHANNELS[:0],), {}, "empty batch")],
        bad=BAD,
        gradcheck=2,
        dtypes=HALVES,
    ),
    Case(
        METHOD,
        "PReLU, one slope",
        lambda: randomize(PReLU()),
        lambda: [Sample((X[0],)), Sample((CHANNELS,), {}, "channels")],
        (Oracle("torch.nn.functional.prelu", lambda p, x: F.prelu(x, p["weight"])),),
        gradcheck=2,
    ),
    Case(
        METHOD,
        "SReLU, parameters for each channel",
        channels_srelu,
        lambda: [Sample((CHANNELS,)), Sample((IMAGE,), {}, "images"), Sample((CHANNELS[:, :, 0],), {}, "vectors")],
        (
            Oracle(
                "three lines and their ranges, differentiated by autograd",
                lambda p, x: torch_srelu(x, *(p[k].view(-1, *(1,) * (x.dim() - 2)) for k in ("t_left", "a_left", "t_right", "a_right"))),
            ),
            Oracle(
                "the formula in NumPy, channel by channel",
                lambda p, x: numpy_channels(np_srelu, x, p["t_left"], p["a_left"], p["t_right"], p["a_right"]),
                "numpy",
            ),
        ),
        degenerate=lambda: [Sample((CHANNELS[:0],), {}, "empty batch")],
        gradcheck=2,
    ),
    Case(
        METHOD,
        "RReLU in evaluation",
        lambda: RReLU(0.1, 0.6),
        lambda: [Sample((X,)), Sample((IMAGE,), {}, "images")],
        (
            Oracle("torch.nn.functional.rrelu", lambda _, x: F.rrelu(x, 0.1, 0.6, training=False)),
            Oracle("the formula in NumPy", lambda _, x: NUMPY["rrelu"](x, 0.1, 0.6), "numpy"),
        ),
        training=False,
    ),
    Case(
        METHOD,
        "RReLU in training",
        lambda: RReLU(0.1, 0.6),
        lambda: [Sample((X,)), Sample((IMAGE,), {}, "images")],
        (Oracle("torch.where on slopes from torch.empty().uniform_", lambda _, x: torch.where(x > 0, x, x * random_slopes(x))),),
        dtypes=(torch.float64,),  # other types draw other numbers from the same seed
        seeded=True,
    ),
    Case(
        METHOD,
        "maxout",
        function(maxout, pieces=3, dim=1),
        lambda: [Sample((randn(2, 6, seed=7),)), Sample((randn(2, 6, 3, 5, seed=8),), {}, "images")],
        (
            Oracle("torch.nn.functional.max_pool1d over channels", partial(torch_maxout, pieces=3, dim=1)),
            Oracle("the maximum in NumPy, group by group", partial(numpy_maxout, pieces=3, dim=1), "numpy"),
        ),
        hard=lambda: [Sample((randn(2, 6, seed=7) + 1e4,), {}, "mean 1e4")],
        degenerate=lambda: [Sample((torch.zeros(0, 6, dtype=torch.float64),), {}, "empty batch")],
        gradcheck=2,
    ),
    maxout_case("affine", True),
    maxout_case("linear", False),
]


def random_slopes(x):
    """The numbers that PyTorch draws next, between the bounds of the case."""
    return torch.empty(x.shape, dtype=x.dtype).uniform_(0.1, 0.6)
