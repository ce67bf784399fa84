"""The bulk request and the index for OpenSearch, against their documented formats."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dlatlas.catalog.load import load
from dlatlas.catalog.model import Catalog
from dlatlas.cli import main
from dlatlas.export import opensearch
from dlatlas.search.documents import Document

from tests.tools.tree import write

CHECKS: dict[str, Callable[[Any], bool]] = {
    "keyword": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str),
    "short": lambda value: type(value) is int and -32768 <= value <= 32767,
    "float": lambda value: isinstance(value, float),
}
"""What a value of a field type may be; every field may also hold a list of such values."""

BUILT_IN = {"icu_folding"}
"""Token filters that need no definition."""


@pytest.fixture
def catalog(tree: Path) -> Catalog:
    title = '{en: "A \\u2028 \\"quoted\\" title", zh: "行\\n行"}'
    write(
        tree,
        {"catalog/compression/pruning/entries.yml": f"- {{id: odd, type: book, title: {title}, lang: en, topics: [pruning]}}\n"},
        append=True,
    )
    return load(tree)


def pairs(lines: Iterator[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The actions of a bulk request with their documents, each line having been checked to be one JSON object."""
    text = "".join(lines)
    assert text.endswith("\n")
    objects = [json.loads(line) for line in text[:-1].split("\n")]
    assert len(objects) % 2 == 0 and all(isinstance(one, dict) for one in objects)
    return list(zip(objects[::2], objects[1::2], strict=True))


def test_every_document_is_an_action_and_a_source(catalog: Catalog) -> None:
    found = pairs(opensearch.bulk(catalog, "papers"))
    assert all(list(action) == ["index"] and set(action["index"]) == {"_index", "_id"} for action, _ in found)
    assert {action["index"]["_index"] for action, _ in found} == {"papers"}
    ids = [action["index"]["_id"] for action, _ in found]
    assert len(set(ids)) == len(ids) and max(len(id.encode()) for id in ids) <= 512
    assert {"topic:lstm", "method:lstm", "entry:kingma-2014-adam", "entry:odd"} <= set(ids)
    assert len(ids) == len(catalog.entries) + len(catalog.topics) + sum(len(topic.methods) for topic in catalog.topics)


def test_a_document_holds_what_the_search_holds(catalog: Catalog) -> None:
    sources = {action["index"]["_id"]: source for action, source in pairs(opensearch.bulk(catalog))}
    adam = sources["entry:kingma-2014-adam"]
    assert (adam["type"], adam["year"], adam["topic"], adam["area"]) == ("paper", 2014, ["optimizers"], ["training"])
    assert "arxiv:1412.6980" in adam["keys"] and "Jimmy Ba" in adam["text"]["authors"]
    assert sources["entry:gh-someone-adam"]["framework"] == ["pytorch"]
    assert "權重衰減" in sources["entry:zhihu-p-1"]["text"]["title"]
    assert sources["entry:odd"]["title"] == {"en": 'A \u2028 "quoted" title', "zh": "行\n行"}
    assert "梯度下降" in sources["topic:optimizers"]["names"]


def test_the_mapping_takes_every_document(catalog: Catalog) -> None:
    mappings = opensearch.definition(catalog)["mappings"]
    assert mappings["dynamic"] == "strict"

    def check(properties: dict[str, Any], source: dict[str, Any]) -> None:
        for name, value in source.items():
            kind = properties[name]
            if "properties" in kind:
                check(kind["properties"], value)
            else:
                assert all(map(CHECKS[kind["type"]], value if isinstance(value, list) else [value])), (name, value)

    for _, source in pairs(opensearch.bulk(catalog)):
        check(mappings["properties"], source)


def test_analyzers_and_filters_are_defined(catalog: Catalog) -> None:
    body = opensearch.definition(catalog)
    analysis = body["settings"]["analysis"]
    for part in (*analysis["analyzer"].values(), *analysis["normalizer"].values()):
        assert set(part["filter"]) <= BUILT_IN | analysis["filter"].keys()
    for name, kind in _leaves(body["mappings"]["properties"]):
        for key, known in (("analyzer", "analyzer"), ("search_analyzer", "analyzer"), ("normalizer", "normalizer")):
            assert key not in kind or kind[key] in analysis[known], name
    rules = analysis["filter"]["atlas_synonyms"]["synonyms"]
    assert "weight decay, 权重衰减, 權重衰減" in rules
    assert all(", " in rule for rule in rules)


def _leaves(properties: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, kind in properties.items():
        if "properties" in kind:
            yield from _leaves(kind["properties"])
        else:
            yield name, kind


def test_signs_of_the_synonym_format_are_escaped(tree: Path) -> None:
    write(tree, {"catalog/glossary.yml": '- term: {en: "a, b", zh: "甲=>乙"}\n  aliases: ["c\\\\d"]\n'}, append=True)
    filters = opensearch.definition(load(tree))["settings"]["analysis"]["filter"]
    assert "a\\, b, 甲\\=\\>乙, c\\\\d" in filters["atlas_synonyms"]["synonyms"]


def test_lines_are_made_one_by_one(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_: Catalog) -> Iterator[Document]:
        for number in itertools.count():
            yield Document(id=f"e-{number}", type="paper", lang="en", title={"en": "T"}, topics=(), urls=(), fields={})

    monkeypatch.setattr(opensearch, "documents", endless)
    lines = list(itertools.islice(opensearch.bulk(catalog), 10_000))
    assert json.loads(lines[-2])["index"]["_id"] == "entry:e-4999"


def test_the_command(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*args: str) -> tuple[int, str]:
        return main(["--root", str(tree), "export", "opensearch", *args]), capsys.readouterr().out

    status, out = run("--topic", "pruning", "--type", "paper")
    assert status == 0 and [action["index"]["_id"] for action, _ in pairs(iter([out]))] == ["entry:lecun-1989-optimal-brain-damage"]
    assert run("--type", "video") == (1, "")
    assert run("--out", str(tmp_path / "bulk.ndjson")) == (0, "")
    assert (tmp_path / "bulk.ndjson").read_text("utf-8") == run()[1]
    assert json.loads(run("--definition")[1]) == opensearch.definition(load(tree))
    for args in (["--index", "Upper"], ["--index", "a/b"]):
        with pytest.raises(SystemExit, match="2"):
            run(*args)
    with pytest.raises(SystemExit, match="2"):
        main(["--root", str(tree), "export", "bibtex", "--definition"])
