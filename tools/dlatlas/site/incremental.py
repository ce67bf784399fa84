"""Build the pages of single topics into a site that is already built, for its author's preview.

MkDocs runs in processes that stay, one a language, so that a page costs its own time and not that of a start.
What else shows the topic (its area, the home page, the search) follows with the next whole build.
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import TracebackType

from dlatlas.catalog.load import load
from dlatlas.evidence.store import Evidence
from dlatlas.site import node_tools
from dlatlas.site.configuration import configuration, write_configuration
from dlatlas.site.context import Context, Page, load_bench
from dlatlas.site.generate import write_page
from dlatlas.site.node_tools import BuildError
from dlatlas.site.render import prepare, render
from dlatlas.site.strings import LANGUAGES
from dlatlas.site.topic import topic_page

SOURCES = ("topic.yml", "entries.yml")
"""The files of a topic that its page is made of."""


def topics_of(root: Path, changed: Iterable[Path]) -> set[str] | None:
    """The topics whose own files these are, or None where another file is among them."""
    found = set()
    for path in changed:
        parts = path.relative_to(root).parts
        if len(parts) != 4 or parts[0] != "catalog" or parts[3] not in SOURCES or not path.exists():
            return None
        found.add(parts[2])
    return found


class Incremental:
    """Keeps the processes that build single pages of the checkout ``root`` into the site below ``site``."""

    def __init__(self, root: Path, site: Path) -> None:
        self.root, self.site = root.resolve(), site
        self.work = self.root / "build" / "preview"
        self.pool = ProcessPoolExecutor(len(LANGUAGES), multiprocessing.get_context("spawn"), _warm)
        for _ in LANGUAGES:
            self.pool.submit(_warm)

    def __enter__(self) -> Incremental:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.pool.shutdown(cancel_futures=True)

    def update(self, topics: Iterable[str]) -> list[str]:
        """Build the pages of these topics in every language and put them into the site; their addresses are returned.

        Raises:
            CatalogError: the catalog breaks its format.
            BuildError: a page could not be built.
        """
        wanted = sorted(topics)
        catalog, evidence, bench = load(self.root), Evidence(self.root), load_bench(self.root)
        contexts = [Context(self.root, catalog, evidence, bench, lang) for lang in LANGUAGES]
        missing = [name for name in wanted if name not in contexts[0].topics]
        if missing:
            raise BuildError(f"the catalog has no topic {', '.join(missing)}")
        pages = {context.lang: [topic_page(context, context.topics[name]) for name in wanted] for context in contexts}
        for job in [self.pool.submit(render, *self._prepare(context, pages[context.lang])) for context in contexts]:
            job.result()
        finishing = [self._place(context.lang, pages[context.lang]) for context in contexts]
        for process, drafts in finishing:
            if (output := process.communicate()[0]) and process.returncode:
                raise BuildError(output.strip())
            for draft in drafts:
                draft.replace(draft.with_name("index.html"))
        return [page.address for page in pages[LANGUAGES[0]]]

    def _prepare(self, context: Context, pages: Sequence[Page]) -> tuple[Path, Path]:
        """Write what MkDocs needs for these pages alone; its configuration and the folder for the HTML are returned."""
        tree = self.work / context.lang
        shutil.rmtree(tree, ignore_errors=True)
        for page in pages:
            write_page(tree, page)
        path = self.work / f"mkdocs.{context.lang}.yml"
        write_configuration(path, configuration(context, self.work) | {"nav": None})
        return path, self.work / "html" / context.lang

    def _place(self, lang: str, pages: Sequence[Page]) -> tuple[node_tools.Process, list[Path]]:
        """Copy the pages beside those that they will replace, and start what finishes them there."""
        drafts = []
        for page in pages:
            draft = self.site / lang / page.address / "index.draft.html"
            draft.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.work / "html" / lang / page.address / "index.html", draft)
            drafts.append(draft)
        return node_tools.start(node_tools.FOLDER / "finish.mjs", self.site / lang, *drafts), drafts


def _warm() -> None:
    """Import in a process of the pool what every page needs; an interrupt is the parent's to handle."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare()
