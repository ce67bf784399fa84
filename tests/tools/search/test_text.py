"""Spellings that must meet, and ones that must not."""

from __future__ import annotations

import pytest
from dlatlas.search.spelling import distance
from dlatlas.search.text import _han, normalize, pairs, squash, stem, tokens, units
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "family",
    [
        "prune pruning pruned prunes",
        "normalisation normalization normalize normalised normalising normalizes normalizer",
        "loss losses",
        "network networks",
        "colour color colours colored",
        "behaviour behavior behaviours behavioural",
        "neighbour neighbor neighbours neighboring neighbourhood",
        "model modelling modeling models modelled",
        "label labelling labelled labels",
        "bias biases biased",
        "centre center centres centers centred centring",
        "analyse analyze analysing analyzed analysis",
        "embed embedding embeddings embedded",
        "catalogue catalog catalogs",
        "matrix matrices",
        "grey gray",
        "defence defense",
        "entropy entropies",
        "fibre fiber fibres",
        "colourful colorful",
        "judgement judgment",
        "parametrisation parameterization",
        "interpretability interpretable interpretation",
        "convergence converge converging",
        "inference infer inferring",
        "recurrence recurrent",
        "hierarchy hierarchical",
        "robustness robust",
        "alignment aligned",
        "explosion exploding explode",
        "noise noises",
        "parser parsing parsed",
    ],
)
def test_one_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("four", "for"), ("gan", "gans2"), ("rnn", "cnn"), ("convolution", "deconvolution"), ("l1", "l2"), ("reinforce", "reinforcement")],
)
def test_different_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@pytest.mark.parametrize(
    ("variant", "common"),
    [
        ("深度學習", "深度学习"),
        ("卷積神經網路", "卷积神经网络"),
        ("類神經網路", "神经网络"),
        ("隨機梯度下降演算法", "随机梯度下降算法"),
        ("ＬＳＴＭ", "lstm"),
        ("Jürgen Schmidhuber", "jurgen schmidhuber"),
        ("損失函式", "损失函数"),
        ("腦內神經元與類神經網路", "脑内神经元与神经网络"),
        ("邊緣檢測與圖像分類", "边缘检测与图像分类"),
        ("非監督式學習", "无监督学习"),
        ("馬可夫決策過程", "马尔可夫决策过程"),
        ("人臉辨識", "人脸识别"),
        ("1×1", "1x1"),
    ],
)
def test_normalize(variant: str, common: str) -> None:
    assert normalize(variant) == common


def test_folding_characters_is_done_in_one_step() -> None:
    """No character becomes one that becomes another, and every one stands for itself in Simplified text."""
    characters, words, _ = _han()
    simplified = {text for character, text in characters.items() if character > 0x3400}
    assert len(simplified) > 1500 and not {ord(text) for text in simplified} & characters.keys()
    assert all(normalize(common) == common for common in words.values())


def test_tokens() -> None:
    assert tokens("U-Net 剪枝方法 C++") == ["u", "net", "剪枝", "枝方", "方法", "c++", "unet"]
    assert list(units("Batch-Normalization 剪枝方法")) == ["batch", "normaliz", "剪枝方法"]
    assert pairs("图") == ["图"] and tokens("图") == ["图"]
    assert squash("Batch Normalisation") == squash("batch-normalization")


@given(st.text())
def test_any_text_becomes_tokens_without_separators(text: str) -> None:
    for token in tokens(text):
        assert token and not any(c in token for c in ' "\0')


def test_distance() -> None:
    assert [distance("dropout", word) for word in ("dropout", "dropuot", "dropot", "dropouts", "drupout", "pruning")] == [0, 1, 1, 1, 1, 6]
    assert distance("", "abc") == 3
