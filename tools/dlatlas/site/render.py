"""MkDocs on the Markdown of one language: ``python -m dlatlas.site.render CONFIGURATION FOLDER [--part N] [--strict]``.

MkDocs and its plugins keep every page as long as they run. A large tree is therefore built in parts, each by a process of its own,
so that memory does not grow with it: the lists and areas first, with as many topics as fit beside them, then the other topics.
Our pages link each other by their addresses, not through MkDocs, and the links of the whole site are checked when it is finished.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

PART = 400
"""Pages that are built at once."""


def prepare() -> None:
    """Import what every build needs, and let MkDocs say only what is wrong."""
    os.environ |= {"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    import mkdocs.commands.build  # noqa: F401
    import mkdocstrings  # noqa: F401
    import mkdocstrings_handlers.python  # noqa: F401

    logging.basicConfig(format="%(levelname)s: %(message)s", stream=sys.stdout)


def parts(pages: int) -> range:
    """The numbers of the parts of a tree of so many pages."""
    return range(max(1, -(-pages // PART)))


def render(configuration: Path, to: Path, *, part: int = 0, strict: bool = False) -> None:
    """Build a part of the tree of a configuration into the folder ``to``, the parts in their order; what is wrong is logged.

    Raises:
        SystemExit: a page cannot be built, or (with ``strict``) MkDocs warned.
    """
    from mkdocs.config import load_config

    tree = Path(load_config(str(configuration)).docs_dir)
    pages = sorted((path.relative_to(tree).as_posix() for path in tree.rglob("*.md")), key=lambda page: (page.count("/") > 1, page))
    chosen = set(pages[part * PART : (part + 1) * PART]) if len(pages) > PART else ()
    folder = to.with_name(f"{to.name}.part") if part else to
    _build(configuration, folder, strict, only=chosen, assets=not part)
    if part:
        _merge(folder, to)


def _build(configuration: Path, to: Path, strict: bool, *, only: Collection[str] = (), assets: bool = True) -> None:
    """Build a tree, or ``only`` some of its pages, with or without the files that stand beside pages."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.structure.files import Files

    def chosen(files: Files, **_: object) -> Files:
        return Files([file for file in files if (file.src_uri in only if file.is_documentation_page() else assets)])

    config = load_config(str(configuration), site_dir=str(to), strict=strict)
    if only:
        config.plugins.events["files"].append(chosen)
    if not assets:
        config.nav = None
    config.plugins.on_startup(command="build", dirty=False)
    try:
        build(config)
    finally:
        config.plugins.on_shutdown()


class Kept:
    """MkDocs kept ready for single pages: with its templates, and with what it has read of the modules."""

    def __init__(self, configuration: Path, to: Path) -> None:
        from mkdocs.config import load_config

        config = load_config(str(configuration), site_dir=str(to))
        config.plugins.on_startup(command="build", dirty=False)
        self.config = config.plugins.on_config(config)
        self.config.plugins.on_pre_build(config=self.config)
        self.env = self.config.theme.get_env()

    def build(self, page: str, extra: Mapping[str, Any]) -> None:
        """Build one page of the tree as MkDocs would all, with these values for the templates."""
        from mkdocs.commands.build import _build_page, _populate_page
        from mkdocs.structure.files import File, Files
        from mkdocs.structure.nav import get_navigation
        from mkdocs.structure.pages import Page

        self.config.extra.update(extra)
        file = File(page, self.config.docs_dir, self.config.site_dir, use_directory_urls=True)
        files = Files([file])
        nav = get_navigation(files, self.config)
        built = file.page or Page(None, file, self.config)
        _populate_page(built, self.config, files)
        env = self.config.plugins.on_env(self.env, config=self.config, files=files)
        _build_page(built, self.config, [file], nav, env)


def _merge(part: Path, to: Path) -> None:
    """Move the pages of a part to those that are there, and remove the part."""
    for page in part.rglob("*/index.html"):
        target = to / page.relative_to(part)
        target.parent.mkdir(parents=True, exist_ok=True)
        page.replace(target)
    shutil.rmtree(part)


def main() -> None:
    """Build as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configuration", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--strict", action="store_true")
    args = parser.parse_args()
    prepare()
    render(args.configuration, args.folder, part=args.part, strict=args.strict)


if __name__ == "__main__":
    main()
