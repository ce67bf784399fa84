"""The registry of lint rules: each is one small function from what was read to its findings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from dlatlas.catalog.load import Loaded, Problem

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """What a rule found: the record by kind and id, the message, and the path of the value inside the record.

    Kind ``file`` stands for a file that holds no records; its id is the path.
    ``fixed`` is the text that would put the value right, where that is safe.
    """

    kind: str
    id: str
    message: str
    below: tuple[str | int, ...] = ()
    fixed: str | None = None


Check = Callable[[Loaded], Iterable[Finding]]


@dataclass(frozen=True)
class Rule:
    """A rule with its explanation; ``check`` is None where the loader itself reports it."""

    id: str
    severity: Severity
    explanation: str
    check: Check | None = None
    fixes: bool = False  # whether some findings say what is right

    def run(self, loaded: Loaded) -> list[Problem]:
        if self.check is None:
            return []
        return [self._problem(loaded, finding) for finding in self.check(loaded)]

    def _problem(self, loaded: Loaded, found: Finding) -> Problem:
        if found.kind == "file":
            return Problem(found.id, 1, PurePosixPath(found.id).stem, found.message, self.id, self.severity)
        return loaded.report(found.kind, found.id, self.id, found.message, *found.below, severity=self.severity)


RULES: dict[str, Rule] = {}


def rule(id: str, severity: Severity = "error", *, fixes: bool = False) -> Callable[[Check], Check]:
    """Register a function as the rule ``id``; its docstring is the explanation."""

    def register(check: Check) -> Check:
        _add(Rule(id, severity, inspect.getdoc(check) or "", check, fixes))
        return check

    return register


def loader_rule(id: str, explanation: str) -> None:
    """Register a rule that the loader reports while reading."""
    _add(Rule(id, "error", explanation))


def _add(rule: Rule) -> None:
    if rule.id in RULES:
        raise ValueError(f"lint rule {rule.id!r} is registered twice")
    if not rule.explanation:
        raise ValueError(f"lint rule {rule.id!r} has no explanation: write a docstring")
    RULES[rule.id] = rule
