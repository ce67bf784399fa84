"""The link checker against a misbehaving server."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dlatlas.cli import main
from dlatlas.links import address, check, schedule
from dlatlas.links.check import Options
from dlatlas.links.fetch import Hop
from dlatlas.links.result import Result
from dlatlas.links.verdict import judge

from tests.tools.links.conftest import Site, start

CONTEXT = ssl.create_default_context()
OPEN = Options(timeout=3, allow_private=True, context=CONTEXT)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "BETWEEN_TRIES", 0.05)


def verdicts(*urls: str, options: Options = OPEN) -> dict[str, Result]:
    return {result.url: result for result in check.check(urls, options)}


def one(url: str, options: Options = OPEN) -> Result:
    return verdicts(url, options=options)[url]


@pytest.mark.parametrize(
    ("path", "verdict", "reason"),
    [
        ("ok", "ok", "http-200"),
        ("missing", "gone", "http-404"),
        ("removed", "gone", "http-410"),
        ("forbidden", "blocked", "forbidden"),
        ("linkedin", "blocked", "robot-check"),
        ("challenge", "blocked", "robot-check"),
        ("broken", "unreachable", "http-500"),
        ("flaky", "ok", "http-200"),
        ("moved", "moved", "permanent-redirect"),
        ("twice", "moved", "permanent-redirect"),
        ("found", "ok", "temporary-redirect"),
        ("slash", "ok", "same-page"),
        ("loop", "unreachable", "redirect-loop"),
        ("endless", "unreachable", "redirect-loop"),
        ("to-file", "unknown", "redirect-scheme"),
        ("to-home", "gone", "soft-404"),
        ("to-login", "blocked", "login"),
        ("to-other", "unreachable", "refused"),
        ("with-user", "ok", "temporary-redirect"),
        ("soft", "gone", "soft-404"),
        ("soft-zh", "gone", "soft-404"),
        ("about-404", "ok", "http-200"),
        ("head-lies.pdf", "ok", "http-200"),
        ("no-head.pdf", "ok", "http-200"),
        ("paper.pdf", "ok", "http-200"),
        ("bomb", "ok", "http-200"),
        ("reset", "unreachable", "reset"),
        ("garbage", "unreachable", "protocol"),
    ],
)
def test_verdicts(site: Site, path: str, verdict: str, reason: str) -> None:
    result = one(site(path))
    assert (result.verdict, result.reason) == (verdict, reason)


def test_a_link_is_not_asked_again_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "BETWEEN_TRIES", 0.5)
    began = time.monotonic()
    found = verdicts(site("flaky"), site("ok"), site("broken"))
    assert [found[site(path)].verdict for path in ("flaky", "ok", "broken")] == ["ok", "ok", "unreachable"]
    assert 0.9 < time.monotonic() - began < 2.5
    assert site.hits["GET /broken"] == check.TRIES and next(iter(found)) == site("ok")


def test_the_chain_is_kept(site: Site) -> None:
    result = one(site("twice"))
    assert result.chain == ((site("twice"), 308), (site("moved"), 301))
    assert (result.final_url, result.status) == (site("ok"), 200)


def test_files_are_asked_by_head_only(site: Site) -> None:
    one(site("paper.pdf"))
    assert site.hits == {"HEAD /paper.pdf": 1}


def test_redirects_end(site: Site) -> None:
    one(site("endless"))
    assert site.hits["GET /endless"] == check.REDIRECTS + 1


def test_an_endless_body_is_cut(site: Site) -> None:
    began = time.monotonic()
    assert one(site("infinite")).verdict == "ok"
    assert time.monotonic() - began < 3
    assert site.sent < 20_000_000  # the server's socket buffers, not the whole time-out


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


def test_a_silent_handshake_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        result = one(f"https://127.0.0.1:{silent.getsockname()[1]}/", Options(timeout=0.5, allow_private=True, context=CONTEXT))
        assert (result.verdict, result.reason) == ("unreachable", "timeout")
        assert time.monotonic() - began < 3


def test_plain_http_on_a_tls_address(site: Site) -> None:
    result = one(site("ok").replace("http:", "https:"))
    assert (result.verdict, result.reason) == ("broken-tls", "tls")


def test_rate_limit_slows_the_host_and_spends_no_tries(site: Site) -> None:
    began = time.monotonic()
    assert one(site("limited")).verdict == "ok"
    assert 1.8 < time.monotonic() - began < 6
    assert site.hits["GET /limited"] == 3


def test_a_host_that_never_relents_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day of Retry-After is capped, and the host's other links do not each wait again."""
    monkeypatch.setattr(check, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(schedule, "SHORTEST_GAP", 0.01)
    found = verdicts(*(site(f"never?{i}") for i in range(40)))
    assert {(result.verdict, result.reason) for result in found.values()} == {("blocked", "rate-limit")}
    assert len(found) == 40
    assert site.hits["GET /never"] <= schedule.PATIENCE + 4


def test_few_requests_at_once_for_one_host(site: Site) -> None:
    other = start("127.0.0.2")
    try:
        found = verdicts(*(host(f"busy?{i}") for host in (site, other) for i in range(20)))
        assert [result.verdict for result in found.values()] == ["ok"] * 40
        assert (site.most, other.most) == (OPEN.per_host, OPEN.per_host)
    finally:
        other.finish()


def test_private_addresses_are_refused(site: Site) -> None:
    closed = Options(timeout=3, context=CONTEXT)
    port = site.server_port
    spellings = [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "127.1",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
    ]
    for result in verdicts(*(f"http://{host}:{port}/ok" for host in spellings), options=closed).values():
        assert result.verdict == "unknown" and result.reason in ("private-address", "bad-url"), result
    assert not site.hits


def test_a_redirect_to_a_private_address_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address counts as public here; the one that it leads to does not."""
    other = start("127.0.0.2", site.server_port)
    try:
        monkeypatch.setattr(address, "is_public", lambda text: text == "127.0.0.1")
        result = one(site("to-other"), Options(timeout=3, context=CONTEXT))
        assert (result.verdict, result.reason) == ("unknown", "private-address")
        assert result.chain == ((site("to-other"), 302),)
        assert not other.hits
        assert one(site("to-other")).verdict == "ok"
        assert other.hits["GET /ok"] == 1
    finally:
        other.finish()


def test_the_checked_address_is_the_one_connected_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that changes its address after the check (rebinding) gains nothing: it is looked up once."""
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", site.server_port))]]
    asked, connected = [], []
    real = socket.getaddrinfo

    def lookup(host: str, *args: object, **kwargs: object) -> object:
        if host != "rebind.test":
            return real(host, *args, **kwargs)  # type: ignore[arg-type]
        asked.append(host)
        return answers[0] if len(asked) == 1 else [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", site.server_port))]

    def connect(target: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        connected.append(target[0])
        raise ConnectionRefusedError("not reachable in a test")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr("dlatlas.links.transport.connection.create_connection", connect)
    result = one(f"http://rebind.test:{site.server_port}/ok", Options(timeout=3, context=CONTEXT))
    assert result.reason == "refused"
    assert connected == ["93.184.216.34"] and asked == ["rebind.test"]
    assert not site.hits


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
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
    ],
)
def test_is_public(text: str, public: bool) -> None:
    assert address.is_public(text) is public


@pytest.mark.parametrize(
    ("url", "verdict", "reason"),
    [
        ("http://t.cn/RE4SKgt", "opaque", "short-link"),
        ("https://t.co/abc", "opaque", "short-link"),
        ("ftp://ftp.example.org/a", "unknown", "scheme-ftp"),
        ("javascript:alert(1)", "unknown", "scheme-javascript"),
        ("http://[::1", "unknown", "bad-url"),
        ("nothing", "unknown", "scheme-none"),
    ],
)
def test_what_is_not_asked(url: str, verdict: str, reason: str) -> None:
    result = one(url)
    assert (result.verdict, result.reason) == (verdict, reason)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@127.0.0.1:1/",
        "http://exa mple.org/",
        "http://\x00/",
        "http://" + "a" * 300 + "/",
        "http://127.0.0.1:99999/",
        "http://./",
    ],
)
def test_odd_addresses_end_in_a_verdict(url: str) -> None:
    assert one(url).verdict in ("unknown", "unreachable")


def test_moved_only_when_every_hop_is_permanent() -> None:
    def hops(*statuses: int) -> list[Hop]:
        return [
            *(Hop(f"https://example.org/{i}", status, location="x") for i, status in enumerate(statuses)),
            Hop("https://example.org/end", 200, text="words " * 200),
        ]

    assert judge("https://example.org/0", hops(301, 308)).verdict == "moved"
    assert judge("https://example.org/0", hops(301, 302)).verdict == "ok"
    assert judge("http://example.org/end", [Hop("http://example.org/end", 301, location="x"), hops()[0]]).reason == "same-page"


# The command and its memory.


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

    monkeypatch.setattr(check, "check", answer)
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


def test_the_environment_is_not_trusted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HTTP_PROXY", "http://127.0.0.1:1")
    assert one(site("ok")).verdict == "ok"
