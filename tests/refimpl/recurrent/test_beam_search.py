"""Beam search on tables of probabilities: against the paper's rule over dictionaries, exactness, the greedy counterexample."""

from __future__ import annotations

import inspect
import itertools
import math

import pytest
import torch

from refimpl.recurrent.beam_search import Hypothesis, beam_search
from tests.refimpl.harness.case import randn

MODULE, METHOD = "refimpl.recurrent.beam_search", "seq2seq"
START, END = 0, 3
NOTHING = torch.zeros(1, 0)


def by_last(table):
    """Probabilities that depend on the last symbol alone."""
    return lambda tokens, state: (table[tokens], state)


def all_strings(table, length):
    """Every string that ends within the length, and every prefix of that length, with its log-probability."""
    scores = {}
    for string in itertools.product(range(len(table)), repeat=length):
        cut = string[: string.index(END) + 1] if END in string else string
        scores[cut] = sum(table[a, b].item() for a, b in itertools.pairwise((START, *cut)))
    return scores


def test_greedy_decoding_misses_the_best_string():
    """p(a) = .6, p(b) = .4; after a the end has .3, after b .9: greedy begins with a, b end has .36 and is the best."""
    table = torch.tensor([[0, 0.6, 0.4, 0], [0, 0.4, 0.3, 0.3], [0, 0.05, 0.05, 0.9], [0, 0, 0, 1.0]]).double().log()
    greedy, *others = beam_search(by_last(table), NOTHING, START, END, 1, 6)
    assert not others and greedy.tokens[0] == 1
    best = beam_search(by_last(table), NOTHING, START, END, 2, 6)[0]
    assert best.tokens == (2, END) and math.exp(best.score) == pytest.approx(0.36)
    exact = all_strings(table, 6)
    assert max(exact, key=exact.get) == best.tokens and math.exp(greedy.score) < 0.36


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_is_exact(seed, record):
    table = randn(4, 4, seed=seed).log_softmax(1)
    expected = all_strings(table, 4)
    found = beam_search(by_last(table), NOTHING, START, END, 1000, 4)
    scores = [h.score for h in found]
    assert scores == sorted(scores, reverse=True) and {h.tokens for h in found} == expected.keys() and len(found) == len(expected)
    gap = max(abs(h.score - expected[h.tokens]) for h in found)
    record(METHOD, MODULE, f"all strings of table {seed}", "enumeration", error=gap, tolerance=1e-12, dtype=torch.float64)


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_narrow_beams_keep_the_best_prefixes(seed, width):
    """The rule over a dictionary of prefixes."""
    table = randn(4, 4, seed=seed).log_softmax(1)
    beam = {(): 0.0}
    for _ in range(5):
        longer = {}
        for string, score in beam.items():
            if string and string[-1] == END:
                longer[string] = score
            else:
                longer |= {(*string, k): score + table[string[-1] if string else START, k].item() for k in range(4)}
        beam = dict(sorted(longer.items(), key=lambda item: -item[1])[:width])
    found = beam_search(by_last(table), NOTHING, START, END, width, 5)
    assert [h.tokens for h in found] == list(beam)
    assert all(abs(h.score - beam[h.tokens]) < 1e-12 for h in found)


def test_states_follow_their_prefixes():
    """Two states that remember the whole prefix: probabilities depend on it, so a state out of order would show."""
    weights = randn(30, 4, seed=7)

    def step(tokens, state):
        seen, count = state
        seen = seen * 3 + tokens.unsqueeze(1)
        return weights[(seen[:, 0] + count[:, 0]) % 30].log_softmax(1), (seen, count + 1)

    def score(string):
        seen, total = 0, 0.0
        for k, (a, b) in enumerate(itertools.pairwise((START, *string))):
            seen = seen * 3 + a
            total += weights[(seen + k) % 30].log_softmax(0)[b].item()
        return total

    first = torch.zeros(1, 1).long(), torch.zeros(1, 1).long()
    for h in beam_search(step, first, START, END, 4, 5):
        assert h.score == pytest.approx(score(h.tokens), abs=1e-12)


def test_symbols_and_states_stay_on_the_device_of_the_state():
    seen = []

    def step(tokens, state):
        seen.append({tokens.device.type, state[0].device.type, state[1][0].device.type})
        return torch.zeros(len(tokens), 4), state

    beam_search(step, (NOTHING.to("meta"), (NOTHING.to("meta"),)), START, END, 3, 3)
    assert seen == [{"meta"}] * 3


def test_impossible_symbols_are_never_taken():
    table = torch.full((4, 4), -math.inf)
    table[0, 1] = table[1, 2] = table[2, 3] = 0.0
    assert beam_search(by_last(table), NOTHING, START, END, 5, 9) == [Hypothesis((1, 2, 3), 0.0)]
    assert beam_search(by_last(table), NOTHING, START, END, 5, 2) == [Hypothesis((1, 2), 0.0)]


def test_it_stops_when_all_have_ended():
    calls = []

    def step(tokens, state):
        calls.append(1)
        return torch.tensor([[-math.inf, -math.inf, -math.inf, 0.0]]).expand(len(tokens), -1), state

    assert beam_search(step, NOTHING, START, END)[0].tokens == (END,) and len(calls) == 1
    defaults = {k: v.default for k, v in inspect.signature(beam_search).parameters.items()}
    assert (defaults["width"], defaults["max_length"]) == (5, 50)
    assert len(beam_search(by_last(torch.zeros(4, 4).log_softmax(1)), NOTHING, START, END, 1, 1)) == 1


@pytest.mark.parametrize("name", ["width", "max_length"])
def test_bad_input_is_named(name):
    with pytest.raises(ValueError, match=rf"^beam_search: {name} must be positive, got 0$"):
        beam_search(by_last(torch.zeros(4, 4)), NOTHING, START, END, **{name: 0})
