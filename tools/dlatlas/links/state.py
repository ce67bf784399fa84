"""What the runs found, in SQLite, written link by link: a run that was killed goes on where it was.

``links`` has the newest result of each link, ``history`` all of them. A run that did not finish is taken up by
the next one: what it found counts as found by that next run, and so never confirms itself.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any

from dlatlas.links.result import NO_HOST, Result

DAY = 86400.0

NO_HOST_DAYS = 2.0
"""How long a host must have had no address before its links count as gone."""

TABLES = """
CREATE TABLE IF NOT EXISTS runs(id INTEGER PRIMARY KEY, process INTEGER, started REAL, finished REAL);
CREATE TABLE IF NOT EXISTS links(
  url TEXT PRIMARY KEY, verdict TEXT, reason TEXT, status INTEGER, final_url TEXT, chain TEXT, confirmed INTEGER, temporary INTEGER,
  detail TEXT, checked_at REAL, elapsed REAL, agree INTEGER, since REAL, etag TEXT, modified TEXT, run INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history(
  url TEXT, checked_at REAL, verdict TEXT, reason TEXT, status INTEGER, final_url TEXT, run INTEGER, PRIMARY KEY(url, checked_at)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_age ON links(checked_at);
PRAGMA user_version = 2
"""

PATIENCE = 30.0
"""Seconds to wait for another process that holds the file."""

NAMES = tuple(field.name for field in fields(Result))
COLUMNS = ", ".join(NAMES)
CHAIN = NAMES.index("chain")


class State:
    """The stored results, under ``state/`` in the root or, where that cannot be written, in the user's cache.

    Several processes may hold it open and write. Use it in the thread that made it.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / "state" / "links.db"
        try:
            self._database = self._open()
        except (OSError, sqlite3.OperationalError) as error:
            if _is_busy(error):
                raise
            from dlatlas.files import cache_folder

            self.path = cache_folder() / "links.db"
            self._database = self._open()
        self._run: int | None = None

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.path, isolation_level=None, timeout=PATIENCE)
        _share(database)
        database.execute("PRAGMA synchronous = NORMAL")
        with _Transaction(database):  # of several that open a new file at once, the others must not see it half made
            if database.execute("PRAGMA user_version").fetchone()[0] == 0:
                database.execute("DROP TABLE IF EXISTS links")  # the first format, which said little
            for statement in TABLES.split(";"):
                database.execute(statement)
        return database

    def begin(self) -> int:
        """Start a run, or take up one of the last day whose process died before it was done; returns its number."""
        with self._writing():
            row = self._database.execute(
                "SELECT id, process FROM runs WHERE finished IS NULL AND started > ? ORDER BY id DESC LIMIT 1", (time() - DAY,)
            ).fetchone()
            if row is not None and not _alive(row[1]):
                self._run = int(row[0])
                self._database.execute("UPDATE runs SET process = ? WHERE id = ?", (os.getpid(), self._run))
            else:
                made = self._database.execute("INSERT INTO runs(process, started) VALUES (?, ?)", (os.getpid(), time()))
                self._run = int(made.lastrowid or 0)
        return self._run

    def finish(self) -> None:
        """Say that the run is done: the next one asks again for what was gone once."""
        self._database.execute("UPDATE runs SET finished = ? WHERE id = ?", (time(), self._run))
        self._run = None

    def fresh(self, max_age: float) -> dict[str, Result]:
        """The results younger than ``max_age`` days, but those of links gone once; and all of an unfinished run of the last day."""
        now = time()
        rows = self._database.execute(
            f"SELECT {COLUMNS} FROM links WHERE (checked_at > ? AND (verdict != 'gone' OR confirmed))"
            " OR run IN (SELECT id FROM runs WHERE finished IS NULL AND started > ?)",
            (now - max_age * DAY, now - DAY),
        )
        return {result.url: result for result in _results(rows)}

    def latest(self) -> Iterator[Result]:
        """The newest result of each link, by address."""
        return _results(self._database.execute(f"SELECT {COLUMNS} FROM links ORDER BY url"))

    def get(self, url: str) -> Result | None:
        """The newest result of one link."""
        return next(_results(self._database.execute(f"SELECT {COLUMNS} FROM links WHERE url = ?", (url,))), None)

    def history(self, url: str) -> list[Result]:
        """All results of a link, the newest first, as far as they are kept: address, time, verdict, reason, status and where it led."""
        rows = self._database.execute(
            "SELECT url, verdict, reason, status, final_url, checked_at FROM history WHERE url = ? ORDER BY checked_at DESC", (url,)
        )
        return [Result(*row[:5], checked_at=row[5]) for row in rows]

    def record(self, result: Result) -> Result:
        """Store a result; it comes back with what the earlier runs add to it (``agree``, ``since``, ``confirmed``)."""
        if self._run is None:
            self.begin()
        with self._writing():
            row = self._database.execute(f"SELECT {COLUMNS}, run FROM links WHERE url = ?", (result.url,)).fetchone()
            result = replace(result, checked_at=result.checked_at or time(), agree=1, confirmed=False)
            result = replace(result, since=result.checked_at)
            if row is not None:
                result = _agreed(result, next(_results([row[:-1]])), same_run=row[-1] == self._run)
            values = [getattr(result, name) for name in NAMES]
            values[CHAIN] = json.dumps(result.chain) if result.chain else ""
            marks = ", ".join("?" * (len(NAMES) + 1))
            self._database.execute(f"INSERT OR REPLACE INTO links({COLUMNS}, run) VALUES ({marks})", (*values, self._run))
            self._database.execute(
                "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?, ?)",
                (result.url, result.checked_at, result.verdict, result.reason, result.status, result.final_url, self._run),
            )
        return result

    def _writing(self) -> _Transaction:
        return _Transaction(self._database)

    def close(self) -> None:
        self._database.close()


def _share(database: sqlite3.Connection) -> None:
    """Let several processes read and write; SQLite itself does not wait here for one that is about to do the same."""
    end = monotonic() + PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or monotonic() > end:
                raise
        sleep(0.01)


def _is_busy(error: Exception) -> bool:
    """Whether another process holds the file; the low byte of SQLite's code says so."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


class _Transaction:
    """Takes the right to write at the start, so that what is read inside is still true when it is written."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._database.execute("COMMIT" if kind is None else "ROLLBACK")


def _agreed(result: Result, before: Result, *, same_run: bool) -> Result:
    """The result in the light of the one before it."""
    agree = before.agree + (not same_run)
    lasting = before.verdict == "gone" or result.checked_at - before.since >= NO_HOST_DAYS * DAY
    if result.reason == NO_HOST == before.reason and lasting:
        return replace(result, verdict="gone", agree=agree, since=before.since, confirmed=True)
    if (result.verdict, result.reason) == (before.verdict, before.reason):
        result = replace(result, agree=agree, since=before.since)
    gone_before = before.verdict == "gone" and (before.confirmed or not same_run)
    return replace(result, confirmed=result.verdict == "gone" and gone_before)


def _results(rows: Iterable[tuple[Any, ...]]) -> Iterator[Result]:
    """The results in rows of ``COLUMNS``, made without the checks of a frozen class: there may be a hundred thousand."""
    for row in rows:
        result = object.__new__(Result)
        values = result.__dict__
        values.update(zip(NAMES, row, strict=True))
        values["chain"] = tuple((url, status) for url, status in json.loads(row[CHAIN])) if row[CHAIN] else ()
        values["confirmed"], values["temporary"] = bool(values["confirmed"]), bool(values["temporary"])
        yield result


def _alive(process: int) -> bool:
    """Whether a process still runs on this machine."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
