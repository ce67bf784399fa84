"""Show a docstring or a block of comments as prose: paragraphs, lists, sections, formulas and listings."""

from __future__ import annotations

import inspect
import re
from html import escape

from dlatlas.site.markup import formula, inline, tag

_ROLE = re.compile(r":(?:attr|class|func|meth|mod):(?=`)")
_ITEM = re.compile(r"(?:[-*]|\d+\.)\s+")
_SECTION = re.compile(
    r"(Args|Arguments|Attributes|Example|Examples|Inputs?|Note|Notes|Outputs?|Parameters|Raises|References|Returns|Shapes?|Sources?|Yields):\s*$"
)
_FIELD = re.compile(r"(\*{0,2}[\w.]+(?:\s*\([^)]*\))?(?:, \*{0,2}\w+)*):\s+(.*)", re.DOTALL)


def prose(text: str) -> str:
    """HTML of a docstring (``inspect.cleandoc`` is applied here)."""
    plain = _ROLE.sub("", inspect.cleandoc(text))
    return "".join(_block(block) for block in _blocks(plain))


def _blocks(text: str) -> list[list[str]]:
    """Paragraphs; a display formula, a listing and a section with its indented body stay whole."""
    blocks: list[list[str]] = []
    fence: str | None = None
    blank = True
    for line in text.split("\n"):
        mark = re.match(r"\s*(```|~~~|\$\$)", line)
        if fence:
            blocks[-1].append(line)
            fence = None if line.rstrip().endswith(fence) else fence
            continue
        if mark:
            blocks.append([line])
            one_line = mark[1] == "$$" and len(line.strip()) > 4 and line.rstrip().endswith("$$")
            fence, blank = (None, True) if one_line else (mark[1], True)
        elif not line.strip():
            blank = True
            continue
        elif blocks and _SECTION.match(blocks[-1][0]) and line[0] == " ":
            blocks[-1] += [""] * blank + [line]
        elif blank or _SECTION.match(line):
            blocks.append([line])
        else:
            blocks[-1].append(line)
        blank = bool(mark)
    return blocks


def _block(lines: list[str]) -> str:
    first = lines[0].strip()
    whole = "\n".join(lines)
    if first.startswith("$$"):
        return formula(whole.strip().strip("$"), display=True)
    if first.startswith(("```", "~~~")):
        return _listing(lines[1:-1])
    if section := _SECTION.match(lines[0]):
        return _section(section[1], lines[1:])
    if lines[0][0] != " " and len(lines) > 1 and all(line.startswith(" " * 4) for line in lines[1:]):
        return _section(first, lines[1:])
    if lines[0].startswith("    ") or first.startswith(">>>"):
        return _listing(lines)
    if _ITEM.match(first):
        return _items(lines)
    for i, line in enumerate(lines):
        if i and _ITEM.match(line.strip()):
            return tag("p", inline(" ".join(map(str.strip, lines[:i])))) + _items(lines[i:])
    return tag("p", inline(" ".join(map(str.strip, lines))))


def _items(lines: list[str]) -> str:
    items: list[str] = []
    for line in map(str.strip, lines):
        if (mark := _ITEM.match(line)) is not None:
            items.append(line[mark.end() :])
        else:
            items[-1] += " " + line
    return tag("ol" if lines[0].strip()[0].isdigit() else "ul", "".join(tag("li", inline(item)) for item in items))


def _section(name: str, body: list[str]) -> str:
    """A title over fields, a list, aligned lines (kept as they are) or a paragraph."""
    lines = [line for line in inspect.cleandoc("\n" + "\n".join(body)).split("\n") if line]
    fields: list[str] = []
    for line in lines:
        if line.startswith(" ") and fields:
            fields[-1] += " " + line.strip()
        else:
            fields.append(line)
    matched = [_FIELD.fullmatch(field) for field in fields]
    if fields and all(matched):
        content = tag("dl", "".join(tag("dt", tag("code", escape(m[1]))) + tag("dd", inline(m[2])) for m in matched if m))
    elif any(re.search(r"\S {2,}\S", line) or line.startswith(">>>") for line in lines):
        content = _listing(lines)
    elif lines and _ITEM.match(lines[0]):
        content = _items(lines)
    else:
        content = "".join(tag("p", inline(field)) for field in _sentences(fields))
    return tag("p", inline(name), class_="doc-part") + content


def _sentences(lines: list[str]) -> list[str]:
    """Lines joined into paragraphs: a line that does not end a sentence goes on in the next."""
    found: list[str] = []
    for line in lines:
        if found and not found[-1].endswith((".", ":", ";")):
            found[-1] += " " + line
        else:
            found.append(line)
    return found


def _listing(lines: list[str]) -> str:
    text = inspect.cleandoc("\n" + "\n".join(lines))
    return tag("pre", tag("code", escape(text, quote=False)))
