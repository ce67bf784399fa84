"""Check the internal links of a built site offline: pages, anchors, assets, style sheets and redirects.

A site is a folder of files as a static host serves them: names are compared to the letter, a folder is
its ``index.html``, a query chooses nothing, and a fragment is the id of an element or the name of an ``a``.
Addresses on other hosts are only told apart; ``dlatlas links check`` asks for those.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dlatlas.links.markup import Page, css_urls, read

MESSAGES = {
    "missing": "leads nowhere",
    "case": "leads nowhere, though a file has this name in other letters (upper and lower case differ)",
    "folder": "leads nowhere, to a folder without index.html",
    "outside": "leads nowhere, out of the site",
    "anchor": "names an anchor that does not exist",
    "circle": "redirects in a circle",
    "absolute": "an absolute address, which breaks where the site is not at the root of its host",
    "scheme": "an address of a kind that may not reach a page",
}
"""What can be wrong with an address, by reason."""

SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
HARMLESS_SCHEMES = {"http", "https", "ftp", "mailto", "tel", "data", "blob", "about"}
LOCAL_SCHEMES = {"data", "blob", "about"}
"""Schemes of what lies in the page itself."""

BREAK = re.compile(r"[\t\n\r]")
LOCATION = re.compile(r"<loc>([^<]*)</loc>")
BLANK = "".join(map(chr, range(33)))
"""What browsers take away around an address."""

HTML = (".html", ".htm")
ANYWHERE = "404.html"
"""A page that is served at any depth, so that its addresses must begin at the root."""


class SiteError(ValueError):
    """The folder is no built site."""


@dataclass(frozen=True, order=True)
class Problem:
    """An address on a page or in a style sheet that does not work; ``reason`` is a key of :data:`MESSAGES`."""

    page: str
    url: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page}: {MESSAGES[self.reason]}: {self.url}"


@dataclass
class Report:
    """What a check saw: how many pages and internal links, what is wrong, and what pages load from other hosts."""

    pages: int = 0
    links: int = 0
    problems: list[Problem] = field(default_factory=list)
    foreign: list[tuple[str, str]] = field(default_factory=list)  # page, address


def check(site: Path, *, url: str = "", absolute: bool = True) -> Report:
    """Check every page and style sheet below ``site``.

    Args:
        url: where the site will be; its own addresses count as internal then, and absolute paths begin with its path.
        absolute: whether addresses may begin at the root of the host (``/a/``); those of ``404.html`` always may.

    Raises:
        SiteError: there is no page below ``site``, or ``url`` is no http address.
    """
    if url and not re.fullmatch(r"https?://[^/?#\s]+(?:/[^?#\s]*)?", url):
        raise SiteError(f"expected an http or https address without query and fragment, got {url!r}")
    return _Checker(site, url if not url or url.endswith("/") else url + "/", absolute).run()


@dataclass(frozen=True)
class _Base:
    """What the addresses of a page or style sheet are relative to."""

    page: str
    path: str
    foreign: bool = False


class _Checker:
    def __init__(self, site: Path, own: str, absolute: bool) -> None:
        self.site = site
        self.own = own
        self.prefix = urlsplit(own).path or "/"
        self.absolute = absolute
        self.files = set(_files(site))
        self.folders = {"", *(folder for name in self.files for folder in _above(name))}
        self.caseless: set[str] = set()
        self.ids: dict[str, set[str]] = {}
        self.anchored: list[tuple[str, str, str, str]] = []  # page, address, target, fragment: looked up when all ids are known
        self.redirects: dict[str, tuple[str, str]] = {}  # where each redirecting page leads, and the address as it is written
        self.report = Report()

    def run(self) -> Report:
        pages = sorted(name for name in self.files if name.endswith(HTML))
        if not pages:
            raise SiteError(f"{self.site} is no built site: it holds no HTML page")
        for name in pages:
            self._page(name, read(self._text(name)))
        for name in sorted(name for name in self.files if name.endswith(".css")):
            self._follow(css_urls(self._text(name)), _Base(name, name), loads=True)
        for name in sorted(name for name in self.files if self.own and name.endswith(".xml")):
            self._feed(name)
        self._anchors()
        self._circles()
        self.report.pages = len(pages)
        self.report.problems = sorted(set(self.report.problems))
        return self.report

    def _text(self, name: str) -> str:
        with open(os.path.join(self.site, name), "rb") as file:
            return file.read().decode("utf-8", "replace")

    def _page(self, name: str, page: Page) -> None:
        self.ids[name] = page.ids
        base = _Base(name, name)
        if page.base is not None:
            reason, path, _ = self._path(page.base, base)
            if reason not in ("", "foreign"):
                self.report.problems.append(Problem(name, page.base, reason))
                return
            base = _Base(name, path, foreign=reason == "foreign")
        if page.refresh is not None:
            page.links.append(page.refresh)
            reason, path, _ = self._path(page.refresh, base)
            self.redirects[name] = ("" if reason else self._file(path)[1], page.refresh)
        self._follow(page.links, base, loads=False)
        self._follow(page.loads, base, loads=True)

    def _feed(self, name: str) -> None:
        """Site maps and feeds name pages by their whole addresses."""
        text = self._text(name)
        feed = read(text)
        self.ids[name] = feed.ids
        self._follow([*feed.links, *feed.loads, *map(unescape, LOCATION.findall(text))], _Base(name, name), loads=False)

    def _follow(self, urls: Iterable[str], base: _Base, *, loads: bool) -> None:
        """Look up each address of a page once and keep what is wrong; anchors wait until all pages are read."""
        for url, count in Counter(urls).items():
            reason, path, fragment = self._path(url, base)
            if reason == "foreign":
                if loads and _scheme(url) not in LOCAL_SCHEMES:
                    self.report.foreign.append((base.page, url))
                continue
            self.report.links += count
            if not reason:
                reason, target = self._file(path)
                if fragment and target and base.page in self.ids:
                    self.anchored.append((base.page, url, target, fragment))
            if reason:
                self.report.problems.append(Problem(base.page, url, reason))

    def _path(self, url: str, base: _Base) -> tuple[str, str, str]:
        """What is wrong with an address as it is written, or else its path below the site, decoded, and its fragment."""
        if url[:1] <= " " or url[-1:] <= " " or BREAK.search(url):
            url = BREAK.sub("", url.strip(BLANK))
        path, _, fragment = url.partition("#")
        path = path.partition("?")[0]
        folder = ""
        if path.startswith("//") or SCHEME.match(path):
            whole = path if path[0] != "/" else self.own.partition("//")[0] + path
            if not self.own or not (whole + "/").startswith(self.own):
                return "foreign" if path[0] == "/" or _scheme(path) in HARMLESS_SCHEMES else "scheme", "", ""
            path = whole[len(self.own) :]
        elif base.foreign:
            return "foreign", "", ""
        elif path.startswith("/"):
            if not self.absolute and base.page != ANYWHERE:
                return "absolute", "", ""
            if not (path + "/").startswith(self.prefix):
                return "outside", "", ""
            path = path[len(self.prefix) :]
        elif not path:
            return "", base.path, fragment
        else:
            folder = base.path[: base.path.rfind("/") + 1]
        if "%" in path:
            if "%2f" in path.lower():
                return "missing", "", ""
            path = unquote(path)
        if "." in path:
            return *_without_dots(folder + path), fragment
        return "", folder + path, fragment

    def _file(self, path: str) -> tuple[str, str]:
        """What is wrong with a path, and the file that it stands for, empty where there is none."""
        if path in self.files:
            return "", path
        name = path.rstrip("/") if path.endswith("/") and "//" not in path else path
        index = f"{name}/index.html" if name else "index.html"
        if index in self.files:
            return "", index
        if name in self.folders:
            return "folder", ""
        self.caseless = self.caseless or {known.casefold() for known in self.files | self.folders}
        return "case" if name.casefold() in self.caseless and name not in self.files else "missing", ""

    def _anchors(self) -> None:
        for page, url, target, fragment in self.anchored:
            fragment = fragment.partition(":~:")[0]  # what follows are words to find
            if fragment.lower() in ("", "top"):
                continue
            if target.endswith(".svg"):
                if re.search("[=(]", fragment):  # a view or a part of the picture, no id
                    continue
                if target not in self.ids:
                    self.ids[target] = read(self._text(target)).ids
            if target in self.ids and self.ids[target].isdisjoint((fragment, unquote(fragment))):
                self.report.problems.append(Problem(page, url, "anchor"))

    def _circles(self) -> None:
        """Report each redirect that leads back to itself."""
        for start, (target, url) in self.redirects.items():
            passed = {start}
            while target in self.redirects and target not in passed:
                passed.add(target)
                target = self.redirects[target][0]
            if target == start:
                self.report.problems.append(Problem(start, url, "circle"))


def _without_dots(path: str) -> tuple[str, str]:
    """That a path leaves the site, or the path with its dot segments resolved as browsers do."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return "outside", ""
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "", "/".join(parts) + ("/" if parts and part in (".", "..") else "")


def _scheme(url: str) -> str:
    return url.partition(":")[0].strip(BLANK).lower() if ":" in url else ""


def _files(site: Path) -> Iterator[str]:
    """The names of all files below ``site``, with slashes."""
    for folder, _, names in os.walk(site):
        below = os.path.relpath(folder, site).replace(os.sep, "/")
        yield from names if below == "." else (f"{below}/{name}" for name in names)


def _above(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name
