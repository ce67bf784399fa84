"""`lint --fix`: what it changes, what it leaves, and that nothing else is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from dlatlas.catalog.fmt import FormatError, formatted
from dlatlas.catalog.lint import RULES, lint
from dlatlas.catalog.lint.fix import fix
from dlatlas.catalog.lint.tex import structure
from dlatlas.catalog.load import load

from tests.tools.catalog.breaks import BREAKS
from tests.tools.tree import write

NOTE = "按梯度的滑动矩缩放每一步。"
ENTRIES = "catalog/training/optimizers/entries.yml"
FIXABLE = [name for name in BREAKS if RULES[name.split(",")[0]].fixes]


def edit(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize("name", [name for name in FIXABLE if name != "short-link"])
def test_each_fix(tree: Path, name: str) -> None:
    write(tree, BREAKS[name].files, append=True)
    assert lint(tree)
    assert sum(fix(tree).values()) == 1
    assert lint(tree) == []
    assert fix(tree) == {}


@pytest.mark.parametrize(
    ("note", "fixed"),
    [
        ("先看结构,再看训练.然后,用ReLU训练3层。", "先看结构，再看训练。然后，用 ReLU 训练 3 层。"),
        ("见公式 $f(x)中文a,b$ 与 `a中,文b`，共2页", "见公式 $f(x)中文a,b$ 与 `a中,文b`，共 2 页"),
        (" 按梯度\u3000缩放  ReLU ", "按梯度缩放 ReLU"),
    ],
)
def test_chinese(tree: Path, note: str, fixed: str) -> None:
    edit(tree, ENTRIES, NOTE, note)
    fix(tree)
    entry = load(tree).entry_by_id()["kingma-2014-adam"]
    assert entry.note is not None and entry.note.zh == fixed
    assert lint(tree) == []


def test_brackets_are_left(tree: Path) -> None:
    edit(tree, ENTRIES, NOTE, "结构(训练 a)。")
    before = (tree / ENTRIES).read_text("utf-8")
    assert fix(tree) == {} and (tree / ENTRIES).read_text("utf-8") == before
    assert [p.rule for p in lint(tree)] == ["half-width-punctuation"]


def test_blocks_comments_and_other_values_stay(tree: Path) -> None:
    file = "catalog/training/optimizers/topic.yml"
    path = tree / file
    path.write_text("# kept\n" + formatted(path.read_text("utf-8"), "topic.yml"), "utf-8")
    before = path.read_text("utf-8")
    edit(tree, file, "    优化器把梯度 $g$ 变成一步。\n", "    优化器把梯度 $g$ 变成1步,每步。\n\n    第2段。\n")
    assert fix(tree) == {file: 2}
    assert path.read_text("utf-8") == before.replace("变成一步。\n", "变成 1 步，每步。\n\n    第 2 段。\n")


def test_a_short_link_gets_its_kind(tree: Path) -> None:
    edit(tree, ENTRIES, '"http://cn.arxiv.org/abs/1412.6980", kind: mirror', '"http://t.cn/abc", kind: page')
    assert fix(tree) == {ENTRIES: 1}
    assert load(tree).entry_by_id()["kingma-2014-adam"].links[1].kind == "short" and lint(tree) == []


def test_a_file_that_cannot_be_formatted_is_named(tree: Path) -> None:
    edit(tree, ENTRIES, NOTE, "用ReLU训练。")
    edit(tree, ENTRIES, "topics: [optimizers]\n  pick", "topics: &a [optimizers]\n  pick")
    before = (tree / ENTRIES).read_text("utf-8")
    with pytest.raises(FormatError, match=f"^{ENTRIES}: line 11: the formatter does not keep anchors"):
        fix(tree)
    assert (tree / ENTRIES).read_text("utf-8") == before


@pytest.mark.parametrize(
    "tex",
    [
        "",
        r"\{ x \}",
        r"\left( \frac{a}{b} \right]",
        r"\begin{cases} 1 & x \\ 0 \end{cases}",
        r"\left\{ x \right.",
        r"a \leftarrow b",
        r"x \\{a}",
    ],
)
def test_sound_formulas(tex: str) -> None:
    assert structure(tex) is None


@pytest.mark.parametrize(
    ("tex", "problem"),
    [
        ("{", "'{' is not closed"),
        ("a}", "'}' closes nothing"),
        (r"\left( { \right) }", r"'\\right' closes nothing"),
        (r"\begin{cases} \end{aligned}", r"'\\end{aligned}' closes nothing"),
        (r"\begin{cases} x", r"'\\begin{cases}' is not closed"),
        (r"\begin{tabular}\end{tabular}", "unknown environment 'tabular'"),
        (r"\right)", r"'\\right' closes nothing"),
    ],
)
def test_unsound_formulas(tex: str, problem: str) -> None:
    assert structure(tex) == problem
