"""Rules on code, tests and evidence: what a page calls implemented or checked must exist and be fresh.

Modules and tests are read with ``ast``; nothing is imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import msgspec

from dlatlas.catalog.lint.registry import Finding, rule
from dlatlas.catalog.load import Loaded
from dlatlas.evidence.store import Evidence, module_path


def _is_checkout(root: Path) -> bool:
    """Whether code and tests stand beside the catalog; the installed package carries the catalog alone."""
    return (root / "refimpl").is_dir() or (root / "tests").is_dir()


@rule("missing-object")
def missing_object(loaded: Loaded) -> Iterable[Finding]:
    """A method's `object` or a claim's `experiment` names a module or a name that does not exist. A planned method has no `object`."""
    if not _is_checkout(loaded.root):
        return
    for topic in loaded.catalog.topics:
        for i, method in enumerate(topic.methods):
            if method.object and (problem := _object_problem(loaded.root, method.object)):
                yield Finding("topic", topic.id, f"method {method.id}: {problem}", ("methods", i, "object"))
        for i, claim in enumerate(topic.claims):
            if problem := _object_problem(loaded.root, claim.experiment):
                yield Finding("topic", topic.id, f"claim {claim.id}: {problem}", ("claims", i, "experiment"))


def _object_problem(root: Path, address: str) -> str | None:
    module, name = address.split(":")
    if (path := module_path(root, module)) is None:
        return f"no module {module!r}: expected {module.replace('.', '/')}.py"
    if (tree := _parsed(path)) is None:
        return f"{path.relative_to(root).as_posix()} is not valid Python"
    return None if name in _names(tree.body) else f"{path.relative_to(root).as_posix()} does not define {name!r}"


@cache
def _parse(path: Path, _mtime: int) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None


def _parsed(path: Path) -> ast.Module | None:
    return _parse(path, path.stat().st_mtime_ns)


def _names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Names that a module or class body binds at its top level."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


@rule("missing-test")
def missing_test(loaded: Loaded) -> Iterable[Finding]:
    """`checked_by` names a test that does not exist; it is a pytest node id such as `tests/refimpl/training/test_adam.py::test_update`."""
    if not _is_checkout(loaded.root):
        return
    for topic in loaded.catalog.topics:
        for part in ("equations", "errata"):
            for i, record in enumerate(getattr(topic, part)):
                for j, node in enumerate(record.checked_by):
                    if problem := _test_problem(loaded.root, node):
                        yield Finding("topic", topic.id, f"{part} {record.id}: {problem}", (part, i, "checked_by", j))


def _test_problem(root: Path, node: str) -> str | None:
    file, *names = node.split("[")[0].split("::")
    path = root / file
    if not names or ".." in Path(file).parts or not path.is_file():
        return f"no test {node!r}: expected FILE::TEST with an existing file"
    if (tree := _parsed(path)) is None:
        return f"{file} is not valid Python"
    body: list[ast.stmt] = tree.body
    for name in names:
        inner = next((n for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and n.name == name), None)
        if inner is None:
            return f"{file} has no test {'::'.join(names)!r}"
        body = inner.body
    return None


@rule("unproved-claim")
def unproved_claim(loaded: Loaded) -> Iterable[Finding]:
    """A claim has no stored result, lacks a bound, or expects a value that its result does not hold. `dlatlas claims run ID` makes one."""
    evidence = _evidence(loaded.root)
    for topic in loaded.catalog.topics:
        for i, claim in enumerate(topic.claims):
            result = evidence.claims.get(claim.id)
            if result is None:
                yield Finding("topic", topic.id, f"claim {claim.id}: no stored result in evidence/claims/{claim.id}.json", ("claims", i))
            if not claim.expect:
                yield Finding("topic", topic.id, f"claim {claim.id}: expects nothing", ("claims", i))
            for j, expected in enumerate(claim.expect):
                if expected.min is None and expected.max is None:
                    yield Finding(
                        "topic", topic.id, f"claim {claim.id}: {expected.value!r} has neither min nor max", ("claims", i, "expect", j)
                    )
                elif expected.min is not None and expected.max is not None and expected.min > expected.max:
                    message = f"claim {claim.id}: {expected.value!r} has min {expected.min} above max {expected.max}"
                    yield Finding("topic", topic.id, message, ("claims", i, "expect", j))
                if result is not None and expected.value not in result.values:
                    message = f"claim {claim.id}: its result has no value {expected.value!r}; it has {', '.join(sorted(result.values))}"
                    yield Finding("topic", topic.id, message, ("claims", i, "expect", j))


@rule("evidence-format")
def evidence_format(loaded: Loaded) -> Iterable[Finding]:
    """A file under evidence/ cannot be read; the run that wrote it must be repeated."""
    for path, reason in _evidence(loaded.root).unreadable.items():
        yield Finding("file", path.relative_to(loaded.root).as_posix(), f"cannot be read: {reason}")


@rule("stale-evidence")
def stale_evidence(loaded: Loaded) -> Iterable[Finding]:
    """CPU evidence of a method, or a claim's result, is older than its code; run `make evidence` or `dlatlas claims run ID`."""
    for topic, i, part, record in _implemented(loaded):
        if _status(loaded, part, record) == "stale":
            yield Finding("topic", topic, f"{part[:-1]} {record.id}: evidence is older than its code", (part, i))


@rule("unverified-method", "warning")
def unverified_method(loaded: Loaded) -> Iterable[Finding]:
    """An implemented method has no recorded checks on the CPU."""
    for topic, i, part, record in _implemented(loaded):
        if part == "methods" and _status(loaded, part, record) == "unverified":
            yield Finding("topic", topic, f"method {record.id}: no recorded checks in evidence/checks/cpu", (part, i))


def _implemented(loaded: Loaded) -> Iterator[tuple[str, int, str, msgspec.Struct]]:
    """Methods and claims whose code exists and parses, as (topic, index, part, record)."""
    if not _is_checkout(loaded.root):
        return
    for topic in loaded.catalog.topics:
        for part, name in (("methods", "object"), ("claims", "experiment")):
            for i, record in enumerate(getattr(topic, part)):
                address = getattr(record, name)
                if address and _object_problem(loaded.root, address) is None:
                    yield topic.id, i, part, record


def _status(loaded: Loaded, part: str, record: msgspec.Struct) -> str:
    evidence = _evidence(loaded.root)
    try:
        return evidence.status(record) if part == "methods" else evidence.claim_status(record.id, record.experiment.split(":")[0])
    except SyntaxError:  # in a module that this one imports
        return "stale"


def _evidence(root: Path) -> Evidence:
    return _read_evidence(root, tuple(sorted((path, path.stat().st_mtime_ns) for path in (root / "evidence").rglob("*.json"))))


@lru_cache(maxsize=4)
def _read_evidence(root: Path, _stamps: tuple[tuple[Path, int], ...]) -> Evidence:
    return Evidence(root, strict=False)
