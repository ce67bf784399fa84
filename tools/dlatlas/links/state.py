"""What earlier runs found, one row a link, written as each link is done: a killed run goes on where it was."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from time import time

from dlatlas.links.verdict import Result

TABLE = """CREATE TABLE IF NOT EXISTS links(
  url TEXT PRIMARY KEY, verdict TEXT, reason TEXT, status INTEGER, final_url TEXT, chain TEXT, confirmed INTEGER, checked REAL)"""


class State:
    """The stored results, under ``state/`` in the root or, where that cannot be written, in the user's cache."""

    def __init__(self, root: Path) -> None:
        self.path = root / "state" / "links.db"
        try:
            self._database = self._open()
        except (OSError, sqlite3.OperationalError):
            from platformdirs import user_cache_path

            self.path = user_cache_path("dlatlas") / "links.db"
            self._database = self._open()

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self.path, isolation_level=None, timeout=30)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(TABLE)
        return database

    def fresh(self, url: str, max_age_days: float) -> Result | None:
        """The stored result if it is young enough; a link that was gone once is always asked again."""
        row = self._database.execute("SELECT * FROM links WHERE url = ? AND checked > ?", (url, time() - max_age_days * 86400)).fetchone()
        if row is None or (row[1] == "gone" and not row[6]):
            return None
        chain = tuple((hop, status) for hop, status in json.loads(row[5]))
        return Result(row[0], row[1], row[2], row[3], row[4], chain, bool(row[6]))

    def store(self, result: Result) -> Result:
        """Write a result, and return it with ``confirmed`` set when it is gone and was gone before."""
        row = self._database.execute("SELECT verdict FROM links WHERE url = ?", (result.url,)).fetchone()
        confirmed = result.verdict == "gone" and row is not None and row[0] == "gone"
        result = Result(result.url, result.verdict, result.reason, result.status, result.final_url, result.chain, confirmed)
        values = (result.url, result.verdict, result.reason, result.status, result.final_url, json.dumps(result.chain), confirmed, time())
        self._database.execute("INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        return result

    def close(self) -> None:
        self._database.close()
