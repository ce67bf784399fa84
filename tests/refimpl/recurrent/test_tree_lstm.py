"""What is special to the Tree-LSTM: the chain, the order of children, one memory for each child, learning."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from refimpl.recurrent.tree_lstm import ChildSumTreeLSTM, NaryTreeLSTM
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_tree_lstm import METHOD, TREE

MODULE = "refimpl.recurrent.tree_lstm"


@pytest.mark.parametrize("make", [lambda: ChildSumTreeLSTM(2, 4), lambda: NaryTreeLSTM(2, 4, 1)], ids=["child-sum", "N-ary"])
def test_a_chain_is_an_lstm(make, record):
    """With one child a node, state dict and states are those of ``torch.nn.LSTMCell``."""
    tree, cell = randomize(make()), nn.LSTMCell(2, 4).double()
    assert {k: v.shape for k, v in tree.state_dict().items()} == {k: v.shape for k, v in cell.state_dict().items()}
    cell.load_state_dict(tree.state_dict())
    x = randn(6, 2, seed=1)
    h, c = tree(x, torch.arange(-1, 5).unsqueeze(1))
    state = torch.zeros(1, 4).double(), torch.zeros(1, 4).double()
    worst = 0.0
    for t in range(6):
        state = cell(x[t : t + 1], state)
        worst = max(worst, error(h[t], state[0][0]), error(c[t], state[1][0]))
    what = f"chain of six nodes, {type(tree).__name__}"
    record(METHOD, MODULE, what, "torch.nn.LSTMCell", error=worst, tolerance=1e-13, dtype=torch.float64)


def test_order_of_children_matters_to_the_nary_alone():
    x, turned = randn(7, 2, seed=1), TREE.flip(1)
    child_sum, n_ary = randomize(ChildSumTreeLSTM(2, 4)), randomize(NaryTreeLSTM(2, 4, 3))
    assert error(child_sum(x, turned)[0], child_sum(x, TREE)[0]) < 1e-14
    assert error(n_ary(x, turned)[0], n_ary(x, TREE)[0]) > 1e-2
    assert error(child_sum(x, nn.functional.pad(TREE, (0, 2), value=-1))[0], child_sum(x, TREE)[0]) < 1e-14


def test_each_child_has_a_gate_of_its_own():
    """A child whose forget gate is shut gives nothing to the cell; the other's cell passes whole."""
    model = ChildSumTreeLSTM(1, 1).double()
    with torch.no_grad():
        for value in model.parameters():
            value.zero_()
        model.weight_ih[2, 0], model.bias_ih[0], model.bias_ih[3] = 1.0, 50.0, 50.0  # cell: tanh of the input, all shown
        model.weight_hh[1, 0] = 1000.0  # forget what is negative
    children = torch.tensor([[-1, -1], [-1, -1], [0, 1]])
    h, c = model(torch.tensor([[1.5], [-2.0], [0.0]]).double(), children)
    assert error(c[:2, 0], torch.tanh(torch.tensor([1.5, -2.0])).double()) < 1e-6
    assert error(c[2, 0], c[0, 0]) < 1e-12 and error(h[2], torch.tanh(c[2])) < 1e-12


def test_initialization_and_defaults():
    torch.manual_seed(0)
    for model in (ChildSumTreeLSTM(3, 64), NaryTreeLSTM(3, 64)):
        assert all(0.115 < value.abs().max() <= 0.125 and value.min() < -0.1 for value in model.parameters())
    assert NaryTreeLSTM(3, 4).weight_hh.shape == (20, 8) and inspect.signature(NaryTreeLSTM).parameters["arity"].default == 2
    assert repr(NaryTreeLSTM(3, 4)) == "NaryTreeLSTM(3, 4, arity=2)" and repr(ChildSumTreeLSTM(3, 4)) == "ChildSumTreeLSTM(3, 4)"
    for cls in (ChildSumTreeLSTM, NaryTreeLSTM):
        assert {v.dtype for v in cls(2, 3, dtype=torch.float16).state_dict().values()} == {torch.float16}
        assert {v.device.type for v in cls(2, 3, device="meta").state_dict().values()} == {"meta"}
        h, c = cls(1, 1)(torch.zeros(0, 1), torch.zeros(0, 2).long())
        assert h.shape == c.shape == (0, 1)
