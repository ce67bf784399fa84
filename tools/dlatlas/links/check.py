"""Check many links at once: workers make the requests of the schedule, results come back as they are found."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from time import monotonic, time
from urllib.parse import urldefrag, urlsplit

from dlatlas.catalog.lint.addresses import SHORTENERS
from dlatlas.links.fetch import Answer, Request, ask
from dlatlas.links.known import divide
from dlatlas.links.options import Options
from dlatlas.links.result import NO_HOST, Result
from dlatlas.links.robots import Robots
from dlatlas.links.schedule import Job, Schedule, wait_of
from dlatlas.links.steps import Steps, page_steps
from dlatlas.links.transport import Client

BETWEEN_TRIES = (0.7, 1.5)
"""Seconds before a request is made a second and a third time; up to a fifth more, by chance."""


def check(urls: Iterable[str], options: Options) -> Iterator[Result]:
    """The verdict on each address, in the order in which they are found; closing the iterator stops the workers."""
    waiting: list[str] = []
    for url in dict.fromkeys(urls):
        if (known := without_asking(url)) is not None:
            yield replace(known, checked_at=time())
        else:
            waiting.append(url)
    schedule = Schedule(options.per_host, options.spacing)
    jobs = [_started(steps) for steps in plan(waiting, options)]
    schedule.add(jobs)
    results: queue.SimpleQueue[list[Result] | BaseException] = queue.SimpleQueue()
    client = Client(options)

    def ask_once(request: Request) -> Answer:
        return ask(client, request, options.timeout)

    robots = Robots(ask_once, schedule.keep_distance) if options.robots else None

    def send(request: Request) -> Answer:
        if robots is not None and not request.service and not robots.allow(request.url):
            return Answer(request.url, error="robots")
        return ask_once(request)

    def work() -> None:
        try:
            while (job := schedule.take()) is not None:
                if (found := _step(job, schedule, send, options)) is not None:
                    results.put(found)
                    schedule.done()
        except BaseException as error:  # a fault of ours must end the check, not hang it
            results.put(error)

    try:
        for _ in range(min(options.workers, len(jobs))):
            threading.Thread(target=work, daemon=True).start()
        held: list[Result] = []
        for _ in jobs:
            if isinstance(found := results.get(), BaseException):
                raise found
            for result in found:
                if result.reason == NO_HOST and not client.found_a_name:
                    held.append(result)
                else:
                    yield result
        for result in held:
            yield replace(result, reason="dns-failure", detail="no name was found in this run") if client.offline else result
    finally:
        schedule.stop()
        client.close()


def without_asking(url: str) -> Result | None:
    """The verdict on an address that is not asked for: a shortened one, or one that is not http."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return Result(url, "unknown", "bad-address")
    if host in SHORTENERS:
        return Result(url, "opaque", "short-link")
    if parts.scheme not in ("http", "https"):
        return Result(url, "unknown", f"scheme-{parts.scheme or 'none'}")
    return None


def plan(urls: Iterable[str], options: Options) -> Iterator[Steps]:
    """Steps that check all the addresses, one for those that differ in their fragments only."""
    pages: dict[str, list[str]] = {}
    for url in urls:
        pages.setdefault(urldefrag(url).url, []).append(url)
    groups = [tuple(group) for group in pages.values()]
    if options.known:
        steps, groups = divide(groups, options)
        yield from steps
    for group in groups:
        yield page_steps(group, options)


def _started(steps: Steps) -> Job:
    request = next(steps)
    job = Job(steps, request)
    job.turn_to(request)
    return job


def _step(job: Job, schedule: Schedule, send: Callable[[Request], Answer], options: Options) -> list[Result] | None:
    """Make the request of a job; returns its results where that was the last one."""
    if schedule.gave_up(job):
        schedule.skipped(job)
        answer = Answer(job.request.url, status=429)
    else:
        answer = send(job.request)
        if answer.status == 429 or (answer.status == 503 and answer.retry_after is not None):
            if schedule.refused(job, min(wait_of(answer, job.refusals), options.longest_wait)):
                return None
        else:
            schedule.answered(job)
            job.tries += 1
            if _passing(answer) and job.tries < (job.request.tries if answer.error != "timeout" else min(2, job.request.tries)):
                schedule.later(job, BETWEEN_TRIES[job.tries - 1] * (1 + random.random() / 5))
                return None
    try:
        job.turn_to(job.steps.send(answer))
    except StopIteration as end:
        now, elapsed = time(), monotonic() - job.began
        return [replace(result, checked_at=now, elapsed=elapsed) for result in end.value]
    schedule.later(job, 0.0)
    return None


def _passing(answer: Answer) -> bool:
    """Whether it is worth asking once more."""
    return answer.error in ("reset", "timeout", "protocol", "dns-failure") or answer.status in (500, 502, 503, 504)
