"""The verdict on one link, as it is handed on, stored and printed.

ok           it answers
moved        it answers at another address, by permanent redirects all the way
gone         404, 410, a page that only says so, a parked domain, or a host without a name for days
blocked      it refuses us (login, robot check, rate limit); a reader may well get in
broken-tls   its certificate does not hold; the reason says why
unreachable  no name, no connection, no answer in time, a server error, or redirects without end
opaque       a shortened address, kept as it is and not followed
unknown      none of these; the reason says what happened
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VERDICTS = ("ok", "moved", "gone", "blocked", "broken-tls", "unreachable", "opaque", "unknown")

NO_HOST = "host-not-found"
"""The reason of a host whose name does not exist: unreachable at first, gone when that lasts for days."""


@dataclass(frozen=True)
class Result:
    """What one run found out about a link, and how many runs say the same.

    ``final_url`` is where the redirects ended, or the address to adopt for a ``moved`` link; None without redirects.
    ``chain`` holds each redirect with its status, ``temporary`` says that one of them was not permanent.
    ``confirmed`` is set for a link that was gone in an earlier run as well; ``agree`` counts the runs in a row with this
    verdict and reason, ``since`` is the time of the first of them. Times are seconds since 1970, ``elapsed`` is seconds
    from the first request to the verdict, rests included.
    ``etag`` and ``modified`` are what the final page named for asking whether it has changed.
    """

    url: str
    verdict: str
    reason: str
    status: int | None = None
    final_url: str | None = None
    chain: tuple[tuple[str, int], ...] = ()
    confirmed: bool = False
    temporary: bool = False
    detail: str = ""
    checked_at: float = 0.0
    elapsed: float = 0.0
    agree: int = 1
    since: float = 0.0
    etag: str | None = None
    modified: str | None = None

    def json(self) -> dict[str, Any]:
        """The keys that other programs may rely on."""
        names = ("url", "verdict", "reason", "status", "final_url", "chain", "confirmed")
        return {name: getattr(self, name) for name in names} | {"chain": [{"url": url, "status": status} for url, status in self.chain]}
