"""What is special to the character model: chain rule, temperature, the state between pieces, truncation, writing, learning."""

from __future__ import annotations

import inspect
import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from refimpl.language import char_rnn
from refimpl.language.char_rnn import Alphabet, CharRNN, perplexity, sample, streams, train_epoch, write
from tests.refimpl.harness.case import randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.language.cases_char_rnn import METHOD, SCORES, TARGETS, X

MODULE = "refimpl.language.char_rnn"
TEXT = torch.arange(23) % 5


def test_alphabet():
    alphabet = Alphabet("hello, 世界")
    assert alphabet.characters == " ,ehlo世界" and len(alphabet) == 8
    assert alphabet.decode(alphabet.encode("hole 界").tolist()) == "hole 界"
    assert alphabet.encode("").dtype == torch.int64 and alphabet.encode("").shape == (0,)


def test_probabilities_of_all_texts_sum_to_one(record):
    """By the chain rule, over all texts of three characters after a first one."""
    model = randomize(CharRNN(5, 3))
    texts = torch.tensor(list(itertools.product(range(5), repeat=3))).t()
    read = torch.cat((torch.full((1, 125), 2), texts))
    scores, _ = model(read[:-1])
    logs = scores.log_softmax(2).gather(2, texts.unsqueeze(2)).sum(0)
    gap = abs(logs.exp().sum().item() - 1)
    record(METHOD, MODULE, "p of all texts of three characters", "1", error=gap, tolerance=1e-13, dtype=torch.float64)


def test_perplexity_by_hand():
    assert perplexity(torch.zeros(3, 2, 7), torch.zeros(3, 2).long()).item() == pytest.approx(7.0)
    certain = 100.0 * F.one_hot(TARGETS, 5)
    assert perplexity(certain, TARGETS).item() == pytest.approx(1.0)
    half = torch.tensor([[0.5, 0.5], [0.125, 0.875]]).double().log()
    assert perplexity(half, torch.tensor([0, 0])).item() == pytest.approx(4.0)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_of_samples(temperature):
    """Each character within four standard deviations of its count under exp(y / tau)."""
    scores = torch.tensor([[0.0, 1.0, -1.0, 0.5]]).double()
    weights = torch.tensor([math.exp(y / temperature) for y in scores[0].tolist()]).double()
    shares, n = weights / weights.sum(), 20_000
    drawn = sample(scores.expand(n, -1), temperature, generator=torch.Generator().manual_seed(1)).bincount(minlength=4)
    assert ((drawn - n * shares).abs() < 4 * (n * shares * (1 - shares)).sqrt()).all()


def test_temperature_zero_is_the_most_probable():
    assert torch.equal(sample(SCORES[0], 0.0), SCORES[0].argmax(1))
    assert torch.equal(sample(SCORES[0], 1e-4), SCORES[0].argmax(1))
    defaults = inspect.signature(sample).parameters["temperature"].default, inspect.signature(write).parameters["temperature"].default
    assert defaults == (1.0, 1.0)


@pytest.mark.parametrize(("batch", "length", "sizes"), [(2, 4, [4, 4, 3]), (1, 30, [22]), (3, 7, [7]), (22, 5, [1])])
def test_streams_read_every_part_in_order(batch, length, sizes):
    pieces = list(streams(TEXT, batch, length))
    assert [len(x) for x, _ in pieces] == sizes
    read, follow = (torch.cat(parts) for parts in zip(*pieces, strict=True))
    each = 22 // batch
    for b in range(batch):
        assert torch.equal(read[:, b], TEXT[b * each : (b + 1) * each])
        assert torch.equal(follow[:, b], TEXT[b * each + 1 : (b + 1) * each + 1])


class Watched(torch.optim.SGD):
    """Keeps the gradients of each step and moves nothing."""

    def __init__(self, parameters) -> None:
        super().__init__(parameters, lr=0.0)
        self.seen = []

    def step(self):
        self.seen.append(torch.cat([p.grad.flatten().clone() for group in self.param_groups for p in group["params"]]))


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_state_goes_on_and_its_gradient_does_not(cell, record):
    """Gradients of each piece with the state before it as a constant; the loss is that of the whole text."""
    model = randomize(CharRNN(5, 3, cell=cell))
    optimizer = Watched(model.parameters())
    loss = train_epoch(model, optimizer, TEXT, 2, 4)
    read, follow = (TEXT[k : k + 22].view(2, 11).t() for k in (0, 1))
    whole = F.cross_entropy(model(read)[0].flatten(0, 1), follow.flatten())
    record(METHOD, MODULE, f"loss in pieces, {cell}", "the whole text", error=abs(loss - whole.item()), tolerance=1e-13)
    worst = 0.0
    for k, start in enumerate((0, 4, 8)):
        with torch.no_grad():
            state = model(read[:start])[1] if start else None
        piece = F.cross_entropy(model(read[start : start + 4], state)[0].flatten(0, 1), follow[start : start + 4].flatten())
        expected = torch.cat([g.flatten() for g in torch.autograd.grad(piece, list(model.parameters()))])
        worst = max(worst, error(optimizer.seen[k], expected))
    record(METHOD, MODULE, f"gradients of the pieces, {cell}", "autograd from a constant state", error=worst, tolerance=1e-13)


def test_gradient_is_clipped_before_the_step():
    model = randomize(CharRNN(5, 3))
    optimizer, free = Watched(model.parameters()), Watched(model.parameters())
    train_epoch(model, optimizer, TEXT, 2, 4, max_norm=0.01)
    train_epoch(model, free, TEXT, 2, 4)
    assert all(abs(g.norm().item() - 0.01) < 1e-6 < f.norm().item() - 0.01 for g, f in zip(optimizer.seen, free.seen, strict=True))


def test_writing_reads_what_it_wrote():
    model = randomize(CharRNN(5, 3))
    written = write(model, X[:, 0], 6, 0.0)
    text = X[:, 0].tolist()
    for character in written:
        scores, _ = model(torch.tensor(text).unsqueeze(1))
        assert character == scores[-1, 0].argmax().item()
        text.append(character)
    assert len(written) == 6 and write(model, X[:, 0], 0) == []
    first, second = (write(model, X[:, 0], 20, 1.5, generator=torch.Generator().manual_seed(4)) for _ in range(2))
    assert first == second != write(model, X[:, 0], 20, 1.5, generator=torch.Generator().manual_seed(5))


def test_model_and_defaults():
    assert type(CharRNN(5, 3).rnn).__name__ == "RNN" and CharRNN(5, 3, 2, "gru", 0.3).rnn.dropout == 0.3
    assert CharRNN(5, 3).rnn.num_layers == 1 and CharRNN(5, 3, 2).rnn.num_layers == 2 and CharRNN(5, 3).rnn.dropout == 0.0
    assert set(char_rnn.CELLS) == {"rnn", "gru", "lstm"} and CharRNN(5, 3).rnn.nonlinearity == "tanh"
    assert {v.dtype for v in CharRNN(5, 3, dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in CharRNN(5, 3, device="meta").state_dict().values()} == {"meta"}
    model = randomize(CharRNN(5, 3))
    assert error(model(X)[0], torch.cat((model(X[:2])[0], model(X[2:], model(X[:2])[1])[0]))) < 1e-14


@pytest.mark.slow
def test_learns_a_text_that_repeats():
    text = "the cat sat on the mat. the dog sat on the log. " * 10
    alphabet = Alphabet(text)
    torch.manual_seed(0)
    model = CharRNN(len(alphabet), 32)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(25):
        loss = train_epoch(model, optimizer, alphabet.encode(text), 4, 20, 5.0)
    assert math.exp(loss) < 1.6
    assert alphabet.decode(write(model, alphabet.encode("the cat sat on the "), 4, 0.0)) == "mat."
