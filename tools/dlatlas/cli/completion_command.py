"""``dlatlas completion``: scripts for shells, and the words that they ask for.

A script does no more than to hand the command line to ``dlatlas completion --words``, which
prints one candidate a line with a tab and what it means, or only ``:files``.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from dlatlas.cli import LazyParser, build_parser
from dlatlas.cli.output import one_line

SCRIPTS = {
    "bash": """\
# bash: eval "$(dlatlas completion bash)" in ~/.bashrc
_dlatlas() {
    local IFS=$'\\n'
    COMPREPLY=($(dlatlas completion --words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
    if [[ ${COMPREPLY[0]-} == :files ]]; then
        COMPREPLY=()
        compopt -o default 2>/dev/null
    fi
}
complete -F _dlatlas dlatlas
""",
    "zsh": """\
#compdef dlatlas
# zsh: source <(dlatlas completion zsh) in ~/.zshrc after compinit, or keep this as _dlatlas in a folder of $fpath
_dlatlas() {
    local line
    local -a words_found shown
    for line in "${(@f)$(dlatlas completion --words "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n $line ]] || continue
        words_found+=("${line%%$'\\t'*}")
        shown+=("${line/$'\\t'/  -- }")
    done
    if [[ ${words_found[1]-} == :files ]]; then
        _files
    else
        compadd -Q -l -d shown -a words_found
    fi
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then _dlatlas "$@"; else compdef _dlatlas dlatlas; fi
""",
    "fish": """\
# fish: dlatlas completion fish | source, in ~/.config/fish/config.fish
function __dlatlas_words
    set -l given (commandline -opc) (commandline -ct)
    set -l found (dlatlas completion --words $given[2..-1] 2>/dev/null)
    if test "$found[1]" = :files
        __fish_complete_path (commandline -ct)
    else
        string join \\n -- $found
    end
end
complete -c dlatlas -f -a '(__dlatlas_words)'
""",
}

SEPARATOR = "\x1f"
"""Stands between the words of a command line to complete."""

FILES = (":files", "")
"""Asks the shell for its own completion of file names."""

Candidate = tuple[str, str]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "dlatlas completion {bash,zsh,fish}"
    parser.epilog = "Each script says in its first lines where it belongs."
    parser.add_argument("shell", nargs="?", choices=list(SCRIPTS), metavar="{bash,zsh,fish}", help="the shell whose script is printed")
    parser.add_argument("--words", help=argparse.SUPPRESS)
    parser.set_defaults(run=run, fail=parser.error)


def prepare(arguments: Sequence[str]) -> list[str]:
    """The arguments with everything behind ``--words`` as its one value, since a command line to complete holds anything."""
    return [f"--words={SEPARATOR.join(arguments[1:])}"] if arguments[:1] == ["--words"] else list(arguments)


def run(args: argparse.Namespace) -> int:
    if args.words is not None:
        for word, meaning in candidates(args.words.split(SEPARATOR)):
            print(f"{one_line(word)}\t{one_line(meaning)}" if meaning else one_line(word))
    elif args.shell:
        print(SCRIPTS[args.shell], end="")
    else:
        args.fail(f"name a shell: {', '.join(SCRIPTS)}")
    return 0


def candidates(given: Sequence[str]) -> list[Candidate]:
    """What the last of the words after ``dlatlas`` may become, each with its meaning."""
    *before, last = _joined(given)
    at = Position(build_parser())
    for word in before:
        at.advance(word)
    if at.option is not None:
        return _values(at.option, last, at.root)
    name, equals, value = last.partition("=")
    if equals and (option := at.options().get(name)):
        return [(f"{name}={word}", help) for word, help in _values(option, value, at.root) if word != FILES[0]]
    if last.startswith("-") and not at.ended:
        return [(name, action.help or "") for name, action in at.options().items() if name.startswith(last)]
    action = at.positional()
    helps = {one.dest: one.help or "" for one in getattr(action, "_choices_actions", ())}
    return [(word, helps.get(word, "")) for word in map(str, (action and action.choices) or ()) if word.startswith(last)]


class Position:
    """Where in a command line the next word stands: the parser that reads it and what it waits for."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser
        self.taken = 0  # positional arguments so far
        self.option: argparse.Action | None = None  # whose value comes next
        self.ended = False  # whether ``--`` was given
        self.root: str | None = None

    def options(self) -> dict[str, argparse.Action]:
        """The long options of the parser."""
        shown = (action for action in self.parser._actions if action.help != argparse.SUPPRESS)
        return {name: action for action in shown for name in action.option_strings if name.startswith("--")}

    def positional(self) -> argparse.Action | None:
        """The positional argument that comes next."""
        positionals = [action for action in self.parser._actions if not action.option_strings]
        return positionals[self.taken] if self.taken < len(positionals) else None

    def advance(self, word: str) -> None:
        """Read one word."""
        if self.option is not None:
            self._value(self.option, word)
            self.option = None
        elif self.ended or not word.startswith("-"):
            self._word(word)
        elif word == "--":
            self.ended = True
        else:
            name, equals, value = word.partition("=")
            action = self.options().get(name)
            if action is not None and equals:
                self._value(action, value)
            elif action is not None and action.nargs != 0:
                self.option = action

    def _value(self, action: argparse.Action, value: str) -> None:
        if action.dest == "root":
            self.root = value

    def _word(self, word: str) -> None:
        action = self.positional()
        if action is None:
            return
        if isinstance(action.choices, dict):  # commands: the parser of one goes on, after another word nothing does
            self.parser, self.taken = action.choices.get(word, argparse.ArgumentParser(add_help=False)), 0
            if isinstance(self.parser, LazyParser):
                self.parser.load()
        elif action.nargs not in ("*", "+"):
            self.taken += 1


def _joined(given: Sequence[str]) -> Iterator[str]:
    """The words without the equals signs that bash makes words of their own, where the value behind is what it completes."""
    for i, word in enumerate(given):
        if word != "=" or not given[i - 1].startswith("--"):
            yield word
        elif i + 1 == len(given):
            yield ""


def _values(action: argparse.Action, last: str, root: str | None) -> list[Candidate]:
    """What an option takes; the last of several values separated by commas is completed."""
    if action.choices is not None:
        return [(word, "") for word in map(str, action.choices) if word.startswith(last)]
    if action.type is Path or action.metavar in ("DIR", "FILE"):
        return [FILES]
    head, comma, tail = last.rpartition(",")
    chosen = head.split(",")
    return [(f"{head}{comma}{word}", "") for word in _known(action.dest, root) if word.startswith(tail) and word not in chosen]


def _known(field: str, root: str | None) -> list[str]:
    """The values of a filter of the search; none where there is no such filter or no catalog."""
    from dlatlas.cli.search_command import FILTERS

    found: list[str] = []
    if field in FILTERS:
        with contextlib.suppress(Exception):  # a completion that fails stays silent
            from dlatlas.root import find_root
            from dlatlas.search import values

            found = values(find_root(root), field)
    return found
