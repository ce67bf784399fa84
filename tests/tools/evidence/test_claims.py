"""Running, resuming and verifying claims on a fabricated tree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from dlatlas.evidence.checkout import CheckoutError
from dlatlas.evidence.claims import ClaimError, run, seeds_folder, verify
from dlatlas.evidence.store import ClaimEvidence
from dlatlas.evidence.verdict import check, list_claims, result_path

from tests.tools.evidence.conftest import edit

ID = "toy-mean"
COMMAND = "from pathlib import Path; from dlatlas.evidence.claims import run; run(Path('.'))"


@pytest.fixture
def importable(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tree, with its modules importable in this process, and a log of the seeds that ran."""
    import refimpl
    import refimpl.experiments

    monkeypatch.setattr(refimpl, "__path__", [str(tree / "refimpl"), *refimpl.__path__])
    monkeypatch.setattr(refimpl.experiments, "__path__", [*refimpl.experiments.__path__, str(tree / "refimpl" / "experiments")])
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    yield tree
    for name in [n for n in sys.modules if n.startswith(("refimpl.toys", "refimpl.experiments.toys"))]:
        del sys.modules[name]


def seeds_run(tmp_path: Path) -> list[str]:
    return (tmp_path / "log").read_text().split()


def states(root: Path) -> dict[str, str]:
    return {verdict.claim: verdict.state for verdict in check(root)}


def test_run_stores_every_seed_and_verify_says_that_it_holds(importable, tmp_path, capsys):
    assert states(importable) == {ID: "missing"}
    assert verify(importable) == 1
    run(importable, [ID])
    stored = msgspec.json.decode(result_path(importable, ID).read_bytes(), type=ClaimEvidence)
    assert stored.seeds == (0, 1, 2) and len(set(stored.values["mean"])) == 3
    assert stored.values["half"] == pytest.approx([v / 2 for v in stored.values["mean"]], rel=1e-6)
    assert stored.command == f"dlatlas claims run {ID}" and stored.environment["torch"]
    (series,) = stored.figure["series"]
    assert series["x"] == [0, 1, 2] and series["y"] == sorted(series["y"]) and all(s > 0 for s in series["spread"])
    assert not seeds_folder(importable, ID).exists()
    capsys.readouterr()
    assert verify(importable) == 0
    assert capsys.readouterr().out.startswith(f"holds: {ID}: mean 0.")


def test_the_same_seed_measures_the_same(importable):
    run(importable)
    first = result_path(importable, ID).read_bytes()
    run(importable)
    again = msgspec.json.decode(result_path(importable, ID).read_bytes(), type=ClaimEvidence)
    assert again.values == msgspec.json.decode(first, type=ClaimEvidence).values


def test_one_seed_outside_the_band_breaks_the_claim(importable):
    run(importable)
    low = min(list(_values(importable)["mean"]))
    edit(importable / "catalog/toys/toy/topic.yml", "min: 0.3", f"min: {low + 1e-6}")
    (verdict,) = check(importable)
    assert verdict.state == "does not hold" and f"{low:.4g}" in verdict.reason and verdict.reason.count("seed") == 1
    assert verify(importable) == 1


def test_a_bound_may_stand_alone_and_is_inclusive(importable):
    run(importable)
    high = max(_values(importable)["mean"])
    edit(importable / "catalog/toys/toy/topic.yml", "min: 0.3, max: 0.7", f"max: {high}")
    assert states(importable) == {ID: "holds"}
    edit(importable / "catalog/toys/toy/topic.yml", f"max: {high}", f"max: {high - 1e-9}")
    assert states(importable) == {ID: "does not hold"}


@pytest.mark.parametrize("moved", ["refimpl/experiments/toys.py", "refimpl/experiments/outcome.py", "refimpl/toys/base.py"])
def test_a_moved_module_makes_the_result_stale(importable, moved):
    run(importable)
    path = importable / moved
    path.write_text(path.read_text("utf-8") + "\n# moved\n", "utf-8")
    assert states(importable) == {ID: "stale"}


def test_results_that_are_broken_or_belong_to_no_claim_are_reported(importable):
    result_path(importable, ID).parent.mkdir(parents=True)
    result_path(importable, ID).write_text('{"id": "toy-mean"}')
    result_path(importable, "old").write_text("{}")
    assert states(importable) == {ID: "unreadable", "old": "unclaimed"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value: mean", "value: median", "claim toy-mean expects median, but refimpl.experiments.toys:mean_of_uniform measures mean, half"),
        ("toys:mean_of_uniform", "toys:absent", "toys:absent is None; expected an Experiment"),
        ("experiments.toys:", "experiments.absent:", "has no module refimpl.experiments.absent"),
    ],
)
def test_a_claim_that_its_experiment_does_not_fit_is_named(importable, old, new, message):
    edit(importable / "catalog/toys/toy/topic.yml", old, new)
    with pytest.raises((ClaimError, CheckoutError), match=message):
        run(importable)


def test_an_unknown_claim_is_named(tree):
    with pytest.raises(ValueError, match=r"no claim absent; expected one of toy-mean"):
        run(tree, ["absent"])


def test_a_killed_run_goes_on_where_it_stopped(tree, tmp_path):
    """Seed 2 hangs and the process is killed; the next run repeats neither seed 0 nor seed 1."""
    environment = {**os.environ, "TOY_LOG": str(tmp_path / "log"), "PYTHONPATH": str(tree)}
    call = [sys.executable, "-c", COMMAND]
    process = subprocess.Popen(call, cwd=tree, env={**environment, "TOY_WAIT": "2"}, stderr=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + 60
        while not (seeds_folder(tree, ID) / "1.json").exists():
            assert process.poll() is None and time.monotonic() < limit
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not result_path(tree, ID).exists()
    finished = subprocess.run(call, cwd=tree, env=environment, capture_output=True, text=True, check=True)
    assert finished.stderr.count("kept from an earlier run") == 2
    assert seeds_run(tmp_path) == ["0", "1", "2"]
    assert states(tree) == {ID: "holds"}
    (seeds_folder(tree, ID)).mkdir(parents=True)

    edit(tree / "refimpl/toys/base.py", "2.0", "2.5")
    kept = {"code": "of yesterday", "seconds": 1, "values": {"mean": 0.5, "half": 0.2}, "curves": {"sorted": [[0, 1, 2], [0, 1, 2]]}}
    (seeds_folder(tree, ID) / "0.json").write_bytes(msgspec.json.encode(kept))
    subprocess.run(call, cwd=tree, env=environment, capture_output=True, check=True)
    assert seeds_run(tmp_path) == ["0", "1", "2"] * 2, "a seed of other code must not be kept"


def test_list_claims(tree):
    assert {id: claim.expect[0].max for id, claim in list_claims(tree).items()} == {ID: 0.7}


def _values(root: Path) -> dict[str, tuple[float, ...]]:
    return msgspec.json.decode(result_path(root, ID).read_bytes(), type=ClaimEvidence).values
