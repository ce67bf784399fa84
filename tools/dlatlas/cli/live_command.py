"""``dlatlas live build|check``."""

from __future__ import annotations

import argparse

from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=argparse.ArgumentParser)
    build = actions.add_parser("build", help="train, export and compare the demonstrations whose code has changed")
    build.add_argument("ids", metavar="ID", nargs="*", help="ids of demonstrations (default: all)")
    build.add_argument("--force", action="store_true", help="make them even where nothing has changed")
    build.set_defaults(run=run_build)
    check = actions.add_parser("check", help="check that what is stored fits the code")
    check.set_defaults(run=run_check)


def run_build(args: argparse.Namespace) -> int:
    from dlatlas.site.live.build import build

    build(find_root(args.root), args.ids, force=args.force)
    return 0


def run_check(args: argparse.Namespace) -> int:
    from dlatlas.site.live.build import check

    problems = check(find_root(args.root))
    for problem in problems:
        print(problem)
    return 1 if problems else 0
