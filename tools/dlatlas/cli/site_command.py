"""``dlatlas site build`` and ``dlatlas site serve``."""

from __future__ import annotations

import argparse
from pathlib import Path

from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=argparse.ArgumentParser)
    build = actions.add_parser("build", help="build the site into a folder")
    build.add_argument("--out", metavar="DIR", type=Path, help="where the site goes (default: site/ in the root)")
    build.add_argument("--strict", action=argparse.BooleanOptionalAction, default=True, help="fail on any warning (the default)")
    build.add_argument("--url", help="address under which the site will be found (default: $DLATLAS_SITE_URL)")
    build.set_defaults(run=run_build)
    check = actions.add_parser("check", help="check a built site, in a browser too")
    check.add_argument("--out", metavar="DIR", type=Path, help="where the site lies (default: site/ in the root)")
    check.add_argument("--only", metavar="GATE", action="append", default=[], help="check only this; may be repeated")
    check.add_argument("--evidence", action="store_true", help="store what was measured in evidence/")
    check.set_defaults(run=run_check)
    serve = actions.add_parser("serve", help="serve the built site on this machine")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
    serve.set_defaults(run=run_serve)


def run_build(args: argparse.Namespace) -> int:
    from dlatlas.site.build import build

    root = find_root(args.root)
    build(root, args.out or root / "site", strict=args.strict, url=args.url)
    return 0


def run_check(args: argparse.Namespace) -> int:
    from dlatlas.site.inspection import inspect

    root = find_root(args.root)
    return 0 if inspect(root, args.out or root / "site", only=args.only, evidence=args.evidence) else 1


def run_serve(args: argparse.Namespace) -> int:
    from dlatlas.site.serving import serve

    serve(find_root(args.root), args.port)
    return 0
