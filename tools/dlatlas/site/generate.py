"""Write the site's sources: one tree of Markdown a language, and the MkDocs configuration that builds it.

Nothing here runs inside MkDocs: the trees are plain files that any Markdown site builder can take.
``python -m dlatlas.site.generate ROOT WORK LANGUAGE [--url URL]`` writes one language in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
from html import escape
from pathlib import Path
from typing import Any

from dlatlas.catalog.load import load
from dlatlas.catalog.model import Catalog
from dlatlas.evidence.store import Evidence, module_path
from dlatlas.site import link_tables, listing, measured, search_tables
from dlatlas.site.changes import changes_page
from dlatlas.site.configuration import configuration, write_configuration
from dlatlas.site.context import Context, Page, load_bench
from dlatlas.site.guide import guide_page
from dlatlas.site.home import home_page
from dlatlas.site.link_health import link_health_page
from dlatlas.site.methods import methods_page
from dlatlas.site.numbers import numbers_page
from dlatlas.site.reference import reference_page
from dlatlas.site.strings import LANGUAGES
from dlatlas.site.topic import topic_page

LISTS = (
    home_page,
    methods_page,
    listing.claims_page,
    listing.errata_page,
    listing.glossary_page,
    listing.timeline_page,
    link_health_page,
    numbers_page,
    changes_page,
    guide_page,
    reference_page,
)
"""What makes the pages that stand alone, in the order of the files' writing."""


def pages(context: Context) -> list[Page]:
    """Every generated page of one language."""
    found = [page for make in LISTS if (page := make(context)) is not None]
    found += [listing.area_page(context, area) for area in context.catalog.areas]
    found += [topic_page(context, topic) for topic in context.catalog.topics]
    return found + listing.source_pages(context)


def generate(root: Path, work: Path, catalog: Catalog, *, url: str | None = None) -> dict[str, int]:
    """Write ``work/<lang>/`` and ``work/mkdocs.<lang>.yml``; the number of pages a language is returned.

    ``url`` is the address under which the site will be found.
    """
    return {lang: generate_language(root, work, catalog, lang, url=url) for lang in LANGUAGES}


def generate_language(root: Path, work: Path, catalog: Catalog, lang: str, *, url: str | None = None) -> int:
    """Write ``work/<lang>/`` and ``work/mkdocs.<lang>.yml``; the number of pages is returned."""
    context = Context(root, catalog, Evidence(root), load_bench(root), lang)
    tree = work / lang
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(root / "docs" / lang, tree)
    measured.fill(context, tree / "search.md", search_tables.TABLES)
    measured.fill(context, tree / "links.md", link_tables.TABLES)
    shutil.copytree(root / "docs" / "assets", tree / "assets")
    for page in pages(context):
        write_page(tree, page)
        if "file" in page.meta and (source := module_path(root, page.title)) is not None:
            shutil.copyfile(source, tree / page.address / f"{source.name}.txt")
    write_configuration(work / f"mkdocs.{lang}.yml", configuration(context, work, url))
    return sum(1 for _ in tree.rglob("*.md"))


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


def write_page(tree: Path, page: Page) -> Path:
    """Write a page into a language's tree; its file is returned."""
    path = tree / page.address / "index.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(markdown(page), "utf-8")
    return path


def main() -> None:
    """Write one language; the number of its pages is printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("language", choices=LANGUAGES)
    parser.add_argument("--url")
    args = parser.parse_args()
    print(generate_language(args.root, args.work, load(args.root), args.language, url=args.url))


if __name__ == "__main__":
    main()
