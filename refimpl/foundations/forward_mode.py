r"""Forward mode with dual numbers: each value carries its derivative in one direction of the inputs.

Paper
    Wengert, "A simple automatic derivative evaluation program", Communications of the ACM 7, 1964. Dual numbers are
    Clifford's (1873).

Equations
    dual         f(a + b e) = f(a) + f'(a) b e,   e^2 = 0
    direction    f(x + v e) = f(x) + (J v) e,     J the Jacobian of f at x

Deviations from the paper
    1. A value is a tensor, so that one pass takes a whole direction of all inputs.
    2. Only the operations in ``primitives.OPERATIONS`` are known; others raise ``NotImplementedError``.
    3. Directions do not mix when one derivative is taken inside another: each has a level of its own, where a single e
       for all of them would be wrong ("perturbation confusion").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from refimpl.foundations.primitives import Primitive, Traced, Value, add, apply, levels, raw, shape

__all__ = ["Dual", "jacfwd", "jvp"]


class Dual(Traced):
    """``value + tangent e``, where e belongs to one derivative, the ``level``."""

    def __init__(self, value: Value, tangent: Value, level: int) -> None:
        self.value, self.tangent, self.level = value, tangent, level

    def step(self, primitive: Primitive, values: list[Value], args: tuple[Value, ...]) -> Dual:
        output = apply(primitive, *values)
        pushed = [push(a.tangent, output, *values) for a, push in zip(args, primitive.push, strict=False) if self.beside(a)]
        return Dual(output, pushed[0] if len(pushed) == 1 else add(*pushed), self.level)

    def __repr__(self) -> str:
        return f"Dual({self.value!r}, tangent={self.tangent!r})"


def jvp(function: Callable[..., Value], primals: Sequence[Value], tangents: Sequence[Value]) -> tuple[Value, Value]:
    """The output and its derivative along the tangents, the product of the Jacobian with them; as ``torch.func.jvp``.

    Args:
        function: made of the operations in ``primitives.OPERATIONS``; returns one tensor.
        primals: floating tensors.
        tangents: a direction of each, of the same shape.

    Raises:
        ValueError: the primals are not floating tensors or the tangents do not fit them.
    """
    for p in primals:
        if not isinstance(raw(p), Tensor) or not raw(p).is_floating_point():
            raise ValueError(f"jvp: expected floating tensors, got {raw(p).dtype if isinstance(raw(p), Tensor) else type(p).__name__}")
    if [shape(p) for p in primals] != [shape(t) for t in tangents]:
        raise ValueError(f"jvp: expected tangents of shapes {[shape(p) for p in primals]}, got {[shape(t) for t in tangents]}")
    level = next(levels)
    output = function(*(Dual(p, t, level) for p, t in zip(primals, tangents, strict=True)))
    if isinstance(output, Dual) and output.level == level:
        return output.value, output.tangent
    return output, torch.zeros_like(raw(output))


def jacfwd(function: Callable[[Value], Value]) -> Callable[[Tensor], Tensor]:
    """The Jacobian of a function of one tensor, one pass for each number of the input; as ``torch.func.jacfwd``.

    Returns:
        A function whose result has the shape of the output followed by that of the input.
    """

    def jacobian(input: Tensor) -> Tensor:
        directions = torch.eye(input.numel(), dtype=input.dtype, device=input.device)
        columns = [jvp(function, (input,), (d.view(input.shape),))[1] for d in directions]
        return torch.stack(columns, -1).unflatten(-1, input.shape)

    return jacobian


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.foundations.reverse_mode import grad

    arguments(__doc__)
    t = torch.tensor(2.0, dtype=torch.float64)
    value, slope = jvp(lambda t: torch.sin(t) * t**2, (t,), (torch.ones_like(t),))
    print(f"t^2 sin t at 2: {value.item():.6f} with slope {slope.item():.6f}")
    print(f"2 t sin t + t^2 cos t:                    {(2 * t * t.sin() + t**2 * t.cos()).item():.6f}")
    w = torch.randn(6, dtype=torch.float64)

    def rosenbrock(v):
        """The sum over neighbors, as matrix products that select them."""
        n = len(w)
        left, right = torch.eye(n, dtype=w.dtype)[:-1], torch.eye(n, dtype=w.dtype)[1:]
        a, b = (m @ v.reshape(n, 1) for m in (left, right))
        return (100 * torch.square(b - torch.square(a)) + torch.square(1 - a)).sum()

    hessian = jacfwd(grad(rosenbrock))(w)
    print(
        "Hessian by forward over reverse mode, largest difference from torch:",
        f"{(hessian - torch.func.hessian(rosenbrock)(w)).abs().max().item():.1e}",
    )
    one = torch.ones((), dtype=torch.float64)
    inner = jvp(lambda a: a * jvp(lambda b: a + b, (one,), (one,))[1], (one,), (one,))[1]
    print("d/da [a d/db (a + b)] at 1:", inner.item(), "(2 where one e serves both)")
