"""The cached catalog: equal to the files, renewed by any change, never trusted when damaged."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

import pytest
from dlatlas.catalog import cache
from dlatlas.catalog.load import CatalogError, load, read

from tests.tools.catalog.synthetic import make

MODULE = sys.modules[load.__module__]  # the package exports a function of the module's name


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLATLAS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def kept(tree: Path) -> Path:
    """The cache file of the tree, filled."""
    load(tree)
    return cache._path(tree)


def is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether loading reads the files instead of the cache."""
    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(MODULE, "read", lambda *args, **kwargs: calls.append(1) or read(*args, **kwargs))
        assert load(root) == read(root).catalog
    return bool(calls)


def test_the_second_load_is_from_the_cache_and_equal(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_read(tree, monkeypatch)
    assert not is_read(tree, monkeypatch)


def test_any_change_of_any_file_renews_it(tree: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("areas.yml", "glossary.yml", "training/lstm/topic.yml", "training/optimizers/entries.yml"):
        path = tree / "catalog" / name
        path.write_text(path.read_text("utf-8") + "# changed\n", "utf-8")
        assert is_read(tree, monkeypatch) and not is_read(tree, monkeypatch)
    (tree / "catalog/training/optimizers/entries.yml").unlink()
    assert is_read(tree, monkeypatch)
    (tree / "catalog/stray.yaml").write_text("", "utf-8")
    with pytest.raises(CatalogError, match="stray-file"):
        load(tree)


@pytest.mark.parametrize("damage", [lambda d: b"", lambda d: d[:70], lambda d: d[:-1], lambda d: d[:-1] + b"\0", lambda d: b"x" + d[1:]])
def test_a_damaged_file_is_made_anew(tree: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, damage) -> None:  # type: ignore[no-untyped-def]
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert is_read(tree, monkeypatch)
    assert kept.read_bytes() == whole


def test_a_file_of_another_format_is_made_anew(tree: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payload = b"\x81\xa5areas\x01"
    kept.write_bytes(kept.read_bytes()[: cache.DIGEST] + hashlib.sha256(payload).digest() + payload)
    assert is_read(tree, monkeypatch) and not is_read(tree, monkeypatch)


def test_without_a_cache_folder_it_loads(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("DLATLAS_CACHE", str(tmp_path / "file"))
    assert is_read(tree, monkeypatch) and is_read(tree, monkeypatch)


def test_a_catalog_with_problems_is_not_kept(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "catalog/training/lstm/entries.yml").write_text("- {id: a}\n", "utf-8")
    for _ in range(2):
        with pytest.raises(CatalogError):
            load(tree)
    assert not cache._path(tree).exists()


def test_a_file_written_while_it_was_read_is_not_kept(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tree / "catalog/glossary.yml"

    def read_and_write(*args: object, **kwargs: object) -> object:
        found = read(*args, **kwargs)  # type: ignore[arg-type]
        path.write_text(path.read_text("utf-8") + "# meanwhile\n", "utf-8")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(MODULE, "read", read_and_write)
        load(tree)
    assert not cache._path(tree).exists()


def test_lines_are_forgotten_only_where_nobody_asks(tree: Path) -> None:
    origin = read(tree).origins["entry", "zhihu-p-1"]
    brief = read(tree, lines=False).origins["entry", "zhihu-p-1"]
    assert brief.line() == origin.line() and origin.line("type") == origin.line() + 1
    assert len(brief.document.lines) < len(origin.document.lines) / 5


def test_a_thousand_entries_are_fast(tmp_path: Path) -> None:
    """Generous bounds on processor time; the benchmark gives the figures."""
    root = make(tmp_path / "many", 1000)

    def seconds() -> float:
        start = time.process_time()
        assert len(load(root).entries) == 1000
        return time.process_time() - start

    assert seconds() < 1
    assert min(seconds() for _ in range(5)) < 0.05
