"""``dlatlas methods``."""

from __future__ import annotations

import argparse

from dlatlas.catalog.load import load
from dlatlas.cli.output import print_json, print_table
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from dlatlas.catalog.summary import methods
    from dlatlas.evidence.store import Evidence

    root = find_root(args.root)
    found = methods(load(root), Evidence(root))
    if args.json:
        print_json(found)
        return 0
    headers = ("id", "topic", "status", "object", "checks", "devices")
    rows = (
        (m["id"], m["topic"], m["status"] if m["object"] else "planned", m["object"] or "", m["checks"], " ".join(m["devices"]))
        for m in found
    )
    print_table(headers, rows, wide="object")
    return 0
