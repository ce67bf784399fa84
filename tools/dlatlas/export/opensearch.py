"""The catalog for OpenSearch: the documents of the search as a bulk request, and the index that takes them.

The index needs the plugin ``analysis-icu`` and nothing else. Its analyzers do what ``dlatlas.search.text`` does:
``atlas`` folds case, accents and width, turns Traditional into Simplified characters and cuts words to their stems;
``atlas_query`` also widens a query by the synonyms of the glossary, topics and methods; ``atlas_name`` compares whole names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dlatlas.catalog.model import Catalog, Text
from dlatlas.search.documents import Document, documents
from dlatlas.search.names import synonyms

INDEX = "dlatlas"
"""Name of the index where none is given."""

FACETS = ("topic", "area", "level", "framework", "has")
"""Filters of the search that are stored under their own names; type, language and year stand apart."""

TEXTS = ("title", "aliases", "authors", "venue", "topics", "related", "note", "address")
"""The searched fields of a document, most telling first."""


def bulk(catalog: Catalog, index: str = INDEX, *, topic: str | None = None, type: str | None = None) -> Iterator[str]:
    """The lines of a bulk request, two a document: what to do, then the document."""
    for document in documents(catalog):
        if topic in (None, *document.topics) and type in (None, document.type):
            yield _line({"index": {"_index": index, "_id": _id(document)}})
            yield _line(source(document))


def source(document: Document) -> dict[str, Any]:
    """A document as it is stored; what is empty is left out."""
    facets = document.facets
    fields = {
        "id": document.id,
        "type": document.type,
        "lang": document.lang,
        **{name: list(facets.get(name, ())) for name in FACETS},
        "year": int(facets["year"][0]) if facets.get("year") else None,
        "prior": document.prior,
        "title": document.title,
        "urls": list(document.urls),
        "keys": sorted(document.keys),
        "names": list(dict.fromkeys(name for name, _ in document.names)),
        "text": {name: text for name in TEXTS if (text := document.fields.get(name))},
    }
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _id(document: Document) -> str:
    """An id that an entry, a topic and a method of one name do not share, as ``dlatlas show`` takes it."""
    kind = document.type if document.type in ("topic", "method") else "entry"
    return f"{kind}:{document.id}"


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"


def definition(catalog: Catalog) -> dict[str, Any]:
    """Body of the request that creates the index: analyzers with the catalog's synonyms, and the type of every field."""
    return {"settings": {"index": {"number_of_shards": 1}, "analysis": _analysis(catalog)}, "mappings": _mappings()}


def _analysis(catalog: Catalog) -> dict[str, Any]:
    folded = ["icu_folding", "atlas_simplified", "atlas_possessive"]
    return {
        "filter": {
            "atlas_simplified": {"type": "icu_transform", "id": "Traditional-Simplified"},
            "atlas_possessive": {"type": "stemmer", "language": "possessive_english"},
            "atlas_stem": {"type": "stemmer", "language": "english"},
            "atlas_synonyms": {"type": "synonym_graph", "lenient": True, "synonyms": [*_synonyms(catalog)]},
        },
        "analyzer": {
            "atlas": {"type": "custom", "tokenizer": "icu_tokenizer", "filter": [*folded, "atlas_stem"]},
            "atlas_query": {"type": "custom", "tokenizer": "icu_tokenizer", "filter": [*folded, "atlas_synonyms", "atlas_stem"]},
        },
        "normalizer": {"atlas_name": {"type": "custom", "filter": ["icu_folding", "atlas_simplified"]}},
    }


def _synonyms(catalog: Catalog) -> Iterator[str]:
    """Groups of expressions in the format of Solr; what it reads as a sign is escaped."""
    signs = str.maketrans({"\\": "\\\\", ",": "\\,", "=": "\\=", ">": "\\>", "#": "\\#"})
    for family in synonyms(catalog):
        group = dict.fromkeys(" ".join(text.split()).translate(signs) for text in family)
        if len(group) > 1:
            yield ", ".join(group)


def _mappings() -> dict[str, Any]:
    keyword = {"type": "keyword"}
    text = {"type": "text", "analyzer": "atlas", "search_analyzer": "atlas_query"}
    return {
        "dynamic": "strict",
        "properties": {
            **{name: keyword for name in ("id", "type", "lang", *FACETS, "keys")},
            "year": {"type": "short"},
            "prior": {"type": "float"},
            "title": {"properties": {name: {"type": "keyword", "index": False, "doc_values": False} for name in Text.__struct_fields__}},
            "urls": {"type": "keyword", "index": False, "doc_values": False},
            "names": {"type": "keyword", "normalizer": "atlas_name"},
            "text": {"properties": {name: text for name in TEXTS}},
        },
    }
