"""What has changed between two checks, so that a weekly report tells news and not the same list again.

A link has a standing: gone (confirmed), broken-tls, moved, unreachable (found so on more than one day), or
fine. A single failure, a host that refuses us and the like change no standing; the one that was
reported before holds until a check contradicts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dlatlas.links.health import Health
from dlatlas.links.report import table

FINE = "fine"

HEADINGS = {
    "gone": "Gone",
    "broken-tls": "Broken certificates",
    "unreachable": "Unreachable for more than a day",
    "moved": "Moved for good",
    FINE: "Work again",
}
"""The groups of a report in their order, by what the links are now."""

MOST = 50
"""Links named in one group."""


@dataclass(frozen=True)
class Change:
    """A link that stands differently now than it was reported."""

    now: Health
    standing: str
    before: str


def standing(health: Health) -> str | None:
    """How a link stands, or None where a check says too little."""
    if health.verdict in ("ok", "opaque"):
        return FINE
    if health.verdict == "gone":
        return "gone" if health.confirmed else None
    if health.verdict == "unreachable":
        return "unreachable" if (health.since or "") < (health.checked or "") else None
    return health.verdict if health.verdict in HEADINGS else None


def changes(before: Mapping[str, Health], now: Mapping[str, Health]) -> list[Change]:
    """The links whose standing is another one than was reported; a link that is new and fine is no news."""
    found = []
    for url, health in sorted(now.items()):
        new = standing(health)
        old = (standing(before[url]) if url in before else None) or FINE
        if new is not None and new != old:
            found.append(Change(health, new, old))
    return found


def carried(before: Mapping[str, Health], now: Mapping[str, Health]) -> dict[str, Health]:
    """What to compare the next check with: how each link stands now, or stood when it was last certain."""
    return {url: health if standing(health) is not None else before.get(url, health) for url, health in now.items()}


def markdown(found: list[Change], links: int) -> str:
    """The report: a group for each standing, at most :data:`MOST` links in each; empty where nothing has changed."""
    if not found:
        return ""
    return "\n".join([f"Of {links:,} links, {len(found):,} stand differently than at the last report.", *_groups(found)]) + "\n"


def _groups(found: list[Change]) -> Iterator[str]:
    for name, heading in HEADINGS.items():
        group = [change for change in found if change.standing == name]
        if not group:
            continue
        yield from ("", f"## {heading}: {len(group):,}", "")
        yield from table(("link", "what", "new address" if name == "moved" else "stored copy", "since"), map(_row, group[:MOST]))
        if len(group) > MOST:
            yield from ("", f"And {len(group) - MOST:,} more: `dlatlas links report`.")


def _row(change: Change) -> tuple[str, str, str, str]:
    now = change.now
    what = f"was {change.before}" if change.standing == FINE else now.reason
    return now.url, what, (now.final_url if change.standing == "moved" else now.archive) or "", now.since or ""
