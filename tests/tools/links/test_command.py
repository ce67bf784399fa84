"""The command line: what is asked, stored, printed and returned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dlatlas.cli import links_check, main
from dlatlas.links import health
from dlatlas.links.options import Options
from dlatlas.links.result import Result
from dlatlas.links.state import State

CATALOG = [
    "https://arxiv.org/abs/1412.6980",
    "http://cn.arxiv.org/abs/1412.6980",
    "https://zhuanlan.zhihu.com/p/1",
    "https://github.com/Someone/adam",
    "https://example.org/obd.pdf",
]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.strip("/").split("?")[0]
        self.server.hits[name] += 1
        if name == "slow":
            time.sleep(20)
        if self.headers.get("If-None-Match") == '"v1"':
            self.server.hits["unchanged"] += 1
            self.send_response(304)
            self.end_headers()
            return
        status = {"gone": 404, "old": 301, "wall": 403}.get(name, 200)
        body = b"<title>A page</title>" + b"words and more words " * 40
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        if name == "old":
            self.send_header("Location", "/fine")
        if name == "tagged":
            self.send_header("ETag", '"v1"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        super().__init__(("127.0.0.1", 0), Handler)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def command(root: Path, urls: list[str], *options: str) -> list[str]:
    file = root / "urls.txt"
    file.write_text("# a comment\n\n" + "\n".join([*urls, *urls]) + "\n")
    return ["--root", str(root), "links", "check", "--urls", str(file), "--allow-private", "--timeout", "3", *options]


def test_the_contract_for_other_programs(tree: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    urls = [server.url(name) for name in ("fine", "gone", "old", "wall")] + ["https://t.co/x"]
    assert main(command(tree, urls, "--json", "--max-per-host", "2", "--workers", "4")) == 0
    first = json.loads(capsys.readouterr().out)
    assert [list(result) for result in first] == [["url", "verdict", "reason", "status", "final_url", "chain", "confirmed"]] * 5
    assert [result["url"] for result in first] == urls
    assert [result["verdict"] for result in first] == ["ok", "gone", "moved", "blocked", "opaque"]
    moved = first[2]
    assert (moved["final_url"], moved["status"], moved["chain"]) == (server.url("fine"), 200, [{"url": urls[2], "status": 301}])
    assert not any(result["confirmed"] for result in first)
    asked = dict(server.hits)
    assert main(command(tree, urls, "--json")) == 1  # what was gone is asked for again, the rest is fresh
    assert [result["confirmed"] for result in json.loads(capsys.readouterr().out)] == [False, True, False, False, False]
    assert server.hits == {**asked, "gone": asked["gone"] + 1}
    assert main(command(tree, urls, "--max-age", "0")) == 1
    out, err = capsys.readouterr()
    assert "gone (twice)\thttp-404" in out and "1 ok, 1 opaque, 1 blocked, 1 moved, 1 gone (1 twice)" in err
    assert server.hits["wall"] == asked["wall"] + 1


def test_a_page_that_has_not_changed_is_not_sent_again(tree: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    for unchanged in (0, 1):
        assert main(command(tree, [server.url("tagged")], "--max-age", "0", "--json")) == 0
        assert json.loads(capsys.readouterr().out)[0]["verdict"] == "ok"
        assert server.hits["unchanged"] == unchanged


def test_strict_and_formats(tree: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    urls = [server.url("fine"), server.url("old")]
    assert main(command(tree, urls)) == 0
    assert main(command(tree, urls, "--strict")) == 1
    capsys.readouterr()
    for format, begin in (("junit", "<?xml"), ("markdown", "1 ok, 1 moved."), ("github", "::warning title=link moved::"), ("json", "[\n")):
        assert main(command(tree, urls, "--format", format)) == 0
        assert capsys.readouterr().out.startswith(begin)


def test_no_catalog_is_needed(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def none(given: object) -> Path:
        raise links_check.RootError("no catalog")

    monkeypatch.setattr(links_check, "find_root", none)
    (tmp_path / "urls").write_text(server.url("fine"))
    assert main(["links", "check", "--urls", str(tmp_path / "urls"), "--allow-private", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["verdict"] == "ok"
    assert main(["--root", str(tmp_path), "links", "check", "--urls", str(tmp_path / "urls")]) == 2


@pytest.mark.parametrize("age", ["7", "0"])
def test_an_interrupted_run_goes_on(tree: Path, server: Server, age: str) -> None:
    urls = [*(server.url(f"fine?{i}") for i in range(20)), server.url("slow")]
    arguments = command(tree, urls)
    process = subprocess.Popen(
        [sys.executable, "-m", "dlatlas.cli", *arguments[:-3], "--allow-private", "--timeout", "60", "--max-age", age],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    for _ in range(400):
        time.sleep(0.05)
        if server.hits["fine"] == 20 and server.hits["slow"]:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "stopped with 1 links to go; the same command goes on from there" in err and "Traceback" not in err
    assert main(command(tree, urls[:20], "--max-age", age)) == 0
    assert server.hits["fine"] == 20
    assert main(command(tree, urls[:20], "--max-age", age)) == 0
    assert server.hits["fine"] == (20 if age == "7" else 40)


# The catalog's links, with verdicts that a test makes up.


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Verdicts by address; all others are ok."""
    found: dict[str, str] = {}

    def answer(urls: list[str], options: Options) -> Iterator[Result]:
        for url in urls:
            yield Result(url, found.get(url, "ok"), "why", 200, checked_at=clock[0])
            clock[0] += 0.001

    clock = [time.time() - 3600]
    monkeypatch.setattr(links_check, "check", answer)
    return found


def test_the_catalog_is_the_default(tree: Path, verdicts: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    check = ["--root", str(tree), "links", "check", "--max-age", "0"]
    verdicts[CATALOG[2]] = "gone"
    assert main([*check, "--json"]) == 0
    assert [result["url"] for result in json.loads(capsys.readouterr().out)] == CATALOG
    known = health.read(tree)
    assert sorted(known) == sorted(CATALOG) and known[CATALOG[2]].verdict == "gone" and not known[CATALOG[2]].dead
    assert main([*check, "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith("::error file=catalog/training/optimizers/entries.yml,line=")
    assert health.read(tree)[CATALOG[2]].dead
    rule = '- match: "https://zhuanlan.zhihu.com/*"\n  reason: "looked"\n  until: "2999-01-01"\n  verdicts: [gone]\n'
    (tree / "catalog/ignore-links.yml").write_text(rule)
    assert main([*check, "--format", "github"]) == 0
    assert capsys.readouterr().out == ""


def test_status_report_and_changes(tree: Path, verdicts: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    links = ["--root", str(tree), "links"]
    assert main([*links, "changes"]) == 2
    assert "run dlatlas links check first" in capsys.readouterr().err
    assert main([*links, "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["never_checked"] == 5
    assert main([*links, "check"]) == 0
    assert main([*links, "changes", "--mark"]) == 0
    verdicts.update({CATALOG[2]: "gone", CATALOG[4]: "moved"})
    for _ in range(2):
        main([*links, "check", "--max-age", "0"])
    capsys.readouterr()
    assert main([*links, "changes"]) == 1
    out = capsys.readouterr().out
    assert f"<{CATALOG[2]}>" in out and f"<{CATALOG[4]}>" in out and CATALOG[0] not in out
    assert main([*links, "changes", "--mark"]) == 1
    assert main([*links, "changes"]) == 0
    capsys.readouterr()
    assert main([*links, "report", "--format", "json"]) == 1
    assert [r["url"] for r in json.loads(capsys.readouterr().out) if r["confirmed"]] == [CATALOG[2]]
    assert main([*links, "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["links"], told["never_checked"], told["gone_twice"]) == (5, 0, 1)
    assert told["verdicts"] == {"ok": 3, "moved": 1, "gone": 1}
    assert main([*links, "status"]) == 0
    assert "gone twice: 1" in capsys.readouterr().out


def test_a_machine_without_a_network_says_nothing_about_the_links(
    tree: Path, verdicts: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(links_check, "CUT_OFF", 5)
    check = ["--root", str(tree), "links", "check", "--max-age", "0"]
    assert main(check) == 0
    before = health.read(tree)
    monkeypatch.setattr(links_check, "check", lambda urls, options: (Result(url, "unreachable", "dns-failure") for url in urls))
    assert main(check) == 2
    assert "is this machine connected?" in capsys.readouterr().err
    assert health.read(tree) == before


def test_a_link_that_left_the_catalog_is_not_told(tree: Path, verdicts: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    state = State(tree)
    state.record(Result("https://left.example/", "gone", "http-404"))
    state.close()
    assert main(["--root", str(tree), "links", "report"]) == 0
    out, err = capsys.readouterr()
    assert out == "" and "5 links have never been checked" in err


def test_the_built_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.html").write_text('<a href="no/"><img src="https://x.example/a.png"><a href="/index.html">')
    assert main(["links", "site", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == "index.html: leads nowhere: no/\n" and err == "1 pages, 2 internal links, 1 problems\n"
    assert main(["links", "site", str(tmp_path), "--json", "--self-contained", "--relative"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "pages": 1,
        "links": 2,
        "problems": [
            {"page": "index.html", "url": "/index.html", "reason": "absolute"},
            {"page": "index.html", "url": "no/", "reason": "missing"},
            {"page": "index.html", "url": "https://x.example/a.png", "reason": "foreign"},
        ],
    }
    (tmp_path / "index.html").write_text("")
    assert main(["links", "site", str(tmp_path)]) == 0
    assert main(["links", "site", str(tmp_path / "none")]) == 2


@pytest.mark.parametrize(
    "options",
    [["--timeout", "0"], ["--workers", "0"], ["--workers", "x"], ["--max-age", "-1"], ["--urls", "/nonexistent"], ["--format", "csv"]],
)
def test_bad_options(tree: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(["--root", str(tree), "links", "check", *options])
    except SystemExit as error:
        status = error.code  # type: ignore[assignment]
    assert status == 2
    assert options[1] in capsys.readouterr().err
