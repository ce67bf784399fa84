"""Adopt new addresses: rewrite the links that have moved for good, and the ids that name the same place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from dlatlas.catalog.keys import canonical
from dlatlas.catalog.lint.addresses import is_web_address
from dlatlas.catalog.lint.identity import GITHUB, keys_of
from dlatlas.catalog.model import Catalog, Entry
from dlatlas.catalog.yamlread import Path_
from dlatlas.links.result import Result


@dataclass(frozen=True)
class Move:
    """A value of an entry that becomes another one; ``below`` is its path in the entry."""

    entry: str
    below: Path_
    old: str
    new: str


@dataclass(frozen=True)
class Refusal:
    """A link that has moved to where it cannot be followed."""

    entry: str
    old: str
    new: str
    why: str

    def __str__(self) -> str:
        return f"{self.entry}: {self.old} has moved to {self.new}: {self.why}"


def moves(catalog: Catalog, results: Mapping[str, Result]) -> tuple[list[Move], list[Refusal]]:
    """What to rewrite by the results of checks, and what not, because the new address is unfit or taken.

    Only ``links`` and ``ids`` change: ``source`` says where a link was found, and that stays true.
    """
    holder = {key: entry.id for entry in catalog.entries for key in keys_of(entry)}
    made: list[Move] = []
    refused: list[Refusal] = []
    for entry in catalog.entries:
        for i, link in enumerate(entry.links):
            result = results.get(link.url)
            if result is None or result.verdict != "moved" or result.final_url in (None, link.url):
                continue
            new = str(result.final_url)
            if why := _unfit(entry, link.url, new, holder):
                refused.append(Refusal(entry.id, link.url, new, why))
                continue
            holder[canonical(new)] = entry.id
            made.append(Move(entry.id, ("links", i, "url"), link.url, new))
            made += _ids(entry, link.url, new)
    return made, refused


def _unfit(entry: Entry, old: str, new: str, holder: Mapping[str, str]) -> str:
    """Why an address cannot be adopted, or nothing."""
    if not is_web_address(new) or urlsplit(new).scheme not in ("http", "https"):
        return "that is no http or https address"
    other = holder.get(canonical(new))
    if other is None or canonical(new) == canonical(old):
        return ""
    return "the entry has that link already" if other == entry.id else f"that is the address of {other}"


def _ids(entry: Entry, old: str, new: str) -> Iterable[Move]:
    """The GitHub id, where the link was the repository and still is one under a new name."""
    name = entry.ids.github
    renamed = urlsplit(new).path.strip("/").removesuffix(".git")
    same = name is not None and canonical(f"github:{name}") == canonical(old)
    if same and name is not None and GITHUB.fullmatch(renamed) and canonical(f"github:{renamed}") == canonical(new):
        yield Move(entry.id, ("ids", "github"), name, renamed)
