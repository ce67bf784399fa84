"""Check many links at once: workers take hops from the schedule, results come back as they are made."""

from __future__ import annotations

import queue
import ssl
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

from dlatlas.catalog.lint.addresses import SHORTENERS
from dlatlas.links.fetch import Hop, hop
from dlatlas.links.result import Result
from dlatlas.links.schedule import Schedule, Task
from dlatlas.links.transport import session
from dlatlas.links.verdict import judge

REDIRECTS = 10
TRIES = 3
"""How often a link is asked when the connection fails or the server has an error."""

BETWEEN_TRIES = 1.0
"""Seconds before a link is asked again."""

WAITS = 3
"""How often a link waits for a host that asked us to."""

LONGEST_WAIT = 60.0
"""Seconds that a host can make us wait, whatever it asks for."""


@dataclass(frozen=True)
class Options:
    """How to check: seconds for a request, threads, requests at once for one host, and whether private addresses are allowed."""

    timeout: float = 20.0
    workers: int = 32
    per_host: int = 2
    allow_private: bool = False
    context: ssl.SSLContext | None = None


def check(urls: Iterable[str], options: Options) -> Iterator[Result]:
    """The verdict on each address, in the order in which they are found; closing the iterator stops the workers."""
    waiting: list[str] = []
    for url in dict.fromkeys(urls):
        if (known := without_asking(url)) is not None:
            yield known
        else:
            waiting.append(url)
    schedule = Schedule(waiting, options.per_host)
    results: queue.Queue[Result | BaseException] = queue.Queue()
    made, deadline = session(allow_private=options.allow_private, workers=options.workers, context=options.context)

    def work() -> None:
        while (task := schedule.take()) is not None:
            host = task.host
            if schedule.gave_up(host):
                task.hops.append(Hop(task.current, status=429))
                pause = None
            else:
                task.hops.append(hop(made, deadline, task.current, options.timeout))
                pause = following(task)
            if pause is None:
                results.put(judge(task.url, task.hops))
                schedule.done(host, refused=task.hops[-1].status == 429)
            else:
                schedule.again(task, host, pause)

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # a fault of ours must end the check, not hang it
            results.put(error)

    try:
        for _ in range(min(options.workers, len(waiting))):
            threading.Thread(target=guarded, daemon=True).start()
        for _ in waiting:
            if isinstance(result := results.get(), BaseException):
                raise result
            yield result
    finally:
        schedule.stop()
        made.close()


def without_asking(url: str) -> Result | None:
    """The verdict on an address that is not asked for: a shortened one, or one that is not http."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return Result(url, "unknown", "bad-url")
    if host in SHORTENERS:
        return Result(url, "opaque", "short-link")
    if parts.scheme not in ("http", "https"):
        return Result(url, "unknown", f"scheme-{parts.scheme or 'none'}")
    return None


def following(task: Task) -> float | None:
    """Prepare a task for its next request and return the seconds its host must rest before; None when it is done."""
    last = task.hops[-1]
    if last.status == 429 or (last.status == 503 and last.retry_after is not None):
        task.waits += 1
        if task.waits > WAITS:
            return None
        task.hops.pop()
        return min(last.retry_after if last.retry_after is not None else 5.0 * task.waits, LONGEST_WAIT) or 0.1
    if last.location is not None:
        seen = {one.url for one in task.hops}
        if len(task.hops) > REDIRECTS or last.location in seen:
            return None
        if urlsplit(last.location).scheme not in ("http", "https"):
            task.hops.append(Hop(last.location, error="redirect-scheme"))
            return None
        task.current = last.location
        return 0.0
    if _passing(last):
        task.tries += 1
        if task.tries < TRIES:
            task.hops.pop()
            task.ready = monotonic() + BETWEEN_TRIES
            return 0.0
    return None


def _passing(last: Hop) -> bool:
    """Whether it is worth asking once more."""
    return last.error in ("reset", "timeout", "protocol") or (last.status or 0) in (500, 502, 503, 504)
