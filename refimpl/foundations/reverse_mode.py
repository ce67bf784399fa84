r"""Reverse mode on a tape: one pass back over the recorded operations gives the derivatives by all inputs.

Papers
    Linnainmaa, "Taylor expansion of the accumulated rounding error", BIT 16, 1976 (thesis 1970).
    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323, 1986.

Equations (v_i the values in the order of their computation, L the output)
    adjoint      vbar_i = sum over the j that use v_i of vbar_j dv_j/dv_i,   vbar_L given
    tape         the order of computation is a topological order; backward, each vbar_j is complete when it is needed

Deviations from the papers
    1. A value is a tensor, and a local derivative a product of a cotangent with a Jacobian that is never formed.
    2. Only the operations in ``primitives.OPERATIONS`` are known; others raise ``NotImplementedError``.
    3. Derivatives of derivatives come from tracing the backward pass with another tape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from refimpl.foundations.primitives import Primitive, Traced, Value, apply, levels, raw, shape

__all__ = ["Tape", "Variable", "grad", "vjp"]


class Tape:
    """What was computed, in order: for each value its parents, each with the rule that pulls a cotangent back to it."""

    def __init__(self) -> None:
        self.level = next(levels)
        self.records: list[list[tuple[int, Callable[[Value], Value]]]] = []

    def variable(self, value: Value, parents: list[tuple[int, Callable[[Value], Value]]] | None = None) -> Variable:
        """A new value; without parents an input."""
        self.records.append(parents or [])
        return Variable(value, self, len(self.records) - 1)

    def gradients(self, output: Variable, cotangent: Value) -> dict[int, Value]:
        """The adjoints of the inputs that the output depends on, by their number."""
        adjoints, inputs = {output.number: cotangent}, {}
        for number in reversed(range(output.number + 1)):
            if number not in adjoints:
                continue
            adjoint = adjoints.pop(number)
            if not self.records[number]:
                inputs[number] = adjoint
            for parent, pull in self.records[number]:
                share = pull(adjoint)
                adjoints[parent] = adjoints[parent] + share if parent in adjoints else share
        return inputs


class Variable(Traced):
    """A value on a tape."""

    def __init__(self, value: Value, tape: Tape, number: int) -> None:
        self.value, self.tape, self.number = value, tape, number

    @property
    def level(self) -> int:
        return self.tape.level

    def step(self, primitive: Primitive, values: list[Value], args: tuple[Value, ...]) -> Variable:
        output = apply(primitive, *values)
        parents = [
            (a.number, lambda g, pull=pull: pull(g, output, *values))
            for a, pull in zip(args, primitive.pull, strict=False)
            if self.beside(a)
        ]
        return self.tape.variable(output, parents)

    def __repr__(self) -> str:
        return f"Variable({self.value!r}, number={self.number})"


def vjp(function: Callable[..., Value], *primals: Value) -> tuple[Value, Callable[[Value], tuple[Value, ...]]]:
    """The output, and a function from a cotangent of the output to the cotangents of all primals; as ``torch.func.vjp``.

    Args:
        function: made of the operations in ``primitives.OPERATIONS``; returns one tensor.
        primals: floating tensors.

    Raises:
        ValueError: a primal is not floating point, or a cotangent has not the shape of the output.
    """
    tape = Tape()
    variables = [tape.variable(_floating("vjp", p)) for p in primals]
    output = function(*variables)
    traced = isinstance(output, Variable) and output.tape is tape
    value = output.value if traced else output

    def pull(cotangent: Value) -> tuple[Value, ...]:
        if shape(cotangent) != shape(value):
            raise ValueError(f"vjp: cotangent must have the shape of the output {shape(value)}, got {shape(cotangent)}")
        found = tape.gradients(output, cotangent) if traced else {}
        return tuple(found[v.number] if v.number in found else torch.zeros_like(raw(v)) for v in variables)

    return value, pull


def grad(function: Callable[..., Value], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The gradient of a function with a scalar output, as a function of the same arguments; as ``torch.func.grad``.

    Args:
        argnums: by which arguments; a number gives one gradient, a tuple a tuple.

    Raises:
        ValueError: from the gradient, where the output is no scalar or the arguments do not fit.
    """
    numbers = (argnums,) if isinstance(argnums, int) else argnums

    def gradient(*args: Value) -> Any:
        if not all(-len(args) <= n < len(args) for n in numbers):
            raise ValueError(f"grad: argnums must name some of {len(args)} arguments, got {argnums}")

        def partial(*chosen: Value) -> Value:
            values = list(args)
            for number, value in zip(numbers, chosen, strict=True):
                values[number] = value
            return function(*values)

        output, pull = vjp(partial, *(args[n] for n in numbers))
        if shape(output):
            raise ValueError(f"grad: the function must return a scalar, got shape {shape(output)}")
        found = pull(torch.ones_like(raw(output)))
        return found[0] if isinstance(argnums, int) else found

    return gradient


def _floating(function: str, value: Value) -> Value:
    if not isinstance(raw(value), Tensor) or not raw(value).is_floating_point():
        got = raw(value).dtype if isinstance(raw(value), Tensor) else type(value).__name__
        raise ValueError(f"{function}: expected floating tensors, got {got}")
    return value


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)

    def f(x, w):
        """A layer of tanh units and its mean square."""
        return torch.square(torch.tanh(x @ w)).sum() / 12

    x, w = torch.randn(4, 5), torch.randn(5, 3)
    ours, theirs = grad(f, (0, 1))(x, w), torch.func.grad(f, (0, 1))(x, w)
    print("largest difference from torch.func.grad:", f"{max((a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True)):.1e}")
    tape = Tape()
    a, b = tape.variable(torch.tensor(2.0)), tape.variable(torch.tensor(5.0))
    y = torch.log(a) + a * b - torch.sin(b)
    print("f(a, b) = log a + a b - sin b at (2, 5):", round(y.value.item(), 4), "on a tape of", len(tape.records), "values")
    print("df/da = 1/a + b and df/db = a - cos b:", [round(g.item(), 4) for _, g in sorted(tape.gradients(y, torch.tensor(1.0)).items())])
    cube = lambda t: t**3  # noqa: E731
    print(
        "x^3 at 2, differentiated 1, 2, 3 times:",
        *(d(torch.tensor(2.0)).item() for d in (grad(cube), grad(grad(cube)), grad(grad(grad(cube))))),
    )
