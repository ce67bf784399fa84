from pathlib import Path

import pytest

from tests.tools.tree import make_tree


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("DLATLAS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A fabricated checkout whose lint is clean."""
    return make_tree(tmp_path / "checkout")
