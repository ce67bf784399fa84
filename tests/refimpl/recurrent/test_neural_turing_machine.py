"""What is special to the neural Turing machine: a program by hand, weights that stay a distribution, limits of addressing."""

from __future__ import annotations

import inspect

import pytest
import torch

from refimpl.recurrent.neural_turing_machine import NeuralTuringMachine, address, content_weights, read, sharpen, shift, write
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_neural_turing_machine import METHOD, M, P, X, begun, head, small

MODULE = "refimpl.recurrent.neural_turing_machine"
ONE = torch.ones(1, 1).double()


def test_a_program_by_hand_copies(record):
    """Write four vectors row after row, return to the first by its content, read them back."""
    vectors, memory = randn(4, 3, seed=1), torch.full((1, 7, 3), 1e-6).double()
    focus, on = torch.eye(7)[5:6].double(), torch.tensor([[0.0, 0, 1]]).double()  # rows 5, 6, 0, 1: around the end
    for vector in vectors:
        memory = write(memory, focus, torch.ones(1, 3).double(), vector.unsqueeze(0))
        focus = address(memory, focus, vector.unsqueeze(0), ONE, 0 * ONE, on, ONE)
    focus = address(memory, focus, vectors[:1], 1e4 * ONE, ONE, on.roll(-1, 1), ONE)
    worst = 0.0
    for vector in vectors:
        worst = max(worst, error(read(memory, focus)[0], vector))
        focus = address(memory, focus, vectors[:1], ONE, 0 * ONE, on, ONE)
    record(METHOD, MODULE, "four vectors written and read by hand", "the vectors", error=worst, tolerance=1e-12, dtype=torch.float64)


def test_weights_stay_a_distribution():
    for seed in range(5):
        found = address(*head(100 + 10 * seed, 6, 2))
        assert found.min() >= 0 and error(found.sum(1), torch.ones(2)) < 1e-14
    _, (_, _, _, wrote, reading, _) = randomize(small())(X)
    assert error(wrote.sum(1), torch.ones(2)) < 1e-14 and error(reading.sum(1), torch.ones(2)) < 1e-14


def test_content_finds_the_nearest_row_as_the_strength_grows():
    key = M[:, 2] + 0.1 * M[:, 0]
    nearest = torch.nn.functional.cosine_similarity(M, key.unsqueeze(1), dim=2).argmax(1)
    found = content_weights(M, key, torch.full((2, 1), 1e5).double())
    assert error(found, torch.nn.functional.one_hot(nearest, 5).double()) < 1e-12
    assert error(content_weights(M, key, torch.zeros(2, 1).double()), torch.full((2, 5), 0.2)) < 1e-7
    assert error(content_weights(3 * M, 0.2 * key, torch.ones(2, 1)), content_weights(M, key, torch.ones(2, 1))) < 1e-14
    assert content_weights(0 * M, key, torch.ones(2, 1)).isfinite().all()


def test_shift_moves_towards_higher_rows():
    for by, shares in ((-1, [1.0, 0, 0]), (0, [0, 1.0, 0]), (1, [0, 0, 1.0])):
        assert torch.equal(shift(P, torch.tensor([shares] * 2).double()), P.roll(by, 1))


def test_sharpening(record):
    assert error(sharpen(P, torch.ones(2, 1)), P) < 1e-15
    expected = P**2 / (P**2).sum(1, keepdim=True)
    gap = error(sharpen(P, torch.full((2, 1), 2.0)), expected)
    record(METHOD, MODULE, "sharpening by 2", "squares", error=gap, tolerance=1e-14, dtype=torch.float64)
    high = sharpen(P.float(), torch.full((2, 1), 1e4))
    assert error(high, torch.nn.functional.one_hot(P.argmax(1), 5)) < 1e-6  # the plain formula is 0 / 0 here


@pytest.mark.parametrize("gate", [0.0, 1.0])
def test_gate_chooses_between_content_and_place(gate):
    memory, before, key, strength, *_ = head(10)
    stay, one = torch.tensor([[0.0, 1, 0]] * 2).double(), torch.ones(2, 1).double()
    found = address(memory, before, key, strength, gate * one, stay, one)
    assert error(found, content_weights(memory, key, strength) if gate else before) < 1e-14


def test_memory_unused_is_left_alone():
    """A row of weight zero is not written; a row of weight one is replaced where all is erased."""
    w = torch.eye(5)[[1, 3]].double()
    new = write(M, w, torch.ones(2, 3).double(), torch.full((2, 3), 7.0).double())
    assert torch.equal(new[0, 1], torch.full((3,), 7.0)) and torch.equal(new[1, 3], torch.full((3,), 7.0))
    rest = w == 0
    assert torch.equal(new[rest], M[rest])


def test_in_pieces_as_in_one_and_from_the_default_start():
    model = randomize(small())
    y, last = model(X, begun(5))
    first, state = model(X[:1], begun(5))
    second, end = model(X[1:], state)
    assert error(torch.cat((first, second)), y) < 1e-14 and all(error(a, b) < 1e-13 for a, b in zip(end, last, strict=True))
    h, c, memory, wrote, reading, seen = model.start(2)
    assert not h.any() and not c.any() and not seen.any() and memory.shape == (2, 5, 3) and (memory == 1e-6).all()
    assert torch.equal(wrote, torch.eye(5)[[0, 0]].double()) and torch.equal(reading, wrote)
    assert torch.equal(model(X)[0], model(X, model.start(2))[0])


def test_reading_follows_writing_in_a_step():
    """The weights that read are found in the memory that was just written."""
    model = randomize(small())
    _, (_, _, memory, _, reading, seen) = model(X[:1])
    assert error(read(memory, reading), seen) < 1e-14


def test_shapes_and_defaults():
    model = NeuralTuringMachine(8, 9)
    assert (model.controller.hidden_size, model.rows, model.width, model.parts) == (100, 128, 20, (20, 1, 1, 3, 1))
    assert model.reader.weight.shape == (26, 100) and model.writer.weight.shape == (66, 100) and model.output.weight.shape == (9, 120)
    assert model.extra_repr() == "rows=128, width=20"
    assert inspect.signature(NeuralTuringMachine).parameters["shifts"].default == 1
    assert {v.dtype for v in small(dtype=torch.float16).state_dict().values()} == {torch.float16}
    elsewhere = small(device="meta")
    assert {v.device.type for v in (*elsewhere.state_dict().values(), *elsewhere.start(2))} == {"meta"}
    tiny = NeuralTuringMachine(1, 1, 1, 1, 1)
    assert tiny(torch.zeros(1, 1, 1))[0].shape == (1, 1, 1)
