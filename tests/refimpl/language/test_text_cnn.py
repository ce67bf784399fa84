"""What is special to the text CNN: pooling, which vectors are trained, the norm of the weights, the paper's sizes, learning."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from refimpl.language.text_cnn import TextCNN, clip_rows_, features
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.language.cases_text_cnn import BIAS, METHOD, VECTORS, WEIGHT, WORDS

MODULE = "refimpl.language.text_cnn"


def test_max_over_time_against_the_built_ins(record):
    """Rectifier first, then ``torch.nn.functional.max_pool1d`` over the whole sentence."""
    c = F.conv1d(VECTORS.transpose(1, 2), WEIGHT, BIAS).relu()
    expected = F.max_pool1d(c, c.shape[2]).squeeze(2)
    gap = error(features(VECTORS, WEIGHT, BIAS), expected)
    record(METHOD, MODULE, "pooled features", "torch.nn.functional.max_pool1d", error=gap, tolerance=1e-14, dtype=torch.float64)


def test_feature_by_hand():
    """A filter that answers to one pair of words finds it wherever it stands."""
    vectors = torch.eye(4).unsqueeze(0)  # four words, each its own axis
    weight = torch.zeros(1, 4, 2)
    weight[0, 2, 0] = weight[0, 1, 1] = 1.0  # word 2, then word 1
    bias = torch.tensor([-1.5])
    found = [features(vectors[:, list(order)], weight, bias).item() for order in ((0, 2, 1, 3), (2, 1, 0, 3), (0, 3, 2, 1), (1, 2, 0, 3))]
    assert found == [0.5, 0.5, 0.5, 0.0]


def test_place_does_not_matter_but_order_in_the_window_does():
    model = randomize(TextCNN(6, 3, 2, (2,), 4)).eval()
    assert error(model(torch.tensor([[0, 1, 2, 0, 0, 0]])), model(torch.tensor([[0, 0, 0, 1, 2, 0]]))) < 1e-14
    assert error(model(torch.tensor([[0, 2, 1, 0, 0, 0]])), model(torch.tensor([[0, 1, 2, 0, 0, 0]]))) > 1e-3


@pytest.mark.parametrize(("mode", "trained"), [("static", [False]), ("non-static", [True]), ("multichannel", [False, True])])
def test_which_vectors_are_trained(mode, trained):
    vectors = randn(6, 2, seed=5).float()
    model = TextCNN(6, 3, 2, (2, 3), 4, mode=mode, vectors=vectors)
    assert [table.weight.requires_grad for table in model.tables] == trained
    assert all(torch.equal(table.weight, vectors) for table in model.tables)
    assert model.filters[0].weight.shape == (4, 2 * len(trained), 2)
    model(WORDS).sum().backward()
    assert [table.weight.grad is not None for table in model.tables] == trained
    assert all(p.grad is not None for part in (model.filters, model.output) for p in part.parameters())


def test_padding_is_zero_and_stays_so():
    model = TextCNN(6, 3, 2, (2,), 4, vectors=torch.ones(6, 2), padding_idx=1)
    assert torch.equal(model.tables[0].weight[1], torch.zeros(2)) and torch.equal(model.tables[0].weight[0], torch.ones(2))
    model(WORDS).sum().backward()
    assert not model.tables[0].weight.grad[1].any() and model.tables[0].weight.grad[3].any()


def test_norm_of_the_rows(record):
    weight = torch.tensor([[3.0, 4.0], [0.6, 0.8], [0.0, 0.0], [-30.0, 40.0]]).double()
    expected = torch.renorm(weight, 2, 0, 2.0)
    before = weight.clone()
    result = clip_rows_(weight, 2.0)
    assert result is weight and torch.equal(weight[1:3], before[1:3])
    record(METHOD, MODULE, "rows of length at most 2", "torch.renorm", error=error(weight, expected), tolerance=1e-6, dtype=torch.float64)
    assert error(weight[3], torch.tensor([-1.2, 1.6], dtype=torch.float64)) < 1e-14
    assert error(clip_rows_(torch.full((1, 9), 2.0)).norm(), torch.tensor(3.0)) < 1e-6
    assert clip_rows_(torch.ones(2, 3, 4), 1.0).flatten(1).norm(dim=1).tolist() == pytest.approx([1.0, 1.0])


def test_dropout_in_training_alone():
    model = randomize(TextCNN(6, 3, 2, (2, 3), 4, 1.0))
    assert torch.equal(model(WORDS), model.output.bias.expand(2, -1))
    plain = randomize(TextCNN(6, 3, 2, (2, 3), 4, 0.0))
    assert torch.equal(model.eval()(WORDS), plain(WORDS))


def test_papers_sizes_initialization_and_defaults():
    model = TextCNN(500, 2)
    assert [tuple(f.weight.shape) for f in model.filters] == [(100, 300, 3), (100, 300, 4), (100, 300, 5)]
    assert model.output.weight.shape == (2, 300) and model.extra_repr() == "dropout=0.5, mode=non-static"
    table = model.tables[0].weight.detach()
    assert (
        table.requires_grad is False
        and 0.249 < table.abs().max() <= 0.25
        and abs(table.mean().item()) < 4 * 0.25 / math.sqrt(3 * table.numel())
    )
    assert {v.dtype for v in TextCNN(6, 2, 3, dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in TextCNN(6, 2, 3, device="meta").state_dict().values()} == {"meta"}
    given = TextCNN(6, 2, 3, vectors=randn(6, 3, seed=6), dtype=torch.float16).tables[0].weight
    assert given.dtype == torch.float16 and torch.equal(given, randn(6, 3, seed=6).half())
    TextCNN(1, 1, 1, (1,), 1, 0.0)


@pytest.mark.slow
def test_pairs_of_words_need_filters_of_width_two():
    """Words 0 to 3 and 4 to 7 in each sentence; which of the two stands behind word 8 is the question."""
    torch.manual_seed(1)
    words, labels = torch.randint(9, 30, (400, 10)), torch.randint(2, (400,))
    for row, label in zip(words, labels.tolist(), strict=True):
        first, second = (2 * torch.randperm(5)[:2]).tolist()
        row[first + 1], row[second + 1] = torch.randint(4, ()), torch.randint(4, 8, ())
        row[second if label else first] = 8
    shares = []
    for width in (1, 2):
        torch.manual_seed(0)
        model = TextCNN(30, 2, 16, (width,), 24)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(120):
            rows = torch.randint(300, (50,))
            optimizer.zero_grad()
            F.cross_entropy(model(words[rows]), labels[rows]).backward()
            optimizer.step()
            clip_rows_(model.output.weight)
        with torch.no_grad():
            shares.append((model.eval()(words[300:]).argmax(1) == labels[300:]).double().mean().item())
    assert shares[1] > 0.9 and shares[0] < 0.7  # chance is a half
