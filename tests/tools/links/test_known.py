"""Known hosts, by servers on loopback that answer as their services are documented to, over TLS with the hosts' names."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import trustme
from dlatlas.links.check import check
from dlatlas.links.known import ALL
from dlatlas.links.known.neurips import newer
from dlatlas.links.options import Options
from dlatlas.links.result import Result

from tests.tools.links.conftest import Site, start_tls

HOSTS = (
    *("arxiv.org", "export.arxiv.org", "doi.org", "publisher.test", "github.com", "api.github.com", "openreview.net"),
    *("api2.openreview.net", "api.openreview.net", "www.youtube.com", "archive.org", "web.archive.org"),
    *("en.wikipedia.org", "zh.wikipedia.org", "papers.nips.cc", "proceedings.neurips.cc"),
)

PAGE = "<title>A page</title>" + "words and more words " * 60


@pytest.fixture(scope="module")
def world(authority: trustme.CA) -> Iterator[Site]:
    site = start_tls(authority, *HOSTS)
    yield site
    site.finish()


@pytest.fixture
def ask(world: Site, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Result]]:
    """Check addresses in that world, with answers by host and path."""
    monkeypatch.setattr("dlatlas.links.schedule.SERVICES", {})
    places = {host: ("127.0.0.1", world.server_port) for host in HOSTS}
    options = Options(timeout=5, allow_private=True, context=trusting, connect_to=places)
    world.hits.clear()
    world.headers.clear()

    def made(answers: dict[str, Any], *urls: str, **kwargs: Any) -> dict[str, Result]:
        world.routes = {place: answer if isinstance(answer, tuple) else (200, as_text(answer), {}) for place, answer in answers.items()}
        return {result.url: result for result in check(urls, replace(options, **kwargs))}

    return made


def as_text(answer: Any) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer)


def said(found: dict[str, Result]) -> dict[str, tuple[str, str]]:
    return {url: (result.verdict, result.reason) for url, result in found.items()}


def entry(number: str, comment: str = "", summary: str = "A paper.") -> str:
    note = f'<arxiv:comment xmlns:arxiv="http://arxiv.org/schemas/atom">{comment}</arxiv:comment>' if comment else ""
    return f"<entry><id>http://arxiv.org/abs/{number}</id><title>T</title><summary>{summary}</summary>{note}</entry>"


def feed(*entries: str) -> tuple[int, str, dict[str, str]]:
    text = f'<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">{"".join(entries)}</feed>'
    return 200, text, {"Content_Type": "application/atom+xml; charset=utf-8"}


def test_arxiv(ask: Callable[..., dict[str, Result]], world: Site) -> None:
    """One request for all; what the API does not know is asked by page."""
    urls = [
        "https://arxiv.org/abs/1412.6980",
        "https://arxiv.org/pdf/1412.6980v2.pdf",
        "http://cn.arxiv.org/pdf/1412.6980",
        "https://arxiv.org/abs/1501.00001",
        "https://arxiv.org/abs/cond-mat/9901212",
        "https://arxiv.org/abs/1501.99999",
    ]
    api = "export.arxiv.org/api/query?id_list=1412.6980,1501.00001,cond-mat/9901212,1501.99999&max_results=6"
    answer = feed(entry("1412.6980v9"), entry("1501.00001v2", "This paper has been withdrawn by the author"), entry("cond-mat/9901212v1"))
    found = ask({api: answer, "arxiv.org/abs/1501.99999": (404, "no", {})}, *urls)
    assert said(found) == {
        urls[0]: ("ok", "arxiv"),
        urls[1]: ("ok", "newer-version"),
        urls[2]: ("moved", "arxiv-mirror"),
        urls[3]: ("ok", "withdrawn"),
        urls[4]: ("ok", "arxiv"),
        urls[5]: ("gone", "http-404"),
    }
    assert found[urls[2]].final_url == "https://arxiv.org/pdf/1412.6980"
    assert found[urls[1]].detail == "v9" and "withdrawn" in found[urls[3]].detail
    assert sum(world.hits.values()) == 2


def test_arxiv_without_its_api(ask: Callable[..., dict[str, Result]]) -> None:
    """Broken, or not Atom: the pages decide."""
    for answer in ((500, "", {}), (200, "<feed", {}), (200, "{}", {})):
        api = "export.arxiv.org/api/query?id_list=1412.6980&max_results=1"
        found = ask({api: answer, "arxiv.org/abs/1412.6980": PAGE}, "https://arxiv.org/abs/1412.6980")
        assert said(found) == {"https://arxiv.org/abs/1412.6980": ("ok", "http-200")}


def test_arxiv_in_batches(ask: Callable[..., dict[str, Result]], world: Site) -> None:
    ids = [f"1412.{i:05}" for i in range(120)]
    api = "export.arxiv.org/api/query?id_list="
    batches = [ids[:50], ids[50:100], ids[100:]]
    answers = {f"{api}{','.join(batch)}&max_results={len(batch)}": feed(*(entry(f"{i}v1") for i in batch)) for batch in batches}
    found = ask(answers, *(f"https://arxiv.org/abs/{i}" for i in ids))
    assert set(said(found).values()) == {("ok", "arxiv")} and len(found) == 120
    assert sum(world.hits.values()) == 3


def test_doi(ask: Callable[..., dict[str, Result]]) -> None:
    handles = "doi.org/api/handles/10.1000/"
    to = {"Location": "https://publisher.test/paper"}
    urls = [f"https://doi.org/10.1000/{name}" for name in ("fine", "walled", "none", "lost")] + ["http://dx.doi.org/10.1000/a%3Cb%3E"]
    known = {"responseCode": 1, "handle": "10.1000/x", "values": []}
    found = ask(
        {
            handles + "fine": known,
            "doi.org/10.1000/fine": (302, "", {"Location": "https://publisher.test/open"}),
            "publisher.test/open": PAGE,
            handles + "walled": known,
            "doi.org/10.1000/walled": (302, "", to),
            "publisher.test/paper": (403, "<title>Just a moment...</title>", {}),
            handles + "none": (404, json.dumps({"responseCode": 100, "handle": "10.1000/none"}), {}),
            handles + "lost": known,
            "doi.org/10.1000/lost": (302, "", {"Location": "https://publisher.test/lost"}),
            handles + "a%3Cb%3E": (404, json.dumps({"responseCode": 100}), {}),
        },
        *urls,
    )
    assert said(found) == {
        urls[0]: ("ok", "doi-registered"),
        urls[1]: ("ok", "doi-registered"),
        urls[2]: ("gone", "doi-not-registered"),
        urls[3]: ("gone", "http-404"),
        urls[4]: ("gone", "doi-not-registered"),
    }
    assert found[urls[0]].final_url == "https://publisher.test/open" and "robot-check" in found[urls[1]].detail


def test_github_by_its_api(ask: Callable[..., dict[str, Result]], world: Site) -> None:
    def repository(name: str, **more: Any) -> dict[str, Any]:
        return {"full_name": name, "archived": False, "default_branch": "main", **more}

    repos = "api.github.com/repos/"
    urls = [
        "https://github.com/Own/fine",
        "https://github.com/own/fine/blob/master/notes.md",
        "https://github.com/own/fine/blob/master/lost.md",
        "https://github.com/own/old",
        "https://github.com/own/kept",
        "https://github.com/own/deleted",
        "https://github.com/own/taken",
        "https://github.com/features/actions",
    ]
    found = ask(
        {
            repos + "own/fine": repository("own/fine"),
            "github.com/own/fine/blob/main/notes.md": PAGE,
            repos + "own/old": (301, json.dumps({"message": "Moved Permanently"}), {"Location": "https://api.github.com/repositories/7"}),
            "api.github.com/repositories/7": repository("New/name"),
            repos + "own/kept": repository("own/kept", archived=True),
            repos + "own/deleted": (404, json.dumps({"message": "Not Found"}), {}),
            repos + "own/taken": (451, json.dumps({"message": "Repository access blocked"}), {}),
            "github.com/features/actions": PAGE,
        },
        *urls,
        github_token="secret-token",
    )
    assert said(found) == {
        urls[0]: ("ok", "repository"),
        urls[1]: ("moved", "default-branch"),
        urls[2]: ("gone", "http-404"),
        urls[3]: ("moved", "renamed"),
        urls[4]: ("ok", "archived"),
        urls[5]: ("gone", "http-404"),
        urls[6]: ("blocked", "legal"),
        urls[7]: ("ok", "http-200"),
    }
    assert found[urls[3]].final_url == "https://github.com/New/name"
    assert found[urls[1]].final_url == "https://github.com/own/fine/blob/main/notes.md"
    assert world.hits["GET /repos/own/fine"] == 1
    for _, headers in world.headers:
        assert ("Authorization" in headers) == (headers["Host"] == "api.github.com")


def test_the_token_stays_with_the_api(ask: Callable[..., dict[str, Result]], world: Site) -> None:
    away = (301, "", {"Location": "https://publisher.test/steal"})
    answers = {"api.github.com/repos/a/b": away, "publisher.test/steal": "{}", "github.com/a/b": PAGE}
    found = ask(answers, "https://github.com/a/b", github_token="secret-token")
    assert said(found) == {"https://github.com/a/b": ("ok", "http-200")}
    assert world.hits["GET /steal"] == 0


def test_github_by_its_pages(ask: Callable[..., dict[str, Result]], world: Site) -> None:
    banner = PAGE + "x" * 200_000 + "This repository has been archived by the owner on Jan 1, 2020. It is now read-only."
    urls = [f"https://github.com/own/{name}" for name in ("fine", "old", "kept", "deleted", "fine/tree/master/src", "fine/issues/7")]
    found = ask(
        {
            "github.com/own/fine": PAGE,
            "github.com/own/old": (301, "", {"Location": "https://github.com/New/name"}),
            "github.com/New/name": PAGE,
            "github.com/own/kept": banner,
            "github.com/own/fine/tree/HEAD/src": PAGE + '"defaultBranch":"main"',
            "github.com/own/fine/issues/7": PAGE,
        },
        *urls,
    )
    assert list(said(found)[url] for url in urls) == [
        ("ok", "http-200"),
        ("moved", "permanent-redirect"),
        ("ok", "archived"),
        ("gone", "http-404"),
        ("moved", "default-branch"),
        ("ok", "http-200"),
    ]
    assert found[urls[4]].final_url == "https://github.com/own/fine/tree/main/src"
    assert not any(headers["Host"] == "api.github.com" for _, headers in world.headers)


def test_github_when_its_api_has_had_enough(ask: Callable[..., dict[str, Result]]) -> None:
    limited = (403, json.dumps({"message": "API rate limit exceeded"}), {"X_RateLimit_Remaining": "0"})
    found = ask({"api.github.com/repos/a/b": limited, "github.com/a/b": PAGE}, "https://github.com/a/b", github_token="secret-token")
    assert said(found) == {"https://github.com/a/b": ("ok", "http-200")}


def test_openreview(ask: Callable[..., dict[str, Result]]) -> None:
    newest, older = "api2.openreview.net/notes?id=", "api.openreview.net/notes?id="
    none = (404, json.dumps({"name": "NotFoundError", "status": 404}), {})
    private = (403, json.dumps({"name": "ForbiddenError", "status": 403}), {})
    answers: dict[str, Any] = {
        newest + "new": {"notes": [{"id": "new", "content": {"venue": {"value": "ICLR 2024 poster"}}}], "count": 1},
        newest + "old": none,
        older + "old": {"notes": [{"id": "old", "content": {"venue": "ICLR 2018 Conference Withdrawn Submission"}}]},
        newest + "none": none,
        older + "none": none,
        newest + "private": private,
        older + "private": none,
        newest + "deleted": {"notes": [{"id": "deleted", "ddate": 1600000000000, "content": {}}]},
        newest + "broken": (500, "", {}),
        older + "broken": (500, "", {}),
        "openreview.net/forum?id=broken": PAGE,
    }
    names = ("new", "old", "none", "private", "deleted", "broken")
    found = said(ask(answers, *(f"https://openreview.net/forum?id={name}" for name in names)))
    assert list(found[f"https://openreview.net/forum?id={name}"] for name in names) == [
        ("ok", "openreview"),
        ("ok", "withdrawn"),
        ("gone", "no-such-paper"),
        ("blocked", "not-public"),
        ("gone", "paper-deleted"),
        ("ok", "http-200"),
    ]


def test_youtube(ask: Callable[..., dict[str, Result]]) -> None:
    def place(name: str) -> str:
        return f"www.youtube.com/oembed?format=json&url=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D{name}"

    urls = ["https://www.youtube.com/watch?v=fine&list=PL1", "https://youtu.be/none", "https://www.youtube.com/embed/private",
            "https://www.youtube.com/playlist?list=PL7"]  # fmt: skip
    listed = place("x").replace("watch%3Fv%3Dx", "playlist%3Flist%3DPL7")
    answers: dict[str, Any] = {place("fine"): {"title": "Lecture 1"}, listed: {"title": "Course"}}
    found = ask({**answers, place("none"): (404, "Not Found", {}), place("private"): (403, "", {})}, *urls)
    assert list(said(found)[url] for url in urls) == [
        ("ok", "oembed"),
        ("gone", "no-such-video"),
        ("blocked", "private-video"),
        ("ok", "oembed"),
    ]
    assert found[urls[0]].detail == "Lecture 1"


def test_wikipedia_and_wikiwand(ask: Callable[..., dict[str, Result]], world: Site) -> None:
    api = "en.wikipedia.org/w/api.php?action=query&format=json&formatversion=2&redirects=1&titles="
    answer = {
        "query": {
            "normalized": [{"from": "gradient descent", "to": "Gradient descent"}],
            "redirects": [{"from": "Backprop", "to": "Backpropagation"}],
            "pages": [{"title": "Gradient descent"}, {"title": "Backpropagation"}, {"title": "Nonsense (x)", "missing": True}],
        }
    }
    urls = ["https://www.wikiwand.com/en/gradient_descent", "https://en.wikipedia.org/wiki/Backprop",
            "https://www.wikiwand.com/en/articles/Nonsense_(x)"]  # fmt: skip
    found = said(ask({api + "gradient%20descent%7CBackprop%7CNonsense%20%28x%29": answer}, *urls))
    assert found == {urls[0]: ("ok", "article"), urls[1]: ("ok", "article"), urls[2]: ("gone", "no-such-article")}
    assert sum(world.hits.values()) == 1


def test_wikipedia_sections_by_page(ask: Callable[..., dict[str, Result]]) -> None:
    urls = ["https://zh.wikipedia.org/wiki/x#a", "https://zh.wikipedia.org/wiki/x#b"]
    found = said(ask({"zh.wikipedia.org/wiki/x": PAGE + "<h2 id=a>"}, *urls, fragments=True))
    assert found == {urls[0]: ("ok", "http-200"), urls[1]: ("gone", "no-fragment")}


def test_wayback(ask: Callable[..., dict[str, Result]]) -> None:
    service = "archive.org/wayback/available?url="
    there = {
        "archived_snapshots": {
            "closest": {"available": True, "status": "200", "timestamp": "20170101000000", "url": "http://web.archive.org/x"}
        }
    }
    urls = [
        "https://web.archive.org/web/20170101000000/http://a.org/x",
        "https://web.archive.org/web/2015/http://a.org/y",
        "https://web.archive.org/web/20170101/http://a.org/z",
    ]
    answers = {
        service + "http%3A%2F%2Fa.org%2Fx&timestamp=20170101000000": there,
        service + "http%3A%2F%2Fa.org%2Fy&timestamp=2015": there,
        service + "http%3A%2F%2Fa.org%2Fz&timestamp=20170101": {"archived_snapshots": {}},
        "web.archive.org/web/20170101/http://a.org/z": (404, "", {}),
    }
    found = said(ask(answers, *urls))
    assert found == {urls[0]: ("ok", "archived"), urls[1]: ("ok", "archived-near"), urls[2]: ("gone", "http-404")}


def test_neurips(ask: Callable[..., dict[str, Result]]) -> None:
    none = (404, "", {})
    urls = ["https://papers.nips.cc/paper/4824-imagenet.pdf", "https://papers.nips.cc/paper/2017/hash/abc-Abstract.html",
            "https://papers.nips.cc/paper/1-nothing"]  # fmt: skip
    found = ask(
        {
            "papers.nips.cc/paper/4824-imagenet.pdf": none,
            "papers.nips.cc/paper/2017/hash/abc-Abstract.html": none,
            "papers.nips.cc/paper/1-nothing": none,
            "papers.nips.cc/paper/1-nothing.pdf": none,
            "papers.nips.cc/paper/4824-imagenet": (301, "", {"Location": "/paper/2012/hash/def-Abstract.html"}),
            "papers.nips.cc/paper/2012/hash/def-Abstract.html": PAGE,
            "proceedings.neurips.cc/paper_files/paper/2017/hash/abc-Abstract.html": PAGE,
        },
        *urls,
    )
    assert said(found) == {urls[0]: ("moved", "neurips-address"), urls[1]: ("moved", "neurips-address"), urls[2]: ("gone", "http-404")}
    assert found[urls[0]].final_url == "https://papers.nips.cc/paper/2012/hash/def-Abstract.html"
    assert newer("/paper/1-a.pdf")[0].endswith("/paper/1-a") and newer("/about") == []


def test_known_hosts_can_be_asked_like_any_other(ask: Callable[..., dict[str, Result]], world: Site) -> None:
    found = ask({"arxiv.org/abs/1412.6980": PAGE}, "https://arxiv.org/abs/1412.6980", known=False)
    assert said(found) == {"https://arxiv.org/abs/1412.6980": ("ok", "http-200")} and world.hits == {"GET /abs/1412.6980": 1}


@pytest.mark.parametrize(
    "url",
    ["https://example.org/", "http://[", "https://arxiv.org/", "https://arxiv.org/list/cs.LG/recent", "https://doi.org/", "https://github.com/own",
     "https://github.com/topics/x", "https://openreview.net/", "https://www.youtube.com/user/x", "https://en.wikipedia.org/", "https://nips.cc/"],
)  # fmt: skip
def test_other_addresses_are_not_theirs(url: str) -> None:
    assert [known.recognize(url) for known in ALL] == [None] * len(ALL)
