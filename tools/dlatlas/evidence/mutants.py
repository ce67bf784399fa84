"""Mutation testing: does a test notice each one-line fault of a reference implementation?

    python -m dlatlas.evidence.mutants [METHOD | MODULE ...] [--jobs N] [--list] [--evidence] [--survivors]

For every module that a method needs, each fault of :mod:`dlatlas.evidence.faults` is tried in a forked
child whose import of that module gives the faulty code; the child runs the tests and generic cases of all
methods that use the module, those first that found faults before. Faults that no input can show are listed
with a reason in ``tests/refimpl/equivalent_mutants.yml``. Survivors are printed; the status is then 1.

With ``--evidence`` what became of each module is stored as soon as it is known, and a module whose code and
tests are those of the stored run is not tried again but for its survivors: a run that was stopped goes on.
``--survivors`` does so where only tests changed: what was found stays found unless a test was taken away.

mutmut (3.8) forks too, but passes over decorated functions, such as an optimizer's ``step`` under
``torch.no_grad``, and calls every function through a wrapper that ``torch.compile`` would have to trace;
cosmic-ray starts a process, and imports torch, for each fault.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dlatlas.catalog.yamlread import read_yaml
from dlatlas.evidence.faults import Module
from dlatlas.evidence.planted import Planted, read_planted, write_planted
from dlatlas.evidence.store import modules_of
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


def run(root: Path, names: Sequence[str] = (), *, jobs: int = 2, evidence: bool = False, survivors: bool = False) -> int:
    """Try all faults of methods and modules (of all methods where none is given), print survivors; 0 where there is none."""
    found = methods_of(root)
    targets = _targets(root, found, names)
    equivalents = read_equivalents(root)
    wrong = _unmatched(root, equivalents, targets)
    for text in wrong:
        print(f"{EQUIVALENT.as_posix()}: {text}")
    trials = Trials(root, jobs=jobs)
    reports = []
    for module in targets:
        users = [method for method in found if module in modules_of(root, method.module)]
        planted = Planted.of(root, module, [method.module for method in users])
        stored = read_planted(root).get(module) if evidence else None
        known = stored if stored and stored.fits(planted, tests=not survivors) else None
        counts = _try_module(root, trials, module, users, equivalents.get(module, ()), known)
        reports.append(msgspec.structs.replace(planted, **counts))
        if evidence:
            write_planted(root, module, reports[-1])
    total, equivalent = (sum(getattr(r, name) for r in reports) for name in ("faults", "equivalent"))
    survived = sum(len(r.survivors) for r in reports)
    print(f"{total} faults in {len(reports)} modules: {survived} survived, {equivalent} equivalent, {total - survived - equivalent} found")
    return 1 if survived or wrong else 0


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


def _targets(root: Path, found: Sequence[Method], names: Sequence[str]) -> list[str]:
    """The modules that the named methods need and those named themselves, in this order; all where nothing is named.

    Raises:
        MutantError: a name is neither a method that has tests nor a module that such a method needs.
    """
    needed = {method: [m for m in modules_of(root, method.module) if m not in HELPERS] for method in found}
    known: dict[str, list[str]] = {id: needed[method] for method in found for id in method.ids}
    modules = sorted({module for some in needed.values() for module in some})
    if unknown := sorted(set(names) - known.keys() - set(modules)):
        raise MutantError(f"no cases of method {', '.join(unknown)}; expected some of {', '.join(sorted(known))}, or a module of theirs")
    return list(dict.fromkeys(module for name in names for module in known.get(name, [name]))) or modules


def _unmatched(root: Path, equivalents: Mapping[str, Iterable[Equivalent]], targets: Sequence[str]) -> list[str]:
    """Entries of the list that match no fault, for the modules at hand; a module that is gone counts always."""
    wrong = []
    for module, entries in equivalents.items():
        path = _path(root, module)
        if not path.is_file():
            wrong.append(f"{module}: no such module")
        elif module in targets:
            known = {(fault.original, fault.mutated) for fault in Module(path).faults}
            wrong += [f"{module}: matches no fault: {e.original} → {e.mutated}" for e in entries if (e.original, e.mutated) not in known]
    return wrong


def _try_module(
    root: Path, trials: Trials, module: str, users: Sequence[Method], equivalents: Sequence[Equivalent], known: Planted | None
) -> dict[str, Any]:
    """Try a module's faults, of those ``known`` only the survivors; the counts and what survived, by line."""
    path = _path(root, module)
    source = Module(path)
    skipped = {(e.original, e.mutated) for e in equivalents}
    faults = [fault for fault in source.faults if (fault.original, fault.mutated) not in skipped]
    equivalent = len(source.faults) - len(faults)
    if known:
        faults = [fault for fault in faults if str(fault) in known.survivors]
    start = time.monotonic()
    survivors = []
    for done, (fault, result) in enumerate(trials.run(module, source, faults, users) if faults else (), 1):
        if result is Result.BROKEN:
            raise MutantError(f"{module}: the tests do not pass without any fault; run: pytest {' '.join(_paths(users))}")
        if result is Result.SURVIVED:
            survivors.append(fault)
            _clear()
            print(f"{path.relative_to(root).as_posix()}:{fault.line}: {fault}", flush=True)
        _progress(f"{module}: {done} of {len(faults)}, {len(survivors)} survived", plain=done % 50 == 0)
    _clear()
    seconds = time.monotonic() - start
    before = ", the others were found before" if known else ""
    print(
        f"{module}: {len(survivors)} of {len(faults)} survived, {equivalent} equivalent{before} ({seconds:.0f} s)",
        file=sys.stderr,
        flush=True,
    )
    left = tuple(map(str, sorted(survivors, key=lambda f: f.line)))
    return {"faults": len(source.faults), "equivalent": equivalent, "survivors": left}


def _path(root: Path, module: str) -> Path:
    return root / (module.replace(".", "/") + ".py")


def _paths(users: Sequence[Method]) -> list[str]:
    return [path for method in users for path in method.tests]


def _progress(text: str, *, plain: bool = False) -> None:
    """Show ``text`` in place on a terminal; elsewhere print it where ``plain``."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    elif plain:
        print(text, file=sys.stderr, flush=True)


def _clear() -> None:
    _progress("")


def _list(root: Path, names: Sequence[str]) -> int:
    for module in _targets(root, methods_of(root), names):
        path = _path(root, module)
        for fault in Module(path).faults:
            print(f"{path.relative_to(root).as_posix()}:{fault.line}: {fault}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The command; 0 no survivor, 1 survivors, 2 usage."""
    parser = argparse.ArgumentParser(
        prog="python -m dlatlas.evidence.mutants", description="Try one-line faults and print those no test finds."
    )
    parser.add_argument(
        "names", metavar="METHOD | MODULE", nargs="*", help="ids of methods, or modules such as refimpl.training.adam (default: all)"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="children at a time (default 2)")
    parser.add_argument("--list", action="store_true", help="print the faults and try none")
    parser.add_argument("--evidence", action="store_true", help="store what became of each module; pass over what is stored already")
    parser.add_argument("--survivors", action="store_true", help="where only tests changed, try again only what survived; needs --evidence")
    parser.add_argument("--root", type=Path, default=Path.cwd(), metavar="DIR", help="the checkout (default: the working folder)")
    options = parser.parse_args(argv)
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}")
    if options.survivors and not options.evidence:
        parser.error("--survivors needs --evidence, which says what survived")
    root = options.root.resolve()
    try:
        if options.list:
            return _list(root, options.names)
        return run(root, options.names, jobs=options.jobs, evidence=options.evidence, survivors=options.survivors)
    except MutantError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
