"""Synthetic checkouts of any number of topics, each page as large as a real one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.tools.catalog.synthetic import ENTRY

REPOSITORY = Path(__file__).resolve().parents[3]

AREA = 66
"""Topics in an area."""

ENTRIES = 14
"""Works of a topic, about as many as the real catalog has."""

IMPLEMENTED = 20
"""One topic of so many has a module, with its lines on the page and its reference."""

SENTENCE = "It trades {i} multiplications for one sum, which pays where memory is slow and the batch is small. "
SATZ = "它用 {i} 次乘法换一次求和，在内存慢而批量小的时候划算。"

TOPIC = """\
id: topic-{i}
title: {{en: "Synthetic topic {i}", zh: "合成主题 {i}"}}
aliases: [subject {i}, 课题 {i}]
requires: {requires}
summary:
  en: |
    The opening says what topic {i} is for. {english}

    {english}
  zh: |
    开头一句说明主题 {i} 的用途。{chinese}

    {chinese}
methods:
{methods}
equations:
{equations}
"""

METHOD = '  - id: method-{i}-{n}\n    title: {{en: "Method {i}.{n}", zh: "方法 {i}.{n}"}}\n{object}'
EQUATION = """\
  - id: equation-{i}-{n}
    tex: '\\mathcal{{L}}_{{{n}}}(\\theta) = \\frac{{1}}{{{i}+1}} \\sum_{{k=1}}^{{K}} \\left\\| x_k - W_{{{n}}} h_k \\right\\|^2'
    note: {{en: "The sum runs over all {i} parts.", zh: "对全部 {i} 个部分求和。"}}
"""


def make(root: Path, topics: int) -> Path:
    """Write a checkout with so many topics under ``root``; its pages, assets and templates are the real ones."""
    shutil.copytree(REPOSITORY / "docs", root / "docs")
    shutil.copyfile(REPOSITORY / "mkdocs.yml", root / "mkdocs.yml")
    (root / "refimpl").mkdir()
    (root / "refimpl/__init__.py").touch()
    source = (REPOSITORY / "refimpl/foundations/softmax_cross_entropy.py").read_text("utf-8")
    areas = []
    for first in range(0, topics, AREA):
        area, members = f"area-{first // AREA}", range(first, min(first + AREA, topics))
        package = area.replace("-", "_")
        areas.append(
            {
                "id": area,
                "title": {"en": f"Area {first // AREA}", "zh": f"领域 {first // AREA}"},
                "summary": {"en": "A part of the whole.", "zh": "全体的一部分。"},
                "topics": [f"topic-{i}" for i in members],
            }
        )
        (root / "refimpl" / package).mkdir()
        (root / "refimpl" / package / "__init__.py").touch()
        for i in members:
            if i % IMPLEMENTED == 0:
                (root / "refimpl" / package / f"module_{i}.py").write_text(source, "utf-8")
            _write_topic(root / "catalog" / area / f"topic-{i}", i, first, package)
    (root / "catalog" / "areas.yml").write_text(json.dumps(areas, ensure_ascii=False), "utf-8")
    return root


def _write_topic(folder: Path, i: int, first: int, package: str) -> None:
    folder.mkdir(parents=True)
    implemented = f"    object: refimpl.{package}.module_{i}:softmax\n" if i % IMPLEMENTED == 0 else ""
    text = TOPIC.format(
        i=i,
        requires=f'[{{topic: topic-{i - 1}, why: {{en: "It comes before.", zh: "它在前面。"}}}}]' if i > first else "[]",
        english=(SENTENCE * 6).format(i=i),
        chinese=(SATZ * 6).format(i=i),
        methods="".join(METHOD.format(i=i, n=n, object=implemented if n == 0 else "") for n in range(4)),
        equations="".join(EQUATION.format(i=i, n=n) for n in range(6)),
    )
    (folder / "topic.yml").write_text(text, "utf-8")
    entries = range(i * ENTRIES, (i + 1) * ENTRIES)
    (folder / "entries.yml").write_text("\n".join(ENTRY.format(i=n, t=i) for n in entries), "utf-8")
