"""A small fabricated checkout: one topic with one claim, one module and its tests."""

from __future__ import annotations

from pathlib import Path

import pytest

AREAS = """\
- id: toys
  title: {en: Toys, zh: 玩具}
  summary: {en: Small things., zh: 小东西。}
  topics: [toy]
"""

TOPIC = """\
id: toy
title: {en: Toy, zh: 玩具}
summary: {en: A toy., zh: 一个玩具。}
methods:
  - id: halve
    title: {en: Halving, zh: 减半}
    object: refimpl.toys.halve:halve
claims:
  - id: toy-mean
    statement: {en: The mean lies near one half., zh: 均值约为二分之一。}
    source: made up
    experiment: refimpl.experiments.toys:mean_of_uniform
    expect: [{value: mean, min: 0.3, max: 0.7}]
"""

EXPERIMENT = """\
import os
import time

import torch

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.toys.halve import halve


def _run(seed):
    if os.environ.get("TOY_WAIT") == str(seed):
        time.sleep(60)
    with open(os.environ["TOY_LOG"], "a") as log:
        log.write(f"{seed}\\n")
    x = torch.rand(1000)
    return Outcome({"mean": x.mean(), "half": halve(x).mean().item()}, {"sorted": ([0, 1, 2], x[:3].sort().values.tolist())})


def _figure(outcomes):
    title = {"en": "Sorted", "zh": "排序"}
    return figure("lines", title=title, x=axis("rank", "名次"), y=axis("x", "x"), series=[curve(outcomes, "sorted", "x", "x")], alt=title)


mean_of_uniform = Experiment(run=_run, seeds=(0, 1, 2), figure=_figure)
"""

HALVE = """\
from refimpl.toys.base import TWO


def halve(x):
    return x / TWO
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The root of a fabricated checkout."""
    root = tmp_path / "tree"
    outcome = Path(__file__).parents[3] / "refimpl" / "experiments" / "outcome.py"
    files = {
        "catalog/areas.yml": AREAS,
        "catalog/toys/toy/topic.yml": TOPIC,
        "refimpl/__init__.py": "",
        "refimpl/toys/__init__.py": "",
        "refimpl/toys/base.py": "TWO = 2.0\n",
        "refimpl/toys/halve.py": HALVE,
        "refimpl/experiments/__init__.py": "",
        "refimpl/experiments/toys.py": EXPERIMENT,
        "refimpl/experiments/outcome.py": outcome.read_text("utf-8"),
        "tests/refimpl/harness/case.py": "",
        "tests/refimpl/toys/cases_halve.py": "CASES = []\n",
        "tests/refimpl/toys/test_halve.py": "",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def edit(path: Path, old: str, new: str) -> None:
    """Replace ``old``, which must be there, in a file."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
