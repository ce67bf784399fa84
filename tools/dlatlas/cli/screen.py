"""Styled text in lines of a width that a terminal shows. Rich does this and much more, but to import it takes longer than a search."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

PLAIN, NUMBER, TYPE, MATCH, DIM = "", "number", "type", "match", "dim"

COLORS = {NUMBER: "36", TYPE: "32", MATCH: "1;33", DIM: "2"}
WITHOUT_COLOR = {MATCH: "1", DIM: "2"}
"""Codes of the styles (SGR), with color and for who wants none."""

PIECE = re.compile(r"\s+|(?P<wide>[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef])|(?P<narrow>.)")
"""Where a line may end: at spaces, and beside any wide character."""


class Span(NamedTuple):
    """A part of a text in one style."""

    text: str
    style: str = PLAIN


Line = list[Span]


@dataclass(frozen=True)
class Screen:
    """How wide the terminal is, which styles it shows, and whether it shows links."""

    width: int
    codes: Mapping[str, str]
    linked: bool

    @classmethod
    def of(cls, color: str, environment: Mapping[str, str] = os.environ) -> Screen:
        """The terminal on standard output; ``color`` is ``auto``, ``always`` (in a pipe too) or ``never`` (no escape sequences)."""
        width = max(20, shutil.get_terminal_size().columns)
        old = os.name == "nt" and not {"WT_SESSION", "TERM"} & environment.keys()
        able = sys.stdout.isatty() and environment.get("TERM") != "dumb" and not old
        if color == "never" or (color == "auto" and not able):
            return cls(width, {}, False)
        colors = color == "always" or not environment.get("NO_COLOR")
        return cls(width, COLORS if colors else WITHOUT_COLOR, can_link(environment))

    def shown(self, spans: Iterable[Span], url: str = "") -> str:
        """Spans as the terminal gets them, linked where there is an address and it can."""
        text = "".join(f"\x1b[{code}m{span.text}\x1b[0m" if (code := self.codes.get(span.style)) else span.text for span in spans)
        return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\" if url and self.linked and text else text


def wrapped(spans: Iterable[Span], width: int) -> list[Line]:
    """Spans broken into lines of at most ``width`` cells, words kept whole where they fit."""
    from rich.cells import cell_len

    lines: list[Line] = [[]]
    room = width
    for word in _words(spans):
        size = sum(cell_len(span.text) for span in word)
        if size > room and lines[-1]:
            lines.append([])
            room = width
            if word[0].text.isspace():
                continue
        for span in word if size <= room else _characters(word):
            cells = cell_len(span.text)
            if cells > room:
                lines.append([])
                room = width
            lines[-1].append(span)
            room -= cells
    return [_joined(line) for line in lines]


def _words(spans: Iterable[Span]) -> Iterator[Line]:
    """What must stay together: a run of narrow characters, whatever their styles; spaces and wide characters stand alone."""
    word: Line = []
    for span in spans:
        for m in PIECE.finditer(span.text):
            part = Span(m[0], span.style)
            if m["narrow"]:
                word.append(part)
                continue
            if word:
                yield word
                word = []
            yield [part]
    if word:
        yield word


def _characters(word: Line) -> Iterator[Span]:
    return (Span(character, span.style) for span in word for character in span.text)


def _joined(line: Line) -> Line:
    """The line with neighbors of one style as one span, without spaces at its end."""
    joined: Line = []
    for span in line:
        if joined and joined[-1].style == span.style:
            joined[-1] = Span(joined[-1].text + span.text, span.style)
        else:
            joined.append(span)
    if joined:
        joined[-1] = Span(joined[-1].text.rstrip(), joined[-1].style)
    return joined


def can_link(environment: Mapping[str, str]) -> bool:
    """Whether the terminal is known to show links (OSC 8); FORCE_HYPERLINK decides where it is set."""
    if (forced := environment.get("FORCE_HYPERLINK")) is not None:
        return forced not in ("", "0")
    if vte := environment.get("VTE_VERSION"):
        return vte.isdigit() and int(vte) >= 5000
    if {"KITTY_WINDOW_ID", "WT_SESSION", "KONSOLE_VERSION", "DOMTERM", "WEZTERM_PANE"} & environment.keys():
        return True
    if environment.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "tmux", "rio", "zed"):
        return True
    return bool(re.match("xterm-kitty|xterm-ghostty|alacritty|foot|contour|wezterm", environment.get("TERM", "")))
