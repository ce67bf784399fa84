"""What is special to capsules: lengths, couplings, agreement, the size of the paper's network, reconstruction, learning."""

from __future__ import annotations

import inspect
import math

import pytest
import torch
import torch.nn.functional as F

from refimpl.capsules.dynamic_routing import CapsNet, PrimaryCapsules, RoutingCapsules, margin_loss, route, squash
from refimpl.data import digits_split
from tests.refimpl.capsules.cases_dynamic_routing import CLASSES, LENGTHS, METHOD, ODD, S, U, tiny
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.capsules.dynamic_routing"


def test_squash_keeps_the_direction(record):
    """|v| = |s|^2 / (1 + |s|^2)."""
    v, n = squash(S), S.norm(dim=1)
    gap = error(v.norm(dim=1), n**2 / (1 + n**2))
    record(METHOD, MODULE, "length of the output", "|s|^2 / (1 + |s|^2)", error=gap, tolerance=1e-14, dtype=torch.float64)
    assert error(F.cosine_similarity(v, S), torch.ones(3)) < 1e-14


def test_squash_at_zero_has_value_and_gradient_zero():
    s = torch.zeros(2, 3, requires_grad=True)
    v = squash(s)
    (slope,) = torch.autograd.grad(v.sum(), s)
    assert not v.any() and not slope.any()


def test_squash_of_labml(record):
    """Another implementation, where it is installed; it adds 1e-8 to the square of the length."""
    labml = pytest.importorskip("labml_nn.capsule_networks")
    record(METHOD, MODULE, "squash", "labml_nn.capsule_networks.Squash", error=error(squash(S), labml.Squash()(S)), tolerance=1e-7)


def test_couplings_of_a_lower_capsule_sum_to_one():
    for iterations in (1, 2, 3):
        _, c = route(U, iterations)
        assert error(c.sum(2), torch.ones(2, 3)) < 1e-14 and c.min() > 0
        if iterations == 1:
            assert torch.equal(c, torch.full((2, 3, 2), 0.5).double())


def test_one_iteration_is_a_squashed_mean(record):
    v, _ = route(U, 1)
    expected = squash(U.sum(1) / 2)
    record(METHOD, MODULE, "one iteration", "squashed sum over two parents", error=error(v, expected), tolerance=1e-14)


def test_agreement_attracts_and_disagreement_repels():
    """Three capsules agree about parent 0; a fourth contradicts them there and is alone at parent 1."""
    direction = torch.tensor([1.0, 0.0]).double()
    predictions = torch.stack([torch.stack([direction, 0 * direction])] * 3 + [torch.stack([-direction, 2 * direction])]).unsqueeze(0)
    history = [route(predictions, n)[1][0] for n in (1, 2, 3, 4)]
    agreeing, other = [c[0, 0].item() for c in history], [c[3, 0].item() for c in history]
    assert agreeing == sorted(agreeing) and agreeing[-1] > agreeing[0] + 0.05
    assert other == sorted(other, reverse=True) and other[-1] < other[0] - 0.05


def test_second_iteration_by_hand():
    """One lower capsule, two parents: b_j = u_j . v_j with v_j = squash(u_j / 2)."""
    u = torch.tensor([[3.0, 0.0], [0.0, 1.0]]).double()
    _, c = route(u.view(1, 1, 2, 2), 2)
    b = [3 * (1.5**2 / (1 + 1.5**2)), 1 * (0.25 / 1.25)]
    expected = math.exp(b[0]) / (math.exp(b[0]) + math.exp(b[1]))
    assert c[0, 0, 0].item() == pytest.approx(expected, abs=1e-14)


def test_margin_loss_by_hand():
    lengths = torch.tensor([[0.6, 0.3], [0.95, 0.05]], dtype=torch.float64)
    losses = margin_loss(lengths, torch.tensor([0, 0]), reduction="none")
    assert error(losses, torch.tensor([0.09 + 0.5 * 0.04, 0.0], dtype=torch.float64)) < 1e-14
    assert margin_loss(LENGTHS, CLASSES) == margin_loss(LENGTHS, CLASSES, 0.9, 0.1, 0.5, "mean")
    assert error(margin_loss(LENGTHS, F.one_hot(CLASSES, 4).double(), **ODD), margin_loss(LENGTHS, CLASSES, **ODD)) == 0


def test_size_of_the_papers_network():
    """6.8 million parameters, 8.2 with the reconstruction: 1152 primary capsules of 8 numbers, 10 of 16."""
    model = CapsNet(device="meta")
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    assert counts["conv"] + counts["primary"] + counts["classes"] == 6_804_224
    assert sum(counts.values()) == 8_215_568
    assert model.classes.weight.shape == (1152, 10, 16, 8) and model.classes.iterations == 3
    assert model(torch.zeros(2, 1, 28, 28, device="meta")).shape == (2, 10, 16)
    assert CapsNet(17, channels=1, primary_capsules=1).classes.weight.shape == (1, 10, 16, 8)


def test_reconstruction_sees_the_given_class_alone():
    model, x, y = randomize(tiny(), scale=0.5), randn(2, 2, 8, 8, seed=1), torch.tensor([2, 0])
    v = model(x)
    image = model.reconstruct(v, y)
    assert image.shape == x.shape and image.min() > 0 and image.max() < 1
    h = torch.zeros(2, 12).double()
    h[0, 8:], h[1, :4] = v[0, 2], v[1, 0]
    for k, layer in enumerate(model.decoder):
        h = layer(h)
        h = h.relu() if k < 2 else h.sigmoid()
    assert error(image, h.view(2, 2, 8, 8)) < 1e-14


def test_loss_is_the_sum_of_its_parts(record):
    model, x, y = randomize(tiny(), scale=0.5), randn(2, 2, 8, 8, seed=1), torch.tensor([2, 0])
    v = model(x)
    squares = sum(((model.reconstruct(v, y)[b] - x[b]) ** 2).sum() for b in range(2)) / 2
    expected = margin_loss(v.norm(dim=2), y) + 0.0005 * squares
    gap = max(error(model.loss(x, y), expected), error(model.loss(x, y, 0.3), margin_loss(v.norm(dim=2), y) + 0.3 * squares))
    record(METHOD, MODULE, "total loss", "margin loss and sum of squares", error=gap, tolerance=1e-13, dtype=torch.float64)


def test_initialization_and_defaults():
    torch.manual_seed(0)
    layer = RoutingCapsules(20, 10, 8, 16)
    n = layer.weight.numel()
    assert abs(layer.weight.std().item() / 0.1 - 1) < 4 / math.sqrt(2 * n) and abs(layer.weight.mean().item()) < 4 * 0.1 / math.sqrt(n)
    assert repr(layer) == "RoutingCapsules(20, 10, 8, 16, iterations=3)" and RoutingCapsules(1, 1, 1, 1, 1).iterations == 1
    assert inspect.signature(route).parameters["iterations"].default == 3 and inspect.signature(squash).parameters["dim"].default == -1
    assert PrimaryCapsules(1, 1, 1, 3).conv.stride == (2, 2)
    made = CapsNet(9, kernel_size=3, channels=2, device="meta", dtype=torch.float16)
    assert {(v.device.type, v.dtype) for v in made.state_dict().values()} == {("meta", torch.float16)}


@pytest.mark.slow
def test_learns_digits():
    data = digits_split(test=200)
    torch.manual_seed(0)
    model = CapsNet(8, channels=16, kernel_size=3, primary_capsules=8, class_dim=8, hidden=(32, 64))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        rows = torch.randint(len(data.x), (64,))
        optimizer.zero_grad()
        model.loss(data.x[rows], data.y[rows]).backward()
        optimizer.step()
    with torch.no_grad():
        share = (model(data.x_test).norm(dim=2).argmax(1) == data.y_test).double().mean().item()
    assert share > 0.8
