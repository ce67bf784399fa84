"""``dlatlas topics``."""

from __future__ import annotations

import argparse

from dlatlas.catalog.load import load
from dlatlas.cli.output import print_json, print_table
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from dlatlas.catalog.summary import topics

    found = topics(load(find_root(args.root)))
    if args.json:
        print_json(found)
        return 0
    headers = ("id", "area", "English", "中文", "entries", "methods", "implemented")
    rows = ((t["id"], t["area"], t["title"]["en"], t["title"]["zh"], t["entries"], len(t["methods"]), t["implemented"]) for t in found)
    print_table(headers, rows, wide="English")
    return 0
