"""The map of topics: a drawing of what builds on what, whose nodes are links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from dlatlas.site.context import Context, Page
from dlatlas.site.markup import tag

WIDE, HIGH, GAP_X, GAP_Y = 120, 34, 15, 8
"""Size of a node and the free space to the next column and row."""

TALLEST = 12
"""Most nodes in a column; what is more stands in the next one."""

LARGEST = 150
"""Most topics that one drawing can show."""

LINE = 20
"""Width of a line of a node's title, in Latin letters; a Chinese character counts as two."""

SWEEPS = 6


@dataclass(frozen=True)
class Node:
    """A topic on the map; ``before`` are the ids of the nodes that it builds on."""

    id: str
    title: str
    address: str
    before: tuple[str, ...]
    done: bool


def topic_map(context: Context, page: Page) -> str:
    """The map of all topics with its explanation, or nothing where there are none or too many to show."""
    topics = context.catalog.topics
    if not 1 < len(topics) <= LARGEST:
        return ""
    known = {topic.id for topic in topics}
    nodes = [
        Node(
            topic.id,
            topic.title.get(context.lang),
            page.url(context.topic_address(topic)),
            tuple(r.topic for r in topic.requires if r.topic in known),
            any(context.statuses[method.id] == "verified" for method in topic.methods),
        )
        for topic in topics
    ]
    told = tag(
        "p",
        context.say("map-told"),
        class_="map-told",
        data_none=context.say("map-told"),
        data_before=context.say("before"),
        data_after=context.say("after"),
        aria_live="polite",
    )
    return tag("div", tag("div", draw(nodes, context.say("map")), class_="map-frame") + told, class_="map")


def columns(nodes: Sequence[Node]) -> list[list[str]]:
    """Node ids in columns, each right of all that it builds on, in an order that keeps the lines short."""
    before = {node.id: node.before for node in nodes}
    place: dict[str, int] = {}
    filled: dict[int, int] = {}
    for name in _in_order(before):
        column = max((place[b] + 1 for b in before[name]), default=0)
        while filled.get(column, 0) >= TALLEST:
            column += 1
        place[name], filled[column] = column, filled.get(column, 0) + 1
    found: list[list[str]] = [[] for _ in range(max(place.values(), default=-1) + 1)]
    for node in nodes:
        found[place[node.id]].append(node.id)
    return _untangled(found, before)


def _in_order(before: Mapping[str, Sequence[str]]) -> list[str]:
    """Every id after all that it builds on.

    Raises:
        ValueError: there is a cycle, which the catalog's lint refuses.
    """
    found: dict[str, None] = {}
    waiting = dict(before)
    while waiting:
        ready = [name for name, needed in waiting.items() if all(n in found for n in needed)]
        if not ready:
            raise ValueError(f"topics that require each other: {', '.join(waiting)}")
        for name in ready:
            found[name] = None
            del waiting[name]
    return list(found)


def _untangled(found: list[list[str]], before: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The columns with each node moved toward the middle of its neighbors, back and forth."""
    after: dict[str, list[str]] = {name: [] for name in before}
    for name, needed in before.items():
        for n in needed:
            after[n].append(name)
    height = {name: (row + 0.5) / len(column) for column in found for row, name in enumerate(column)}
    for sweep in range(SWEEPS):
        neighbors = before if sweep % 2 == 0 else after
        for column in found if sweep % 2 == 0 else reversed(found):
            column.sort(key=lambda name: _middle((height[n] for n in neighbors[name]), height[name]))
            height.update({name: (row + 0.5) / len(column) for row, name in enumerate(column)})
    return found


def _middle(values: Iterable[float], default: float) -> float:
    found = list(values)
    return sum(found) / len(found) if found else default


def draw(nodes: Sequence[Node], title: str) -> str:
    """The drawing as SVG; it takes its colors from the page."""
    placed = columns(nodes)
    tall = max(map(len, placed)) * (HIGH + GAP_Y)
    wide = len(placed) * (WIDE + GAP_X) - GAP_X
    at = {
        name: (column * (WIDE + GAP_X), (row + 0.5) * tall / len(names) - HIGH / 2)
        for column, names in enumerate(placed)
        for row, name in enumerate(names)
    }
    by_id = {node.id: node for node in nodes}
    implied = implied_lines({node.id: node.before for node in nodes})
    lines = "".join(_line(at[b], at[node.id], b, node.id, (b, node.id) in implied) for node in nodes for b in node.before)
    shown = "".join(_node(by_id[name], at[name]) for names in placed for name in names)
    box = f"-2 -2 {wide + 4} {tall + 4}"
    return tag("svg", lines + shown, viewBox=box, width=wide + 4, height=tall + 4, role="group", aria_label=title)


def implied_lines(before: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    """The lines that a longer way through other lines already tells of."""
    above: dict[str, set[str]] = {}
    for name in _in_order(before):
        above[name] = set(before[name]).union(*(above[n] for n in before[name]))
    return {(n, name) for name, needed in before.items() for n in needed if any(n in above[other] for other in needed)}


def _line(start: tuple[float, float], end: tuple[float, float], source: str, target: str, implied: bool) -> str:
    (x0, y0), (x1, y1) = (start[0] + WIDE, start[1] + HIGH / 2), (end[0], end[1] + HIGH / 2)
    bend = (x1 - x0) / 2 if x1 - x0 < 2 * WIDE else GAP_X * 2
    path = f"M{x0:.0f} {y0:.0f}C{x0 + bend:.0f} {y0:.0f} {x1 - bend:.0f} {y1:.0f} {x1:.0f} {y1:.0f}"
    return tag("path", d=path, data_from=source, data_to=target, class_="implied" if implied else None)


def _node(node: Node, at: tuple[float, float]) -> str:
    x, y = at
    lines = wrapped(node.title)
    start = y + HIGH / 2 + 4 - 6.5 * (len(lines) - 1)
    spans = (tag("tspan", escape(line), x=f"{x + WIDE / 2:.0f}", y=f"{start + 13 * n:.1f}") for n, line in enumerate(lines))
    text = (" " if " " in node.title else "").join(spans)
    shape = f'<rect x="{x:.0f}" y="{y:.1f}" width="{WIDE}" height="{HIGH}" rx="4"/><text>{text}</text>'
    return tag("a", shape, href=node.address, data_id=node.id, data_title=node.title, class_="done" if node.done else None)


def wrapped(title: str) -> list[str]:
    """A title in at most two lines; what does not fit is cut, and shown in whole below the map."""
    if _width(title) <= LINE:
        return [title]
    words = title.split(" ") if " " in title else list(title)
    glue = " " if " " in title else ""
    best = min(range(1, len(words)), key=lambda n: max(_width(glue.join(words[:n])), _width(glue.join(words[n:]))))
    return [_cut(glue.join(words[:best])), _cut(glue.join(words[best:]))]


def _width(text: str) -> int:
    return sum(2 if ord(c) > 0x2E7F else 1 for c in text)


def _cut(text: str) -> str:
    if _width(text) <= LINE + 3:
        return text
    while _width(text) > LINE + 2:
        text = text[:-1]
    return text.rstrip() + "…"
