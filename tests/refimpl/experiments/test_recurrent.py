"""The experiment on the scale of attention scores measures what its names say."""

from __future__ import annotations

import pytest

from refimpl.experiments import recurrent


@pytest.fixture
def outcome(monkeypatch):
    monkeypatch.setattr(recurrent, "SIZES", (16, 64))
    return recurrent.attention_scale.outcome(0)


def test_variance_follows_the_closed_form(outcome):
    """d for the dot product, 1 over its root, 1 / d over its size; 400 queries of 64 keys, whose variance has a standard error near 3 %."""
    for name, expected in (("dot", (16, 64)), ("root", (1, 1)), ("size", (1 / 16, 1 / 64))):
        assert outcome.curves[f"variance {name}"][1] == pytest.approx(expected, rel=0.12)
    assert outcome.values["root_variance_min"] == min(outcome.curves["variance root"][1])
    assert outcome.values["root_variance_max"] == max(outcome.curves["variance root"][1])


def test_largest_weights_are_ordered(outcome):
    dot, root, size = (outcome.curves[f"largest {name}"][1][-1] for name in ("dot", "root", "size"))
    assert 1 / 64 < size < root < dot < 1
    assert outcome.values["dot_largest"] == dot
    assert outcome.values["size_largest_times_keys"] == size * 64
    assert 0 < outcome.values["dot_slope"] < 1 - dot**2
    assert outcome.values["dot_slope"] < outcome.values["root_slope"] < 1 - 1 / 64
    assert outcome.values["root_largest_change"] == pytest.approx(1, abs=0.2)


def test_same_seed_same_numbers(outcome):
    again = recurrent.attention_scale.outcome(0)
    assert again.values == outcome.values and again.curves == outcome.curves
    assert recurrent.attention_scale.outcome(1).values != outcome.values


def test_figure_has_both_panels(outcome):
    drawn = recurrent.attention_scale.figure([outcome, recurrent.attention_scale.outcome(1)])
    assert [len(panel["series"]) for panel in drawn["panels"]] == [3, 3]
    assert drawn["panels"][0]["series"][0]["x"] == [16.0, 64.0]
