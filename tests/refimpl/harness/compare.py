"""Run a case and its oracle on the same numbers and measure how far apart they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.refimpl.harness.case import Case, Oracle, Sample


def error(actual: Tensor, expected: Tensor) -> float:
    """Largest absolute difference, in units of the largest expected magnitude (absolute where all is zero).

    Infinities and NaN must stand in the same places; else the error is infinite.
    """
    actual, expected = actual.detach().cpu().double(), expected.detach().cpu().double()
    assert actual.shape == expected.shape, f"shape {tuple(actual.shape)}, expected {tuple(expected.shape)}"
    finite = torch.isfinite(expected)
    if not torch.equal(finite, torch.isfinite(actual)):
        return float("inf")
    odd = ~finite
    if not torch.equal(torch.nan_to_num(actual[odd], nan=7.0), torch.nan_to_num(expected[odd], nan=7.0)):
        return float("inf")
    if not finite.any():
        return 0.0
    actual, expected = actual[finite], expected[finite]
    scale = float(expected.abs().max())
    return float((actual - expected).abs().max()) / (scale if scale > 1e-300 else 1.0)


def cast(value: Any, dtype: torch.dtype, device: str) -> Any:
    """Floating tensors to ``dtype``, every tensor to ``device``, inside tuples, lists and mappings too."""
    if isinstance(value, Tensor):
        return value.to(device, dtype) if value.is_floating_point() else value.to(device)
    if isinstance(value, (tuple, list)):
        return type(value)(cast(v, dtype, device) for v in value)
    if isinstance(value, Mapping):
        return {k: cast(v, dtype, device) for k, v in value.items()}
    return value


def tensors(value: Any) -> list[Tensor]:
    """All tensors in a nested value, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = value.values()
    return [t for v in value for t in tensors(v)] if isinstance(value, (tuple, list, type({}.values()))) else []


def build(case: Case, dtype: torch.dtype, device: str) -> nn.Module | Callable[..., Any]:
    """The case's module in ``dtype`` on ``device`` and in its mode, or its function."""
    made = case.make()
    return made.to(device, dtype).train(case.training) if isinstance(made, nn.Module) else made


def state(made: Any) -> dict[str, Tensor]:
    """Copies of a module's parameters and buffers by name; empty for a function."""
    if not isinstance(made, nn.Module):
        return {}
    return {k: v.detach().clone() for k, v in (*made.named_parameters(), *made.named_buffers()) if v is not None}


def differentiable(values: Any) -> list[Tensor]:
    """The floating tensors of the arguments, made leaves that record gradients."""
    found = [t for t in tensors(values) if t.is_floating_point()]
    for t in found:
        t.requires_grad_()
    return found


def prepare(sample: Sample, dtype: torch.dtype, device: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Fresh copies of the sample's arguments."""
    copies = cast((sample.args, dict(sample.kwargs)), dtype, device)
    return torch.utils._pytree.tree_map(lambda v: v.clone() if isinstance(v, Tensor) else v, copies)


def outputs_of(value: Any) -> list[Tensor]:
    """The floating tensors a call returned."""
    return [t for t in tensors(value if isinstance(value, (tuple, list)) else (value,)) if t.is_floating_point()]


def cotangents(outputs: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """A random direction for each output, the same for method and oracle, rounded to ``dtype``."""
    generator = torch.Generator().manual_seed(20_021)
    return [torch.randn(t.shape, generator=generator, dtype=torch.float64).to(dtype) for t in outputs]


def errors(case: Case, oracle: Oracle, sample: Sample, dtype: torch.dtype, device: str) -> dict[str, float]:
    """Errors of the case in ``dtype`` against an oracle: "forward", and "gradients" where the oracle is differentiable."""
    if oracle.kind == "numpy":
        return {"forward": compare_with_numpy(case, oracle, sample, dtype, device)}
    forward, backward = compare_with_torch(case, oracle, sample, dtype, device)
    return {"forward": forward, "gradients": backward}


def compare_with_torch(case: Case, oracle: Oracle, sample: Sample, dtype: torch.dtype, device: str) -> tuple[float, float]:
    """Errors (forward, gradients) of the case in ``dtype`` against the oracle in float64 on the CPU.

    Both start from the same numbers: inputs and parameters are rounded to ``dtype`` first. Gradients
    are taken for every floating argument and every parameter, along the same random cotangent.
    """
    made = build(case, dtype, device)
    args, kwargs = prepare(sample, dtype, device)
    before = state(made)
    leaves = differentiable(args)
    names = [k for k, _ in made.named_parameters()] if isinstance(made, nn.Module) else []
    leaves += [p for _, p in made.named_parameters()] if names else []
    if case.seeded:
        torch.manual_seed(20_024)
    actual = outputs_of(made(*args, **kwargs))

    reference_args, reference_kwargs = cast((args, kwargs), torch.float64, "cpu")
    reference_args, reference_kwargs = torch.utils._pytree.tree_map(
        lambda v: v.detach().clone() if isinstance(v, Tensor) else v, (reference_args, reference_kwargs)
    )
    parameters = {k: v.detach().cpu().to(torch.float64 if v.is_floating_point() else v.dtype).clone() for k, v in before.items()}
    reference_leaves = differentiable(reference_args)
    reference_leaves += [parameters[k].requires_grad_() for k in names]
    if case.seeded:
        torch.manual_seed(20_024)
    expected = outputs_of(oracle.call(parameters, *reference_args, **reference_kwargs))
    assert len(actual) == len(expected), f"{len(actual)} outputs, the oracle has {len(expected)}"
    forward = max((error(a, e) for a, e in zip(actual, expected, strict=True)), default=0.0)

    directions = cotangents(expected, dtype)
    gradients = pull_back(actual, leaves, [d.to(device, a.dtype) for d, a in zip(directions, actual, strict=True)])
    reference = pull_back(expected, reference_leaves, [d.double() for d in directions])
    backward = max((error(a, e) for a, e in zip(gradients, reference, strict=True)), default=0.0)
    return forward, backward


def pull_back(outputs: list[Tensor], leaves: list[Tensor], directions: list[Tensor]) -> list[Tensor]:
    """Gradients of the leaves along the given directions of the outputs; zero where an output does not depend on a leaf."""
    wanted = [(o, d) for o, d in zip(outputs, directions, strict=True) if o.requires_grad]
    if not wanted:
        return []
    found = torch.autograd.grad([o for o, _ in wanted], leaves, [d for _, d in wanted], allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, found, strict=True)]


def compare_with_numpy(case: Case, oracle: Oracle, sample: Sample, dtype: torch.dtype, device: str) -> float:
    """Forward error of the case in ``dtype`` against a NumPy oracle in float64."""
    made = build(case, dtype, device)
    args, kwargs = prepare(sample, dtype, device)
    parameters = {k: _array(v) for k, v in state(made).items()}
    if case.seeded:
        torch.manual_seed(20_024)
    with torch.no_grad():
        actual = outputs_of(made(*args, **kwargs))
    arrays, named = torch.utils._pytree.tree_map(lambda v: _array(v) if isinstance(v, Tensor) else v, (args, kwargs))
    expected = oracle.call(parameters, *arrays, **named)
    expected = [torch.as_tensor(np.asarray(e)) for e in (expected if isinstance(expected, (tuple, list)) else (expected,)) if e is not None]
    assert len(actual) == len(expected), f"{len(actual)} outputs, the oracle has {len(expected)}"
    return max((error(a, e) for a, e in zip(actual, expected, strict=True)), default=0.0)


def _array(value: Tensor) -> np.ndarray:
    value = value.detach().cpu()
    return value.double().numpy() if value.is_floating_point() else value.numpy()


def describe(sample: Sample) -> str:
    """Shapes of the sample's tensors, for the evidence."""
    return " ".join(str(tuple(t.shape)).replace(" ", "") for t in tensors((sample.args, dict(sample.kwargs))))
