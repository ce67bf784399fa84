"""The pytest plugin stores what passing tests measured, and nothing when one fails."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from dlatlas.catalog.model import Both, Method
from dlatlas.evidence import store
from dlatlas.evidence.store import Evidence, code_hash

MODULE = "refimpl.toys.halve"

TEST = """\
import pytest

from refimpl.toys.halve import halve


@pytest.mark.parametrize("x", [1.0, 2.0, 3.0])
def test_halve(x, record):
    record("halve", "refimpl.toys.halve", "value", "by hand", error=abs(halve(x) - x / 2), tolerance=1e-12, dtype="float64", shapes="()")


@pytest.mark.skipif(False, reason="never")
def test_last():
    assert True
"""


@pytest.fixture
def checkout(tree: Path) -> Path:
    (tree / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "-p dlatlas.evidence.plugin"\n')
    for folder in ("tests", "tests/refimpl", "tests/refimpl/toys"):
        (tree / folder / "__init__.py").touch()
    (tree / "tests/refimpl/toys/test_halve.py").write_text(TEST)
    return tree


def pytest_in(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "tests"]
    environment = {"PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env=environment, timeout=120)


def stored(root: Path) -> dict:
    return json.loads((root / "evidence/checks/cpu/toys.json").read_text())


def test_records_are_stored_with_hashes_and_environment(checkout):
    done = pytest_in(checkout, "--evidence")
    assert done.returncode == 0, done.stdout
    found = stored(checkout)["halve"]
    assert found["code"] == code_hash(checkout, MODULE) and found["tests"] == store.tests_hash(checkout, MODULE)
    assert [c["test"] for c in found["checks"]] == [f"tests/refimpl/toys/test_halve.py::test_halve[{x}]" for x in (1.0, 2.0, 3.0)]
    assert found["checks"][0] | {"test": ""} == {
        "test": "",
        "what": "value",
        "oracle": "by hand",
        "dtype": "float64",
        "shapes": "()",
        "error": 0.0,
        "tolerance": 1e-12,
    }
    assert {"date", "device", "machine", "numpy", "python", "system", "torch"} == found["environment"].keys()
    assert "evidence: 3 checks in evidence/checks/cpu/toys.json" in done.stdout


def test_nothing_is_stored_without_the_option(checkout):
    assert pytest_in(checkout).returncode == 0
    assert not (checkout / "evidence").exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("error=abs(", "error=1e-9 + abs("),
        ("error=abs(halve(x) - x / 2)", "error=float('nan')"),
        ("assert True", "assert False"),
        ("def test_last():", "def test_last(no_such_fixture):"),
    ],
    ids=["too large an error", "NaN", "another test fails", "a set-up fails"],
)
def test_nothing_is_stored_when_a_test_fails(checkout, old, new):
    path = checkout / "tests/refimpl/toys/test_halve.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    done = pytest_in(checkout, "--evidence")
    assert done.returncode == 1
    assert "evidence: not written, because a test failed" in done.stdout
    assert not (checkout / "evidence").exists()


def test_other_methods_are_kept(checkout):
    path = checkout / "evidence/checks/cpu/toys.json"
    path.parent.mkdir(parents=True)
    old = {"code": "1", "tests": "2", "environment": {"date": "2026-01-02"}, "checks": []}
    path.write_text(json.dumps({"double": old, "halve": old}))
    assert pytest_in(checkout, "--evidence").returncode == 0
    found = stored(checkout)
    assert found["double"] == old and found["halve"]["code"] == code_hash(checkout, MODULE)


def test_a_method_of_two_modules_has_one_record_that_each_of_them_makes_stale(checkout):
    """It goes to the area of the module with more checks, and is gone from where it stood before."""
    for path in ("refimpl/other/double.py", "refimpl/other/__init__.py"):
        (checkout / path).parent.mkdir(exist_ok=True)
        (checkout / path).write_text("")
    extra = """

def test_other(record):
    record("halve", "refimpl.other.double", "other", "by hand", error=0.0, tolerance=0.0)
"""
    path = checkout / "tests/refimpl/toys/test_halve.py"
    path.write_text(path.read_text() + extra)
    left = checkout / "evidence/checks/cpu/other.json"
    left.parent.mkdir(parents=True)
    left.write_text(json.dumps({"halve": {"code": "1", "tests": "2", "environment": {"date": "2026-01-02"}, "checks": []}}))
    assert pytest_in(checkout, "--evidence").returncode == 0
    assert json.loads(left.read_text()) == {}
    modules = [MODULE, "refimpl.other.double"]
    found = stored(checkout)["halve"]
    assert len(found["checks"]) == 4 and found["modules"] == sorted(modules) and found["code"] == code_hash(checkout, *modules)
    method = Method(id="halve", title=Both(en="Halve", zh="减半"), object=f"{MODULE}:halve")
    assert Evidence(checkout).status(method) == "verified"
    (checkout / "refimpl/other/double.py").write_text("TWO = 2\n")
    assert Evidence(checkout).status(method) == "stale"


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_records_survive_worker_processes(checkout):
    done = pytest_in(checkout, "--evidence", "-p", "xdist", "-n", "2")
    assert done.returncode == 0, done.stdout
    assert len(stored(checkout)["halve"]["checks"]) == 3
