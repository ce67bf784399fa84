"""BibTeX records: kinds, fields, and text that means something to TeX."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dlatlas.catalog.load import load
from dlatlas.catalog.model import Entry, Ids, Link, Text
from dlatlas.export.bibtex import bibtex, escape, record
from hypothesis import given
from hypothesis import strategies as st


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
    assert r"  title = {100\% of {LSTM} \& {ReLU}\_6 \{x\} in C\# for {GPT2}}," in text
    assert "  author = {{OpenAI} and {Black and White Ltd} and Jürgen Schmidhuber},\n" in text
    assert "  doi = {10.1/a_b},\n" in text and "  url = {https://example.org/a_b?x=%7B1%7D},\n" in text


@given(st.text())
def test_braces_stay_balanced(text: str) -> None:
    bare = re.sub(r"\\[{}]", "", escape(text).replace(r"\textbackslash{}", ""))
    assert bare.count("{") == bare.count("}")
    assert not re.search(r"(?<!\\)[&%$#_]", bare)
