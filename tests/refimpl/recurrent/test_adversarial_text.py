"""What is special to adversarial training on text: directions in closed form, lengths, what is held constant, defaults."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F

from refimpl.recurrent import adversarial_text
from refimpl.recurrent.adversarial_text import (
    TextClassifier,
    adversarial_loss,
    adversarial_perturbation,
    normalize_embeddings,
    virtual_adversarial_loss,
    virtual_adversarial_perturbation,
)
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_adversarial_text import COUNTS, LABELS, METHOD, WEIGHT, WORDS, Attacked, S

MODULE = "refimpl.recurrent.adversarial_text"
LINEAR = randn(3, 8, seed=5)


def linear(s):
    return s.flatten(1) @ LINEAR.t()


def lengths(r):
    return r.flatten(1).norm(dim=1)


def test_embeddings_have_mean_zero_and_variance_one_over_the_corpus(record):
    v = normalize_embeddings(WEIGHT, COUNTS)
    shares = COUNTS / COUNTS.sum()
    gap = max((shares @ v).abs().max().item(), ((shares @ v**2) - 1).abs().max().item())
    record(METHOD, MODULE, "weighted mean and variance", "0 and 1", error=gap, tolerance=1e-14, dtype=torch.float64)
    assert error(normalize_embeddings(3 * WEIGHT - 5, 10 * COUNTS), v) < 1e-13


def test_two_classes_of_a_linear_model(record):
    """The direction is the difference of the two weights, whatever the text: away from the label's."""

    def two(s):
        return s.flatten(1) @ LINEAR[:2].t()

    labels = torch.tensor([0, 1, 1])
    toward = (LINEAR[1] - LINEAR[0]) / (LINEAR[1] - LINEAR[0]).norm()
    expected = 0.7 * torch.stack([toward, -toward, -toward]).view(3, 4, 2)
    gap = error(adversarial_perturbation(two, S, labels, 0.7), expected)
    record(METHOD, MODULE, "direction for two classes", "difference of weights", error=gap, tolerance=1e-13, dtype=torch.float64)
    virtual = virtual_adversarial_perturbation(two, S, 0.7)
    cosine = (virtual.flatten(1) @ toward) / 0.7
    assert error(cosine.abs(), torch.ones(3)) < 1e-12


def test_virtual_direction_is_the_top_eigenvector_of_the_hessian(record):
    """For a linear model the divergence is to second order d^T W^T (diag p - p p^T) W d / 2."""
    found = virtual_adversarial_perturbation(linear, S, 1.0, xi=1e-4, steps=200)
    worst = 0.0
    for s, r in zip(S, found, strict=True):
        p = linear(s.unsqueeze(0)).softmax(1)[0]
        hessian = LINEAR.t() @ (torch.diag(p) - torch.outer(p, p)) @ LINEAR
        top = torch.linalg.eigh(hessian).eigenvectors[:, -1]
        worst = max(worst, 1 - (r.flatten() @ top).abs().item())
    record(METHOD, MODULE, "1 - cosine with the top eigenvector", "torch.linalg.eigh", error=worst, tolerance=1e-6, dtype=torch.float64)


def test_each_text_moves_by_epsilon():
    model = randomize(Attacked(None)).classify
    for r in (adversarial_perturbation(model, S, LABELS, 0.3), virtual_adversarial_perturbation(model, S, 0.3)):
        assert error(lengths(r), torch.full((3,), 0.3).double()) < 1e-7 and not r.requires_grad
    assert not adversarial_perturbation(model, S, LABELS, 0.0).any()


def test_the_worst_direction_raises_the_loss_more_than_any_other():
    model = randomize(Attacked(None)).classify
    worst = adversarial_loss(model, S, LABELS, 0.01)
    for seed in range(20):
        r = randn(3, 4, 2, seed=seed)
        r = 0.01 * r / lengths(r).view(3, 1, 1)
        assert F.cross_entropy(model(S + r), LABELS) < worst
    assert F.cross_entropy(model(S), LABELS) < worst


def test_a_flat_model_moves_nothing():
    def flat(s):
        return s.new_zeros(len(s), 3) + 0 * s.sum()

    assert not adversarial_perturbation(flat, S * 0, LABELS, 1.0).isnan().any()
    assert not virtual_adversarial_perturbation(flat, S, 1.0).any()


def test_texts_are_moved_alone():
    model = randomize(Attacked(None)).classify
    together = adversarial_perturbation(model, S, LABELS, 1.0)
    assert error(together[1:2], adversarial_perturbation(model, S[1:2], LABELS[1:2], 1.0)) < 1e-13


def test_no_gradient_is_left_behind_and_none_is_needed():
    """Parameters keep their ``grad``; both work where gradients are off."""
    model = randomize(Attacked(None))
    with torch.no_grad():
        r = adversarial_perturbation(model.classify, S, LABELS, 1.0)
        v = virtual_adversarial_perturbation(model.classify, S, 1.0)
    assert r.any() and v.any() and all(p.grad is None for p in model.parameters()) and not S.requires_grad
    assert torch.equal(r, adversarial_perturbation(model.classify, S.requires_grad_(), LABELS, 1.0))
    S.requires_grad_(False)


def test_generator_and_defaults():
    model = randomize(Attacked(None)).classify
    a, b = (virtual_adversarial_loss(model, S, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(a, b) and not torch.equal(a, virtual_adversarial_loss(model, S))
    torch.manual_seed(1)
    first = virtual_adversarial_loss(model, S)
    torch.manual_seed(1)
    assert torch.equal(first, virtual_adversarial_loss(model, S, 5.0, 0.1, 1))
    assert torch.equal(adversarial_loss(model, S, LABELS), adversarial_loss(model, S, LABELS, 5.0))
    for name in adversarial_text.__all__:
        options = inspect.signature(getattr(adversarial_text, name)).parameters
        assert "epsilon" not in options or options["epsilon"].default == 5.0
        assert "xi" not in options or (options["xi"].default, options["steps"].default) == (0.1, 1)


def test_classifier():
    model = TextClassifier(COUNTS, 3, 4, 2)
    assert sorted(model.state_dict()) == sorted(
        ["frequencies", "embedding.weight", "output.weight", "output.bias"]
        + [f"lstm.{kind}_l0" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    )
    assert torch.equal(model(WORDS), model.classify(model.embed(WORDS)))
    counts = COUNTS.ceil().long()
    assert {v.dtype for v in TextClassifier(counts, 3, 4, 2).state_dict().values()} == {torch.float32}
    assert {v.dtype for v in TextClassifier(COUNTS, 3, 4, 2, dtype=torch.float16).state_dict().values()} == {torch.float16}
    assert {v.device.type for v in TextClassifier(COUNTS, 3, 4, 2, device="meta").state_dict().values()} == {"meta"}


@pytest.mark.slow
def test_training_on_it_makes_the_classifier_robust():
    """After adversarial training the worst move of length 1 raises the loss less than after ordinary training."""
    torch.manual_seed(0)
    words = torch.randint(20, (80, 6))
    labels = ((words < 7).sum(1) > (words >= 13).sum(1)).long()
    rises = []
    for adversarial in (False, True):
        torch.manual_seed(0)
        model = TextClassifier(words.flatten().bincount(minlength=20) + 1, 8, 12, 2)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
        for _ in range(40):
            s = model.embed(words)
            loss = F.cross_entropy(model.classify(s), labels)
            if adversarial:
                loss = loss + adversarial_loss(model.classify, s, labels, 1.0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        s = model.embed(words).detach()
        rises.append((adversarial_loss(model.classify, s, labels, 1.0) - F.cross_entropy(model.classify(s), labels)).item())
    assert 0 < rises[1] < 0.7 * rises[0]
