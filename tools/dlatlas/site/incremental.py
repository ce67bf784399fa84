"""Build the pages of single topics into a site that is already built, for its author's preview.

MkDocs runs in processes that stay, one a language, so that a page costs its own time and not that of a start.
What else shows the topic (its area, the home page, the search) follows with the next whole build.
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from dlatlas.catalog.load import load
from dlatlas.evidence.store import Evidence
from dlatlas.site import node_tools
from dlatlas.site.configuration import configuration, write_configuration
from dlatlas.site.context import Context, load_bench
from dlatlas.site.generate import write_page
from dlatlas.site.node_tools import BuildError
from dlatlas.site.preview import snapshot
from dlatlas.site.render import Kept, prepare
from dlatlas.site.strings import LANGUAGES
from dlatlas.site.topic import topic_page

SOURCES = ("topic.yml", "entries.yml")
"""The files of a topic that its page is made of."""

LASTING = ("docs/overrides", "mkdocs.yml", "refimpl")
"""What MkDocs reads once: when it changes, MkDocs starts anew."""


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
        context = multiprocessing.get_context("spawn")
        self.pools = {lang: ProcessPoolExecutor(1, context, _warm, (self.root, self.work, lang)) for lang in LANGUAGES}
        for pool in self.pools.values():
            pool.submit(_nothing)

    def __enter__(self) -> Incremental:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for pool in self.pools.values():
            pool.shutdown(cancel_futures=True)

    def update(self, topics: Iterable[str]) -> list[str]:
        """Build the pages of these topics in every language and put them into the site; their addresses are returned.

        Raises:
            CatalogError: the catalog breaks its format.
            BuildError: a page could not be built.
        """
        wanted = sorted(topics)
        catalog = load(self.root)  # the processes find what it keeps
        areas = catalog.area_of()
        if missing := [name for name in wanted if name not in areas]:
            raise BuildError(f"the catalog has no topic {', '.join(missing)}")
        addresses = [f"{areas[name].id}/{name}/" for name in wanted]
        jobs = {lang: pool.submit(_build, wanted) for lang, pool in self.pools.items()}
        finishing = []
        for lang, job in jobs.items():
            job.result()
            finishing.append(self._place(lang, addresses))
        for process, drafts in finishing:
            if (output := process.communicate()[0]) and process.returncode:
                raise BuildError(output.strip())
            for draft in drafts:
                draft.replace(draft.with_name("index.html"))
        return addresses

    def _place(self, lang: str, addresses: Iterable[str]) -> tuple[node_tools.Process, list[Path]]:
        """Copy the pages beside those that they will replace, and start what finishes them there."""
        drafts = []
        for address in addresses:
            draft = self.site / lang / address / "index.draft.html"
            draft.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.work / "html" / lang / address / "index.html", draft)
            drafts.append(draft)
        return node_tools.start(node_tools.FOLDER / "finish.mjs", self.site / lang, *drafts), drafts


class _Worker:
    """Builds the pages of one language in a process that stays."""

    def __init__(self, root: Path, work: Path, lang: str) -> None:
        self.root, self.work, self.lang = root, work, lang
        self.kept: tuple[object, Kept] | None = None
        self.build([topic.id for topic, method in load(root).methods() if method.object][:1])  # so that the first page is not slow

    def build(self, topics: Sequence[str]) -> None:
        """Write the pages of topics as Markdown and as HTML."""
        context = self._context()
        configured = self._configured(context)
        for topic in topics:
            page = topic_page(context, context.topics[topic])
            source = write_page(self.work / self.lang, page)
            self._mkdocs(configured).build(source.relative_to(self.work / self.lang).as_posix(), configured["extra"])

    def _context(self) -> Context:
        return Context(self.root, load(self.root), Evidence(self.root), load_bench(self.root), self.lang)

    def _configured(self, context: Context) -> dict[str, Any]:
        (self.work / self.lang).mkdir(parents=True, exist_ok=True)
        return configuration(context, self.work) | {"nav": None}

    def _mkdocs(self, configured: Mapping[str, Any]) -> Kept:
        """MkDocs as it is, or a new one where the templates or the modules have changed."""
        seen = snapshot([self.root / name for name in LASTING])
        if self.kept is None or self.kept[0] != seen:
            path = self.work / f"mkdocs.{self.lang}.yml"
            write_configuration(path, configured)
            self.kept = seen, Kept(path, self.work / "html" / self.lang)
        return self.kept[1]


_worker: _Worker | None = None


def _warm(root: Path, work: Path, lang: str) -> None:
    """Make a process ready; an interrupt is the parent's to handle."""
    import signal

    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare()
    _worker = _Worker(root, work, lang)


def _nothing() -> None:
    """Makes a process start."""


def _build(topics: Sequence[str]) -> None:
    if _worker is not None:
        _worker.build(topics)
