"""Drafts of new works: from the identifier, from services on loopback, and into the files."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dlatlas.catalog import metadata
from dlatlas.catalog.add import AddError, draft, holders, insert, key_of, rendered
from dlatlas.catalog.fmt import formatted
from dlatlas.catalog.lint import lint
from dlatlas.catalog.load import load
from dlatlas.catalog.metadata import Facts, LookupFailed, Services, look_up
from dlatlas.catalog.model import Code, Ids
from dlatlas.cli import main

TODAY = date(2026, 1, 2)

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">
  <entry>
    <id>http://arxiv.org/abs/1502.03167v3</id>
    <published>2015-02-11T01:44:18Z</published>
    <title>Batch Normalization: Accelerating Deep Network
  Training</title>
    <author><name>Sergey Ioffe</name></author>
    <author><name>Christian Szegedy</name></author>
    <arxiv:journal_ref>ICML 2015</arxiv:journal_ref>
  </entry>
</feed>"""

WORK = {
    "status": "ok",
    "message": {
        "type": "journal-article",
        "title": ["Deep <i>learning</i> again"],
        "author": [{"given": "Yann", "family": "LeCun"}, {"name": "A Group"}, None, {"given": 1}],
        "container-title": ["Nature"],
        "issued": {"date-parts": [[2015, 5]]},
    },
}

REPOSITORY = {
    "full_name": "Someone/Batch-Norm",
    "created_at": "2016-01-02T03:04:05Z",
    "description": "Batch normalization in PyTorch",
    "license": {"spdx_id": "MIT"},
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path
        if path.startswith("/arxiv?id_list=1502.03167&"):
            self.answer(200, FEED)
        elif path.startswith("/arxiv?id_list=1502.00001&"):
            self.answer(200, '<feed xmlns="http://www.w3.org/2005/Atom"/>')
        elif path.startswith("/arxiv?id_list=1502.00002&"):
            self.answer(200, "<html")
        elif path.startswith("/arxiv?id_list=1502.00003&"):
            self.answer(200, '<!DOCTYPE x [<!ENTITY a "b">]><feed/>')
        elif path.startswith("/arxiv?id_list=1502.00004&"):
            time.sleep(3)
        elif path.startswith("/arxiv?id_list=1502.00005&"):
            self.answer(200, "x" * (metadata.LIMIT + 9))
        elif path == "/crossref/10.1000%2Fx":
            self.answer(200, json.dumps(WORK))
        elif path == "/crossref/10.1000%2Flist":
            self.answer(200, "[]")
        elif path == "/github/someone/batch-norm":
            self.answer(200, json.dumps(REPOSITORY))
        elif path == "/github/someone/limited":
            self.answer(403, "{}")
        else:
            self.answer(404, "{}")

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def services() -> Iterator[Services]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    yield Services(f"{base}/arxiv", f"{base}/crossref", f"{base}/github", timeout=1, allow_private=True)
    server.shutdown()
    server.server_close()


def test_facts(services: Services) -> None:
    assert look_up("arxiv:1502.03167", services) == Facts(
        type="paper",
        title="Batch Normalization: Accelerating Deep Network Training",
        authors=("Sergey Ioffe", "Christian Szegedy"),
        date="2015-02-11",
        venue="ICML 2015",
        ids=Ids(arxiv="1502.03167"),
    )
    assert look_up("doi:10.1000/x", services) == Facts(
        title="Deep learning again", authors=("Yann LeCun", "A Group"), date="2015-05", venue="Nature", ids=Ids(doi="10.1000/x")
    )
    assert look_up("github:someone/batch-norm", services) == Facts(
        type="code",
        title="Someone/Batch-Norm",
        date="2016-01-02",
        ids=Ids(github="Someone/Batch-Norm"),
        code=Code("pytorch", license="MIT"),
    )
    assert look_up("example.org/a", services) is None and look_up("github:a/b/tree/x", services) is None


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("arxiv:1502.00001", "arXiv has no paper 1502.00001"),
        ("arxiv:1502.00002", "something else than a feed"),
        ("arxiv:1502.00003", "something else than a feed"),
        ("arxiv:1502.00004", "no answer in 1 s"),
        ("arxiv:1502.00005", "longer than"),
        ("doi:10.1000/nothing", "answered 404: not found"),
        ("doi:10.1000/list", "something else than an object"),
        ("github:someone/limited", "answered 403: refused"),
    ],
)
def test_what_services_fail_at(services: Services, key: str, message: str) -> None:
    with pytest.raises(LookupFailed, match=message):
        look_up(key, services)


def test_private_addresses_are_not_asked_and_a_closed_port_is_told(services: Services) -> None:
    with pytest.raises(LookupFailed, match=r"cannot ask 127\.0\.0\.1: private-address"):
        look_up("doi:10.1000/x", Services(crossref=services.crossref))
    with pytest.raises(LookupFailed, match=r"cannot ask 127\.0\.0\.1: refused"):
        look_up("doi:10.1000/x", Services(crossref="http://127.0.0.1:1", allow_private=True))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("https://arxiv.org/pdf/1412.6980v9.pdf", "arxiv:1412.6980"),
        ("1412.6980", "arxiv:1412.6980"),
        ("10.1038/Nature14539", "doi:10.1038/nature14539"),
        (" Someone/Adam ", "github:someone/adam"),
        ("978-0-262-03561-3", "isbn:9780262035613"),
        ("example.org/a", "example.org/a"),
    ],
)
def test_keys(text: str, key: str) -> None:
    assert key_of(text) == key


@pytest.mark.parametrize("text", ["", "adam", "two words", "ftp:", "a/b/c"])
def test_what_is_no_work(text: str) -> None:
    with pytest.raises(AddError, match="expected an address"):
        key_of(text)


def test_present_works_are_found_in_any_form(tree: Path) -> None:
    catalog = load(tree)
    for text in ("https://arxiv.org/pdf/1412.6980v2", "http://cn.arxiv.org/abs/1412.6980", "10.48550/arXiv.1412.6980"):
        assert [entry.id for entry in holders(catalog, [key_of(text)])] == ["kingma-2014-adam"]
    assert [entry.id for entry in holders(catalog, [key_of("SOMEONE/adam")])] == ["gh-someone-adam"]
    assert holders(catalog, [key_of("1502.03167")]) == []


def test_a_draft_with_facts_is_inserted(tree: Path, services: Services) -> None:
    catalog = load(tree)
    entry = draft(catalog, "1502.03167", look_up("arxiv:1502.03167", services), "optimizers", TODAY)
    assert rendered(entry) == (
        "- id: ioffe-2015-batch-normalization-accelerating\n"
        "  type: paper\n"
        "  title:\n"
        '    en: "Batch Normalization: Accelerating Deep Network Training"\n'
        "  lang: en\n"
        "  authors: [Sergey Ioffe, Christian Szegedy]\n"
        '  date: "2015-02-11"\n'
        "  venue: ICML 2015\n"
        '  ids: {arxiv: "1502.03167"}\n'
        "  links:\n"
        '    - {url: "https://arxiv.org/abs/1502.03167", kind: abs}\n'
        "  topics: [optimizers]\n"
        '  added: "2026-01-02"\n'
    )
    path = tree / "catalog/training/optimizers/entries.yml"
    path.write_text(formatted(path.read_text("utf-8"), path.name), "utf-8")
    before = path.read_text("utf-8")
    assert insert(tree, catalog, entry) == path
    assert path.read_text("utf-8") == before + "\n" + rendered(entry) == formatted(path.read_text("utf-8"), path.name)
    assert load(tree).entry_by_id()[entry.id] == entry
    assert [p.rule for p in lint(tree) if p.severity == "error"] == []


def test_insertion_into_a_topic_without_entries(tree: Path) -> None:
    catalog = load(tree)
    for text in ("https://example.org/a.pdf", "https://zhuanlan.zhihu.com/p/2"):
        entry = draft(catalog, text, Facts(type="article", title="深度学习") if "zhihu" in text else None, "lstm", TODAY)
        path = insert(tree, catalog, entry)
        assert formatted(path.read_text("utf-8"), path.name) == path.read_text("utf-8")
    first, second = load(tree).entries_of("lstm")
    assert (first.untitled, first.links[0].kind, first.type, first.lang) == (True, "pdf", "article", "en")
    assert (second.title.zh, second.lang, second.id) == ("深度学习", "zh", "zhuanlan-zhihu-com-p-2")


def test_what_cannot_be_inserted(tree: Path) -> None:
    catalog = load(tree)
    with pytest.raises(AddError, match="no area lists a topic 'nowhere'"):
        insert(tree, catalog, draft(catalog, "1502.03167", None, "nowhere", TODAY))
    path = tree / "catalog/compression/pruning/entries.yml"
    path.write_text('[{id: a, type: book, title: {en: "A"}, lang: en, topics: [pruning]}]\n', "utf-8")
    with pytest.raises(AddError, match="in block form"):
        insert(tree, catalog, draft(catalog, "1502.03167", None, "pruning", TODAY))
    for text in ("javascript://x", "http://[", "https://example.org/a b"):
        with pytest.raises(AddError, match="expected an http, https or ftp address"):
            draft(catalog, text, None, None, TODAY)


def test_ids_are_free_and_keep_the_case_of_a_repository(tree: Path) -> None:
    catalog = load(tree)
    assert draft(catalog, "Else/Adam", None, None, TODAY).ids.github == "Else/Adam"
    facts = Facts(title="Pruning", authors=("Émile Čech",), date="2014")
    assert draft(catalog, "1502.03167", facts, None, TODAY).id == "cech-2014-pruning"
    assert draft(catalog, "https://github.com/someone/adam/tree/x", None, None, TODAY).id == "github-someone-adam-tree-x"
    assert draft(catalog, "pruning.com", Facts(), None, TODAY).id == "pruning-com"
    assert draft(catalog, "https://someone.example/lstm", Facts(ids=Ids(github="Someone/adam")), None, TODAY).id == "gh-someone-adam-2"


def test_the_command(tree: Path, services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(metadata, "SERVICES", services)

    def run(*args: str) -> tuple[int, str, str]:
        status = main(["--root", str(tree), "add", *args])
        return status, *capsys.readouterr()

    assert run("arxiv.org/abs/1412.6980v3")[:2] == (1, "catalog/training/optimizers/entries.yml:1: kingma-2014-adam is this work\n")
    assert run("Someone/Batch-Norm")[1].startswith("- id: gh-someone-batch-norm\n")
    status, out, error = run("10.1000/nothing")
    assert status == 0 and '  ids: {doi: "10.1000/nothing"}\n' in out and "404" in error and "fill in" in error
    assert "offline" in run("10.1000/x", "--offline")[2]
    assert "no service" in run("https://example.org/new")[2]
    assert run("1502.03167", "--write")[0] == 2 and run("1502.03167", "--topic", "optimiser")[0] == 2 and run("nonsense")[0] == 2
    status, _, error = run("1502.03167", "--topic", "pruning", "--write")
    assert status == 0 and error == f"added to {tree}/catalog/compression/pruning/entries.yml\n"
    assert run("1502.03167")[0] == 1
    monkeypatch.setattr("dlatlas.catalog.metadata.look_up", lambda key: Facts(title="Optimal brain damage"))
    assert "lecun-1989-optimal-brain-damage at" in run("1502.09999")[2]
