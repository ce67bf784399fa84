"""Stored copies, from a server that speaks the availability protocol of the Wayback Machine."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from dlatlas.catalog.fmt import formatted
from dlatlas.catalog.load import load
from dlatlas.cli import main
from dlatlas.links import archive
from dlatlas.links.archive import Archive, ArchiveError, Copy, Memory, Wanted, copies, snapshot, wanted
from dlatlas.links.result import Result
from dlatlas.links.state import State

from tests.tools.tree import write

DAYS = ("20100301000000", "20150301000000", "20210301000000")


class Handler(BaseHTTPRequestHandler):
    server: Machine

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/save/"):
            return self.save(unquote(self.path.removeprefix("/save/")))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        url = query["url"]
        self.server.asked.append((url, query.get("timestamp", "")))
        name = urlsplit(url).path.strip("/")
        hits = self.server.hits
        hits[name] += 1
        if name == "limited" and hits[name] == 1:
            return self.answer({}, 429, Retry_After="1")
        if name == "broken" or (name == "flaky" and hits[name] < 3):
            return self.answer({}, 503)
        if name == "nonsense":
            return self.answer(["?"])
        stored = {
            "other": "http://web.archive.org/web/20150301000000/https://other.example/",
            "evil": 'https://evil.example/web/20150301000000/"',
        }.get(name, f"http://web.archive.org/web/{self.nearest(query.get('timestamp', ''))}/{url}")
        closest = {"status": "404" if name == "lost" else "200", "available": name != "taken-down", "url": stored, "timestamp": ""}
        missing = name.startswith("missing") and name not in self.server.saved
        return self.answer({"url": url, "archived_snapshots": {} if missing else {"closest": closest}})

    @staticmethod
    def nearest(day: str) -> str:
        return min(DAYS, key=lambda known: abs(int(known[:8]) - int(day or "99999999")))

    def save(self, url: str) -> None:
        name = urlsplit(url).path.strip("/")
        self.server.saved.append(name)
        if name == "missing-slow":
            return self.answer({})
        return self.answer({}, 302, Location=f"/web/20260131000000/{url}")

    def answer(self, data: object, status: int = 200, **headers: str) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Machine(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.saved: list[str] = []
        self.hits: Counter[str] = Counter()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def archive(self) -> Archive:
        base = f"http://127.0.0.1:{self.server_port}"
        return Archive(f"{base}/wayback/available", f"{base}/save/", 0.01, 5, 0.01, 5, 0.3, allow_private=True)


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    made = Memory(tmp_path / "state" / "links.db")
    yield made
    made.close()


def want(name: str, near: str = "20160101") -> Wanted:
    return Wanted("e", 0, f"https://site.example/{name}", near)


def one(name: str, memory: Memory, machine: Machine, **options: object) -> Copy:
    (copy,) = copies([want(name)], memory, machine.archive, **options)  # type: ignore[arg-type]
    return copy


def test_the_nearest_copy(machine: Machine, memory: Memory) -> None:
    found = [copy.archive for copy in copies([want("a?b=c&d", "20110101"), want("b", "20200101"), want("c", "")], memory, machine.archive)]
    assert found == [
        "https://web.archive.org/web/20100301000000/https://site.example/a?b=c&d",
        "https://web.archive.org/web/20210301000000/https://site.example/b",
        "https://web.archive.org/web/20210301000000/https://site.example/c",
    ]
    assert machine.asked[0] == ("https://site.example/a?b=c&d", "20110101")


@pytest.mark.parametrize("name", ["missing", "lost", "taken-down", "other", "evil"])
def test_no_copy(machine: Machine, memory: Memory, name: str) -> None:
    assert one(name, memory, machine).archive is None


def test_it_waits_where_it_is_asked_to_but_not_for_ever(machine: Machine, memory: Memory) -> None:
    began = monotonic()
    assert one("limited", memory, machine).archive
    assert 0.3 < monotonic() - began < 0.9 and machine.hits["limited"] == 2
    assert one("flaky", memory, machine).archive and machine.hits["flaky"] == 3


def test_it_gives_up_and_goes_on_later(machine: Machine, memory: Memory) -> None:
    links = [want("a"), want("broken"), want("b")]
    with pytest.raises(ArchiveError, match=r"broken.*status 503, 5 times"):
        list(copies(links, memory, machine.archive))
    machine.asked.clear()
    links[1] = want("missing")
    assert [copy.archive is not None for copy in copies(links, memory, machine.archive)] == [True, False, True]
    assert [url for url, _ in machine.asked] == ["https://site.example/missing", "https://site.example/b"]
    machine.asked.clear()
    list(copies(links, memory, machine.archive))
    assert machine.asked == []


def test_what_was_missing_is_asked_for_again_in_time(machine: Machine, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    one("missing", memory, machine)
    monkeypatch.setattr(archive, "AGAIN", -1.0)
    one("missing", memory, machine)
    assert machine.hits["missing"] == 2


def test_an_answer_that_is_none(machine: Machine, memory: Memory) -> None:
    with pytest.raises(ArchiveError, match="not what its documentation says"):
        one("nonsense", memory, machine)


def test_saving(machine: Machine, memory: Memory) -> None:
    url = want("missing-now").url
    saved = one("missing-now", memory, machine, save=[url])
    assert (saved.archive, saved.saved) == (f"https://web.archive.org/web/20260131000000/{url}", True)
    slow = one("missing-slow", memory, machine, save=[want("missing-slow").url])
    assert (slow.archive, slow.asked) == (None, True)
    one("there", memory, machine, save=[want("there").url])
    assert machine.saved == ["missing-now", "missing-slow"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://web.archive.org/web/20150301000000/http://www.site.example:80/a/", True),
        ("https://web.archive.org/web/20150301000000id_/https://site.example/a", True),
        ("https://web.archive.org/web/2015/site.example/a", True),
        ("https://web.archive.org/web/20150301000000/https://site.example/b", False),
        ("https://web.archive.org/web/*/https://site.example/a", False),
        ("https://web.archive.org.evil.example/web/20150301000000/https://site.example/a", False),
        ('https://web.archive.org/web/20150301000000/https://site.example/a"><script>', False),
        ("", False),
    ],
)
def test_only_a_snapshot_of_the_page_is_taken(address: str, expected: bool) -> None:
    found = snapshot(address, "https://site.example/a")
    assert (found is not None) is expected
    assert found is None or found.startswith("https://web.archive.org/web/2015")


def test_what_is_wanted(tree: Path) -> None:
    entry = """
    - id: undated
      type: article
      title: {en: "Undated"}
      lang: en
      links:
        - {url: "https://t.co/x", kind: short}
        - {url: "https://undated.example/", archive: "https://web.archive.org/web/2015/x"}
        - {url: "https://web.archive.org/web/2015/https://undated.example/b"}
        - {url: "https://undated.example/c"}
        - {url: "ftp://undated.example/d"}
      topics: [pruning]
      source: ["000:9"]
    """
    write(tree, {"catalog/compression/pruning/entries.yml": entry.replace("\n    ", "\n")}, append=True)
    catalog = load(tree)
    gone = {url: Result(url, "gone", "http-404") for url in ("https://undated.example/c", "https://example.org/obd.pdf", "https://t.co/x")}
    kept = {"http://cn.arxiv.org/abs/1412.6980": Result("http://cn.arxiv.org/abs/1412.6980", "blocked", "forbidden")}
    assert wanted(catalog, gone | kept) == [
        Wanted("lecun-1989-optimal-brain-damage", 0, "https://example.org/obd.pdf", "19890701"),
        Wanted("undated", 3, "https://undated.example/c", "20141222"),  # the day of the newest work in note 000
    ]
    assert len(wanted(catalog, {}, every=True)) == 6


def test_the_command(tree: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made = machine.archive
    monkeypatch.setattr(archive, "Archive", lambda: made)
    path = tree / "catalog/compression/pruning/entries.yml"
    path.write_text("# a comment\n" + formatted(path.read_text("utf-8"), path.name), "utf-8")
    before = path.read_text("utf-8")
    assert main(["--root", str(tree), "links", "archive"]) == 0
    assert "nothing to change" in capsys.readouterr().err
    state = State(tree)
    state.record(Result("https://example.org/obd.pdf", "gone", "http-404", 404))
    state.close()
    assert main(["--root", str(tree), "links", "archive"]) == 1
    out, err = capsys.readouterr()
    copy = "https://web.archive.org/web/20100301000000/https://example.org/obd.pdf"
    line = f'    - {{url: "https://example.org/obd.pdf", kind: pdf, archive: "{copy}"}}'
    assert f"\n+{line}\n" in out and "--yes writes it" in err and path.read_text("utf-8") == before
    assert main(["--root", str(tree), "links", "archive", "--yes"]) == 0
    assert path.read_text("utf-8") == before.replace('    - {url: "https://example.org/obd.pdf", kind: pdf}', line)
    assert load(tree).entry_by_id()["lecun-1989-optimal-brain-damage"].links[0].archive == copy
    assert machine.hits["obd.pdf"] == 1
