"""Which link is asked next: few at once at one host, none while the host asked us to wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlsplit

from dlatlas.links.fetch import Hop

SHORTEST_GAP, LONGEST_GAP = 0.2, 5.0
"""Bounds of the seconds between two requests to a host that limits its rate."""

PATIENCE = 6
"""Pauses in a row that a host may ask for before its links are given up."""


@dataclass
class Task:
    """A link on its way: where it stands now and the hops behind it."""

    url: str
    current: str
    hops: list[Hop] = field(default_factory=list)
    tries: int = 0
    waits: int = 0
    ready: float = 0.0  # when it may be asked again, on the monotonic clock

    @property
    def host(self) -> str:
        try:
            return (urlsplit(self.current).hostname or "").lower()
        except ValueError:
            return ""


@dataclass
class _Host:
    waiting: deque[Task] = field(default_factory=deque)
    busy: int = 0
    slots: int = 1
    until: float = 0.0
    refusals: int = 0
    gap: float = 0.0  # seconds between two requests, found by trial

    @property
    def ready(self) -> float:
        """When its next link may be asked; at once where none is asked any more."""
        return 0.0 if self.gave_up else max(self.until, self.waiting[0].ready)

    @property
    def gave_up(self) -> bool:
        return self.refusals >= PATIENCE

    def answered(self) -> None:
        self.refusals = 0
        self.gap *= 0.95


class Schedule:
    """The queue that the workers share. Every hop is scheduled at its own host."""

    def __init__(self, urls: Iterable[str], per_host: int) -> None:
        self._per_host = per_host
        self._hosts: dict[str, _Host] = {}
        self._changed = threading.Condition()
        self._open = 0
        self._stopped = False
        for url in urls:
            self._open += 1
            self._put(Task(url, url))

    def _put(self, task: Task, *, first: bool = False) -> None:
        host = self._hosts.setdefault(task.host, _Host(slots=self._per_host))
        host.waiting.appendleft(task) if first else host.waiting.append(task)

    def take(self) -> Task | None:
        """The next task whose host is free, waiting for one; None when all are done or the check was stopped."""
        with self._changed:
            while self._open and not self._stopped:
                now = monotonic()
                able = [host for host in self._hosts.values() if host.waiting and host.busy < host.slots]
                free = next((host for host in able if host.ready <= now), None)
                if free is not None:
                    free.busy += 1
                    free.until = max(free.until, now + free.gap)
                    return free.waiting.popleft()
                self._changed.wait(min((host.ready - now for host in able), default=None))
            return None

    def again(self, task: Task, host: str, pause: float = 0.0) -> None:
        """Give a task back for its next hop; ``pause`` makes its host wait and lowers its pace."""
        with self._changed:
            state = self._hosts[host]
            state.busy -= 1
            if pause:
                state.until = max(state.until, monotonic() + pause)
                state.slots = max(1, state.slots // 2)
                state.refusals += 1
                state.gap = min(max(2 * state.gap, SHORTEST_GAP), LONGEST_GAP)
            else:
                state.answered()
            self._put(task, first=task.ready <= monotonic())
            self._changed.notify_all()

    def gave_up(self, host: str) -> bool:
        """Whether the host has refused so often that asking on would only waste its time and ours."""
        with self._changed:
            return self._hosts[host].gave_up

    def done(self, host: str, *, refused: bool) -> None:
        """A task is finished; ``refused`` when it ended on a host that would not answer."""
        with self._changed:
            self._hosts[host].busy -= 1
            if not refused:
                self._hosts[host].answered()
            self._open -= 1
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
