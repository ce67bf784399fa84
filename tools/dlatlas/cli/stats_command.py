"""``dlatlas stats``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from dlatlas.catalog.load import load
from dlatlas.cli.output import print_json, print_table
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from dlatlas.catalog.summary import stats
    from dlatlas.evidence.store import Evidence

    root = find_root(args.root)
    found = stats(load(root), Evidence(root))
    if args.json:
        print_json(found)
    else:
        print_table(("what", "count"), _flat(found))
    return 0


def _flat(counts: dict[str, Any], above: str = "") -> Iterator[tuple[str, int]]:
    for name, value in counts.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value
