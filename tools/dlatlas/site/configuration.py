"""The MkDocs configuration of each language, with all that the page templates are told."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from dlatlas.site.context import Context
from dlatlas.site.guide import FILES
from dlatlas.site.publish import LOCAL
from dlatlas.site.strings import say

TEMPLATE_WORDS = (
    "site",
    "search",
    "menu",
    "skip",
    "language-switch",
    "breadcrumb",
    "on-this-page",
    "scheme",
    "licenses",
    "built-from",
    "previous",
    "next",
    "more",
    "home",
    "areas",
    "copy-code",
    "copied",
    "copy-failed",
)
"""Words that the page templates use."""

SECTIONS = {"methods": "methods", "claims": "claims", "errata": "errata", "glossary": "glossary", "verify": "verify"}
"""The pages of the head's navigation: their folders and their words."""

MORE = {
    "timeline": "timeline-page",
    "link-health": "link-health",
    "numbers": "numbers",
    "changes": "changes",
    "contributing": "contributing",
    "api": "api-reference",
}
"""The other pages beside the areas, which the foot of each page links; a page written by hand names itself."""


def configuration(context: Context, work: Path, url: str | None = None) -> dict[str, Any]:
    """What a language adds to the base configuration (``mkdocs.yml`` in the root); ``url`` is the site's address where it has one."""

    def here(path: Path) -> str:
        return Path(os.path.relpath(path, work)).as_posix()

    def present(name: str) -> bool:
        return name != "contributing" or (context.root / FILES[context.lang]).is_file()

    areas = [
        {
            "id": area.id,
            "title": escape(area.title.get(context.lang)),
            "topics": [{"id": topic.id, "title": escape(topic.title.get(context.lang))} for topic in context.topics_of(area)],
        }
        for area in context.catalog.areas
    ]
    nav: list[dict[str, Any]] = [{context.say("home"): "index.md"}]
    nav += [{area.title.get(context.lang): f"{area.id}/index.md"} for area in context.catalog.areas]
    written = hand_written(context.root, context.lang)
    nav += [{context.say(word): f"{name}.md" if name in written else f"{name}/index.md"} for name, word in SECTIONS.items()]
    return {
        "INHERIT": here(context.root / "mkdocs.yml"),
        "site_name": context.say("site"),
        "site_description": context.say("lead"),
        "docs_dir": context.lang,
        "site_dir": f"html/{context.lang}",
        "nav": nav,
        "not_in_nav": "/*",
        "theme": {"language": context.lang, "custom_dir": here(context.root / "docs" / "overrides")},
        "plugins": {"mkdocstrings": {"handlers": {"python": {"paths": [here(context.root), here(context.root / "tools")]}}}},
        "extra": {
            "lang": context.lang,
            "other": context.other,
            "other_name": {"en": "English", "zh": "中文"}[context.other],
            "areas": areas,
            "sections": [{"id": name, "title": context.say(word)} for name, word in SECTIONS.items()],
            "more": [{"id": name, "title": context.say(word)} for name, word in MORE.items() if present(name)]
            + [{"id": name, "title": escape(title)} for name, title in written.items() if name not in SECTIONS],
            "url": url,
            "base": url or LOCAL,
            "words": {key.replace("-", "_"): say(context.lang, key) for key in TEMPLATE_WORDS},
        },
    }


def hand_written(root: Path, lang: str) -> dict[str, str]:
    """The pages written by hand: their titles by their names, in the order of the names."""
    found = {}
    for path in sorted((root / "docs" / lang).glob("*.md")):
        title = re.search(r"\A---\n(?:.*\n)*?title: *(.+)\n(?:.*\n)*?---\n", path.read_text("utf-8"))
        found[path.stem] = title[1].strip().strip("\"'") if title else path.stem
    return found


def write_configuration(path: Path, values: Mapping[str, Any]) -> None:
    """Write a configuration as JSON, which is YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", "utf-8")
