"""CSL-JSON items against the part of the CSL data schema that the export uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from dlatlas.catalog.load import load
from dlatlas.catalog.model import Entry, Ids, Link, Text
from dlatlas.export.csl import TYPES, csl, item, name

ROOT = Path(__file__).resolve().parents[3]

TEXT = {"type": "string"}
SCHEMA: dict[str, Any] = {
    # After csl-data.json of the Citation Style Language schema 1.0.2, which allows no further properties either.
    "type": "array",
    "items": {
        "type": "object",
        "required": ["type", "id"],
        "additionalProperties": False,
        "properties": {
            "type": {
                "enum": [
                    "article", "article-journal", "article-magazine", "article-newspaper", "bill", "book", "broadcast", "chapter",
                    "classic", "collection", "dataset", "document", "entry", "entry-dictionary", "entry-encyclopedia", "event",
                    "figure", "graphic", "hearing", "interview", "legal_case", "legislation", "manuscript", "map", "motion_picture",
                    "musical_score", "pamphlet", "paper-conference", "patent", "performance", "periodical",
                    "personal_communication", "post", "post-weblog", "regulation", "report", "review", "review-book", "software",
                    "song", "speech", "standard", "thesis", "treaty", "webpage",
                ]
            },
            "id": {"type": ["string", "number"]},
            "language": TEXT,
            "author": {"type": "array", "items": {"$ref": "#/$defs/name"}},
            "issued": {"$ref": "#/$defs/date"},
            "container-title": TEXT,
            "publisher": TEXT,
            "number": {"type": ["string", "number"]},
            "title": TEXT,
            "DOI": TEXT,
            "ISBN": TEXT,
            "URL": TEXT,
        },
    },
    "$defs": {
        "name": {
            "type": "object",
            "additionalProperties": False,
            "anyOf": [{"required": ["family"]}, {"required": ["literal"]}],
            "properties": {"family": TEXT, "given": TEXT, "non-dropping-particle": TEXT, "literal": TEXT},
        },
        "date": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "date-parts": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 2,
                    "items": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": ["string", "number"]}},
                }
            },
        },
    },
}  # fmt: skip


def test_the_schema_refuses() -> None:
    for wrong in ([{"id": "x"}], [{"id": "x", "type": "paper"}], [{"id": "x", "type": "book", "author": [{"given": "A"}]}]):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA)


def test_the_shipped_catalog_is_valid_and_complete() -> None:
    entries = load(ROOT).entries
    items = csl(entries)
    jsonschema.validate(items, SCHEMA)
    assert [one["id"] for one in items] == [entry.id for entry in entries]
    assert all(one["title"] for one in items)


def test_a_paper() -> None:
    entry = Entry(
        id="x",
        type="paper",
        title=Text(zh="译名", en="Title"),
        lang="en",
        authors=("Laurens van der Maaten", "Yann LeCun", "周志华", "OpenAI", "Martin King, Jr."),
        date="2008-11",
        venue="Journal of Machine Learning Research 9",
        ids=Ids(arxiv="1412.6980", doi="10.1/x"),
        links=(Link("https://example.org/gone", dead="2020"), Link("https://example.org/x")),
        topics=("t",),
    )
    assert item(entry) == {
        "id": "x",
        "type": "article-journal",
        "title": "Title",
        "author": [
            {"family": "Maaten", "given": "Laurens", "non-dropping-particle": "van der"},
            {"family": "LeCun", "given": "Yann"},
            {"literal": "周志华"},
            {"literal": "OpenAI"},
            {"literal": "Martin King, Jr."},
        ],
        "issued": {"date-parts": [[2008, 11]]},
        "container-title": "Journal of Machine Learning Research 9",
        "DOI": "10.1/x",
        "URL": "https://example.org/x",
        "language": "en",
    }


@pytest.mark.parametrize(
    ("venue", "arxiv", "kind"),
    [("ICML 2015", "1502.03167", "paper-conference"), (None, "1502.03167", "article"), (None, None, "document")],
)
def test_kinds_of_papers(venue: str | None, arxiv: str | None, kind: str) -> None:
    entry = Entry(id="x", type="paper", title=Text(en="T"), lang="en", venue=venue, ids=Ids(arxiv=arxiv), topics=("t",))
    assert item(entry)["type"] == kind
    assert item(entry).get("number") == ("arXiv:1502.03167" if kind == "article" else None)


@pytest.mark.parametrize("type", TYPES)
def test_other_types(type: Any) -> None:
    jsonschema.validate([item(Entry(id="x", type=type, title=Text(zh="题"), lang="zh", topics=("t",)))], SCHEMA)


def test_names_with_marks() -> None:
    assert name("Jürgen Schmidhuber") == {"family": "Schmidhuber", "given": "Jürgen"}
    assert name("Jean-Baptiste d'Alembert") == {"family": "d'Alembert", "given": "Jean-Baptiste"}
