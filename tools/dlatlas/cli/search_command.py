"""``dlatlas search``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from dlatlas.cli.output import print_json, print_table
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        'A query is words, "phrases", -words and type:, topic:, lang:, author:, title:, note: with a value.'
        " An address or arXiv id in any form finds its entry."
    )
    parser.add_argument("query", metavar="QUERY", nargs="+", help="what to look for, in English or Chinese")
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    parser.add_argument(
        "--type", help="only this type: paper, code, article, course, book, video, slides, dataset, tool, list, topic or method"
    )
    parser.add_argument("--topic", help="only what belongs to this topic")
    parser.add_argument("--lang", help="only resources in this language, such as en or zh")
    parser.add_argument("--limit", type=_positive, default=20, metavar="N", help="at most N hits (default: 20)")
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 1000000, got {text}")
    return number


def run(args: argparse.Namespace) -> int:
    from dlatlas.search import search

    text = " ".join(args.query)
    answer = search(find_root(args.root), text, filters={"type": args.type, "topic": args.topic, "lang": args.lang}, limit=args.limit)
    if args.json:
        print_json(answer.hits)
    elif answer.hits:
        print_table(("id", "type", "title", "topics", "link"), map(_row, answer.hits), wide="title")
    if not answer.hits:
        near = f"; did you mean {' or '.join(answer.suggestions)}?" if answer.suggestions else ""
        print(f"dlatlas: nothing found for {text[:80]!r}{near}", file=sys.stderr)
        return 1
    for word, known in answer.corrected.items():
        print(f"dlatlas: {word!r} does not occur; searched for {known!r}", file=sys.stderr)
    return 0


def _row(hit: dict[str, Any]) -> tuple[str, ...]:
    title = " · ".join(dict.fromkeys(hit["title"].values()))
    return hit["id"], hit["type"], title, ", ".join(hit["topics"]), hit["urls"][0] if hit["urls"] else ""
