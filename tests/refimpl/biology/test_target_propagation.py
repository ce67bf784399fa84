"""What is special to learning without backpropagation: exact inverses, constant targets, alignment, the window from rates."""

from __future__ import annotations

import inspect
from math import e, tanh

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.biology.target_propagation import DifferenceTargetPropagation, FeedbackLinear, stdp_rate, stdp_window
from refimpl.data import digits_split
from tests.refimpl.biology.cases_target_propagation import CLASSES, METHOD, SIZES, TIMES, X
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.biology.target_propagation"


def orthogonal_network():
    """Linear layers of 4 orthogonal units with their transposes as inverses."""
    model = DifferenceTargetPropagation((4, 4, 4, 4, 3), 0.3, 0.1, lambda a: a).double()
    torch.manual_seed(5)
    for layer in model.layers[1:-1]:
        nn.init.orthogonal_(layer.weight)
    with torch.no_grad():
        for layer, inverse in zip(model.layers[1:-1], model.inverses, strict=True):
            inverse.weight.copy_(layer.weight.T)
    return model


def test_with_exact_linear_inverses_targets_are_gradients(record):
    """Orthogonal layers: t_l - h_l = -s dL / dh_l, and the layers' gradients are 2 s times those of backpropagation."""
    model, x = orthogonal_network(), randn(4, 4, seed=2)
    y = torch.tensor([0, 2, 1, 2])
    _, layers, _ = model.losses(x, y)
    local = torch.autograd.grad(layers, [p for layer in model.layers[:-1] for p in layer.parameters()])
    loss = F.cross_entropy(model(x), y)
    whole = torch.autograd.grad(loss, [p for layer in model.layers[:-1] for p in layer.parameters()])
    gap = max(error(a, 2 * 0.3 * b) for a, b in zip(local, whole, strict=True))
    record(METHOD, MODULE, "gradients with exact linear inverses", "backpropagation", error=gap, tolerance=1e-12, dtype=x.dtype)


def test_the_difference_corrects_for_a_bad_inverse():
    """Where the layer above is at its target, so is the one below, whatever the inverse does."""
    model = randomize(DifferenceTargetPropagation(SIZES))
    states = [randn(4, n, seed=n) for n in SIZES[1:-1]]
    sure = torch.where(F.one_hot(CLASSES, 6) > 0, 1e3, 0.0).double()
    targets = model.targets(states, sure, CLASSES)
    assert len(targets) == 3 and all(torch.equal(t, h) for t, h in zip(targets, states, strict=True))
    unsure = model.targets(states, 0 * sure, CLASSES)
    assert all((t != h).all() and not t.requires_grad for t, h in zip(unsure, states, strict=True))


def test_every_gradient_stays_in_its_layer():
    """Each of the three losses reaches its own parameters and no others; the input gets none."""
    model, x = randomize(DifferenceTargetPropagation(SIZES)), X.clone().requires_grad_()
    found = []
    for k in range(3):
        loss = model.losses(x, CLASSES)[k]
        model.zero_grad()
        loss.backward()
        found.append({name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()})
    names = {name for name, _ in model.named_parameters()}
    assert found[0] == {n for n in names if n.startswith("layers.3")}
    assert found[1] == {n for n in names if n.startswith(("layers.0", "layers.1", "layers.2"))}
    assert found[2] == {n for n in names if n.startswith("inverses")}
    assert x.grad is None


def test_a_network_with_one_hidden_layer_needs_no_inverse():
    model = DifferenceTargetPropagation((3, 4, 6)).double()
    assert len(model.inverses) == 0 and model.losses(X, CLASSES)[2] == 0
    made = DifferenceTargetPropagation((3, 4, 5, 6), device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in made.parameters()} == {("meta", torch.float16)}
    assert [tuple(m.weight.shape) for m in (*made.layers, *made.inverses)] == [(4, 3), (5, 4), (6, 5), (4, 5)]
    found = inspect.signature(DifferenceTargetPropagation).parameters
    assert (found["step"].default, found["noise"].default, found["activation"].default) == (0.5, 0.1, torch.tanh)
    assert (model.step, model.noise) == (0.5, 0.1)


def test_one_unit_a_layer_without_noise():
    """The only class is certain, so that the states are their targets; the inverse meets the state itself."""
    model, x = randomize(DifferenceTargetPropagation((1, 1, 1, 1), noise=0.0)), randn(1, 1, seed=3)
    w = {name: p.item() for name, p in model.named_parameters()}
    h = tanh(w["layers.0.weight"] * x.item() + w["layers.0.bias"])
    code = tanh(w["layers.1.weight"] * h + w["layers.1.bias"])
    back = tanh(w["inverses.0.weight"] * code + w["inverses.0.bias"])
    assert [v.item() for v in model.losses(x, torch.tensor([0]))] == pytest.approx([0.0, 0.0, (back - h) ** 2], abs=1e-15)


def test_with_the_weights_as_feedback_it_is_backpropagation(record):
    ours, theirs, x = FeedbackLinear(5, 3).double(), nn.Linear(5, 3).double(), randn(4, 5, seed=6).requires_grad_()
    ours.load_state_dict(theirs.state_dict() | {"feedback": theirs.weight.detach()})
    slopes = [torch.autograd.grad(layer(x).tanh().sum(), [x, *layer.parameters()]) for layer in (ours, theirs)]
    gap = max(error(a, b) for a, b in zip(*slopes, strict=True))
    record(METHOD, MODULE, "feedback by the weights themselves", "torch.nn.Linear", error=gap, tolerance=1e-15, dtype=x.dtype)
    assert ours(x).equal(theirs(x))


def test_feedback_is_random_fixed_and_saved():
    layer = FeedbackLinear(400, 50)
    bound = 400**-0.5
    assert layer.feedback.abs().max() <= bound and abs(layer.feedback.std().item() / (bound / 3**0.5) - 1) < 0.03
    assert abs(layer.feedback.mean().item()) < 5 * bound / 20_000**0.5
    assert not torch.equal(layer.feedback, layer.weight) and set(layer.state_dict()) == {"weight", "bias", "feedback"}
    assert not layer.feedback.requires_grad and FeedbackLinear(2, 3, bias=False).bias is None
    meta = FeedbackLinear(2, 3, device="meta", dtype=torch.float16)
    assert {(v.device.type, v.dtype) for v in meta.state_dict().values()} == {("meta", torch.float16)}


def test_both_rules_learn_digits_and_weights_align_with_their_feedback():
    """A quarter of the test digits at most are wrong after 60 steps; the angle falls well below that of random matrices, 90 degrees."""
    torch.manual_seed(0)
    data = digits_split()
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)
    targets = DifferenceTargetPropagation((64, 32, 24, 10))
    aligned = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), FeedbackLinear(32, 24), nn.Tanh(), FeedbackLinear(24, 10))
    fixed = aligned[4].feedback.clone()
    optimizers = [torch.optim.Adam(m.parameters(), lr=0.01) for m in (targets, aligned)]
    for _ in range(60):
        batch = torch.randint(len(x), (128,))
        losses = sum(targets.losses(x[batch], data.y[batch])), F.cross_entropy(aligned(x[batch]), data.y[batch])
        for loss, optimizer in zip(losses, optimizers, strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for model in (targets, aligned):
        assert (model(x_test).argmax(1) == data.y_test).double().mean() > 0.75
    assert torch.equal(aligned[4].feedback, fixed)
    assert torch.cosine_similarity(aligned[4].weight.flatten(), fixed.flatten(), 0) > 0.35


def test_the_window_by_its_limits():
    assert stdp_window(torch.zeros(2)).tolist() == [0, 0]
    assert stdp_window(torch.tensor([1e-9, -1e-9], dtype=torch.float64), 2.0, 3.0).tolist() == pytest.approx([2, -3])
    ends = torch.tensor([20.0, -20.0], dtype=torch.float64)
    assert stdp_window(ends).tolist() == pytest.approx([1 / e, -1 / e])
    assert stdp_window(ends, tau_plus=10.0)[0].item() == pytest.approx(e**-2)
    short = stdp_window(torch.tensor([0.5, -0.5], dtype=torch.float64), tau_plus=0.5, tau_minus=0.25)
    assert short.tolist() == pytest.approx([1 / e, -(e**-2)])
    assert error(stdp_window(TIMES), -stdp_window(-TIMES)) < 1e-15, "odd by default"


def test_rates_give_the_window(record):
    """The third paper's point: activity at a spike times the change of a potential that jumps up at the postsynaptic spike and
    decays around it with the time constants grows the synapse if the presynaptic spike comes first, and else shrinks it."""
    dt = 0.01
    time = torch.arange(-60, 60, dt, dtype=torch.float64)
    rise = torch.where(time < 0, torch.exp(time / 20), -torch.exp(-time / 10))  # the integral of the window, backward in time
    changes, expected = [], []
    for pair in (-30.0, -5.0, 5.0, 30.0):
        pre = (time + pair).abs().argmin()
        activity = torch.zeros(len(time), 1, dtype=torch.float64)
        activity[pre] = 1.0
        potential = torch.cumsum(torch.where(rise == 1, 0.0, rise), 0)[:, None] * dt
        changes.append(stdp_rate(activity, potential, dt).item() * (len(time) - 1))
        expected.append(stdp_window(torch.tensor(pair, dtype=torch.float64), tau_plus=20.0, tau_minus=10.0).item())
    gap = error(torch.tensor(changes), torch.tensor(expected))
    record(METHOD, MODULE, "window from rates", "exponential window", error=gap, tolerance=2e-3, dtype=torch.float64)
