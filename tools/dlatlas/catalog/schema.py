"""JSON Schema of the catalog's files, generated from the record types for editors.

``python -m dlatlas.catalog.schema`` or ``dlatlas lint --write-schema`` writes ``catalog/schema/*.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from dlatlas.catalog.model import Area, Entry, IgnoredLink, Term, Topic

FILES: dict[str, Any] = {
    "areas": list[Area],
    "topic": Topic,
    "entries": list[Entry],
    "glossary": list[Term],
    "ignore-links": list[IgnoredLink],
}
"""The type of each kind of file."""


def text(name: str) -> str:
    """The schema file of one kind of file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Deep Learning Atlas: {name}.yml",
        **msgspec.json.schema(FILES[name]),
    }
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def drifted(root: Path) -> list[str]:
    """Names of the schema files under ``root`` that are missing or out of date."""
    files = {name: _path(root, name) for name in FILES}
    return [name for name, path in files.items() if not path.is_file() or path.read_text("utf-8") != text(name)]


def write(root: Path) -> list[str]:
    """Write the schema files that are out of date, and return their names."""
    from dlatlas.evidence.store import write_json

    names = drifted(root)
    for name in names:
        write_json(_path(root, name), json.loads(text(name)))
    return names


def _path(root: Path, name: str) -> Path:
    return root / "catalog" / "schema" / f"{name}.json"


if __name__ == "__main__":
    from dlatlas.root import find_root

    for name in write(find_root()):
        print(f"wrote catalog/schema/{name}.json")
