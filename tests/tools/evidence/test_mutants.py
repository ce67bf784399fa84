"""Mutation testing on a fabricated tree with a strongly and a weakly tested module."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dlatlas.evidence import trials
from dlatlas.evidence.mutants import MutantError, read_equivalents

CHECKOUT = Path(__file__).parents[3]

MODULE = """\
SCALE = 2.0


def scaled(x, offset=1):
    if x < 0:
        raise ValueError("x is negative")
    return x * SCALE + offset
"""

STRONG = """\
import pytest

from refimpl.toys.strong import scaled


def test_scaled():
    assert [scaled(3), scaled(0), scaled(3, 5)] == [7, 1, 11]


def test_negative():
    with pytest.raises(ValueError):
        scaled(-1)
"""

WEAK = """\
from refimpl.toys.weak import scaled


def test_scaled():
    assert scaled(0, 5) == 5
    assert scaled(1, 5) < 8
"""

CASES = """\
from types import SimpleNamespace

from refimpl.toys.{name} import scaled

CASES = [SimpleNamespace(method="{name}-method", call=scaled)]
"""

GENERIC = """\
import pytest

from tests.refimpl.harness.table import all_cases


@pytest.mark.parametrize("case", all_cases(), ids=lambda pair: pair[1].method)
def test_positive(case):
    assert case[1].call(2) > 0
    assert len(all_cases()) == 1, "a module's children see only its own cases"
"""


@pytest.fixture
def checkout(tree: Path) -> Path:
    shutil.rmtree(tree / "tests")
    shutil.copytree(CHECKOUT / "tests/refimpl/harness", tree / "tests/refimpl/harness", ignore=shutil.ignore_patterns("__pycache__"))
    files = {
        "tests/__init__.py": "",
        "tests/refimpl/__init__.py": "",
        "tests/refimpl/toys/__init__.py": "",
        "tests/refimpl/test_generic.py": GENERIC,
    }
    for name, test in (("strong", STRONG), ("weak", WEAK)):
        files |= {
            f"refimpl/toys/{name}.py": MODULE,
            f"tests/refimpl/toys/test_{name}.py": test,
            f"tests/refimpl/toys/cases_{name}.py": CASES.format(name=name),
        }
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text, "utf-8")
    return tree


def mutants(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "dlatlas.evidence.mutants", *options]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)


SURVIVORS = {
    "refimpl/toys/weak.py:4: def scaled(x, offset=1): → def scaled(x, offset=0):",
    "refimpl/toys/weak.py:5: if x < 0: → if False:",
    "refimpl/toys/weak.py:7: return x * SCALE + offset → return x / SCALE + offset",
    "refimpl/toys/weak.py:7: return x * SCALE + offset → return offset",
}


def test_survivors_of_weak_tests_are_listed_and_strong_tests_leave_none(checkout):
    done = mutants(checkout)
    assert done.returncode == 1, done.stderr
    *lines, summary = done.stdout.splitlines()
    assert set(lines) == SURVIVORS and len(lines) == 4
    assert summary == "18 faults in 2 modules: 4 survived, 0 equivalent, 14 found"
    assert "refimpl.toys.strong: 0 of 9 survived" in done.stderr


def test_equivalent_faults_are_passed_over_and_counts_are_stored(checkout):
    entries = [line.split(": ", 1)[1].split(" → ") for line in sorted(SURVIVORS)]
    listed = [{"original": a, "mutated": b, "reason": "for the test"} for a, b in entries]
    path = checkout / "tests/refimpl/equivalent_mutants.yml"
    path.write_text(json.dumps({"refimpl.toys.weak": listed}), "utf-8")
    done = mutants(checkout, "weak-method", "--evidence", "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "9 faults in 1 modules: 0 survived, 4 equivalent, 5 found\n"
    stored = json.loads((checkout / "evidence/mutants.json").read_text())
    assert stored.keys() == {"refimpl.toys.weak"}
    assert stored["refimpl.toys.weak"] | {"code": "", "tests": "", "date": ""} == {
        "code": "", "tests": "", "date": "", "faults": 9, "equivalent": 4, "survivors": [],
    }  # fmt: skip

    listed.append({"original": "x = 1", "mutated": "x = 0", "reason": "of a line that is gone"})
    path.write_text(json.dumps({"refimpl.toys.weak": listed, "refimpl.toys.gone": []}), "utf-8")
    done = mutants(checkout, "weak-method")
    assert done.returncode == 1
    assert "refimpl.toys.weak: matches no fault: x = 1 → x = 0" in done.stdout and "refimpl.toys.gone: no such module" in done.stdout


def test_a_stored_run_goes_on_where_it_stopped_and_only_survivors_are_tried_again(checkout):
    weak, strong = "refimpl.toys.weak", "refimpl.toys.strong"
    assert mutants(checkout, weak, "--evidence").returncode == 1
    stored = json.loads((checkout / "evidence/mutants.json").read_text())
    assert set(stored[weak]["survivors"]) == {line.split(": ", 1)[1] for line in SURVIVORS}

    done = mutants(checkout, "--evidence")
    assert "refimpl.toys.weak: 4 of 4 survived, 0 equivalent, the others were found before" in done.stderr
    assert "refimpl.toys.strong: 0 of 9 survived, 0 equivalent (" in done.stderr
    assert mutants(checkout, strong, "--evidence").stderr.startswith("refimpl.toys.strong: 0 of 0 survived")

    (checkout / "tests/refimpl/toys/test_weak.py").write_text(STRONG.replace("strong", "weak"))
    done = mutants(checkout, weak, "--evidence", "--survivors")
    assert done.returncode == 0 and "refimpl.toys.weak: 0 of 4 survived" in done.stderr
    (checkout / "tests/refimpl/toys/test_weak.py").write_text(STRONG.replace("strong", "weak") + "\n")
    assert "refimpl.toys.weak: 0 of 9 survived" in mutants(checkout, weak, "--evidence").stderr

    module = checkout / "refimpl/toys/weak.py"
    module.write_text(module.read_text() + "\n")
    assert "refimpl.toys.weak: 0 of 9 survived" in mutants(checkout, weak, "--evidence", "--survivors").stderr


def test_tests_that_fail_without_a_fault_are_an_error(checkout):
    path = checkout / "tests/refimpl/toys/test_weak.py"
    path.write_text(WEAK.replace("< 8", "< 7"))
    done = mutants(checkout, "weak-method")
    assert done.returncode == 2
    assert "refimpl.toys.weak: the tests do not pass without any fault" in done.stderr


def test_unknown_methods_are_named(checkout):
    done = mutants(checkout, "absent")
    assert done.returncode == 2
    assert done.stderr == "no cases of method absent; expected some of strong-method, weak-method, or a module of theirs\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m:\n- {original: a, mutated: b}\n", "missing required field `reason`"),
        ("m:\n- {original: a, mutated: b, reason: c, why: d}\n", "unknown field `why`"),
        ("m: []\nm: []\n", "yml:2: key 'm' stands twice"),
    ],
)
def test_a_broken_list_is_an_error(tmp_path, text, message):
    (tmp_path / "tests/refimpl").mkdir(parents=True)
    (tmp_path / "tests/refimpl/equivalent_mutants.yml").write_text(text)
    with pytest.raises(MutantError, match=message):
        read_equivalents(tmp_path)


def test_a_child_that_takes_too_long_ends_with_all_it_started(tmp_path):
    file = tmp_path / "pid"

    def body(_: int) -> int:
        other = subprocess.Popen(["sleep", "60"])
        file.write_text(str(other.pid))
        other.wait()
        return 0

    child = trials._fork(body)
    while not (file.exists() and file.read_text()):
        time.sleep(0.01)
    assert child.wait(time.monotonic() + 0.1) is None
    assert child.status == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while _runs(int(file.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.read()


def _runs(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody waited for does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z" if stat.parent.parent.is_dir() else os.kill(pid, 0) is None
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_child_tells_what_it_found_and_its_status():
    child = trials._fork(lambda answer: os.write(answer, b"x" * 200_000) and 7)
    assert child.read() == b"x" * 200_000
    assert child.wait(time.monotonic() + 10) == 7
