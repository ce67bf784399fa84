"""``dlatlas add``: a work that the catalog lacks."""

from __future__ import annotations

import argparse
import sys
from datetime import date

from dlatlas.cli.output import nearest
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Exits 1 where the catalog has the work already. Facts come from arXiv, Crossref and GitHub."
    parser.add_argument("work", metavar="WORK", help="an address, arXiv id, DOI, ISBN or owner/repo")
    parser.add_argument("--topic", help="home topic of the entry")
    parser.add_argument("--offline", action="store_true", help="ask nobody; draft from the identifier alone")
    parser.add_argument("--write", action="store_true", help="append the draft to the topic's entries.yml; needs --topic")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from dlatlas.catalog import add
    from dlatlas.catalog.lint.identity import keys_of
    from dlatlas.catalog.load import read
    from dlatlas.catalog.metadata import LookupFailed, look_up

    root = find_root(args.root)
    loaded = read(root)
    topics = loaded.catalog.topic_by_id()
    if args.topic and args.topic not in topics:
        print(f"dlatlas: no topic {args.topic!r}{nearest(args.topic, topics)}", file=sys.stderr)
        return 2
    if args.write and not args.topic:
        print("dlatlas: --write needs --topic", file=sys.stderr)
        return 2
    key = add.key_of(args.work)
    facts = None
    found = add.holders(loaded.catalog, [key])
    if not found:
        if args.offline:
            print("dlatlas: offline: fill in what the draft lacks", file=sys.stderr)
        else:
            try:
                if (facts := look_up(key)) is None:
                    print("dlatlas: no service knows this kind of address: fill in what the draft lacks", file=sys.stderr)
            except LookupFailed as error:
                print(f"dlatlas: {error}\ndlatlas: fill in what the draft lacks", file=sys.stderr)
        entry = add.draft(loaded.catalog, args.work, facts, args.topic, date.today())
        found = add.holders(loaded.catalog, keys_of(entry))
    if found:
        for one in found:
            origin = loaded.origins["entry", one.id]
            print(f"{origin.file}:{origin.line()}: {one.id} is this work")
        return 1
    for other in add.namesakes(loaded.catalog, entry):
        origin = loaded.origins["entry", other.id]
        print(f"dlatlas: {other.id} at {origin.file}:{origin.line()} has the same title: perhaps it is this work", file=sys.stderr)
    print(add.rendered(entry), end="")
    if args.write:
        print(f"added to {add.insert(root, loaded.catalog, entry)}", file=sys.stderr)
    return 0
