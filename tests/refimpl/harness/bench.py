"""What a method must say about itself to be timed.

A method adds a file ``bench_<module>.py`` beside its tests with a list ``BENCHES``; ``dlatlas bench`` reads it.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Made = nn.Module | torch.optim.Optimizer | Callable[..., Any]
"""What is timed: a call of the module or function on the sample, or one step of the optimizer."""


@dataclass(frozen=True)
class Bench:
    """One setting in which a method is timed against others that compute the same.

    All tensors are made on the CPU; the run moves and casts them, modules and optimizers included.

    Args:
        method: the method's id in the catalog.
        name: the setting in a few words, with its sizes.
        ours: makes the method.
        theirs: makes each other implementation, by the name under which it is reported; None where its package is missing.
        sample: the arguments of one call; an optimizer takes none.
        backward: time forward and backward together too.
        compiled: time ours under ``torch.compile`` too, against the others as they are and compiled.
        dtype: floating type of arguments, parameters and gradients.
        threads: CPU threads; None leaves PyTorch's default.
    """

    method: str
    name: str
    ours: Callable[[], Made]
    theirs: Mapping[str, Callable[[], Made | None]]
    sample: Callable[[], tuple[Any, ...]] = tuple
    backward: bool = True
    compiled: bool = True
    dtype: torch.dtype = torch.float32
    threads: int | None = None

    def __post_init__(self) -> None:
        if not self.theirs:
            raise ValueError(f"Bench {self.method}, {self.name}: theirs is empty; expected at least one other implementation")


class Product(nn.Module):
    """A matrix product alone, ``(M, K)`` by ``(N, K, L)``: what a method that is built on it cannot be faster than.

    What it returns is cut to the method's ``(N, ...)``, since only equal shapes are timed.
    """

    NAME = "the matrix product alone"

    def __init__(self, rows: int, inner: int, batch: int, columns: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.left, self.right = (nn.Parameter(torch.randn(shape)) for shape in ((rows, inner), (batch, inner, columns)))

    def forward(self, *_: Any) -> Tensor:
        return (self.left @ self.right).flatten(1)[:, : math.prod(self.shape)].unflatten(1, self.shape)


def parameters(*shapes: tuple[int, ...]) -> list[nn.Parameter]:
    """Parameters with gradients, for the step of an optimizer; the same numbers at each call."""
    generator = torch.Generator().manual_seed(20_023)

    def draw(shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=generator)

    found = [nn.Parameter(draw(shape)) for shape in shapes]
    for parameter in found:
        parameter.grad = draw(tuple(parameter.shape))
    return found


def published(module: str, name: str, *arguments: Any, **named: Any) -> Any | None:
    """``module.name(*arguments, **named)`` of an optional package; None where the package is missing."""
    try:
        found = importlib.import_module(module)
    except ImportError:
        return None
    return getattr(found, name)(*arguments, **named)


def optimizers(method: str, rule: str, ours: Callable[..., Any], theirs: Mapping[str, Callable[..., Any]]) -> Bench:
    """One step of two optimizers, each made by a function of the parameters."""
    shapes = [(316, 316)] * 50

    def made(make: Callable[..., Any]) -> Callable[[], Made | None]:
        return lambda: make(parameters(*shapes))

    others = {name: made(make) for name, make in theirs.items()}
    return Bench(method, f"{rule}, 5M parameters in 50 tensors", made(ours), others, backward=False, compiled=False)


def initializers(method: str, pairs: Iterable[tuple[Callable[..., Tensor], Callable[..., Tensor]]]) -> list[Bench]:
    """Ours beside PyTorch's own: a large linear layer and a small convolution for each pair of (ours, theirs)."""
    return [
        Bench(
            method,
            f"{ours.__name__}, {name}",
            lambda ours=ours: ours,
            {f"torch.nn.init.{theirs.__name__}": lambda theirs=theirs: theirs},
            lambda shape=shape: (torch.empty(shape),),
            backward=False,
            compiled=False,
        )
        for ours, theirs in pairs
        for name, shape in (("1024 x 1024", (1024, 1024)), ("64 x 32 x 3 x 3", (64, 32, 3, 3)))
    ]
