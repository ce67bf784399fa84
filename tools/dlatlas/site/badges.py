"""Small colored words that say how something stands."""

from __future__ import annotations

from dlatlas.site.context import Context
from dlatlas.site.markup import tag


def badge(context: Context, status: str) -> str:
    """The status of a method or of stored data."""
    return tag("span", context.say(status), class_=f"badge badge-{status}")


def verdict_badge(context: Context, verdict: str) -> str:
    """What the link checker found about an address."""
    kind = {"ok": "verified", "gone": "fails", "broken-tls": "fails"}.get(verdict, "stale" if verdict != "opaque" else "planned")
    return tag("span", context.say(f"verdict-{verdict}"), class_=f"badge badge-{kind} badge-plain")
