"""Checks of the built site: every internal link and anchor leads somewhere, and no page loads from a foreign host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

_TAG = re.compile(r"<([a-zA-Z][\w-]*)((?:\s+[^\s=<>\"'/]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))?)*)\s*/?>")
_ATTRIBUTE = re.compile(r"([^\s=<>\"'/]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+))")
_CSS_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
_OPAQUE = re.compile(r"<!--.*?-->|(<(script|style)\b[^>]*>).*?</\2>", re.DOTALL | re.IGNORECASE)

LOADED = dict.fromkeys(("script", "img", "iframe", "source", "video", "audio", "embed"), "src") | {
    "object": "data",
    "use": "href",
    "image": "href",
}
"""Attributes from which a browser loads on its own; ``link`` is treated apart."""

HARMLESS_RELS = {"canonical", "alternate", "prev", "next", "license"}
"""Relations of a ``link`` element that load nothing."""


def check(site: Path) -> list[str]:
    """Everything wrong with the site below ``site``, as ``page: problem``."""
    pages = {path: _read(path) for path in sorted(site.rglob("*.html"))}
    anchors = {path: ids for path, (ids, _, _) in pages.items()}
    problems: list[str] = []
    for path, (_, links, loads) in pages.items():
        name = path.relative_to(site).as_posix()
        if path.name == "404.html":  # served at any depth, so its addresses start at the root of the host
            links = [link for link in links if not link.startswith("/")]
            loads = [load for load in loads if not (load.startswith("/") and not load.startswith("//"))]
        problems += [f"{name}: loads from a foreign host: {url}" for url in loads if _foreign(url)]
        for url in dict.fromkeys([*links, *(url for url in loads if not _foreign(url))]):
            problem = _follow(site, path, url, anchors)
            if problem:
                problems.append(f"{name}: {problem}: {url}")
    for sheet in sorted(site.rglob("*.css")):
        for url in _css_urls(sheet.read_text("utf-8", "replace")):
            if _foreign(url):
                problems.append(f"{sheet.relative_to(site).as_posix()}: loads from a foreign host: {url}")
    return problems


def _read(path: Path) -> tuple[set[str], list[str], list[str]]:
    """Ids, links and loaded addresses of a page."""
    ids: set[str] = set()
    links: list[str] = []
    loads: list[str] = []
    html = path.read_text("utf-8")
    loads += [url for style in re.findall(r"<style\b[^>]*>(.*?)</style>", html, re.DOTALL | re.IGNORECASE) for url in _css_urls(style)]
    for tag, attributes in _TAG.findall(_OPAQUE.sub(lambda m: m[1] or "", html)):
        found = {name.lower(): unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(attributes)}
        ids.update(value for key in ("id", "name") if (value := found.get(key)))
        tag = tag.lower()
        if tag == "a" and "href" in found:
            links.append(found["href"])
        elif tag == "link" and "href" in found:
            (links if set(found.get("rel", "").split()) & HARMLESS_RELS else loads).append(found["href"])
        elif tag in LOADED and LOADED[tag] in found:
            loads.append(found[LOADED[tag]])
        if "srcset" in found:
            loads += [part.split()[0] for part in found["srcset"].split(",") if part.strip()]
    return ids, links, loads


def _css_urls(css: str) -> Iterator[str]:
    return (a or b for a, b in _CSS_URL.findall(css))


def _foreign(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme not in ("", "data", "blob") or bool(parts.netloc)


def _follow(site: Path, page: Path, url: str, anchors: dict[Path, set[str]]) -> str | None:
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return None if parts.scheme in ("http", "https", "ftp", "mailto", "data") else "an address of a kind that may not reach a page"
    if parts.path.startswith("/"):
        return "an absolute address, which breaks where the site is not at the root of its host"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
    if parts.path.endswith("/") or target.is_dir():
        target = target / "index.html"
    if not target.is_relative_to(site.resolve()) or not target.is_file():
        return "leads nowhere"
    if parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in anchors.get(_same(site, target), set()):
        return "names an anchor that does not exist"
    return None


def _same(site: Path, target: Path) -> Path:
    return site / target.relative_to(site.resolve())
