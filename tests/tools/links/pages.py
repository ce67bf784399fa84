"""Sites for the tests of the offline checker: a slow oracle, and a large site with known faults."""

from __future__ import annotations

import os
import random
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

ROOT = "http://site.test/" + "deep/" * 12
"""An address so deep that no path of a test climbs above its host."""


class Oracle(HTMLParser):
    """Ids and internal links of one page, by the standard library's parser."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.urls: list[str] = []
        self.base: str | None = None
        self.text_of: str | None = None  # an element that holds text only
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.text_of:
            return
        self.text_of = tag if tag in ("textarea", "title") else None
        found: dict[str, str] = {}
        for name, value in attrs:
            found.setdefault(name, value or "")
        self.ids |= {found[name] for name in ("id", *(["name"] if tag == "a" else [])) if name in found}
        if tag == "base" and self.base is None:
            self.base = found.get("href")
        for holder, name in (("a", "href"), ("area", "href"), ("img", "src"), ("script", "src"), ("link", "href"), ("video", "poster")):
            if tag == holder and name in found:
                self.urls.append(found[name])

    def handle_endtag(self, tag: str) -> None:
        if tag == self.text_of:
            self.text_of = None


def broken(site: Path) -> set[tuple[str, str]]:
    """(page, address) of every internal link that does not work, each looked up on its own in the folders."""
    found = set()
    for page in sorted(site.rglob("*.html")):
        name = page.relative_to(site).as_posix()
        parsed = Oracle(page.read_text("utf-8"))
        here = _join(ROOT + quote(name), parsed.base or "").partition("#")[0]
        if (parsed.base or "").startswith("//"):  # all else is relative to another host
            continue
        if not here.startswith(ROOT):
            found.add((name, parsed.base or ""))
            continue
        found |= {(name, url) for url in parsed.urls if not url.startswith("//") and not _works(site, here, url)}
    return found


def _join(here: str, url: str) -> str:
    url = url.replace("%2e", ".").replace("%2E", ".")
    return urljoin(here, urlsplit(ROOT).path + url[1:] if url.startswith("/") else url)


def _works(site: Path, here: str, url: str) -> bool:
    whole = _join(here, url)
    if not whole.startswith(ROOT):
        return False
    parts = urlsplit(whole[len(ROOT) :])
    folder, names = site, parts.path.split("/")
    for number, part in enumerate(map(unquote, names)):
        last = number == len(names) - 1
        if last and not part:
            break
        if not part or "/" in part or part not in os.listdir(folder):
            return False
        folder /= part
        if not last and not folder.is_dir():
            return False
    target = folder / "index.html" if folder.is_dir() else folder
    if not target.is_file():
        return False
    fragment = urlsplit(whole).fragment
    if target.suffix != ".html" or fragment.lower() in ("", "top"):
        return True
    return bool({fragment, unquote(fragment)} & Oracle(target.read_text("utf-8")).ids)


def large(site: Path, pages: int, links: int, seed: int) -> tuple[int, set[tuple[str, str]]]:
    """Write a bilingual site; returns how many internal links it has and (page, address) of those that do not work."""
    chance = random.Random(seed)
    names = [f"{('en', 'zh')[i % 2]}/part{i % 9}/page{i}" for i in range(pages - 1)]
    heads = {name: [f"s-{i}-{j}" for j in range(5)] + [("Q&A", f"梯度 {i % 4}")[i % 2]] for i, name in enumerate(names)}
    (site / "assets").mkdir(parents=True)
    for asset in ("a.css", "a.js", "a.png"):
        (site / "assets" / asset).write_text("")
    (site / "index.html").write_text("".join(f'<a href="{name}/">x</a>' for name in names))
    menu = chance.sample(names, min(25, len(names)))
    total, wrong = len(names), set()
    for name in names:
        urls = [_way(name, other) for other in menu]
        for _ in range(links - len(menu)):
            url, works = _link(chance, name, chance.choice(names), heads)
            urls.append(url)
            if not works:
                wrong.add((f"{name}/index.html", url))
        items = "".join(f'<li class="item"><a href="{escape(url)}">word</a></li>' for url in urls)
        text = "".join(f'<h2 id="{escape(head)}">{escape(head)}</h2><p>{"some words " * 30}</p>' for head in heads[name])
        up = "../../../assets/"
        page = (
            f'<!doctype html><html lang="{name[:2]}"><head><link rel="stylesheet" href="{up}a.css"></head>'
            f'<body><img src="{up}a.png" alt="">'
            f'<ul>{items}</ul>{text}<pre>&lt;a href="no"&gt;</pre><!-- <a href="no"> -->'
            f'<script src="{up}a.js"></script></body></html>'
        )
        (site / name).mkdir(parents=True)
        (site / name / "index.html").write_text(page, "utf-8")
        total += len(urls) + 3
    return total, wrong


def _way(name: str, other: str) -> str:
    return os.path.relpath(other, name).replace(os.sep, "/") + "/"


def _link(chance: random.Random, name: str, other: str, heads: dict[str, list[str]]) -> tuple[str, bool]:
    way, head = _way(name, other), chance.choice(heads[other])
    return chance.choices(
        [
            (way, True),
            (f"{way}#{quote(head)}", True),
            (f"{way}#{head}", True),
            (f"#{quote(heads[name][-1])}", True),
            (f"/{other}/?x=1", True),
            (f"{way}index.html", True),
            (f"{way[:-1]}x/", False),
            (f"{way}#no-such", False),
            (f"{way}#{quote('没有')}", False),
            (way.replace("part", "Part") + "INDEX.html", False),
            ("../" * 7 + "etc/passwd", False),
        ],
        [50, 20, 10, 5, 4, 4, 2, 2, 1, 1, 1],
    )[0]
