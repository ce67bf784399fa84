"""Storing what figures show: once, with the code's hash, and again when the code has moved."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dlatlas.evidence.figures import UnknownFigure, names, read, run, state
from dlatlas.evidence.store import EvidenceError

from tests.tools.tree import write

MODULE = "def data():\n    return {'x': [1.0, 2.0]}\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout with two figures, in the place of the real ``refimpl``."""
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "refimpl"}
    for name in kept:
        del sys.modules[name]
    monkeypatch.syspath_prepend(str(tmp_path))
    package = {f"refimpl/{name}": "" for name in ("__init__.py", "figures/__init__.py", "figures/plain.py")}
    write(tmp_path, {**package, "refimpl/figures/first_one.py": MODULE, "refimpl/figures/second.py": MODULE})
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "refimpl"]:
        del sys.modules[name]
    sys.modules.update(kept)


def test_figures_are_stored_with_what_made_them(checkout: Path) -> None:
    assert names(checkout) == ["first-one", "second"]
    assert state(checkout, "second") == "missing"
    run(checkout)
    found = read(checkout, "first-one")
    assert found is not None and found.data == {"x": [1.0, 2.0]}
    assert found.command == "dlatlas figures run first-one" and found.date and found.environment["torch"]
    assert [state(checkout, name) for name in names(checkout)] == ["fresh", "fresh"]


def test_only_what_is_stale_is_computed_again(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(checkout)
    write(checkout, {"refimpl/figures/second.py": "# changed\n"}, append=True)
    assert [state(checkout, name) for name in names(checkout)] == ["fresh", "stale"]
    capsys.readouterr()
    run(checkout)
    told = capsys.readouterr().err
    assert "second (1 of 1)" in told and "first-one" not in told
    run(checkout)
    assert "every figure is fresh" in capsys.readouterr().err


def test_a_figure_that_is_not_there_is_named(checkout: Path) -> None:
    with pytest.raises(UnknownFigure, match="no figure third; expected one of first-one, second"):
        run(checkout, ["third"])


def test_a_file_that_cannot_be_read_is_named(checkout: Path) -> None:
    write(checkout, {"evidence/figures/second.json": "{"})
    with pytest.raises(EvidenceError, match=r"evidence/figures/second\.json cannot be read"):
        read(checkout, "second")
