"""Functions of one number applied to each element, differentiated by a derivative written by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

__all__ = ["above_zero", "differentiable", "elementwise"]

Elementwise = Callable[..., Tensor]
"""``f(input, *parameters)``: a tensor like ``input``; the parameters are constants."""


def elementwise(f: Elementwise) -> Elementwise:
    """Refuse what is not floating point, and compute float16 and bfloat16 in float32."""

    @wraps(f)
    def checked(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not input.is_floating_point():
            raise ValueError(f"{f.__name__}: input must be floating point, got {input.dtype}")
        if input.dtype in (torch.bfloat16, torch.float16):
            return f(input.float(), *args, **kwargs).to(input.dtype)
        return f(input, *args, **kwargs)

    return checked


def above_zero(x: Tensor) -> Tensor:
    """1 where x is above zero and 0 elsewhere, as numbers, not differentiated.

    On a CPU a product with them takes a fraction of the time of ``torch.where``, whose choice it cannot predict, and a
    compiler keeps no mask of them, whose single bytes it stores slowly.
    """
    return x.detach().clamp_min(0).sign_()


def differentiable(derivative: Elementwise, *, of_output: bool = False) -> Callable[[Elementwise], Elementwise]:
    """Let autograd use ``derivative``, which takes the same parameters as the decorated function.

    Only the input is kept for the backward pass, or with ``of_output`` only the output, which the next layer mostly
    keeps anyway; ``derivative`` must then give the same for both. Gradients of gradients come from differentiating
    ``derivative`` in turn.
    """

    def decorate(f: Elementwise) -> Elementwise:
        checked = elementwise(f)

        @wraps(f)
        def apply(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            return _Elementwise.apply(input, lambda x: checked(x, *args, **kwargs), lambda x: derivative(x, *args, **kwargs), of_output)

        return apply

    return decorate


class _Elementwise(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, function: Elementwise, derivative: Elementwise, of_output: bool) -> Tensor:
        return function(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, _, ctx.derivative, of_output = inputs
        ctx.save_for_backward(output if of_output else x)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None, None]:
        (kept,) = ctx.saved_tensors
        return g * ctx.derivative(kept), None, None, None
