"""What is special to the perceptron: what one unit can learn, Novikoff's bound, the learning rate, scikit-learn's unit."""

from __future__ import annotations

import pytest
import torch

from refimpl.foundations import perceptron as module
from refimpl.foundations.perceptron import Perceptron, learn, mistake_bound, perceptron
from tests.refimpl.foundations.cases_perceptron import BIAS, CORNERS, LINE, MANY, METHOD, START, WEIGHT, XOR
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.perceptron"
PLANES = {"AND": ([2, 2], -3), "OR": ([2, 2], -1), "NAND": ([-2, -2], 3)}
GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0]}


@pytest.mark.parametrize("gate", GATES)
def test_learns_what_a_line_separates_within_the_bound(gate, record):
    target = torch.tensor(GATES[gate], dtype=torch.float64)[:, None]
    learned = learn(CORNERS, target, *START)
    assert torch.equal(perceptron(CORNERS, learned.weight, learned.bias), target)
    assert learned.updates[-1].sum() == 0 and (learned.updates[:-1] > 0).all()
    normal, offset = PLANES[gate]
    bound = mistake_bound(CORNERS, target, torch.tensor([normal]).double(), torch.tensor([offset]).double()).item()
    record(METHOD, MODULE, f"updates on {gate}", "the bound of Novikoff", error=float(learned.updates.sum()), tolerance=bound)


def test_bound_by_hand(record):
    """OR by w = (2, 2), b = -1: the nearest corner has margin 1 / 3, the farthest (1, 1, 1) has length sqrt(3)."""
    target = torch.tensor(GATES["OR"], dtype=torch.float64)[:, None]
    plane = torch.tensor([[2.0, 2.0]], dtype=torch.float64), torch.tensor([-1.0], dtype=torch.float64)
    gap = abs(mistake_bound(CORNERS, target, *plane).item() - 27) / 27
    record(METHOD, MODULE, "bound on OR", "by hand", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(4,2)")
    x, d = torch.tensor([[3.0], [-0.5]], dtype=torch.float64), torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    assert mistake_bound(x, d, torch.tensor([[7.0]], dtype=torch.float64)).item() == 36
    assert mistake_bound(-x, 1 - d, torch.tensor([[7.0]], dtype=torch.float64)).item() == 36


def test_bound_of_each_unit_by_hand(record):
    """OR as above and NAND by w = (-20, -20), b = 30: in units of w the nearest corner has margin 1 / sqrt(17)."""
    targets = torch.tensor([GATES["OR"], GATES["NAND"]], dtype=torch.float64).T
    planes = torch.tensor([[2.0, 2.0], [-20.0, -20.0]], dtype=torch.float64), torch.tensor([-1.0, 30.0], dtype=torch.float64)
    gap = error(mistake_bound(CORNERS, targets, *planes), torch.tensor([27.0, 51.0]))
    record(METHOD, MODULE, "bounds on OR and NAND", "by hand", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(4,2)")


def test_xor_is_never_learned():
    learned = learn(CORNERS, XOR, *START, epochs=50)
    assert learned.updates.shape == (50, 1) and (learned.updates > 0).all()
    assert learn(CORNERS, XOR, *START).updates.shape == (100, 1)


def test_rate_only_scales_the_solution_from_zero():
    target = LINE[:, :1]
    start = torch.zeros(1, 3, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    one, quarter = learn(MANY, target, *start), learn(MANY, target, *start, lr=0.25)
    assert torch.equal(one.updates, quarter.updates) and one.updates.sum() > 3
    assert error(4 * quarter.weight, one.weight) < 1e-14 and error(4 * quarter.bias, one.bias) < 1e-14


@pytest.mark.parametrize("block", [1, 2, 7, 1000])
def test_blocks_change_nothing(block, monkeypatch):
    expected = learn(MANY, LINE, WEIGHT, BIAS)
    monkeypatch.setattr(module, "FIRST_BLOCK", block)
    actual = learn(MANY, LINE, WEIGHT, BIAS)
    assert all(torch.equal(a, e) for a, e in zip(actual, expected, strict=True))


def test_new_tensors_are_on_the_device_of_the_input():
    expected = learn(MANY, LINE, WEIGHT, BIAS)
    with torch.device("meta"):
        actual = learn(MANY, LINE, WEIGHT, BIAS)
    assert all(torch.equal(a, e) for a, e in zip(actual, expected, strict=True))


def test_counts_the_updates_of_each_unit():
    """Each unit alone makes as many updates as in company, until it is the last to make mistakes."""
    both = learn(MANY, LINE, WEIGHT, BIAS).updates.sum(0)
    alone = [learn(MANY, LINE[:, i : i + 1], WEIGHT[i : i + 1], BIAS[i : i + 1]).updates.sum() for i in range(2)]
    assert both.tolist() == [int(a) for a in alone] and both.unique().numel() == 2


def test_module_goes_on_from_its_weights():
    for bias in (True, False):
        unit = Perceptron(3, 2, bias=bias, dtype=torch.float64)
        assert not unit.weight.any() and not any(p.requires_grad for p in unit.parameters())
        updates = torch.cat([unit.learn(MANY, LINE, lr=0.5, epochs=2), unit.learn(MANY, LINE, lr=0.5, epochs=1)])
        start = torch.zeros(2, 3, dtype=torch.float64), torch.zeros(2, dtype=torch.float64) if bias else None
        expected = learn(MANY, LINE, *start, lr=0.5, epochs=3)
        assert torch.equal(unit.weight, expected.weight) and torch.equal(updates, expected.updates)
        assert torch.equal(unit.bias, expected.bias) if bias else unit.bias is None
    unit = Perceptron(3, dtype=torch.float64)
    expected = learn(MANY, LINE[:, :1], unit.weight, unit.bias)
    assert unit.out_features == 1 and torch.equal(unit.learn(MANY, LINE[:, :1]), expected.updates)
    assert torch.equal(unit.weight, expected.weight) and torch.equal(unit.bias, expected.bias)
    assert unit.learn(CORNERS @ torch.ones(2, 3, dtype=torch.float64), XOR).shape == (100, 1)


def test_scikit_learn(record):
    linear_model = pytest.importorskip("sklearn.linear_model")
    first = LINE[:, 0].argmax()  # scikit-learn counts a sum of 0 as a mistake on either class; here the first example is one
    x, d = MANY.roll(-int(first), 0), LINE[:, :1].roll(-int(first), 0)
    theirs = linear_model.Perceptron(shuffle=False, max_iter=6, tol=None).fit(x.numpy(), d[:, 0].numpy())
    ours = learn(x, d, torch.zeros(1, 3, dtype=torch.float64), torch.zeros(1, dtype=torch.float64), epochs=6)
    gap = max(error(ours.weight, torch.tensor(theirs.coef_)), error(ours.bias, torch.tensor(theirs.intercept_)))
    record(
        METHOD, MODULE, "six epochs", "sklearn.linear_model.Perceptron", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(60,3)"
    )


def test_representation_and_state_of_linear():
    assert repr(Perceptron(3, 2, bias=False)) == "Perceptron(in_features=3, out_features=2, bias=False)"
    assert Perceptron(3, 2).state_dict().keys() == torch.nn.Linear(3, 2).state_dict().keys()
    linear = torch.nn.Linear(3, 2)
    unit = Perceptron(3, 2)
    unit.load_state_dict(linear.state_dict())
    x = MANY.float()
    assert torch.equal(unit(x), (linear(x) > 0).float())
