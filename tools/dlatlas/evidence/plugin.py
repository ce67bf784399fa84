"""Pytest plugin: gather what tests measured and, with ``--evidence``, store it.

A test calls the ``record`` fixture with the largest error it saw and the error it allows.
``record`` fails the test when the error is too large, so nothing can be stored that did not
pass. At the end of a run with ``--evidence`` the records of every method whose tests all
passed are written to ``evidence/checks/<device>/<area>.json``, keyed by the hash of the code.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dlatlas.evidence.environment import describe_environment
from dlatlas.evidence.store import Check, MethodEvidence, code_hash, tests_hash, write_json

PROPERTY = "dlatlas-check"
"""Name of the report property that carries a record from a test (or a worker process) to the end of the run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("atlas", "Deep Learning Atlas")
    group.addoption("--evidence", action="store_true", help="store what the passing tests measured under evidence/checks")
    group.addoption("--device", default="cpu", help="where the reference implementations run: cpu (default) or cuda")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--evidence") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Writer(config), "dlatlas-evidence-writer")


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str:
    """The device named with ``--device``."""
    return request.config.getoption("--device")


class Recorder:
    """Records the checks of one test."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    def __call__(
        self, method: str, module: str, what: str, oracle: str, *, error: float, tolerance: float, dtype: Any = "", shapes: str = ""
    ) -> None:
        """Fail when ``error`` exceeds ``tolerance``, else keep both as evidence for ``method``.

        Args:
            method: id in the catalog.
            module: the module that was checked, such as ``refimpl.training.adam``.
            what: what was compared, in a few words.
            oracle: what it was compared with.
            error: the largest error seen; NaN fails.
            tolerance: the largest error allowed.
            dtype: data type under test.
            shapes: shapes of the inputs.
        """
        node = self._request.node
        assert error <= tolerance, f"{what} against {oracle}: error {error:.3g} exceeds {tolerance:.3g} ({dtype} {shapes})".rstrip()
        check = Check(
            test=node.nodeid.replace("\\", "/"),
            what=what,
            oracle=oracle,
            dtype=str(dtype).removeprefix("torch."),
            shapes=shapes,
            error=float(f"{error:.3g}"),
            tolerance=tolerance,
        )
        node.user_properties.append((PROPERTY, {"method": method, "module": module, "check": msgspec.to_builtins(check)}))


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Recorder:
    """Call it with the largest error of a comparison; see :class:`Recorder`."""
    return Recorder(request)


class _Writer:
    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.records: dict[str, dict[str, list[Check]]] = {}  # by method and module
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed
        if report.when != "call" or not report.passed:
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                found = self.records.setdefault(value["method"], {})
                found.setdefault(value["module"], []).append(msgspec.convert(value["check"], Check))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.failed:
            terminalreporter.write_line("evidence: not written, because a test failed")
            return
        for path, count in self._write().items():
            terminalreporter.write_line(f"evidence: {count} checks in {path}")

    def _write(self) -> dict[str, int]:
        root = Path(self.config.rootpath)
        environment = describe_environment(self.config.getoption("--device"))
        folder = root / "evidence" / "checks" / environment["device"]
        areas: dict[Path, dict[str, MethodEvidence]] = {path: {} for path in folder.glob("*.json")}
        for method, found in sorted(self.records.items()):
            most = max(sorted(found), key=lambda module: len(found[module]))
            path = folder / f"{most.split('.')[1].replace('_', '-')}.json"
            areas.setdefault(path, {})[method] = MethodEvidence(
                code=code_hash(root, *found),
                modules=tuple(sorted(found)) if len(found) > 1 else (),
                tests=tests_hash(root, *found),
                environment=environment,
                checks=tuple(sorted(chain.from_iterable(found.values()), key=lambda c: (c.test, c.what, c.oracle))),
            )
        written = {}
        for path, methods in areas.items():
            old = msgspec.json.decode(path.read_bytes(), type=dict[str, MethodEvidence]) if path.exists() else {}
            kept = {method: evidence for method, evidence in old.items() if method not in self.records}
            if methods or len(kept) < len(old):
                write_json(path, kept | methods)
            if methods:
                written[path.relative_to(root).as_posix()] = sum(len(m.checks) for m in methods.values())
        return written
