"""Small webs whose truth is known: links of many kinds on many hosts of loopback, by seed.

A plan is JSON: ``hosts`` (addresses of loopback), ``answers`` (by host and path), ``limits`` (token buckets by host), ``tls``.
An answer has ``status``, ``headers``, ``body``, ``delay`` in seconds, ``act`` (what else than to answer), and ``first``: the
answer that is given before it, for so many seconds or so many requests. ``HEAD`` beside it is the answer to that.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Answer = dict[str, Any]

ARTICLE = "<!doctype html><title>Note {0}</title><h1 id=top>Note {0}</h1>" + "<p>Words about networks, layers and gradients. " * 12
LOST = (
    "<title>Page not found</title><h1>404</h1><p>Sorry, the page you are looking for does not exist.",
    "<title>页面不存在</title><p>抱歉，您访问的页面不存在或已被删除",
    "<title>Error 404 (Not Found)</title>Nothing here",
)
CHALLENGE = {"cf-mitigated": "challenge", "Server": "cloudflare"}

EXPECTED = {
    "alive": {"ok"},
    "moved": {"moved"},
    "dead": {"gone", "unreachable"},
    "soft": {"gone"},
    "blocked": {"blocked"},
    "unclear": {"unreachable", "unknown"},
}
"""The verdicts that are right for each truth."""


@dataclass
class Plan:
    """Links with their truth, and what the server is to answer."""

    port: int
    hosts: list[str]
    scheme: str = "http"
    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    limits: dict[str, dict[str, float]] = field(default_factory=dict)
    truth: dict[str, str] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def place(self, host: str, path: str) -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def put(self, kind: str, answer: Answer, host: str | None = None) -> str:
        """A new address with an answer, on the next host in turn."""
        self.count += 1
        host = host or self.hosts[self.count % len(self.hosts)]
        path = f"/{kind}/{self.count}"
        self.answers.setdefault(host, {"/": article(0)})[path] = answer
        return self.place(host, path)

    def link(self, truth: str, kind: str, answer: Answer, host: str | None = None, fragment: str = "", target: str | None = None) -> None:
        url = self.put(kind, answer, host) + fragment
        self.truth[url] = truth
        if target:
            self.targets[url] = target

    def home(self, url: str) -> str:
        return "/".join(url.split("/")[:3]) + "/"


def article(number: int, **more: Any) -> Answer:
    return {"status": 200, "body": ARTICLE.format(number % 50), **more}


def to(place: str, status: int = 301, **more: Any) -> Answer:
    return {"status": status, "headers": {"Location": place}, **more}


def make(profile: str, seed: int, port: int) -> Plan:
    """The plan of a profile: main, catalog, hard, ratelimit, tls or bombs."""
    return {"main": _main, "catalog": _catalog, "hard": _hard, "ratelimit": _ratelimit, "tls": _tls, "bombs": _bombs}[profile](
        random.Random(seed), port
    )


def _hosts(count: int) -> list[str]:
    return [f"127.0.{1 + i // 250}.{1 + i % 250}" for i in range(count)]


def _main(chance: random.Random, port: int) -> Plan:
    """2,000 links on 20 hosts, 27 kinds."""
    plan = Plan(port, _hosts(20))
    busy = {"status": 429, "headers": {"Retry-After": "1"}}

    def chain() -> tuple[Answer, str]:
        end = plan.put("end", article(1))
        return to(plan.put("hop", to(plan.put("hop", to(end), None), 308))), end

    def moved(status: int) -> tuple[Answer, str]:
        end = plan.put("end", article(2))
        return to(end, status), end

    kinds: list[tuple[int, str, str, Callable[[int], Any]]] = [
        (200, "alive", "slow", lambda i: article(i, delay=0.2)),
        (20, "alive", "large", lambda i: {"status": 200, "size": 262144, "headers": {"Content-Type": "application/pdf"}}),
        (150, "dead", "missing", lambda i: {"status": 404}),
        (30, "dead", "removed", lambda i: {"status": 410}),
        (20, "unclear", "error", lambda i: {"status": 500}),
        (30, "alive", "flaky", lambda i: article(i, first={"seconds": 0.8, "status": 503})),
        (100, "moved", "permanent", lambda i: moved(chance.choice((301, 308)))),
        (40, "moved", "chain", lambda i: chain()),
        (80, "alive", "temporary", lambda i: moved(chance.choice((302, 303, 307)))[0]),
        (20, "dead", "to-missing", lambda i: to(plan.put("end", {"status": 404}))),
        (60, "alive", "head-405", lambda i: article(i, HEAD={"status": 405})),
        (30, "alive", "head-404.pdf", lambda i: article(i, HEAD={"status": 404})),
        (10, "alive", "head-reset.pdf", lambda i: article(i, HEAD={"act": "reset"})),
        (40, "alive", "busy-once", lambda i: article(i, first={"seconds": 1.0, **busy})),
        (10, "blocked", "busy", lambda i: busy),
        (30, "blocked", "challenge", lambda i: {"status": 403, "headers": CHALLENGE, "body": "<title>Just a moment...</title>"}),
        (20, "blocked", "forbidden", lambda i: {"status": 403}),
        (20, "blocked", "denied", lambda i: {"status": 999}),
        (10, "blocked", "login", lambda i: {"status": 401, "headers": {"WWW-Authenticate": "Basic realm=x"}}),
        (20, "unclear", "reset", lambda i: {"act": "reset"}),
        (20, "alive", "reset-once", lambda i: article(i, first={"count": 1, "act": "reset"})),
        (30, "soft", "lost", lambda i: {"status": 200, "body": LOST[i % 3]}),
    ]
    jobs = [kind for kind in kinds for _ in range(kind[0])]
    special = [("loop", 10), ("home", 20), ("refused", 10), ("anchor", 10), ("no-anchor", 10)]
    jobs += [(0, "", name, article) for name, count in special for _ in range(count)]
    jobs += [(0, "alive", "fine", article)] * (2000 - len(jobs))
    chance.shuffle(jobs)
    for i, (_, truth, name, answer) in enumerate(jobs):
        _add_special(plan, name, i) if not truth else _add(plan, truth, name, answer(i))
    return plan


def _add(plan: Plan, truth: str, name: str, answer: Any) -> None:
    made, target = answer if isinstance(answer, tuple) else (answer, None)
    plan.link(truth, name, made, target=target)


def _add_special(plan: Plan, name: str, i: int) -> None:
    if name == "loop":
        back: Answer = {"status": 302, "headers": {}}
        there = plan.put("hop", back)
        plan.link("dead", name, to(there, 302))
        back["headers"]["Location"] = next(reversed(plan.truth))
    elif name == "home":
        host = plan.hosts[plan.count % len(plan.hosts)]
        plan.link("soft", name, to(plan.place(host, "/"), 302), host)
    elif name == "refused":
        plan.truth[plan.place("127.0.9.9", f"/refused/{i}")] = "dead"
    else:
        plan.link("alive" if name == "anchor" else "dead", name, article(i), fragment="#top" if name == "anchor" else "#none")


def _catalog(chance: random.Random, port: int) -> Plan:
    """1,000 links on 205 hosts; a few hosts have most of them, two of those limit their visitors."""
    plan = Plan(port, _hosts(205))
    code, papers, answers, network, blogs, *rest = plan.hosts
    plan.limits = {code: {"rate": 10, "burst": 30, "retry_after": 2}, papers: {"rate": 4, "burst": 10, "retry_after": 3}}
    jobs = [code] * 300 + [papers] * 250 + [answers] * 40 + [network] * 10 + [blogs] * 30
    jobs += [rest[i % len(rest)] for i in range(1000 - len(jobs))]
    chance.shuffle(jobs)
    refusals = {
        answers: {"status": 403, "body": "{}"},
        network: {"status": 999},
        blogs: {"status": 403, "headers": CHALLENGE, "body": "<title>Just a moment...</title>"},
    }
    for i, host in enumerate(jobs):
        delay = {"delay": 0.04 + plan.hosts.index(host) * 0.037 % 0.5}
        luck = chance.random()

        def moved(host: str = host, delay: dict[str, float] = delay) -> None:
            end = plan.put("end", article(3, **delay), host)
            plan.link("moved", "renamed", to(end, **delay), host, target=end)

        if host in refusals:
            plan.link("blocked", "walled", {**refusals[host], **delay}, host)
        elif host == code and 0.05 < luck < 0.15:
            moved()
        elif luck < {code: 0.05, papers: 0.01}.get(host, 0.08):
            plan.link("dead", "missing", {"status": 404, **delay}, host)
        elif host in (code, papers) or luck > 0.28:
            plan.link("alive", "fine", article(i, **delay), host)
        elif luck < 0.11:
            plan.link("soft", "lost", {"status": 200, "body": LOST[i % 3], **delay}, host)
        elif luck < 0.14:
            plan.link("soft", "home", to(plan.place(host, "/"), 302, **delay), host)
        elif luck < 0.22:
            moved()
        elif luck < 0.25:
            plan.link("alive", "later", article(i, first={"seconds": 2.0, "status": 503}, **delay), host)
        elif luck < 0.27:
            plan.link("alive", "reset-once", article(i, first={"count": 1, "act": "reset"}, **delay), host)
        else:
            plan.link("unclear", "silent", {"act": "silent"}, host)
    return plan


def _ratelimit(chance: random.Random, port: int) -> Plan:
    """2,000 links on 20 hosts that allow 20 requests a second each."""
    plan = Plan(port, _hosts(20))
    plan.limits = {host: {"rate": 20, "burst": 10, "retry_after": 1} for host in plan.hosts}
    for i in range(2000):
        plan.link("alive", "fine", article(i))
    return plan


def _tls(chance: random.Random, port: int) -> Plan:
    """1,000 links on 400 hosts, by https."""
    plan = Plan(port, _hosts(400), "https")
    for i in range(1000):
        plan.link("alive", "fine", article(i))
    return plan


def _hard(chance: random.Random, port: int) -> Plan:
    """200 fine links, and servers that are silent, drip, never end, bomb and hang up."""
    plan = Plan(port, _hosts(20))
    kinds: list[tuple[int, str, str, Answer]] = [
        (200, "alive", "fine", article(1)),
        (6, "unclear", "silent", {"act": "silent"}),
        (4, "alive", "head-silent.pdf", article(1, HEAD={"act": "silent"})),
        (4, "alive", "drip", {"act": "drip"}),
        (4, "alive", "endless", {"act": "endless"}),
        (2, "alive", "bomb", {"act": "bomb"}),
        (2, "unclear", "close", {"act": "close"}),
    ]
    jobs = [kind for kind in kinds for _ in range(kind[0])]
    chance.shuffle(jobs)
    for _, truth, name, answer in jobs:
        plan.link(truth, name, answer)
    return plan


def _bombs(chance: random.Random, port: int) -> Plan:
    """Fifty fine links, and bodies that drip, never end and bomb, each to be searched for a fragment."""
    plan = Plan(port, _hosts(20))
    jobs = ["fine"] * 50 + ["drip", "endless", "bomb"] * 4
    chance.shuffle(jobs)
    for name in jobs:
        if name == "fine":
            plan.link("alive", name, article(1))
        else:
            plan.link("unclear", name, {"act": name}, fragment="#x")
    return plan
