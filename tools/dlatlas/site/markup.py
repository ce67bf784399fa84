"""Turn catalog texts into HTML that cannot carry anything but text, formulas, code and links."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlsplit

SCHEMES = ("http", "https", "ftp")
"""The schemes of links that may reach a page."""

_INLINE = re.compile(
    r"\\(?P<escaped>[\\$`*\[\]])"
    r"|(?P<code>`+)(?P<coded>.+?)(?P=code)"
    r"|\$(?P<math>(?![\s$])(?:\\.|[^$\\])+?(?<!\s))\$(?!\d)"
    r"|\[(?P<label>[^\[\]]+)\]\((?P<url>[^\s()]+)\)"
    r"|\*\*(?P<strong>\S.*?)\*\*"
    r"|(?<![\w*])\*(?P<em>[^\s*](?:[^*]*[^\s*])?)\*(?![\w*])",
    re.DOTALL,
)


def safe_url(url: str) -> str | None:
    """The address if a page may link to it, else None."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme.lower() in SCHEMES and parts.hostname else None


def attributes(values: Mapping[str, Any]) -> str:
    """HTML attributes with a leading space; None and False are left out, True is a bare name."""
    found = ((name, value) for name, value in values.items() if value is not None and value is not False)
    return "".join(f" {name}" if value is True else f' {name}="{escape(str(value))}"' for name, value in found)


def tag(name: str, content: str = "", /, **values: Any) -> str:
    """An element around HTML ``content``; ``class_`` and ``data_x`` stand for ``class`` and ``data-x``."""
    return f"<{name}{attributes({key.rstrip('_').replace('_', '-'): value for key, value in values.items()})}>{content}</{name}>"


def link(label: str, url: str | None, **values: Any) -> str:
    """A link around HTML ``label`` to a page outside the site, or the bare label when the address is not safe."""
    target = safe_url(url) if url else None
    return tag("a", label, href=target, rel="noopener", **values) if target else label


def inline(text: str) -> str:
    """Our own prose as HTML: `code`, $formulas$, [links](https://…), *emphasis*; everything else is escaped."""
    parts, end = [], 0
    for match in _INLINE.finditer(text):
        parts.append(escape(text[end : match.start()], quote=False))
        parts.append(_inline_part(match))
        end = match.end()
    return "".join(parts) + escape(text[end:], quote=False)


def _inline_part(match: re.Match[str]) -> str:
    part = match.groupdict()
    if part["escaped"] is not None:
        return part["escaped"]
    if part["coded"] is not None:
        return tag("code", escape(part["coded"].strip(), quote=False))
    if part["math"] is not None:
        return formula(part["math"])
    if part["label"] is not None:
        return link(inline(part["label"]), part["url"])
    return tag("strong", inline(part["strong"])) if part["strong"] is not None else tag("em", inline(part["em"]))


def formula(tex: str, *, display: bool = False) -> str:
    """A formula in the form that the step after the build typesets."""
    source = escape(tex.strip(), quote=False)
    return f'<div class="arithmatex">\\[{source}\\]</div>' if display else f'<span class="arithmatex">\\({source}\\)</span>'


def paragraphs(text: str) -> str:
    """Prose of several paragraphs, one blank line between two."""
    return "".join(tag("p", inline(" ".join(block.split("\n")))) for block in re.split(r"\n\s*\n", text.strip()) if block)


def heading(level: int, text: str, anchor: str) -> str:
    """A Markdown heading with an explicit id; ``text`` is taken literally."""
    literal = re.sub(r"([\\`*_{}\[\]()#+\-.!|~^$:=<>&])", lambda m: f"&#{ord(m[1])};", " ".join(text.split()))
    return f"{'#' * level} {literal} {{#{anchor}}}"
