"""What is special to word2vec: windows, subsampling, the noise distribution, the optimum's closed form, and topics that are learned."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from refimpl.language.alias import alias_table
from refimpl.language.word2vec import (
    Word2Vec,
    keep_probability,
    negative_sampling_loss,
    neighbors,
    noise_table,
    skip_gram_pairs,
    two_topics,
)
from tests.refimpl.harness.case import rand, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.language.cases_word2vec import AROUND, COUNTS, METHOD, NOISE, TARGET, WORDS

MODULE = "refimpl.language.word2vec"


def test_windows_by_a_loop():
    text = torch.tensor([3, 1, 0, 1, 5, 9])
    reach = torch.tensor([1, 3, 2, 1, 3, 2])
    for window, reaches in ((1, None), (2, None), (3, reach), (8, None)):
        expected, pairs = [], []
        for t in range(6):
            row = []
            for j in [*range(-window, 0), *range(1, window + 1)]:
                inside = 0 <= t + j < 6 and (reaches is None or abs(j) <= reaches[t])
                row.append(text[t + j].item() if inside else -1)
                pairs += [(text[t].item(), row[-1])] if inside else []
            expected.append(row)
        assert neighbors(text, window, reaches).tolist() == expected
        assert list(zip(*(v.tolist() for v in skip_gram_pairs(text, window, reaches)), strict=True)) == pairs
    assert skip_gram_pairs(text[:1], 2)[0].shape == (0,)
    assert neighbors(text.to("meta"), 3, reach.to("meta")).is_meta


def test_subsampling_of_the_paper(record):
    counts = torch.tensor([1.0, 50, 449, 500], dtype=torch.float64)
    found, f = keep_probability(counts, 0.02), counts / 1000
    dropped = [max(0.0, 1 - math.sqrt(0.02 / v)) for v in f.tolist()]
    record(METHOD, MODULE, "share of dropped words", "equation 5", error=error(1 - found, torch.tensor(dropped)), tolerance=1e-7)
    assert torch.equal(keep_probability(f, 0.02), found)
    assert found[0] == 1 and keep_probability(torch.tensor([10.0, 0.0]))[1] == 1
    assert torch.equal(keep_probability(counts), keep_probability(counts, 1e-5))


def probabilities(table):
    """Of each outcome, from its column and what other columns leave to it."""
    p = table.own.clone()
    for share, other in zip(table.own, table.other, strict=True):
        p[other] += 1 - share
    return p / len(p)


@pytest.mark.parametrize("seed", range(4))
def test_alias_table_is_exact(seed, record):
    weights = rand(1 + 6 * seed, seed=seed, low=0.0) ** 4
    weights[:seed] = 0
    weights += seed == 0
    table, n = alias_table(weights), len(weights)
    gap = error(probabilities(table), weights / weights.sum())
    record(METHOD, MODULE, f"alias table of {n} weights", "the weights", error=gap, tolerance=1e-13, dtype=torch.float64)
    assert ((table.own >= 0) & (table.own <= 1)).all()


def test_tables_are_as_exact_for_weights_of_every_dtype():
    """Also for a weight that is the mean, and for the smallest that there is."""
    for weights in (COUNTS, COUNTS.float(), torch.tensor([2, 2, 1, 0, 0]), torch.tensor([5e-324, 0.0], dtype=torch.float64)):
        assert error(probabilities(alias_table(weights)), weights.double() / weights.double().sum()) < 1e-15
    expected = COUNTS.double() ** 0.75 / (COUNTS.double() ** 0.75).sum()
    assert error(probabilities(noise_table(COUNTS)), expected) < 1e-15


def test_draws_of_a_seed():
    table, (first, again) = noise_table(COUNTS), (torch.Generator().manual_seed(3) for _ in range(2))
    expected = table.draw((40,), first)
    with torch.device("meta"):
        assert torch.equal(noise_table(COUNTS).draw((40,), again), expected) and table.draw((4,)).device.type == "cpu"


def test_what_has_no_weight_is_not_drawn_even_where_0_is(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda shape, dtype, **_: torch.zeros(shape, dtype=dtype))
    assert alias_table(torch.tensor([0.0, 1.0, 0.0])).draw((50,)).tolist() == [1] * 50


def test_noise_follows_the_three_quarter_power():
    table, n = noise_table(COUNTS), 40_000
    draws = table.draw((n // 4, 4), torch.Generator().manual_seed(1))
    assert draws.shape == (n // 4, 4)
    p = COUNTS.double() ** 0.75 / (COUNTS.double() ** 0.75).sum()
    share = torch.bincount(draws.flatten(), minlength=5).double() / n
    assert (abs(share - p) < 4.5 * (p * (1 - p) / n).sqrt()).all()
    assert not torch.allclose(p, COUNTS.double() / COUNTS.sum(), atol=0.01)
    flat = noise_table(COUNTS, 0.0).draw((n,), torch.Generator().manual_seed(1))
    assert (abs(torch.bincount(flat) / n - 0.2) < 4.5 * (0.16 / n) ** 0.5).all()


def test_optimum_is_shifted_pointwise_mutual_information(record):
    """Where the products are log(n_wc / (k n_w P_n(c))), the expected gradient of negative sampling is zero (Levy and Goldberg, 2014)."""
    k, table = 3, rand(4, 5, seed=1, low=1.0, high=9.0)  # how often word w stands beside c
    p = table.sum(0) ** 0.75 / (table.sum(0) ** 0.75).sum()
    best = (table / (k * table.sum(1, keepdim=True) * p)).log()
    hidden, outputs = torch.eye(4, dtype=torch.float64), best.T.clone().requires_grad_()  # product of word w and c: best[w, c]
    total = 0.0
    for w, c in np.ndindex(4, 5):
        for drawn in range(5):  # each of k noise words is c' with probability p
            pair = negative_sampling_loss(hidden[w][None], outputs[c][None], outputs[drawn].expand(1, k, -1))
            total = total + table[w, c] * p[drawn] * pair.sum()
    (gradient,) = torch.autograd.grad(total, outputs)
    record(METHOD, MODULE, "gradient at the optimum", "zero", error=gradient.abs().max().item() / table.sum().item(), tolerance=1e-14)


def test_outputs_are_distributions():
    for negative in (2, 0):
        model = randomize(Word2Vec(COUNTS, 3, negative))
        for words in (WORDS, AROUND):
            log_p = model.log_prob(words)
            assert error(log_p.exp().sum(1), torch.ones(4)) < 1e-12
            if not negative:
                assert error(-log_p.gather(1, TARGET[:, None])[:, 0], model(words, TARGET)) < 1e-12
    model = randomize(Word2Vec(COUNTS, 3))
    v, u = model.input.weight, model.output.weight
    by_hand = (u @ v[4]).exp() / (u @ v[4]).exp().sum()
    assert error(model.log_prob(WORDS)[0].exp(), by_hand) < 1e-13


def test_start_and_noise_of_the_model():
    torch.manual_seed(0)
    model = Word2Vec(torch.ones(400), 10)
    bound = 0.5 / 10
    assert model.input.weight.abs().max() <= bound and model.input.weight.std().item() == pytest.approx(2 * bound / 12**0.5, rel=0.03)
    assert not model.output.weight.any() and model.negative == 5
    pairs = torch.zeros(3, dtype=torch.int64)
    assert error(model(pairs, pairs), torch.full((3,), 6 * math.log(2))) < 1e-6
    assert error(Word2Vec(torch.ones(4), 3, 0)(pairs, pairs), torch.full((3,), 2 * math.log(2))) < 1e-6
    model = randomize(Word2Vec(COUNTS, 3, 2))
    assert not torch.equal(model(WORDS, TARGET), model(WORDS, TARGET))
    assert torch.equal(model(WORDS, TARGET, NOISE), model(WORDS, TARGET, NOISE))
    empty = torch.full((2, 3), -1)
    assert not model.hidden(empty).any()
    assert {p.dtype for p in Word2Vec(COUNTS, 3, dtype=torch.float16).parameters()} == {torch.float16}
    assert Word2Vec(COUNTS, 3, device="meta").input.weight.is_meta


def test_two_words_of_one_number():
    pair = torch.tensor([0, 1])
    for negative in (2, 0):
        model = Word2Vec(torch.tensor([3, 1]), 1, negative, dtype=torch.float64)
        assert model(pair, pair).tolist() == pytest.approx([(1 + negative) * math.log(2)] * 2, rel=1e-15)


def test_noise_is_drawn_where_the_words_are():
    model, seen = Word2Vec(COUNTS, 3, device="meta"), []
    model.output.register_forward_pre_hook(lambda _, args: seen.append(args[0].device.type))
    assert model(WORDS.to("meta"), TARGET.to("meta")).is_meta and seen == ["meta", "meta"]


def test_a_text_of_two_topics():
    text = two_topics(40_005, torch.Generator().manual_seed(0))
    assert torch.equal(text, two_topics(40_005, torch.Generator().manual_seed(0))) and text.max() == 10
    rows = text.view(5000, 8)
    first, second = (rows < 5).any(1), ((rows >= 5) & (rows < 10)).any(1)
    assert not (first & second).any()
    counts = torch.bincount(text).double()
    shares = [
        (first.double().sum() / (first | second).sum(), 0.5, 5000),
        (counts[10] / len(text), 0.2, len(text)),
        *((count / topic.sum(), 0.2, 15_000) for topic in counts[:10].view(2, 5) for count in topic),
    ]
    assert all(abs(share - p) < 4 * (p * (1 - p) / n) ** 0.5 for share, p, n in shares)


def test_huffman_codes_of_gensim(record):
    gensim = pytest.importorskip("gensim.models")
    words = [[f"w{i}"] * int(c) for i, c in enumerate(COUNTS)]
    theirs = gensim.Word2Vec(words, vector_size=2, min_count=1, hs=1, negative=0, epochs=1, workers=1)
    model = Word2Vec(COUNTS, 2, 0)
    ours = (model.output.signs != 0).sum(1).tolist()
    gap = sum(abs(len(theirs.wv.get_vecattr(f"w{i}", "code")) - n) for i, n in enumerate(ours))
    record(METHOD, MODULE, "lengths of the codes", "gensim", error=gap, tolerance=0)


@pytest.mark.slow
@pytest.mark.parametrize("negative", [5, 0])
@pytest.mark.parametrize("cbow", [False, True])
def test_topics_are_learned(negative, cbow, record):
    torch.manual_seed(0)
    text = two_topics(4000)
    counts = torch.bincount(text, minlength=11)
    words, target = (neighbors(text, 3), text) if cbow else skip_gram_pairs(text, 3)
    model = Word2Vec(counts, 8, negative)
    adam = torch.optim.Adam(model.parameters(), 2e-2)
    for _ in range(120):
        batch = torch.randint(len(target), (512,))
        adam.zero_grad()
        model(words[batch], target[batch]).mean().backward()
        adam.step()
    v = F.normalize(model.input.weight.detach()[:10])
    near = v @ v.T
    within, across = (near[:5, :5].sum() + near[5:, 5:].sum() - 10) / 40, near[:5, 5:].mean()
    what = f"cosine across topics less that within, {'CBOW' if cbow else 'skip-gram'}, {negative} noise words"
    record(METHOD, MODULE, what, "a corpus of two topics", error=(across - within).item(), tolerance=-0.4)
