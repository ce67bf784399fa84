"""What a query finds, in which order, and how the index lives in the cache."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from dlatlas.catalog.load import CatalogError
from dlatlas.search import index, search

from tests.tools.tree import make_tree

PAPER, ARTICLE, CODE, DAMAGE = "kingma-2014-adam", "zhihu-p-1", "gh-someone-adam", "lecun-1989-optimal-brain-damage"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLATLAS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ids(tree: Path, query: str, limit: int = 20, **filters: str) -> list[str]:
    return [hit["id"] for hit in search(tree, query, filters=filters, limit=limit).hits]


@pytest.mark.parametrize("query", ["剪枝", "pruning", "Pruned", "weight pruning", "剪 枝"])
def test_languages_cross(tree: Path, query: str) -> None:
    """An entry whose title is only English is found by the Chinese name of its topic, and the topic stands first."""
    found = ids(tree, query)
    assert DAMAGE in found
    if query != "剪 枝":
        assert found[0] == "pruning"


@pytest.mark.parametrize(
    "query",
    [
        "1412.6980",
        "arXiv:1412.6980v9",
        "https://arxiv.org/pdf/1412.6980v2.pdf",
        "http://cn.arxiv.org/abs/1412.6980",
        "https://doi.org/10.48550/arXiv.1412.6980",
        "kingma-2014-adam",
        "Adam: A Method for Stochastic Optimisation",
    ],
)
def test_ids_addresses_and_whole_titles_come_first(tree: Path, query: str) -> None:
    assert ids(tree, query)[0] == PAPER


def test_topics_and_methods_of_that_name_come_first(tree: Path) -> None:
    assert ids(tree, "adam")[0] == "adam"
    assert ids(tree, "lstm")[:2] == ["lstm", "lstm"]
    assert [hit["type"] for hit in search(tree, "lstm").hits] == ["topic", "method"]
    assert ids(tree, "梯度下降")[0] == "optimizers"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("优化器 权重衰减", ARTICLE),
        ("權重衰減", ARTICLE),
        ("weight decay", ARTICLE),
        ("someone", CODE),
        ("zhuanlan.zhihu", ARTICLE),
        ("lecun", DAMAGE),
        ("author:lecun", DAMAGE),
        ('"optimal brain"', DAMAGE),
        ("stochastc optimizaton", PAPER),
        ("pytorch", CODE),
        ("brain surgery", DAMAGE),
    ],
)
def test_finds(tree: Path, query: str, expected: str) -> None:
    assert ids(tree, query)[0] == expected


def test_corrections_are_named(tree: Path) -> None:
    assert search(tree, "stochastc").corrected == {"stochastc": "stochastic"}
    assert search(tree, "stochastic").corrected == {}


@pytest.mark.parametrize("query", ['"brain optimal"', "adam -method -code -adam", "author:adam", "zzzzzz", "", "((("])
def test_finds_nothing(tree: Path, query: str) -> None:
    assert ids(tree, query) == []


def test_excluded_words(tree: Path) -> None:
    assert PAPER in ids(tree, "optimizer")
    assert PAPER not in ids(tree, "optimizer -stochastic")


def test_filters(tree: Path) -> None:
    assert ids(tree, "adam", type="paper") == [PAPER]
    assert ids(tree, "adam type:code") == [CODE]
    assert ids(tree, "type:paper") == [PAPER, DAMAGE]
    assert set(ids(tree, "optimizer", topic="pruning")) == {ARTICLE}
    assert ids(tree, "优化器", lang="zh", type="article") == [ARTICLE]
    assert len(ids(tree, "optimizer", limit=2)) == 2
    assert ids(tree, "https://arxiv.org/abs/1412.6980", type="code") == []


def test_hits_have_the_agreed_form(tree: Path) -> None:
    hit = search(tree, "kingma-2014-adam").hits[0]
    assert list(hit) == ["id", "type", "title", "topics", "urls", "score"]
    assert hit["title"] == {"en": "Adam: A Method for Stochastic Optimization", "zh": "Adam：一种随机优化方法"}
    assert hit["urls"] == ["https://arxiv.org/abs/1412.6980", "http://cn.arxiv.org/abs/1412.6980"]
    scores = [hit["score"] for hit in search(tree, "optimizer").hits]
    assert scores == sorted(scores, reverse=True)


def test_suggestions(tree: Path) -> None:
    answer = search(tree, "prrruuning")
    assert (answer.hits, answer.suggestions) == ([], ["pruning"])
    assert search(tree, "adam").suggestions == []


def test_the_index_is_kept_and_follows_the_catalog(tree: Path, cache: Path) -> None:
    ids(tree, "adam")
    (stored,) = cache.glob("search-*")
    before = stored.stat().st_ino
    ids(tree, "adam")
    assert stored.stat().st_ino == before
    entries = tree / "catalog/compression/pruning/entries.yml"
    entries.write_text(entries.read_text("utf-8").replace("Optimal Brain Damage", "Optimal Brain Repair"), "utf-8")
    assert ids(tree, "repair")[0] == DAMAGE
    assert list(cache.glob("search-*")) == [stored] and stored.stat().st_ino != before


def test_a_touched_catalog_keeps_its_index(tree: Path, cache: Path) -> None:
    ids(tree, "adam")
    (stored,) = cache.glob("search-*")
    before = stored.stat().st_ino
    for _ in range(2):
        os.utime(tree / "catalog/areas.yml", ns=(1, 1))
        assert ids(tree, "adam")[0] == "adam"
    assert stored.stat().st_ino == before


@pytest.mark.parametrize("damage", [b"", b"not a database", None])
def test_a_damaged_index_is_built_anew(tree: Path, cache: Path, damage: bytes | None) -> None:
    expected = ids(tree, "adam")
    (stored,) = cache.glob("search-*")
    data = stored.read_bytes()
    stored.write_bytes(damage if damage is not None else data[:8192] + b"\xff" * (len(data) - 8192))
    assert ids(tree, "adam") == expected
    assert stored.stat().st_size == len(data)


def test_an_index_made_by_other_code_is_built_anew(tree: Path, cache: Path) -> None:
    ids(tree, "adam")
    (stored,) = cache.glob("search-*")
    with sqlite3.connect(stored) as database:
        database.execute("UPDATE meta SET value = '0' WHERE name IN ('stamp', 'content')")
        database.execute("DELETE FROM docs")
    database.close()
    assert ids(tree, "adam")[0] == "adam"


def test_without_a_writable_cache_the_index_is_in_memory(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("DLATLAS_CACHE", str(blocked / "below"))
    assert ids(tree, "adam")[0] == "adam"


def test_an_interrupted_build_leaves_the_old_index(tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids(tree, "adam")
    (stored,) = cache.glob("search-*")
    before = stored.read_bytes()

    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dlatlas.search.build._add_families", interrupt)
    with pytest.raises(KeyboardInterrupt):
        index.rebuild(tree)
    assert list(cache.glob("search-*")) == [stored] and stored.read_bytes() == before


def test_what_killed_builds_left_is_removed(tree: Path, cache: Path) -> None:
    ids(tree, "adam")
    (stored,) = cache.glob("search-*")
    old, new = (stored.with_name(f"{stored.name}{name}.part") for name in ("old", "new"))
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (1, 1))
    index.rebuild(tree).close()
    assert not old.exists() and new.exists()


def test_a_catalog_that_does_not_load_says_so(tree: Path) -> None:
    (tree / "catalog/areas.yml").write_text("- {id: 5}\n")
    with pytest.raises(CatalogError, match=r"areas\.yml:1"):
        search(tree, "adam")


def test_many_processes_at_once(tmp_path: Path, cache: Path) -> None:
    tree = make_tree(tmp_path / "many")
    code = "import sys; from pathlib import Path; from dlatlas.search import search; print(search(Path(sys.argv[1]), 'adam').hits[0]['id'])"
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tree)], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["adam\n"] * 4
    assert len(list(cache.glob("search-*"))) == 1


def test_a_query_on_a_built_index_imports_little(tree: Path) -> None:
    ids(tree, "adam")
    code = (
        "import sys; from dlatlas.cli import main; status = main(['--root', sys.argv[1], 'search', 'adam']);"
        "heavy = {'torch', 'requests', 'rich', 'yaml', 'msgspec', 'numpy'} & set(sys.modules); print(status, sorted(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", code, str(tree)], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "0 []"
