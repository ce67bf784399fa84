"""Run the tests of a module with a fault in it, each time in a forked child.

The parent imports torch, pytest and what the tests import from outside the checkout, but nothing of
``refimpl`` nor any case, so that a child imports only the module at hand and what depends on it.
"""

from __future__ import annotations

import ast
import contextlib
import enum
import gc
import importlib
import importlib.util
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from dlatlas.evidence.faults import Fault, Module

SHORTEST_LIMIT = 30.0
"""Seconds that a child may take in any case."""

SLOWDOWN = 10.0
"""How many times longer than the tests without a fault a child may take."""

MEMORY = 8 << 30
"""Bytes that a child may allocate beyond what the parent has: a fault in a shape must not take the machine."""

LAST = ("test_compiles", "test_exports")
"""Slow tests that hardly ever find what the others do not: they run at the end."""


class Result(enum.Enum):
    """What became of a fault."""

    FOUND = "found"
    SURVIVED = "survived"
    TIMEOUT = "timeout"  # counts as found
    BROKEN = "broken"  # the tests fail without any fault


@dataclass(frozen=True)
class Method:
    """A module with a file of cases or of tests: the methods in it, its module of cases, and its test files relative to the root."""

    module: str
    ids: frozenset[str]
    cases: str | None
    tests: tuple[str, ...]


def methods_of(root: Path) -> list[Method]:
    """Every module that has cases or tests of its own; the methods' ids are read in a forked child, which imports them."""
    tests = root / "tests" / "refimpl"
    paths = sorted([*tests.glob("*/cases_*.py"), *tests.glob("*/test_*.py")])
    names = sorted({(p.parent.name, p.stem.partition("_")[2]) for p in paths if (root / "refimpl" / p.parent.name).is_dir()})
    names = [(area, name) for area, name in names if (root / "refimpl" / area / f"{name}.py").is_file()]
    said = {(area, name): f"tests.refimpl.{area}.{_kind(tests, area, name)}_{name}" for area, name in names}
    ids = _ask(root, list(said.values()))
    found = []
    for (area, name), module in said.items():
        own = f"tests/refimpl/{area}/test_{name}.py"
        cases = module if ".cases_" in module else None
        if ids[module]:
            found.append(Method(f"refimpl.{area}.{name}", frozenset(ids[module]), cases, (own,) if (root / own).is_file() else ()))
    return found


def _kind(tests: Path, area: str, name: str) -> str:
    return "cases" if (tests / area / f"cases_{name}.py").is_file() else "test"


def _ask(root: Path, modules: Sequence[str]) -> dict[str, list[str]]:
    """The method ids in each module: those of its cases, or its ``METHOD``."""
    import msgspec

    def tell(answer: int) -> int:
        found = {name: _ids(importlib.import_module(name)) for name in modules}
        os.write(answer, msgspec.json.encode(found))
        return 0

    _prepare(root)
    child = _fork(tell, quiet=False)
    text = child.read()
    if child.wait(time.monotonic() + 120) != 0:
        raise RuntimeError(f"cases or tests could not be imported: {', '.join(modules)}")
    return msgspec.json.decode(text)


def _ids(module: Any) -> list[str]:
    if hasattr(module, "CASES"):
        return sorted({case.method for case in module.CASES})
    return [module.METHOD] if hasattr(module, "METHOD") else []


class Trials:
    """Runs faults; remembers across modules which tests find faults."""

    def __init__(self, root: Path, *, jobs: int) -> None:
        self.root, self.jobs = root, jobs
        self.kills: Counter[str] = Counter()
        self.scratch = tempfile.TemporaryDirectory(prefix="mutants-")
        _prepare(root)

    def run(self, module: str, source: Module, faults: Sequence[Fault], users: Sequence[Method]) -> Iterator[tuple[Fault, Result]]:
        """The result of each fault as it comes; a single ``BROKEN`` where the tests fail without any."""
        plan = _Plan(self.root, self.scratch.name, module, source, users)
        start = time.monotonic()
        durations: dict[str, float] = {}
        status, _ = self._finish(plan.start(None, self.kills, durations), start + 600, durations)
        if status != 0:
            yield faults[0], Result.BROKEN
            return
        limit = max(SHORTEST_LIMIT, SLOWDOWN * (time.monotonic() - start))
        waiting, running = list(reversed(faults)), []
        try:
            while waiting or running:
                while waiting and len(running) < self.jobs:
                    fault = waiting.pop()
                    running.append((fault, plan.start(fault, self.kills, durations), time.monotonic() + limit))
                for item in [item for item in running if item[1].is_done() or time.monotonic() > item[2]]:
                    running.remove(item)
                    status, killer = self._finish(item[1], item[2], {})
                    if killer:
                        self.kills[killer] += 1
                    yield item[0], Result.SURVIVED if status == 0 else Result.TIMEOUT if status is None else Result.FOUND
                time.sleep(0.005)
        finally:
            for _, child, _ in running:
                child.kill()

    def _finish(self, child: _Child, deadline: float, durations: dict[str, float]) -> tuple[int | None, str]:
        """Exit status (None for a time-out) and the first test that failed; fills ``durations``."""
        status = child.wait(deadline)
        killer = ""
        for line in child.read().decode("utf-8", "replace").splitlines():
            kind, seconds, test = line.split(" ", 2)
            durations[test] = float(seconds)
            killer = test if kind == "failed" else killer
        if (
            status in (int(pytest.ExitCode.INTERNAL_ERROR), int(pytest.ExitCode.USAGE_ERROR), int(pytest.ExitCode.NO_TESTS_COLLECTED))
            and not killer
        ):
            raise RuntimeError(f"pytest ended with {pytest.ExitCode(status).name} instead of running the tests")
        return status, killer


class _Plan:
    """How the tests of one module run."""

    def __init__(self, root: Path, scratch: str, module: str, source: Module, users: Sequence[Method]) -> None:
        self.root, self.scratch, self.module, self.source, self.users = root, scratch, module, source, users
        generic = sorted(p.relative_to(root).as_posix() for p in (root / "tests" / "refimpl").glob("test_generic*.py"))
        self.files = [*generic, *(path for method in users for path in method.tests)]
        _import_outside(root, [*self.files, *(method.cases.replace(".", "/") + ".py" for method in users if method.cases)])

    def start(self, fault: Fault | None, kills: Counter[str], durations: dict[str, float]) -> _Child:
        """Fork a child that runs the tests with ``fault`` in the module."""
        code = self.source.code(fault)

        def body(answer: int) -> int:
            sys.meta_path.insert(0, _Substitute(self.module, self.source.path, code))
            _limit_cases(self.users)
            os.chdir(self.root)
            os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = f"{self.scratch}/hypothesis"
            temporary = f"--basetemp={self.scratch}/{os.getpid()}"
            plugins = ["-p", "dlatlas.evidence.plugin", "-p", "no:cacheprovider"]
            options = ["-o", "addopts=", *plugins, "-q", "-x", "--tb=no", "-m", "not slow", "--rootdir", str(self.root), temporary]
            return int(pytest.main([*options, *self.files], plugins=[_Watch(answer, kills, durations)]))

        return _fork(body)


@dataclass
class _Watch:
    """Pytest plugin: puts the tests in order, reports each one's duration and outcome, and skips the tidying at the end."""

    answer: int
    kills: Counter[str]
    durations: dict[str, float] = field(default_factory=dict)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._rank(item.nodeid))

    def _rank(self, test: str) -> tuple[bool, int, bool, float]:
        return any(name in test for name in LAST), -self.kills[test], "float64" not in test, self.durations.get(test, 0.0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.failed:
            os.write(self.answer, f"{'failed' if report.failed else 'passed'} {report.duration:.4f} {report.nodeid}\n".encode())
        if report.failed:
            os._exit(pytest.ExitCode.TESTS_FAILED)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        os._exit(exitstatus)


class _Substitute(MetaPathFinder):
    """Imports one module from code that is already compiled."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self.name, self.path, self.code = name, path, code

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        loader = _Compiled(fullname, str(self.path))
        loader.code = self.code
        return importlib.util.spec_from_file_location(fullname, self.path, loader=loader)


class _Compiled(SourceFileLoader):
    code: CodeType

    def get_code(self, fullname: str) -> CodeType:
        return self.code


def _limit_cases(users: Sequence[Method]) -> None:
    """Make the generic tests see only the cases of ``users``."""
    from tests.refimpl.harness import table

    def cases() -> tuple[Any, ...]:
        return tuple((method.module, case) for method in users if method.cases for case in importlib.import_module(method.cases).CASES)

    table.all_cases = cache(cases)


class _Child:
    """A forked child and the pipe on which it answers."""

    def __init__(self, pid: int, answer: int) -> None:
        self.pid, self.answer = pid, answer
        self.status: int | None = None
        os.set_blocking(answer, False)
        self._text = b""

    def is_done(self) -> bool:
        self._drain()
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self, deadline: float) -> int | None:
        """The exit status (minus the signal's number); None where the deadline passed and the child was killed."""
        while not self.is_done():
            if time.monotonic() > deadline:
                self.kill()
                return None
            time.sleep(0.005)
        self._kill_group()
        return self.status

    def kill(self) -> None:
        """End the child and all it started."""
        if self.status is None:
            self._kill_group()
            os.waitpid(self.pid, 0)
            self.status = -signal.SIGKILL

    def read(self) -> bytes:
        """All that the child wrote; the pipe is closed then."""
        if self.answer >= 0:
            while self.status is None and not self.is_done():
                time.sleep(0.005)
            self._drain()
            os.close(self.answer)
            self.answer = -1
        return self._text

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self.answer >= 0 and (chunk := os.read(self.answer, 1 << 16)):
                self._text += chunk

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _fork(body: Any, *, quiet: bool = True) -> _Child:
    """Run ``body(pipe)`` in a child whose exit status is what it returns."""
    read, write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(write)
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)
        return _Child(pid, read)
    status = 70
    try:
        os.close(read)
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _limit_memory()
        if quiet:
            sink = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(sink, descriptor)
        status = body(write)
    except BaseException:
        if not quiet:
            import traceback

            traceback.print_exc()
    finally:
        os._exit(status)


def _limit_memory() -> None:
    import resource

    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, resource.RLIM_INFINITY))


@cache
def _prepare(root: Path) -> None:
    """Import once what every child needs, and nothing that starts threads."""
    if not hasattr(os, "fork"):
        raise OSError("mutants need os.fork, which this system does not have; use Linux or macOS")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    import torch
    import torch._dynamo
    import torch.export

    torch.set_num_threads(1)
    for name in ("tests.refimpl.harness.compare", "tests.refimpl.harness.table"):
        importlib.import_module(name)
    with contextlib.suppress(ImportError):  # pytest's plugin of it would import it in every child
        importlib.import_module("hypothesis")
    gc.freeze()


def _import_outside(root: Path, files: Sequence[str]) -> None:
    """Import what test files import from outside the checkout, where it is installed."""
    for file in files:
        for node in ast.walk(ast.parse((root / file).read_bytes())):
            names = (
                [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module] if isinstance(node, ast.ImportFrom) else []
            )
            for name in names:
                if name and name.split(".")[0] not in ("refimpl", "tests"):
                    with contextlib.suppress(ImportError, RuntimeError):  # an extension of another PyTorch raises the latter
                        importlib.import_module(name)
