"""The text of the built pages that are no documents of the search: its words, title and description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from dlatlas.site.strings import LANGUAGES

UNSEARCHED = {"headerlink", "badge", "edition-code", "edition-link", "checks", "filters", "doc-signature", "math"}
"""Classes of elements that would only blur the search results."""

KINDS = {"kind-page", "kind-table"}
"""Classes of the pages that are read: those by hand and those that list claims, errata, methods and terms."""

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905


@dataclass(frozen=True)
class PageText:
    """One page: its folder below that of the language, and its words."""

    path: str
    title: str
    description: str
    text: str


def read(site: Path) -> Iterator[dict[str, PageText]]:
    """The pages of those kinds that are there in every language."""
    first = site / LANGUAGES[0]
    for file in sorted(first.rglob("index.html")):
        place = file.parent.relative_to(first)
        versions = {lang: site / lang / place / "index.html" for lang in LANGUAGES}
        if all(version.is_file() for version in versions.values()):
            path = "" if place == Path() else f"{place.as_posix()}/"
            found = {lang: _page(path, version.read_text("utf-8")) for lang, version in versions.items()}
            if all(page is not None for page in found.values()):
                yield {lang: page for lang, page in found.items() if page is not None}


def _page(path: str, html: str) -> PageText | None:
    if not any(kind in html for kind in KINDS):
        return None
    reader = _Reader()
    reader.feed(html)
    if not reader.wanted:
        return None
    return PageText(path, " ".join(reader.title.split()), reader.description, " ".join(" ".join(reader.parts).split()))


class _Reader(HTMLParser):
    """Collects the text of the article of a page of one of the kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted = False
        self.title = self.description = ""
        self.parts: list[str] = []
        self.open: list[bool] = []  # for each open element of the article, whether its text counts
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        classes = set(found.get("class", "").split())
        self.wanted |= bool(classes & KINDS)
        if tag == "meta" and found.get("name") == "description":
            self.description = found.get("content", "")
        if tag == "h1":
            self.inside = "h1"
        if tag in VOID or not (self.open or (tag == "article" and self.wanted)):
            return
        self.open.append((not self.open or self.open[-1]) and not classes & UNSEARCHED and tag not in ("script", "style"))

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""
        if self.open and tag not in VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1]:
            self.parts.append(data)
            if self.inside:
                self.title += data
