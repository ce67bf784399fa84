"""Where a work can be had: its title's link, all its copies, and the state of each address."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

from dlatlas.catalog.model import Entry, Link
from dlatlas.site.badges import verdict_badge
from dlatlas.site.context import Context
from dlatlas.site.markup import link, safe_url, tag

TROUBLE = ("gone", "unreachable", "broken-tls")
"""Verdicts that a reader should know before following a link."""


def dead_since(context: Context, found: Link) -> str | None:
    """Since when an address leads nowhere, by the catalog or by the last checks; None where it may work."""
    known = context.health.get(found.url)
    return found.dead or ((known.since or known.checked or "?")[:10] if known and known.dead else None)


def archived(context: Context, found: Link) -> str | None:
    """A stored copy of what the address held."""
    known = context.health.get(found.url)
    copy = found.archive or (known.archive if known else None)
    return copy if copy and safe_url(copy) else None


def title(context: Context, entry: Entry) -> str:
    """The title with a link to the first copy that works, else to an archived one; the original title beside a translated one."""
    original = entry.lang.split("-")[0]
    shown = getattr(entry.title, context.lang, None)
    main, main_lang = (shown, context.lang) if shown else (entry.title.get(original), entry.lang)
    other = entry.title.get(original) if shown and original != context.lang else ""
    url = next((found.url for found in entry.links if not dead_since(context, found) and safe_url(found.url)), None)
    url = url or next((copy for found in entry.links if (copy := archived(context, found))), None)
    lang = None if main_lang == context.lang else main_lang
    label = link(escape(main), url, lang=lang) if url else tag("span", escape(main), lang=lang)
    second = tag("span", escape(other), lang=entry.lang, class_="entry-other") if other and other != main else ""
    return tag("cite", label) + (f" {second}" if second else "")


def copies(context: Context, entry: Entry) -> str:
    """All copies of the work with their state; the title already carries the first one that works."""
    kinds = [found.kind for found in entry.links]
    parts = [_copy(context, found, kinds.count(found.kind) > 1) for found in entry.links]
    urls = " ".join(entry.urls).lower()
    for name, value, address in (("arXiv", entry.ids.arxiv, "https://arxiv.org/abs/"), ("doi", entry.ids.doi, "https://doi.org/")):
        if value and value.lower() not in urls:
            parts.append(link(f"{name}:{escape(value)}", address + value))
    if not parts:
        return tag("div", context.say("no-address"), class_="entry-links")
    return tag("div", "".join(tag("span", part) for part in parts), class_="entry-links")


def _copy(context: Context, found: Link, repeated: bool) -> str:
    host = (urlsplit(found.url).hostname or "").removeprefix("www.") if safe_url(found.url) else ""
    kind = context.say(f"link-{found.kind}")
    label = escape(host or found.url) if found.kind == "page" else f"{kind} ({escape(host)})" if repeated and host else kind
    if since := dead_since(context, found):
        shown = tag("s", link(label, found.url)) + f" ({context.say('gone-since', date=escape(since))})"
    else:
        shown = link(label, found.url) + _state(context, found)
    copy = archived(context, found)
    return shown + (tag("span", link(context.say("archived"), copy), class_="archived") if copy else "")


def _state(context: Context, found: Link) -> str:
    """A check mark with its date where the address answered, a badge where it did not."""
    known = context.health.get(found.url)
    if known is None:
        return ""
    if known.verdict == "ok":
        told = context.say("link-reached", date=escape((known.checked or "?")[:10]))
        return tag("span", tag("span", f" ({told})", class_="f-hidden"), class_="link-ok", title=told)
    return " " + verdict_badge(context, known.verdict) if known.verdict in TROUBLE else ""
