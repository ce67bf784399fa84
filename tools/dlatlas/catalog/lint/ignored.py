"""Rules on ``catalog/ignore-links.yml``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

from dlatlas.catalog.lint.registry import Finding, rule
from dlatlas.catalog.load import Loaded

LONGEST = timedelta(days=366)
"""How far ahead a rule may end."""

MATCH = re.compile(r"https?://(?:\*\.)?[^/*\s]+\.[^/*\s]+(?:/\S*)?")


@rule("ignored-link")
def ignored_link(loaded: Loaded) -> Iterable[Finding]:
    """A rule for the link checker has expired, ends later than in a year, or matches more than the links of one host.

    What a person found out about a link holds for a while only: look at it again, then move the day or drop the rule.
    """
    today = date.today()
    for found in loaded.catalog.ignored:
        try:
            until = date.fromisoformat(found.until)
        except ValueError:
            yield Finding("ignored link", found.match, f"until: no such day {found.until}", ("until",))
            continue
        if until < today:
            message = f"expired on {until}: look at the link, then move the day or drop the rule"
            yield Finding("ignored link", found.match, message, ("until",))
        elif until > today + LONGEST:
            yield Finding("ignored link", found.match, f"until: expected a day within a year, got {until}", ("until",))
        if not MATCH.fullmatch(found.match):
            message = f"match: expected an address of one host, such as https://example.org/a/*, got {found.match!r}"
            yield Finding("ignored link", found.match, message, ("match",))


@rule("ignored-link-unused", "warning")
def ignored_link_unused(loaded: Loaded) -> Iterable[Finding]:
    """A rule for the link checker matches no link of the catalog: drop it."""
    from dlatlas.links.ignore import matches

    urls = [url for entry in loaded.catalog.entries for url in entry.urls]
    for found in loaded.catalog.ignored:
        if not any(matches(found, url) for url in urls):
            yield Finding("ignored link", found.match, "matches no link of the catalog")
