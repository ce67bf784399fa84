"""``dlatlas links check``."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dlatlas.cli.output import print_json, print_table
from dlatlas.root import find_root

if TYPE_CHECKING:
    from dlatlas.links.result import Result


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=argparse.ArgumentParser)
    check = actions.add_parser(
        "check", help="ask every address of the catalog", epilog="Exit status 1 when a link was gone twice in a row."
    )
    check.add_argument("--urls", metavar="FILE", type=Path, help="check the addresses in this file, one a line, instead of the catalog's")
    check.add_argument("--json", action="store_true", help="print a JSON list of all results")
    check.add_argument("--max-age", metavar="DAYS", type=_number(0), default=7.0, help="reuse results younger than this (default: 7)")
    check.add_argument("--timeout", metavar="S", type=_number(0.1), default=20.0, help="seconds for one request in all (default: 20)")
    check.add_argument("--workers", metavar="N", type=_count, default=32, help="requests at once (default: 32)")
    check.add_argument("--max-per-host", metavar="N", type=_count, default=2, help="requests at once to one host (default: 2)")
    check.add_argument("--allow-private", action="store_true", help="allow addresses of private networks and of this machine")
    check.set_defaults(run=run)


def _number(least: float):  # type: ignore[no-untyped-def]
    def number(text: str) -> float:
        value = float(text)
        if not least <= value <= 1e6:
            raise argparse.ArgumentTypeError(f"expected a number from {least} to 1000000, got {text}")
        return value

    return number


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 512:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to 512, got {text}")
    return value


def run(args: argparse.Namespace) -> int:
    from dlatlas.links.check import Options, check
    from dlatlas.links.state import State

    root = find_root(args.root)
    urls = _urls(root, args.urls)
    if urls is None:
        print(f"dlatlas: cannot read {args.urls}", file=sys.stderr)
        return 2
    state = State(root)
    state.begin()
    fresh = state.fresh(args.max_age)
    found = {url: fresh[url] for url in urls if url in fresh}
    waiting = [url for url in urls if url not in found]
    options = Options(timeout=args.timeout, workers=args.workers, per_host=args.max_per_host, allow_private=args.allow_private)
    try:
        for number, result in enumerate(check(waiting, options), 1):
            found[result.url] = state.record(result)
            _progress(number, len(waiting))
        state.finish()
    finally:
        state.close()
    results = [found[url] for url in urls]
    if args.json:
        print_json([result.json() for result in results])
    else:
        _print(results)
    return 1 if any(result.confirmed for result in results) else 0


def _urls(root: Path, file: Path | None) -> list[str] | None:
    """The distinct addresses of a file or of the catalog, in order; None when the file cannot be read."""
    if file is None:
        from dlatlas.catalog.load import load

        return list(dict.fromkeys(url for entry in load(root).entries for url in entry.urls))
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return list(dict.fromkeys(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")))


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} links", end="" if done < total else "\n", file=sys.stderr, flush=True)
    elif done % 100 == 0 or done == total:
        print(f"{done} of {total} links", file=sys.stderr, flush=True)


def _print(results: Iterable[Result]) -> None:
    results = list(results)
    shown = [result for result in results if result.verdict != "ok"]
    rows = (
        (r.verdict + (" (twice)" if r.confirmed else ""), r.reason, r.url, r.final_url or "")
        for r in sorted(shown, key=lambda r: (r.verdict, r.url))
    )
    print_table(("verdict", "reason", "url", "leads to"), rows, wide="url")
    counts = Counter(result.verdict for result in results)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()) or "no links", file=sys.stderr)
