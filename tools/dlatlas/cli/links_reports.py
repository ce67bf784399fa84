"""``dlatlas links status``, ``report``, ``changes`` and ``site``: what is known, without the network."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from time import gmtime, strftime, time

from dlatlas.cli.output import print_fields, print_json, print_table
from dlatlas.links import health
from dlatlas.links.report import HEADERS, ORDER, Report
from dlatlas.root import find_root

STALE = 7 * 86400.0


def print_report(report: Report, format: str) -> int:
    """Print a report in one of the formats of ``--format``; returns the exit status."""
    if format == "json":
        print_json([result.json() for result in report.results])
    elif format == "junit":
        from dlatlas.links.machine_reports import junit

        print(junit(report), end="")
    elif format == "github":
        from dlatlas.links.machine_reports import annotations

        for line in annotations(report):
            print(line)
    elif format == "markdown":
        from dlatlas.links.report import markdown

        print(markdown(report), end="")
    else:
        rows = list(report.rows())
        shown = [i for i, _ in enumerate(HEADERS) if not sys.stdout.isatty() or any(row[i] for row in rows)]  # programs get every column
        print_table([HEADERS[i] for i in shown], ([row[i] for i in shown] for row in rows), wide="url")
        print(report.summary(), file=sys.stderr)
    return 1 if report.failed else 0


def _known(root: Path, strict: bool = False, every: bool = False) -> tuple[Report, int]:
    """What is known of the catalog's links, and how many have never been checked."""
    from dlatlas.catalog.load import read
    from dlatlas.links.ignore import Ignored
    from dlatlas.links.report import places_of
    from dlatlas.links.state import State

    loaded = read(root)
    places = places_of(loaded)
    state = State(root)
    try:
        results = [result for result in state.latest() if result.url in places]
    finally:
        state.close()
    return Report(results, strict, every, Ignored(loaded.catalog.ignored), places), len(places) - len(results)


def run_report(args: argparse.Namespace) -> int:
    report, unchecked = _known(find_root(args.root), args.strict, args.all)
    if unchecked:
        print(f"{unchecked:,} links have never been checked: dlatlas links check", file=sys.stderr)
    return print_report(report, args.format)


def run_status(args: argparse.Namespace) -> int:
    report, unchecked = _known(find_root(args.root))
    results = report.results
    counts = Counter(result.verdict for result in results)
    times = [result.checked_at for result in results]
    told = {
        "links": len(results) + unchecked,
        "never_checked": unchecked,
        "older_than_a_week": sum(at < time() - STALE for at in times),
        "oldest": _day(min(times, default=0)),
        "newest": _day(max(times, default=0)),
        "verdicts": {verdict: counts[verdict] for verdict in reversed(ORDER) if counts[verdict]},
        "gone_twice": sum(result.confirmed for result in results),
        "expected": sum(report.rule(result) is not None for result in results),
    }
    if args.json:
        print_json(told)
    else:
        verdicts = told.pop("verdicts")
        print_fields("links", [(name.replace("_", " "), value) for name, value in (*told.items(), *verdicts.items())])  # type: ignore[attr-defined]
    return 0


def _day(seconds: float) -> str | None:
    return strftime("%Y-%m-%d", gmtime(seconds)) if seconds else None


def run_changes(args: argparse.Namespace) -> int:
    from dlatlas.links import changes

    root = find_root(args.root)
    now = health.read(root)
    if not now:
        print(f"dlatlas: {root / health.FILE} holds nothing: run dlatlas links check first", file=sys.stderr)
        return 2
    before = health.read(root, args.since)
    found = changes.changes(before, now)
    print(changes.markdown(found, len(now)), end="")
    if not found:
        print("nothing has changed", file=sys.stderr)
    if args.mark:
        health.write(root, changes.carried(before, now).values(), args.since)
    return 1 if found else 0


def run_site(args: argparse.Namespace) -> int:
    from dlatlas.links import site

    report = site.check(args.site, url=args.url, absolute=not args.relative)
    foreign = report.foreign if args.self_contained else []
    if args.json:
        problems = [{"page": p.page, "url": p.url, "reason": p.reason} for p in report.problems]
        problems += [{"page": page, "url": url, "reason": "foreign"} for page, url in foreign]
        print_json({"pages": report.pages, "links": report.links, "problems": problems})
    else:
        for problem in report.problems:
            print(problem)
        for page, url in foreign:
            print(f"{page}: loads from another host: {url}")
        wrong = len(report.problems) + len(foreign)
        print(f"{report.pages:,} pages, {report.links:,} internal links, {wrong:,} problems", file=sys.stderr)
    return 1 if report.problems or foreign else 0
