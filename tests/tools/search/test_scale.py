"""Many documents: the ranking of the first candidates, and what the benchmark writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dlatlas.catalog.load import load
from dlatlas.search import bench, engine, rivals
from dlatlas.search.build import source_of
from dlatlas.search.documents import Document
from dlatlas.search.synthetic import synthetic

from tests.tools.search.made import ask, document, ids, index_of

QUERIES = ("adam", "optimizer", "剪枝", "stochastic optimization", "优化器 权重衰减", "optimizer type:paper", "optmizer")


@pytest.fixture
def documents(tree: Path) -> list[Document]:
    return list(synthetic(list(source_of(load(tree)).documents), 400))


def test_synthetic_documents_are_like_the_real_ones(tree: Path, documents: list[Document]) -> None:
    assert documents == list(synthetic(list(source_of(load(tree)).documents), 400))
    assert len({document.id for document in documents}) == 400 == len({document.keys for document in documents})
    assert {document.type for document in documents} == {"paper", "article", "code"}
    assert any("optimizer" in document.fields["note"] or "优化" in document.fields["title"] for document in documents)


def test_few_candidates_keep_the_best(documents: list[Document], monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer candidates than matches the most essential ones and those with the words in their names are still ranked."""
    best = [document("title", "Zeta"), document("essential", "Eta", note="zeta", prior=2.0)]
    others = [document(f"other-{i}", "Something", note="zeta once") for i in range(200)]
    database = index_of(*others, *best, *documents)
    everything = ask(database, "zeta")
    monkeypatch.setattr(engine, "EXACT", 20)
    monkeypatch.setattr(engine, "FIRST", 20)
    some = ask(database, "zeta")
    assert ids(everything)[:2] == ids(some)[:2] == ["title", "essential"]
    assert everything.total == some.total == 202


def test_the_count_stops(documents: list[Document], monkeypatch: pytest.MonkeyPatch) -> None:
    database = index_of(*documents)
    whole = ask(database, "type:article").total
    monkeypatch.setattr(engine, "EXACT", 20)
    monkeypatch.setattr(engine, "FIRST", 20)
    monkeypatch.setattr(engine, "COUNTED", 50)
    assert whole > 100 and ask(database, "type:article").total == 50


def test_rivals_find_what_the_search_finds(documents: list[Document], tmp_path: Path) -> None:
    prepared = [(d.id, [" ".join(rivals.tokens(d.fields.get(name, ""))) for name in rivals.FIELDS]) for d in documents]
    database = index_of(*documents)
    rivals.write_scan(tmp_path, prepared)
    title = max((document.title["en"] for document in documents), key=len)
    named = {document.id for document in documents if document.title["en"] == title}
    assert named <= set(rivals.scan(tmp_path, title)) and ids(ask(database, title))[0] in named
    assert rivals.scan(tmp_path, "nothing of the kind") == []


def test_the_benchmark_writes_its_numbers(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "search.json"
    command = [sys.executable, "-m", "dlatlas.search.bench", "--root", str(tree), "--documents", "30", "--repeats", "1", "--out", str(out)]
    subprocess.run([*command, "--engines", "sqlite,scan", "--queries", "2"], check=True, capture_output=True)
    result = json.loads(out.read_text("utf-8"))
    assert [(row["engine"], row["documents"]) for row in result["scale"]] == [("sqlite", 30), ("scan", 30)]
    for row in result["scale"]:
        assert {"build_s", "build_cpu_s", "peak_mib", "file_mib", "cold_ms", "cold_cpu_ms"} <= row.keys()
        assert 0 < row["cold_ms"]["p50"] <= row["cold_ms"]["max"]
        assert set(row["queries_ms"]) == set(bench.QUERIES[:2]) == set(result["queries"])
