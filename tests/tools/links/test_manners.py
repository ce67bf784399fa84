"""How hosts are treated: concurrency, rests, spacing, robots, conditional requests."""

from __future__ import annotations

import heapq
import threading
import time
from dataclasses import replace
from email.utils import formatdate

import pytest
from dlatlas.links import pace, schedule
from dlatlas.links.fetch import Answer
from dlatlas.links.options import Options
from dlatlas.links.pace import Pace
from dlatlas.links.result import Result

from tests.tools.links.conftest import CONTEXT, OPEN, Site, one, start, verdicts

ONE_BY_ONE = replace(OPEN, per_host=1)


def test_few_requests_at_once_for_one_host(site: Site) -> None:
    other = start("127.0.0.2")
    try:
        options = replace(OPEN, per_host=2)
        found = verdicts(*(host(f"busy?{i}") for host in (site, other) for i in range(20)), options=options)
        assert [result.verdict for result in found.values()] == ["ok"] * 40
        assert (site.most, other.most) == (2, 2)
    finally:
        other.finish()


def test_one_slow_host_holds_nobody_up(site: Site) -> None:
    """Forty links of a host that hangs, two workers' worth of others behind them."""
    other = start("127.0.0.2")
    try:
        urls = [site(f"silent?{i}") for i in range(40)] + [other(f"ok?{i}") for i in range(40)]
        began = time.monotonic()
        results = iter(verdicts_in_order(urls, Options(timeout=2, workers=8, per_host=2, allow_private=True, context=CONTEXT)))
        first = [next(results) for _ in range(40)]
        assert {result.verdict for result in first} == {"ok"} and time.monotonic() - began < 1.5
    finally:
        other.finish()


def verdicts_in_order(urls: list[str], options: Options) -> object:
    from dlatlas.links.check import check

    return check(urls, options)


def test_a_link_is_not_asked_again_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlatlas.links.check.BETWEEN_TRIES", (0.4, 0.6))
    began = time.monotonic()
    found = verdicts(site("flaky"), site("ok"), site("broken"))
    assert [found[site(path)].verdict for path in ("flaky", "ok", "broken")] == ["ok", "ok", "unreachable"]
    assert 1.0 < time.monotonic() - began < 2.5
    assert site.hits["GET /broken"] == 3 and next(iter(found)) == site("ok")


def test_spacing(site: Site) -> None:
    verdicts(*(site(f"ok?{i}") for i in range(6)), options=replace(OPEN, spacing=0.1))
    assert site.times[-1] - site.times[0] > 0.45


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_kept(site: Site, form: str) -> None:
    """In seconds, and as a date; nothing is asked of the host in between."""
    wait = {"seconds": "1", "date": formatdate(time.time() + 2, usegmt=True)}[form]
    site.routes["/rested"] = (429, "", {"Retry_After": wait})
    began = time.monotonic()
    threading.Timer(0.3, lambda: site.routes.update({"/rested": (200, "words " * 100, {})})).start()
    found = verdicts(site("rested"), *(site(f"ok?{i}") for i in range(5)), options=ONE_BY_ONE)
    assert site.times[0] - began < 0.3
    gap = site.times[1] - site.times[0]
    assert 0.9 < gap < 2.5
    assert site.headers[1][0] == "/rested"
    assert {result.verdict for result in found.values()} == {"ok"}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0", 0), ("-3", None), ("soon", None), ("", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("9" * 400, float("inf"))],
)
def test_retry_after_in_all_forms(value: str, seconds: float | None) -> None:
    assert Answer("http://a.org/", 429, {"retry-after": value}).retry_after == seconds


def test_refusals_spend_no_tries(site: Site) -> None:
    """Two refusals, two server errors, and then the page: three tries are enough."""
    plan = iter([429, 503, 429, 500, 200])
    answers: list[int] = []

    class Turns(dict):  # type: ignore[type-arg]
        def get(self, key: str, default: object = None) -> object:
            if key != "/turns":
                return default
            answers.append(next(plan))
            return (answers[-1], "words " * 100, {"Retry_After": "0"} if answers[-1] == 429 else {})

    site.routes = Turns()
    assert one(site("turns")).verdict == "ok"
    assert answers == [429, 503, 429, 500, 200]


def test_a_host_that_never_relents_is_given_up(site: Site) -> None:
    """A day of Retry-After is capped, and the host's other links do not each wait again."""
    found = verdicts(*(site(f"never?{i}") for i in range(40)), options=replace(OPEN, longest_wait=0.05))
    assert {(result.verdict, result.reason) for result in found.values()} == {("blocked", "rate-limit")}
    assert len(found) == 40
    assert site.hits["GET /never"] <= 4 * pace.PATIENCE


def test_a_link_that_is_always_refused_does_not_stop_the_others(site: Site) -> None:
    site.routes["/always"] = (429, "", {"Retry_After": "0"})
    found = verdicts(site("always"), *(site(f"ok?{i}") for i in range(30)))
    assert found.pop(site("always")).reason == "rate-limit"
    assert {result.verdict for result in found.values()} == {"ok"}
    assert site.hits["GET /always"] <= schedule.REFUSALS + pace.PATIENCE


class Bucket:
    """A host with a token bucket, and a checker's side that keeps to a pace, in time that is only counted."""

    def __init__(self, rate: float, burst: int, retry_after: float, latency: float) -> None:
        self.rate, self.burst, self.retry_after, self.latency = rate, burst, retry_after, latency
        self.refusals = self.inside = 0

    def serve(self, links: int, slots: int) -> float:
        """Seconds until all links are answered."""
        host, now, tokens, filled, forbidden = Pace(slots, 0.0), 0.0, float(self.burst), 0.0, 0.0
        flights: list[tuple[float, float, bool]] = []
        again: list[float] = []
        while links or flights or again:
            times = [flights[0][0]] if flights else []
            times += again[:1]
            if links and host.free:
                times.append(max(now, host.ready))
            now = max(now, min(times))
            if again and again[0] <= now:
                heapq.heappop(again)
                links += 1
            elif flights and flights[0][0] <= now:
                _, sent, served = heapq.heappop(flights)
                if served:
                    host.answered(now, sent)
                else:
                    host.refused(now, sent, self.retry_after)
                    heapq.heappush(again, now + self.retry_after)
            else:
                host.sent(now)
                links -= 1
                arrival = now + self.latency / 2
                tokens = min(self.burst, tokens + (arrival - filled) * self.rate)
                filled = arrival
                self.inside += arrival < forbidden
                if tokens < 1:
                    self.refusals += 1
                    forbidden = max(forbidden, arrival + self.retry_after)
                heapq.heappush(flights, (now + self.latency, now, tokens >= 1))
                tokens -= tokens >= 1
        return now


@pytest.mark.parametrize("latency", [0.02, 0.077, 0.3])
@pytest.mark.parametrize("slots", [1, 4])
@pytest.mark.parametrize(("links", "rate", "burst", "retry_after"), [(250, 4, 10, 3), (330, 10, 30, 2), (400, 2, 5, 5)])
def test_the_pace_finds_what_a_host_allows(links: int, rate: float, burst: int, retry_after: float, slots: int, latency: float) -> None:
    """Near what the bucket makes possible, with few requests while it wants its rest."""
    host = Bucket(rate, burst, retry_after, latency)
    floor = max((links - burst) / rate, links * latency / slots)
    assert host.serve(links, slots) < 1.25 * floor
    assert host.refusals <= links / 15 and host.inside <= (10 if slots > 1 else 0)


def test_a_host_that_limits_links_is_not_paused() -> None:
    host = Pace(4, 0.0)
    for at in (0.0, 0.01, 0.02, 0.03):
        host.sent(at)
    host.refused(0.1, 0.0, 1.0)
    for at in (0.01, 0.02, 0.03):
        assert host.ready == 0.0 or host.ready == pytest.approx(1.1)
        host.answered(0.11, at)
    assert host.limits_links and host.ready <= 0.11
    host.sent(0.115)
    host.refused(0.12, 0.115, 1.0)
    assert host.ready <= 0.12


def test_requests_on_their_way_since_before_a_refused_one_tell_nothing_of_it() -> None:
    host = Pace(4, 0.0)
    for at in (0.0, 0.01, 0.02, 0.03):
        host.sent(at)
    host.refused(0.1, 0.03, 1.0)
    for at in (0.11, 0.12, 0.13):
        assert host.ready == 0.0 and host.free
        host.sent(at)
        host.answered(at + 0.005, at)
    assert host.limits_links and host.ready <= 0.14


def test_a_host_that_limits_its_visitors_is_paused() -> None:
    host = Pace(4, 0.0)
    for at in (0.0, 0.01, 0.02):
        host.sent(at)
    host.refused(0.1, 0.0, 1.0)
    host.refused(0.11, 0.01, 1.0)
    host.refused(0.12, 0.02, 1.0)
    assert not host.limits_links and host.ready == pytest.approx(1.12)


def test_unchanged_pages_are_not_sent_again(site: Site) -> None:
    first = one(site("cached"))
    assert first.etag == '"7"'
    again = one(site("cached"), replace(OPEN, previous={first.url: first}.get))
    assert (again.verdict, again.reason, again.status) == ("ok", "http-200", 200) and again.etag == '"7"'
    assert [headers.get("If-None-Match") for _, headers in site.headers] == [None, '"7"']


def test_what_was_gone_is_asked_in_full(site: Site) -> None:
    before = Result(site("cached"), "gone", "soft-404", 200, etag='"7"')
    assert one(site("cached"), replace(OPEN, previous={before.url: before}.get)).verdict == "ok"
    assert "If-None-Match" not in site.headers[0][1]


def test_validators_go_to_the_page_that_gave_them(site: Site) -> None:
    site.routes["/old"] = (301, "", {"Location": "/cached"})
    before = one(site("old"))
    after = one(site("old"), replace(OPEN, previous={before.url: before}.get))
    assert before.verdict == after.verdict == "moved" and after.final_url == site("cached")
    assert [(path, headers.get("If-None-Match")) for path, headers in site.headers[2:]] == [("/old", None), ("/cached", '"7"')]


def test_robots_are_kept_to_where_asked(site: Site) -> None:
    site.routes["/robots.txt"] = (200, "User-agent: *\nDisallow: /private\nCrawl-delay: 0.2\n\nUser-agent: other\nDisallow: /", {})
    asked = [site("private/a"), *(site(f"ok?{i}") for i in range(4))]
    found = verdicts(*asked, options=replace(OPEN, robots=True))
    assert (found[asked[0]].verdict, found[asked[0]].reason) == ("unknown", "robots")
    assert [found[url].verdict for url in asked[1:]] == ["ok"] * 4
    assert site.hits["GET /robots.txt"] == 1 and not site.hits["GET /private/a"]
    verdicts(asked[0])
    assert site.hits["GET /private/a"] == 1


@pytest.mark.parametrize(("status", "verdict"), [(404, "ok"), (403, "ok"), (500, "unknown")])
def test_hosts_without_rules(site: Site, status: int, verdict: str) -> None:
    site.routes["/robots.txt"] = (status, "User-agent: *\nDisallow: /", {})
    assert one(site("ok"), replace(OPEN, robots=True)).verdict == verdict
