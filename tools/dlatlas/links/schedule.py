"""Which job is asked next: few at once at one host, none while a host wants its rest, hosts in turn."""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from time import monotonic

from dlatlas.links.fetch import Answer, Request
from dlatlas.links.origin import host_of
from dlatlas.links.pace import SERVICES, Pace
from dlatlas.links.steps import Steps

INFINITY = float("inf")

REFUSALS = 3
"""How often one link may be refused while its host answers others."""


@dataclass
class Job:
    """Steps on their way: the request that is next, and how it has fared."""

    steps: Steps
    request: Request
    host: str = ""
    tries: int = 0
    refusals: int = 0  # those that concern the link, not its host
    waits: int = 0
    began: float = 0.0
    sent_at: float = 0.0
    refused_at: float = 0.0

    def turn_to(self, request: Request) -> None:
        self.request, self.host = request, host_of(request.url)
        self.tries = self.refusals = self.waits = 0


class _Host:
    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.waiting: deque[Job] = deque()
        self.due = INFINITY  # when its entry in the heap is due; there is none at infinity
        self.answered_at = 0.0  # when the newest request that was answered had been sent


class Schedule:
    """The queue that the workers share. Every step of a job is scheduled at its own host."""

    def __init__(self, per_host: int, spacing: float) -> None:
        self._per_host, self._spacing = per_host, spacing
        self._hosts: dict[str, _Host] = {}
        self._heap: list[tuple[float, int, _Host | Job]] = []  # hosts that can be asked, and jobs that wait on their own
        self._numbers = count()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._wake_at = INFINITY  # when the worker that waits for the clock will wake
        self._open = 0
        self._stopped = False

    def add(self, jobs: Iterable[Job]) -> None:
        """Put in new jobs, the hosts in turn."""
        with self._lock:
            for job in jobs:
                self._open += 1
                self._put(job)
            self._changed.notify()

    def take(self) -> Job | None:
        """The next job whose host is free, waiting for one; None when all are done or the check was stopped.

        One worker waits for the clock, the others for a word from it.
        """
        with self._lock:
            while self._open and not self._stopped:
                now = monotonic()
                if self._heap and self._heap[0][0] <= now:
                    due, _, first = heapq.heappop(self._heap)
                    if isinstance(first, Job):
                        self._put(first, front=first.waits < 2)  # refused right after a rest: let another link try
                        continue
                    if due != first.due:
                        continue  # another entry came before this one
                    first.due = INFINITY
                    if first.waiting and first.pace.ready <= now and first.pace.free:
                        return self._taken(first, now)
                    self._queue(first)
                    continue
                self._wait(now)
            self._changed.notify_all()
            return None

    def _wait(self, now: float) -> None:
        """Until something changes, or until the next job is due where nobody waits for that yet."""
        due = self._heap[0][0] if self._heap else INFINITY
        if due >= self._wake_at:
            self._changed.wait()
            return
        self._wake_at = due
        self._changed.wait(due - now)
        if self._wake_at == due:
            self._wake_at = INFINITY

    def _taken(self, host: _Host, now: float) -> Job:
        job = host.waiting.popleft()
        host.pace.sent(now)
        job.sent_at = now
        job.began = job.began or now
        self._queue(host)
        self._changed.notify()
        return job

    def _put(self, job: Job, *, front: bool = False) -> None:
        host = self._hosts.get(job.host)
        if host is None:
            slow = SERVICES.get(job.host)
            pace = Pace(self._per_host, self._spacing) if slow is None else Pace(1, max(slow, self._spacing))
            host = self._hosts[job.host] = _Host(pace)
        host.waiting.appendleft(job) if front else host.waiting.append(job)
        self._queue(host)

    def _queue(self, host: _Host) -> None:
        due = max(host.pace.ready, monotonic())
        if host.waiting and due < host.due and host.pace.free:
            host.due = due
            heapq.heappush(self._heap, (due, next(self._numbers), host))

    def gave_up(self, job: Job) -> bool:
        """Whether the host of a job refuses everything."""
        with self._lock:
            return self._hosts[job.host].pace.gave_up

    def skipped(self, job: Job) -> None:
        """A job that was taken was not asked."""
        with self._lock:
            host = self._hosts[job.host]
            host.pace.dropped(job.sent_at)
            self._queue(host)
            self._changed.notify()

    def answered(self, job: Job) -> None:
        """The host of a job answered it, or failed in some other way than by a refusal."""
        with self._lock:
            host = self._hosts[job.host]
            host.pace.answered(monotonic(), job.sent_at)
            host.answered_at = max(host.answered_at, job.sent_at)
            self._queue(host)
            self._changed.notify()

    def refused(self, job: Job, wait: float) -> bool:
        """The host of a job refused it; returns whether it will be asked again, after ``wait`` seconds."""
        with self._lock:
            now = monotonic()
            host = self._hosts[job.host]
            if not job.refusals or host.answered_at > job.refused_at or host.pace.limits_links:
                job.refusals += 1
            job.refused_at = now
            job.waits += 1
            host.pace.refused(now, job.sent_at, wait)
            again = job.refusals < REFUSALS and not host.pace.gave_up
            if again:
                heapq.heappush(self._heap, (now + wait, next(self._numbers), job))
            self._queue(host)
            self._changed.notify()
            return again

    def later(self, job: Job, pause: float) -> None:
        """Ask a job again after some seconds, or its next request right away."""
        with self._lock:
            if pause:
                heapq.heappush(self._heap, (monotonic() + pause, next(self._numbers), job))
            else:
                self._put(job, front=True)
            self._changed.notify()

    def done(self) -> None:
        """A job is over."""
        with self._lock:
            self._open -= 1
            if not self._open:
                self._changed.notify_all()

    def keep_distance(self, host: str, seconds: float) -> None:
        """Ask a host more slowly from now on."""
        with self._lock:
            if host in self._hosts:
                self._hosts[host].pace.keep_distance(seconds)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            self._changed.notify_all()


def wait_of(answer: Answer, refusals: int) -> float:
    """Seconds that a refusal asks for; without a word from the host, more each time."""
    return max(answer.retry_after, 0.1) if answer.retry_after is not None else min(2.0 * 2**refusals, 30.0)
