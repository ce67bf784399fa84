"""The static index of the site's search: files of which a browser fetches those that a query needs.

``index.json``: the first word of each file of words. ``words/N.bin``: a line of JSON with each word and the bytes of its
occurrences, then these bytes (see :class:`_Occurrences`). ``shown/N.json``: what is shown of :data:`TOGETHER` records.
``filters/NAME.json``: the numbers of the records that have each value. ``search-index.js`` reads them.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FULL = 32_768
"""Bytes at which a file of words is full."""

TOGETHER = 8
"""Records in a file of what is shown."""

STEPS = 12
"""Steps in which a strength is stored from one to the next power of two."""


@dataclass(frozen=True)
class Record:
    """What the search may find: what is shown of it, its values for filters, and its words with the strength of each occurrence."""

    shown: Mapping[str, str]
    facets: Mapping[str, Iterable[str]]
    parts: Iterable[tuple[float, Iterable[str]]]


def write(records: Iterable[Record], folder: Path) -> int:
    """Write the index of some records, which are numbered in their order, into a new folder; how many they are is returned."""
    for name in ("words", "shown", "filters"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    occurrences: defaultdict[str, _Occurrences] = defaultdict(_Occurrences)
    filters: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    shown: list[Mapping[str, str]] = []
    number = -1
    for number, record in enumerate(records):
        for word, places in _places(record).items():
            occurrences[word].add(number, places)
        for name, values in record.facets.items():
            for value in values:
                filters[name][value].append(number)
        shown.append(record.shown)
        if len(shown) == TOGETHER:
            _json(folder / f"shown/{number // TOGETHER}.json", shown)
            shown = []
    if shown:
        _json(folder / f"shown/{number // TOGETHER}.json", shown)
    for name, found in filters.items():
        _json(folder / f"filters/{name}.json", found)
    firsts = _words(folder / "words", occurrences)
    _json(folder / "index.json", {"together": TOGETHER, "steps": STEPS, "filters": list(filters), "words": firsts})
    return number + 1


class _Occurrences:
    """Of one word, as bytes: for each record the distance from the one before and how many occurrences; for each of these the
    distance from the one before in numbers of seven bits a byte, and the strength in one byte."""

    __slots__ = ("bytes", "last")

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.last = 0

    def add(self, record: int, places: list[tuple[int, int]]) -> None:
        _number(self.bytes, record - self.last)
        _number(self.bytes, len(places))
        self.last = record
        before = 0
        for place, strength in places:
            _number(self.bytes, place - before)
            self.bytes.append(strength)
            before = place


def _places(record: Record) -> dict[str, list[tuple[int, int]]]:
    """Where in a record each word stands and with what strength; between two parts is a gap, so that no phrase reaches over it."""
    places: dict[str, list[tuple[int, int]]] = {}
    at = 0
    for strength, words in record.parts:
        step = min(255, max(0, 128 + round(STEPS * math.log2(strength))))
        for word in words:
            places.setdefault(word, []).append((at, step))
            at += 1
        at += 1
    return places


def _number(to: bytearray, value: int) -> None:
    while value > 127:
        to.append(value & 127 | 128)
        value >>= 7
    to.append(value)


def _words(folder: Path, occurrences: Mapping[str, _Occurrences]) -> list[str]:
    """Write the files of words, sorted as JavaScript compares strings; the first word of each is returned."""
    firsts: list[str] = []
    group: list[str] = []
    size = 0
    for word in [*sorted(occurrences, key=lambda word: word.encode("utf-16-be")), None]:
        if group and (word is None or size + len(occurrences[word].bytes) > FULL):
            head = json.dumps([[one, len(occurrences[one].bytes)] for one in group], ensure_ascii=False, separators=(",", ":"))
            content = b"".join(bytes(occurrences[one].bytes) for one in group)
            (folder / f"{len(firsts)}.bin").write_bytes(head.encode() + b"\n" + content)
            firsts.append(group[0])
            group, size = [], 0
        if word is not None:
            group.append(word)
            size += len(occurrences[word].bytes) + len(word)
    return firsts


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), "utf-8")
