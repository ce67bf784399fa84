"""Cases of reverse mode: gradients of a formula and of a network against torch.func and against derivatives by hand."""

from __future__ import annotations

import torch

from refimpl.foundations.reverse_mode import grad, vjp
from tests.refimpl.foundations.differentiated import formula, network, numpy_formula_gradient
from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn

METHOD = "reverse-mode"
WHY = "a tape of Python objects"


def formula_gradient(a, b):
    return grad(formula, (0, 1))(a, b)


def pulled_back(x, w, v, cotangent):
    output, pull = vjp(network, x, w, v)
    return output, *pull(cotangent)


def torch_pulled_back(_, x, w, v, cotangent):
    output, pull = torch.func.vjp(network, x, w, v)
    return output, *pull(cotangent)


def torch_formula_gradient(_, a, b):
    return torch.func.grad(formula, (0, 1))(a, b)


A, B = randn(3, 1, seed=1), randn(4, seed=2)
NET = randn(3, 2, seed=3), randn(2, 4, seed=4), randn(4, 3, seed=5), randn(1, 3, seed=6)

BAD = (
    Bad(lambda: grad(lambda x: x * 2)(B), r"^grad: the function must return a scalar, got shape \(4,\)$"),
    Bad(lambda: grad(formula)(A.long(), B), r"^vjp: expected floating tensors, got torch.int64$"),
    Bad(lambda: grad(formula)(2.0, B), r"^vjp: expected floating tensors, got float$"),
    Bad(lambda: grad(formula, 2)(A, B), r"^grad: argnums must name some of 2 arguments, got 2$"),
    Bad(lambda: grad(formula, (0, -3))(A, B), r"^grad: argnums must name some of 2 arguments, got \(0, -3\)$"),
    Bad(lambda: vjp(torch.exp, B)[1](A), r"^vjp: cotangent must have the shape of the output \(4,\), got \(3, 1\)$"),
    Bad(lambda: vjp(torch.erf, B), r"^Variable: no derivative of torch.erf; expected one of add, sub, .*, relu$", NotImplementedError),
    Bad(lambda: vjp(lambda b: b @ b, B), r"^matmul: expected two matrices, got shapes \(4,\) and \(4,\)$", NotImplementedError),
    Bad(lambda: vjp(lambda b: b @ A, B), r"^matmul: expected two matrices, got shapes \(4,\) and \(3, 1\)$", NotImplementedError),
    Bad(lambda: vjp(lambda a: a @ B, A), r"^matmul: expected two matrices, got shapes \(3, 1\) and \(4,\)$", NotImplementedError),
    Bad(lambda: vjp(lambda b: b**b, B), r"^pow: the exponent must be a Python number, got Variable$", NotImplementedError),
)

CASES = [
    Case(
        METHOD,
        "gradient of a formula",
        lambda: formula_gradient,
        lambda: [Sample((A, B))],
        (
            Oracle("torch.func.grad", torch_formula_gradient),
            Oracle("the derivatives by hand, entry by entry", lambda _, a, b: numpy_formula_gradient(a, b), "numpy"),
        ),
        hard=lambda: [Sample((A * 0, B * 0), {}, "all zero"), Sample((A * 1e4, B + 10), {}, "large")],
        degenerate=lambda: [Sample((A[:0], B), {}, "empty"), Sample((A[:1], B[:1]), {}, "one entry")],
        bad=BAD,
        tolerance={torch.bfloat16: 8e-2},  # second derivatives of a quotient: about ten roundings in a row
        compiles=WHY,
        exports=WHY,
    ),
    Case(
        METHOD,
        "cotangents of a network",
        lambda: pulled_back,
        lambda: [Sample(NET)],
        (Oracle("torch.func.vjp", torch_pulled_back),),
        hard=lambda: [Sample((NET[0] * 1e4, *NET[1:]), {}, "saturated")],
        degenerate=lambda: [Sample((NET[0][:0], *NET[1:]), {}, "empty batch")],
        tolerance={torch.bfloat16: 8e-2},  # as above
        compiles=WHY,
        exports=WHY,
    ),
]
