"""Write the site's sources: one tree of Markdown a language, and the MkDocs configuration that builds it.

Nothing here runs inside MkDocs: the trees are plain files that any Markdown site builder can take.
"""

from __future__ import annotations

import json
import os
import shutil
from html import escape
from pathlib import Path
from typing import Any

from dlatlas.catalog.model import Catalog
from dlatlas.evidence.store import Evidence, module_path
from dlatlas.site import listing
from dlatlas.site.context import Context, Page, load_bench
from dlatlas.site.strings import LANGUAGES, say
from dlatlas.site.topic import topic_page

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

SECTIONS = ("methods", "claims", "errata", "glossary", "verify")
"""The pages beside the areas, in the order of the navigation; ``verify`` is written by hand."""


def pages(context: Context) -> list[Page]:
    """Every generated page of one language."""
    lists = (listing.home_page, listing.methods_page, listing.claims_page, listing.errata_page, listing.glossary_page)
    found = [make(context) for make in lists]
    found += [listing.area_page(context, area) for area in context.catalog.areas]
    found += [topic_page(context, topic) for topic in context.catalog.topics]
    return found + listing.source_pages(context)


def generate(root: Path, work: Path, catalog: Catalog) -> dict[str, int]:
    """Write ``work/<lang>/`` and ``work/mkdocs.<lang>.yml``; the number of pages a language is returned."""
    evidence, bench = Evidence(root), load_bench(root)
    counts = {}
    for lang in LANGUAGES:
        context = Context(root, catalog, evidence, bench, lang)
        tree = work / lang
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(root / "docs" / lang, tree)
        shutil.copytree(root / "docs" / "assets", tree / "assets")
        found = pages(context)
        for page in found:
            _write(tree / page.address / "index.md", markdown(page))
            if "file" in page.meta and (source := module_path(root, page.title)) is not None:
                shutil.copyfile(source, tree / page.address / f"{source.name}.txt")
        _write(work / f"mkdocs.{lang}.yml", json.dumps(configuration(context, work), ensure_ascii=False, indent=1) + "\n")
        counts[lang] = len(list(tree.rglob("*.md")))
    return counts


def markdown(page: Page) -> str:
    """A page as Markdown with front matter; values there are HTML, since templates do not escape."""
    meta: dict[str, Any] = {"title": escape(page.title), "kind": page.kind, "address": page.address}
    if page.description:
        meta["description"] = escape(page.description.replace("$", "").replace("`", ""))
    if page.crumbs:
        meta["crumbs"] = [{"title": escape(title), "url": page.url(address)} for title, address in page.crumbs]
    meta |= page.meta
    front = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in meta.items())
    return f"---\n{front}\n---\n\n{page.body}\n"


def configuration(context: Context, work: Path) -> dict[str, Any]:
    """What a language adds to the base configuration (``mkdocs.yml`` in the root)."""

    def here(path: Path) -> str:
        return Path(os.path.relpath(path, work)).as_posix()

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
    nav += [{context.say(name): "verify.md" if name == "verify" else f"{name}/index.md"} for name in SECTIONS]
    return {
        "INHERIT": here(context.root / "mkdocs.yml"),
        "site_name": context.say("site"),
        "site_description": context.say("lead"),
        "docs_dir": context.lang,
        "site_dir": f"html/{context.lang}",
        "nav": nav,
        "not_in_nav": "/*",
        "theme": {"language": context.lang, "custom_dir": here(context.root / "docs" / "overrides")},
        "plugins": {"mkdocstrings": {"handlers": {"python": {"paths": [here(context.root)]}}}},
        "extra": {
            "lang": context.lang,
            "other": context.other,
            "other_name": {"en": "English", "zh": "中文"}[context.other],
            "areas": areas,
            "sections": [{"id": name, "title": context.say(name)} for name in SECTIONS],
            "words": {key.replace("-", "_"): say(context.lang, key) for key in TEMPLATE_WORDS},
        },
    }


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
