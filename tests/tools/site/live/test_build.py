"""``dlatlas live build`` on a fabricated checkout: what it writes, what it leaves alone, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
from dlatlas.cli import main
from dlatlas.site.live import build as building
from dlatlas.site.live.build import LiveError, build, check
from dlatlas.site.live.compare import run_onnxruntime
from dlatlas.site.live.stored import model_path, read_all, record_path

TOY = """\
import os

import torch
from torch import nn

from refimpl.live.part import Demonstration, Part


def train(parts):
    with open(os.environ["TOY_LOG"], "a") as log:
        log.write("trained ")
    with torch.no_grad():
        parts["toy"].module.weight.fill_(FACTOR)
    return {"factor": FACTOR}


FACTOR = 2.0
LIVE = Demonstration(
    topic="lstm",
    parts=lambda: {"toy": Part(nn.Linear(3, 1, bias=False), ("y",), lambda g: {"x": torch.randn(1, 3, generator=g)})},
    train=train,
    facts={"inputs": 3},
)
"""


class Browser:
    """In the place of Chromium: onnxruntime, with an error that may be added."""

    error = 0.0

    def __call__(self, root, inputs):
        answers = {name: run_onnxruntime(model_path(root, name).read_bytes(), draws) for name, draws in inputs.items()}
        return "Chromium 0", {n: [{"y": a["y"] + np.float32(self.error)} for a in draws] for n, draws in answers.items()}


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    browser = Browser()
    monkeypatch.setattr(building, "run_browser", browser)
    return browser


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Browser) -> Path:
    """A checkout with one demonstration, importable in this process."""
    import refimpl.live

    folder = tmp_path / "root" / "refimpl" / "live"
    folder.mkdir(parents=True)
    (folder / "toy.py").write_text(TOY)
    monkeypatch.setattr(building, "DEMONSTRATIONS", ("toy",))
    monkeypatch.setattr(refimpl.live, "__path__", [*refimpl.live.__path__, str(folder)])
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    yield tmp_path / "root"
    sys.modules.pop("refimpl.live.toy", None)


def trained(tree: Path) -> int:
    log = tree.parent / "log"
    return len(log.read_text().split()) if log.exists() else 0


def test_files_and_record_are_written_once(tree, capsys):
    build(tree)
    record = read_all(tree)["toy"]
    assert record.values == {"factor": 2.0} and record.facts == {"inputs": 3} and record.command == "dlatlas live build toy"
    assert model_path(tree, "toy").stat().st_size == record.models["toy"].bytes
    assert record.agreement["browser"].runtime.endswith(", Chromium 0") and record.agreement["onnxruntime"].inputs == 5
    assert check(tree) == [] and trained(tree) == 1
    before = record_path(tree, "toy").read_bytes()
    build(tree, ["toy"])
    assert trained(tree) == 1 and record_path(tree, "toy").read_bytes() == before
    assert capsys.readouterr().err.splitlines()[-1] == "toy: up to date"
    build(tree, force=True)
    assert trained(tree) == 2


def test_changed_code_is_trained_again(tree):
    build(tree)
    sys.modules.pop("refimpl.live.toy")
    (tree / "refimpl/live/toy.py").write_text(TOY.replace("FACTOR = 2.0", "FACTOR = 3.0"))
    assert check(tree) == ["toy: made with other code; run dlatlas live build toy"]
    build(tree)
    assert trained(tree) == 2 and read_all(tree)["toy"].values == {"factor": 3.0} and check(tree) == []


def test_another_runtime_is_compared_without_training(tree, monkeypatch):
    build(tree)
    monkeypatch.setattr(building, "version", lambda: "9.9.9")
    assert check(tree) == ["toy: compared with another version of onnxruntime-web; run dlatlas live build toy"]
    build(tree)
    assert trained(tree) == 1 and read_all(tree)["toy"].agreement["browser"].runtime == "onnxruntime-web 9.9.9, Chromium 0"


def test_a_lost_file_is_made_again(tree):
    build(tree)
    model_path(tree, "toy").unlink()
    build(tree)
    assert trained(tree) == 2 and check(tree) == []


def test_a_runtime_that_differs_is_refused(tree, browser):
    browser.error = 0.5
    with pytest.raises(LiveError, match=r"toy: onnxruntime-web .*, Chromium 0 differs from PyTorch by \d\.\de-0\d, expected at most 1e-04"):
        build(tree)
    assert not record_path(tree, "toy").exists()


def test_the_command(tree, capsys, monkeypatch):
    monkeypatch.setattr("dlatlas.cli.live_command.find_root", lambda given: tree)
    assert main(["live", "check"]) == 1
    assert capsys.readouterr().out == "toy: nothing is stored; run dlatlas live build toy\n"
    assert main(["live", "build", "tin"]) == 2
    assert "no demonstration tin; expected one of toy" in capsys.readouterr().err
    assert main(["live", "build", "toy"]) == 0 and main(["live", "check"]) == 0
    assert main(["live", "build", "--force"]) == 0 and trained(tree) == 2
