"""Elementary operations with their local derivatives, shared by forward and reverse mode.

A function written with the operators and functions of PyTorch that stand in ``OPERATIONS`` also takes
:class:`Traced` numbers, which do something besides computing the value: dual numbers carry a derivative along
(``forward_mode``), variables write themselves on a tape (``reverse_mode``).

Each primitive knows for each of its arguments how to push a tangent of the argument to the output, and how to pull
a cotangent of the output back to the argument. Both rules are written with the same operations, so that a
derivative can be traced in turn; ``level`` tells the derivatives apart, the innermost having the highest.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch import Tensor

__all__ = ["OPERATIONS", "Primitive", "Traced", "Value", "apply", "levels", "raw", "shape"]

Value = Any
"""A tensor, a :class:`Traced` number, or a Python number."""

levels = count()
"""One number for each derivative in progress."""


@dataclass(frozen=True)
class Primitive:
    """An operation on tensors, and for each argument its two rules: ``push[i](tangent, output, *args)`` and ``pull[i](cotangent, ...)``."""

    function: Callable[..., Tensor]
    push: tuple[Callable[..., Value], ...]
    pull: tuple[Callable[..., Value], ...]


def apply(primitive: Primitive, *args: Value) -> Value:
    """The operation on plain values, or one step of the innermost derivative among the arguments."""
    traced = [a for a in args if isinstance(a, Traced)]
    if not traced:
        return primitive.function(*args)
    innermost = max(traced, key=lambda t: t.level)
    return innermost.step(primitive, [a.value if innermost.beside(a) else a for a in args], args)


class Traced:
    """A number of one of the derivatives in progress; ``value`` may belong to another one further out."""

    value: Value
    level: int

    def step(self, primitive: Primitive, values: list[Value], args: tuple[Value, ...]) -> Traced:
        """Apply the operation to ``values``, the arguments without this derivative, and do what it asks for."""
        raise NotImplementedError

    def beside(self, other: Value) -> bool:
        """Whether another value belongs to the same derivative."""
        return isinstance(other, Traced) and other.level == self.level

    @classmethod
    def __torch_function__(cls, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Value:
        name = getattr(function, "__name__", str(function))
        if name not in OPERATIONS:
            raise NotImplementedError(f"{cls.__name__}: no derivative of torch.{name}; expected one of {', '.join(OPERATIONS)}")
        return OPERATIONS[name](*args, **(kwargs or {}))

    @property
    def shape(self) -> torch.Size:
        return raw(self).shape

    @property
    def device(self) -> torch.device:
        return raw(self).device

    @property
    def T(self) -> Value:
        return transpose(self)

    def sum(self, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Value:
        return sum(self, dim, keepdim)

    def reshape(self, *sizes: Any) -> Value:
        return reshape(self, *sizes)

    def __add__(self, other: Value) -> Value:
        return add(self, other)

    def __sub__(self, other: Value) -> Value:
        return add(self, neg(other))

    def __rsub__(self, other: Value) -> Value:
        return add(neg(self), other)

    def __mul__(self, other: Value) -> Value:
        return mul(self, other)

    def __truediv__(self, other: Value) -> Value:
        return div(self, other)

    def __rtruediv__(self, other: Value) -> Value:
        return div(other, self)

    def __pow__(self, exponent: float) -> Value:
        return pow(self, exponent)

    def __matmul__(self, other: Value) -> Value:
        return matmul(self, other)

    def __neg__(self) -> Value:
        return neg(self)

    __radd__, __rmul__ = __add__, __mul__


def raw(value: Value) -> Value:
    """The plain tensor or number inside."""
    return raw(value.value) if isinstance(value, Traced) else value


def shape(value: Value) -> tuple[int, ...]:
    """The shape; ``()`` of a Python number."""
    return tuple(getattr(raw(value), "shape", ()))


def sum_to(value: Value, sizes: tuple[int, ...]) -> Value:
    """Undo broadcasting: add up what was repeated."""
    have = shape(value)
    new = len(have) - len(sizes)
    dims = (*range(new), *(new + i for i, n in enumerate(sizes) if n == 1 != have[new + i]))
    return reshape(sum(value, dims), sizes) if dims else value


def _elementwise(function: Callable[..., Tensor], *partials: Callable[..., Value]) -> Primitive:
    """An operation that broadcasts; ``partials[i](output, *args)`` is its derivative by argument i."""

    def pull(i: int, partial: Callable[..., Value]) -> Callable[..., Value]:
        return lambda g, out, *args: sum_to(mul(g, partial(out, *args)), shape(args[i]))

    def push(partial: Callable[..., Value]) -> Callable[..., Value]:
        return lambda t, out, *args: mul(t, partial(out, *args))

    return Primitive(function, tuple(map(push, partials)), tuple(pull(i, p) for i, p in enumerate(partials)))


def _power_slope(out: Value, x: Value, n: float) -> Value:
    return mul(n, apply(POW, x, n - 1)) if n else mul(x, 0.0)


ADD = _elementwise(operator.add, lambda out, a, b: torch.ones_like(raw(out)), lambda out, a, b: torch.ones_like(raw(out)))
MUL = _elementwise(operator.mul, lambda out, a, b: b, lambda out, a, b: a)
DIV = _elementwise(operator.truediv, lambda out, a, b: div(1.0, b), lambda out, a, b: neg(div(out, b)))
NEG = _elementwise(operator.neg, lambda out, x: -1.0)
POW = _elementwise(operator.pow, _power_slope)
EXP = _elementwise(torch.exp, lambda out, x: out)
LOG = _elementwise(torch.log, lambda out, x: div(1.0, x))
SIN = _elementwise(torch.sin, lambda out, x: apply(COS, x))
COS = _elementwise(torch.cos, lambda out, x: neg(apply(SIN, x)))
TANH = _elementwise(torch.tanh, lambda out, x: add(1.0, neg(mul(out, out))))
SIGMOID = _elementwise(torch.sigmoid, lambda out, x: mul(out, add(1.0, neg(out))))
RELU = _elementwise(torch.relu, lambda out, x: (raw(x) > 0).to(raw(x).dtype))

SUM = Primitive(
    lambda x, dim: x.sum(dim, keepdim=True),
    (lambda t, out, x, dim: apply(SUM, t, dim),),
    (lambda g, out, x, dim: mul(g, torch.ones_like(raw(x))),),
)
RESHAPE = Primitive(
    torch.reshape,
    (lambda t, out, x, sizes: reshape(t, sizes),),
    (lambda g, out, x, sizes: reshape(g, shape(x)),),
)
TRANSPOSE = Primitive(lambda x: x.T, (lambda t, out, x: transpose(t),), (lambda g, out, x: transpose(g),))
MATMUL = Primitive(
    torch.matmul,
    (lambda t, out, a, b: matmul(t, b), lambda t, out, a, b: matmul(a, t)),
    (lambda g, out, a, b: matmul(g, transpose(b)), lambda g, out, a, b: matmul(transpose(a), g)),
)


def add(a: Value, b: Value) -> Value:
    return apply(ADD, a, b)


def mul(a: Value, b: Value) -> Value:
    return apply(MUL, a, b)


def div(a: Value, b: Value) -> Value:
    return apply(DIV, a, b)


def neg(x: Value) -> Value:
    return apply(NEG, x)


def pow(x: Value, exponent: float) -> Value:
    if not isinstance(exponent, (int, float)):
        raise NotImplementedError(f"pow: the exponent must be a Python number, got {type(exponent).__name__}")
    return apply(POW, x, exponent)


def matmul(a: Value, b: Value) -> Value:
    if len(shape(a)) != 2 or len(shape(b)) != 2:
        raise NotImplementedError(f"matmul: expected two matrices, got shapes {shape(a)} and {shape(b)}")
    return apply(MATMUL, a, b)


def sum(x: Value, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Value:
    sizes = shape(x)
    dims = (dim,) if isinstance(dim, int) else dim or range(len(sizes))
    dims = tuple(d % len(sizes) for d in dims)
    total = apply(SUM, x, dims)
    return total if keepdim else reshape(total, tuple(n for i, n in enumerate(sizes) if i not in dims))


def reshape(x: Value, *sizes: Any) -> Value:
    return apply(RESHAPE, x, tuple(sizes[0]) if isinstance(sizes[0], (tuple, list)) else sizes)


def transpose(x: Value) -> Value:
    return apply(TRANSPOSE, x)


OPERATIONS: dict[str, Callable[..., Value]] = {
    "add": add,
    "sub": lambda a, b: add(a, neg(b)),
    "mul": mul,
    "div": div,
    "neg": neg,
    "pow": pow,
    "matmul": matmul,
    "sum": sum,
    "reshape": reshape,
    "square": lambda x: mul(x, x),
    "sqrt": lambda x: pow(x, 0.5),
    **{
        name: lambda x, p=p: apply(p, x)
        for name, p in (("exp", EXP), ("log", LOG), ("sin", SIN), ("cos", COS), ("tanh", TANH), ("sigmoid", SIGMOID), ("relu", RELU))
    },
}
"""What can be differentiated, by the name that PyTorch gives it."""
