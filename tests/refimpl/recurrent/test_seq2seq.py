"""What is special to the encoder-decoder: the chain rule, where attention looks, decoding, and learning to reverse."""

from __future__ import annotations

import inspect
import itertools
import math

import pytest
import torch

from refimpl.recurrent.seq2seq import Seq2Seq, sequence_loss
from tests.refimpl.harness.case import randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_seq2seq import LENGTHS, METHOD, SOURCE, TARGET, small

MODULE = "refimpl.recurrent.seq2seq"
START, END = 4, 5


def test_probabilities_of_all_strings_sum_to_one(record):
    """Over all target strings of two symbols, by teacher forcing."""
    model = randomize(small())
    strings = torch.tensor(list(itertools.product(range(6), repeat=2)))
    target = torch.cat((torch.full((36, 1), START), strings), 1)
    logits, _ = model(SOURCE[:1].expand(36, -1), target[:, :-1])
    total = (-sequence_loss(logits, strings)).exp().sum()
    gap = abs(total.item() - 1)
    record(METHOD, MODULE, "p(y | x) over all y of two symbols", "1", error=gap, tolerance=1e-13, dtype=torch.float64)


def test_attention_sums_to_one_and_leaves_padding_out():
    model = randomize(small())
    logits, weights = model(SOURCE, TARGET, LENGTHS)
    assert error(weights.sum(2), torch.ones(2, 3)) < 1e-14
    assert not weights[1, :, 2:].any() and weights[1, :, :2].min() > 0 and weights[0].min() > 0
    changed = SOURCE.clone()
    changed[1, 2:] = 3
    assert error(model(changed, TARGET, LENGTHS)[0], logits) < 1e-14


def test_outputs_do_not_see_the_future():
    model = randomize(small())
    changed = TARGET.clone()
    changed[:, 2] = 1
    before, after = model(SOURCE, TARGET)[0], model(SOURCE, changed)[0]
    assert torch.equal(before[:, :2], after[:, :2]) and not torch.equal(before[:, 2], after[:, 2])


def test_decoding_with_a_wide_beam_finds_the_best_string(record):
    """Against all strings of up to three symbols, scored by teacher forcing."""
    model = randomize(small(), scale=2.0)
    found = model.decode(SOURCE[0], START, END, width=500, max_length=3)
    scores = {}
    for string in itertools.product(range(6), repeat=3):
        cut = string[: string.index(END) + 1] if END in string else string
        target = torch.tensor([[START, *cut]])
        scores[cut] = -sequence_loss(model(SOURCE[:1], target[:, :-1])[0], target[:, 1:]).item()
    assert [h.tokens for h in found] == sorted(scores, key=lambda cut: -scores[cut])
    gap = max(abs(h.score - scores[h.tokens]) for h in found)
    record(METHOD, MODULE, "scores of all strings", "teacher forcing", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_greedy_decoding_takes_the_likeliest_symbol_at_each_step():
    model = randomize(small(), scale=2.0)
    (found,) = model.decode(SOURCE[1], START, END, max_length=6)
    string = [START]
    while len(string) < 7 and string[-1] != END:
        logits, _ = model(SOURCE[1:], torch.tensor([string]))
        string.append(logits[0, -1].argmax().item())
    assert list(found.tokens) == string[1:]
    defaults = {k: v.default for k, v in inspect.signature(Seq2Seq.decode).parameters.items()}
    assert (defaults["width"], defaults["max_length"]) == (1, 50)


def test_new_tensors_are_on_the_device_of_the_input():
    model = randomize(small())
    expected = [*model(SOURCE, TARGET, LENGTHS), *model(SOURCE, TARGET)]
    with torch.device("meta"):
        found = [*model(SOURCE, TARGET, LENGTHS), *model(SOURCE, TARGET)]
        assert model.decode(SOURCE[0], START, END, 2, 2)
    assert all(a.device.type == "cpu" and torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_parameters():
    model = Seq2Seq(5, 6, 2, 3)
    assert {k: tuple(v.shape) for k, v in model.state_dict().items() if "_l0" not in k} == {
        "source_embedding.weight": (5, 2),
        "target_embedding.weight": (6, 2),
        "bridge.weight": (3, 3),
        "attention.v": (3,),
        "attention.query_proj.weight": (3, 3),
        "attention.key_proj.weight": (3, 3),
        "output.weight": (6, 6),
        "output.bias": (6,),
    }
    assert {v.dtype for v in Seq2Seq(5, 6, 2, 3, dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in Seq2Seq(5, 6, 2, 3, device="meta").state_dict().values()} == {"meta"}
    Seq2Seq(1, 1, 1, 1)


@pytest.mark.slow
def test_learns_to_reverse():
    """Five digits of eight: chance has a loss of 5 ln 8 = 10.4."""
    torch.manual_seed(0)
    model = Seq2Seq(8, 10, 16, 32)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(120):
        source = torch.randint(8, (32, 5))
        target = torch.cat((source.new_full((32, 1), 8), source.flip(1), source.new_full((32, 1), 9)), 1)
        loss = sequence_loss(model(source, target[:, :-1])[0], target[:, 1:]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2 * 5 * math.log(8)
    right = [model.decode(row, 8, 9, 2, 8)[0].tokens == (*row.flip(0).tolist(), 9) for row in torch.randint(8, (20, 5))]
    assert sum(right) > 10
