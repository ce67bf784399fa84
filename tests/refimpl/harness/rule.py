"""What the cases and tests of the optimizers share: a case an oracle, refused hyperparameters, walks along given gradients."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from tests.refimpl.harness.case import Bad, OptimizerCase
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.numpy_optimizer import NumpyOptimizer

FRACTION, POSITIVE = "in [0, 1)", "non-negative"
GRADIENTS = [torch.tensor([0.3 * t - 1, torch.pi / (t + 1), (-1.0) ** t], dtype=torch.float64) for t in range(9)]
ROUNDED = {torch.bfloat16: 6e-2}
"""25 roundings of the parameters themselves to 8 bits."""


def cases(
    method: str,
    name: str,
    ours: type,
    theirs: type | None,
    equations: Callable[..., Any],
    bad: Sequence[Bad] = (),
    *,
    half: bool = True,
    **hyper: Any,
) -> list[OptimizerCase]:
    """One configuration against an optimizer of PyTorch, where there is one, and against the paper's update in NumPy.

    Climbing a quartic amplifies the rounding of 8 bits without bound, so that a maximizing case leaves bfloat16 out;
    so does a case with ``half=False`` (say why).
    """
    dtypes = (torch.float64, torch.float32, *([torch.bfloat16] if half and not hyper.get("maximize") else []))
    numpy = {k: v for k, v in hyper.items() if k != "maximize"}
    oracles = [
        ("the paper's update in NumPy", lambda p: NumpyOptimizer(p, equations, maximize=hyper.get("maximize", False), **numpy)),
        *([(f"torch.optim.{theirs.__name__}", lambda p: theirs(p, **hyper))] if theirs else []),
    ]
    return [
        OptimizerCase(
            method,
            name if i == 0 else f"{name}, as in PyTorch",
            lambda p: ours(p, **hyper),
            oracle_name,
            oracle,
            bad=tuple(bad) if i == 0 else (),
            tolerance=ROUNDED,
            dtypes=dtypes,
        )
        for i, (oracle_name, oracle) in enumerate(oracles)
    ]


def refused(cls: type, **wrong: tuple[Any, str]) -> tuple[Bad, ...]:
    """Constructor calls that must fail: hyperparameter=(a value out of range, what the message says was expected)."""
    p = [torch.zeros(2, requires_grad=True)]
    return tuple(
        Bad(lambda name=name, value=value: cls(p, **{name: value}), rf"^{cls.__name__}: {name} must be {re.escape(expected)}, got {value}$")
        for name, (value, expected) in wrong.items()
    )


def walk(optimizer_class: Callable[..., Any], gradients: Iterable[Tensor] = GRADIENTS, **options: Any) -> tuple[Tensor, Any]:
    """Where three float64 parameters get along given gradients, and the optimizer that moved them."""
    point = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_class([point], **options)
    for g in gradients:
        point.grad = g.clone()
        optimizer.step()
    return point.detach(), optimizer


def check_defaults(ours: type, theirs: type, exact: float = 1e-13) -> None:
    """Both have the same defaults and the same path with them."""
    (mine, my_optimizer), (torchs, torch_optimizer) = walk(ours), walk(theirs)
    assert error(mine, torchs) < exact
    shared = my_optimizer.defaults.keys() & torch_optimizer.defaults.keys()
    assert {"lr", "weight_decay", "maximize"} <= shared
    assert {n: my_optimizer.defaults[n] for n in shared} == {n: torch_optimizer.defaults[n] for n in shared}


def check_state(ours: type, theirs: type, **options: Any) -> None:
    """Both keep the same state under the same names."""
    mine, torchs = (next(iter(walk(c, **options)[1].state.values())) for c in (ours, theirs))
    assert mine.keys() == torchs.keys()
    assert all(error(torch.as_tensor(mine[k]).double(), torch.as_tensor(torchs[k]).double()) < 1e-7 for k in mine)
