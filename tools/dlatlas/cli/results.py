"""Search results on a terminal of any width: numbered, what matched marked, titles linked where the terminal can."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dlatlas.cli.output import one_line
from dlatlas.cli.screen import DIM, MATCH, NUMBER, PLAIN, TYPE, Line, Screen, Span, wrapped

TYPE_FROM, TOPICS_FROM = 60, 110
"""From how many columns on the type and the topics have a column of their own."""

URL_CHARACTERS = "%/:?#[]@!$&'()*+,;=~"
"""What stays as it is in an address besides letters and digits; the rest is percent-encoded."""


def web_address(hit: Mapping[str, Any]) -> str | None:
    """The first address of a hit that a browser may open: http or https, and nothing in it that is not shown."""
    from dlatlas.site.markup import safe_url

    for url in hit["urls"]:
        if (safe := safe_url(url)) and re.match("https?:", safe, re.I) and one_line(safe) == safe:
            return safe
    return None


def title_of(hit: Mapping[str, Any], *, chinese: bool = False) -> str:
    """The titles of a hit in one line, the Chinese one first when asked."""
    titles = sorted(hit["title"].items(), key=lambda item: chinese and item[0] != "zh")
    return " · ".join(dict.fromkeys(one_line(title) for _, title in titles))


def table(screen: Screen, hits: Sequence[Mapping[str, Any]], *, terms: Collection[str], chinese: bool) -> list[str]:
    """The lines of a table of hits that fits the width of the screen."""
    from rich.cells import cell_len

    wide, wider = screen.width >= TYPE_FROM, screen.width >= TOPICS_FROM
    first = len(str(len(hits))) + 1
    types = max((cell_len(one_line(hit["type"])) + 1 for hit in hits), default=0) if wide else 0
    topics = screen.width // 4 if wider else 0
    room = screen.width - first - types - topics
    lines = []
    for number, hit in enumerate(hits, 1):
        url = web_address(hit)
        link = quote(url, safe=URL_CHARACTERS) if url else ""
        title = [(line, link) for line in wrapped(marked(title_of(hit, chinese=chinese), terms), room)]
        below = [(line, "") for text in _below(hit, wide, url if url and not screen.linked else None) for line in text_lines(text, room)]
        beside = text_lines(one_line(", ".join(hit["topics"])), topics - 1) if wider else []
        cells = [*title, *below]
        for i in range(max(len(cells), len(beside))):
            line, target = cells[i] if i < len(cells) else ([], "")
            parts = [Span(f"{number if i == 0 else '':>{first - 1}} ", NUMBER)]
            text = screen.shown(parts) + screen.shown(line, target)
            if wide and (i == 0 or i < len(beside)):
                text += " " * (room - sum(cell_len(span.text) for span in line))
                text += screen.shown([Span(f" {one_line(hit['type']) if i == 0 else '':{types - 1}}", TYPE)])
            if i < len(beside):
                text += " " + screen.shown(beside[i])
            lines.append(text.rstrip())
    return lines


def text_lines(text: str, width: int) -> list[Line]:
    return wrapped([Span(text, DIM)], width)


def _below(hit: Mapping[str, Any], wide: bool, url: str | None) -> list[str]:
    """What names the hit, its address where the title cannot carry it, and its explanation."""
    name = one_line(hit["id"] if wide else f"{hit['type']} · {hit['id']}")
    return [name, *([url] if url else []), *explanation(hit)]


def explanation(hit: Mapping[str, Any]) -> list[str]:
    """Why a hit stands where it stands: points and what they are for, one line each; nothing unless it was asked for."""
    return [f"{one['points']:+.2f} {one_line(one['what'])}" for one in hit.get("explain", ())]


def marked(text: str, terms: Collection[str]) -> Line:
    """A text with the words and Chinese runs marked whose normal form is one of the terms."""
    hit = [False] * len(text)
    for start, end in matches(text, terms):
        hit[start:end] = [True] * (end - start)
    return [Span(character, MATCH if on else PLAIN) for character, on in zip(text, hit, strict=True)]


def matches(text: str, terms: Collection[str]) -> list[tuple[int, int]]:
    """Where in a text one of the terms stands, in any of its forms."""
    from dlatlas.search.text import is_han, normalize, units

    found = []
    runs = [term for term in terms if term and is_han(term)]
    for m in re.finditer(r"[\u3400-\u9fff]+|[^\W_\u3400-\u9fff]+", text):
        if is_han(m[0]):
            plain = normalize(m[0])
            shift = m.start() if len(plain) == len(m[0]) else None  # a regional word may have another length: then all is marked
            for run in runs:
                for hit in re.finditer(re.escape(run), plain):
                    found.append((shift + hit.start(), shift + hit.end()) if shift is not None else m.span())
        elif not set(terms).isdisjoint(units(m[0])):
            found.append(m.span())
    return found
