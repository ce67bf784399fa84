"""``dlatlas claims list|run|verify``."""

from __future__ import annotations

import argparse
import sys

from dlatlas.catalog.load import load
from dlatlas.cli.output import nearest, print_json, print_table
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=argparse.ArgumentParser)
    listing = actions.add_parser("list", help="list the claims and the state of their stored results")
    listing.add_argument("--json", action="store_true", help="print a JSON list")
    listing.set_defaults(run=run_list)
    running = actions.add_parser("run", help="run experiments and store their results")
    running.add_argument("ids", metavar="ID", nargs="*", help="ids of claims (default: all)")
    running.set_defaults(run=run_experiments)
    verify = actions.add_parser("verify", help="check every stored result against the claim it belongs to")
    verify.set_defaults(run=run_verify)


def run_list(args: argparse.Namespace) -> int:
    from dlatlas.evidence.store import Evidence

    root = find_root(args.root)
    evidence = Evidence(root)
    found = [
        {
            "id": claim.id,
            "topic": topic.id,
            "statement": {"en": claim.statement.en, "zh": claim.statement.zh},
            "experiment": claim.experiment,
            "reproduces": claim.reproduces,
            "status": evidence.claim_status(claim.id, claim.experiment.split(":")[0]),
        }
        for topic in load(root).topics
        for claim in topic.claims
    ]
    if args.json:
        print_json(found)
    else:
        rows = ((c["id"], c["topic"], c["status"], c["statement"]["en"]) for c in found)
        print_table(("id", "topic", "status", "statement"), rows, wide="statement")
    return 0


def run_experiments(args: argparse.Namespace) -> int:
    root = find_root(args.root)
    known = {claim.id for topic in load(root).topics for claim in topic.claims}
    for id in args.ids:
        if id not in known:
            print(f"dlatlas: no claim {id!r}{nearest(id, known)}", file=sys.stderr)
            return 2
    from dlatlas.evidence.claims import run

    run(root, args.ids)
    return 0


def run_verify(args: argparse.Namespace) -> int:
    from dlatlas.evidence.claims import verify

    return int(verify(find_root(args.root)))
