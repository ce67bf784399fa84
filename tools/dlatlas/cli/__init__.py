"""The command ``dlatlas``.

Each command stands in a module of its own with ``configure(parser)``, which adds its options
and sets ``run``, a function of the parsed arguments that returns the exit status: 0 success,
1 findings or nothing found, 2 usage. One whose arguments argparse would misread has ``prepare``
too, which rewrites them. A module is imported only when its command is called.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from dlatlas import __version__

COMMANDS = {
    "search": "find entries, topics and methods in English or Chinese",
    "show": "print an entry, a topic or a method",
    "topics": "list the topics",
    "methods": "list the methods and whether they are verified",
    "stats": "count what the catalog holds and what it lacks",
    "export": "print the catalog as BibTeX, CSL-JSON, JSON, an Atom feed or for OpenSearch",
    "lint": "check the catalog",
    "add": "draft an entry for a new work",
    "fmt": "give the catalog's files their one form",
    "links": "check the catalog's links on the network",
    "site": "build or serve the site",
    "live": "build or check the models that the site runs in the browser",
    "claims": "list, run or verify the claims",
    "figures": "list, compute or verify what the figures of the site show",
    "bench": "time the reference implementations against other implementations",
    "test": "run the tests of methods",
    "completion": "print a script that completes commands, options and values in bash, zsh or fish",
}
"""Every command, with one line of help; module ``dlatlas.cli.<command>_command`` holds it."""


EXTRAS = {"torch": "refimpl", "numpy": "refimpl", "mkdocs": "site", "matplotlib": "site", "griffe": "site", "pytest": "dev", "scipy": "dev"}
EXTRAS |= dict.fromkeys(("onnx", "onnxruntime", "onnxscript"), "dev")
"""Packages that only some commands need, and the extra that brings them."""


class LazyParser(argparse.ArgumentParser):
    """A parser of one command that imports the command's module when it is first used."""

    def __init__(self, *args: Any, command: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, allow_abbrev=False, **kwargs)
        self.command = command

    def load(self) -> Callable[[Sequence[str]], Sequence[str]]:
        """Import the module of the command, if that is still to do, and add its options; what prepares the arguments is returned."""
        if self.command is None:
            return list
        command, self.command = self.command, None
        _root_option(self, default=argparse.SUPPRESS)
        module = importlib.import_module(f"dlatlas.cli.{command}_command")
        module.configure(self)
        return getattr(module, "prepare", list)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        return super().parse_known_args(self.load()(args), namespace)


def _root_option(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument("--root", metavar="DIR", default=default, help="folder that holds catalog/ (default: around the working folder)")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; that of each command is filled when it is first used."""
    parser = argparse.ArgumentParser(prog="dlatlas", description="The Deep Learning Atlas.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"dlatlas {__version__}")
    _root_option(parser, default=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=LazyParser)
    for name, help in COMMANDS.items():
        commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".", command=name)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; ``SystemExit`` only from usage errors and ``--help``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        args = build_parser().parse_args(argv)
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if (message := _message(error)) is None:
            raise
        print(f"dlatlas: {message}", file=sys.stderr)
        return 1 if type(error).__name__ == "BuildError" else 2


def _message(error: Exception) -> str | None:
    """What to tell of an error that the program itself defines or that a missing extra causes; None for a fault of the program."""
    if type(error).__module__.startswith("dlatlas."):
        hint = "\nthe catalog does not load; dlatlas lint says more" if type(error).__name__ == "CatalogError" else ""
        return f"{error}{hint}"
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
        return f"this command needs {error.name}: pip install 'dlatlas[{EXTRAS[error.name]}]'"
    return None
