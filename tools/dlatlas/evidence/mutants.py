"""Mutation testing: does a test notice each one-line fault of a reference implementation?

    python -m dlatlas.evidence.mutants [METHOD ...] [--jobs N] [--list] [--evidence]

For every module that a method needs, each fault of :mod:`dlatlas.evidence.faults` is tried in a forked
child whose import of that module gives the faulty code; the child runs the tests and generic cases of all
methods that use the module, those first that found faults before. Faults that no input can show are listed
with a reason in ``tests/refimpl/equivalent_mutants.yml``. Survivors are printed; the status is then 1.

mutmut (3.8) forks too, but passes over decorated functions, such as an optimizer's ``step`` under
``torch.no_grad``, and calls every function through a wrapper that ``torch.compile`` would have to trace;
cosmic-ray starts a process, and imports torch, for each fault.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dlatlas.catalog.yamlread import read_yaml
from dlatlas.evidence.environment import describe_environment
from dlatlas.evidence.faults import Fault, Module
from dlatlas.evidence.store import code_hash, modules_of, tests_hash, write_json
from dlatlas.evidence.trials import Method, Result, Trials, methods_of

EQUIVALENT = Path("tests") / "refimpl" / "equivalent_mutants.yml"
"""The list of faults that change nothing observable, by module."""

HELPERS = frozenset({"refimpl.data", "refimpl.demo"})
"""Modules that only the demonstrations use."""


class MutantError(ValueError):
    """The list of equivalent faults is wrong, a method is unknown, or the tests fail without any fault."""


class Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault that no input can show, as printed (``original → mutated``), and why."""

    original: str
    mutated: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What became of one module's faults."""

    module: str
    faults: int
    equivalent: int
    survivors: tuple[Fault, ...]


def run(root: Path, methods: Sequence[str] = (), *, jobs: int = 2, evidence: bool = False) -> int:
    """Try all faults of the methods' modules (all methods where none is given), print survivors; 0 where there is none."""
    found = methods_of(root)
    chosen = _chosen(found, methods)
    equivalents = read_equivalents(root)
    targets = sorted({module for method in chosen for module in _modules(root, method.module)})
    wrong = _unmatched(root, equivalents, targets)
    for text in wrong:
        print(f"{EQUIVALENT.as_posix()}: {text}")
    trials = Trials(root, jobs=jobs)
    reports = {module: _try_module(root, trials, module, found, equivalents.get(module, ())) for module in targets}
    survivors = sum(len(report.survivors) for report in reports.values())
    total, equivalent = (sum(getattr(r, name) for r in reports.values()) for name in ("faults", "equivalent"))
    print(
        f"{total} faults in {len(reports)} modules: {survivors} survived, {equivalent} equivalent, {total - survivors - equivalent} found"
    )
    if evidence:
        _store(root, chosen, reports)
    return 1 if survivors or wrong else 0


def read_equivalents(root: Path) -> dict[str, tuple[Equivalent, ...]]:
    """The listed equivalent faults by module.

    Raises:
        MutantError: the file breaks its format.
    """
    path = root / EQUIVALENT
    if not path.is_file():
        return {}
    document = read_yaml(path)
    try:
        found = msgspec.convert(document.data or {}, dict[str, tuple[Equivalent, ...]])
    except msgspec.ValidationError as error:
        raise MutantError(f"{EQUIVALENT.as_posix()}: {error}") from error
    if document.errors:
        raise MutantError("\n".join(f"{EQUIVALENT.as_posix()}:{line}: {message}" for line, _, message in document.errors))
    return found


def _chosen(found: Sequence[Method], ids: Sequence[str]) -> list[Method]:
    known = {id for method in found for id in method.ids}
    if unknown := set(ids) - known:
        raise MutantError(f"no cases of method {', '.join(sorted(unknown))}; expected some of {', '.join(sorted(known))}")
    return [method for method in found if not ids or method.ids & set(ids)]


def _modules(root: Path, module: str) -> set[str]:
    """The modules whose faults count for ``module``: itself and what it imports."""
    return {name for name in modules_of(root, module) if name not in HELPERS}


def _unmatched(root: Path, equivalents: Mapping[str, Iterable[Equivalent]], targets: Sequence[str]) -> list[str]:
    """Entries of the list that match no fault, for the modules at hand; a module that is gone counts always."""
    wrong = []
    for module, entries in equivalents.items():
        path = root / (module.replace(".", "/") + ".py")
        if not path.is_file():
            wrong.append(f"{module}: no such module")
        elif module in targets:
            known = {(fault.original, fault.mutated) for fault in Module(path).faults}
            wrong += [f"{module}: matches no fault: {e.original} → {e.mutated}" for e in entries if (e.original, e.mutated) not in known]
    return wrong


def _try_module(root: Path, trials: Trials, module: str, methods: Sequence[Method], equivalents: Sequence[Equivalent]) -> Report:
    path = root / (module.replace(".", "/") + ".py")
    users = [method for method in methods if module in modules_of(root, method.module)]
    source = Module(path)
    skipped = {(e.original, e.mutated) for e in equivalents}
    faults = [fault for fault in source.faults if (fault.original, fault.mutated) not in skipped]
    start = time.monotonic()
    survivors = []
    for done, (fault, result) in enumerate(trials.run(module, source, faults, users), 1):
        if result is Result.BROKEN:
            raise MutantError(f"{module}: the tests do not pass without any fault; run: pytest {' '.join(_paths(users))}")
        if result is Result.SURVIVED:
            survivors.append(fault)
            _clear()
            print(f"{path.relative_to(root).as_posix()}:{fault.line}: {fault}", flush=True)
        _progress(f"{module}: {done} of {len(faults)}, {len(survivors)} survived", plain=done % 50 == 0)
    _clear()
    seconds = time.monotonic() - start
    equivalent = len(source.faults) - len(faults)
    print(f"{module}: {len(survivors)} of {len(faults)} survived, {equivalent} equivalent ({seconds:.0f} s)", file=sys.stderr, flush=True)
    return Report(module, len(source.faults), equivalent, tuple(sorted(survivors, key=lambda f: f.line)))


def _paths(users: Sequence[Method]) -> list[str]:
    return [path for method in users for path in method.tests]


def _store(root: Path, methods: Sequence[Method], reports: Mapping[str, Report]) -> None:
    """Keep the counts by method in ``evidence/mutants.json``, merged with those of other methods."""
    path = root / "evidence" / "mutants.json"
    stored = msgspec.json.decode(path.read_bytes()) if path.is_file() else {}
    date = describe_environment()["date"]
    for method in methods:
        parts = [reports[module] for module in _modules(root, method.module)]
        faults, equivalent, survived = (
            sum(numbers) for numbers in zip(*((r.faults, r.equivalent, len(r.survivors)) for r in parts), strict=True)
        )
        row = {
            "code": code_hash(root, method.module),
            "tests": tests_hash(root, method.module),
            "mutants": faults,
            "killed": faults - equivalent - survived,
            "equivalent": equivalent,
            "survived": survived,
            "date": date,
        }
        stored.update(dict.fromkeys(method.ids, row))
    write_json(path, stored)


def _progress(text: str, *, plain: bool = False) -> None:
    """Show ``text`` in place on a terminal; elsewhere print it where ``plain``."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    elif plain:
        print(text, file=sys.stderr, flush=True)


def _clear() -> None:
    _progress("")


def _list(root: Path, methods: Sequence[str]) -> int:
    chosen = _chosen(methods_of(root), methods)
    for module in sorted({name for method in chosen for name in _modules(root, method.module)}):
        path = root / (module.replace(".", "/") + ".py")
        for fault in Module(path).faults:
            print(f"{path.relative_to(root).as_posix()}:{fault.line}: {fault}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The command; 0 no survivor, 1 survivors, 2 usage."""
    parser = argparse.ArgumentParser(
        prog="python -m dlatlas.evidence.mutants", description="Try one-line faults and print those no test finds."
    )
    parser.add_argument("methods", metavar="METHOD", nargs="*", help="ids of methods (default: all)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="children at a time (default 2)")
    parser.add_argument("--list", action="store_true", help="print the faults and try none")
    parser.add_argument("--evidence", action="store_true", help="store the counts in evidence/mutants.json")
    parser.add_argument("--root", type=Path, default=Path.cwd(), metavar="DIR", help="the checkout (default: the working folder)")
    options = parser.parse_args(argv)
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}")
    root = options.root.resolve()
    try:
        return _list(root, options.methods) if options.list else run(root, options.methods, jobs=options.jobs, evidence=options.evidence)
    except MutantError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
