"""Find stored copies of links in the Wayback Machine, and ask it to store what it lacks.

One request at a time, with a rest between two; what was found is remembered, so that a run that
was stopped goes on where it was. The services answer strangers' questions about strangers' pages:
an address is taken from them only if it is a snapshot of the very page that was asked for.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep, time
from urllib.parse import quote, urljoin

from dlatlas.catalog.keys import canonical
from dlatlas.catalog.lint.addresses import is_web_address
from dlatlas.catalog.model import Catalog, Entry
from dlatlas.links.fetch import Answer, Request, ask
from dlatlas.links.options import Options
from dlatlas.links.result import Result
from dlatlas.links.schedule import wait_of
from dlatlas.links.transport import Client

SNAPSHOT = re.compile(r"https?://web\.archive\.org/web/(\d{4,14})(?:[a-z]{2}_)?/(\S+)")
TRIES = 5
AGAIN = 30 * 86400.0
"""Seconds after which a page of which there was no copy is asked for again."""


class ArchiveError(RuntimeError):
    """The archive could not be asked; the message says why."""


@dataclass(frozen=True)
class Archive:
    """The services and how they are asked, all times in seconds: between two requests, for one answer, for a page to be stored."""

    available: str = "https://archive.org/wayback/available"
    save: str = "https://web.archive.org/save/"
    pause: float = 1.0
    timeout: float = 30.0
    save_pause: float = 12.0
    save_timeout: float = 120.0
    longest_wait: float = 120.0
    allow_private: bool = False


@dataclass(frozen=True)
class Wanted:
    """A link whose copy is looked for: where it stands, and the day (20190701) to which the copy should be near."""

    entry: str
    index: int
    url: str
    near: str


@dataclass(frozen=True)
class Copy:
    """What came of it: the address of a copy, or None; ``saved`` when it was made for us, ``asked`` when it is still being made."""

    wanted: Wanted
    archive: str | None
    saved: bool = False
    asked: bool = False


def wanted(catalog: Catalog, results: Mapping[str, Result], *, every: bool = False) -> list[Wanted]:
    """Links without a copy that were found gone, or (with ``every``) all without one that are not shortened or private to us."""
    notes = _days_of_notes(catalog)
    return [
        Wanted(entry.id, i, link.url, _near(entry, notes))
        for entry in catalog.entries
        for i, link in enumerate(entry.links)
        if not link.archive
        and link.kind != "short"
        and link.url.startswith("http")
        and not SNAPSHOT.match(link.url)
        and (every or (link.url in results and results[link.url].verdict == "gone"))
    ]


def _days_of_notes(catalog: Catalog) -> dict[str, str]:
    """For each source note the date of the newest work that it names: it was written about then."""
    newest: dict[str, str] = {}
    for entry in catalog.entries:
        for line in entry.source:
            note = line.split(":")[0]
            newest[note] = max(newest.get(note, ""), entry.date or "")
    return newest


def _near(entry: Entry, notes: Mapping[str, str]) -> str:
    """The day to which a copy should be near: that of the work, of the note that names it, or of its entry, in the middle where vague."""
    written = max((notes.get(line.split(":")[0], "") for line in entry.source), default="")
    day = entry.date or written or entry.added or ""
    return (day + {4: "-07-01", 7: "-15"}.get(len(day), "")).replace("-", "")


class Memory:
    """What the archive said before, in the checker's database."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._database.execute("CREATE TABLE IF NOT EXISTS archives(url TEXT PRIMARY KEY, archive TEXT, asked_at REAL)")

    def get(self, url: str) -> tuple[bool, str | None]:
        """Whether the answer is known, and the copy's address."""
        row = self._database.execute("SELECT archive, asked_at FROM archives WHERE url = ?", (url,)).fetchone()
        known = row is not None and (row[0] is not None or row[1] > time() - AGAIN)
        return known, row[0] if known else None

    def put(self, url: str, archive: str | None) -> None:
        self._database.execute("INSERT OR REPLACE INTO archives VALUES (?, ?, ?)", (url, archive, time()))

    def close(self) -> None:
        self._database.close()


def copies(links: Iterable[Wanted], memory: Memory, archive: Archive, *, save: Iterable[str] = ()) -> Iterator[Copy]:
    """The copy of each link, as it is found; pages named in ``save`` that have none are stored.

    Raises:
        ArchiveError: the archive refuses or does not answer; what was found so far is remembered.
    """
    machine = _Machine(archive)
    to_save = set(save)
    try:
        for link in links:
            known, found = memory.get(link.url)
            if not known:
                found = machine.closest(link.url, link.near)
                memory.put(link.url, found)
            if found is None and link.url in to_save:
                found = machine.saved(link.url)
                if found:
                    memory.put(link.url, found)
                yield Copy(link, found, saved=found is not None, asked=found is None)
            else:
                yield Copy(link, found)
    finally:
        machine.close()


class _Machine:
    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._client = Client(Options(allow_private=archive.allow_private))
        self._rested_at = 0.0

    def closest(self, url: str, near: str) -> str | None:
        """The copy nearest to a day, or None.

        Raises:
            ArchiveError: there was no answer, or one that cannot be read.
        """
        question = f"{self._archive.available}?url={quote(url, safe='')}" + (f"&timestamp={near}" if near else "")
        answer = self._ask(Request(question), self._archive.pause, self._archive.timeout)
        try:
            found = json.loads(answer.text)["archived_snapshots"].get("closest", {})
            good = found.get("available") is True and str(found.get("status", "200")).startswith("2")
            return snapshot(str(found.get("url", "")), url) if good else None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ArchiveError(f"{question} answered {answer.text[:100]!r}, which is not what its documentation says") from error

    def saved(self, url: str) -> str | None:
        """Ask for a copy of a page; its address, or None where it is not told (then a later run finds it)."""
        question = self._archive.save + quote(url, safe=":/?&=%~+,;@!$'()*-._")
        answer = self._ask(Request(question), self._archive.save_pause, self._archive.save_timeout)
        told = (answer.headers.get("location"), answer.headers.get("content-location"))
        return next((found for place in told if place and (found := snapshot(urljoin("https://web.archive.org/", place), url))), None)

    def _ask(self, request: Request, pause: float, timeout: float) -> Answer:
        """Ask once the rest is over; wait and ask again where the archive wants that."""
        for refusals in range(TRIES):
            sleep(max(0.0, self._rested_at - monotonic()))
            answer = ask(self._client, request, timeout)
            self._rested_at = monotonic() + pause
            if answer.error is None and answer.status is not None and answer.status != 429 and answer.status < 500:
                return answer
            self._rested_at = monotonic() + max(pause, min(wait_of(answer, refusals), self._archive.longest_wait))
        raise ArchiveError(f"{request.url}: {answer.error or f'status {answer.status}'}, {TRIES} times; run the same command again later")

    def close(self) -> None:
        self._client.close()


def snapshot(address: str, url: str) -> str | None:
    """The https address of a snapshot, if ``address`` is one of the page ``url``."""
    found = SNAPSHOT.fullmatch(address)
    if found is None or not is_web_address(address) or canonical(found[2]) != canonical(url):
        return None
    return f"https://web.archive.org/web/{found[1]}/{found[2]}"
