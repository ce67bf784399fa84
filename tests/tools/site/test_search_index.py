"""The static index of the site's search: what Python writes, the browser's reader finds."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dlatlas.site import node_tools, search_index
from dlatlas.site.search_index import STEPS, Record, write

READER = Path(__file__).resolve().parents[3] / "docs/assets/search-index.js"

LOOK = f"""
import {{ readFileSync }} from "node:fs";
globalThis.fetch = async (url) => {{
  const content = readFileSync(url);
  return {{ ok: true, json: async () => JSON.parse(content), arrayBuffer: async () => Uint8Array.from(content).buffer }};
}};
const {{ Index }} = await import("{READER.as_uri()}");
const [folder, asked] = process.argv.slice(1);
const index = await Index.open(folder);
const {{ phrases, allowed, records, filters }} = JSON.parse(asked);
console.log(JSON.stringify({{
  phrases: await Promise.all(phrases.map(async (words) => [...await index.look(words, allowed && new Set(allowed))])),
  records: await Promise.all(records.map((record) => index.shown(record))),
  filters: await Promise.all(filters.map((filter) => index.values(filter))),
}}));
"""


def ask(folder: Path, **asked: Any) -> dict[str, Any]:
    """What the reader of the browser finds in an index."""
    question = json.dumps({"phrases": [], "allowed": None, "records": [], "filters": []} | asked)
    command = [node_tools.executable(), "--input-type=module", "--eval", LOOK, f"{folder.as_uri()}/", question]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, timeout=60).stdout))


def test_the_reader_finds_what_a_scan_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_index, "FULL", 200)
    draw = random.Random(0)
    words = ["a", "ab", "b", "剪枝", "枝剪", "𠀀字", "\uffee", "zero"]
    records = [
        Record({"id": str(n)}, {}, [(draw.choice([0.02, 0.5, 4.0, 10.0]), draw.choices(words[:-1], k=draw.randrange(9))) for _ in range(3)])
        for n in range(300)
    ]
    assert write(records, tmp_path) == 300
    assert len(json.loads((tmp_path / "index.json").read_text("utf-8"))["words"]) > 3
    phrases = [[word] for word in words] + [draw.choices(words[:-1], k=draw.choice([2, 3])) for _ in range(30)]
    for phrase, found in zip(phrases, ask(tmp_path, phrases=phrases)["phrases"], strict=True):
        expected = {}
        for n, record in enumerate(records):
            runs = [(s, list(part)) for s, part in record.parts]
            sums = sum(s for s, part in runs for i in range(len(part)) if part[i : i + len(phrase)] == phrase)
            if sums:
                expected[n] = sums
        assert dict(found).keys() == expected.keys(), phrase
        assert [strength for _, strength in found] == pytest.approx([expected[n] for n, _ in found], rel=2 ** (1 / STEPS) - 1)


def test_filters_and_what_is_shown(tmp_path: Path) -> None:
    facets = [{"type": ["paper"], "year": ["2017", "2018"]}, {"type": ["code"]}]
    write([Record({"id": f"{n} “x”"}, facets[n % 2], [(1.0, ["word", "more"])]) for n in range(20)], tmp_path)
    phrases = [["word"], ["word", "more"], ["none"]]
    found = ask(tmp_path, phrases=phrases, allowed=[3, 19], records=[0, 7, 8, 19], filters=["type", "year", "lang"])
    assert found["phrases"] == [[[3, 1], [19, 1]], [[3, 1], [19, 1]], []]
    assert [record["id"] for record in found["records"]] == ["0 “x”", "7 “x”", "8 “x”", "19 “x”"]
    even, odd = list(range(0, 20, 2)), list(range(1, 20, 2))
    assert found["filters"] == [{"paper": even, "code": odd}, {"2017": even, "2018": even}, {}]


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    assert write([], tmp_path) == 0
    assert ask(tmp_path, phrases=[["word"]])["phrases"] == [[]]
