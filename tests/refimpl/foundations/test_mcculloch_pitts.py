"""What is special to McCulloch-Pitts neurons: the gates, every truth table in two layers, memory in a circle."""

from __future__ import annotations

import pytest
import torch

from refimpl.foundations.mcculloch_pitts import (
    McCullochPitts,
    assignments,
    boolean_network,
    conjunction,
    disjunction,
    mcculloch_pitts,
    negation,
    run,
)
from tests.refimpl.foundations.cases_mcculloch_pitts import CONNECTIONS, METHOD, THRESHOLD

MODULE = "refimpl.foundations.mcculloch_pitts"


def test_assignments_count_up_in_binary():
    assert assignments(3).tolist() == [[r >> 2 & 1, r >> 1 & 1, r & 1] for r in range(8)]
    assert assignments(1).tolist() == [[0], [1]]


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_gates_are_those_of_logic(inputs):
    rows = assignments(inputs)
    assert conjunction(inputs)(rows)[:, 0].tolist() == [float(all(r)) for r in rows.tolist()]
    assert disjunction(inputs)(rows)[:, 0].tolist() == [float(any(r)) for r in rows.tolist()]
    assert negation()(assignments(1))[:, 0].tolist() == [1, 0]


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_every_boolean_function_is_a_net_of_two_layers(inputs, record):
    tables, rows = assignments(2**inputs), assignments(inputs)
    wrong = sum(int((boolean_network(table)(rows)[:, 0] != table).sum()) for table in tables)
    record(METHOD, MODULE, f"{len(tables)} functions of {inputs} inputs", "their truth tables", error=wrong, tolerance=0)


def test_hidden_unit_fires_on_its_row_alone():
    net = boolean_network([0, 1, 0, 1, 1, 0, 0, 1])
    hidden = net[0](assignments(3))
    assert hidden.sum(0).tolist() == [1] * 4 and hidden.argmax(0).tolist() == [1, 3, 4, 7]


def test_one_inhibitory_input_silences_any_excitation():
    layer = McCullochPitts([[5, 5, -1]], [1])
    assert layer(torch.tensor([[1.0, 1, 0], [1, 1, 1], [0, 0, 1]]))[:, 0].tolist() == [1, 0, 0]


def test_layer_keeps_copies_of_its_numbers():
    connections, threshold = torch.ones(1, 2), torch.ones(1)
    layer = McCullochPitts(connections, threshold)
    connections.zero_(), threshold.add_(1)
    assert layer.connections.tolist() == [[1, 1]] and layer.threshold.tolist() == [1]


def test_circle_remembers():
    """Set at time 1 and reset at time 4: the unit fires from 2 to 4."""
    events = torch.tensor([[0.0, 0], [1, 0], [0, 0], [0, 0], [0, 1], [0, 0]])
    connections, threshold = torch.tensor([[1.0, -1, 1]]), torch.tensor([1.0])
    assert run(events, connections, threshold)[:, 0].tolist() == [0, 0, 1, 1, 1, 0, 0]
    assert run(events, connections, threshold, torch.ones(1))[:, 0].tolist() == [1, 1, 1, 1, 1, 0, 0]


def test_module_keeps_its_own_numbers():
    connections = CONNECTIONS.clone()
    layer = McCullochPitts(connections, THRESHOLD, dtype=torch.float64)
    connections.zero_()
    assert torch.equal(layer.connections, CONNECTIONS) and layer.state_dict().keys() == {"connections", "threshold"}
    assert repr(layer) == "McCullochPitts(inputs=4, units=4)" and repr(conjunction(3)) == "McCullochPitts(inputs=3, units=1)"
    assert McCullochPitts([[1]], [0]).connections.dtype == torch.float32
    x = torch.ones(2, 4, dtype=torch.float64)
    assert torch.equal(layer(x), mcculloch_pitts(x, CONNECTIONS, THRESHOLD))
