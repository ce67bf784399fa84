"""Draft an entry for a new work, and insert it into the file of its home topic."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from dlatlas.catalog.fmt import formatted
from dlatlas.catalog.keys import identify
from dlatlas.catalog.lint.addresses import is_web_address
from dlatlas.catalog.lint.identity import GITHUB, keys_of, plain
from dlatlas.catalog.metadata import Facts
from dlatlas.catalog.model import Catalog, Code, Entry, EntryType, Ids, Link, Text
from dlatlas.catalog.yamlread import parse_yaml
from dlatlas.files import write_atomically

LITTLE_WORDS = {"a", "an", "the", "of", "for", "in", "on", "with", "and", "to", "by", "from", "via", "using", "is", "are", "towards"}


class AddError(ValueError):
    """A work cannot be drafted or inserted; the message says why."""


def key_of(text: str) -> str:
    """The canonical key of an address, arXiv id, DOI, ISBN or ``owner/repo``.

    Raises:
        AddError: the text is none of these.
    """
    key = identify(text) or (identify(f"github:{text.strip()}") if GITHUB.fullmatch(text.strip()) else None)
    if key is None:
        raise AddError(f"expected an address, arXiv id, DOI, ISBN or owner/repo, got {text[:100]!r}")
    return key


def holders(catalog: Catalog, keys: Iterable[str]) -> list[Entry]:
    """The entries that hold one of these canonical keys already."""
    wanted = set(keys)
    return [entry for entry in catalog.entries if wanted & keys_of(entry).keys()]


def namesakes(catalog: Catalog, entry: Entry) -> list[Entry]:
    """Entries of the same type with one of the titles of ``entry``."""
    titles = _titles(entry)
    return [other for other in catalog.entries if other.type == entry.type and titles & _titles(other)]


def _titles(entry: Entry) -> set[str]:
    return {plain(title) for title in (entry.title.en, entry.title.zh) if title}


def draft(catalog: Catalog, text: str, facts: Facts | None, topic: str | None, today: date) -> Entry:
    """An entry with what is known: from the identifier alone, or with the facts of a service."""
    key = key_of(text)
    known = facts or Facts(type=_type(key), ids=_ids(key, text), code=Code("other") if key.startswith("github:") else None)
    links = tuple(_links(f"github:{known.ids.github}" if known.ids.github else key, text.strip()))
    for link in links:
        if not is_web_address(link.url):
            raise AddError(f"expected an http, https or ftp address, got {link.url[:200]!r}")
    title = known.title or (known.ids.github or links[0].url.split("://", 1)[-1].rstrip("/") if links else key)
    chinese = re.search(r"[\u4e00-\u9fff]", title) is not None
    entry = Entry(
        id="x",
        type=known.type,
        title=Text(zh=title) if chinese else Text(en=title),
        lang="zh" if chinese else "en",
        authors=known.authors,
        date=known.date,
        venue=known.venue,
        ids=known.ids,
        links=links,
        topics=(topic,) if topic else (),
        code=known.code,
        added=today.isoformat(),
    )
    return msgspec.structs.replace(entry, id=_free_id(catalog, _slug(entry, key)))


def _type(key: str) -> EntryType:
    kinds: dict[str, EntryType] = {
        "arxiv": "paper",
        "doi": "paper",
        "openreview": "paper",
        "github": "code",
        "isbn": "book",
        "youtube": "video",
    }
    return kinds.get(key.split(":")[0], "article")


def _ids(key: str, text: str) -> Ids:
    kind, _, name = key.partition(":")
    if kind == "github":
        if name.count("/") != 1:
            return Ids()
        written = re.search(re.escape(name), text, re.I)  # the key is in lower case
        name = written[0] if written else name
    return Ids(**{kind: name}) if kind in Ids.__struct_fields__ else Ids()


def _links(key: str, text: str) -> Iterable[Link]:
    kind, _, name = key.partition(":")
    if kind == "arxiv":
        yield Link(f"https://arxiv.org/abs/{name}", kind="abs")
    elif kind == "doi":
        yield Link(f"https://doi.org/{quote(name, safe='/:;()-._~')}")
    elif kind == "github":
        yield Link(f"https://github.com/{name}")
    elif kind == "openreview":
        yield Link(f"https://openreview.net/forum?id={name}")
    elif kind != "isbn":
        url = text if "://" in text else f"https://{text}"
        yield Link(url, kind="pdf" if re.search(r"\.pdf(?:[?#]|$)", url, re.I) else "page")


def _slug(entry: Entry, key: str) -> str:
    if entry.ids.github:
        return _latin(f"gh {entry.ids.github}")
    if entry.authors and entry.title.en:
        words = [word for word in re.findall(r"[a-z0-9]+", entry.title.en.lower()) if word not in LITTLE_WORDS]
        return _latin(" ".join([entry.authors[0].split()[-1], (entry.date or "")[:4], *words[:3]])) or _latin(key)
    return _latin(key)


def _latin(text: str) -> str:
    import unicodedata

    plain_text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "-".join(re.findall(r"[a-z0-9]+", plain_text.lower()))[:60].strip("-")


def _free_id(catalog: Catalog, slug: str) -> str:
    taken = {*catalog.entry_by_id(), *catalog.topic_by_id(), *(method.id for _, method in catalog.methods())}
    wanted = slug or "work"
    return next(name for name in (wanted, *(f"{wanted}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def rendered(entry: Entry) -> str:
    """An entry as it stands in entries.yml."""
    return formatted(json.dumps([_data(entry)], ensure_ascii=False), "entries.yml")


def _data(entry: Entry) -> dict[str, Any]:
    """The fields that are set, and the kind of every link."""
    links = [{"url": link.url, "kind": link.kind} for link in entry.links]
    return {**msgspec.json.decode(msgspec.json.encode(entry)), **({"links": links} if links else {})}


def insert(root: Path, catalog: Catalog, entry: Entry) -> Path:
    """Append an entry to the file of its home topic, atomically, and return the file.

    Raises:
        AddError: no area lists the topic, or the file is not a list of entries.
    """
    if not entry.topics or entry.home not in catalog.area_of():
        raise AddError(f"no area lists a topic {entry.home if entry.topics else ''!r}")
    path = root / "catalog" / catalog.area_of()[entry.home].id / entry.home / "entries.yml"
    text = path.read_text("utf-8") if path.exists() else ""
    before = parse_yaml(text)
    new = f"{text.rstrip()}\n\n{rendered(entry)}" if before.data else rendered(entry)
    after = parse_yaml(new)
    if before.errors or after.errors or after.data != [*(before.data or []), _data(entry)]:
        raise AddError(f"{path} is not a list of entries in block form; run dlatlas fmt and dlatlas lint")
    write_atomically(path, new)
    return path
