"""What topics, methods and works are called, and what that counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from dlatlas.catalog.load import load
from dlatlas.catalog.model import Catalog
from dlatlas.search.names import (
    ALIAS,
    CITED,
    HEAD,
    INITIALS,
    OF_METHOD,
    OF_TOPIC,
    OF_WORK,
    ONE_OF_SEVERAL,
    PART,
    Namer,
    shared,
    synonyms,
    unique,
)
from dlatlas.search.text import squash

from tests.tools.search.made import ask, document, ids, index_of


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(Path(__file__).resolve().parents[3])


@pytest.fixture(scope="module")
def namer(catalog: Catalog) -> Namer:
    return Namer(catalog)


@pytest.mark.parametrize(
    ("topic", "name", "points"),
    [
        ("optimizers", "Optimizers", OF_TOPIC),
        ("optimizers", "stochastic gradient descent", ALIAS),
        ("optimizers", "Adam", PART),  # a method
        ("cnn-architectures", "残差网络", PART),  # another expression of a method's name
        ("cnn-visualization", "Grad-CAM", PART),  # the head of one paper's title
        ("overview", "neural network", ALIAS),  # the title of several works
        ("recognition-applications", "人脸关键点", PART),  # in the title of a method
    ],
)
def test_names_of_topics(catalog: Catalog, namer: Namer, topic: str, name: str, points: float) -> None:
    assert unique(namer.topic(catalog.topic_by_id()[topic]))[squash(name)] == points


@pytest.mark.parametrize(
    ("method", "name", "points"),
    [
        ("actor-critic", "PPO", ONE_OF_SEVERAL),
        ("wgan-gp", "WGAN-GP", OF_METHOD),
        ("wgan-gp", "gradient penalty", ONE_OF_SEVERAL),
        ("deep-gradient-compression", "DGC", INITIALS),
    ],
)
def test_names_of_methods(catalog: Catalog, namer: Namer, method: str, name: str, points: float) -> None:
    found = next((topic, one) for topic, one in catalog.methods() if one.id == method)
    assert unique(namer.method(*found))[squash(name)] == points


@pytest.mark.parametrize(
    ("name", "points"),
    [("Adam: A Method for Stochastic Optimization", OF_WORK), ("Adam", HEAD), ("Kingma 2014", CITED), ("kingma-2014-adam", OF_WORK)],
)
def test_names_of_works(catalog: Catalog, namer: Namer, name: str, points: float) -> None:
    assert unique(namer.entry(catalog.entry_by_id()["kingma-2014-adam"]))[squash(name)] == points


def test_an_expression_of_two_terms_does_not_lead_from_one_to_the_other(catalog: Catalog) -> None:
    assert shared([("a", "b", "c"), ("c", "d", "e"), ("e", "f")]) == {(0, "c"), (1, "c")}
    families = list(synonyms(catalog))
    assert ("recurrent neural network", squash("递归神经网络")) in {(families[place][0], name) for place, name in shared(families)}
    terms = [("循环网络", "递归", "RNN"), ("递归", "递归网络", "RvNN")]
    database = index_of(document("recurrent", "循环网络"), document("recursive", "递归网络"), synonyms=terms)
    assert ids(ask(database, "循环网络"))[0] == "recurrent" and set(ids(ask(database, "递归"))) == {"recurrent", "recursive"}
