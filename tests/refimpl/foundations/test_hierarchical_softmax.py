"""What is special to hierarchical softmax: a distribution over the leaves, Huffman's optimum, learning frequencies."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from refimpl.foundations.hierarchical_softmax import HierarchicalSoftmax
from refimpl.foundations.huffman import huffman_tree
from tests.refimpl.foundations.cases_hierarchical_softmax import COUNTS, METHOD, TARGET, X
from tests.refimpl.harness.case import rand, randomize

MODULE = "refimpl.foundations.hierarchical_softmax"


def lengths(tree):
    return tree.signs.ne(0).sum(1)


def smallest_cost(counts):
    """The cheapest of all ways to merge the counts two by two."""
    if len(counts) == 1:
        return 0
    found = []
    for i, j in itertools.combinations(range(len(counts)), 2):
        merged = counts[i] + counts[j]
        found.append(merged + smallest_cost([merged, *(c for k, c in enumerate(counts) if k not in (i, j))]))
    return min(found)


def test_leaves_share_all_of_the_probability(record):
    layer = randomize(HierarchicalSoftmax(3, rand(40, seed=1, low=0.1), bias=True))
    gap = (layer.log_prob(X).exp().sum(-1) - 1).abs().max().item()
    record(METHOD, MODULE, "sum of the probabilities", "1", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(4,40)")


@pytest.mark.parametrize("counts", [COUNTS, [1, 1, 1, 1, 1], [8, 4, 2, 1, 1], [0, 0, 3, 0, 1]])
def test_tree_is_the_cheapest(counts, record):
    tree = huffman_tree(counts)
    cost = sum(c * n for c, n in zip(counts, lengths(tree).tolist(), strict=True))
    record(METHOD, MODULE, f"Huffman's tree of {counts}", "all trees", error=abs(cost - smallest_cost(counts)), tolerance=0)


def test_mean_path_lies_within_a_bit_of_the_entropy(record):
    counts = rand(300, seed=2, low=0.0) ** 4
    f, tree = counts / counts.sum(), huffman_tree(counts)
    mean, entropy = float((f * lengths(tree)).sum()), float(-(f * f.log2()).sum())
    assert mean >= entropy
    record(METHOD, MODULE, "mean length of a path less the entropy", "1 bit", error=mean - entropy, tolerance=1.0)
    assert sum(2.0**-n for n in lengths(tree).tolist()) == 1


def test_tree_by_hand():
    """Counts 5, 1, 2: the rarest are 1 and 2; their node, of count 3, is rarer than 5 and so the first child."""
    tree = huffman_tree([5, 1, 2])
    assert tree.paths.tolist() == [[0, 0], [0, 1], [0, 1]] and tree.signs.tolist() == [[-1, 0], [1, 1], [1, -1]]
    assert tree.paths.dtype == torch.int64 and tree.signs.dtype == torch.int8
    assert huffman_tree([3]).paths.shape == (1, 0)
    tied = huffman_tree(torch.tensor([2, 2, 2]))  # a leaf before a merged node: leaf 2 (count 2), then the node (4)
    assert tied.signs.tolist() == [[-1, 1], [-1, -1], [1, 0]]


def test_paths_lead_to_different_leaves():
    tree = huffman_tree(rand(50, seed=3, low=0.1))
    ways = {tuple((n, s) for n, s in zip(p, t, strict=True) if s) for p, t in zip(tree.paths.tolist(), tree.signs.tolist(), strict=True)}
    assert len(ways) == 50 and set(tree.paths.flatten().tolist()) == set(range(49))
    assert (tree.paths[:, 0] == 0).all()


@pytest.mark.parametrize("bias", [False, True])
def test_even_turns_at_first(bias):
    layer = HierarchicalSoftmax(3, COUNTS, bias, dtype=torch.float64)
    assert torch.allclose(layer(X, TARGET).output, -lengths(huffman_tree(COUNTS))[TARGET].double() * math.log(2))
    shapes = {name: tuple(p.shape) for name, p in layer.named_parameters()}
    assert shapes == {"weight": (5, 3)} | ({"bias": (5,)} if bias else {})
    assert repr(layer) == f"HierarchicalSoftmax(3, n_classes=6, depth=4, bias={bias})"


def test_factory_arguments():
    layer = HierarchicalSoftmax(3, [1, 1], bias=True, device="meta", dtype=torch.float16)
    assert all(value.is_meta for value in layer.state_dict().values())
    assert {p.dtype for p in layer.parameters()} == {torch.float16}
    assert HierarchicalSoftmax(3, [1, 1]).bias is None


def test_one_class_is_certain():
    layer = HierarchicalSoftmax(3, [7], bias=True, dtype=torch.float64)
    assert layer.log_prob(X).tolist() == [[0]] * 4 and layer(X, TARGET * 0).loss == 0


def test_output_loss_and_prediction_fit_each_other():
    layer = randomize(HierarchicalSoftmax(3, COUNTS, bias=True))
    output, loss = layer(X, TARGET)
    log_p = layer.log_prob(X)
    assert torch.allclose(output, log_p.gather(1, TARGET[:, None])[:, 0], atol=1e-14) and loss == -output.mean()
    assert torch.equal(layer.predict(X), log_p.argmax(1))


def test_learns_the_frequencies(record):
    """On a constant input the best tree has the relative frequencies as its leaves."""
    layer = HierarchicalSoftmax(1, COUNTS, dtype=torch.float64)
    target = torch.repeat_interleave(torch.arange(6), torch.tensor(COUNTS))
    x = torch.ones(len(target), 1, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=100, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = layer(x, target).loss
        loss.backward()
        return loss

    optimizer.step(closure)
    expected = torch.tensor(COUNTS, dtype=torch.float64) / sum(COUNTS)
    gap = float((layer.log_prob(x[:1])[0].exp() - expected).abs().max().detach())
    record(METHOD, MODULE, "leaves learned from a constant input", "relative frequencies", error=gap, tolerance=1e-6, dtype=torch.float64)
