"""What a method must say about itself so that the generic tests can check it.

A method adds a file ``cases_<module>.py`` beside its tests with a list ``CASES``. Each case
says how to build the method, which inputs to try, which independent oracles know the right
answer, and how far the result may lie from it. The generic tests then run for every case.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

Parameters = Mapping[str, Tensor]
"""Parameters and buffers of a module by name, as they were before the call; empty for a function."""

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 3e-3}
"""Largest error allowed, in units of the expected tensor's largest magnitude (see ``compare.error``)."""


@dataclass(frozen=True)
class Sample:
    """Arguments of one call, in float64 on the CPU; the tests cast and move them.

    Gradients are compared for the floating tensors among ``args``; those among ``kwargs`` are constants.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    name: str = "plain"


@dataclass(frozen=True)
class Oracle:
    """An implementation that shares no code with the method.

    ``call(parameters, *args, **kwargs)`` returns a tensor or array, or a tuple of them, in the
    order of the method's outputs. A ``torch`` oracle is also differentiated, so that gradients
    are compared; a ``numpy`` oracle gets float64 arrays and is compared forward only.
    """

    name: str
    call: Callable[..., Any]
    kind: Literal["torch", "numpy"] = "torch"


@dataclass(frozen=True)
class Bad:
    """A call that must fail: the error's type and a regular expression that its message matches."""

    call: Callable[[], Any]
    match: str
    error: type[Exception] = ValueError
    name: str = ""


@dataclass(frozen=True)
class Case:
    """One configuration of a method.

    Args:
        method: the method's id in the catalog.
        name: what is special about this configuration.
        make: builds the module or returns the function; called afresh in each test.
        samples: inputs of ordinary size; the first one is small enough for numerical gradients.
        oracles: at least one, and at least one of them with every argument at a non-neutral value.
        hard: inputs with large mean, zeros, extreme logits: float32 must stay finite and near the float64 oracle.
        degenerate: empty batch, length one, and whatever else is defined but unusual.
        bad: calls that must fail with a clear error.
        training: the mode in which a module is compared.
        tolerance: exceptions from ``TOLERANCE``, each with its reason beside it.
        hard_tolerance: for ``hard`` in float32.
        dtypes: floating types the method supports.
        gradcheck: 0 none (state the reason where you set it), 1 gradients, 2 gradients of gradients too.
        layouts: whether non-contiguous and channels-last inputs make sense.
        compiles: whether ``torch.compile(fullgraph=True)`` must work; a string is the reason why it cannot.
        exports: the same for ``torch.export``.
        seeded: the method draws random numbers from the global generator in this configuration.
        aliases: the result may be the argument itself, as the identity's is.
    """

    method: str
    name: str
    make: Callable[[], nn.Module | Callable[..., Any]]
    samples: Callable[[], Sequence[Sample]]
    oracles: tuple[Oracle, ...]
    hard: Callable[[], Sequence[Sample]] = tuple
    degenerate: Callable[[], Sequence[Sample]] = tuple
    bad: tuple[Bad, ...] = ()
    training: bool = True
    tolerance: Mapping[torch.dtype, float] = field(default_factory=dict)
    hard_tolerance: float = 1e-4
    dtypes: tuple[torch.dtype, ...] = (torch.float64, torch.float32, torch.bfloat16)
    gradcheck: int = 1
    layouts: bool = True
    compiles: bool | str = True
    exports: bool | str = True
    seeded: bool = False
    aliases: bool = False

    def allowed(self, dtype: torch.dtype) -> float:
        return self.tolerance.get(dtype, TOLERANCE[dtype])


@dataclass(frozen=True)
class OptimizerCase:
    """One configuration of an optimizer.

    Args:
        make: builds the optimizer from parameters or parameter groups.
        oracle: the same from an independent implementation; its trajectory must be equal.
        bad: constructor calls that must fail.
        tolerance: as in :class:`Case`, for the parameters after the last step.
        dtypes: floating types the optimizer supports.
        compiles: whether a step works under ``torch.compile``; a string is the reason why it does not.
    """

    method: str
    name: str
    make: Callable[[Any], torch.optim.Optimizer]
    oracle_name: str
    oracle: Callable[[Any], Any]
    bad: tuple[Bad, ...] = ()
    tolerance: Mapping[torch.dtype, float] = field(default_factory=dict)
    dtypes: tuple[torch.dtype, ...] = (torch.float64, torch.float32, torch.bfloat16)
    compiles: bool | str = True

    def allowed(self, dtype: torch.dtype) -> float:
        return self.tolerance.get(dtype, TOLERANCE[dtype])


def rand(*shape: int, seed: int, low: float = -1.0, high: float = 1.0) -> Tensor:
    """Uniform float64 numbers that depend only on the seed and the shape."""
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * (high - low) + low


def randn(*shape: int, seed: int) -> Tensor:
    """Standard normal float64 numbers that depend only on the seed and the shape."""
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def randomize(module: nn.Module, seed: int = 0, scale: float = 1.0) -> nn.Module:
    """Make the module float64 and move every parameter and floating buffer away from its neutral value.

    Parameters become distinct numbers of magnitude 0.3 to 1 (times ``scale``) with mixed signs, so that
    an ignored or swapped parameter changes the result. Buffers are taken positive: they are often variances.
    """
    module = module.double()
    learned = dict(module.named_parameters())
    state = learned | dict(module.named_buffers())
    for i, (name, value) in enumerate(sorted(state.items())):
        if value is None or not value.is_floating_point():
            continue
        magnitude = rand(*value.shape, seed=seed + 7919 * i, low=0.3) * scale
        negative = rand(*value.shape, seed=seed + 104729 * i) < 0
        with torch.no_grad():
            value.copy_(torch.where(negative, -magnitude, magnitude) if name in learned else magnitude)
    return module


def function(f: Callable[..., Any], **fixed: Any) -> Callable[[], Callable[..., Any]]:
    """A ``make`` for a plain function with some arguments fixed."""
    return partial(partial, f, **fixed) if fixed else lambda: f


def is_finite(value: Any) -> bool:
    """Whether every number of a tensor, or of a tuple of tensors, is finite."""
    values = value if isinstance(value, (tuple, list)) else (value,)
    return all(bool(torch.isfinite(v).all()) if isinstance(v, Tensor) else math.isfinite(v) for v in values if v is not None)
