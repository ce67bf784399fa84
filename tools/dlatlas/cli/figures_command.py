"""``dlatlas figures list|run|verify``."""

from __future__ import annotations

import argparse
import sys

from dlatlas.cli.output import nearest, print_json, print_table
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=argparse.ArgumentParser)
    listing = actions.add_parser("list", help="list the figures and the state of their stored data")
    listing.add_argument("--json", action="store_true", help="print a JSON list")
    listing.set_defaults(run=run_list)
    running = actions.add_parser("run", help="compute figures and store their data")
    running.add_argument("names", metavar="NAME", nargs="*", help="names of figures (default: those that are missing or stale)")
    running.set_defaults(run=run_figures)
    verify = actions.add_parser("verify", help="say which stored data is missing or was made with other code")
    verify.set_defaults(run=run_verify)


def run_list(args: argparse.Namespace) -> int:
    from dlatlas.evidence.figures import module_of, names, state

    root = find_root(args.root)
    found = [{"id": name, "module": module_of(name), "status": state(root, name)} for name in names(root)]
    if args.json:
        print_json(found)
    else:
        print_table(("id", "status", "module"), ((f["id"], f["status"], f["module"]) for f in found), wide="module")
    return 0


def run_figures(args: argparse.Namespace) -> int:
    from dlatlas.evidence.figures import names, run

    root = find_root(args.root)
    known = names(root)
    for name in args.names:
        if name not in known:
            print(f"dlatlas: no figure {name!r}{nearest(name, known)}", file=sys.stderr)
            return 2
    run(root, args.names)
    return 0


def run_verify(args: argparse.Namespace) -> int:
    from dlatlas.evidence.figures import names, state

    root = find_root(args.root)
    found = {name: state(root, name) for name in names(root)}
    for name, now in found.items():
        print(f"{now}: {name}" + ("" if now == "fresh" else f": run: dlatlas figures run {name}"))
    return int(any(now != "fresh" for now in found.values()))
