"""What an HTML page or a style sheet refers to, and the ids at which a page can be entered.

One scan by regular expressions that follow the tokenizer of the HTML standard: comments, scripts and
text areas hold no tags, a ``>`` inside a quoted value ends none, the first of two attributes with one
name counts, and character references in values are decoded as browsers decode them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.entities import html5

_S = r" \t\n\f\r"
_NAME = rf"[^{_S}/>][^{_S}/>=]*+"
_VALUE = rf"""[{_S}]*+=[{_S}]*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^{_S}"'>][^{_S}>]*+|(?=>))"""
_INSIDE = rf"(?:[{_S}/]++|{_NAME}(?:{_VALUE})?+)*+"

TOKEN = re.compile(
    rf"""
    <(?: !--(?: -?> | .*?(?:--!?>|\Z) )                                   # a comment
       | [!?][^>]*+ | /[^a-zA-Z>][^>]*+                                   # what counts as one
       | (?P<raw>(?i:script|style|textarea|title|xmp|iframe|noembed|noframes))(?=[{_S}/>])
         (?P<given>{_INSIDE}) > (?P<content>.*?) (?: </(?i:(?P=raw))(?=[{_S}/>]) | \Z )
       | (?P<tag>[a-zA-Z][^{_S}/>]*+) [{_S}/] (?P<inside>{_INSIDE}) >
       | /[a-zA-Z][^{_S}/>]*+ [{_S}/] {_INSIDE} >                         # an end tag with attributes
       | /?[a-zA-Z][^{_S}/>]*+ (?:[{_S}/].*)? \Z                          # a tag that the page breaks off in
    )""",
    re.DOTALL | re.VERBOSE,
)
"""Whatever begins with ``<`` and matters: a tag without attributes and an end tag do not."""

ATTRIBUTE = re.compile(rf"""({_NAME})(?:[{_S}]*+=[{_S}]*+(?:"([^"]*+)"|'([^']*+)'|([^{_S}"'>][^{_S}>]*+))?+)?+""")
REFERENCE = re.compile(r"&(?:#(?:[xX][0-9a-fA-F]+|[0-9]+);?|([a-zA-Z][a-zA-Z0-9]*+)(?:(;)|(?!=)))")
CSS = re.compile(
    r"""/\*.*?(?:\*/|\Z)
      | url\(\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'()]*+))\s*+\)
      | @import\s+(?:"([^"]*)"|'([^']*)')
      | "(?:[^"\\\n]|\\.)*+"? | '(?:[^'\\\n]|\\.)*+'?""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
CANDIDATE = re.compile(r"[\s,]*+(\S+)")
DESCRIPTORS = re.compile(r"(?:[^,(]|\([^)]*+\)?)*+,?")
REFRESH = re.compile(r"\s*+[\d.]++(?:\s*+[;,]\s*+|\s++)(?:url\s*+=\s*+)?(?:\"([^\"]*)|'([^']*)|(.*\S))", re.IGNORECASE | re.DOTALL)

FOLLOWED = {"a": "href", "area": "href", "form": "action", "button": "formaction"}
"""Attributes whose addresses a reader can go to."""

LOADED = {
    "script": ("src",),
    "img": ("src",),
    "iframe": ("src",),
    "source": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "track": ("src",),
    "embed": ("src",),
    "input": ("src",),
    "object": ("data",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
}
"""Attributes from which a browser loads on its own; ``link`` is treated apart."""

HARMLESS_RELS = {"canonical", "alternate", "prev", "next", "license", "author", "help", "me", "search"}
"""Relations of a ``link`` element that load nothing."""

SHARED = {"og:url", "og:image", "twitter:image"}
"""Properties of a ``meta`` element whose content is an address."""

TELLING = {"id", "name", "content", "srcset", "imagesrcset", *FOLLOWED.values()}.union(*LOADED.values())
"""Every attribute that is read, but for ``style``."""


@dataclass
class Page:
    """What stands on a page: ids, addresses to follow and to load as they are written, its base and where it sends its reader."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    base: str | None = None
    refresh: str | None = None


def read(html: str) -> Page:
    """Scan a page; any text is one."""
    page = Page()
    plain: set[str] = set()  # attributes that say nothing; formulas repeat the same ones thousands of times
    for raw, given, content, tag, inside in TOKEN.findall(html):
        if tag:
            if inside not in plain and not _element(page, tag.lower(), inside):
                plain.add(inside)
        elif raw:
            _element(page, raw.lower(), given)
            if raw.lower() == "style":
                page.loads += css_urls(content)
    return page


def _element(page: Page, tag: str, inside: str) -> bool:
    """Take what an element says; returns whether its attributes say anything, on whatever element."""
    found: dict[str, str] = {}
    for name, double, single, bare in ATTRIBUTE.findall(inside):
        found.setdefault(name.lower(), double or single or bare)
    if (id := found.get("id")) is not None:
        page.ids.add(decoded(id))
    if tag == "a" and "name" in found:
        page.ids.add(decoded(found["name"]))
    if (name := FOLLOWED.get(tag)) in found:
        page.links.append(decoded(found[name]))
    elif tag in LOADED:
        page.loads += [decoded(found[name]) for name in LOADED[tag] if name in found]
    elif tag == "link" and "href" in found:
        harmless = not HARMLESS_RELS.isdisjoint(found.get("rel", "").lower().split())
        (page.links if harmless else page.loads).append(decoded(found["href"]))
    elif tag == "base" and "href" in found and page.base is None:
        page.base = decoded(found["href"])
    elif tag == "meta" and found.get("http-equiv", "").lower() == "refresh":
        if (target := REFRESH.match(decoded(found.get("content", "")))) and page.refresh is None:
            page.refresh = target[1] or target[2] or target[3]
    elif tag == "meta" and found.get("property", found.get("name")) in SHARED:
        page.links.append(decoded(found.get("content", "")))
    for name in ("srcset", "imagesrcset"):
        if name in found:
            page.loads += srcset_urls(decoded(found[name]))
    styled = list(css_urls(decoded(found.get("style", ""))))
    page.loads += styled
    return bool(styled) or not found.keys().isdisjoint(TELLING)


def decoded(value: str) -> str:
    """An attribute's value with its character references decoded."""
    return REFERENCE.sub(_character, value) if "&" in value else value


def _character(m: re.Match[str]) -> str:
    """A name without a semicolon counts only where it is one of the old names in full and no ``=`` follows."""
    return unescape(m[0]) if m[1] is None else html5.get(m[1] + (m[2] or ""), m[0])


def srcset_urls(text: str) -> Iterator[str]:
    """The addresses of the candidates in a ``srcset``."""
    at = 0
    while found := CANDIDATE.match(text, at):
        url = found[1].rstrip(",")
        yield url
        end = DESCRIPTORS.match(text, found.end())
        at = found.end() if url != found[1] or end is None else end.end()


def css_urls(css: str) -> Iterator[str]:
    """The addresses that a style sheet loads, comments and other strings left out."""
    return (url for groups in CSS.findall(css) if (url := "".join(groups)))
