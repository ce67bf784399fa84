"""Where the search index lives: one SQLite file for each catalog folder, in the user's cache folder.

It is built on first use and whenever a catalog file or the code of this package changed, in a
temporary file that is renamed into place, so that several processes may search and build at
once. A damaged file is built anew; where the cache cannot be written, the index lives in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dlatlas.files import cache_folder

TABLES = ("common.txt", "han.txt")
MODULES = ("build.py", "documents.py", "facets.py", "names.py", "spelling.py", "stems.py", "tables.py", "text.py")
CODE = [Path(__file__).with_name(name) for name in (*TABLES, *MODULES)]
"""What decides how the index is made."""

ABANDONED = 3600.0
"""Seconds after its last change at which a temporary file belongs to no build any more."""


def connect(root: Path) -> sqlite3.Connection:
    """The index of the catalog under ``root``, built if there is none that fits.

    Raises:
        CatalogError: the index had to be built and the catalog does not load.
    """
    if (found := _usable(path_of(root), root)) is not None:
        return found
    return rebuild(root)


def rebuild(root: Path) -> sqlite3.Connection:
    """Build the index anew and open it; in memory where the cache cannot be written."""
    stamp, content = _stamp(root), _content(root)  # before reading: an edit during the build makes the index stale, never wrong

    def fill(database: sqlite3.Connection) -> None:
        from dlatlas.catalog.load import load
        from dlatlas.search.build import build, source_of

        build(database, source_of(load(root)), {"stamp": stamp, "content": content})

    return write(path_of(root), fill)


def write(path: Path, fill: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """Have an empty database filled in a temporary file that then takes its place, and open it; in memory where that cannot be."""
    import tempfile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    except OSError:
        database = sqlite3.connect(":memory:")
        fill(database)
        return database
    os.close(handle)
    try:
        database = sqlite3.connect(name, isolation_level=None)
        try:
            fill(database)
        finally:
            database.close()
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return _open(path)


def _sweep(path: Path) -> None:
    """Remove what builds left that were killed."""
    for part in path.parent.glob(f"{path.name}*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > ABANDONED:
                part.unlink()


def path_of(root: Path) -> Path:
    """The index file of the catalog under ``root``."""
    return cache_folder() / f"search-{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.sqlite"


def marks(root: Path) -> dict[str, str]:
    """What an index must hold to count as made from the catalog under ``root`` as it is now."""
    return {"stamp": _stamp(root), "content": _content(root)}


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _usable(path: Path, root: Path) -> sqlite3.Connection | None:
    """The stored index when it fits the catalog; a catalog that was only touched keeps it."""
    if not path.is_file():
        return None
    database = None
    try:
        database = _open(path)
        meta = dict(database.execute("SELECT name, value FROM meta"))
        stamp = _stamp(root)
        if meta.get("stamp") == stamp:
            return database
        if meta.get("content") == _content(root):
            _restamp(path, stamp)
            return database
    except sqlite3.Error:
        pass
    if database is not None:
        database.close()
    return None


def _restamp(path: Path, stamp: str) -> None:
    try:
        with sqlite3.connect(path, timeout=0) as database:
            database.execute("UPDATE meta SET value = ? WHERE name = 'stamp'", (stamp,))
        database.close()
    except sqlite3.Error:
        pass  # another process does it, or the next call


def _files(root: Path) -> Iterator[tuple[str, str]]:
    """The files that the index is made from, as (name, path): the catalog's and the code's."""
    top = os.fspath(root / "catalog")
    yield from ((path.name, os.fspath(path)) for path in CODE)
    yield from sorted(
        (os.path.relpath(path := os.path.join(above, name), top), path)
        for above, _, names in os.walk(top)
        for name in names
        if name.endswith((".yml", ".yaml"))
    )


def _stamp(root: Path) -> str:
    """A hash of the files' names, sizes and times: cheap, and changed by any edit."""
    digest = hashlib.sha256()
    for _, path in _files(root):
        stat = os.stat(path)
        digest.update(os.fsencode(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n"))
    return digest.hexdigest()


def _content(root: Path) -> str:
    digest = hashlib.sha256()
    for name, path in _files(root):
        data = Path(path).read_bytes()
        digest.update(os.fsencode(f"{name}\0{len(data)}\0") + data)
    return digest.hexdigest()
