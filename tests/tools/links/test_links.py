"""``dlatlas links check`` on a loopback server."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dlatlas.cli import main
from dlatlas.links.options import Options
from dlatlas.links.result import Result

from tests.tools.links.conftest import Site


def command(tree: Path, urls: list[str], *options: str) -> int:
    file = tree / "urls.txt"
    file.write_text("# a comment\n" + "\n".join(urls) + "\n")
    return main(["--root", str(tree), "links", "check", "--urls", str(file), "--allow-private", "--timeout", "3", *options])


def test_gone_twice_fails(tree: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    urls = [site("ok"), site("missing")]
    assert command(tree, urls, "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert [list(result) for result in first] == [["url", "verdict", "reason", "status", "final_url", "chain", "confirmed"]] * 2
    assert [(result["verdict"], result["confirmed"]) for result in first] == [("ok", False), ("gone", False)]
    assert command(tree, urls, "--json") == 1
    assert [result["confirmed"] for result in json.loads(capsys.readouterr().out)] == [False, True]
    assert site.hits["GET /ok"] == 1 and site.hits["GET /missing"] == 2
    assert command(tree, urls, "--max-age", "0") == 1
    assert "gone (twice)\thttp-404" in capsys.readouterr().out
    assert site.hits["GET /ok"] == 2


def test_back_again_is_not_confirmed(tree: Path, site: Site) -> None:
    assert command(tree, [site("missing")]) == 0
    with sqlite3.connect(tree / "state/links.db") as database:
        database.execute("UPDATE links SET verdict = 'ok'")
    database.close()
    assert command(tree, [site("missing")], "--max-age", "0") == 0


def test_a_killed_run_goes_on(tree: Path, site: Site) -> None:
    """What was done before the kill is not asked again."""
    file = tree / "urls.txt"
    file.write_text("\n".join([site("ok"), site("paper.pdf"), site("silent")]))
    arguments = ["--root", str(tree), "links", "check", "--urls", str(file), "--allow-private", "--timeout", "60"]
    process = subprocess.Popen([sys.executable, "-m", "dlatlas.cli", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        time.sleep(0.05)
        if (tree / "state/links.db").exists() and _stored(tree) == 2:
            break
    process.kill()
    process.wait()
    assert _stored(tree) == 2
    assert command(tree, [site("ok"), site("paper.pdf")]) == 0
    assert site.hits["GET /ok"] == 1


def _stored(tree: Path) -> int:
    try:
        with sqlite3.connect(tree / "state/links.db") as database:
            return int(database.execute("SELECT count(*) FROM links").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_the_catalog_is_the_default(tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(urls: list[str], options: Options) -> list[Result]:
        asked.extend(urls)
        return [Result(url, "ok", "http-200", 200) for url in urls]

    monkeypatch.setattr("dlatlas.cli.links_check.check", answer)
    assert main(["--root", str(tree), "links", "check"]) == 0
    assert asked == [
        "https://arxiv.org/abs/1412.6980",
        "http://cn.arxiv.org/abs/1412.6980",
        "https://zhuanlan.zhihu.com/p/1",
        "https://github.com/Someone/adam",
        "https://example.org/obd.pdf",
    ]
    assert "5 ok" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [["--timeout", "0"], ["--workers", "0"], ["--workers", "x"], ["--max-age", "-1"], ["--urls", "/nonexistent"]]
)
def test_bad_options(tree: Path, option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(["--root", str(tree), "links", "check", *option])
    except SystemExit as error:
        status = error.code  # type: ignore[assignment]
    assert status == 2
    assert option[1] in capsys.readouterr().err
