"""Noise that keeps its bounds, rotations that are found, losses by hand, and two tiny languages translated without a pair."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from refimpl.language.unsupervised_mt import Discriminator, back_translation_loss, denoising_loss, language_loss, noise, translate
from refimpl.language.word_alignment import csls, procrustes, refine
from refimpl.recurrent.seq2seq import Seq2Seq
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.language.cases_unsupervised_mt import METHOD, numpy_csls

MODULE = "refimpl.language.unsupervised_mt"
ALIGNMENT = "refimpl.language.word_alignment"
END = 9


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def model():
    return randomize(Seq2Seq(10, 10, 3, 4), seed=3)


@pytest.mark.parametrize("shuffle", [0, 1, 3])
def test_words_move_at_most_so_far(shuffle):
    tokens, lengths = torch.arange(1, 9).repeat(3000, 1), torch.tensor([8, 5, 1]).repeat(1000)
    noisy, left = noise(tokens, lengths, 0.0, shuffle, generator=generator())
    assert torch.equal(left, lengths)
    moves = set()
    for row, n in zip(noisy.tolist(), lengths.tolist(), strict=True):
        assert sorted(row[:n]) == list(range(1, n + 1)) and row[n:] == [0] * (8 - n)
        moves |= {abs(word - 1 - i) for i, word in enumerate(row[:n])}
    assert moves == set(range(shuffle + 1))


def test_two_words_change_places_as_often_as_the_equations_say(record):
    """With k = 1, i + u_i > i + 1 + u_{i+1} for u uniform in [0, 2) has probability 1/8."""
    noisy, _ = noise(torch.tensor([[1, 2]]).repeat(40_000, 1), torch.full((40_000,), 2), 0.0, 1, generator=generator())
    rate = (noisy[:, 0] == 2).double().mean().item()
    tolerance = 4 * math.sqrt(1 / 8 * 7 / 8 / 40_000)
    record(
        METHOD, MODULE, "rate of swaps, k = 1", "1/8, 4 standard errors", error=abs(rate - 1 / 8), tolerance=tolerance, dtype=torch.float64
    )


def test_words_are_dropped_at_their_rate_and_keep_their_order(record):
    tokens, lengths = torch.arange(1, 7).repeat(5000, 1), torch.full((5000,), 6)
    noisy, left = noise(tokens, lengths, 0.3, 0, generator=generator())
    rate = 1 - left.double().mean().item() / 6
    tolerance = 4 * math.sqrt(0.3 * 0.7 / 30_000)
    record(METHOD, MODULE, "rate of dropped words", "p, 4 standard errors", error=abs(rate - 0.3), tolerance=tolerance, dtype=torch.float64)
    for row, n in zip(noisy.tolist(), left.tolist(), strict=True):
        assert row[:n] == sorted(set(row[:n])) and row[n:] == [0] * (6 - n) and 0 not in row[:n]


def test_shuffling_counts_among_the_words_that_are_left():
    noisy, left = noise(torch.arange(1, 13).repeat(500, 1), torch.full((500,), 12), 0.5, 1, generator=generator())
    for row, n in zip(noisy.tolist(), left.tolist(), strict=True):
        assert all(abs(sorted(row[:n]).index(word) - i) <= 1 for i, word in enumerate(row[:n]))


def test_a_sentence_keeps_a_word():
    noisy, left = noise(torch.tensor([[4, 5, 6], [7, 8, 9]]), torch.tensor([3, 2]), 1.0)
    assert noisy.tolist() == [[4, 0, 0], [7, 0, 0]] and left.tolist() == [1, 1]


def test_noise_defaults_and_generator():
    tokens, lengths = torch.arange(1, 9).repeat(4000, 1), torch.full((4000,), 8)
    noisy, left = noise(tokens, lengths, generator=generator(5))
    assert torch.equal(noisy, noise(tokens, lengths, 0.1, 3, generator=generator(5))[0])
    assert not torch.equal(noisy, noise(tokens, lengths, generator=generator(6))[0])
    assert left.double().mean().item() / 8 == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / 32_000))
    with torch.device("meta"):
        again, n = noise(tokens, lengths, generator=generator(5))
    assert torch.equal(again, noisy) and torch.equal(n, left)


def test_without_dropping_every_word_stays_even_where_0_is_drawn(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda shape, dtype=None, **_: torch.zeros(shape, dtype=dtype))
    tokens, lengths = torch.arange(1, 9).view(2, 4), torch.tensor([4, 2])
    noisy, left = noise(tokens, lengths, 0.0, 3)
    assert noisy.tolist() == [[1, 2, 3, 4], [5, 6, 0, 0]] and torch.equal(left, lengths)


def test_a_rotation_is_found(record):
    """Exactly from as many words as dimensions; refined from four noisy pairs, it finds all others."""
    rotation = torch.linalg.qr(randn(5, 5, seed=4))[0]
    words = randn(40, 5, seed=5)
    gap = error(procrustes(words, words @ rotation.T), rotation)
    record(METHOD, ALIGNMENT, "rotation of 40 words", "the rotation", error=gap, tolerance=1e-13, dtype=words.dtype)
    others = words @ rotation.T + 0.05 * randn(40, 5, seed=6)
    first = procrustes(words[:4], others[:4])
    refined = refine(words, others, first, k=3)
    assert (csls(words @ refined.T, others, 3).argmax(1) == torch.arange(40)).all()
    assert (refined - rotation).norm() < 0.1 < (first - rotation).norm()
    assert torch.equal(refine(words, others, first, k=3, rounds=0), first)


def numpy_refine(x, y, w, k, rounds):
    """Pair by pair in NumPy."""
    x, y, w = x.numpy(), y.numpy(), w.numpy()
    for _ in range(rounds):
        scores = numpy_csls(None, x @ w.T, y, k)
        there, back = scores.argmax(1), scores.argmax(0)
        pairs = [(i, j) for i, j in enumerate(there) if back[j] == i]
        a = sum(np.outer(y[j], x[i]) for i, j in pairs)
        u, _, vh = np.linalg.svd(a)
        w = u @ vh
    return torch.from_numpy(w)


def test_refining_pairs_the_words_that_choose_each_other(record):
    """With nothing to be found, each round chooses other pairs."""
    x, y, start = randn(30, 3, seed=19), randn(20, 3, seed=20), torch.eye(3, dtype=torch.float64)
    for options in ({"k": 2, "rounds": 1}, {"k": 3, "rounds": 3}, {}):
        found, expected = refine(x, y, start, **options), numpy_refine(x, y, start, **{"k": 10, "rounds": 5} | options)
        record(METHOD, ALIGNMENT, f"refined with {options}", "NumPy", error=error(found, expected), tolerance=1e-12, dtype=torch.float64)
    with torch.device("meta"):
        again = refine(x, y, start)
    assert error(again, found) < 1e-12


def test_a_hub_is_nobodys_translation():
    """The hub is the nearest vector of every word; less its own neighborhood, it is not."""
    words = torch.eye(4, dtype=torch.float64)
    others = torch.cat((words * 0.55 - 0.3, torch.ones(1, 4, dtype=torch.float64)))  # cosine .43 to its word, the hub .5
    cosine = words @ torch.nn.functional.normalize(others, dim=1).T
    assert (cosine.argmax(1) == 4).all()
    assert csls(words, others, 2).argmax(1).tolist() == [0, 1, 2, 3]


def rebuilt(translator, seen, target, start):
    """-log p of each target and its end, one sentence and one symbol at a time, averaged over the sentences."""
    total = 0.0
    for source, words in zip(seen, target, strict=True):
        states, mask, s = translator.encode(torch.tensor([source]))
        keys, last = translator.attention.key_proj(states), start
        for word in (*words, END):
            s, context, _ = translator.step(translator.target_embedding(torch.tensor([last])), s, states, keys, mask)
            total -= translator.output(torch.cat((s, context), 1)).log_softmax(1)[0, word].item()
            last = word
    return total / len(seen)


def test_losses_by_hand(record):
    """Without noise, each loss is that of the sentence given what is seen, whatever stands behind the ends."""
    translator, lengths = model(), torch.tensor([3, 1])
    tokens, words = torch.tensor([[1, 2, 3], [4, 5, 6]]), ([1, 2, 3], [4])
    found = denoising_loss(translator, tokens, lengths, 7, END, 0.0, 0).item()
    gap = abs(found - rebuilt(translator, words, words, 7)) / found
    record(METHOD, MODULE, "denoising loss without noise", "one symbol at a time", error=gap, tolerance=1e-14, dtype=torch.float64)
    translated = torch.tensor([[6, 5], [8, 2]]), torch.tensor([2, 1])
    found = back_translation_loss(translator, tokens, lengths, 8, END, translated, 0.0, 0).item()
    gap = abs(found - rebuilt(translator, ([6, 5], [8]), words, 8)) / found
    record(METHOD, MODULE, "back-translation loss without noise", "one symbol at a time", error=gap, tolerance=1e-14, dtype=torch.float64)


def test_losses_see_noise():
    translator, lengths = model(), torch.tensor([3, 1])
    tokens = torch.tensor([[1, 2, 3], [4, 5, 6]])
    noisy, left = noise(tokens, lengths, 0.4, 2, generator=generator(1))
    plain = back_translation_loss(translator, tokens, lengths, 7, END, (noisy, left), 0.0, 0)
    assert plain == denoising_loss(translator, tokens, lengths, 7, END, 0.4, 2, generator=generator(1))
    assert plain == back_translation_loss(translator, tokens, lengths, 7, END, (tokens, lengths), 0.4, 2, generator=generator(1))
    tokens, lengths = torch.randint(1, 7, (60, 8), generator=generator(3)), torch.full((60,), 8)
    again = denoising_loss(translator, tokens, lengths, 7, END, generator=generator(4))
    assert again == denoising_loss(translator, tokens, lengths, 7, END, 0.1, 3, generator=generator(4))
    assert again == back_translation_loss(translator, tokens, lengths, 7, END, (tokens, lengths), generator=generator(4))


def greedy(translator, source, start, count):
    """The likeliest words of one sentence one by one, no end before the first."""
    states, mask, s = translator.encode(torch.tensor([source]))
    keys, last, words = translator.attention.key_proj(states), start, []
    while len(words) < count:
        s, context, _ = translator.step(translator.target_embedding(torch.tensor([last])), s, states, keys, mask)
        ranked = translator.output(torch.cat((s, context), 1))[0].argsort(descending=True).tolist()
        last = next(word for word in ranked if words or word != END)
        if last == END:
            break
        words.append(last)
    return words


@pytest.mark.parametrize(("seed", "favor"), [(3, 0.0), (9, 1.5), (14, 1.5), (17, 1.0)])
def test_translation_is_greedy_for_each_sentence(seed, favor):
    """Whole sentences, sentences that end, and some that would end before their first word."""
    translator = randomize(Seq2Seq(10, 10, 3, 4), seed=seed)
    with torch.no_grad():
        translator.output.bias[END] += favor
    tokens, lengths = torch.randint(1, 7, (12, 4), generator=generator(2)), torch.tensor([4, 2, 3, 1] * 3)
    found, left = translate(translator, tokens, lengths, 7, END, 5)
    assert found.shape == (12, 5) and not found.requires_grad
    for source, n, row, m in zip(tokens.tolist(), lengths.tolist(), found.tolist(), left.tolist(), strict=True):
        words = greedy(translator, source[:n], 7, 5)
        assert row == [*words, *[0] * (5 - m)] and m == len(words)
        decoded = [t for t in translator.decode(torch.tensor(source[:n]), 7, END, 1, 5)[0].tokens if t != END]
        assert decoded in (words, [])


def test_new_tensors_are_on_the_device_of_the_logits():
    logits, lengths, language = randn(3, 4, seed=4), torch.tensor([2, 4, 1]), torch.tensor([0, 1, 1])
    expected = language_loss(logits, lengths, language)
    with torch.device("meta"):
        assert language_loss(logits, lengths, language) == expected


def test_discriminator_is_wide_by_default():
    assert [layer.out_features for layer in Discriminator(3).layers[::2]] == [1024, 1024, 1]
    assert [layer.out_features for layer in Discriminator(1, 1).layers[::2]] == [1, 1, 1]
    assert {v.dtype for v in Discriminator(3, 2, dtype=torch.float64, device="meta").state_dict().values()} == {torch.float64}


def test_word_order_is_learned_without_a_pair():
    """Two languages of three words that differ in words and order, and a dictionary: no sentence is right word by word."""
    torch.manual_seed(0)
    translator = Seq2Seq(15, 15, 8, 24)
    optimizer = torch.optim.Adam(translator.parameters(), lr=2e-2)

    def sentences(count, language):
        first, second, third = torch.randint(2, (3, count)) + torch.tensor([[0], [2], [4]])
        return torch.stack((first, second, third) if language == 0 else (second + 6, first + 6, third + 6), 1)

    swap = torch.cat((torch.arange(6, 12), torch.arange(6)))
    lengths, test = torch.full((16,), 3), sentences(100, 0)
    right = torch.stack((test[:, 1], test[:, 0], test[:, 2]), 1) + 6
    for _ in range(45):
        loss = 0
        for language, start in ((0, 12), (1, 13)):
            x = sentences(16, language)
            loss = loss + denoising_loss(translator, x, lengths, start, 14)
            loss = loss + back_translation_loss(translator, x, lengths, start, 14, (swap[x], lengths))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found, left = translate(translator, test, torch.full((100,), 3), 13, 14, 4)
    assert not (swap[test] == right).all(1).any()
    assert ((found[:, :3] == right).all(1) & (left == 3)).float().mean() > 0.8
