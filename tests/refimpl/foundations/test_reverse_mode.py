"""What is special to reverse mode: each operation, derivatives of derivatives, the tape."""

from __future__ import annotations

import pytest
import torch

from refimpl.foundations.primitives import OPERATIONS as KNOWN
from refimpl.foundations.reverse_mode import Tape, grad, vjp
from tests.refimpl.foundations.cases_reverse_mode import METHOD
from tests.refimpl.foundations.differentiated import OPERATIONS, formula
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.reverse_mode"
X = rand(3, 4, seed=1, low=0.3, high=2.0)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name, record):
    """The cotangents of each operation, and those of its own gradient."""
    f = OPERATIONS[name]
    g = randn(*f(X).shape, seed=2)
    actual, expected = vjp(f, X)[1](g)[0], torch.func.vjp(f, X)[1](g)[0]
    twice, expected_twice = (d(lambda x, d=d: torch.square(d(lambda y: torch.sum(f(y) * g))(x)).sum())(X) for d in (grad, torch.func.grad))
    gap = max(error(vjp(f, X)[0], f(X)), error(actual, expected), error(twice, expected_twice))
    record(METHOD, MODULE, f"{name}, once and twice", "torch.func", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(3,4)")


def test_every_operation_is_tried():
    tried = {"add", "sub", "mul", "div", "neg", "pow", "matmul", "sum", "reshape", "square", "sqrt"}
    assert set(KNOWN) == tried | {"exp", "log", "sin", "cos", "tanh", "sigmoid", "relu"}


def test_power_zero_and_corner_of_relu():
    zero = torch.zeros(2, dtype=torch.float64)
    assert grad(lambda x: torch.sum(x**0))(zero).tolist() == [0, 0]
    assert grad(lambda x: torch.sum(x**1))(zero).tolist() == [1, 1]
    assert grad(lambda x: torch.sum(torch.relu(x)))(zero).tolist() == [0, 0]


def test_third_derivative():
    one = torch.tensor(2.0, dtype=torch.float64)
    assert [d(one).item() for d in (grad(lambda x: x**3), grad(grad(lambda x: x**3)), grad(grad(grad(lambda x: x**3))))] == [12, 12, 6]


def test_derivatives_inside_derivatives_do_not_mix():
    """d/dx [x d/dy (x y^2)] at x = 3, y = 2 is d/dx 4 x^2 = 24; a variable of the wrong tape would give another number."""
    two = torch.tensor(2.0, dtype=torch.float64)
    assert grad(lambda x: x * grad(lambda y: x * y**2)(two))(torch.tensor(3.0, dtype=torch.float64)).item() == 24
    assert grad(lambda x: grad(lambda y: y**2)(x))(two).item() == 2
    assert grad(lambda x: x * grad(lambda y: torch.sum(C * y))(two))(two).item() == pytest.approx(C.sum().item())
    assert grad(lambda x: vjp(lambda y: x**2, two)[0])(two).item() == 4
    assert grad(lambda x: x * grad(lambda y: x**2)(two))(two).item() == 0


C = torch.arange(4.0, dtype=torch.float64)


def test_arguments_that_do_not_matter_have_gradient_zero():
    assert [g.tolist() for g in grad(lambda x, y: torch.sum(x), (0, 1))(C, C)] == [[1] * 4, [0] * 4]
    assert grad(lambda x: torch.tensor(3.0))(C).tolist() == [0] * 4
    output, pull = vjp(lambda x: x, C)
    assert torch.equal(output, C) and torch.equal(pull(2 * C)[0], 2 * C)


def test_argnums():
    a, b = randn(3, 1, seed=3), randn(4, seed=4)
    both = grad(formula, (1, 0))(a, b)
    assert torch.equal(grad(formula)(a, b), both[1]) and torch.equal(grad(formula, -1)(a, b), both[0])
    assert torch.equal(grad(formula, 1)(a, b), both[0]) and isinstance(grad(formula, (0,))(a, b), tuple)
    assert torch.equal(grad(formula, (-2,))(a, b)[0], both[1])


def test_tape_by_hand():
    """f = log a + a b - sin b at (2, 5): 2 inputs, 6 operations, since a - b is a + (-b)."""
    tape = Tape()
    a, b = tape.variable(torch.tensor(2.0, dtype=torch.float64)), tape.variable(torch.tensor(5.0, dtype=torch.float64))
    y = torch.log(a) + a * b - torch.sin(b)
    assert len(tape.records) == 8 and repr(a) == "Variable(tensor(2., dtype=torch.float64), number=0)"
    assert [len(parents) for parents in tape.records] == [0, 0, 1, 2, 2, 1, 1, 2]
    found = tape.gradients(y, torch.tensor(1.0, dtype=torch.float64))
    assert (
        found.keys() == {0, 1} and found[0].item() == 0.5 + 5 and found[1].item() == 2 - torch.tensor(5.0, dtype=torch.float64).cos().item()
    )
    before = len(tape.records)
    tape.gradients(y, torch.tensor(1.0, dtype=torch.float64))
    assert len(tape.records) == before  # the way back writes nothing on its own tape


def test_one_pass_whatever_the_number_of_inputs():
    """Each pull of the tape runs once for a thousand inputs."""
    calls = []

    def counted(x):
        calls.append(x)
        return torch.sum(torch.sin(x) * 3)

    assert grad(counted)(torch.ones(1000)).shape == (1000,) and len(calls) == 1
