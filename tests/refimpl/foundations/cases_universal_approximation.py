"""Cases of built approximations; the NumPy oracles are the functions that the networks are meant to be."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

from refimpl.foundations.universal_approximation import (
    approximate,
    cosine_coefficients,
    piecewise_linear,
    ridge_sum,
    staircase,
)
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, rand

METHOD = "universal-approximation"


def wave(x):
    return torch.sin(5 * x[:, 0]) + x[:, 0]


def numpy_wave(x):
    return math.sin(5 * x) + x


LOW, HIGH, UNITS, SHARP = -0.5, 1.5, 6, 8.0
KNOTS = [LOW + (HIGH - LOW) * k / UNITS for k in range(UNITS + 1)]


def numpy_linear(_, x):
    """Between the two nearest knots."""
    return np.interp(x, KNOTS, [numpy_wave(t) for t in KNOTS])


def numpy_steps(_, x):
    out = np.full(x.shape, numpy_wave(LOW))
    h = KNOTS[1] - KNOTS[0]
    for at in np.ndindex(x.shape):
        for a, b in pairwise(KNOTS):
            out[at] += (numpy_wave(b) - numpy_wave(a)) / (1 + math.exp(-SHARP * (x[at] - (a + b) / 2) / h))
    return out


def numpy_two_ridges(_, x):
    """The same function of x_1 - x_2 and of x_2 / 2, added up."""
    first, second = x[..., :1] - x[..., 1:], x[..., 1:] / 2
    return numpy_linear(None, first) + numpy_linear(None, second)


def torch_network(f):
    def call(p, x):
        return F.linear(f(F.linear(x, p["0.weight"], p["0.bias"])), p["2.weight"], p["2.bias"])

    return Oracle("torch.nn.functional.linear, twice", call)


DIRECTIONS = torch.tensor([[1.0, -1.0], [0.0, 0.5]], dtype=torch.float64)
X, X2 = rand(7, 1, seed=1, low=LOW, high=HIGH), rand(7, 2, seed=2, low=0.1, high=0.6)
IN_FLOAT = {torch.float32: 1e-4}  # bends are differences of slopes: a rounded one is felt all along
DTYPES = torch.float64, torch.float32

BAD = (
    Bad(lambda: staircase(wave, 0), r"^staircase: units must be positive, got 0$"),
    Bad(lambda: piecewise_linear(wave, 0), r"^piecewise_linear: units must be positive, got 0$"),
    Bad(lambda: staircase(wave, 3, 1.0, 1.0), r"^staircase: low must lie below high, got 1.0 and 1.0$"),
    Bad(lambda: staircase(wave, 3, sharpness=0.0), r"^staircase: sharpness must be positive, got 0.0$"),
    Bad(lambda: ridge_sum([], DIRECTIONS), r"^ridge_sum: expected a direction for each of 0 parts, got shape \(2, 2\)$"),
    Bad(lambda: ridge_sum([], DIRECTIONS[:0]), r"^ridge_sum: expected a direction for each of 0 parts, got shape \(0, 2\)$"),
    Bad(lambda: ridge_sum([staircase(wave, 2)], DIRECTIONS[0, :1]), r"^ridge_sum: .* each of 1 parts, got shape \(1,\)$"),
    Bad(lambda: ridge_sum([staircase(wave, 2)], DIRECTIONS[0]), r"^ridge_sum: .* each of 1 parts, got shape \(2,\)$"),
    Bad(lambda: ridge_sum([staircase(wave, 2)], DIRECTIONS), r"^ridge_sum: .* each of 1 parts, got shape \(2, 2\)$"),
    Bad(lambda: cosine_coefficients(wave, 0, 3), r"^cosine_coefficients: dimension and count must be positive, got 0 and 3$"),
    Bad(lambda: approximate(wave, 1, 0, 3), r"^cosine_coefficients: dimension and count must be positive, got 1 and 0$"),
)

COMPILED = "a network as in the case of mlp"


def two_ridges():
    part = piecewise_linear(wave, UNITS, LOW, HIGH)
    return ridge_sum([part, part], DIRECTIONS)


CASES = [
    Case(
        METHOD,
        "steps",
        lambda: staircase(wave, UNITS, LOW, HIGH, SHARP),
        lambda: [Sample((X,))],
        (torch_network(torch.sigmoid), Oracle("the staircase in NumPy, step by step", numpy_steps, "numpy")),
        bad=BAD,
        dtypes=DTYPES,
        tolerance=IN_FLOAT,
        compiles=COMPILED,
    ),
    Case(
        METHOD,
        "lines",
        lambda: piecewise_linear(wave, UNITS, LOW, HIGH),
        lambda: [Sample((X,)), Sample((torch.tensor(KNOTS, dtype=torch.float64)[:, None] * (1 - 1e-9),), {}, "at the knots")],
        (torch_network(torch.relu), Oracle("numpy.interp", numpy_linear, "numpy")),
        dtypes=DTYPES,
        tolerance=IN_FLOAT | {torch.float64: 1e-8},  # one sample lies 1e-9 beside the knots
        compiles=COMPILED,
    ),
    Case(
        METHOD,
        "two ridges",
        two_ridges,
        lambda: [Sample((X2,))],
        (torch_network(torch.relu), Oracle("numpy.interp along each direction", numpy_two_ridges, "numpy")),
        dtypes=DTYPES,
        tolerance=IN_FLOAT,
        compiles=COMPILED,
    ),
]
