"""The search index: one SQLite file with an FTS5 table, kept in the user's cache folder.

It is built on first use and whenever a catalog file changed, in a temporary file that is
renamed into place, so that several processes may search and build at once. A damaged file
is built anew; where the cache cannot be written, the index lives in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable
from pathlib import Path

from dlatlas.files import cache_folder
from dlatlas.search.text import is_han, pairs, squash, tokens, units

FORMAT = "1"
"""Changes whenever the tables or the preparation of text change."""

FIELDS = {"title": 10.0, "aliases": 6.0, "authors": 5.0, "topics": 2.0, "note": 3.0, "other": 1.0}
"""The indexed fields and how much a hit in each counts."""

TABLES = f"""
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE docs(doc INTEGER PRIMARY KEY, id TEXT, type TEXT, lang TEXT, topics TEXT, shown TEXT);
CREATE TABLE names(name TEXT, doc INTEGER, bonus REAL);
CREATE TABLE keys(key TEXT, doc INTEGER);
CREATE TABLE synonyms(phrase TEXT, family INTEGER);
CREATE TABLE members(family INTEGER, match TEXT);
CREATE TABLE grams(gram TEXT, term TEXT);
CREATE VIRTUAL TABLE words USING fts5({", ".join(FIELDS)}, content='', tokenize="unicode61 remove_diacritics 0 tokenchars '+#'");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, row);
"""

INDEXES = """
CREATE INDEX names_name ON names(name);
CREATE INDEX keys_key ON keys(key);
CREATE INDEX synonyms_phrase ON synonyms(phrase);
CREATE INDEX members_family ON members(family);
CREATE INDEX grams_gram ON grams(gram);
CREATE INDEX docs_id ON docs(id);
"""


def connect(root: Path) -> sqlite3.Connection:
    """The index of the catalog under ``root``, built if there is none that fits.

    Raises:
        CatalogError: the index had to be built and the catalog does not load.
    """
    path = _path(root)
    if (found := _usable(path, root)) is not None:
        return found
    return rebuild(root)


def rebuild(root: Path) -> sqlite3.Connection:
    """Build the index anew and open it; in memory where the cache cannot be written."""
    path = _path(root)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    except OSError:
        database = sqlite3.connect(":memory:")
        _build(database, root)
        return database
    os.close(handle)
    try:
        database = sqlite3.connect(name)
        _build(database, root)
        database.close()
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return _open(path)


def _path(root: Path) -> Path:
    return cache_folder() / f"search-{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]}.sqlite"


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
        if meta.get("format") == FORMAT:
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


def _files(root: Path) -> list[Path]:
    return sorted((root / "catalog").rglob("*.yml"))


def _stamp(root: Path) -> str:
    """A hash of the catalog files' names, sizes and times: cheap, and changed by any edit."""
    digest = hashlib.sha256()
    for path in _files(root):
        stat = path.stat()
        digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _content(root: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(root):
        digest.update(path.relative_to(root).as_posix().encode(errors="surrogateescape") + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _build(database: sqlite3.Connection, root: Path) -> None:
    from dlatlas.catalog.load import load
    from dlatlas.search.documents import documents, synonyms

    stamp, content = _stamp(root), _content(root)  # before reading: an edit during the build makes the index stale, never wrong
    catalog = load(root)
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    database.executescript(TABLES)
    for number, document in enumerate(documents(catalog)):
        shown = {"id": document.id, "type": document.type, "title": document.title, "topics": document.topics, "urls": document.urls}
        row = (number, document.id, document.type, document.lang, f" {' '.join(document.topics)} ", json.dumps(shown, ensure_ascii=False))
        database.execute("INSERT INTO docs VALUES (?, ?, ?, ?, ?, ?)", row)
        database.execute(
            f"INSERT INTO words(rowid, {', '.join(FIELDS)}) VALUES (?{', ?' * len(FIELDS)})",
            (number, *(" ".join(tokens(document.fields.get(name, ""))) for name in FIELDS)),
        )
        names = {squash(name): bonus for name, bonus in reversed(document.names)}
        database.executemany("INSERT INTO names VALUES (?, ?, ?)", ((name, number, bonus) for name, bonus in names.items() if name))
        database.executemany("INSERT INTO keys VALUES (?, ?)", ((key, number) for key in document.keys))
    _add_synonyms(database, synonyms(catalog))
    for (term,) in database.execute("SELECT term FROM vocabulary WHERE length(term) > 3").fetchall():
        if not is_han(term) and not term.isdigit():
            database.executemany("INSERT INTO grams VALUES (?, ?)", ((gram, term) for gram in grams(term)))
    database.executescript(INDEXES)
    meta = {"format": FORMAT, "stamp": stamp, "content": content}
    database.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    database.execute("INSERT INTO words(words) VALUES ('optimize')")
    database.commit()


def _add_synonyms(database: sqlite3.Connection, families: Iterable[tuple[str, ...]]) -> None:
    for number, family in enumerate(families):
        phrases = {" ".join(units(text)): phrase(text) for text in family}
        phrases.pop("", None)
        if len(phrases) > 1:
            database.executemany("INSERT INTO synonyms VALUES (?, ?)", ((unit, number) for unit in phrases))
            database.executemany("INSERT INTO members VALUES (?, ?)", ((number, match) for match in sorted(set(phrases.values()))))


def phrase(text: str) -> str:
    """The FTS5 expression that finds the words of a text next to each other."""
    found = [token for unit in units(text) for token in (pairs(unit) if is_han(unit) else [unit])]
    return '"' + " ".join(found) + '"' if found else ""


def grams(term: str) -> set[str]:
    """Runs of three letters of a word with its ends marked."""
    marked = f"^{term}$"
    return {marked[i : i + 3] for i in range(len(marked) - 2)}
