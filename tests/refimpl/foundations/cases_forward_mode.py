"""Cases of forward mode: derivatives along a direction against torch.func.jvp and against derivatives by hand."""

from __future__ import annotations

import numpy as np
import torch

from refimpl.foundations.forward_mode import jacfwd, jvp
from tests.refimpl.foundations.differentiated import network, numpy_network_jvp
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, rand, randn

METHOD = "forward-mode"
WHY = "dual numbers are Python objects"


def along(x, w, v, d_x, d_w, d_v):
    return jvp(network, (x, w, v), (d_x, d_w, d_v))


def torch_along(_, x, w, v, d_x, d_w, d_v):
    return torch.func.jvp(network, (x, w, v), (d_x, d_w, d_v))


def curve(t):
    """From (3,) to (2, 3)."""
    return torch.reshape(torch.sin(t), (1, 3)) * torch.exp(torch.reshape(t, (1, 3)) * C.to(t.device))


C = torch.tensor([[0.5], [-1.5]], dtype=torch.float64)
NET = randn(3, 2, seed=3), randn(2, 4, seed=4), randn(4, 3, seed=5)
DIRECTION = rand(3, 2, seed=6), rand(2, 4, seed=7), rand(4, 3, seed=8)
T = randn(3, seed=9)


def numpy_jacobian(_, t):
    """Column j depends on t_j alone."""
    out, c = np.zeros((2, 3, 3)), C.numpy()
    for i in range(2):
        for j in range(3):
            out[i, j, j] = np.exp(t[j] * c[i, 0]) * (np.cos(t[j]) + c[i, 0] * np.sin(t[j]))
    return out


BAD = (
    Bad(lambda: jvp(torch.exp, (T.long(),), (T,)), r"^jvp: expected floating tensors, got torch.int64$"),
    Bad(lambda: jvp(torch.exp, (2.0,), (T,)), r"^jvp: expected floating tensors, got float$"),
    Bad(lambda: jvp(torch.exp, (T,), (C,)), r"^jvp: expected tangents of shapes \[\(3,\)\], got \[\(2, 1\)\]$"),
    Bad(lambda: jvp(torch.exp, (T,), (T, T)), r"^jvp: expected tangents of shapes \[\(3,\)\], got \[\(3,\), \(3,\)\]$"),
    Bad(lambda: jvp(torch.erf, (T,), (T,)), r"^Dual: no derivative of torch.erf; expected one of add, .*$", NotImplementedError),
)

CASES = [
    Case(
        METHOD,
        "network along a direction",
        lambda: along,
        lambda: [Sample((*NET, *DIRECTION))],
        (
            Oracle("torch.func.jvp", torch_along),
            Oracle("the derivatives by hand, number by number", lambda _, *a: numpy_network_jvp(*a), "numpy"),
        ),
        hard=lambda: [Sample((NET[0] * 0, *NET[1:], *DIRECTION), {}, "all zero")],
        degenerate=lambda: [Sample((NET[0][:0], *NET[1:], DIRECTION[0][:0], *DIRECTION[1:]), {}, "empty batch")],
        bad=BAD,
        tolerance={torch.bfloat16: 8e-2},  # about ten roundings in a row
        compiles=WHY,
        exports=WHY,
    ),
    Case(
        METHOD,
        "Jacobian",
        lambda: jacfwd(curve),
        lambda: [Sample((T,))],
        (Oracle("torch.func.jacfwd", lambda _, t: torch.func.jacfwd(curve)(t)), Oracle("the derivatives by hand", numpy_jacobian, "numpy")),
        dtypes=(torch.float64,),  # the constant of the function is float64
        compiles=WHY,
        exports=WHY,
    ),
]
