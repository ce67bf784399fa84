"""Compute what the site's figures show and store it, keyed by the code that made it.

A figure is a module of ``refimpl.figures`` with ``data()``; its name is the module's with dashes. The result is stored in
``evidence/figures/<name>.json``. Reading and judging stored results runs nothing and needs no PyTorch.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from dlatlas.evidence.checkout import import_from
from dlatlas.evidence.environment import describe_environment
from dlatlas.evidence.store import EvidenceError, code_hash
from dlatlas.files import write_atomically

PACKAGE = "refimpl.figures"
HELPERS = ("plain",)
"""Modules of the package that are no figures."""

State = Literal["fresh", "stale", "missing"]


class UnknownFigure(ValueError):
    """There is no figure of this name."""


class FigureData(msgspec.Struct, frozen=True, kw_only=True):
    """The stored data of a figure, with what made it."""

    code: str
    command: str
    environment: dict[str, str]
    seconds: float
    data: dict[str, Any]

    @property
    def date(self) -> str:
        return self.environment["date"]


def names(root: Path) -> list[str]:
    """Every figure that the checkout can compute."""
    files = (root / PACKAGE.replace(".", "/")).glob("[a-z]*.py")
    return sorted(file.stem.replace("_", "-") for file in files if file.stem not in HELPERS)


def module_of(name: str) -> str:
    """The module that computes a figure."""
    return f"{PACKAGE}.{name.replace('-', '_')}"


def path_of(root: Path, name: str) -> Path:
    """Where a figure's data is stored."""
    return root / "evidence" / "figures" / f"{name}.json"


def read(root: Path, name: str) -> FigureData | None:
    """The stored data of a figure, or None where there is none.

    Raises:
        EvidenceError: the file cannot be read.
    """
    path = path_of(root, name)
    try:
        return msgspec.json.decode(path.read_bytes(), type=FigureData)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{path.relative_to(root).as_posix()} cannot be read: {error}") from error


def state(root: Path, name: str) -> State:
    """Whether the stored data was made with today's code; an installed package holds no code to compare it with."""
    stored = read(root, name)
    if stored is None:
        return "missing"
    released = not (root / "refimpl").is_dir()
    return "fresh" if released or stored.code == code_hash(root, module_of(name)) else "stale"


def run(root: Path, wanted: Sequence[str] = ()) -> None:
    """Compute and store the figures ``wanted``, or those that are missing or stale where none is named.

    Raises:
        UnknownFigure: there is no such figure.
        CheckoutError: the root is not a checkout with the code.
        KeyboardInterrupt: the figures that were finished are stored; the same command goes on from there.
    """
    known = names(root)
    if unknown := [name for name in wanted if name not in known]:
        raise UnknownFigure(f"no figure {', '.join(unknown)}; expected one of {', '.join(known) or 'none: there is no ' + PACKAGE}")
    chosen = list(wanted) or [name for name in known if state(root, name) != "fresh"]
    for count, name in enumerate(chosen, 1):
        _say(f"{name} ({count} of {len(chosen)}) …")
        result = _compute(root, name)
        write_atomically(
            path_of(root, name), json.dumps(msgspec.to_builtins(result), sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
        )
        _say(f"  wrote {path_of(root, name).relative_to(root).as_posix()} in {result.seconds} s")
    if not chosen:
        _say("every figure is fresh")


def _compute(root: Path, name: str) -> FigureData:
    module = module_of(name)
    compute: Callable[[], dict[str, Any]] = import_from(root, module).data
    code, start = code_hash(root, module), time.perf_counter()
    data = compute()
    return FigureData(
        code=code,
        command=f"dlatlas figures run {name}",
        environment=describe_environment(),
        seconds=round(time.perf_counter() - start, 1),
        data=data,
    )


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
