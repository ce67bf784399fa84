"""Search results on a terminal of any width: numbered, what matched marked, titles linked where the terminal can."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dlatlas.cli.output import one_line
from dlatlas.site.markup import safe_url

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

TYPE_FROM, TOPICS_FROM = 60, 110
"""From how many columns on the type and the topics have a column of their own."""

MATCH = "bold yellow"

URL_CHARACTERS = "%/:?#[]@!$&'()*+,;=~"
"""What stays as it is in an address besides letters and digits; the rest is percent-encoded."""


def web_address(hit: Mapping[str, Any]) -> str | None:
    """The first address of a hit that a browser may open: http or https, and nothing in it that is not shown."""
    for url in hit["urls"]:
        if (safe := safe_url(url)) and re.match("https?:", safe, re.I) and one_line(safe) == safe:
            return safe
    return None


def title_of(hit: Mapping[str, Any], *, chinese: bool = False) -> str:
    """The titles of a hit in one line, the Chinese one first when asked."""
    titles = sorted(hit["title"].items(), key=lambda item: chinese and item[0] != "zh")
    return " · ".join(dict.fromkeys(one_line(title) for _, title in titles))


def print_hits(screen: Console, hits: Sequence[Mapping[str, Any]], *, terms: Collection[str], chinese: bool) -> None:
    """Print a table of hits that fits the width of the screen."""
    from rich.table import Table
    from rich.text import Text

    wide, wider = screen.width >= TYPE_FROM, screen.width >= TOPICS_FROM
    linked = screen.color_system is not None and can_link(os.environ)
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(justify="right", no_wrap=True, style="cyan")
    table.add_column(ratio=3, overflow="fold")
    if wide:
        table.add_column(no_wrap=True, style="green")
    if wider:
        table.add_column(ratio=1, overflow="fold", style="dim")
    for number, hit in enumerate(hits, 1):
        cells = [Text(str(number)), _description(hit, marked(title_of(hit, chinese=chinese), terms), wide, linked)]
        extra = [Text(one_line(hit["type"]))] * wide + [Text(one_line(", ".join(hit["topics"])))] * wider
        table.add_row(*cells, *extra)
    screen.print(table)


def _description(hit: Mapping[str, Any], title: Text, wide: bool, linked: bool) -> Text:
    """The title, and below it what names the hit, its address where the title cannot carry it, and its explanation."""
    from rich.text import Text

    url = web_address(hit)
    if url and linked:
        title.stylize(f"link {quote(url, safe=URL_CHARACTERS)}")
    name = hit["id"] if wide else f"{hit['type']} · {hit['id']}"
    below = [one_line(name), *([url] if url and not linked else []), *explanation(hit)]
    return Text("\n").join([title, *(Text(line, style="dim") for line in below)])


def explanation(hit: Mapping[str, Any]) -> list[str]:
    """Why a hit stands where it stands: points and what they are for, one line each; nothing unless it was asked for."""
    return [f"{one['points']:+.2f} {one_line(one['what'])}" for one in hit.get("explain", ())]


def marked(text: str, terms: Collection[str]) -> Text:
    """A text with the words and Chinese runs marked whose normal form is one of the terms."""
    from rich.text import Text

    result = Text(text)
    for start, end in matches(text, terms):
        result.stylize(MATCH, start, end)
    return result


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


def can_link(environment: Mapping[str, str]) -> bool:
    """Whether the terminal is known to show links (OSC 8); FORCE_HYPERLINK decides where it is set."""
    if (forced := environment.get("FORCE_HYPERLINK")) is not None:
        return forced not in ("", "0")
    if vte := environment.get("VTE_VERSION"):
        return vte.isdigit() and int(vte) >= 5000
    if {"KITTY_WINDOW_ID", "WT_SESSION", "KONSOLE_VERSION", "DOMTERM", "WEZTERM_PANE"} & environment.keys():
        return True
    if environment.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "tmux", "rio", "zed"):
        return True
    return bool(re.match("xterm-kitty|xterm-ghostty|alacritty|foot|contour|wezterm", environment.get("TERM", "")))
