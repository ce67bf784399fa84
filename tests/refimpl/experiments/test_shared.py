"""What the experiments share: data, batches, training loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from refimpl.experiments.classification import accuracy, digit_rows, fit
from refimpl.experiments.sequences import ADDING_BASELINE, SYMBOLS, adding, copy_baseline, copy_memory, learn, means


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_digit_rows_are_standardized_by_the_training_part():
    data = digit_rows(3)
    assert data.x.shape == (1437, 64) and data.x_test.shape == (360, 64)
    assert data.x.mean().item() == pytest.approx(0, abs=1e-5) and data.x.std().item() == pytest.approx(1, abs=1e-5)
    assert data.x.min() == data.x_test.min(), "the same shift and scale for both parts"
    assert not torch.equal(digit_rows(4).y, data.y)


def test_fit_learns_in_the_orders_of_its_generator():
    x = torch.randn(200, 2, generator=generator())
    y = (x[:, 0] > 0).long()
    torch.manual_seed(0)
    model, runs = nn.Linear(2, 2), []
    start = {name: p.clone() for name, p in model.state_dict().items()}
    for seed in (0, 0, 1):
        model.load_state_dict(start)
        optimizer = torch.optim.SGD(model.parameters(), 0.5)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
        runs.append(fit(model, x, y, optimizer, count=5, batch=20, generator=generator(seed), scheduler=schedule))
        assert optimizer.param_groups[0]["lr"] == 0.5**6
    assert len(runs[0]) == 5 and runs[0] == runs[1] != runs[2]
    assert runs[0][-1] < runs[0][0] and accuracy(model, x, y) > 0.95


def test_accuracy_is_that_of_evaluation_and_leaves_the_mode():
    model = nn.Sequential(nn.Dropout(0.999), nn.Linear(2, 2, bias=False)).train()
    model[1].weight.data = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    x = torch.tensor([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [3.0, 0.0]])
    assert accuracy(model, x, torch.tensor([1, 1, 0, 0])) == 0.75
    assert model.training
    assert accuracy(model.eval(), x, torch.tensor([0, 0, 1, 1])) == 0.25 and not model.training


def test_adding_marks_one_number_in_each_half():
    inputs, target = adding(9, 50, generator())
    numbers, marks = inputs.unbind(2)
    assert inputs.shape == (9, 50, 2) and numbers.min() >= 0 and numbers.max() < 1
    assert (marks[:4].sum(0) == 1).all() and (marks[4:].sum(0) == 1).all()
    assert torch.equal(target, (numbers * marks).sum(0))
    many = adding(4, 200_000, generator())[1]
    error = (many - 1).square()
    assert abs(error.mean() - ADDING_BASELINE) < 5 * error.std() / len(many) ** 0.5, "five standard errors"


def test_copy_memory_asks_for_what_was_said():
    inputs, target = copy_memory(4, 3, 6, generator())
    said = inputs.argmax(2)
    assert inputs.shape == (10, 6, SYMBOLS + 2) and (inputs.sum(2) == 1).all()
    assert said[:3].min() >= 1 and said[:3].max() <= SYMBOLS
    assert (said[3:6] == 0).all() and (said[6:] == SYMBOLS + 1).all()
    assert (target[:7] == 0).all() and torch.equal(target[7:], said[:3])
    assert copy_baseline(4, 3) == pytest.approx(3 * math.log(SYMBOLS) / 10)


def test_learn_descends_clips_and_reports():
    weight, done = torch.tensor([3.0], requires_grad=True), []
    losses = learn(lambda: weight.square().sum(), [weight], 50, 0.2, after=done.append)
    assert losses[0] == 9 and losses[-1] < 0.1 and done == list(range(1, 51))
    learn(lambda: 100 * weight.sum(), [weight], 1, 0.0, max_norm=1.0)
    assert weight.grad.item() == pytest.approx(1, abs=1e-5)
    learn(lambda: 100 * weight.sum(), [weight], 1, 0.0)
    assert weight.grad.item() == 100


def test_means_of_windows():
    assert means([1.0, 3.0, 5.0, 7.0, 9.0], 2) == ([2, 4], [2.0, 6.0])
