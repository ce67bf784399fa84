"""How a query is read, and which keys it may be."""

from __future__ import annotations

import pytest
from dlatlas.search.query import Phrase, keys, parse
from dlatlas.search.stopwords import is_small, meaningful


def test_words_phrases_and_exclusions() -> None:
    query = parse('batch "weight decay" -dropout -"early stopping" 剪枝GAN')
    assert query.words == ["batch", "剪枝", "gan"]
    assert query.phrases == [Phrase("weight decay")]
    assert query.excluded == [Phrase("dropout"), Phrase("early stop")]
    assert query.terms == ["weight", "decay"]


@pytest.mark.parametrize("text", ["“weight decay”", '"weight decay', "「weight decay」"])
def test_quotes_of_any_kind(text: str) -> None:
    assert parse(text).phrases == [Phrase("weight decay")]


def test_fields_and_filters() -> None:
    query = parse('title:adam author:"Geoffrey Hinton" type:paper,code -lang:zh year：2016..2019 std::vector foo:bar')
    assert query.phrases == [Phrase("adam", "title"), Phrase("geoffrey hinton", "authors")]
    assert query.filters == [("type", "paper,code"), ("year", "2016..2019")]
    assert query.excluded_filters == [("lang", "zh")]
    assert query.words == ["std", "vector", "foo", "bar"]


def test_a_hyphen_inside_a_word_excludes_nothing() -> None:
    assert parse("u-net co-occurrence 深度-学习").excluded == []
    assert parse("u-net").words == ["u", "net"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("1412.6980", "arxiv:1412.6980"),
        ("arXiv 1412.6980", "arxiv:1412.6980"),
        ("ARXIV:1412.6980v9", "arxiv:1412.6980"),
        ("arXiv: 1412.6980 v3", "arxiv:1412.6980"),
        ("arXiv:1412.6980 [cs.LG]", "arxiv:1412.6980"),
        ("abs/1412.6980", "arxiv:1412.6980"),
        ("1412.6980v2.pdf", "arxiv:1412.6980"),
        ("（https://arxiv.org/pdf/1412.6980v1）", "arxiv:1412.6980"),
        ("doi 10.1038/NATURE14539", "doi:10.1038/nature14539"),
        ("10.1038/nature14539", "doi:10.1038/nature14539"),
        ("ISBN 0-262-03561-8", "isbn:9780262035613"),
        ("Owner/Repo", "github:owner/repo"),
        ("github.com/Owner/Repo/tree/main/src", "github:owner/repo"),
        ("git@github.com:owner/repo.git", "github:owner/repo"),
    ],
)
def test_whole_text_is_a_key(text: str, key: str) -> None:
    assert key in keys(text)[0]


def test_keys_inside_a_text() -> None:
    assert "arxiv:1412.6980" in keys("the paper https://arxiv.org/abs/1412.6980, please")[1]
    assert "arxiv:1412.6980" in keys("see arXiv:1412.6980 for adam")[1]
    assert keys("adam optimizer") == ([], [])


def test_function_words() -> None:
    assert meaningful(["how", "does", "dropout", "work"]) == ["dropout"]
    assert meaningful(["什么是批归一化"]) == ["批归一化"]
    assert meaningful(["梯度消失怎么办"])[0] == "梯度消失"
    assert meaningful(["how", "to"]) == ["how", "to"]
    assert is_small("the") and is_small("什么") and not is_small("图")
