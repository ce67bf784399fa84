"""Lint of the catalog: every rule runs, every problem is reported in one pass."""

from __future__ import annotations

from pathlib import Path

from dlatlas.catalog.lint import (  # noqa: F401  (each registers its rules)
    addresses,
    glossary,
    graph,
    identity,
    ignored,
    ours,
    proof,
    reading,
    tex,
    wording,
)
from dlatlas.catalog.lint.registry import RULES, Rule
from dlatlas.catalog.load import Problem, read

__all__ = ["RULES", "Rule", "lint"]


def lint(root: Path) -> list[Problem]:
    """Every problem of the catalog under ``root``, sorted by file and line; warnings included."""
    loaded = read(root)
    return sorted({*loaded.problems, *(problem for rule in RULES.values() for problem in rule.run(loaded))})
