"""Time the reference implementations against PyTorch's own and the nearest published ones.

The settings stand in ``tests/refimpl/<area>/bench_<module>.py``; the rows are kept in
``evidence/bench.json``, one for each setting, opponent, device and mode:

    eager           neither is compiled
    compiled        ours under ``torch.compile``, theirs as it is
    both compiled   both under ``torch.compile``

``forward_ratio`` is ours / theirs of a call without gradients, ``backward_ratio`` of a call with its
backward pass, for an optimizer nothing; ``spread`` (10th to 90th percentile), ``ours_ms`` and
``theirs_ms`` belong to the latter where there is one. Below 1, ours is faster.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dlatlas.evidence.checkout import import_from
from dlatlas.evidence.environment import describe_environment
from dlatlas.evidence.store import code_hash, write_json
from dlatlas.evidence.timing import Action, Comparison, compare

if TYPE_CHECKING:
    from tests.refimpl.harness.bench import Bench, Made

EAGER, COMPILED, BOTH = "eager", "compiled", "both compiled"


class BenchError(ValueError):
    """A benchmark is missing, or its two sides do not compute the same."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison; see the module's docstring. ``code`` is the hash of ``module``, the one timed."""

    method: str
    module: str
    case: str
    device: str
    dtype: str
    threads: int
    against: str
    mode: str
    forward_ratio: float
    backward_ratio: float | None
    spread: tuple[float, float]
    ours_ms: float
    theirs_ms: float
    date: str
    code: str

    @property
    def key(self) -> tuple[str, ...]:
        return self.method, self.case, self.device, self.dtype, self.against, self.mode


def run(root: Path, methods: Sequence[str] = (), *, device: str = "cpu", out: Path | None = None, changed: bool = False) -> list[Row]:
    """Time the methods (all that have benchmarks where none is given), keep the rows of each setting as soon as they are there, print all.

    Args:
        root: the checkout.
        device: ``cpu`` or ``cuda``.
        out: where rows are merged into; ``evidence/bench.json`` by default.
        changed: leave out the settings that were timed on this device with today's code; a run that was stopped goes on there.

    Raises:
        BenchError: a method has no benchmark, or two sides return different shapes.
    """
    found = benches(root)
    known = {bench.method for _, bench in found}
    if unknown := [method for method in methods if method not in known]:
        raise BenchError(f"no benchmark of {', '.join(unknown)}; expected some of {', '.join(sorted(known)) or 'none: there are none'}")
    chosen = [(module, bench) for module, bench in found if not methods or bench.method in methods]
    store = _Store(out or root / "evidence" / "bench.json", [bench for _, bench in chosen], device)
    if changed:
        chosen = [(module, bench) for module, bench in chosen if not store.is_current(bench, code_hash(root, module))]
    rows: list[Row] = []
    for number, (module, bench) in enumerate(chosen, 1):
        print(f"{bench.method}: {bench.name} ({number} of {len(chosen)})", file=sys.stderr, flush=True)
        timed = []
        for row in _rows(bench, module, device, store.environment, code_hash(root, module)):
            timed.append(row)
            print(f"  {row.mode} against {row.against}: {_ratios(row)}", file=sys.stderr, flush=True)
        store.add(timed)
        rows += timed
    show(rows)
    return rows


def benches(root: Path) -> list[tuple[str, Bench]]:
    """Every benchmark of the checkout with the module it times."""
    found = []
    for path in sorted((root / "tests" / "refimpl").glob("*/bench_*.py")):
        area, name = path.parent.name, path.stem.removeprefix("bench_")
        found += [(f"refimpl.{area}.{name}", bench) for bench in import_from(root, f"tests.refimpl.{area}.{path.stem}").BENCHES]
    return found


def show(rows: Sequence[Row]) -> None:
    """Print the rows as a table, ours / theirs."""
    from dlatlas.cli.output import print_table

    headers = ("method", "case", "against", "mode", "forward", "with backward", "10-90 %", "ours ms", "theirs ms")
    print_table(headers, (_cells(row) for row in rows), wide="case")


def _cells(row: Row) -> tuple[str, ...]:
    backward = "" if row.backward_ratio is None else f"{row.backward_ratio:.2f}"
    spread = f"{row.spread[0]:.2f}-{row.spread[1]:.2f}"
    return (
        row.method,
        row.case,
        row.against,
        row.mode,
        f"{row.forward_ratio:.2f}",
        backward,
        spread,
        f"{row.ours_ms:.3g}",
        f"{row.theirs_ms:.3g}",
    )


def _ratios(row: Row) -> str:
    backward = "" if row.backward_ratio is None else f", with backward {row.backward_ratio:.2f}"
    return f"forward {row.forward_ratio:.2f}{backward} ({row.spread[0]:.2f} to {row.spread[1]:.2f})"


class _Store:
    """The stored rows; those of the timed methods and device that are no longer defined are dropped."""

    def __init__(self, path: Path, benches: Sequence[Bench], device: str) -> None:
        self.path = path
        self.environment = describe_environment(device)
        old = json.loads(path.read_text("utf-8")) if path.is_file() else {"environment": {}, "rows": []}
        self.environments: dict[str, str] = {**old["environment"], self.environment["device"]: _summary(self.environment)}
        defined = {(bench.method, bench.name, name) for bench in benches for name in bench.theirs}
        timed = {bench.method for bench in benches}
        rows = msgspec.convert(old["rows"], list[Row])
        self.rows = {
            row.key: row
            for row in rows
            if row.method not in timed or row.device != self.environment["device"] or (row.method, row.case, row.against) in defined
        }

    def is_current(self, bench: Bench, code: str) -> bool:
        """Whether the setting has rows, all of them made with ``code``."""
        setting = (bench.method, bench.name, self.environment["device"])
        found = {row.code for row in self.rows.values() if (row.method, row.case, row.device) == setting}
        return found == {code}

    def add(self, timed: Sequence[Row]) -> None:
        """Put rows in the place of all that the same settings had against the same opponents."""
        again = {row.key[:-1] for row in timed}
        kept = {key: row for key, row in self.rows.items() if key[:-1] not in again}
        self.rows = kept | {row.key: row for row in timed}
        rows = [self.rows[key] for key in sorted(self.rows)]
        write_json(self.path, {"environment": self.environments, "rows": rows})


def _summary(environment: dict[str, str]) -> str:
    """One line about a device: processor, versions and date."""
    processor = f"{_processor()}, {os.cpu_count()} cores" if environment["device"] == "cpu" else environment["device"]
    return f"{processor}, Python {environment['python']}, torch {environment['torch']}, {environment['date']}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor() or platform.machine()
    )


def _rows(bench: Bench, module: str, device: str, environment: dict[str, str], code: str) -> Iterator[Row]:
    import torch

    with _threads(bench.threads):
        torch._dynamo.reset()
        ours = _Side(bench.ours(), bench, device)
        ours_compiled = ours.compile() if bench.compiled else None
        for name, make in bench.theirs.items():
            made = make()
            if made is None:
                print(f"  {name} is not installed: left out", file=sys.stderr)
                continue
            theirs = _Side(made, bench, device)
            _same_shapes(bench, name, ours, theirs)
            sides = [(EAGER, ours, theirs)]
            if ours_compiled is not None:
                sides.append((COMPILED, ours_compiled, theirs))
                if (theirs_compiled := _compiled(name, theirs)) is not None:
                    sides.append((BOTH, ours_compiled, theirs_compiled))
            for mode, a, b in sides:
                forward = compare(a.forward, b.forward, synchronize=a.synchronize)
                backward = compare(a.backward, b.backward, synchronize=a.synchronize) if a.differentiated else None
                main: Comparison = backward or forward
                yield Row(
                    method=bench.method,
                    module=module,
                    case=bench.name,
                    device=environment["device"],
                    dtype=str(bench.dtype).removeprefix("torch."),
                    threads=torch.get_num_threads(),
                    against=name,
                    mode=mode,
                    forward_ratio=round(forward.ratio, 4),
                    backward_ratio=None if backward is None else round(backward.ratio, 4),
                    spread=(round(main.low, 4), round(main.high, 4)),
                    ours_ms=_milliseconds(main.a),
                    theirs_ms=_milliseconds(main.b),
                    date=environment["date"],
                    code=code,
                )


def _compiled(name: str, side: _Side) -> _Side | None:
    """An opponent under ``torch.compile``, or None, with a line that says why, where it cannot be."""
    made = side.compile()
    try:
        (made.backward if made.differentiated else made.forward)()
    except RuntimeError as error:
        print(f"  {name} does not compile: {str(error).splitlines()[0]}", file=sys.stderr)
        return None
    return made


def _milliseconds(seconds: float) -> float:
    return float(f"{seconds * 1e3:.4g}")


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Side:
    """One implementation on the device with its own copy of the sample; ``forward`` and ``backward`` are what is timed."""

    def __init__(self, made: Made, bench: Bench, device: str, call: Callable[..., Any] | None = None) -> None:
        import torch

        self.made, self.bench, self.device = made, bench, device
        self.steps = isinstance(made, torch.optim.Optimizer)
        self.differentiated = bench.backward and not self.steps
        self.synchronize: Action | None = torch.cuda.synchronize if device.startswith("cuda") else None
        self.args = () if self.steps else _moved(bench.sample(), bench.dtype, device)
        leaves = [a for a in self.args if isinstance(a, torch.Tensor) and a.is_floating_point()]
        if isinstance(made, torch.nn.Module):
            made.to(device, bench.dtype).train()
            leaves += [p for p in made.parameters() if p.requires_grad]
        elif isinstance(made, torch.optim.Optimizer):
            _move_parameters(made, bench.dtype, device)
        self.leaves = leaves
        self.call = call if call is not None else made.step if isinstance(made, torch.optim.Optimizer) else made
        self._directions: list[Any] | None = None

    def compile(self) -> _Side:
        """The same under ``torch.compile``, with inputs of its own."""
        import torch

        return _Side(self.made, self.bench, self.device, torch.compile(self.call, dynamic=False))

    def forward(self) -> Any:
        import torch

        if self.steps:
            return self.call()
        with torch.no_grad():
            return self.call(*self.args)

    def backward(self) -> Any:
        """A call and its gradients by every floating argument and parameter, along a fixed direction."""
        import torch

        for leaf in self.leaves:
            leaf.requires_grad_()
        outputs = [o for o in floats(self.call(*self.args)) if o.requires_grad]
        if self._directions is None:
            self._directions = [torch.randn_like(o) for o in outputs]
        return torch.autograd.grad(outputs, self.leaves, self._directions, allow_unused=True)


def floats(value: Any) -> list[Any]:
    """The floating tensors in a nested value, in order."""
    import torch

    return [v for v in torch.utils._pytree.tree_leaves(value) if isinstance(v, torch.Tensor) and v.is_floating_point()]


def _same_shapes(bench: Bench, name: str, ours: _Side, theirs: _Side) -> None:
    if ours.steps or theirs.steps:
        if ours.steps != theirs.steps:
            raise BenchError(f"{bench.method}, {bench.name}: only one of ours and {name} is an optimizer")
        return
    a, b = ([tuple(o.shape) for o in floats(side.forward())] for side in (ours, theirs))
    if a != b:
        raise BenchError(f"{bench.method}, {bench.name}: ours returns shapes {a}, {name} {b}; wrap one so that both do the same work")


def _moved(values: Any, dtype: Any, device: str) -> Any:
    import torch

    def move(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        return value.to(device, dtype if value.is_floating_point() else value.dtype, copy=True)

    return torch.utils._pytree.tree_map(move, values)


def _move_parameters(optimizer: Any, dtype: Any, device: str) -> None:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            gradient, parameter.grad = parameter.grad, None
            parameter.data = parameter.data.to(device, dtype)
            parameter.grad = gradient.to(device, dtype)
