"""``dlatlas search``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlatlas.cli.output import one_line, print_json, print_rows
from dlatlas.root import find_root

if TYPE_CHECKING:
    from dlatlas.search import Answer

FILTERS = {
    "type": "only these types, separated by commas: paper, code, article, course, book, video, slides, dataset, tool, list, topic, method",
    "topic": "only what belongs to one of these topics, such as lstm,gru",
    "lang": "only resources in these languages, such as zh",
    "level": "only these levels: intro, core, advanced",
    "year": "only from these years: 2017, 2016..2019, 2016.. or ..2012",
    "framework": "only code for these frameworks, such as pytorch",
    "has": "only entries that have this, such as code or note",
}

VALUED = {"--root", "--open", "--limit", "--color", *(f"--{name}" for name in FILTERS)}
"""The options that take a value."""

EPILOG = """\
A query is words and "phrases" in English or Chinese, -words that must not occur, title:word and author:name, and the filters
below as type:paper, year:2016..2019 and so on. An address, DOI or arXiv id in any form finds its entry.
"""

SHOWN = 10
"""Results at once on a terminal."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.usage = "dlatlas search [options] [--] QUERY …"
    parser.add_argument("query", metavar="QUERY", nargs="*", help="what to look for; may be left out where a filter is given")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON list")
    form.add_argument("--bibtex", action="store_true", help="print the entries found as BibTeX")
    form.add_argument("--open", type=_positive, metavar="N", help="open result N in the browser")
    filters = parser.add_argument_group("filters")
    for name, help in FILTERS.items():
        filters.add_argument(f"--{name}", metavar=name.upper(), help=help)
    parser.add_argument("--limit", type=_positive, metavar="N", help=f"at most N results (default: {SHOWN} on a terminal, else 20)")
    parser.add_argument("--explain", action="store_true", help="say why each result is where it is")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="color and links; NO_COLOR turns color off")
    parser.set_defaults(run=run, fail=parser.error)


def prepare(arguments: Sequence[str]) -> list[str]:
    """The arguments with all options first and the query behind ``--``, so that ``-word`` is a part of it and may stand anywhere."""
    options: list[str] = []
    words: list[str] = []
    rest = iter(arguments)
    for text in rest:
        if text == "--":
            words += rest
        elif text.startswith("--") or text == "-h":
            options += [text, *islice(rest, text in VALUED)]
        else:
            words.append(text)
    return [*options, "--", *words] if words else options


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 1_000_000 and len(text) < 9):
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 1000000, got {text}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    from dlatlas.search import search

    text, filters = " ".join(args.query), {name: value for name in FILTERS if (value := getattr(args, name)) is not None}
    if not text.strip() and not filters:
        args.fail("name something to look for, or a filter")
    root = find_root(args.root)
    screen = args.color == "always" or (sys.stdout.isatty() and not args.json and not args.bibtex)
    limit = args.limit or max(SHOWN if screen else 20, args.open or 0)
    answer = search(root, text, filters=filters, limit=limit, explain=args.explain)
    if args.json:
        print_json(answer.hits)
    if not answer.hits:
        free = search(root, text, limit=1).total if filters and text.strip() else 0
        return _nothing(text or str(filters), answer, free)
    for word, known in answer.corrected.items():
        print(f"dlatlas: {word!r} does not occur; searched for {known!r}", file=sys.stderr)
    for word in answer.unknown:
        print(f"dlatlas: {one_line(word)!r} does not occur", file=sys.stderr)
    if args.json:
        return 0
    if args.bibtex:
        return _bibtex(root, answer.hits)
    if args.open:
        return _open(answer.hits, args.open)
    _show(text, answer, args.color) if screen else _list(answer)
    return 0


def _nothing(text: str, answer: Answer, free: int) -> int:
    """Say so, with what came near: results without the filters (``free`` of them), or names."""
    near = f"; did you mean {' or '.join(map(one_line, answer.suggestions))}?" if answer.suggestions else ""
    near = f" that passes the filters; without them there are {free}" if free else near
    print(f"dlatlas: nothing found for {text[:80]!r}{near}", file=sys.stderr)
    return 1


def _show(text: str, answer: Answer, color: str) -> None:
    from dlatlas.cli.results import table, text_lines
    from dlatlas.cli.screen import Screen

    screen = Screen.of(color)
    lines = table(screen, answer.hits, terms=answer.terms, chinese=bool(re.search("[\u3400-\u9fff]", text)))
    if answer.total > len(answer.hits):
        more = f"{len(answer.hits)} of {answer.total}; --limit {2 * len(answer.hits)} shows more"
        lines += map(screen.shown, text_lines(more, screen.width))
    print("\n".join(lines))


def _list(answer: Answer) -> None:
    from dlatlas.cli.results import explanation, title_of

    rows = ((hit["id"], hit["type"], title_of(hit), ", ".join(hit["topics"]), next(iter(hit["urls"]), "")) for hit in answer.hits)
    print_rows((*row, *(["; ".join(explanation(hit))] if "explain" in hit else [])) for row, hit in zip(rows, answer.hits, strict=True))
    if answer.total > len(answer.hits):
        print(f"dlatlas: {len(answer.hits)} of {answer.total} results; --limit N shows more", file=sys.stderr)


def _bibtex(root: Path, hits: Sequence[dict[str, Any]]) -> int:
    from dlatlas.catalog.load import load
    from dlatlas.export.bibtex import bibtex

    entries = load(root).entry_by_id()
    found = [entries[hit["id"]] for hit in hits if hit["type"] not in ("topic", "method")]
    if not found:
        print("dlatlas: only topics and methods found, which have no BibTeX record", file=sys.stderr)
        return 1
    print(bibtex(found), end="")
    return 0


def _open(hits: Sequence[dict[str, Any]], number: int) -> int:
    import webbrowser

    from dlatlas.cli.results import title_of, web_address

    if number > len(hits):
        print(f"dlatlas: there is no result {number}; the last one is {len(hits)}", file=sys.stderr)
        return 1
    hit = hits[number - 1]
    if (url := web_address(hit)) is None:
        print(f"dlatlas: {one_line(hit['id'])} ({title_of(hit)}) has no address on the web", file=sys.stderr)
        return 1
    print(f"{title_of(hit)}\n{url}")
    if not webbrowser.open(url):
        print("dlatlas: no browser could be started", file=sys.stderr)
        return 1
    return 0
