"""The search of the site: the documents of ``dlatlas search`` and the site's other pages, as records of a static index.

The browser looks for the same prepared text as the command does: stems and Chinese pairs, made here by
``dlatlas.search.text`` and there by ``search-text.js`` from the same rules. What the command does by tables is written
into the records instead: the other expressions of a term stand behind it, names and addresses of a work are hashed words.
A record is for both languages; its path is below that of a language.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from dlatlas.catalog.model import Catalog, EntryType
from dlatlas.files import write_atomically
from dlatlas.search import match, rank, stems, text
from dlatlas.search.documents import Document, documents
from dlatlas.search.groups import SYNONYM
from dlatlas.search.names import shared, subjects, synonyms
from dlatlas.search.spelling import correctable
from dlatlas.search.stopwords import FUNCTION_RUNS, FUNCTION_WORDS
from dlatlas.site.page_text import PageText, read
from dlatlas.site.search_index import Record, write
from dlatlas.site.strings import LANGUAGES, say

PAGE = 0.5
"""What a word in the text of a page counts, beside one in a note."""

TYPES = (*get_args(EntryType), "topic", "method", "page")

Phrase = tuple[str, ...]


def rules(catalog: Catalog) -> dict[str, Any]:
    """What the browser needs to prepare and to rank: tables and expressions, in the notation that both languages share."""
    named = (name for group in (*synonyms(catalog), *((name,) for name, _, _ in subjects(catalog))) for name in group)
    characters, words, _ = text._han()
    return {
        "characters": {chr(code): plain for code, plain in characters.items()},
        "regional": words,
        "american": [[pattern.pattern, plain.replace("\\", "$")] for pattern, plain in stems.AMERICAN],
        "derived": [[pattern.pattern, plain.replace("\\", "$")] for pattern, plain in stems.DERIVED],
        "irregular": stems.IRREGULAR,
        "functionWords": sorted(FUNCTION_WORDS),
        "functionRuns": FUNCTION_RUNS.pattern,
        "names": sorted({word for name in named for word in text.words(name) if text.is_han(word) and len(word) > 1}),
        "documents": sum(1 for _ in documents(catalog)),
        "types": {lang: {name: say(lang, f"type-{name}") for name in TYPES} for lang in LANGUAGES},
        "points": rank.POINTS,
        "saturation": rank.SATURATION,
        "prior": rank.PRIOR,
        "withoutSmall": match.WITHOUT_SMALL,
    }


def vocabulary(catalog: Catalog) -> list[str]:
    """The Latin words of all documents as they are spelled, those of most documents first."""
    counts = Counter(
        word
        for document in documents(catalog)
        for word in {word for field in document.fields.values() for word in text.words(field) if word.isascii() and correctable(word)}
    )
    return [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if 2 < len(word) <= 40]


def records(site: Path, catalog: Catalog) -> Iterator[Record]:
    """All records. ``site`` holds the built pages."""
    expressions = _Expressions(catalog)
    areas = catalog.area_of()
    notes = _notes(catalog)
    modules = {method.id: method.object.partition(":")[0] for _, method in catalog.methods() if method.object}
    for document in documents(catalog):
        home = document.topics[0]
        path = f"{areas[home].id}/{home}/"
        if document.type == "method":
            page = (site / "en" / path / "index.html").read_text("utf-8")
            path += _anchor(page, document.id, modules.get(document.id, ""))
        elif document.type != "topic":
            path += f"#entry-{document.id}"
        kind = document.type if document.type in ("topic", "method") else "entry"
        meta = {"id": document.id, "type": document.type, "path": path, "prior": f"{document.prior:g}", **notes[kind, document.id]}
        titles = {"en": document.title.get("en", ""), "zh": document.title.get("zh", "")}
        other = next((title for title in document.title.values() if title), "")
        meta |= {"en": titles["en"] or other, "zh": titles["zh"] or other}
        yield Record(_filled(meta), document.facets, expressions.of(document))
    yield from map(_page, read(site))


def _anchor(page: str, method: str, module: str) -> str:
    """The place of a method on its topic's page: its code, its proof, or where it is said to be planned."""
    names = (f"code-{module.rpartition('.')[2]}", f"proof-{method}", "state")
    return next((f"#{name}" for name in names if f'id="{name}"' in page), "")


def _notes(catalog: Catalog) -> dict[tuple[str, str], dict[str, str]]:
    """What is said below the title of a document, by its kind and id."""
    notes: dict[tuple[str, str], dict[str, str]] = {}
    for topic in catalog.topics:
        notes["topic", topic.id] = {"note-en": _first(topic.summary.en), "note-zh": _first(topic.summary.zh)}
        for method in topic.methods:
            notes["method", method.id] = {"note-en": topic.title.en, "note-zh": topic.title.zh}
    for entry in catalog.entries:
        notes["entry", entry.id] = {"note-en": entry.note.en, "note-zh": entry.note.zh} if entry.note else {}
    return notes


def _first(summary: str) -> str:
    return summary.strip().split("\n\n")[0]


def _filled(meta: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in meta.items() if value}


def _page(pages: Mapping[str, PageText]) -> Record:
    meta = {"id": pages["en"].path, "type": "page", "path": pages["en"].path, "prior": "0"}
    meta |= {lang: page.title for lang, page in pages.items()} | {f"note-{lang}": page.description for lang, page in pages.items()}
    parts = [(rank.WEIGHTS["title"], text.tokens(page.title)) for page in pages.values()]
    parts += [(PAGE * rank.WEIGHTS["note"], text.tokens(page.text)) for page in pages.values()]
    return Record(_filled(meta), {"type": ("page",)}, parts)


class _Expressions:
    """Knows what else is said for a term, and by which names a topic is asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self.families: list[list[Phrase]] = []
        self.phrases: dict[Phrase, list[int]] = defaultdict(list)  # the families of each phrase
        self.lengths: dict[str, set[int]] = defaultdict(set)  # how long the phrases are that begin with a word
        self.names: dict[str, set[str]] = defaultdict(set)  # squashed names that mean the same
        terms = list(synonyms(catalog))
        elsewhere = shared(terms)
        for number, texts in enumerate(terms):
            family = list(dict.fromkeys(phrase for name in texts if (phrase := tuple(text.tokens(name)))))
            squashed = {name for name in map(text.squash, texts) if name}
            for name in squashed:
                self.names[name] |= set() if (number, name) in elsewhere else squashed - {name}
            for phrase in family if len(family) > 1 else ():
                self.phrases[phrase].append(len(self.families))
                self.lengths[phrase[0]].add(len(phrase))
            self.families.append(family)
        self.subjects: dict[str, list[str]] = defaultdict(list)
        for name, kind, value in subjects(catalog):
            if kind == "topic":
                self.subjects[value] += text.tokens(name)

    def of(self, document: Document) -> Iterator[tuple[float, list[str]]]:
        """The words of a document with their weights: its fields, other expressions, its topics, its names and addresses."""
        for field, content in document.fields.items():
            found = text.tokens(content)
            yield rank.WEIGHTS[field], found
            yield SYNONYM * rank.WEIGHTS[field], self._others(found)
        for topic in document.topics:
            yield rank.TAGS["home" if topic == document.topics[0] else "topic"], self.subjects[topic]
        marks: dict[str, float] = {}
        for name, bonus in document.names:
            squashed = text.squash(name)
            for other, share in ((squashed, 1.0), *((other, SYNONYM) for other in self.names[squashed])):
                marks[other] = max(marks.get(other, 0.0), share * bonus)
        for weight in sorted(set(marks.values())):
            yield weight / 100, [hashed("name", name) for name in marks if name and marks[name] == weight]
        yield 1.0, [hashed("key", key) for key in document.keys]

    def _others(self, found: list[str]) -> list[str]:
        others: list[str] = []
        seen: set[int] = set()
        for i, word in enumerate(found):
            for length in sorted(self.lengths.get(word, ())):
                phrase = tuple(found[i : i + length])
                for family in self.phrases.get(phrase, ()):
                    if family not in seen:
                        seen.add(family)
                        others += [token for other in self.families[family] if other != phrase for token in other]
        return others


def hashed(kind: str, name: str) -> str:
    """A word that stands for a whole name or address (FNV-1a of its UTF-8, as in ``search-text.js``)."""
    value = 0x811C9DC5
    for byte in f"{kind}:{name}".encode("utf-8", "replace"):
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{kind}0{value:08x}"


def prepare(site: Path, catalog: Catalog) -> None:
    """Write the index and the browser's tables into ``site/search``; the pages are already there."""
    write_atomically(site / "search/rules.json", json.dumps(rules(catalog), ensure_ascii=False, separators=(",", ":")))
    write_atomically(site / "search/words.txt", " ".join(vocabulary(catalog)))
    write(records(site, catalog), site / "search")
