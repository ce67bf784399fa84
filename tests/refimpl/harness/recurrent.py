"""What the cases of recurrent stacks with one state share: PyTorch's functions called with a state dict, and stacks in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.refimpl.harness.case import Bad, Case, Oracle, Sample, randn, randomize
from tests.refimpl.harness.compare import error

LONG = randn(17, 5, 3, seed=2)
X = randn(4, 2, 3, seed=1)


def called(function: Callable[..., Any], options: dict[str, Any], p: dict[str, Tensor], x: Tensor, h0: Tensor | None = None):
    """``torch.rnn_tanh``, ``torch.rnn_relu`` or ``torch.gru`` with the parameters of a stack."""
    layers, ways = options.get("num_layers", 1), 2 if options.get("bidirectional") else 1
    first, bias, dropout = options.get("batch_first", False), options.get("bias", True), options.get("dropout", 0.0)
    alone = x.dim() == 2
    if alone:
        x, h0 = x.unsqueeze(0 if first else 1), h0 if h0 is None else h0.unsqueeze(1)
    if h0 is None:
        h0 = x.new_zeros(layers * ways, x.shape[0 if first else 1], p["weight_hh_l0"].shape[1])
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if bias else 2]
    flat = [p[f"{kind}_l{k}{way}"] for k in range(layers) for way in ("", "_reverse")[:ways] for kind in kinds]
    y, h = function(x, h0, flat, bias, layers, dropout, dropout > 0, ways == 2, first)
    return (y.squeeze(0 if first else 1), h.squeeze(1)) if alone else (y, h)


def in_numpy(one_sequence: Callable[..., np.ndarray], options: dict[str, Any], p: dict[str, np.ndarray], x: np.ndarray, h0=None):
    """Layers and directions one after the other; ``one_sequence(x, h, parameters) -> (T, H)`` runs one of them for one example."""
    if x.ndim == 2:
        y, h = in_numpy(one_sequence, options | {"batch_first": True}, p, x[None], None if h0 is None else h0[:, None])
        return y[0], h[:, 0]
    examples = x if options.get("batch_first") else x.swapaxes(0, 1)
    ways = ("", "_reverse") if options.get("bidirectional") else ("",)
    hidden, layers = p["weight_hh_l0"].shape[1], options.get("num_layers", 1)
    last, results = np.zeros((layers * len(ways), len(examples), hidden)), []
    for b, sequence in enumerate(examples):
        for layer in range(layers):
            found = []
            for j, way in enumerate(ways):
                k, ending = layer * len(ways) + j, f"_l{layer}{way}"
                order = slice(None, None, -1 if way else 1)
                own = {name.removesuffix(ending): value for name, value in p.items() if name.endswith(ending)}
                h = one_sequence(sequence[order], np.zeros(hidden) if h0 is None else h0[k, b], own)
                found.append(h[order])
                last[k, b] = h[-1]
            sequence = np.concatenate(found, 1)
        results.append(sequence)
    y = np.array(results)
    return y if options.get("batch_first") else y.swapaxes(0, 1), last


def by_steps(step: Callable[..., Tensor], options: dict[str, Any], p: dict[str, Tensor], x: Tensor, h0: Tensor | None = None):
    """The same stack for a ``step(x_t, h, parameters) -> h`` out of single operations, to be differentiated by autograd."""
    if x.dim() == 2:
        y, h = by_steps(step, options | {"batch_first": False}, p, x.unsqueeze(1), h0 if h0 is None else h0.unsqueeze(1))
        return y.squeeze(1), h.squeeze(1)
    x = x.transpose(0, 1) if options.get("batch_first") else x
    ways, finals = ("", "_reverse") if options.get("bidirectional") else ("",), []
    for layer in range(options.get("num_layers", 1)):
        if layer:
            x = torch.nn.functional.dropout(x, options.get("dropout", 0.0))
        both = []
        for way in ways:
            own = {name.removesuffix(f"_l{layer}{way}"): value for name, value in p.items() if name.endswith(f"_l{layer}{way}")}
            h = x.new_zeros(x.shape[1], p["weight_hh_l0"].shape[1]) if h0 is None else h0[len(finals)]
            states = []
            for row in x.flip(0) if way else x:
                h = step(row, h, own)
                states.append(h)
            both.append(torch.stack(states[::-1] if way else states))
            finals.append(h)
        x = torch.cat(both, 2)
    return x.transpose(0, 1) if options.get("batch_first") else x, torch.stack(finals)


def stack_cases(
    method: str,
    cls: type,
    torch_oracle: Callable[[dict[str, Any]], Oracle],
    one_sequence: Callable[..., np.ndarray],
    bad: tuple[Bad, ...] = (),
    tolerance: dict[torch.dtype, float] | None = None,
) -> list[Case]:
    """The usual configurations of a stack, each against an oracle in torch, made from its options, and the equations in NumPy."""

    def case(name: str, *samples: Sample, sizes=(3, 4), numpy=True, more=None, **options) -> Case:
        oracles = [torch_oracle(options)]
        if numpy:
            oracles.append(Oracle("the equations in NumPy, one example at a time", partial(in_numpy, one_sequence, options), "numpy"))
        return Case(
            method,
            name,
            lambda: randomize(cls(*sizes, **options)),
            lambda: samples,
            tuple(oracles),
            dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
            tolerance=tolerance or {},
            **(more or {}),
        )

    both = {"num_layers": 2, "batch_first": True, "bidirectional": True}
    return [
        case(
            "one layer",
            Sample((X, randn(1, 2, 4, seed=10)), name="initial state"),
            Sample((LONG,)),
            Sample((X[:, 0], randn(1, 4, seed=11)), name="no batch, initial state"),
            more={
                "gradcheck": 2,
                "bad": (*shared_refusals(cls), *bad),
                "degenerate": lambda: [Sample((X[:1],), name="one step"), Sample((X[:, :1],), name="one example")],
                "hard": lambda: [Sample((X * 0,), name="all zero"), Sample((X * 10,), name="nearly saturated")],
            },
        ),
        case("two layers, both directions, batch first", Sample((randn(2, 3, 3, seed=20), randn(4, 2, 2, seed=21))), sizes=(3, 2), **both),
        case("no bias", Sample((X,)), sizes=(3, 5), bias=False),
        case("three layers with dropout", Sample((X,)), numpy=False, num_layers=3, dropout=0.4, more={"seeded": True}),
    ]


def shared_refusals(cls: type) -> tuple[Bad, ...]:
    """What every stack with one state refuses by way of its base."""
    name = cls.__name__
    return (
        Bad(lambda: cls(0, 4), rf"^{name}: input_size must be positive, got 0$"),
        Bad(lambda: cls(3, 4, dropout=1.5), rf"^{name}: dropout must lie in \[0, 1\], got 1.5$"),
        Bad(lambda: cls(3, 4)(torch.zeros(5, 2, 4)), rf"^{name}: input must be \(T, B, D\) or \(T, D\) with D = 3, got shape \(5, 2, 4\)$"),
        Bad(lambda: cls(3, 4)(torch.zeros(0, 2, 3)), rf"^{name}: input must have at least one time step, got shape \(0, 2, 3\)$"),
        Bad(lambda: cls(3, 4)(torch.zeros(5, 2, 3), torch.zeros(1, 1, 4)), rf"^{name}: each initial state must be .* of shape \(1, 2, 4\)"),
    )


def check_no_future(cls: type) -> None:
    """The output at a step does not depend on later inputs."""
    x = LONG.clone().requires_grad_()
    y, _ = randomize(cls(3, 4, num_layers=2))(x)
    (slope,) = torch.autograd.grad(y[6].sum(), x)
    assert slope[7:].abs().max() == 0 < slope[6].abs().min()


def gap_between_backwards(layer: Callable[..., Tensor], arguments: list[Tensor], *options: Any) -> float:
    """Between the derived backward and the differentiable one that takes its place where second derivatives are wanted."""
    y = layer(*arguments, *options)
    loss = (y * (1 + y)).sum()
    derived = torch.autograd.grad(loss, arguments, retain_graph=True)
    stepwise = torch.autograd.grad(loss, arguments, create_graph=True)
    return max(error(a, b) for a, b in zip(derived, stepwise, strict=True))


def check_loop_runs_again_for_second_derivatives_alone(monkeypatch: Any, module: Any, loop: str, cls: type) -> None:
    calls, original = [], getattr(module, loop)
    monkeypatch.setattr(module, loop, lambda *a: calls.append(1) or original(*a))
    x = LONG.clone().requires_grad_()
    y = randomize(cls(3, 4))(x)[0].sum()
    torch.autograd.grad(y, x, retain_graph=True)
    assert len(calls) == 1
    torch.autograd.grad(y, x, create_graph=True)
    assert len(calls) == 2


def check_nothing_is_kept_without_gradients(monkeypatch: Any, module: Any, cls: type) -> None:
    model = randomize(cls(3, 4))
    expected = model(LONG)[0]
    monkeypatch.setattr(module, "_Recurrence", None)
    with torch.no_grad():
        assert torch.equal(model(LONG)[0], expected)


def check_half_runs_in_float32(layer: Callable[..., Tensor], rows: int, dtype: torch.dtype) -> None:
    low = [v.to(dtype) for v in (randn(40, 2, 3 * rows, seed=1), randn(2, 3, seed=2), randn(3 * rows, 3, seed=3))]
    ours, expected = layer(*low), layer(*(v.float() for v in low))
    assert ours.dtype == dtype and torch.equal(ours, expected.to(dtype))
