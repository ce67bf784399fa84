"""Collect the cases of all methods from the ``cases_*.py`` files."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from tests.refimpl.harness.case import Case, OptimizerCase

HERE = Path(__file__).resolve().parents[1]


@cache
def all_cases() -> tuple[tuple[str, Case | OptimizerCase], ...]:
    """Every case with the name of the module it checks, such as ``refimpl.training.batch_norm``."""
    found = []
    for path in sorted(HERE.glob("*/cases_*.py")):
        area, name = path.parent.name, path.stem.removeprefix("cases_")
        table = importlib.import_module(f"tests.refimpl.{area}.cases_{name}").CASES
        found += [(f"refimpl.{area}.{name}", case) for case in table]
    return tuple(found)
