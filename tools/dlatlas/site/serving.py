"""``dlatlas site serve``: the built site, kept up to date while its sources are edited."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from dlatlas.site import preview
from dlatlas.site.build import build
from dlatlas.site.incremental import Incremental, topics_of
from dlatlas.site.preview import Bell

WATCHED = ("catalog", "docs", "evidence", "refimpl", "state", "mkdocs.yml", "CHANGELOG.md", "CONTRIBUTING.md", "CONTRIBUTING.zh.md")

PAUSE = 3.0
"""Seconds without a change before the whole site is built again."""


def serve(root: Path, port: int = 8000) -> None:
    """Build the site into ``root/site``, show it on the loopback address, and build again what changes.

    A topic's page follows its files within a second or two; the whole site is built again when the editing pauses.
    Open pages reload by themselves.

    Raises:
        CatalogError, BuildError: the first build failed.
        OSError: the port is taken.
    """
    site = root / "site"
    build(root, site)
    bell = Bell()
    watched = [root / name for name in WATCHED if (root / name).exists()]
    with Incremental(root, site) as pages:
        keeper = Keeper(root, site, pages, bell)
        threading.Thread(target=keeper.run, daemon=True).start()
        preview.show(site, watched, keeper.changed, port, bell)


class Keeper:
    """Decides what is built: a changed topic's page at once, the whole site after a pause."""

    def __init__(self, root: Path, site: Path, pages: Incremental, bell: Bell) -> None:
        self.root, self.site, self.pages, self.bell = root, site, pages, bell
        self.last: float | None = None  # time of the newest change that no whole build has seen
        self.recent: set[str] = set()  # topics changed since the running whole build began

    def changed(self, files: set[Path]) -> None:
        """Show what can be shown at once; a broken source is reported and the last good page stays."""
        topics = topics_of(self.root, files)
        if topics:
            start = time.perf_counter()
            self.recent |= topics
            if self._try(lambda: self.pages.update(topics)):
                print(f"site: {', '.join(sorted(topics))} in {time.perf_counter() - start:.1f} s", flush=True)
        self.last = time.monotonic()

    def run(self) -> None:
        """Build the whole site after each pause in the changes, for ever."""
        while True:
            time.sleep(0.2)
            if self.last is not None and time.monotonic() - self.last > PAUSE:
                self.last = None
                self.recent.clear()
                self._try(self.whole)

    def whole(self) -> None:
        """Build the whole site, and again the pages that changed meanwhile."""
        build(self.root, self.site)
        if self.recent:
            self.pages.update(self.recent)

    def _try(self, action: Callable[[], object]) -> bool:
        try:
            action()
        except (RuntimeError, ValueError, OSError) as error:
            print(error, file=sys.stderr, flush=True)
            return False
        self.bell.ring()
        return True
