"""``dlatlas export``: the catalog in the formats of other programs."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path

from dlatlas.catalog.load import load
from dlatlas.catalog.model import Catalog, Entry
from dlatlas.cli.output import nearest
from dlatlas.root import find_root

FORMATS = {
    "bibtex": "BibTeX records",
    "csl": "CSL-JSON",
    "json": "the whole catalog as it is stored",
    "atom": "a feed of what was added",
    "opensearch": "a bulk request with the documents of the search, topics and methods too",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("format", choices=list(FORMATS), help="; ".join(f"{name}: {what}" for name, what in FORMATS.items()))
    parser.add_argument("--topic", help="only the entries of this topic")
    parser.add_argument("--type", help="only entries of this type, such as paper")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write to this file (default: print)")
    opensearch = parser.add_argument_group("opensearch")
    opensearch.add_argument("--index", metavar="NAME", type=_index, help="name of the index (default: dlatlas)")
    opensearch.add_argument("--definition", action="store_true", help="instead, the body of the request that creates the index")
    parser.set_defaults(run=run, fail=parser.error)


def run(args: argparse.Namespace) -> int:
    if args.format != "opensearch" and (args.index is not None or args.definition):
        args.fail("--index and --definition belong to the format opensearch")
    catalog = load(find_root(args.root))
    if args.topic and args.topic not in catalog.topic_by_id():
        print(f"dlatlas: no topic {args.topic!r}{nearest(args.topic, catalog.topic_by_id())}", file=sys.stderr)
        return 1
    parts, anything = _documents(catalog, args) if args.format == "opensearch" else _entries(catalog, args)
    if args.out:
        from dlatlas.files import write_atomically

        try:
            write_atomically(args.out, parts)
        except OSError as error:
            print(f"dlatlas: cannot write {args.out}: {error.strerror}", file=sys.stderr)
            return 2
    else:
        sys.stdout.writelines(parts)
    return 0 if anything else 1


def _index(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,254}", text):
        raise argparse.ArgumentTypeError(f"expected lower-case letters, digits, '_', '.' and '-', got {text!r}")
    return text


def _documents(catalog: Catalog, args: argparse.Namespace) -> tuple[Iterable[str], bool]:
    from dlatlas.export import opensearch

    if args.definition:
        return [_json(opensearch.definition(catalog))], True
    lines = opensearch.bulk(catalog, args.index or opensearch.INDEX, topic=args.topic, type=args.type)
    first = list(islice(lines, 1))
    return chain(first, lines), bool(first)


def _entries(catalog: Catalog, args: argparse.Namespace) -> tuple[Iterable[str], bool]:
    entries = [entry for entry in catalog.entries if args.topic in (None, *entry.topics) and args.type in (None, entry.type)]
    return [exported(catalog, entries, args.format)], bool(entries)


def exported(catalog: Catalog, entries: Sequence[Entry], format: str) -> str:
    """Some entries of a catalog in one of the formats; json holds the topics and areas too."""
    if format == "bibtex":
        from dlatlas.export.bibtex import bibtex

        return bibtex(entries)
    if format == "atom":
        from dlatlas.export.atom import atom

        return atom(entries)
    if format == "csl":
        from dlatlas.export.csl import csl

        return _json(csl(entries))
    import msgspec

    return _json({**msgspec.to_builtins(catalog), "entries": msgspec.to_builtins(entries)})


def _json(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
