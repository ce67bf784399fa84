"""Each rule broken once, all rules broken at once, and what must not be reported."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from dlatlas.catalog.lint import RULES, lint
from dlatlas.catalog.lint.graph import cycles
from dlatlas.catalog.lint.registry import Rule, rule
from dlatlas.catalog.load import Problem

from tests.tools.catalog.breaks import BREAKS, Break
from tests.tools.tree import write

Place = tuple[str, int, str]


def places(problems: list[Problem]) -> list[Place]:
    return sorted((p.file, p.line, p.rule) for p in problems)


def marked(root: Path, broken: list[Break]) -> list[Place]:
    """Where the tree's ``#! RULE`` marks, and the breaks that cannot carry one, say that problems are."""
    found = [place for one in broken for place in one.expect]
    for path in (root / "catalog").rglob("*.y*ml"):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if mark := re.search(r"#! (.*)", line):
                found += [(path.relative_to(root).as_posix(), number, name) for name in mark[1].split()]
    return sorted(found)


def test_a_sound_tree_is_clean(tree: Path) -> None:
    assert lint(tree) == []


@pytest.mark.parametrize("name", BREAKS)
def test_each_rule(tree: Path, name: str) -> None:
    one = BREAKS[name]
    write(tree, one.files, append=True)
    problems = lint(tree)
    expected = marked(tree, [one])
    assert name.split(",")[0] in {rule for _, _, rule in expected}
    assert places(problems) == expected
    assert {p.severity for p in problems} <= {RULES[p.rule].severity for p in problems}


def test_every_rule_is_broken_somewhere() -> None:
    assert {name.split(",")[0] for name in BREAKS} == set(RULES)


def test_all_at_once(tree: Path) -> None:
    """One run reports every problem of every kind, with file and line."""
    for one in BREAKS.values():
        write(tree, one.files, append=True)
    assert places(lint(tree)) == marked(tree, list(BREAKS.values()))


def test_a_broken_record_does_not_make_references_to_it_dangle(tree: Path) -> None:
    path = tree / "catalog/training/optimizers/entries.yml"
    path.write_text(path.read_text("utf-8").replace("  type: paper\n", "  type: papyrus\n", 1), "utf-8")
    assert [p.rule for p in lint(tree)] == ["schema"]


def test_messages_name_the_value_and_what_was_expected(tree: Path) -> None:
    for name in ("id-syntax, isbn", "link-scheme, javascript", "avoided-word", "requires-cycle", "duplicate-key, link"):
        write(tree, BREAKS[name].files, append=True)
    messages = {p.rule: p.message for p in lint(tree)}
    assert "'978-0-262-03561-4'" in messages["id-syntax"]
    assert "'javascript:alert(1)'" in messages["link-scheme"]
    assert "'图层'" in messages["avoided-word"] and "'层'" in messages["avoided-word"]
    assert "hen → egg → hen" in messages["requires-cycle"]
    assert "'kingma-2014-adam' at catalog/training/optimizers/entries.yml:1" in messages["duplicate-key"]


@pytest.mark.parametrize(
    "note",
    ["前缀 softmax 与交叉熵。", "见公式 $f(x), g(x)$，以及 `a,b`。", "第 3.5 节，见图 (2)。", "参数量为 1,000。", "价格为 \\\\$5。"],
)
def test_sound_chinese_is_not_reported(tree: Path, note: str) -> None:
    path = tree / "catalog/training/optimizers/entries.yml"
    path.write_text(path.read_text("utf-8").replace("按梯度的滑动矩缩放每一步。", note), "utf-8")
    assert lint(tree) == []


def test_a_relation_to_a_former_id_holds(tree: Path) -> None:
    path = tree / "catalog/training/optimizers/entries.yml"
    path.write_text(
        path.read_text("utf-8").replace("- id: kingma-2014-adam\n", "- id: kingma-2015-adam\n  was: [kingma-2014-adam]\n"), "utf-8"
    )
    assert lint(tree) == []


def test_without_code_beside_it_objects_are_not_looked_up(tree: Path) -> None:
    """The installed package carries the catalog without tests."""
    (tree / "refimpl").rename(tree / "elsewhere")
    (tree / "tests").rename(tree / "elsewhere-tests")
    assert lint(tree) == []


def test_works_of_one_title_that_are_related_are_two(tree: Path) -> None:
    links = 'links: [{url: "https://example.org/2"}]'
    text = (
        f'- {{id: damage, type: paper, title: {{en: "Optimal brain damage", zh: "最优脑损伤"}}, lang: en, {links}, topics: [pruning]%s}}\n'
    )
    write(tree, {"catalog/compression/pruning/entries.yml": text % ""}, append=True)
    assert [p.rule for p in lint(tree)] == ["duplicate-title"]
    path = tree / "catalog/compression/pruning/entries.yml"
    relation = ", relations: [{rel: see-also, to: lecun-1989-optimal-brain-damage}]"
    path.write_text(path.read_text("utf-8").replace(text % "", text % relation), "utf-8")
    assert lint(tree) == []


def test_cycles() -> None:
    assert cycles({"a": ["b"], "b": ["c"], "c": []}) == []
    assert cycles({"a": ["b"], "b": ["c"], "c": ["b"]}) == [["b", "c"]]
    assert cycles({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) == []
    assert cycles({str(i): [str(i + 1)] for i in range(5000)}) == []


def test_a_rule_needs_an_explanation_and_a_name_of_its_own() -> None:
    with pytest.raises(ValueError, match="'schema' is registered twice"):
        rule("schema")(test_cycles)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'fresh' has no explanation"):
        rule("fresh")(lambda loaded: [])
    assert "fresh" not in RULES
    assert all(isinstance(one, Rule) and one.explanation for one in RULES.values())


def test_a_thousand_entries_take_less_than_a_second_and_a_half(tree: Path) -> None:
    lines = (
        f"""- id: work-{i}
  type: article
  title: {{en: "Work {i}", zh: "作品 {i}"}}
  lang: en
  authors: [A. Author, B. Author]
  date: "2018-05-01"
  links: [{{url: "https://example.org/{i}", kind: page}}]
  topics: [pruning]
  level: core
  note: {{en: "Says something of {i}.", zh: "说明第 {i} 点。"}}
  relations: [{{rel: explains, to: kingma-2014-adam}}]
  source: ["000:{i}"]
"""
        for i in range(1000)
    )
    write(tree, {"catalog/compression/pruning/entries.yml": "".join(lines)}, append=True)
    start = time.process_time()
    assert lint(tree) == []
    assert time.process_time() - start < 1.5
