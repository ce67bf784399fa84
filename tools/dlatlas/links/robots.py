"""What hosts ask robots to leave alone (RFC 9309)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.robotparser import RobotFileParser

from dlatlas.links.address import BadHost
from dlatlas.links.fetch import Answer, Request
from dlatlas.links.origin import Origin, split

AGENT = "dlatlas"
LONGEST_DELAY = 10.0
"""Seconds between two requests that a host can ask for."""

MOST = 512 << 10
HOPS = 5


class Robots:
    """Reads each host's ``robots.txt`` once, before its first link is asked."""

    def __init__(self, ask: Callable[[Request], Answer], keep_distance: Callable[[str, float], None]) -> None:
        self._ask, self._keep_distance = ask, keep_distance
        self._rules: dict[Origin, RobotFileParser] = {}
        self._locks: dict[Origin, threading.Lock] = {}
        self._lock = threading.Lock()

    def allow(self, url: str) -> bool:
        """Whether an address may be asked; reads the host's rules where they are not known."""
        try:
            origin, _ = split(url)
        except BadHost:
            return True  # asking says what is wrong with it
        with self._lock:
            lock = self._locks.setdefault(origin, threading.Lock())
        with lock:
            if origin not in self._rules:
                self._rules[origin] = rules = self._read(origin)
                if delay := rules.crawl_delay(AGENT):
                    self._keep_distance(origin.host, min(float(delay), LONGEST_DELAY))
        return self._rules[origin].can_fetch(AGENT, url)

    def _read(self, origin: Origin) -> RobotFileParser:
        """The rules of a host: all is allowed where it has none, nothing while its server fails."""
        rules = RobotFileParser()
        url = f"{origin}/robots.txt"
        for _ in range(HOPS):
            answer = self._ask(Request(url, most=MOST))
            if answer.location is None:
                break
            url = answer.location
        if answer.status is not None and answer.status >= 500:
            rules.parse(["User-agent: *", "Disallow: /"])
        else:
            rules.parse(answer.text.splitlines() if answer.status == 200 else [])
        return rules
