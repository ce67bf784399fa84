"""The weekly workflow: its steps, and that it tells news once, in one issue."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dlatlas.links import health
from dlatlas.links.health import Health

ROOT = Path(__file__).parents[3]
FILE = ROOT / ".github/workflows/links.yml"


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    return yaml.load(FILE.read_text("utf-8"), yaml.BaseLoader)  # which does not take "on" for true


def test_what_it_needs(workflow: dict[str, Any]) -> None:
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    minute, hour, day, month, weekday = workflow["on"]["schedule"][0]["cron"].split()
    assert int(minute) < 60 and int(hour) < 24 and (day, month) == ("*", "*") and int(weekday) < 7
    assert workflow["permissions"] == {"contents": "read", "issues": "write"}
    (job,) = workflow["jobs"].values()
    assert int(job["timeout-minutes"]) <= 90
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert [use.split("@")[0] for use in used] == [
        "actions/checkout", "actions/setup-python", "actions/cache/restore", "actions/cache/save",
    ]  # fmt: skip
    for step in job["steps"]:
        assert len({"uses", "run"} & step.keys()) == 1
        assert "${{" not in step.get("run", ""), "an expression in a script is a way in for strangers; pass it in env"
    restore, save = (step for step in job["steps"] if "cache" in step.get("uses", ""))
    assert restore["with"]["path"] == save["with"]["path"] == health.FILE.parts[0]
    assert save["if"] == "always()" and restore["with"]["restore-keys"] == "links-"


GH = """#!/bin/sh
echo "$@" >> "$LOG"
case "$1 $2" in
  "issue list") cat "$OPEN" ;;
  "issue create") cat news.md >> "$LOG"; echo 7 > "$OPEN" ;;
  "issue comment") cat news.md >> "$LOG" ;;
  "label create") exit 1 ;;
esac
"""


class Runner:
    """Runs the scripts of the workflow after the check, as its machine does, with a ``gh`` that only writes down what it is told."""

    def __init__(self, workflow: dict[str, Any], folder: Path) -> None:
        self.steps = next(iter(workflow["jobs"].values()))["steps"]
        self.folder = folder
        tools = folder / "bin"
        tools.mkdir()
        (tools / "gh").write_text(GH)
        (tools / "dlatlas").write_text(f'#!/bin/sh\nexec {sys.executable} -m dlatlas.cli "$@"\n')
        for tool in tools.iterdir():
            tool.chmod(0o755)
        (folder / "open").write_text("")
        (folder / "log").write_text("")
        self.environment = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "LOG": str(folder / "log"),
            "OPEN": str(folder / "open"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "DLATLAS_ROOT": "",
        }

    def week(self) -> str:
        """Run the steps that follow the check; returns what gh was told."""
        (self.folder / "output").write_text("")
        (self.folder / "log").write_text("")
        first = next(i for i, step in enumerate(self.steps) if step.get("id") == "news")
        for step in self.steps[first:]:
            told = "changed=1" in (self.folder / "output").read_text()
            if "run" in step and ("if" not in step or told):
                assert step.get("if", "steps.news.outputs.changed == '1'") == "steps.news.outputs.changed == '1'"
                shell = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
                subprocess.run(shell, cwd=self.folder, env=self.environment, check=True, timeout=60)
        return (self.folder / "log").read_text()


def found(*gone: str) -> list[Health]:
    """The links of the catalog as a check found them."""
    told = {name: ("gone", "http-404") if name in gone else ("ok", "http-200") for name in ("a", "b", "c")}
    return [Health(f"https://{name}.example/", *told[name], checked="2026-01-31", confirmed=name in gone) for name in told]


def test_news_are_told_once(workflow: dict[str, Any], tree: Path) -> None:
    runner = Runner(workflow, tree)
    health.write(tree, found("a"))
    first = runner.week()
    assert "issue create --label links --title Links that have changed" in first
    assert "https://a.example/" in first and "https://b.example/" not in first
    assert runner.week() == ""
    health.write(tree, found("a", "b"))
    third = runner.week()
    assert "issue comment 7" in third and "issue create" not in third
    assert "https://b.example/" in third and "https://a.example/" not in third
    (tree / "open").write_text("")  # somebody has closed it
    health.write(tree, found("b"))
    fourth = runner.week()
    assert "issue create" in fourth and "was gone" in fourth and "https://a.example/" in fourth and "https://b.example/" not in fourth


def test_a_failed_command_fails_the_workflow(workflow: dict[str, Any], tree: Path) -> None:
    runner = Runner(workflow, tree)
    (tree / "state").mkdir()
    (tree / "state/links.json").write_text("{")
    with pytest.raises(subprocess.CalledProcessError):
        runner.week()
    assert (tree / "log").read_text() == ""
