"""The Python interface: names of the package, and loading from anywhere."""

from __future__ import annotations

from pathlib import Path

import dlatlas
import pytest
from dlatlas import Catalog, Entry, load
from dlatlas.root import RootError


def test_names() -> None:
    assert all(getattr(dlatlas, name) is not None for name in dlatlas.__all__)
    with pytest.raises(AttributeError, match="no attribute 'catalogue'"):
        _ = dlatlas.catalogue


def test_loading(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog.load(tree)
    assert catalog == Catalog.load(str(tree)) == load(tree)
    assert isinstance(catalog.entries[0], Entry)
    monkeypatch.chdir(tree / "catalog")
    assert Catalog.load() == catalog
    monkeypatch.setenv("DLATLAS_ROOT", str(tmp_path))
    with pytest.raises(RootError):
        Catalog.load()
