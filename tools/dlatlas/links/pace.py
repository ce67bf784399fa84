"""How fast one host may be asked, learned from its refusals (429, or 503 with Retry-After)."""

from __future__ import annotations

LONGEST_GAP = 5.0
"""The most seconds between two requests, however slow a host seems to want it."""

PATIENCE = 4
"""Pauses in a row, without an answer between them, after which a host is given up."""

FRUITLESS = 120.0
"""Seconds of such pauses after which a host is given up."""

BOLDER = 0.9
"""By what the first gap is shorter than what the host allowed on average: its allowance grows while it rests."""

SEARCHING, SETTLED = 0.98, 0.997
"""By what the gap shrinks with each answer: after the first pause, and once a second one has shown where the limit is."""

SURPRISE = 0.5
"""Requests that a host may have allowed since it refused one, for an answer to the next one still to tell anything."""

CHANCE = 2
"""Refusals that may have been chance, where nothing tells whether they were for a link or for all."""


SERVICES = {"export.arxiv.org": 3.0, "archive.org": 1.0, "web.archive.org": 1.0}
"""Hosts that ask programs for so many seconds between two requests, and for one at a time."""


class Pace:
    """When the next request may go to a host.

    A refusal pauses the host for as long as it says. What happens to requests that were on their way at that moment tells
    more; where there was none, and several at once are allowed, one more is sent to find out. If they are refused too, the
    host limits its visitors: after the pause, requests keep the distance that would have kept within what it allowed on
    average, a little less with each answer. If they are answered, it limits that link, and only such links wait.
    All times are on the monotonic clock.
    """

    def __init__(self, slots: int, spacing: float) -> None:
        self.slots = slots
        self.busy = 0
        self._spacing = spacing
        self._gap = 0.0
        self._next = 0.0
        self._until = 0.0
        self._refused_sent = self._answered_sent = self._refused_at = float("-inf")
        self._alone = self._together = self._unclear = self._pauses = 0
        self._probing = False
        self._fruitless = 0
        self._fruitless_wait = 0.0
        self._cycle_start: float | None = None
        self._answers = 0
        self._rate = 0.0  # answers a second up to the last refusal

    @property
    def ready(self) -> float:
        """When the next request may be sent."""
        return 0.0 if self.gave_up or self._probing else max(self._until, self._next)

    @property
    def gave_up(self) -> bool:
        """Whether the host has refused so often that asking on would only waste its time and ours."""
        return self._fruitless >= PATIENCE or self._fruitless_wait >= FRUITLESS

    @property
    def limits_links(self) -> bool:
        """Whether its refusals concern single links."""
        return self._alone > self._together

    @property
    def _limits_visitors(self) -> bool:
        return not self.limits_links and (self._together - self._alone >= 2 or self._unclear > CHANCE)

    def _probe(self) -> None:
        """Send one more, where nothing tells yet whom the host limits."""
        self._probing = self.slots > 1 and not self.limits_links and not self._limits_visitors

    def keep_distance(self, seconds: float) -> None:
        """Leave at least this time between two requests, and make one at a time."""
        self.slots = 1
        self._spacing = max(self._spacing, seconds)
        self._next += seconds

    def sent(self, now: float) -> None:
        self.busy += 1
        self._next = now + max(self._gap if self._limits_visitors else 0.0, self._spacing)
        if self._cycle_start is None:
            self._cycle_start = now
        if self._probing:
            self._probing, self._refused_at = False, now

    def answered(self, now: float, sent_at: float) -> None:
        """A request was not refused."""
        self._fruitless, self._fruitless_wait = 0, 0.0
        self._answers += 1
        self._gap *= SETTLED if self._pauses > 1 else SEARCHING
        self._answered_sent = max(self._answered_sent, sent_at)
        if self._refused_sent < sent_at <= self._refused_at and self._surprising(sent_at):
            self._unclear -= 1
            self._passed_by()
            if self.limits_links:
                self._until = now

    def _surprising(self, sent_at: float) -> bool:
        """Whether a host that limits its visitors would have refused what was sent at that time."""
        return (sent_at - self._refused_sent) * self._rate < SURPRISE

    def _passed_by(self) -> None:
        """A request that was sent after the refused one was answered."""
        self._alone += 1
        self._refused_sent = float("inf")  # one such answer is enough

    def refused(self, now: float, sent_at: float, wait: float) -> None:
        """A request was refused."""
        if sent_at <= self._refused_at:  # it was on its way when another was refused
            self._together += 1
            self._until = max(self._until, now + wait)
            self._probe()
            return
        started = now if self._cycle_start is None else self._cycle_start
        self._refused_at, self._refused_sent = now, sent_at
        self._rate = self._answers / max(now - started, 1e-9)
        if self._answered_sent > sent_at and self._surprising(self._answered_sent):
            self._passed_by()
        else:
            self._unclear += 1
        if self.limits_links:
            return
        self._probe()
        self._pauses += self._limits_visitors
        self._fruitless += 1
        self._fruitless_wait += wait
        self._until = now + wait
        self._gap = min(BOLDER * (self._until - started) / max(self._answers, 1), LONGEST_GAP)
        self._cycle_start, self._answers = self._until, 0
