"""BibTeX records: kinds, fields, and text that means something to TeX."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dlatlas.catalog.load import load
from dlatlas.catalog.model import Entry, Ids, Link, Text
from dlatlas.export.bibtex import SPECIAL, bibtex, escape, record
from dlatlas.export.work import original_title
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]


def test_a_paper(tree: Path) -> None:
    entries = load(tree).entry_by_id()
    assert record(entries["kingma-2014-adam"]) == (
        "@misc{kingma-2014-adam,\n"
        "  title = {Adam: A Method for Stochastic Optimization},\n"
        "  author = {Diederik P. Kingma and Jimmy Ba},\n"
        "  year = 2014,\n"
        "  month = dec,\n"
        "  eprint = {1412.6980},\n"
        "  archiveprefix = {arXiv},\n"
        "  url = {https://arxiv.org/abs/1412.6980},\n"
        "}\n"
    )
    assert "  title = {優化器與權重衰減},\n" in record(entries["zhihu-p-1"]) and "language = {Chinese}" in record(entries["zhihu-p-1"])
    assert bibtex(entries.values()).count("@") == len(entries)


@pytest.mark.parametrize(
    ("type", "venue", "kind", "field"),
    [
        ("paper", "ICCV 2015", "inproceedings", "booktitle"),
        ("paper", "Neural Computation 9(8)", "article", "journal"),
        ("paper", None, "misc", None),
        ("book", "MIT Press", "book", "publisher"),
        ("article", "Distill", "misc", "howpublished"),
    ],
)
def test_kinds(type: str, venue: str | None, kind: str, field: str | None) -> None:
    text = record(Entry(id="x", type=type, title=Text(en="T"), lang="en", venue=venue, topics=("t",)))  # type: ignore[arg-type]
    assert text.startswith(f"@{kind}{{x,\n")
    assert field is None or f"  {field} = {{{venue}}},\n" in text


def test_text_for_tex() -> None:
    entry = Entry(
        id="x",
        type="book",
        title=Text(en="100% of LSTM & ReLU_6 {x} in C# for GPT2"),
        lang="en",
        authors=("OpenAI", "Black and White Ltd", "Jürgen Schmidhuber"),
        ids=Ids(doi="10.1/a_b", isbn="978-0-262-03561-3"),
        links=(Link("https://example.org/a_b?x={1}"),),
        topics=("t",),
    )
    text = record(entry)
    assert r"  title = {100\% of {LSTM} \& {ReLU\_6} \textbraceleft{}x\textbraceright{} in C\# for {GPT2}}," in text
    assert "  author = {{OpenAI} and {Black and White Ltd} and Jürgen Schmidhuber},\n" in text
    assert "  doi = {10.1/a_b},\n" in text and "  url = {https://example.org/a_b?x=%7B1%7D},\n" in text


@given(st.text())
def test_braces_stay_balanced(text: str) -> None:
    """Classic BibTeX counts braces and knows no escaped ones."""
    depth = 0
    for character in escape(text):
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"(?<!\\)[&%$#_~^]", escape(text))


@given(st.text(st.characters(exclude_categories=["C"])), st.lists(st.text("abÄé 'and,{}\\\\", min_size=1).filter(str.strip), max_size=3))
def test_bibtexparser_reads_back_what_was_written(title: str, authors: list[str]) -> None:
    written = Entry(id="x-1", type="paper", title=Text(en=title), lang="en", authors=tuple(authors), date="2015-03", topics=("t",))
    read = parsed(record(written))
    assert set(read) == {"x-1"}
    assert literal(read["x-1"].get("title", "")) == " ".join(title.split())
    assert (read["x-1"]["year"], read["x-1"]["month"]) == ("2015", "March")
    assert len(split_names(read["x-1"].get("author", ""))) == len(authors)


def test_the_shipped_catalog_is_read_by_bibtexparser_with_a_key_for_each_entry() -> None:
    entries = load(ROOT).entries
    read = parsed(bibtex(entries))
    assert list(read) == [entry.id for entry in entries]
    for entry in entries:
        assert literal(read[entry.id]["title"]) == " ".join(original_title(entry).split())
        assert len(split_names(read[entry.id].get("author", ""))) == len(entry.authors)


def parsed(text: str) -> dict[str, dict[str, str]]:
    bibtexparser = pytest.importorskip("bibtexparser")
    parser = bibtexparser.bparser.BibTexParser(common_strings=True, ignore_nonstandard_types=False)
    found: dict[str, dict[str, str]] = bibtexparser.loads(text, parser).entries_dict
    return found


def literal(text: str) -> str:
    """What TeX prints for a field: commands undone, grouping braces gone."""
    for character, command in SPECIAL.items():
        if len(command) > 2:
            text = text.replace(command, {"{": "\1", "}": "\2", "\\": "\3"}.get(character, character))
    text = re.sub(r"\\([&%$#_])", r"\1", text).replace("{", "").replace("}", "")
    return text.translate({1: "{", 2: "}", 3: "\\"})


def split_names(field: str) -> list[str]:
    """Names of an author field: parted by the word "and" outside braces."""
    names, depth, start = [], 0, 0
    for m in re.finditer(r"[{}]|\s+and\s+", field):
        depth += (m[0] == "{") - (m[0] == "}")
        if not depth and m[0] not in "{}":
            names.append(field[start : m.start()])
            start = m.end()
    return [name for name in [*names, field[start:]] if name]
