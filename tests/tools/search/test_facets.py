"""Filters: what they let pass, and what they answer to a wrong value."""

from __future__ import annotations

from pathlib import Path

import pytest
from dlatlas.search import FILTERS, UnknownValue, search, values

from tests.tools.search.made import ask, document, ids, index_of

PAPER, CODE = document("p", "Zeta one", year="2014", topics="net"), document("c", "Zeta two", type="code", year="2017", topics="deep net")
OLD = document("o", "Zeta three", year="1989", topics="deep", lang="zh-Hant")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"type": "paper"}, {"p", "o"}),
        ({"type": "Code, PAPER"}, {"p", "c", "o"}),
        ({"topic": "net"}, {"p", "c"}),
        ({"year": "2014"}, {"p"}),
        ({"year": "2014..2017"}, {"p", "c"}),
        ({"year": "..2014"}, {"p", "o"}),
        ({"year": "2015.."}, {"c"}),
        ({"year": "2014-2016"}, {"p"}),
        ({"year": "2024"}, set()),
        ({"year": "1990..1999"}, set()),
        ({"type": "paper", "topic": "deep"}, {"o"}),
    ],
)
def test_filters(filters: dict[str, str], expected: set[str]) -> None:
    database = index_of(PAPER, CODE, OLD)
    assert set(ids(ask(database, "zeta", **filters))) == expected
    in_text = " ".join(f'{name}:"{value}"' for name, value in filters.items())
    assert set(ids(ask(database, f"zeta {in_text}"))) == expected
    assert set(ids(ask(database, in_text))) == expected


def test_excluded_filters_and_columns() -> None:
    database = index_of(PAPER, CODE, document("a", "Other", authors="Zeta Jones", year="2001"))
    assert set(ids(ask(database, "zeta -type:code"))) == {"p", "a"}
    assert ids(ask(database, "author:zeta")) == ["a"]
    assert set(ids(ask(database, "title:zeta"))) == {"p", "c"}
    assert set(ids(ask(database, "zeta -title:zeta"))) == {"a"}
    assert ids(ask(database, "zeta topic:net type:code topic:deep")) == ["c"]


@pytest.mark.parametrize(
    ("filters", "field", "nearest"),
    [
        ({"type": "papr"}, "type", "paper"),
        ({"type": "paper,coed"}, "type", "code"),
        ({"topic": "nett"}, "topic", "net"),
        ({"year": "20l4"}, "year", "1989..2017"),
        ({"year": "2019..2014"}, "year", "2017"),
        ({"tipe": "paper"}, "filter", "type"),
    ],
)
def test_unknown_values_name_the_nearest(filters: dict[str, str], field: str, nearest: str) -> None:
    with pytest.raises(UnknownValue) as caught:
        ask(index_of(PAPER, CODE, OLD), "zeta", **filters)
    assert caught.value.field == field and nearest in caught.value.nearest
    assert nearest in str(caught.value)


def test_values_by_other_names(tree: Path) -> None:
    def found(**filters: str) -> set[str]:
        return {hit["id"] for hit in search(tree, "", filters=filters).hits}

    assert found(type="论文") == found(type="papers") == found(type="paper") != set()
    assert found(topic="剪枝") == found(topic="Network Pruning") == found(topic="pruning")
    assert found(topic="compression") == found(area="compression") >= found(topic="pruning")
    assert found(lang="zh") == found(lang="Chinese") == {"zhihu-p-1"} == found(lang="zh-hant")
    assert found(has="code") == {"adam", "kingma-2014-adam", "gh-someone-adam"}
    assert found(framework="pytorch") == {"gh-someone-adam"}
    assert found(has="pick") == {"kingma-2014-adam"}
    assert "zhihu-p-1" not in found(has="note")


def test_values_for_completion(tree: Path) -> None:
    assert set(values(tree, "type")) >= {"paper", "slides", "topic", "method"}
    assert values(tree, "topic") and values(tree, "year") == ["1989", "2014"]
    assert all(isinstance(values(tree, field), list) for field in FILTERS)
    assert values(tree, "nothing") == []
