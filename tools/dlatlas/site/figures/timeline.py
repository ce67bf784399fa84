"""The works of a field along the years: a lane for each topic or area, a linked dot for each work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dlatlas.catalog.model import Area, Entry
from dlatlas.site.context import Context, Page
from dlatlas.site.figures.svg import Scale, figure, linear, picture, tick
from dlatlas.site.markup import tag

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 960, 250, 16, 10, 28
"""Size and margins of the drawing; the names of the lanes stand in the left margin."""

STEP, RADIUS, ROOM = 9.0, 4.0, 8.0
"""Distance of dots that share a year, their radius, and the free space of a lane."""


@dataclass(frozen=True)
class Lane:
    """One row: its title, its page's address on this site, and its works."""

    title: str
    address: str
    entries: Sequence[Entry]


def area_timeline(context: Context, page: Page, area: Area) -> str:
    """The dated papers and books of an area, a lane a topic; nothing where fewer than two are dated."""
    lanes = [
        Lane(topic.title.get(context.lang), context.topic_address(topic), _works(context, topic.id)) for topic in context.topics_of(area)
    ]
    return timeline(context, page, lanes, f"timeline-{area.id}")


def catalog_timeline(context: Context, page: Page) -> str:
    """The works to read first over the whole catalog, a lane an area."""
    lanes = [
        Lane(
            area.title.get(context.lang),
            f"{area.id}/",
            [entry for topic in context.topics_of(area) for entry in _works(context, topic.id) if entry.pick is not None],
        )
        for area in context.catalog.areas
    ]
    return timeline(context, page, lanes, "timeline")


def _works(context: Context, topic: str) -> list[Entry]:
    return [entry for entry in context.shown[topic] if entry.home == topic and entry.date and entry.type in ("paper", "book")]


def timeline(context: Context, page: Page, lanes: Sequence[Lane], name: str) -> str:
    """A figure whose dots lead to the entries; the arrow keys move between them where scripts run."""
    lanes = [lane for lane in lanes if lane.entries]
    years = [_year(entry) for lane in lanes for entry in lane.entries]
    if len(years) < 2:
        return ""
    first, last = min(years) // 10 * 10, max(years) + 1
    across = linear(first, last, LEFT, WIDTH - RIGHT)
    parts, top = [], float(TOP)
    for index, lane in enumerate(lanes):
        stacks = _stacks(lane.entries)
        height = ROOM + STEP * max(map(len, stacks.values()))
        parts.append(_lane(context, page, lane, stacks, across, top, height, index))
        top += height
    lines = "".join(f"M{across(year):.1f} {TOP}V{top:.1f}" for year in range(first, last + 1, 10))
    marks = "".join(tick(across(year), top + 18, str(year)) for year in range(first, last + 1, 10) if across(year) < WIDTH - RIGHT - 8)
    title = context.say("timeline")
    told = context.say("timeline-told", n=len(years), first=min(years), last=max(years))
    body = f'<path class="f-grid" d="{lines}"/>{marks}{"".join(parts)}'
    svg = picture(name, (WIDTH, top + BOTTOM), title, told, body, role="group", data_roving="a.t-dot")
    return figure(name, title, tag("div", svg, class_="f-wide"), told + context.say("timeline-keys"), class_="f-timeline")


def _lane(
    context: Context, page: Page, lane: Lane, stacks: dict[int, list[Entry]], across: Scale, top: float, height: float, index: int
) -> str:
    middle = top + height / 2
    label = tag("text", escape(lane.title), class_="f-lane", x=LEFT - 14, y=f"{middle + 4:.1f}")
    rule = f'<path class="f-grid" d="M0 {top + height:.1f}H{WIDTH}"/>'
    dots = []
    for year, entries in sorted(stacks.items()):
        for place, entry in enumerate(entries):
            y = middle + (place - (len(entries) - 1) / 2) * STEP
            title = f"{entry.title.get(context.lang)} ({year})"
            dot = f'<circle cx="{across(year + 0.5):.1f}" cy="{y:.1f}" r="{RADIUS if entry.pick else RADIUS * 0.7:g}"/>'
            kind = "t-dot t-pick" if entry.pick else "t-dot"
            told = tag("title", escape(title))
            dots.append(tag("a", told + dot, href=page.url(context.entry_address(entry)), class_=kind, aria_label=title))
    head = tag("a", label, href=page.url(lane.address))
    return tag("g", rule + head + "".join(dots), class_=f"f-{index % 6}")


def _stacks(entries: Sequence[Entry]) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = {}
    for entry in sorted(entries, key=lambda e: (e.pick is None, e.pick or 0, e.date or "")):
        found.setdefault(_year(entry), []).append(entry)
    return found


def _year(entry: Entry) -> int:
    return int((entry.date or "0")[:4])
