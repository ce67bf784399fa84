"""The formatter: idempotent, the same data, every comment, and the forms it chooses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from dlatlas.catalog.fmt import FormatError, formatted
from dlatlas.catalog.load import check
from dlatlas.catalog.model import Entry, Term, Topic
from dlatlas.catalog.yamlread import parse_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]

words = st.text(st.characters(exclude_categories=["Cs", "Co"]), max_size=12) | st.sampled_from(
    ["yes", "null", "1412.6980", "1e3", "0x1f",
     "12:30", "- a", "a: b", "a #b", "'", '"', "\\", "[x]", "{", "a\nb\n", " \n", "2018-01-01", "~", "=", "<<"]
)  # fmt: skip
slugs = st.from_regex(r"[a-z]{1,3}(-[a-z0-9]{1,3})?", fullmatch=True)


def some(required: dict[str, Any], /, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings with all of ``required`` and some of ``optional``, in any order."""
    mapping = st.fixed_dictionaries(required, optional=optional)
    return mapping.flatmap(lambda found: st.permutations(list(found.items())).map(dict))


both = some({"en": words, "zh": words})
lists = st.lists(words, max_size=2)
links = st.lists(some({"url": words}, kind=st.sampled_from(["page", "pdf"]), dead=st.just("2019")), max_size=2)
relations = st.lists(some({"rel": st.just("extends"), "to": slugs}, official=st.booleans()), max_size=2)
entries = st.lists(
    some(
        {"id": slugs, "type": st.just("paper"), "title": some({"en": words}, zh=words), "lang": st.just("en"), "topics": st.just(["t"])},
        authors=lists, date=st.just("2014-12"), venue=words, ids=some({}, arxiv=words, doi=words), links=links, pick=st.integers(1, 9),
        note=both, relations=relations, source=st.lists(st.just("000:12"), max_size=2),
    ),
    max_size=3,
)  # fmt: skip
topics = some(
    {"id": slugs, "title": both, "summary": both},
    aliases=lists,
    requires=st.lists(some({"topic": slugs, "why": both}), max_size=2),
    methods=st.lists(some({"id": slugs, "title": both}, paper=slugs, deviations=st.lists(both, max_size=2)), max_size=2),
    equations=st.lists(some({"id": slugs, "tex": words}, note=both, checked_by=lists), max_size=2),
)
terms = st.lists(
    some({"term": some({"en": words, "zh": words}, **{"zh-Hant": words})}, aliases=lists, avoid=lists),  # type: ignore[arg-type]
    max_size=3,
)
files = st.tuples(st.just("entries.yml"), entries) | st.tuples(st.just("topic.yml"), topics) | st.tuples(st.just("glossary.yml"), terms)
FORMS = {"entries.yml": list[Entry], "topic.yml": Topic, "glossary.yml": list[Term]}


def written(data: Any, style: str | None, flow: bool | None, width: int) -> str:
    data = json.loads(json.dumps(data))  # no object twice, which would become an alias
    text: str = yaml.safe_dump(data, default_style=style, default_flow_style=flow, width=width, allow_unicode=True, sort_keys=False)
    return text


def comments(text: str) -> list[str]:
    return sorted(re.findall(r"#c\d+", text))


@settings(max_examples=150, deadline=None)
@given(files, st.sampled_from([None, '"', "'"]), st.sampled_from([None, True, False]), st.sampled_from([20, 10_000]))
def test_the_same_data_in_one_form(file: tuple[str, Any], style: str | None, flow: bool | None, width: int) -> None:
    name, data = file
    text = written(data, style, flow, width)
    before = parse_yaml(text)
    if before.errors or before.data != data:  # quoted numbers and the like
        return
    once = formatted(text, name)
    assert formatted(once, name) == once
    assert parse_yaml(once).data == data
    if not list(check(data, FORMS[name])):
        assert msgspec.convert(parse_yaml(once).data, FORMS[name]) == msgspec.convert(data, FORMS[name])


@settings(max_examples=150, deadline=None)
@given(files, st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.integers(0, 8)), max_size=6))
def test_comments_are_kept(file: tuple[str, Any], places: list[tuple[int, bool, int]]) -> None:
    """Comments at any line, on lines of their own or behind values."""
    name, data = file
    lines = formatted(written(data, None, False, 10_000), name).splitlines()
    for number, (at, own, column) in enumerate(places):
        at %= len(lines) + 1
        if own or at == len(lines):
            lines.insert(at, " " * column + f"#c{number}")
        elif lines[at] and "#c" not in lines[at] and not lines[at].endswith("|"):
            lines[at] += f" #c{number}"
    text = "\n".join(lines) + "\n"
    before = parse_yaml(text)
    once = formatted(text, name)
    assert parse_yaml(once).data == before.data
    assert formatted(once, name) == once
    assert comments(once) == comments(text)


def test_forms() -> None:
    text = """\
# all of it
- {id: b-2014, type: paper, lang: en, topics: [t], title: {en: 'It''s: "b"'},
   # about the links
   links: [{kind: abs, url: http://x}], authors: ["A B", 'C: D'],   # who
   date: '2014-12-01', ids: {arxiv: '1412.6980'}, note: {zh: 说明, en: Note.}}
-
  # about c
  title:   # what it is called
    en: >-
      two
      lines
  id: c      # behind c
  pick: 1
  type: code
  lang: en
  topics:
  - t
  # below the topics
  source: []
  # the end
"""
    assert formatted(text, "entries.yml") == (
        """\
# all of it
# about the links
- id: b-2014
  type: paper
  title:
    en: "It's: \\"b\\""
  lang: en
  authors: [A B, "C: D"]  # who
  date: "2014-12-01"
  ids: {arxiv: "1412.6980"}
  links:
    - {url: "http://x", kind: abs}
  topics: [t]
  note:
    en: "Note."
    zh: "说明"

# about c
- id: c  # behind c
  type: code
  title:  # what it is called
    en: "two lines"
  lang: en
  topics: [t]
  pick: 1
  # below the topics
  source: []
  # the end
""".replace("# all of it\n# about the links\n", "# all of it\n").replace("  links:\n", "  # about the links\n  links:\n")
    )


def test_summaries_are_blocks() -> None:
    text = 'summary: {en: "a\\n\\nb $x$\\n", zh: "一"}\nid: t\ntitle: {en: T, zh: 题}\n'
    assert formatted(text, "topic.yml") == ('id: t\ntitle: {en: "T", zh: "题"}\nsummary:\n  en: |\n    a\n\n    b $x$\n  zh: "一"\n')
    kept = "id: t\nsummary:\n  en: |  # a comment\n    # text\n    a\n  zh: |\n    一\n  # after\n"
    assert formatted(kept, "topic.yml") == kept


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- id: a\n  id: b\n", "line 2: key 'id' stands twice"),
        ("- [\n", "line 2: "),
        ("- &a {id: a}\n- *a\n", "line 1: the formatter does not keep anchors"),
        ("- id: !!str 1\n", "line 1: the formatter does not keep anchors"),
    ],
)
def test_what_it_refuses(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=re.escape(message)):
        formatted(text, "entries.yml")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "[]\n", "null\n"])
def test_almost_empty_files(text: str) -> None:
    assert formatted(text, "entries.yml") == text


def test_unknown_and_wrong_values_stay() -> None:
    text = "- id: a\n  links: none\n  pick: 1.50\n  stars: {b: [1, x], a: 0x1f}\n"
    assert formatted(text, "entries.yml") == '- id: a\n  links: "none"\n  pick: 1.50\n  stars: {b: [1, "x"], a: "0x1f"}\n'


def test_windows_line_ends_and_byte_order_mark() -> None:
    assert formatted("\ufeff- id: a\r\n  # c\r\n  pick: 1\r\n", "entries.yml") == "- id: a\n  # c\n  pick: 1\n"


@pytest.mark.parametrize("name", ["areas.yml", "glossary.yml", "foundations/activations/topic.yml", "training/normalization/entries.yml"])
def test_the_shipped_files_keep_their_data(name: str) -> None:
    text = (ROOT / "catalog" / name).read_text("utf-8")
    once = formatted(text, Path(name).name)
    assert formatted(once, Path(name).name) == once
    assert parse_yaml(once).data == parse_yaml(text).data
