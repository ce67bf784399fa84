"""How fast one host may be asked, learned from its refusals (429, or 503 with Retry-After)."""

from __future__ import annotations

from collections import deque

LONGEST_GAP = 5.0
"""The most seconds between two requests, however slow a host seems to want it."""

PATIENCE = 4
"""Pauses in a row, without an answer between them, after which a host is given up."""

FRUITLESS = 120.0
"""Seconds of such pauses after which a host is given up."""

BOLDER = 0.95
"""By what the first gap is shorter than what the host allowed on average: its allowance grows while it rests."""

SEARCHING, SETTLED = 0.98, 0.996
"""By what the gap shrinks with each answer: after the first pause, and once a second one has shown where the limit is."""

TRIAL = 3
"""Answers after a refusal, with no other refusal between, that show that only the refused link is meant."""

SOON = 5.0
"""How many answers its usual rate may explain, for those to come sooner than a host that limits its visitors would give them."""

FASTER_AFTER = 10
"""Answers after which one more request at once is allowed again; each refusal halves them."""

CHANCE = 2
"""Refusals that may have been chance, where nothing tells whether they were for a link or for all."""


SERVICES = {"export.arxiv.org": 3.0, "arxiv.org": 1.0, "archive.org": 1.0, "web.archive.org": 1.0}
"""Hosts that ask programs for so many seconds between two requests, and for one at a time."""


class Pace:
    """When the next request may go to a host.

    A refusal pauses the host for as long as it says. What happens to requests that are on their way at that moment tells
    more; where there are fewer than three, and several at once are allowed, more are sent to find out. If
    they are refused too, the host limits its visitors: after the pause, requests keep the distance that would have kept
    within what it allowed on average, a little less with each answer. If they are answered, only such links wait.
    All times are on the monotonic clock.
    """

    def __init__(self, slots: int, spacing: float) -> None:
        self.slots = self._most = slots
        self._flying: list[float] = []  # when those requests were sent that have no answer yet
        self._spacing = spacing
        self._gap = 0.0
        self._next = 0.0
        self._until = 0.0
        self._refused_sent = self._refused_at = float("-inf")
        self._newest: deque[float] = deque(maxlen=TRIAL)  # when the last requests that were answered had been sent
        self._rate = 0.0  # answers a second, up to the last refusal
        self._passed_sent = 0.0
        self._passed = 0  # answers since the last refusal to what was sent after it
        self._alone = self._together = self._unclear = self._pauses = 0
        self._probes = 0  # requests that may still be sent during a pause, to find out whom the host limits
        self._since_refusal = 0
        self._fruitless = 0
        self._fruitless_wait = 0.0
        self._first_sent = float("inf")
        self._cycle_start = 0.0
        self._answers = self._all_answers = 0  # since the last pause, and in all

    @property
    def free(self) -> bool:
        """Whether one more request may be made at once."""
        return len(self._flying) < self.slots

    @property
    def ready(self) -> float:
        """When the next request may be sent."""
        return 0.0 if self.gave_up or self._probes else max(self._until, self._next)

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
        return not self.limits_links and (self._together - self._alone >= 2 or (self._most == 1 and self._unclear > CHANCE))

    def keep_distance(self, seconds: float) -> None:
        """Leave at least this time between two requests, and make one at a time."""
        self.slots = self._most = 1
        self._spacing = max(self._spacing, seconds)
        self._next += seconds

    def sent(self, now: float) -> None:
        self._flying.append(now)
        self._next = now + max(self._gap if self._limits_visitors else 0.0, self._spacing)
        if now < self._first_sent:
            self._first_sent = self._cycle_start = now
        if self._probes:
            self._probes -= 1
            self._refused_at = now

    def dropped(self, sent_at: float) -> None:
        """A request was not made after all."""
        self._flying.remove(sent_at)

    def answered(self, now: float, sent_at: float) -> None:
        """A request was not refused."""
        self._flying.remove(sent_at)
        self._fruitless, self._fruitless_wait = 0, 0.0
        self._answers += 1
        self._all_answers += 1
        self._gap *= SETTLED if self._pauses > 1 else SEARCHING
        self._newest.append(sent_at)
        self._since_refusal += 1
        if self._since_refusal % FASTER_AFTER == 0:
            self.slots = min(self.slots + 1, self._most)
        if self._refused_sent < sent_at <= self._refused_at:
            self._passed += 1
            self._passed_sent = max(self._passed_sent, sent_at)
            self._decide(now)

    @property
    def _undecided(self) -> bool:
        return self._most > 1 and not self.limits_links and not self._limits_visitors

    def _decide(self, now: float) -> None:
        """Go on, where enough was answered soon enough after a refusal to say that only that link was meant."""
        soon = (self._passed_sent - self._refused_sent) * self._rate < SOON
        if self._passed >= TRIAL and soon and self._undecided:
            self._alone += 1
            self._until = now
            self._refused_sent = float("inf")

    def refused(self, now: float, sent_at: float, wait: float) -> None:
        """A request was refused."""
        self._flying.remove(sent_at)
        if sent_at <= self._refused_at:  # it was on its way when another was refused
            self._together += 1
            self._passed = self._probes = 0
            self._until = max(self._until, now + wait)
            return
        self._rate = self._all_answers / max(now - self._first_sent, 1e-9)
        self._refused_at, self._refused_sent = now, sent_at
        self._passed = sum(newer > sent_at for newer in self._newest)
        self._passed_sent = max(self._newest, default=sent_at)
        if self.limits_links:
            self.slots, self._since_refusal = max(1, self.slots // 2), 0
            return
        self._unclear += 1
        self._pauses += self._limits_visitors
        self._fruitless += 1
        self._fruitless_wait += wait
        self._until = now + wait
        self._gap = min(BOLDER * (self._until - self._cycle_start) / max(self._answers, 1), LONGEST_GAP)
        self._cycle_start, self._answers = self._until, 0
        telling = self._passed + sum(other >= sent_at for other in self._flying)
        self._probes = max(0, TRIAL - telling) if self._undecided else 0
        self._decide(now)
