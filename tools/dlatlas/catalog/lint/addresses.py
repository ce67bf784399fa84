"""Rules on links and dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from urllib.parse import urlsplit

from dlatlas.catalog.lint.registry import Finding, rule
from dlatlas.catalog.load import Loaded
from dlatlas.catalog.model import Entry

SCHEMES = ("http", "https", "ftp")

SHORTENERS = frozenset(
    [
        "t.cn",
        "t.co",
        "bit.ly",
        "goo.gl",
        "tinyurl.com",
        "ow.ly",
        "is.gd",
        "buff.ly",
        "lnkd.in",
        "dwz.cn",
        "url.cn",
        "suo.im",
        "0x9.me",
        "hubs.ly",
        "j.mp",
        "fb.me",
        "dlvr.it",
        "tiny.cc",
        "rebrand.ly",
    ]
)
"""Hosts whose addresses only forward, so that the address says nothing about the work."""


@rule("no-link", "warning")
def no_link(loaded: Loaded) -> Iterable[Finding]:
    """An entry has no link and no `source` that would say why: a reader cannot get at the work."""
    for entry in loaded.catalog.entries:
        if not entry.links and not entry.source:
            yield Finding("entry", entry.id, "has neither a link nor a source line")


@rule("link-scheme")
def link_scheme(loaded: Loaded) -> Iterable[Finding]:
    """A link is not a plain http, https or ftp address with a host. Nothing else may reach a page."""
    for entry in loaded.catalog.entries:
        for i, link in enumerate(entry.links):
            for name in ("url", "archive"):
                url = getattr(link, name)
                if url is not None and not is_web_address(url):
                    yield Finding("entry", entry.id, f"{name}: expected an http, https or ftp address, got {url!r}", ("links", i, name))


def is_web_address(url: str) -> bool:
    """Whether an address is http, https or ftp, with a host and nothing that must be escaped."""
    if re.search(r"[\s<>\"\\\x00-\x1f]", url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


@rule("short-link", fixes=True)
def short_link(loaded: Loaded) -> Iterable[Finding]:
    """A shortened address (t.cn, t.co, bit.ly …) must have the kind `short`: it is kept as it is and treated as opaque."""
    for entry in loaded.catalog.entries:
        for i, link in enumerate(entry.links):
            host = (_hostname(link.url) or "").removeprefix("www.")
            if host in SHORTENERS and link.kind != "short":
                yield Finding("entry", entry.id, f"{link.url}: expected kind short, got {link.kind}", ("links", i, "kind"), "short")


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


@rule("date")
def dates(loaded: Loaded) -> Iterable[Finding]:
    """A date does not exist in the calendar, lies in the future, or says that a work is younger than its entry."""
    today = date.today().isoformat()
    for entry in loaded.catalog.entries:
        for below, value in _dates(entry):
            name = ".".join(map(str, below))
            if not _exists(value):
                yield Finding("entry", entry.id, f"{name}: no such day {value}", below)
            elif value > today[: len(value)]:
                yield Finding("entry", entry.id, f"{name}: {value} lies in the future", below)
        if entry.date and entry.added and entry.date[: len(entry.added)] > entry.added[: len(entry.date)]:
            yield Finding("entry", entry.id, f"date {entry.date} is after added {entry.added}", ("date",))


def _dates(entry: Entry) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for name in ("date", "added", "reviewed"):
        if value := getattr(entry, name):
            yield (name,), value
    for i, link in enumerate(entry.links):
        if link.dead:
            yield ("links", i, "dead"), link.dead


def _exists(value: str) -> bool:
    try:
        date.fromisoformat(value + "-01-01"[len(value) - 4 :] if len(value) < 10 else value)
    except ValueError:
        return False
    return True
