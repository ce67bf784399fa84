"""The contribution guide as a page: the repository's own file, in the language's version."""

from __future__ import annotations

import re
from itertools import count

from dlatlas.site.context import Context, Page

FILES = {"en": "CONTRIBUTING.md", "zh": "CONTRIBUTING.zh.md"}


def guide_page(context: Context) -> Page | None:
    """The guide of the context's language, or None where the repository has none; both languages get the same anchors."""
    path = context.root / FILES[context.lang]
    if not path.is_file():
        return None
    text = anchored(path.read_text("utf-8"))
    return Page("contributing/", context.say("contributing"), text, "page", description=context.say("guide-intro"))


def anchored(text: str) -> str:
    """Markdown whose headings have ids by their order; ``#`` lines in listings are left alone."""
    numbers = count()
    parts = re.split(r"(^```.*?^```)", text, flags=re.MULTILINE | re.DOTALL)

    def marked(prose: str) -> str:
        return re.sub(r"^(#+ .*?) *$", lambda match: f"{match[1]} {{#part-{next(numbers)}}}", prose, flags=re.MULTILINE)

    return "".join(part if part.startswith("```") else marked(part) for part in parts)
