"""``dlatlas lint``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dlatlas.catalog.load import Problem
from dlatlas.cli.output import nearest, print_json, print_table
from dlatlas.root import find_root


def configure(parser: argparse.ArgumentParser) -> None:
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print a JSON list of problems")
    output.add_argument("--github", action="store_true", help="print annotations for GitHub Actions")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--list", action="store_true", help="list the rules")
    other.add_argument("--explain", metavar="RULE", help="say what a rule asks for and why")
    other.add_argument("--fix", action="store_true", help="first put right what can be put right safely; files that change are formatted")
    other.add_argument("--write-schema", action="store_true", help="write the generated schema files, then stop")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from dlatlas.catalog.lint import RULES, lint

    if args.list:
        rules = sorted(RULES.values(), key=lambda rule: rule.id)
        print_table(
            ("rule", "severity", "fix", "what"), ((r.id, r.severity, "fix" if r.fixes else "", r.explanation) for r in rules), wide="what"
        )
        return 0
    if args.explain:
        if args.explain not in RULES:
            print(f"dlatlas: no lint rule {args.explain!r}{nearest(args.explain, RULES)}", file=sys.stderr)
            return 2
        rule = RULES[args.explain]
        print(f"{rule.id} ({rule.severity}{', --fix' if rule.fixes else ''})\n{rule.explanation}")
        return 0
    root = find_root(args.root)
    if args.write_schema:
        from dlatlas.catalog import schema

        for name in schema.write(root):
            print(f"wrote catalog/schema/{name}.json")
        return 0
    if args.fix:
        from dlatlas.catalog.lint.fix import fix

        for file, count in fix(root).items():
            print(f"fixed {_plural(count, 'value')} in {file}", file=sys.stderr)
    problems = lint(root)
    if args.json:
        print_json(
            [{"file": p.file, "line": p.line, "id": p.id, "message": p.message, "rule": p.rule, "severity": p.severity} for p in problems]
        )
    else:
        for problem in problems:
            print(_annotation(problem) if args.github else f"{'warning: ' if problem.severity == 'warning' else ''}{problem}")
    errors = sum(problem.severity == "error" for problem in problems)
    if not args.json:
        _summary(problems, errors)
    return 1 if errors else 0


def _summary(problems: Sequence[Problem], errors: int) -> None:
    warnings = len(problems) - errors
    print(f"{_plural(errors, 'error')}, {_plural(warnings, 'warning')}", file=sys.stderr)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _annotation(problem: Problem) -> str:
    """A workflow command of GitHub Actions; its own separators are percent-encoded."""
    message = f"{problem.id}: {problem.message}".replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    file = problem.file.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
    return f"::{problem.severity} file={file},line={problem.line},title={problem.rule}::{message}"
