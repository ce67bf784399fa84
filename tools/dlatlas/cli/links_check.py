"""``dlatlas links check``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlatlas.cli.links_reports import print_report
from dlatlas.files import cache_folder
from dlatlas.links import health
from dlatlas.links.check import check
from dlatlas.links.ignore import Ignored
from dlatlas.links.options import Options
from dlatlas.links.progress import Progress
from dlatlas.links.report import Report, places_of
from dlatlas.links.result import Result
from dlatlas.links.state import State
from dlatlas.root import RootError, find_root

CUT_OFF = 10
"""Links of which not one is reached, so that the fault must be ours."""


def run_check(args: argparse.Namespace) -> int:
    if args.urls is not None:
        return _check_file(args)
    from dlatlas.catalog.load import CatalogError, read

    root = find_root(args.root)
    loaded = read(root)
    if loaded.problems:
        raise CatalogError(loaded.problems)
    archives = {link.url: link.archive for entry in loaded.catalog.entries for link in entry.links}
    results = _checked(args, root, list(archives))
    if _cut_off(results):
        print("dlatlas: not one host answered: is this machine connected? The health of the links stays as it was", file=sys.stderr)
        return 2
    try:
        health.write(root, (health.Health.of(result, archives[result.url]) for result in results))
    except OSError as error:
        print(f"dlatlas: {root / health.FILE} was not written: {error.strerror}", file=sys.stderr)
    report = Report(results, args.strict, args.all, Ignored(loaded.catalog.ignored), places_of(loaded))
    return print_report(report, args.format)


def _check_file(args: argparse.Namespace) -> int:
    """Check the addresses of a file; there need be no catalog."""
    try:
        lines = args.urls.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        print(f"dlatlas: cannot read {args.urls}: {getattr(error, 'strerror', None) or 'not UTF-8'}", file=sys.stderr)
        return 2
    urls = list(dict.fromkeys(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")))
    try:
        root = find_root(args.root)
    except RootError:
        if args.root:
            raise
        root = cache_folder()
    return print_report(Report(_checked(args, root, urls), args.strict, args.all), args.format)


def _checked(args: argparse.Namespace, root: Path, urls: Sequence[str]) -> list[Result]:
    """The results of all addresses, those that are fresh from the state."""
    state = State(root)
    try:
        state.begin()
        wanted = set(urls)
        found = {url: result for url, result in state.fresh(args.max_age).items() if url in wanted}
        waiting = [url for url in urls if url not in found]
        before = {url: result for url in waiting if (result := state.get(url)) and (result.etag or result.modified)}
        progress = Progress(len(waiting), sys.stderr)
        try:
            for result in check(waiting, _options(args, before)):
                found[result.url] = state.record(result)
                progress.add(result.verdict)
        except KeyboardInterrupt:
            count = len(waiting) - progress.done
            print(f"\nstopped with {count:,} links to go; the same command goes on from there", file=sys.stderr)
            raise
        state.finish()
    finally:
        state.close()
    return [found[url] for url in urls]


def _cut_off(results: Sequence[Result]) -> bool:
    """Whether this machine rather than all the others is out of reach."""
    asked = [result for result in results if result.verdict != "opaque"]
    return len(asked) >= CUT_OFF and all(result.verdict == "unreachable" and result.status is None for result in asked)


def _options(args: argparse.Namespace, before: Mapping[str, Result]) -> Options:
    return Options(
        timeout=args.timeout,
        workers=args.workers,
        per_host=args.max_per_host,
        spacing=args.spacing,
        allow_private=args.allow_private,
        fragments=args.fragments,
        robots=args.robots,
        github_token=os.environ.get("GITHUB_TOKEN") or None,
        contact=args.contact,
        proxy=args.proxy,
        previous=before.get,
    )
