"""The page of the links' health: what the last checks found, and every link that does not simply work."""

from __future__ import annotations

from collections import Counter
from html import escape

from dlatlas.links import health
from dlatlas.site import proof
from dlatlas.site.badges import verdict_badge
from dlatlas.site.context import Context, Page
from dlatlas.site.markup import link, tag

FINE = ("ok", "opaque")
"""Verdicts that need no line of their own; an opaque short link cannot be judged."""


def link_health_page(context: Context) -> Page:
    """Counts by verdict and a table of the other links; says so where nothing has been checked."""
    place = Page("link-health/", context.say("link-health"), "", "table")
    known = health.read(context.root)
    links = [(entry, found) for entry in context.catalog.entries for found in entry.links]
    checked = [(entry, known[found.url]) for entry, found in links if found.url in known]
    parts = [tag("h1", place.title), tag("p", context.say("link-health-intro"))]
    if not checked:
        parts.append(tag("p", context.say("link-health-none", n=f"{len(links):,}"), class_="note"))
    else:
        days = [found.checked for _, found in checked if found.checked]
        counts = Counter(found.verdict for _, found in checked)
        last = max(days, default="?")[:10]
        parts.append(tag("p", context.say("link-health-when", n=f"{len(checked):,}", all=f"{len(links):,}", date=last)))
        rows = [[verdict_badge(context, verdict), f"{counts[verdict]:,}"] for verdict in health.VERDICTS if counts[verdict]]
        parts.append(proof.table([context.say("verdict"), context.say("links-count-head")], rows, "verdicts"))
    troubled = [(entry, found) for entry, found in checked if found.verdict not in FINE]
    if troubled:
        order = {verdict: n for n, verdict in enumerate(("gone", *health.VERDICTS))}
        rows = [
            [
                verdict_badge(context, found.verdict),
                tag("a", escape(entry.title.get(context.lang)), href=place.url(context.entry_address(entry))),
                link(escape(found.url), found.url),
                escape(found.reason),
                escape((found.since or "")[:10]),
                link(context.say("archived"), found.archive) if found.archive else "",
            ]
            for entry, found in sorted(troubled, key=lambda pair: (order[pair[1].verdict], pair[1].url))
        ]
        headers = [context.say(key) for key in ("verdict", "work", "address", "reason", "since", "archived")]
        parts.append(tag("h2", context.say("link-health-trouble"), id="trouble") + proof.table(headers, rows, "link-health sortable"))
    intro = context.say("link-health-intro")
    return Page(place.address, place.title, tag("div", "".join(parts)), "table", description=intro, meta={"hide": ["navigation", "toc"]})
