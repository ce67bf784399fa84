"""What changed: the newest works of the catalog by the day they were added, and the changelog."""

from __future__ import annotations

import re
from html import escape
from itertools import groupby

from dlatlas.catalog.model import Entry
from dlatlas.site.context import Context, Page
from dlatlas.site.markup import tag

NEWEST = 40
"""How many works the page lists; the feed has all of them."""


def changes_page(context: Context) -> Page:
    """The newest works and the changelog of the repository, which is in English."""
    place = Page("changes/", context.say("changes"), "", "page")
    intro = context.say("changes-intro")
    feed = tag("a", context.say("feed"), href=place.url("../feed.xml"), type="application/atom+xml")
    parts = [tag("div", tag("h1", place.title) + tag("p", f"{intro} {feed}")), f"## {context.say('new-works')} {{#works}}"]
    dated = sorted((entry for entry in context.catalog.entries if entry.added), key=lambda entry: entry.added or "", reverse=True)
    for day, entries in groupby(dated[:NEWEST], key=lambda entry: entry.added):
        parts.append(tag("h3", escape(day or ""), id=f"on-{day}") + tag("ul", "".join(_line(context, place, e) for e in entries)))
    if len(dated) > NEWEST:
        parts.append(tag("p", context.say("changes-more", n=f"{len(dated) - NEWEST:,}"), class_="note"))
    path = context.root / "CHANGELOG.md"
    if path.is_file():
        parts += [f"## {context.say('changelog')} {{#changelog}}", changelog(path.read_text("utf-8"))]
    return Page(place.address, place.title, "\n\n".join(parts), "page", description=intro)


def _line(context: Context, page: Page, entry: Entry) -> str:
    title = tag("a", escape(entry.title.get(context.lang)), href=page.url(context.entry_address(entry)))
    return tag("li", f"{title} {tag('span', context.say(f'type-{entry.type}'), class_='chip')}")


def changelog(text: str) -> str:
    """The changelog below its title, one level deeper, with an id for each heading."""
    body = re.sub(r"\A# .*\n", "", text).strip()

    def deeper(match: re.Match[str]) -> str:
        deeper.count += 1  # type: ignore[attr-defined]
        return f"{match[1]}# {match[2]} {{#change-{deeper.count}}}"  # type: ignore[attr-defined]

    deeper.count = 0  # type: ignore[attr-defined]
    body = re.sub(r"^(##+) (.*)$", deeper, body, flags=re.MULTILINE)
    return f'<div lang="en" markdown="1">\n\n{body}\n\n</div>'
