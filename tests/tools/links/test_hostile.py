"""Servers that drip, promise, lie and bomb: the check ends, in time and in memory, with what can be known."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time

import pytest
from dlatlas.links import fetch
from dlatlas.links.options import Options

from tests.tools.links.conftest import CONTEXT, Site, one, verdicts


@pytest.mark.parametrize(
    ("path", "verdict", "reason"),
    [
        ("infinite", "ok", "http-200"),
        ("bomb", "ok", "http-200"),
        ("huge-bomb", "ok", "http-200"),
        ("short", "ok", "http-200"),
        ("negative", "ok", "http-200"),
        ("bad-chunks", "ok", "http-200"),
        ("long-header", "unreachable", "protocol"),
        ("many-headers", "unreachable", "protocol"),
    ],
)
def test_bodies_and_headers(site: Site, path: str, verdict: str, reason: str) -> None:
    began = time.monotonic()
    result = one(site(path))
    assert (result.verdict, result.reason) == (verdict, reason)
    assert time.monotonic() - began < 3
    assert site.sent < 20_000_000  # what the sockets buffer, not what the server has


@pytest.mark.parametrize(
    ("path", "verdict", "reason"),
    [("slow-headers", "unreachable", "timeout"), ("silent", "unreachable", "timeout"), ("slow-body", "ok", "http-200")],
)
def test_drips_end_at_the_deadline(site: Site, path: str, verdict: str, reason: str) -> None:
    """A byte every tenth of a second never makes a read time out; the deadline ends it all the same."""
    began = time.monotonic()
    result = one(site(path), Options(timeout=0.5, allow_private=True, context=CONTEXT))
    assert (result.verdict, result.reason) == (verdict, reason)
    assert time.monotonic() - began < 3


def test_a_slow_body_does_not_take_all_of_a_long_timeout(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "BODY_SECONDS", 0.3)
    began = time.monotonic()
    assert one(site("slow-body"), Options(timeout=30, allow_private=True, context=CONTEXT)).verdict == "ok"
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_silence_after_the_connection(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/"
        result = one(url, Options(timeout=0.5, allow_private=True, context=CONTEXT))
        assert (result.verdict, result.reason) == ("unreachable", "timeout")
        assert time.monotonic() - began < 3


@pytest.mark.parametrize("path", ["head-lies.pdf", "no-head.pdf", "head-reset.pdf", "paper.pdf"])
def test_head_that_lies(site: Site, path: str) -> None:
    assert one(site(path)).verdict == "ok"
    assert site.hits[f"HEAD /{path}"] == 1 and site.hits[f"GET /{path}"] == (path != "paper.pdf")


def test_head_that_hangs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlatlas.links.steps.HEAD_SECONDS", 0.3)
    assert one(site("head-hangs.pdf")).verdict == "ok"


def test_a_page_under_a_file_name_is_looked_at(site: Site) -> None:
    """HEAD says HTML, so what was a paper may be an apology by now."""
    site.routes["/gone.pdf"] = (200, "<title>Page not found</title>", {})
    result = one(site("gone.pdf"))
    assert (result.verdict, result.reason) == ("gone", "soft-404")


def test_connections_are_used_again(site: Site) -> None:
    ports = []
    original = site.verify_request
    site.verify_request = lambda request, address: ports.append(address[1]) or original(request, address)  # type: ignore[method-assign, func-returns-value]
    found = verdicts(*(site(f"ok?{i}") for i in range(30)), options=Options(per_host=1, allow_private=True, context=CONTEXT))
    assert len(found) == 30 and site.hits["GET /ok"] == 30
    assert len(ports) == 1


def test_a_connection_closed_while_idle_costs_no_link() -> None:
    """The second request on a connection finds it closed, and goes over a new one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            for _ in range(4):
                connection, _ = server.accept()
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok")
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        options = Options(per_host=1, allow_private=True, context=CONTEXT)
        found = verdicts(*(f"http://127.0.0.1:{port}/{i}" for i in range(4)), options=options)
        assert {result.verdict for result in found.values()} == {"ok"}


MEMORY = """
import resource, sys
from dlatlas.links.check import check
from dlatlas.links.options import Options
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(*(r.verdict for r in check(sys.argv[1:], Options(timeout=5, allow_private=True, fragments=True))))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_against_bombs(site: Site) -> None:
    """Eight bombs and eight endless pages at once, all to be searched for a fragment, cost less than 60 MB."""
    urls = [site(f"{path}?{i}#part") for i in range(8) for path in ("huge-bomb", "infinite")]
    done = subprocess.run([sys.executable, "-c", MEMORY, *urls], capture_output=True, text=True, timeout=60, check=True)
    said, grown = done.stdout.splitlines()
    assert set(said.split()) == {"unknown"}
    assert int(grown) / (1 if sys.platform != "darwin" else 1024) < 60_000


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@127.0.0.1:1/",
        "http://exa mple.org/",
        "http://\x00/",
        "http://" + "a" * 300 + "/",
        "http://127.0.0.1:99999/",
        "http://./",
        "http://%31%32%37.0.0.1/",
        "http://a..b/",
        "http:///x",
    ],
)
def test_odd_addresses_end_in_a_verdict(url: str) -> None:
    assert one(url).verdict in ("unknown", "unreachable")
