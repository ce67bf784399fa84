"""What is special to recursive networks: where a vector may depend, order of nodes, heights, built-in bilinear form, initialization."""

from __future__ import annotations

import inspect
import math

import torch
import torch.nn.functional as F

from refimpl.recurrent.recursive import RecursiveNetwork, compose
from refimpl.recurrent.trees import forest, levels
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_recursive import BETA, METHOD, TREE, A, B, V, W

MODULE = "refimpl.recurrent.recursive"


def test_heights():
    assert [level.tolist() for level in levels(TREE)] == [[0, 1, 3, 5, 6], [2, 7], [4], [8]]
    assert [level.tolist() for level in levels(torch.tensor([[-1, -1, -1], [0, -1, -1], [0, 1, -1], [-1, 0, 2]]))] == [[0], [1], [2], [3]]
    assert levels(TREE[:0]) == []
    with torch.device("meta"):
        assert {level.device.type for level in levels(TREE)} == {"cpu"}


def test_forest_moves_indices():
    joined = forest([TREE[:3], TREE[:1], TREE[:3]])
    assert joined.tolist() == [[-1, -1], [-1, -1], [0, 1], [-1, -1], [-1, -1], [-1, -1], [4, 5]]


def test_trees_of_a_forest_are_apart(record):
    model, x = randomize(RecursiveNetwork(3, True), scale=0.5), randn(14, 3, seed=1)
    together = model(x, forest([TREE, TREE[:5]]))
    gap = max(error(together[:9], model(x[:9], TREE)), error(together[9:], model(x[9:], TREE[:5])))
    record(METHOD, MODULE, "two trees together", "each alone", error=gap, tolerance=1e-14, dtype=torch.float64)


def test_a_node_depends_on_the_leaves_below_it_alone():
    model, x = randomize(RecursiveNetwork(3), scale=0.5), randn(9, 3, seed=1).requires_grad_()
    (slope,) = torch.autograd.grad(model(x, TREE)[4].sum(), x)
    assert slope.any(1).tolist() == [True, True, False, True, False, False, False, False, False]


def test_leaves_are_left_as_they_are_and_rows_of_inner_nodes_not_read():
    model, x = randomize(RecursiveNetwork(3)), randn(9, 3, seed=1)
    y = model(x, TREE)
    leaves = [0, 1, 3, 5, 6]
    assert torch.equal(y[leaves], x[leaves])
    assert model(x[:0], TREE[:0]).shape == (0, 3)
    x[[2, 4, 7, 8]] = 99.0
    assert torch.equal(model(x, TREE), y)


def test_tensor_against_the_built_in(record):
    both = torch.cat((A, B), 1)
    expected = torch.tanh(F.bilinear(both, both, V, BETA) + F.linear(both, W))
    gap = error(compose(A, B, W, BETA, V), expected)
    record(METHOD, MODULE, "tensor composition", "torch.nn.functional.bilinear", error=gap, tolerance=1e-14, dtype=torch.float64)
    assert error(compose(A, B, W, BETA, V * 0), compose(A, B, W, BETA)) == 0
    assert error(compose(A, B, W, BETA), compose(B, A, W.roll(3, 1), BETA)) < 1e-14  # order matters through W


def test_initialization_and_defaults():
    torch.manual_seed(0)
    model = RecursiveNetwork(32, True)
    for value, bound in ((model.weight, 1 / 8), (model.bias, 1 / 8), (model.tensor, 1 / 64)):
        assert -bound <= value.min() < -0.8 * bound and 0.8 * bound < value.max() <= bound
    variance = model.tensor.detach().var().item() * 3 * 64**2
    assert abs(variance - 1) < 4 * math.sqrt(0.8 / model.tensor.numel())
    assert RecursiveNetwork(3).tensor is None and inspect.signature(RecursiveNetwork).parameters["tensor"].default is False
    assert repr(RecursiveNetwork(3)) == "RecursiveNetwork(3, tensor=False)" and RecursiveNetwork(1, True).extra_repr() == "1, tensor=True"
    assert {v.dtype for v in RecursiveNetwork(2, True, dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in RecursiveNetwork(2, True, device="meta").state_dict().values()} == {"meta"}
