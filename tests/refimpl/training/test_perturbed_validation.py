"""What is special to perturbed validation: how many labels are wrong and how, closed forms of two kinds of models."""

from __future__ import annotations

import inspect

import pytest
import torch

from refimpl.training.perturbed_validation import accuracy_decrease, expected_decrease, perturb_labels, perturbed_accuracies
from tests.refimpl.training.cases_perturbed_validation import METHOD

MODULE = "refimpl.training.perturbed_validation"
RATIOS = [0.0, 0.1, 0.25, 0.5]


@pytest.mark.parametrize("classes", [2, 5])
def test_exactly_as_many_labels_are_wrong(classes):
    labels = torch.arange(40) % classes
    for ratio in (0.0, 0.1, 0.34, 1.0):
        wrong = perturb_labels(labels, ratio, classes)
        assert (wrong != labels).sum() == round(ratio * 40)
        assert wrong.dtype == labels.dtype and wrong.min() >= 0 and wrong.max() < classes
    assert torch.equal(labels, torch.arange(40) % classes), "the argument is left alone"
    assert perturb_labels(labels[:0], 0.5, classes).shape == (0,)
    assert perturb_labels(labels.to(torch.int16), 0.5, classes).dtype == torch.int16


def test_wrong_labels_are_uniform_over_examples_and_other_classes(record):
    """Each of 6 examples is hit in half of the draws, and then gets each other class as often; in standard errors."""
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    draws = torch.stack([perturb_labels(labels, 0.5, 4) for _ in range(4000)])
    hit = (draws != labels).double().mean(0)
    z = ((hit - 0.5).abs() / (0.25 / 4000) ** 0.5).max().item()
    record(METHOD, MODULE, "share of draws that hit an example, standard errors", "1/2", error=z, tolerance=4.5)
    worst = 0.0
    for i, label in enumerate(labels.tolist()):
        share = torch.stack([(draws[:, i] == c).double().mean() for c in range(4) if c != label])
        worst = max(worst, ((share - 1 / 6).abs() / (5 / 36 / 4000) ** 0.5).max().item())
    record(METHOD, MODULE, "share of each other class, standard errors", "1/6", error=worst, tolerance=4.5)


def test_a_generator_can_be_given():
    labels, state = torch.arange(30) % 3, torch.get_rng_state()
    first, again, other = (perturb_labels(labels, 0.4, 3, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other) and torch.equal(torch.get_rng_state(), state)


def test_new_tensors_are_on_the_device_of_the_labels():
    with torch.device("meta"):
        found = perturb_labels(torch.zeros(4, dtype=torch.long, device="cpu"), 0.5, 2)
    assert found.device.type == "cpu" and found.sum() == 2


@pytest.mark.parametrize(("classes", "right"), [(2, 1.0), (2, 0.75), (4, 1.0), (4, 0.4)])
def test_a_model_that_is_not_moved_by_labels(classes, right, record):
    """Its accuracy falls along the line of the closed form: exactly where it is perfect, on average elsewhere."""
    n = 400
    truth = torch.arange(n) % classes
    answers = torch.where(torch.arange(n) % 20 < 20 * right, truth, (truth + 1) % classes)
    accuracies = perturbed_accuracies(lambda x, y: lambda x: answers, torch.zeros(n), truth, RATIOS, classes, 40)
    found = accuracy_decrease(torch.tensor(RATIOS, dtype=torch.float64), accuracies)
    expected = expected_decrease(right, classes)
    record(
        METHOD,
        MODULE,
        f"decrease at accuracy {right}, {classes} classes",
        "(c a - 1) / (c - 1)",
        error=abs(found.item() - expected),
        tolerance=1e-12 if right == 1 else 0.02,
        shapes="(400,)",
    )
    assert accuracies.shape == (4, 40) and accuracies.dtype == torch.float64
    assert accuracies[0].tolist() == pytest.approx([right] * 40, rel=1e-12)
    if right < 1:
        line = right * (1 - 0.5) + (1 - right) * 0.5 / (classes - 1)
        assert accuracies[3].mean().item() == pytest.approx(line, abs=0.02)


def test_a_model_that_learns_by_heart_does_not_fall():
    labels = torch.arange(50) % 3
    seen = []

    def fit(x, y):
        seen.append(y)
        return lambda points: y[points]

    accuracies = perturbed_accuracies(fit, torch.arange(50), labels, RATIOS, 3, 2)
    assert torch.equal(accuracies, torch.ones(4, 2, dtype=torch.float64))
    assert accuracy_decrease(torch.tensor(RATIOS, dtype=torch.float64), accuracies) == 0
    assert [(y != labels).sum().item() for y in seen] == [0, 0, 5, 5, 12, 12, 25, 25]
    assert not torch.equal(seen[-1], seen[-2]), "labels of their own in each repetition"
    seeded = [perturbed_accuracies(fit, torch.arange(50), labels, [0.5], 3, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(seen[-1], seen[-2]) and torch.equal(*seeded)
    assert inspect.signature(perturbed_accuracies).parameters["repeats"].default == 1


def test_nearest_neighbors_rank_by_their_fit():
    """One neighbor learns noise by heart, 15 see through it, 299 see nothing: k is largest between."""
    torch.manual_seed(0)
    x = 2 * torch.rand(300, 2) - 1
    labels = (x.prod(1) > 0).long()

    def fit_with(k):
        def fit(x, y):
            return lambda points: y[torch.cdist(points, x).topk(k, largest=False).indices].double().mean(1).gt(0.5).long()

        return fit

    found = [
        accuracy_decrease(torch.tensor(RATIOS), perturbed_accuracies(fit_with(k), x, labels, RATIOS, 2).float()).item()
        for k in (1, 15, 299)
    ]
    assert abs(found[0]) < 1e-6 and found[1] > 0.6 and found[2] < 0.3
    assert expected_decrease(1.0, 10) == 1.0 and expected_decrease(0.1, 10) == 0.0 and expected_decrease(0.5, 3) == 0.25
