"""``dlatlas export``: the catalog in the formats of other programs."""

from __future__ import annotations

import argparse

from dlatlas.catalog.load import load
from dlatlas.cli.output import print_json
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("format", choices=["bibtex", "json"], help="bibtex: every entry; json: the whole catalog as it is stored")
    parser.add_argument("--topic", help="only the entries of this topic")
    parser.add_argument("--type", help="only entries of this type, such as paper")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    catalog = load(find_root(args.root))
    entries = [entry for entry in catalog.entries if args.topic in (None, *entry.topics) and args.type in (None, entry.type)]
    if args.format == "bibtex":
        from dlatlas.export.bibtex import bibtex

        print(bibtex(entries), end="")
    else:
        import msgspec

        print_json({**msgspec.to_builtins(catalog), "entries": msgspec.to_builtins(entries)})
    return 0 if entries else 1
