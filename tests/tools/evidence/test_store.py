"""Evidence is stale exactly when the code or the tests that made it have moved."""

from __future__ import annotations

import os
import shutil

import pytest
from dlatlas.catalog.load import load
from dlatlas.evidence import store
from dlatlas.evidence.store import Check, Evidence, MethodEvidence, code_hash, modules_of, write_json

from tests.tools.evidence.conftest import edit

MODULE = "refimpl.toys.halve"


@pytest.fixture
def recorded(tree):
    """The tree with evidence for its method, and generic tests that import a harness."""
    (tree / "tests/refimpl/test_generic.py").write_text("from tests.refimpl.harness import case\n")
    (tree / "refimpl/toys/other.py").write_text("THREE = 3\n")
    (tree / "tests/refimpl/toys/test_other.py").write_text("")
    check = Check(test="t", what="w", oracle="o", dtype="float64", error=0.0, tolerance=1e-12)
    hashes = {"code": code_hash(tree, MODULE), "tests": store.tests_hash(tree, MODULE)}
    made = MethodEvidence(**hashes, environment={"date": "2026-01-02"}, checks=(check,))
    write_json(tree / "evidence/checks/cpu/toys.json", {"halve": made})
    return tree


def status(root) -> str:
    catalog = load(root)
    (method,) = (method for _, method in catalog.methods())
    evidence = Evidence(root)
    assert (evidence.status(method) == "stale") == ("halve" in evidence.stale(catalog))
    return evidence.status(method)


def test_nothing_moved(recorded):
    assert status(recorded) == "verified"


@pytest.mark.parametrize(
    "moved",
    [
        "refimpl/toys/halve.py",
        "refimpl/toys/base.py",
        "tests/refimpl/toys/cases_halve.py",
        "tests/refimpl/toys/test_halve.py",
        "tests/refimpl/test_generic.py",
        "tests/refimpl/harness/case.py",
    ],
)
def test_code_or_tests_moved(recorded, moved):
    with (recorded / moved).open("a") as file:
        file.write("# moved\n")
    assert status(recorded) == "stale"


@pytest.mark.parametrize(
    "moved", ["refimpl/toys/other.py", "refimpl/experiments/toys.py", "tests/refimpl/toys/test_other.py", "catalog/areas.yml"]
)
def test_something_else_moved(recorded, moved):
    with (recorded / moved).open("a") as file:
        file.write("# moved\n")
    assert status(recorded) == "verified"


def test_only_times_and_line_ends_moved(recorded):
    for path in recorded.rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        os.utime(path, (1, 1))
    assert status(recorded) == "verified"


def test_moved_back(recorded):
    edit(recorded / "refimpl/toys/base.py", "2.0", "2.5")
    assert status(recorded) == "stale"
    edit(recorded / "refimpl/toys/base.py", "2.5", "2.0")
    assert status(recorded) == "verified"


def test_no_evidence(tree):
    assert status(tree) == "unverified"


def test_modules_of(tree):
    assert modules_of(tree, MODULE) == ["refimpl.toys.base", "refimpl.toys.halve"]
    assert modules_of(tree, "refimpl.absent") == []


def test_writing_is_atomic_and_refuses_what_json_cannot_hold(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": 1.0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"x": float("nan")})
    assert path.read_text() == '{\n "x": 1.0\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_an_installed_package_shows_its_evidence_without_the_code(recorded):
    """The wheel carries catalog and evidence, not the sources they were made from."""
    shutil.rmtree(recorded / "refimpl")
    assert status(recorded) == "verified"
