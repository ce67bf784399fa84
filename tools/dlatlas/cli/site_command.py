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
    build.set_defaults(run=run_build)
    serve = actions.add_parser("serve", help="serve the built site on this machine")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
    serve.set_defaults(run=run_serve)


def run_build(args: argparse.Namespace) -> int:
    from dlatlas.site.build import build

    root = find_root(args.root)
    build(root, args.out or root / "site", strict=args.strict)
    return 0


def run_serve(args: argparse.Namespace) -> int:
    from dlatlas.site.build import serve

    serve(find_root(args.root), args.port)
    return 0
