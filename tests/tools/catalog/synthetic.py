"""Synthetic catalogs of any size, with entries as large as the real ones."""

from __future__ import annotations

from pathlib import Path

TOPICS = 66

ENTRY = """\
- id: work-{i}
  type: paper
  title:
    en: "A Synthetic Work on Subject {i}, with a Subtitle"
    zh: "关于主题 {i} 的合成作品，带副标题"
  lang: en
  authors: [Ada Author, Bo Author, Cy Author]
  date: "2018-05-01"
  venue: Synthetic Letters 1
  links:
    - {{url: "https://example.org/abs/{i}", kind: abs}}
    - {{url: "https://example.org/pdf/{i}.pdf", kind: pdf}}
  topics: [topic-{t}]
  level: core
  note:
    en: "Shows on {i} examples what the method gains, and where the gain ends."
    zh: "用 {i} 个例子说明方法的收益，以及收益在哪里为止。"
  source: ["000:{i}"]
  added: "2026-01-01"
"""


def make(root: Path, entries: int) -> Path:
    """Write a catalog of so many entries, spread evenly over the topics, under ``root``."""
    area = '- id: area\n  title: {en: "Area", zh: "领域"}\n  summary: {en: "All.", zh: "全部。"}\n  topics: ['
    (root / "catalog" / "area").mkdir(parents=True)
    (root / "catalog" / "areas.yml").write_text(area + ", ".join(f"topic-{t}" for t in range(TOPICS)) + "]\n", "utf-8")
    for t in range(TOPICS):
        folder = root / "catalog" / "area" / f"topic-{t}"
        folder.mkdir()
        topic = f'id: topic-{t}\ntitle: {{en: "Topic {t}", zh: "主题 {t}"}}\nrequires: []\nsummary: {{en: "It is.", zh: "它是。"}}\n'
        (folder / "topic.yml").write_text(topic, "utf-8")
        (folder / "entries.yml").write_text("\n".join(ENTRY.format(i=i, t=t) for i in range(t, entries, TOPICS)), "utf-8")
    return root
