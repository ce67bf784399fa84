"""The search command: its table at any width, colors and links, plain lines, JSON, BibTeX, the browser, filters and bad input."""

from __future__ import annotations

import json
import re
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest
from dlatlas.cli import main
from dlatlas.cli.results import matches, title_of, web_address
from dlatlas.cli.screen import DIM, MATCH, Screen, Span, can_link, wrapped
from dlatlas.cli.search_command import prepare
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.tools.tree import write

Run = Callable[..., tuple[int, str, str]]

TITLE = '"Odd \\e]0;taken\\a \\e[31mred\\tand\\nlines \\u202eright to left"'
ENTRIES = f"""\
- id: odd
  type: book
  title: {{en: {TITLE}, zh: "剪枝与量化：双倍宽度的标题能否对齐，全靠逐格计算宽度而不是数字符的个数"}}
  lang: en
  links: [{{url: "javascript:alert(1)"}}, {{url: "https://example.org/odd?a=1;b=图"}}]
  topics: [pruning]
- id: unsafe
  type: video
  title: {{en: "Pruning unsafe"}}
  lang: en
  links: [{{url: "javascript:alert(1)"}}]
  topics: [pruning]
"""
PLAIN = {"TERM": "xterm-256color", "COLUMNS": "80"}


@pytest.fixture
def run(tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    write(tree, {"catalog/compression/pruning/entries.yml": ENTRIES}, append=True)
    for name in ("NO_COLOR", "FORCE_COLOR", "FORCE_HYPERLINK", "COLORTERM", "VTE_VERSION", "TERM_PROGRAM", "WT_SESSION", "KITTY_WINDOW_ID"):
        monkeypatch.delenv(name, raising=False)

    def call(*args: str, **environment: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            for name, value in (PLAIN | environment).items():
                patch.setenv(name, value)
            try:
                status = main(["--root", str(tree), "search", *args])
            except SystemExit as error:
                status = int(error.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def bare(text: str) -> str:
    """The text without colors and links."""
    return re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", text)


# The table


@pytest.mark.parametrize("width", [30, 31, 44, 59, 60, 80, 109, 110, 157, 300])
@pytest.mark.parametrize("linked", ["0", "1"])
def test_the_table_fits_any_width(run: Run, width: int, linked: str) -> None:
    status, out, _ = run("剪枝", "--color", "always", COLUMNS=str(width), FORCE_HYPERLINK=linked)
    lines = bare(out).splitlines()
    assert status == 0 and max(map(cell_len, lines)) <= width
    assert "\x1b]8;" in out if linked == "1" else "\x1b]8;" not in out
    assert "\x1b" not in bare(out) and "\u202e" not in out


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_columns_are_aligned_in_cells(run: Run, width: int) -> None:
    """The types stand below each other although the titles mix letters of one and two cells."""
    _, out, _ = run("剪枝", "--color", "always", COLUMNS=str(width))
    rows = [line for line in bare(out).splitlines() if re.match(r" *\d+ ", line)]
    types = [re.search(r" (topic|paper|book|video|article) ", line + " ") for line in rows]
    assert len(rows) >= 4 and all(types)
    assert len({cell_len(line[: found.start()]) for line, found in zip(rows, types, strict=True) if found}) == 1


@given(st.lists(st.tuples(st.text("ab剪枝，– \u0301😀e", max_size=30), st.sampled_from(["", MATCH, DIM])), max_size=5), st.integers(2, 40))
def test_lines_are_never_too_long_and_nothing_is_lost(given_spans: list[tuple[str, str]], width: int) -> None:
    spans = [Span(*one) for one in given_spans]
    lines = wrapped(spans, width)
    assert all(cell_len("".join(span.text for span in line)) <= width for line in lines)
    before = [(c, span.style) for span in spans for c in span.text if not c.isspace()]
    assert [(c, span.style) for line in lines for span in line for c in span.text if not c.isspace()] == before


def test_words_stay_whole_and_long_ones_are_cut() -> None:
    def lines(text: str, width: int) -> list[str]:
        return ["".join(span.text for span in line) for line in wrapped([Span(text)], width)]

    assert lines("one two three", 8) == ["one two", "three"]
    assert lines("https://example.org/x", 9) == ["https://e", "xample.or", "g/x"]
    assert lines("a 剪枝剪枝", 5) == ["a 剪", "枝剪", "枝"]
    assert lines("", 9) == [""]


def test_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "7")
    assert Screen.of("always", {}).width == 20
    assert Screen.of("auto", {"TERM": "xterm-kitty"}) == Screen.of("never", {"TERM": "xterm-kitty"})  # not a terminal
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert Screen.of("auto", {"TERM": "xterm-kitty"}).linked and Screen.of("auto", {"TERM": "dumb"}).codes == {}
    assert set(Screen.of("auto", {"NO_COLOR": "1", "TERM": "xterm"}).codes.values()) == {"1", "2"}
    assert Screen.of("auto", {"NO_COLOR": "", "TERM": "xterm"}).codes[MATCH] == "1;33"


def test_matches_are_marked(run: Run) -> None:
    _, out, _ = run("剪枝", "--color", "always")
    assert "\x1b[1;33m剪枝\x1b[0m" in out


def test_links_are_where_the_terminal_can(run: Run) -> None:
    target = "https://example.org/odd?a=1;b=%E5%9B%BE"
    _, out, _ = run("odd", "--color", "always", FORCE_HYPERLINK="1")
    assert target in out and "javascript" not in out
    assert "https://example.org/odd?a=1;b=图" not in bare(out)
    _, out, _ = run("odd", "--color", "always", FORCE_HYPERLINK="0", COLUMNS="120")
    assert "https://example.org/odd?a=1;b=图" in bare(out) and "javascript" not in out


def test_a_long_answer_says_how_much_more_there_is(run: Run) -> None:
    status, out, err = run("--topic", "optimizers", "--limit", "2", "--color", "always")
    assert status == 0 and re.search(r"\n2 of [3-9]; --limit 4 shows more", bare(out)) and not err
    status, out, err = run("--topic", "optimizers", "--limit", "2")
    assert out.count("\n") == 2 and re.search(r"2 of [3-9] results", err)
    assert "shows more" not in "".join(run("--topic", "optimizers", "--limit", "50")[1:])


# Colors


def test_colors(run: Run) -> None:
    assert "\x1b" not in run("odd")[1]
    assert "\x1b[1;33m" in run("odd", "--color", "always")[1]
    assert "\x1b[1;33m" in run("odd", "--color", "always", NO_COLOR="1")[1]
    assert "\x1b[1;33m" in run("odd", "--color", "always", TERM="dumb")[1]
    assert "\x1b" not in run("odd", "--color", "never", FORCE_COLOR="1")[1]


@pytest.mark.parametrize(
    ("environment", "able"),
    [
        ({}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "foot"}, True),
        ({"VTE_VERSION": "4900"}, False),
        ({"VTE_VERSION": "6800"}, True),
        ({"VTE_VERSION": "x"}, False),
        ({"WT_SESSION": "1"}, True),
        ({"TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM": "dumb", "FORCE_HYPERLINK": "1"}, True),
        ({"TERM": "xterm-kitty", "FORCE_HYPERLINK": "0"}, False),
    ],
)
def test_which_terminals_can_link(environment: dict[str, str], able: bool) -> None:
    assert can_link(environment) is able


@pytest.mark.parametrize(
    ("text", "terms", "marked"),
    [
        ("Pruned networks", ["prun"], ["Pruned"]),
        ("Optimisation of batch-normalized nets", ["optimiz", "normaliz"], ["Optimisation", "normalized"]),
        ("權重衰減與剪枝", ["权重衰减"], ["權重衰減"]),
        ("用随机失活改进 Dropout", ["随机失活", "dropout"], ["随机失活", "Dropout"]),
        ("推土机距离", ["机距"], ["机距"]),
        ("nothing here", ["prun", "剪枝"], []),
        ("", ["prun"], []),
    ],
)
def test_what_is_marked(text: str, terms: list[str], marked: list[str]) -> None:
    assert [text[start:end] for start, end in matches(text, terms)] == marked


# Lines, JSON, BibTeX


def test_lines_in_a_pipe(run: Run) -> None:
    status, out, err = run("odd")
    (line,) = [line for line in out.splitlines() if line.startswith("odd\t")]
    assert status == 0 and err == "" and line.count("\t") == 4
    assert line.startswith("odd\tbook\tOdd \ufffd]0;taken\ufffd \ufffd[31mred and lines \ufffdright to left · 剪枝")
    assert all(line.count("\t") == 4 for line in out.splitlines()) and not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", out)


def test_json(run: Run) -> None:
    status, out, _ = run("odd", "--json")
    hit = next(hit for hit in json.loads(out) if hit["id"] == "odd")
    assert status == 0 and set(hit) == {"id", "type", "title", "topics", "urls", "score"}
    assert hit["title"]["en"].startswith("Odd \x1b]0;") and "\\u001b" in out and "\x1b" not in out
    assert json.loads(run("zzzzqqq", "--json")[1]) == [] and run("zzzzqqq", "--json")[0] == 1


def test_explanations(run: Run) -> None:
    assert re.search(r"\+\d+\.\d\d ", bare(run("剪枝", "--explain", "--color", "always", COLUMNS="120")[1]))
    lines = run("剪枝", "--explain")[1].splitlines()
    assert all(re.search(r"\t\+\d+\.\d\d [^\t]+$", line) for line in lines)
    assert all(hit["explain"][0].keys() == {"what", "points"} for hit in json.loads(run("剪枝", "--explain", "--json")[1]))


def test_bibtex(run: Run) -> None:
    status, out, _ = run("kingma-2014-adam", "--bibtex", "--limit", "1")
    assert status == 0 and out.startswith("@misc{kingma-2014-adam,\n")
    found = json.loads(run("optimizer", "--json")[1])
    keys = re.findall(r"^@\w+\{(.+),$", run("optimizer", "--bibtex")[1], re.M)
    assert keys == [hit["id"] for hit in found if hit["type"] not in ("topic", "method")]
    status, out, err = run("type:topic", "--bibtex")
    assert (status, out) == (1, "") and "no BibTeX" in err


# The browser


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    urls: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: urls.append(url) or True)
    return urls


def test_opening(run: Run, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, _ = run("1412.6980", "--open", "1")
    assert (status, opened) == (0, ["https://arxiv.org/abs/1412.6980"]) and out.splitlines()[1] == opened[0]
    number = 1 + [hit["id"] for hit in json.loads(run("剪枝", "--json")[1])].index("odd")
    assert run("剪枝", "--open", str(number))[0] == 0 and opened[1:] == ["https://example.org/odd?a=1;b=图"]
    assert "has no address" in run("unsafe", "--type", "video", "--open", "1")[2]
    assert "has no address" in run("剪枝", "--type", "topic", "--open", "1")[2]
    status, _, err = run("1412.6980", "--open", "7")
    assert status == 1 and "no result 7" in err
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    assert run("1412.6980", "--open", "1")[0] == 1 and len(opened) == 2


@pytest.mark.parametrize(
    ("urls", "found"),
    [
        (["javascript:x", "ftp://a.org/x", "HTTPS://a.org/x"], "HTTPS://a.org/x"),
        (["https://a.org/\x1b]x"], None),
        (["https://a.org/a b"], "https://a.org/a b"),
        (["https://", "file:///etc/passwd", "//a.org"], None),
        ([], None),
    ],
)
def test_which_addresses_are_opened(urls: list[str], found: str | None) -> None:
    assert web_address({"urls": urls}) == found


def test_the_chinese_title_first_for_a_chinese_query() -> None:
    hit = {"title": {"en": "Pruning", "zh": "剪枝", "de": "Pruning"}}
    assert title_of(hit) == "Pruning · 剪枝" and title_of(hit, chinese=True) == "剪枝 · Pruning"


# Filters and arguments


def test_filters_are_options(run: Run) -> None:
    def ids(*args: str) -> list[str]:
        return [line.split("\t")[0] for line in run(*args)[1].splitlines()]

    assert ids("adam", "--type", "paper") == ["kingma-2014-adam"]
    assert set(ids("--type", "paper,code")) == {"kingma-2014-adam", "lecun-1989-optimal-brain-damage", "gh-someone-adam"}
    assert ids("--framework", "pytorch", "--type", "code") == ["gh-someone-adam"]
    assert ids("--year", "1980..1999") == ["lecun-1989-optimal-brain-damage"]
    assert ids("--lang", "zh") == ["zhihu-p-1"]
    assert "odd" in ids("--topic", "pruning", "--type", "book,video") and "kingma-2014-adam" not in ids("--topic", "pruning")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--type", "papr"], "paper"),
        (["--topic", "lsmt", "x"], "lstm"),
        (["type:bok", "x"], "book"),
        (["--framework", "pytroch"], "pytorch"),
        (["--open", "0", "x"], "from 1 to"),
        (["--limit", "ten", "x"], "got ten"),
        (["--color", "red", "x"], "invalid choice"),
        (["--json", "--bibtex", "x"], "not allowed"),
        ([], "name something"),
        (["  "], "name something"),
        (["x", "--year"], "expected one argument"),
        (["x", "--nonsense"], "unrecognized"),
    ],
)
def test_usage_errors_name_what_was_expected(run: Run, args: list[str], told: str) -> None:
    status, out, err = run(*args)
    assert (status, out) == (2, "") and told in err


def test_nothing_found(run: Run) -> None:
    status, out, err = run("prrruuning")
    assert (status, out) == (1, "") and "nothing found for 'prrruuning'" in err and "pruning" in err


def test_what_the_filters_hide_is_told(run: Run) -> None:
    status, out, err = run("adam", "--type", "dataset")
    assert (status, out) == (1, "") and re.search(r"nothing found for 'adam' that passes the filters; without them there are \d+", err)


@pytest.mark.parametrize(
    ("given", "prepared"),
    [
        (["a", "--type", "paper", "b"], ["--type", "paper", "--", "a", "b"]),
        (["a", "-b", "--limit=3"], ["--limit=3", "--", "a", "-b"]),
        (["-h"], ["-h"]),
        (["-hinton", "--json"], ["--json", "--", "-hinton"]),
        (["a", "--", "--type", "-b"], ["--", "a", "--type", "-b"]),
        (["a", "--year"], ["--year", "--", "a"]),
        ([], []),
    ],
)
def test_the_query_may_stand_anywhere(given: list[str], prepared: list[str]) -> None:
    assert prepare(given) == prepared


def test_excluded_words_need_no_quotes(run: Run) -> None:
    assert "kingma-2014-adam" in run("optimizer")[1]
    assert "kingma-2014-adam" not in run("optimizer", "-stochastic", "--limit", "20")[1]
