"""Completion: the candidates for a command line, and the scripts in the shells themselves."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dlatlas.cli import COMMANDS, main
from dlatlas.cli.completion_command import SCRIPTS, candidates


def words(*given: str) -> list[str]:
    return [word for word, _ in candidates(given)]


@pytest.fixture
def here(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLATLAS_ROOT", str(tree))
    return tree


def test_commands_with_their_meaning() -> None:
    assert set(COMMANDS) <= set(words(""))
    assert candidates(["sea"]) == [("search", COMMANDS["search"])]
    assert words("nonsense", "") == [] and words("nonsense", "--") == []
    assert "--root" in words("--r") and "--version" in words("-")


def test_options_of_a_command_and_of_its_actions() -> None:
    assert words("search", "--ty") == ["--type"]
    assert words("links", "che") == ["check"]
    assert "--max-age" in words("links", "check", "--max") and "--type" not in words("links", "check", "--")
    assert words("search", "--", "--ty") == [] and words("search", "word", "") == []
    assert "--words" not in words("completion", "--")


def test_choices() -> None:
    assert words("export", "op") == ["opensearch"]
    assert words("search", "--color", "a") == ["auto", "always"]
    assert words("completion", "") == ["bash", "zsh", "fish"]
    assert words("export", "bibtex", "") == []


def test_files() -> None:
    assert words("export", "--out", "") == [":files"]
    assert words("--root", "") == [":files"]
    assert words("search", "--root", "x") == [":files"]
    assert words("--root", "x", "sea") == ["search"]


def test_values_of_filters(here: Path) -> None:
    assert words("search", "--type", "pa") == ["paper"]
    assert words("search", "--type=pa") == ["--type=paper"]
    assert words("search", "--type", "=", "pa") == ["paper"]  # as bash takes it apart
    assert "paper" in words("search", "--type", "=")
    assert words("search", "--type", "paper,cod") == ["paper,code"] and "paper,paper" not in words("search", "--type", "paper,")
    assert words("search", "--topic", "l") == ["lstm"]
    assert "pytorch" in words("search", "adam", "--framework", "")
    assert words("search", "--limit", "") == []


def test_values_without_a_catalog(tmp_path: Path) -> None:
    assert words("--root", str(tmp_path), "search", "--type", "") == []


def test_the_command(capsys: pytest.CaptureFixture[str], tree: Path) -> None:
    for shell, script in SCRIPTS.items():
        assert main(["completion", shell]) == 0 and capsys.readouterr().out == script
    assert main(["completion", "--words", "--root", str(tree), "search", "--topic", "lst"]) == 0
    assert capsys.readouterr().out == "lstm\n"
    assert main(["completion", "--words", "search", "--", "--ty"]) == 0 and capsys.readouterr().out == ""
    for args in (["completion"], ["completion", "csh"]):
        with pytest.raises(SystemExit, match="2"):
            main(args)
        assert "bash" in capsys.readouterr().err


@pytest.fixture
def shell(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in; ``dlatlas`` completes as it does and otherwise prints its arguments."""
    bin = tmp_path / "bin"
    bin.mkdir()
    real = f'exec "{sys.executable}" -m dlatlas.cli "$@"'
    (bin / "dlatlas").write_text(f"#!/bin/sh\n[ \"$1\" = completion ] && {real}\nprintf 'GOT'; printf ' <%s>' \"$@\"; echo\n", "utf-8")
    (bin / "dlatlas").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin}:{os.environ['PATH']}")
    (tmp_path / "work" / "folder with space").mkdir(parents=True)
    return tmp_path / "work"


class Session:
    """An interactive shell."""

    def __init__(self, command: list[str], folder: Path) -> None:
        environment = {**os.environ, "TERM": "xterm", "HOME": str(folder), "HISTFILE": "/dev/null", "COLUMNS": "200"}
        self.leader, follower = pty.openpty()
        ends = {"stdin": follower, "stdout": follower, "stderr": follower}
        self.process = subprocess.Popen(command, **ends, cwd=folder, env=environment, start_new_session=True)
        os.close(follower)

    def type(self, keys: str, expected: str) -> str:
        """Type keys and return what is shown until ``expected``; fails when it does not come."""
        os.write(self.leader, keys.encode())
        shown, end = b"", time.monotonic() + 30
        while expected.encode() not in shown:
            assert time.monotonic() < end, shown.decode(errors="replace")
            if select.select([self.leader], [], [], 0.2)[0]:
                shown += os.read(self.leader, 65536)
        return shown.decode(errors="replace")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.leader)


@pytest.mark.parametrize(
    ("command", "prepare"),
    [
        (["bash", "--norc", "--noprofile", "-i"], 'eval "$(dlatlas completion bash)"'),
        (["zsh", "-f", "-i"], "autoload -U compinit && compinit -u -D && source <(dlatlas completion zsh)"),
    ],
    ids=["bash", "zsh"],
)
def test_in_a_shell(shell: Path, command: list[str], prepare: str) -> None:
    """Tab completes a command, an option, a value behind a comma, one behind an equals sign, and a folder."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    session = Session(command, shell)
    try:
        session.type(f"{prepare}; echo read''y\n", "ready")
        session.type("dlatlas sea\t--ty\tpaper,cod\tword\n", "GOT <search> <--type> <paper,code> <word>")
        session.type("dlatlas search --topic=ls\t\n", "GOT <search> <--topic=lstm>")
        session.type("dlatlas --root fol\t\n", "GOT <--root> <folder with space")
    finally:
        session.close()


def test_in_fish(shell: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")

    def complete(line: str) -> list[str]:
        command = ["fish", "-c", f'dlatlas completion fish | source; complete -C "{line}"']
        environment = {**os.environ, "HOME": str(shell)}
        result = subprocess.run(command, capture_output=True, text=True, cwd=shell, env=environment, timeout=60)
        return result.stdout.splitlines()

    assert complete("dlatlas sea") == [f"search\t{COMMANDS['search']}"]
    assert complete("dlatlas search --type paper,cod") == ["paper,code"]
    assert complete("dlatlas search --topic=ls") == ["--topic=lstm"]
    assert complete("dlatlas --root fol") == ["folder with space/"]
