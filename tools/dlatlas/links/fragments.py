"""Whether the part of a page that a link points at is there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote

from dlatlas.links.fetch import Answer
from dlatlas.links.markup import read
from dlatlas.links.result import Result

MOST = 2 << 20
"""Decoded bytes of a page that are searched."""

FREE = re.compile(r"(?:top)?|[/!].*|:~:.*|.*[=&].*|L\d+(?:C\d+)?(?:-L?\d+(?:C\d+)?)?|readme|issuecomment-\d+", re.I)
"""Fragments that no id stands for: the top, routes and settings of scripts, text fragments, and what GitHub makes of line numbers."""

PREFIXES = ("", "user-content-")
"""What a site may put before the ids that its authors write."""


class Finder:
    """Looks for fragments in a page, while it comes and when it is here."""

    def __init__(self, fragments: Sequence[str]) -> None:
        self.wanted = {fragment for fragment in fragments if not FREE.fullmatch(fragment)}
        names = [re.escape(form.encode()) for fragment in self.wanted for form in {fragment, unquote(fragment)}]
        self._hits = re.compile(rb"\b(?:id|name)\s*=\s*[\"']?(?:user-content-)?(" + b"|".join(names) + rb")[\"'\s>]")
        self._searched = 0

    def enough(self, data: bytearray) -> bool:
        """Whether the only fragment that is wanted has come by."""
        if len(self.wanted) != 1:
            return False
        start, self._searched = max(0, self._searched - 1024), len(data)
        return bool(self._hits.search(data, start)) and self._has(data.decode("utf-8", "replace"), next(iter(self.wanted)))

    @staticmethod
    def _has(text: str, fragment: str) -> bool:
        ids = read(text).ids
        return any(prefix + form in ids for prefix in PREFIXES for form in (fragment, unquote(fragment)))

    def judged(self, result: Result, page: Answer, fragment: str) -> Result:
        """The result of a page that is fine, with regard to a fragment.

        A missing fragment is ``gone``; where the page was too long or too slow to be read whole, it is ``unknown``.
        """
        if fragment not in self.wanted or not page.is_page:
            return result
        if self._has(page.text, fragment):
            return result
        if not page.whole:
            return replace(result, verdict="unknown", reason="fragment-unread")
        return replace(result, verdict="gone", reason="no-fragment")
