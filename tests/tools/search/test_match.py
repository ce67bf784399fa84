"""How the words of a query are understood."""

from __future__ import annotations

import sqlite3

import pytest
from dlatlas.search.groups import Understood
from dlatlas.search.lexicon import Lexicon
from dlatlas.search.match import (
    BESIDE_EVERYDAY,
    BESIDE_FILTER,
    BESIDE_KIND,
    BESIDE_TELLING,
    IN_QUESTION,
    WITHOUT_SMALL,
    understand,
)
from dlatlas.search.query import parse

from tests.tools.search.made import ask, document, ids, index_of

WORKS = [
    document("batch", "Batch normalization", note="批归一化 训练技巧 很多 训练 技巧"),
    document("drop", "Drop: dropout in convolutional networks", note="卷积神经网络 与 随机失活"),
    document("words", "Tricks for image models", note="deep learning papers"),
    document("rnn", "Recurrent networks", note="训练 循环神经网络"),
    *(document(f"more-{i}", f"Training {i}", note="训练 技巧 数据 集合") for i in range(20)),
]
FAMILIES = [
    ("batch normalization", "BN", "批归一化"),
    ("dropout", "随机失活"),
    ("word embedding", "词嵌入"),
    ("convolutional neural network", "CNN"),
    ("deep learning", "深度学习"),
]


@pytest.fixture(scope="module")
def database() -> sqlite3.Connection:
    return index_of(*WORKS, synonyms=FAMILIES, subjects=[("Dropout", "topic=dropout", 1.0)])


def understood(database: sqlite3.Connection, text: str) -> Understood:
    return understand(Lexicon(database), parse(text).words)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("batch normalisation networks", ["batch normalisation", "networks"]),
        ("BN训练技巧", ["bn", "训练", "技巧"]),
        ("drop out", ["drop out"]),
        ("batchnormalization", ["batch normalization"]),
        ("单词嵌入", ["词嵌入"]),
        ("what is dropout", ["dropout"]),
        ("什么是随机失活", ["随机失活"]),
        ("the", ["the"]),
        ("的", ["的"]),
        ("convolutoinal neural network", ["convolutional neural network"]),
        ("训练 训练", ["训练"]),
        ("why and how", ["why", "and", "how"]),
    ],
)
def test_groups(database: sqlite3.Connection, text: str, labels: list[str]) -> None:
    assert [group.label for group in understood(database, text).groups] == labels


def test_a_name_brings_what_means_the_same_and_its_topic(database: sqlite3.Connection) -> None:
    (group,) = understood(database, "随机失活").groups
    assert {(a.tokens, a.tag) for a in group.alternatives} == {("随机 机失 失活", False), ("dropout", False), ("topic=dropout", True)}
    assert group.known and group.terms == ["随机失活", "dropout"]
    assert max(a.quality for a in group.alternatives if a.tokens != "随机 机失 失活") < 1.0


def test_rare_words_weigh_more_and_terms_more_than_other_words(database: sqlite3.Connection) -> None:
    weights = {group.label: group.weight for group in understood(database, "training dropout recurrent").groups}
    assert weights["training"] < weights["recurrent"] < weights["dropout"]


@pytest.mark.parametrize(
    ("typo", "corrected", "first"),
    [
        ("droupout", {"droupout": "dropout"}, "drop"),
        ("recurrnet", {"recurrnet": "recurrent"}, "rnn"),
        ("normalizaton", {"normalizaton": "normalization"}, "batch"),
        ("recurr", {}, "rnn"),
        ("xyzzyx", {}, None),
        ("dropout please", {}, "drop"),
        ("drpo", {"drpo": "drop"}, "drop"),
        ("crop", {}, None),
        ("fropouts", {}, None),
        ("recu dropout", {}, "drop"),
    ],
)
def test_unknown_words(database: sqlite3.Connection, typo: str, corrected: dict[str, str], first: str | None) -> None:
    answer = ask(database, typo)
    assert answer.corrected == corrected and ids(answer)[:1] == ([first] if first else [])


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("why does dropout work", "why"),
        ("为什么用随机失活", "why"),
        ("what is dropout", "what"),
        ("随机失活是什么", "what"),
        ("如何训练", "how"),
        ("dropout", None),
        ("the dropout", None),
    ],
)
def test_what_a_query_asks(database: sqlite3.Connection, text: str, question: str | None) -> None:
    assert understood(database, text).question[:1] == ([question] if question else [])


def test_what_a_name_counts_for(database: sqlite3.Connection) -> None:
    """As typed, without function words, in a question, beside a word for the kind of thing, the field, or something everyday."""
    queries = ["dropout", "the dropout", "why dropout", "dropout method", "dropout in deep learning"]
    queries += ["dropout tricks", "image dropout", "dropout papers"]
    counts = [understood(database, text).names.get("dropout", 0.0) for text in queries]
    beside = [BESIDE_KIND, BESIDE_KIND * WITHOUT_SMALL, BESIDE_TELLING, BESIDE_EVERYDAY, BESIDE_FILTER]
    assert counts == [1.0, WITHOUT_SMALL, IN_QUESTION, *beside]


def test_words_that_say_little_are_not_needed(database: sqlite3.Connection) -> None:
    needed = {group.label: group.needed for group in understood(database, "dropout tricks xyzzy training 网络结构").groups}
    assert needed == {"dropout": True, "tricks": False, "xyzzy": False, "training": True, "网络": False}


def test_a_chinese_run_may_be_found_by_its_words_apart() -> None:
    database = index_of(document("apart", "三维人脸的重建"), document("other", "三维曲面"), *WORKS)
    assert ids(ask(database, "三维重建"))[0] == "apart"


def test_a_title_with_words_around_it(database: sqlite3.Connection) -> None:
    found = understood(database, "why recurrent networks learn pytorch").titles
    assert found["whyrecurnetworklearn"] == (4 / 5) ** 2 and "pytorch" not in found and "whyrecurnetworklearnpytorch" not in found
    works = index_of(document("title", "Why recurrent networks learn"), *WORKS)
    assert ids(ask(works, "why recurrent networks learn pytorch"))[0] == "title"


def test_a_chinese_run_loses_what_no_document_has(database: sqlite3.Connection) -> None:
    assert [group.label for group in understood(database, "做技巧集合").groups] == ["技巧", "集合"]


def test_a_number_at_the_end_of_a_word(database: sqlite3.Connection) -> None:
    assert ids(ask(database, "dropout50"))[0] == "drop"


def test_the_longest_query_has_few_groups(database: sqlite3.Connection) -> None:
    assert len(understood(database, " ".join(f"word{i}" for i in range(300))).groups) <= 32
