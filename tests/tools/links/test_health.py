"""The file from which the site knows how links are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from dlatlas.links.health import FILE, Health, HealthError, read, write

OK = Health("https://b.example/", "ok", "http-200", 200, checked="2026-01-31", since="2026-01-03")
GONE = Health("https://a.example/网", "gone", "http-404", 404, archive="https://web.archive.org/web/2019/x", confirmed=True)


def test_round_trip_sorted(tmp_path: Path) -> None:
    path = write(tmp_path, [OK, GONE])
    assert path == tmp_path / FILE
    assert list(read(tmp_path).items()) == [(GONE.url, GONE), (OK.url, OK)]
    assert "网" in path.read_text("utf-8") and len(path.read_text("utf-8").splitlines()) == 4
    write(tmp_path, [])
    assert read(tmp_path) == {}


def test_nothing_checked_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path) == {}


def test_dead_only_when_confirmed() -> None:
    assert GONE.dead and not OK.dead
    assert not Health("u", "gone", "http-404").dead


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "expected a list of links, got dict"),
        ("[1]", "link 1: expected a mapping of archive, checked"),
        ('[{"url": "x"}]', "link 1: expected a mapping"),
        ('[{"url": "x", "verdict": "ok", "reason": "", "more": 1}]', "link 1: expected a mapping"),
        ('[{"url": "x", "verdict": "fine", "reason": ""}]', "expected a verdict of ok, moved, .* got 'fine'"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(text)
    with pytest.raises(HealthError, match=message):
        read(tmp_path)


def test_reading_imports_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from dlatlas.links import health; health.read(Path('.')); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout.split()
    assert not {"requests", "urllib3", "msgspec", "torch", "sqlite3"} & set(loaded)
