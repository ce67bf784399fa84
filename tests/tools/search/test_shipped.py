"""Queries on the shipped catalog whose first answers are known, in both languages and many spellings."""

from __future__ import annotations

from pathlib import Path

import pytest
from dlatlas.catalog.load import load
from dlatlas.root import find_root
from dlatlas.search import search


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLATLAS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield find_root(Path(__file__).parents[3])


FIRST = {
    "剪枝": "pruning",
    "pruning": "pruning",
    "注意力": "attention",
    "卷積神經網路": "convolution-arithmetic",
    "梯度消失": "gradients",
    "vanishing gradient": "gradients",
    "exploding gradients": "gradients",
    "batch normalisation": "batch-norm",
    "batchnorm": "batch-norm",
    "unet": "unet",
    "U-Net": "unet",
    "GRU": "gru",
    "門控循環單元": "gru",
    "变分自编码器": "vae",
    "variational auto-encoder": "vae",
    "alexnet": "alexnet",
    "图卷积": "graph-convolution",
    "风格迁移": "style-transfer",
    "wasserstien": "wasserstein",
    "droppout": "dropout",
    "随机失活": "dropout",
    "word2vec": "word2vec",
    "http://cn.arxiv.org/abs/1412.6980": "kingma-2014-adam",
    "hinton capsule": "capsule",
}


@pytest.mark.parametrize("query", FIRST)
def test_first_answer(root: Path, query: str) -> None:
    hits = search(root, query, limit=3).hits
    assert hits and FIRST[query] in {hit["id"] for hit in hits[:2]}, [hit["id"] for hit in hits]


def test_every_entry_is_found_by_its_addresses_and_ids(root: Path) -> None:
    catalog = load(root)
    for entry in catalog.entries[::9]:
        for text in (entry.id, *entry.urls):
            assert entry.id in {hit["id"] for hit in search(root, text).hits}, text


def test_every_topic_stands_first_for_its_titles(root: Path) -> None:
    for topic in load(root).topics:
        for title in (topic.title.en, topic.title.zh):
            assert topic.id in {hit["id"] for hit in search(root, title, limit=3).hits}, title
