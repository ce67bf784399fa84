"""Evidence: what test and experiment runs measured, keyed by the hash of the code that made it.

``evidence/checks/<device>/<area>.json`` holds, for each method, the checks of the last
recorded run; ``evidence/claims/<id>.json`` the result of a claim's experiment. Each record
carries the hash of the code it was made with. When that code has moved, the record is stale.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from dlatlas.catalog.model import Catalog, Method
from dlatlas.files import write_atomically

Status = Literal["verified", "stale", "unverified"]

GENERIC = "tests/refimpl/test_generic*.py"
"""The generic tests; part of what every check was made with, as is what they import."""


class EvidenceError(ValueError):
    """A stored file cannot be read; the message names it."""


class Check(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One measured comparison: the largest error of a test against its oracle."""

    test: str
    what: str
    oracle: str
    dtype: str
    shapes: str = ""
    error: float
    tolerance: float


class MethodEvidence(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The recorded checks of one method on one device; ``modules`` names all that were checked, where they are several."""

    code: str
    modules: tuple[str, ...] = ()
    tests: str
    environment: dict[str, str]
    checks: tuple[Check, ...]

    @property
    def date(self) -> str:
        return self.environment["date"]


class ClaimEvidence(Struct, frozen=True, kw_only=True):
    """The stored result of a claim's experiment over its seeds."""

    id: str
    code: str
    command: str
    environment: dict[str, str]
    seeds: tuple[int, ...]
    values: dict[str, tuple[float, ...]]  # one number a seed
    figure: dict[str, Any]  # what the page draws; see dlatlas.site.figures
    seconds: float

    def mean(self, value: str) -> float:
        numbers = self.values[value]
        return sum(numbers) / len(numbers)


class Evidence:
    """Read access to the evidence folder of a checkout, with staleness against its code."""

    def __init__(self, root: Path, *, strict: bool = True) -> None:
        """Read all files; without ``strict``, those that cannot be read are named in ``unreadable``.

        Raises:
            EvidenceError: a file cannot be read, and ``strict``.
        """
        self.root = root
        self.released = not (root / "refimpl").is_dir()  # an installed package: its evidence was checked when it was built
        self.devices: dict[str, dict[str, MethodEvidence]] = {}
        self.claims: dict[str, ClaimEvidence] = {}
        self.unreadable: dict[Path, str] = {}
        for path in sorted((root / "evidence" / "checks").glob("*/*.json")):
            self.devices.setdefault(path.parent.name, {}).update(self._read(path, dict[str, MethodEvidence], strict) or {})
        for path in sorted((root / "evidence" / "claims").glob("*.json")):
            if (claim := self._read(path, ClaimEvidence, strict)) is not None:
                self.claims[path.stem] = claim

    def _read(self, path: Path, kind: Any, strict: bool) -> Any:
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if strict:
                raise EvidenceError(f"{path.relative_to(self.root).as_posix()} cannot be read: {error}") from error
            self.unreadable[path] = str(error)
            return None

    def of(self, method: str) -> dict[str, MethodEvidence]:
        """Evidence of a method by device, such as ``{"cpu": ..., "nvidia-h200": ...}``."""
        return {device: found[method] for device, found in self.devices.items() if method in found}

    def status(self, method: Method, device: str = "cpu") -> Status:
        """``verified`` when the recorded run was made with today's code and tests."""
        record = self.devices.get(device, {}).get(method.id)
        if record is None or method.module is None or not record.checks:
            return "unverified"
        if self.released:
            return "verified"
        modules = (method.module, *record.modules)
        fresh = record.code == code_hash(self.root, *modules) and record.tests == tests_hash(self.root, *modules)
        return "verified" if fresh else "stale"

    def claim_status(self, claim: str, module: str) -> Status:
        """``verified`` when the stored result was made with today's experiment code."""
        record = self.claims.get(claim)
        if record is None:
            return "unverified"
        return "verified" if self.is_current(record.code, module) else "stale"

    def is_current(self, code: str, module: str) -> bool:
        """Whether ``code`` is the hash of a module as it is today; an installed package's is."""
        return self.released or code == code_hash(self.root, module)

    def stale(self, catalog: Catalog) -> list[str]:
        """Ids of methods and claims whose recorded evidence no longer fits the code."""
        methods = [m.id for _, m in catalog.methods() if self.status(m) == "stale"]
        claims = [c.id for t in catalog.topics for c in t.claims if self.claim_status(c.id, c.experiment.split(":")[0]) == "stale"]
        return methods + claims


def code_hash(root: Path, *modules: str) -> str:
    """Hash of modules and of every ``refimpl`` module that they import, directly or not."""
    return _hash(root, sorted(_closure(root, *(module_path(root, module) for module in modules))))


def text_hash(root: Path, module: str) -> str:
    """Hash of one module's own text."""
    return _hash(root, filter(None, [module_path(root, module)]))


def modules_of(root: Path, module: str) -> list[str]:
    """``module`` and every ``refimpl`` module that it imports, directly or not, by name; packages are left out."""
    files = (path.relative_to(root) for path in _closure(root, module_path(root, module)) if path.name != "__init__.py")
    return sorted(".".join(file.with_suffix("").parts) for file in files)


def tests_hash(root: Path, *modules: str) -> str:
    """Hash of the modules' own test files, of the generic tests, and of every test module that these import."""
    own = [root / folder / f"{kind}_{name}.py" for folder, name in map(_test_files, modules) for kind in ("cases", "test")]
    files = _closure(root, *(file for file in own if file.is_file()), *root.glob(GENERIC))
    return _hash(root, sorted(file for file in files if file.is_relative_to(root / "tests")))


def _test_files(module: str) -> tuple[str, str]:
    package, _, name = module.rpartition(".")
    return "tests/" + package.replace(".", "/"), name


def _hash(root: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + _text(file, file.stat().st_mtime_ns) + b"\0")
    return digest.hexdigest()[:16]


@cache
def _text(file: Path, _mtime: int) -> bytes:
    return file.read_bytes().replace(b"\r\n", b"\n")


def _closure(root: Path, *files: Path | None) -> set[Path]:
    """``files`` and every module of ``refimpl`` and ``tests`` that they import, directly or not."""
    waiting, found = list(files), set()
    while waiting:
        path = waiting.pop()
        if path is not None and path not in found:
            found.add(path)
            waiting += [module_path(root, name) for name in _imports(path, path.stat().st_mtime_ns)]
    return found


def module_path(root: Path, module: str) -> Path | None:
    """The file of a module of ``refimpl`` or ``tests``, or None where there is none."""
    base = root / module.replace(".", "/")
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


@cache
def _imports(path: Path, _mtime: int) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(name for name in names if name.split(".")[0] in ("refimpl", "tests"))


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically, keys sorted, so that an interrupted run leaves the old file whole.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot hold.
    """
    text = json.dumps(msgspec.to_builtins(data), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(path, text)
