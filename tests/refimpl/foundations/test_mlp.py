"""What is special to the multilayer perceptron: its layout, what nonlinearity is there for, XOR in two layers by hand."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.foundations.activations import ACTIVATIONS
from refimpl.foundations.mlp import MLP, Pointwise
from tests.refimpl.foundations.cases_mlp import METHOD, X
from tests.refimpl.harness.case import randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.mlp"


def test_state_is_that_of_a_sequence_of_linear_layers(record):
    theirs = randomize(nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2)))
    ours = MLP((3, 4, 2), dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    gap = error(ours(X), theirs(X))
    record(METHOD, MODULE, "state dict", "torch.nn.Sequential", error=gap, tolerance=1e-14, dtype=torch.float64, shapes="(5,3)")


def test_layers_in_order():
    model = MLP([3, 4, 2], "relu", "tanh", bias=False)
    assert [(m.in_features, m.out_features, m.bias) if isinstance(m, nn.Linear) else m.name for m in model] == [
        (3, 4, None),
        "relu",
        (4, 2, None),
        "tanh",
    ]
    assert [type(m).__name__ for m in MLP((3, 4, 2))] == ["Linear", "Pointwise", "Linear"]
    assert MLP((3, 4, 2))[1].name == "sigmoid" and repr(Pointwise("selu")) == "Pointwise(selu)"
    assert MLP((1, 1), dtype=torch.bfloat16)[0].weight.dtype == torch.bfloat16 and MLP((1, 1), device="meta")[0].weight.is_meta


def test_without_nonlinearity_the_stack_is_one_affine_map(record):
    model = randomize(MLP((3, 4, 5, 2), "identity"))
    matrix = model[4].weight @ model[2].weight @ model[0].weight
    offset = model[4].weight @ (model[2].weight @ model[0].bias + model[2].bias) + model[4].bias
    gap = error(model(X), X @ matrix.T + offset)
    record(METHOD, MODULE, "identity activation", "the product of the weights", error=gap, tolerance=1e-14, dtype=torch.float64)


def test_two_layers_of_thresholds_compute_xor():
    """OR minus AND; one layer cannot."""
    model = MLP((2, 2, 1), "step", "step")
    with torch.no_grad():
        model[0].weight.fill_(1), model[0].bias.copy_(torch.tensor([-0.5, -1.5]))
        model[2].weight.copy_(torch.tensor([[1.0, -1.0]])), model[2].bias.fill_(-0.5)
    assert model(torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]))[:, 0].tolist() == [0, 1, 1, 0]


def test_part_of_the_layers():
    model = randomize(MLP((3, 4, 2)))
    hidden = model[:2]
    assert type(hidden) is nn.Sequential and torch.equal(model[-1](hidden(X)), model(X))


def test_every_activation_fits():
    for name in ACTIVATIONS:
        assert torch.equal(Pointwise(name)(X), ACTIVATIONS[name](X))
