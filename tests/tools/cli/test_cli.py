"""The command: JSON that programs rely on, exit statuses, pipes, terminals and bad input."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from dlatlas import __version__
from dlatlas.cli import COMMANDS, main, stats_command
from dlatlas.cli.test_command import selection
from rich.cells import cell_len

from tests.tools.tree import write


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLATLAS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def run(tree: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def call(*args: str) -> tuple[int, str, str]:
        try:
            status = main(["--root", str(tree), *args])
        except SystemExit as error:
            status = int(error.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def process(*args: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "dlatlas.cli", *args], capture_output=True, text=True, timeout=60, **kwargs)  # type: ignore[call-overload,no-any-return]


def test_importing_the_command_is_light() -> None:
    code = "import sys, dlatlas.cli; print(sorted({'torch', 'requests', 'rich', 'yaml', 'msgspec', 'sqlite3', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_no_command_but_links_imports_requests(tree: Path) -> None:
    for args in (["stats"], ["lint"], ["methods"], ["show", "adam"], ["claims", "list"]):
        code = (
            "import sys; from dlatlas.cli import main; main(sys.argv[1:]); print(sorted({'torch', 'requests', 'numpy'} & set(sys.modules)))"
        )
        result = subprocess.run([sys.executable, "-c", code, "--root", str(tree), *args], capture_output=True, text=True, check=True)
        assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command: str) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = run(command, "--help")
    assert status == 0 and f"dlatlas {command}" in out


def test_version(run) -> None:  # type: ignore[no-untyped-def]
    assert run("--version")[:2] == (0, f"dlatlas {__version__}\n")


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["nonsense"],
        ["lint", "--nonsense"],
        ["lint", "--explain", "nonsense"],
        ["search"],
        ["search", "x", "--limit", "0"],
        ["show"],
        ["site"],
    ],
)
def test_usage_errors(run, args: list[str]) -> None:  # type: ignore[no-untyped-def]
    status, out, err = run(*args)
    assert (status, out) == (2, "") and err


def test_a_root_without_catalog(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "--root", str(tmp_path)]) == 2
    assert str(tmp_path / "catalog" / "areas.yml") in capsys.readouterr().err


def test_a_catalog_that_does_not_load(run, tree: Path) -> None:  # type: ignore[no-untyped-def]
    write(tree, {"catalog/areas.yml": "- {id: UPPER}\n"}, append=True)
    for args in (["stats"], ["topics"], ["show", "adam"], ["search", "adam"]):
        status, out, err = run(*args)
        assert (status, out) == (2, "")
        assert "catalog/areas.yml:9: UPPER:" in err and "[schema]" in err
    assert run("lint")[0] == 1


def test_evidence_that_does_not_load(run, tree: Path) -> None:  # type: ignore[no-untyped-def]
    write(tree, {"evidence/checks/cpu/x.json": "{"})
    status, _, err = run("methods")
    assert status == 2 and "evidence/checks/cpu/x.json" in err


def test_errors_of_the_program_are_told_and_faults_are_not_hidden(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def failing(error: Exception):  # type: ignore[no-untyped-def]
        def load(root: Path) -> None:
            raise error

        return load

    monkeypatch.setattr(stats_command, "load", failing(ModuleNotFoundError("No module named 'torch'", name="torch")))
    assert run("stats") == (2, "", "dlatlas: this command needs torch: pip install 'dlatlas[refimpl]'\n")
    monkeypatch.setattr(stats_command, "load", failing(ValueError("a fault")))
    with pytest.raises(ValueError, match="a fault"):
        run("stats")


def test_topics_json(run) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = run("topics", "--json")
    assert status == 0
    assert json.loads(out)[0] == {
        "id": "optimizers",
        "area": "training",
        "title": {"en": "Optimizers", "zh": "优化器"},
        "requires": [],
        "entries": 3,
        "methods": ["adam", "storm"],
        "implemented": 1,
    }


def test_methods_json(run, tree: Path) -> None:  # type: ignore[no-untyped-def]
    def methods() -> dict[str, dict[str, object]]:
        return {method["id"]: method for method in json.loads(run("methods", "--json")[1])}

    adam = {
        "id": "adam",
        "topic": "optimizers",
        "area": "training",
        "object": "refimpl.training.adam:Adam",
        "paper": "kingma-2014-adam",
        "oracle": {"en": "torch.optim.Adam", "zh": "torch.optim.Adam"},
        "status": "verified",
        "checks": 1,
        "devices": ["cpu"],
    }
    assert methods()["adam"] == adam
    assert methods()["storm"] == adam | {
        "id": "storm",
        "object": None,
        "paper": None,
        "oracle": None,
        "status": "unverified",
        "checks": 0,
        "devices": [],
    }
    write(tree, {"refimpl/training/adam.py": "\n# changed\n"}, append=True)
    assert methods()["adam"]["status"] == "stale"


def test_stats_json(run) -> None:  # type: ignore[no-untyped-def]
    stats = json.loads(run("stats", "--json")[1])
    counts = {
        name: stats[name] for name in ("areas", "entries", "topics", "methods", "implemented", "verified", "stale", "claims", "links")
    }
    assert counts == {
        "areas": 2,
        "entries": 4,
        "topics": 3,
        "methods": 3,
        "implemented": 1,
        "verified": 1,
        "stale": 0,
        "claims": 1,
        "links": 5,
    }
    assert stats["gaps"] == {
        "untitled": 0,
        "no_authors": 0,
        "no_date": 0,
        "no_note": 3,
        "no_link": 0,
        "no_level": 4,
        "empty_topics": 1,
        "planned_methods": 2,
    }
    assert stats["by_type"] == {"paper": 2, "article": 1, "code": 1}
    assert stats["by_lang"] == {"en": 3, "zh-Hant": 1}


def test_plain_lists_are_tab_separated(run) -> None:  # type: ignore[no-untyped-def]
    assert run("topics")[1].splitlines()[0] == "optimizers\ttraining\tOptimizers\t优化器\t3\t2\t1"
    assert run("methods")[1].splitlines()[:2] == [
        "adam\toptimizers\tverified\trefimpl.training.adam:Adam\t1\tcpu",
        "storm\toptimizers\tplanned\t\t0\t",
    ]
    assert "gaps.no_note\t3" in run("stats")[1].splitlines()
    assert run("claims", "list")[1] == "adam-steps\toptimizers\tverified\tThe first step has length alpha.\n"
    assert [claim["reproduces"] for claim in json.loads(run("claims", "list", "--json")[1])] == [True]


def test_show(run) -> None:  # type: ignore[no-untyped-def]
    entry = json.loads(run("show", "kingma-2014-adam", "--json")[1])
    assert entry["type"] == "paper" and entry["ids"] == {"arxiv": "1412.6980"}
    assert entry["incoming"] == [{"rel": "explains", "from": "zhihu-p-1"}, {"rel": "implements", "from": "gh-someone-adam"}]
    assert json.loads(run("show", "lstm", "--json")[1])["type"] == "topic"
    assert json.loads(run("show", "method:lstm", "--json")[1])["type"] == "method"
    method = json.loads(run("show", "adam", "--json")[1])
    assert (method["type"], method["status"], method["topic"]) == ("method", "verified", "optimizers")
    for address in ("1412.6980", "arxiv:1412.6980v3", "https://arxiv.org/pdf/1412.6980", "https://github.com/someone/ADAM.git"):
        assert run("show", address)[0] == 0
    _, out, _ = run("show", "kingma-2014-adam")
    assert out.startswith("Adam: A Method for Stochastic Optimization · Adam：一种随机优化方法\nid: kingma-2014-adam\n")
    assert "next: lstm" in run("show", "optimizers")[1]


def test_exports(run) -> None:  # type: ignore[no-untyped-def]
    assert run("show", "kingma-2014-adam", "--bibtex")[1].startswith("@misc{kingma-2014-adam,\n")
    assert run("show", "lstm", "--bibtex")[0] == 1
    assert run("export", "bibtex")[1].count("@") == 4
    assert run("export", "bibtex", "--topic", "pruning", "--type", "paper")[1].startswith("@misc{lecun-1989-optimal-brain-damage,\n")
    assert run("export", "bibtex", "--topic", "nowhere")[:2] == (1, "")
    exported = json.loads(run("export", "json", "--type", "code")[1])
    assert [entry["id"] for entry in exported["entries"]] == ["gh-someone-adam"] and len(exported["topics"]) == 3
    assert [item["type"] for item in json.loads(run("export", "csl", "--topic", "optimizers")[1])] == ["article", "post-weblog", "software"]
    assert run("export", "atom")[1].count("<entry>") == 1


def test_export_to_a_file(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "new" / "all.bib"
    assert run("export", "bibtex", "--out", str(out)) == (0, "", "")
    assert out.read_text("utf-8") == run("export", "bibtex")[1]
    assert run("export", "bibtex", "--topic", "optimiser")[2] == "dlatlas: no topic 'optimiser'; did you mean optimizers?\n"
    assert run("export", "json", "--out", str(out / "below")) == (2, "", f"dlatlas: cannot write {out}/below: File exists\n")


def test_fmt(run, tree: Path) -> None:  # type: ignore[no-untyped-def]
    entries = tree / "catalog/training/optimizers/entries.yml"
    before = entries.read_text("utf-8")
    status, out, _ = run("fmt", "--check")
    assert status == 1 and f"would format {entries}\n" in out and entries.read_text("utf-8") == before
    assert run("fmt")[0] == 0 and entries.read_text("utf-8") != before
    assert run("fmt", "--check") == (0, "", "") and run("lint")[0] == 0
    entries.write_bytes(b"- id: [\n")
    (tree / "catalog/areas.yml").write_text("[ ]\n", "utf-8")
    status, out, error = run("fmt")
    assert (status, out) == (1, f"formatted {tree}/catalog/areas.yml\n") and error.startswith(f"dlatlas: {entries}: line ")
    assert entries.read_bytes() == b"- id: [\n"
    assert run("fmt", str(tree / "other.yml"))[0] == 2
    assert run("fmt", str(tree / "gone" / "topic.yml"))[2] == f"dlatlas: {tree}/gone/topic.yml: No such file or directory\n"


def test_show_unknown(run) -> None:  # type: ignore[no-untyped-def]
    status, out, err = run("show", "kingma-2014-adm")
    assert (status, out) == (1, "") and "did you mean kingma-2014-adam" in err
    assert run("show", "topic:adam")[0] == 1


def test_search(run) -> None:  # type: ignore[no-untyped-def]
    hits = json.loads(run("search", "剪枝", "--json")[1])
    assert hits[0]["id"] == "pruning" and {"lecun-1989-optimal-brain-damage", "zhihu-p-1"} < {hit["id"] for hit in hits}
    status, out, _ = run("search", "optimal", "brain")
    line = "lecun-1989-optimal-brain-damage\tpaper\tOptimal Brain Damage · 最优脑损伤\tpruning\thttps://example.org/obd.pdf"
    assert (status, out.splitlines()[0]) == (0, line)
    status, out, err = run("search", "prrruuning")
    assert (status, out) == (1, "") and "did you mean pruning" in err
    assert run("search", "zzzz", "--json")[:2] == (1, "[]\n")
    assert "searched for 'stochastic'" in run("search", "stochastc")[2]


def test_lint_forms(run, tree: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("lint") == (0, "", "0 errors, 0 warnings\n")
    assert run("lint", "--json")[:2] == (0, "[]\n")
    entry = '- id: bad, type: list, title: {en: "A"}, lang: en, topics: [nowhere]'
    write(tree, {"catalog/compression/pruning/entries.yml": f"- {{{entry[2:]}}}\n"}, append=True)
    status, out, err = run("lint")
    assert status == 1 and err == "2 errors, 1 warning\n"
    assert "catalog/compression/pruning/entries.yml:9: bad: no topic 'nowhere' [dangling-reference]" in out.splitlines()
    problems = json.loads(run("lint", "--json")[1])
    assert {(p["rule"], p["severity"], p["line"]) for p in problems} == {
        ("dangling-reference", "error", 9),
        ("wrong-folder", "error", 9),
        ("no-link", "warning", 9),
    }
    assert (
        "::error file=catalog/compression/pruning/entries.yml,line=9,title=dangling-reference::bad: no topic 'nowhere'"
        in run("lint", "--github")[1].splitlines()
    )


def test_warnings_do_not_fail(run, tree: Path) -> None:  # type: ignore[no-untyped-def]
    write(
        tree,
        {"catalog/compression/pruning/entries.yml": '- {id: bare, type: list, title: {en: "A"}, lang: en, topics: [pruning]}\n'},
        append=True,
    )
    status, out, err = run("lint")
    assert status == 0 and out.startswith("warning: ") and err == "0 errors, 1 warning\n"


def test_lint_rules_are_listed_and_explained(run) -> None:  # type: ignore[no-untyped-def]
    lines = run("lint", "--list")[1].splitlines()
    assert any(line.startswith("duplicate-key\terror\t") for line in lines) and len(lines) > 25
    status, out, _ = run("lint", "--explain", "duplicate-title")
    assert status == 0 and out.startswith("duplicate-title (warning)\n")
    assert "did you mean duplicate-title" in run("lint", "--explain", "duplicate-titel")[2]


def test_lint_fix(run, tree: Path) -> None:  # type: ignore[no-untyped-def]
    path = tree / "catalog/training/optimizers/entries.yml"
    path.write_text(path.read_text("utf-8").replace("的滑动矩", "的Adam滑动矩"), "utf-8")
    assert run("lint")[0] == 1
    assert run("lint", "--fix") == (0, "", "fixed 1 value in catalog/training/optimizers/entries.yml\n0 errors, 0 warnings\n")
    assert "的 Adam 滑动矩" in path.read_text("utf-8")
    assert run("lint", "--explain", "mixed-spacing")[1].startswith("mixed-spacing (error, --fix)\n")


def test_write_schema(run, tree: Path) -> None:  # type: ignore[no-untyped-def]
    path = tree / "catalog/schema/entries.json"
    good = path.read_bytes()
    path.write_text("{}")
    assert run("lint")[0] == 1
    assert run("lint", "--write-schema")[:2] == (0, "wrote catalog/schema/entries.json\n")
    assert path.read_bytes() == good and run("lint")[0] == 0


def test_selection_of_tests(tree: Path) -> None:
    write(tree, {"tests/refimpl/test_generic.py": "", "tests/refimpl/test_generic_more.py": ""})
    assert selection(tree, {"adam": "refimpl.training.adam", "none": "refimpl.training.none"}) == [
        "tests/refimpl/training/test_adam.py",
        "tests/refimpl/test_generic.py",
        "tests/refimpl/test_generic_more.py",
        "--method",
        "adam",
        "--method",
        "none",
    ]


def test_test_and_bench_know_their_methods(run) -> None:  # type: ignore[no-untyped-def]
    assert run("test", "adm")[0] == 2
    assert run("test", "storm")[0] == 1
    assert run("bench", "adm")[0] == 2
    assert run("claims", "run", "adam-step")[0] == 2


def test_a_closed_pipe_is_quiet(tree: Path) -> None:
    entries = "".join(f'- {{id: e-{i}, type: book, title: {{en: "E {i}"}}, lang: en, topics: [pruning]}}\n' for i in range(3000))
    write(tree, {"catalog/compression/pruning/entries.yml": entries}, append=True)
    with subprocess.Popen(
        [sys.executable, "-m", "dlatlas.cli", "--root", str(tree), "lint"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as one:
        assert one.stdout and one.stdout.readline()
        one.stdout.close()
        assert one.stderr and "Traceback" not in one.stderr.read()
        assert one.wait(30) == 141


def test_an_interrupt_is_quiet(tree: Path) -> None:
    code = """if True:
        import signal, sys, time
        from dlatlas.cli import main, stats_command
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background has it ignored
        def slow(root):
            print("ready", flush=True)
            time.sleep(30)
        stats_command.load = slow
        sys.exit(main(sys.argv[1:]))
    """
    command = [sys.executable, "-c", code, "--root", str(tree), "stats"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        assert one.stdout and one.stdout.readline() == "ready\n"
        one.send_signal(signal.SIGINT)
        _, err = one.communicate(timeout=20)
    assert (one.returncode, err) == (130, "")


@pytest.mark.parametrize(("width", "colors"), [(40, True), (100, True), (200, False)])
def test_on_a_terminal(tree: Path, width: int, colors: bool) -> None:
    """Every line fits the width, and NO_COLOR is respected."""
    for args in (["search", "adam"], ["topics"], ["methods"], ["show", "kingma-2014-adam"], ["lint", "--list"]):
        environment = {**os.environ, "COLUMNS": str(width), "TERM": "xterm-256color"} | ({} if colors else {"NO_COLOR": "1"})
        text = _terminal([sys.executable, "-m", "dlatlas.cli", "--root", str(tree), *args], environment)
        if not colors:
            assert not re.search(r"\x1b\[[0-9;]*[34][0-9]", text)
        plain = _without_escapes(text)
        assert max(cell_len(line) for line in plain.splitlines()) <= width, plain


def _terminal(command: list[str], environment: dict[str, str]) -> str:
    leader, follower = pty.openpty()
    with subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL, env=environment) as one:
        os.close(follower)
        data = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:
                break
            if not part:
                break
            data += part
        one.wait(30)
    os.close(leader)
    return data.decode()


def _without_escapes(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "")


def test_a_latin_1_terminal_gets_escapes_not_a_traceback(tree: Path) -> None:
    result = process("--root", str(tree), "topics", env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert result.returncode == 0 and "\\u4f18" in result.stdout


def test_hostile_arguments(run) -> None:  # type: ignore[no-untyped-def]
    for text in ("\ud800", "\0", "'; DROP TABLE docs; --", "剪" * 5000, "../../etc/passwd", "-" * 50 + "x"):
        assert run("show", "--", text)[0] == 1
        assert run("search", "--", text)[0] in (0, 1)
