"""What is special to forward mode: each operation, dual numbers by hand, forward over reverse, no mixing of directions."""

from __future__ import annotations

import pytest
import torch

from refimpl.foundations.forward_mode import Dual, jacfwd, jvp
from refimpl.foundations.reverse_mode import grad, vjp
from tests.refimpl.foundations.cases_forward_mode import METHOD, T, curve
from tests.refimpl.foundations.differentiated import OPERATIONS, network
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.forward_mode"
X, V = rand(3, 4, seed=1, low=0.3, high=2.0), randn(3, 4, seed=2)
ONE = torch.tensor(1.0, dtype=torch.float64)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name, record):
    """Value, derivative and derivative of the derivative along a direction."""
    f = OPERATIONS[name]

    def twice(push):
        return push(lambda x: push(f, (x,), (V,))[1], (X,), (V,))[1]

    pairs = [*zip(jvp(f, (X,), (V,)), torch.func.jvp(f, (X,), (V,)), strict=True), (twice(jvp), twice(torch.func.jvp))]
    gap = max(error(a, e) for a, e in pairs)
    record(METHOD, MODULE, f"{name}, once and twice", "torch.func.jvp", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(3,4)")


def test_dual_numbers_by_hand():
    """(3 + 2 e)(5 + 7 e) = 15 + 31 e and (3 + 2 e)^2 = 9 + 12 e, since e^2 = 0."""
    a, b = Dual(3 * ONE, 2 * ONE, 1), Dual(5 * ONE, 7 * ONE, 1)
    assert ((a * b).value, (a * b).tangent) == (15, 31) and ((a**2).value, (a**2).tangent) == (9, 12)
    assert repr(a) == "Dual(tensor(3., dtype=torch.float64), tangent=tensor(2., dtype=torch.float64))"


def test_product_with_the_jacobian_and_its_transpose_are_adjoint(record):
    """<u, J v> = <J' u, v>."""
    args, directions = (
        [randn(*s, seed=i) for i, s in enumerate(((3, 2), (2, 4), (4, 3)), 3)],
        [randn(3, 2, seed=6), randn(2, 4, seed=7), randn(4, 3, seed=8)],
    )
    u = randn(1, 3, seed=9)
    pushed = (u * jvp(network, args, directions)[1]).sum()
    pulled = sum((g * d).sum() for g, d in zip(vjp(network, *args)[1](u), directions, strict=True))
    record(METHOD, MODULE, "<u, J v>", "<J' u, v> in reverse mode", error=error(pushed, pulled), tolerance=1e-14, dtype=torch.float64)


def test_hessian_by_forward_over_reverse(record):
    def f(x):
        return torch.sum(torch.sin(x) * torch.exp(torch.sum(x) * 0.3))

    gap = max(
        error(jacfwd(grad(f))(T), torch.func.hessian(f)(T)), error(grad(lambda x: jvp(f, (x,), (T,))[1])(T), torch.func.hessian(f)(T) @ T)
    )
    record(METHOD, MODULE, "Hessian", "torch.func.hessian", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(3,)")


def test_directions_do_not_mix():
    """d/da [a d/db (a + b)] is 1: with one e for both it would be 2."""
    assert jvp(lambda a: a * jvp(lambda b: a + b, (ONE,), (ONE,))[1], (ONE,), (ONE,))[1].item() == 1
    for i, expected in enumerate(((1, 2), (0, 0))):  # a^2 does not depend on b
        found = jvp(lambda a, i=i: jvp(lambda b: a**2, (ONE,), (ONE,))[i], (ONE,), (ONE,))
        assert tuple(v.item() for v in found) == expected


def test_constant_function_and_identity():
    assert jvp(lambda x: torch.ones(2), (T,), (T,))[1].tolist() == [0, 0]
    value, tangent = jvp(lambda x: x, (T,), (2 * T,))
    assert torch.equal(value, T) and torch.equal(tangent, 2 * T)


def test_a_direction_may_be_a_number():
    found = jvp(torch.relu, (ONE,), (3.0,))[1]
    assert found.item() == 3 and found.dtype == torch.float64


def test_jacobian_has_a_column_for_each_input():
    jacobian = jacfwd(curve)(T)
    assert jacobian.shape == (2, 3, 3)
    assert jacfwd(lambda x: torch.sum(x, 1))(X).shape == (3, 3, 4)
    assert jacfwd(torch.sin)(T.to("meta")).is_meta
    assert torch.equal(jacobian[..., 1], jvp(curve, (T,), (torch.eye(3, dtype=torch.float64)[1],))[1])
