"""``dlatlas export``: the catalog in the formats of other programs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dlatlas.catalog.load import load
from dlatlas.catalog.model import Catalog, Entry
from dlatlas.cli.output import nearest
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "format",
        choices=["bibtex", "csl", "json", "atom"],
        help="bibtex: BibTeX records; csl: CSL-JSON; json: the whole catalog as it is stored; atom: a feed of what was added",
    )
    parser.add_argument("--topic", help="only the entries of this topic")
    parser.add_argument("--type", help="only entries of this type, such as paper")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write to this file (default: print)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    catalog = load(find_root(args.root))
    if args.topic and args.topic not in catalog.topic_by_id():
        print(f"dlatlas: no topic {args.topic!r}{nearest(args.topic, catalog.topic_by_id())}", file=sys.stderr)
        return 1
    entries = [entry for entry in catalog.entries if args.topic in (None, *entry.topics) and args.type in (None, entry.type)]
    text = exported(catalog, entries, args.format)
    if args.out:
        from dlatlas.files import write_atomically

        try:
            write_atomically(args.out, text)
        except OSError as error:
            print(f"dlatlas: cannot write {args.out}: {error.strerror}", file=sys.stderr)
            return 2
    else:
        print(text, end="")
    return 0 if entries else 1


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
