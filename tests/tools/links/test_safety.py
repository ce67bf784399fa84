"""Nothing private is connected to, and nothing secret leaves: seen from real sockets."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from dlatlas.links import address
from dlatlas.links.address import BadHost, ascii_host
from dlatlas.links.check import check
from dlatlas.links.options import Options
from dlatlas.links.origin import split
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.links.conftest import CONTEXT, OPEN, Site, one, start, verdicts

CLOSED = Options(timeout=3, context=CONTEXT)

SPELLINGS = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "2130706433",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "0x7f000001",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "0.0.0.0",
    "169.254.169.254",
    "10.0.0.1",
]


@pytest.mark.parametrize("host", SPELLINGS)
def test_private_addresses_are_refused(site: Site, host: str) -> None:
    result = one(f"http://{host}:{site.server_port}/ok", CLOSED)
    assert result.verdict == "unknown" and result.reason in ("private-address", "bad-address")
    assert not site.hits


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "127.1", "0x7f.1", "127。0。0。1", "localhost"])
def test_the_spellings_would_reach_the_server(site: Site, host: str) -> None:
    """The control: where private addresses are allowed, the same words lead to the canary."""
    assert one(f"http://{host}:{site.server_port}/ok").verdict == "ok"


@pytest.mark.parametrize("host", SPELLINGS)
def test_a_redirect_to_a_private_address_is_refused(site: Site, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first host counts as public here; what it leads to does not."""
    canary = start("127.0.0.2", 0)
    try:
        monkeypatch.setattr(address, "is_public", lambda text: text == "127.0.0.2")
        canary.routes["/away"] = (302, "", {"Location": f"http://{host}:{site.server_port}/ok"})
        result = one(canary("away"), CLOSED)
        assert result.verdict == "unknown" and result.reason in ("private-address", "bad-address")
        assert result.chain == ((canary("away"), 302),)
        assert not site.hits
    finally:
        canary.finish()


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "javascript:alert(1)", "data:text/html,x"]
)
def test_no_other_schemes(site: Site, target: str) -> None:
    site.routes["/away"] = (302, "", {"Location": target})
    result = one(site("away"))
    assert (result.verdict, result.reason) == ("unknown", "redirect-scheme")


def test_the_checked_address_is_the_one_connected_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that changes its address after the check (rebinding) gains nothing: it is looked up once."""
    asked = []
    real = socket.getaddrinfo

    def lookup(host: str, *args: object, **kwargs: object) -> object:
        if host != "rebind.test":
            return real(host, *args, **kwargs)  # type: ignore[arg-type]
        asked.append(host)
        place = "127.0.0.1" if len(asked) > 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, 0))]

    first = start("127.0.0.2", site.server_port)
    try:
        monkeypatch.setattr(address, "is_public", lambda text: text == "127.0.0.2")
        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        found = verdicts(*(f"http://rebind.test:{site.server_port}/ok?{i}" for i in range(20)), options=CLOSED)
        assert {result.verdict for result in found.values()} == {"ok"}
        assert asked == ["rebind.test"] and first.hits["GET /ok"] == 20 and not site.hits
    finally:
        first.finish()


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    places = ["93.184.216.34", "10.0.0.1"]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, 0)) for place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert one("http://mixed.test/", CLOSED).reason == "private-address"


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("168.63.129.16", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("::", False),
        ("::127.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::7f00:1", False),
    ],
)
def test_is_public(text: str, public: bool) -> None:
    assert address.is_public(text) is public


@pytest.mark.parametrize("host", ["", ".", "a..b", "a b", "a%2fb", "a\\b", "a@b", "x" * 64 + ".org", "a\nb", "[::1]"])
def test_bad_hosts(host: str) -> None:
    with pytest.raises(BadHost):
        ascii_host(host)


@pytest.mark.parametrize(("host", "plain"), [("Example.ORG.", "example.org"), ("bücher.example", "xn--bcher-kva.example"), ("::1", "::1")])
def test_ascii_hosts(host: str, plain: str) -> None:
    assert ascii_host(host) == plain


@given(st.text(max_size=80).map("http://example.org/".__add__) | st.text(max_size=80))
def test_nothing_breaks_out_of_the_request_line(url: str) -> None:
    """Whatever an address holds, the target has no space, control character or letter beyond ASCII."""
    try:
        origin, target = split(url)
    except BadHost:
        return
    assert all("!" <= character <= "~" for character in target + str(origin))


def test_line_breaks_in_a_redirect_are_escaped(site: Site) -> None:
    site.routes["/away"] = (302, "", {"Location": "/ok?a%0d%0aX-Injected:1&b=c d"})
    one(site("away"))
    assert site.headers[-1][0] == "/ok?a%0d%0aX-Injected:1&b=c%20d" and "X-Injected" not in site.headers[-1][1]


def test_headers_go_to_their_own_origin_only(site: Site) -> None:
    """Not to another host, not to another port of the same host."""
    others = [start("127.0.0.2", site.server_port), start("127.0.0.1")]
    try:
        site.routes["/a"] = (302, "", {"Location": others[0]("ok")})
        site.routes["/b"] = (302, "", {"Location": others[1]("ok")})
        options = Options(timeout=3, allow_private=True, context=CONTEXT, headers={site("").rstrip("/"): {"X-Api-Key": "secret"}})
        verdicts(site("a"), site("b"), site("ok"), options=options)
        assert [headers.get("X-Api-Key") for _, headers in site.headers] == ["secret"] * 3
        for other in others:
            assert [set(headers) & {"X-Api-Key", "Authorization", "Cookie", "Referer"} for _, headers in other.headers] == [set()]
    finally:
        for other in others:
            other.finish()


def test_no_cookies_and_no_user_information(site: Site) -> None:
    site.routes["/cookie"] = (302, "", {"Set_Cookie": "a=b", "Location": "/ok"})
    verdicts(site("cookie"), site("with-user"), site("ok").replace("//", "//me:secret@"))
    assert not any({"Cookie", "Authorization"} & set(headers) for _, headers in site.headers)


def test_who_asks(site: Site) -> None:
    one(site("ok"), Options(allow_private=True, context=CONTEXT, contact="https://example.org/about"))
    assert "dlatlas/" in site.headers[0][1]["User-Agent"] and "+https://example.org/about" in site.headers[0][1]["User-Agent"]


def test_the_environment_is_not_trusted(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:1")
    assert one(site("ok")).verdict == "ok"
    assert "Authorization" not in site.headers[0][1]


def test_a_proxy_where_asked_for() -> None:
    """It gets the whole address; a private one in digits is still refused."""
    proxy = start()
    try:
        proxy.routes["http://example.org/page"] = (200, "<title>By way of a proxy</title>", {})
        options = Options(timeout=3, context=CONTEXT, proxy=proxy("").rstrip("/"))
        found = verdicts("http://example.org/page", "http://2130706433/", options=options)
        assert found["http://example.org/page"].reason == "http-200"
        assert found["http://2130706433/"].reason == "private-address"
    finally:
        proxy.finish()


def test_closing_the_iterator_stops_the_workers(site: Site) -> None:
    before = threading.active_count()
    results = check([site(f"busy?{i}") for i in range(200)], OPEN)
    next(results)
    results.close()  # type: ignore[attr-defined]
    asked = len(site.times)
    assert asked < 100
    for _ in range(100):
        if threading.active_count() <= before + 8:
            break
        threading.Event().wait(0.02)
    assert len(site.times) <= asked + 8
