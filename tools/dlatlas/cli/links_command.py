"""``dlatlas links``: check the catalog's links and act on what was found."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

FORMATS = ("table", "json", "junit", "markdown", "github")


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=argparse.ArgumentParser)

    def action(name: str, help: str, epilog: str | None = None) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", epilog=epilog, allow_abbrev=False)

    _check(action("check", "ask every address of the catalog", "Exit status 1 when a link was gone twice in a row."))
    _status(action("status", "count what the last checks found"))
    _report(action("report", "tell again what the last checks found, without asking anybody"))
    _changes(action("changes", "tell what has changed since the last report", "Exit status 1 when there is news."))
    _archive(action("archive", "find stored copies of links that are gone, and write them into the catalog"))
    _apply(action("apply", "rewrite links that have moved for good"))
    _site(action("site", "check the internal links of a built site, offline"))


def _later(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    """A command that is imported when it runs."""

    def run(args: argparse.Namespace) -> int:
        status: int = getattr(importlib.import_module(f"dlatlas.cli.{module}"), function)(args)
        return status

    return run


def _check(check: argparse.ArgumentParser) -> None:
    from dlatlas.links.options import Options

    plain = Options()
    check.add_argument("--urls", metavar="FILE", type=Path, help="check the addresses in this file, one a line, instead of the catalog's")
    _output(check)
    check.add_argument("--max-age", metavar="DAYS", type=_number(0), default=7.0, help="reuse results younger than this (default: 7)")
    check.add_argument("--timeout", metavar="S", type=_number(0.1), default=plain.timeout, help=_help("seconds for one request in all"))
    check.add_argument("--workers", metavar="N", type=_count, default=plain.workers, help=_help("requests at once"))
    check.add_argument("--max-per-host", metavar="N", type=_count, default=plain.per_host, help=_help("requests at once to one host"))
    check.add_argument("--spacing", metavar="S", type=_number(0), default=plain.spacing, help="least seconds between requests to one host")
    check.add_argument("--fragments", action="store_true", help="the part after # must exist in the page")
    check.add_argument("--robots", action="store_true", help="keep to robots.txt")
    check.add_argument("--contact", metavar="ADDRESS", default="", help="where the keeper of a host can reach you, for the user agent")
    check.add_argument("--proxy", metavar="URL", help="an http proxy; none is taken from the environment")
    check.add_argument("--allow-private", action="store_true", help="allow addresses of private networks and of this machine")
    check.set_defaults(run=_later("links_check", "run_check"))


def _status(status: argparse.ArgumentParser) -> None:
    status.add_argument("--json", action="store_true", help="print a JSON object")
    status.set_defaults(run=_later("links_reports", "run_status"))


def _report(report: argparse.ArgumentParser) -> None:
    _output(report)
    report.set_defaults(run=_later("links_reports", "run_report"))


def _changes(changes: argparse.ArgumentParser) -> None:
    since = "the last report, which --mark writes (default: state/reported.json in the root)"
    changes.add_argument("--since", metavar="FILE", type=Path, default=Path("state/reported.json"), help=since)
    changes.add_argument("--mark", action="store_true", help="remember how links stand now as what was reported")
    changes.set_defaults(run=_later("links_reports", "run_changes"))


def _archive(archive: argparse.ArgumentParser) -> None:
    archive.add_argument("--all", action="store_true", help="look for copies of every link, not only of those that are gone")
    archive.add_argument("--save", action="store_true", help="ask the archive to store links that work and have no copy; slow")
    archive.add_argument("--yes", action="store_true", help="write the catalog; without it, only the changes are shown")
    archive.set_defaults(run=_later("links_edits", "run_archive"))


def _apply(apply: argparse.ArgumentParser) -> None:
    apply.add_argument("--max-age", metavar="DAYS", type=_number(0), default=30.0, help="trust results younger than this (default: 30)")
    apply.add_argument("--yes", action="store_true", help="write the catalog; without it, only the changes are shown")
    apply.set_defaults(run=_later("links_edits", "run_apply"))


def _site(site: argparse.ArgumentParser) -> None:
    site.add_argument("site", metavar="DIR", type=Path, help="folder of the built site")
    site.add_argument("--url", default="", help="where the site will be; its own addresses count as internal then")
    site.add_argument("--relative", action="store_true", help="refuse addresses that begin at the root of the host")
    site.add_argument("--self-contained", action="store_true", help="refuse pages that load something from another host")
    site.add_argument("--json", action="store_true", help="print a JSON object")
    site.set_defaults(run=_later("links_reports", "run_site"))


def _output(parser: argparse.ArgumentParser) -> None:
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", dest="format", action="store_const", const="json", help="print a JSON list of all results")
    output.add_argument("--format", choices=FORMATS, default="table", help="what to print (default: a table of what is not fine)")
    parser.add_argument("--all", action="store_true", help="list the links that work as well")
    parser.add_argument("--strict", action="store_true", help="fail for every link that does not simply work, and at the first time")


def _help(text: str) -> str:
    return f"{text} (default: %(default)s)"


def _number(least: float) -> Callable[[str], float]:
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
