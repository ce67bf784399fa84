"""How far a check is: links done, rate, time left and what was found, in one line that is written anew."""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Callable
from time import monotonic
from typing import TextIO

WINDOW = 10.0
"""Seconds over which the rate is taken: a slow end must show."""


class Progress:
    """Writes to a terminal ten times a second at most, else a line every five seconds; the last state is always written."""

    def __init__(self, total: int, stream: TextIO, clock: Callable[[], float] = monotonic) -> None:
        self._total = total
        self._stream = stream
        self._clock = clock
        self._live = stream.isatty()
        self._began = clock()
        self._next = self._began + (0.0 if self._live else 5.0)
        self._marks = deque([(self._began, 0)])  # when how many were done
        self._found: Counter[str] = Counter()
        self._width = 0
        self.done = 0

    def add(self, verdict: str) -> None:
        """One more link is done."""
        self.done += 1
        self._found[verdict] += 1
        now = self._clock()
        if now >= self._next or self.done == self._total:
            self._next = now + (0.1 if self._live else 5.0)
            self._write(now)

    def _write(self, now: float) -> None:
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and self._marks[0][0] < now - WINDOW:
            self._marks.popleft()
        line = self._line(now)
        if self._live:
            end = "\n" if self.done == self._total else ""
            line = line[: shutil.get_terminal_size().columns - 1]
            self._stream.write("\r" + line.ljust(self._width) + end)
            self._width = len(line)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def _line(self, now: float) -> str:
        then, done = self._marks[0]
        rate = (self.done - done) / (now - then) if now > then else 0.0
        parts = [f"{self.done:,} of {self._total:,} links"]
        if self.done == self._total:
            parts.append(f"{span(now - self._began)}")
        elif rate:
            parts += [f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s", f"{span((self._total - self.done) / rate)} left"]
        troubles = [f"{count:,} {verdict}" for verdict, count in self._found.most_common() if verdict != "ok"]
        return ", ".join(parts) + (f" ({', '.join(troubles)})" if troubles else "")


def span(seconds: float) -> str:
    """``4:05`` or ``1:02:03``."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
