"""The affine pieces of ReLU networks, their rays, where tanh levels off, and the certainty of softmax far away."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from refimpl.limits.local_generalization import affine_piece, relu_on_ray, softmax_limit, tanh_limit
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

METHOD = "local-generalization"
MODULE = "refimpl.limits.local_generalization"
X = randn(5, 3, seed=1)


def relu_net(*sizes: int, bias: bool = True) -> nn.Sequential:
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b, bias), nn.ReLU())]
    return randomize(nn.Sequential(*layers[:-1])).requires_grad_(False)


def tanh_net(bias: bool = True) -> nn.Sequential:
    return randomize(nn.Sequential(nn.Linear(3, 6, bias), nn.Tanh(), nn.Linear(6, 2, bias))).requires_grad_(False)


def numpy_piece(model, x):
    """V and a of one input: products of the weight matrices without the rows of units that are off."""
    slope, shift, h = np.eye(len(x)), np.zeros(len(x)), x
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    for i, layer in enumerate(linear):
        w, b = layer.weight.numpy(), layer.bias.numpy()
        slope, shift, h = w @ slope, w @ shift + b, w @ h + b
        if i < len(linear) - 1:
            for unit in range(len(h)):
                if h[unit] <= 0:
                    slope[unit] = shift[unit] = h[unit] = 0
    return slope, shift


@pytest.mark.parametrize("sizes", [(3, 2), (3, 6, 2), (3, 6, 5, 4, 2)])
def test_affine_piece(sizes, record):
    model = relu_net(*sizes)
    slope, shift = affine_piece(model, X)
    note = {"tolerance": 1e-13, "dtype": X.dtype, "shapes": str(sizes)}
    record(METHOD, MODULE, "V", "Jacobian by autograd", error=error(slope, torch.func.vmap(torch.func.jacrev(model))(X)), **note)
    record(METHOD, MODULE, "f(x) = V x + a", "the network", error=error((slope @ X[..., None])[..., 0] + shift, model(X)), **note)
    for i, x in enumerate(X):
        expected = [torch.from_numpy(v) for v in numpy_piece(model, x.numpy())]
        gap = max(error(slope[i], expected[0]), error(shift[i], expected[1]))
        record(METHOD, MODULE, f"V and a of input {i}", "products of matrices in NumPy", error=gap, **note)


def test_the_piece_holds_in_the_region_alone():
    """One unit, on for x > 1: two pieces, and the kink belongs to the one where it is off."""
    model = relu_net(1, 1, 1)
    for parameter, value in zip(model.parameters(), (2.0, -2.0, 3.0, 0.5), strict=True):
        parameter.data.fill_(value)
    slope, shift = affine_piece(model, torch.tensor([[0.5], [1.0], [1.5]], dtype=torch.float64))
    assert slope.flatten().tolist() == [0, 0, 6] and shift.flatten().tolist() == [0.5, 0.5, -5.5]


@pytest.mark.parametrize("sizes", [(3, 2), (3, 6, 2), (3, 6, 5, 4, 2)])
def test_relu_is_affine_beyond_beta_on_every_ray(sizes, record):
    model = relu_net(*sizes)
    slope, shift, beta = relu_on_ray(model, X)
    assert (beta >= 0).all() and (len(sizes) == 2) == bool((beta == 0).all())
    gaps = []
    for factor in (1.0, 1.3, 10.0, 1e3):
        alpha = (beta * factor + (factor - 1))[:, None]
        gaps.append(error(alpha * slope + shift, model(alpha * X)))
    record(METHOD, MODULE, "beyond beta", "the network", error=max(gaps), tolerance=1e-12, dtype=X.dtype, shapes=str(sizes))
    piece, _ = affine_piece(model, 1e6 * X)
    record(METHOD, MODULE, "V x", "the piece far away", error=error(slope, (piece @ X[..., None])[..., 0]), tolerance=1e-12, dtype=X.dtype)


def test_beta_is_the_last_break_of_a_single_hidden_layer():
    """Kinks at 1, at 1/2 and, behind the origin, at -3; the slope just before the last one differs."""
    model = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    weights = [[2.0], [-4.0], [1.0]], [-2.0, 2.0, 3.0], [[1.0, 1.0, 1.0]], [0.25]
    for parameter, value in zip(model.parameters(), weights, strict=True):
        parameter.data = torch.tensor(value, dtype=torch.float64)
    slope, shift, beta = relu_on_ray(model, torch.ones(1, 1, dtype=torch.float64))
    assert (slope.item(), shift.item(), beta.item()) == (3.0, 1.25, 1.0)
    model[0].bias.data[1] = 0.5
    still, at_rest, from_the_start = relu_on_ray(model, torch.zeros(1, 1, dtype=torch.float64))
    assert (still.item(), at_rest.item(), from_the_start.item()) == (0.0, 0.5 + 3.0 + 0.25, 0.0)


def test_breaks_of_deeper_layers_count():
    """The second unit turns off at 5, where the first has long been on: relu(2 - relu(x - 3)) after 3 is 5 - x."""
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1)).double()
    for parameter, value in zip(model.parameters(), (1.0, -3.0, -1.0, 2.0, 7.0, 1.0), strict=True):
        parameter.data.fill_(value)
    slope, shift, beta = relu_on_ray(model, torch.ones(1, 1, dtype=torch.float64))
    assert (slope.item(), shift.item(), beta.item()) == (0.0, 1.0, 5.0)


@pytest.mark.parametrize("bias", [True, False])
def test_tanh_levels_off(bias, record):
    model = tanh_net(bias)
    direction = X.clone()
    direction[0] = 0.0  # every unit stays at tanh(c)
    limit = tanh_limit(model, direction)
    record(
        METHOD,
        MODULE,
        f"limit, bias {bias}",
        "the network at 1e4 x",
        error=error(limit, model(1e4 * direction)),
        tolerance=1e-12,
        dtype=X.dtype,
    )
    hidden, out = model[0], model[2]
    for i, x in enumerate(direction):
        expected = np.zeros(2) if out.bias is None else out.bias.numpy().copy()
        for j, w in enumerate(hidden.weight.numpy()):
            z = float(w @ x.numpy())
            still = np.tanh(hidden.bias.numpy()[j]) if bias else 0.0
            expected += out.weight.numpy()[:, j] * (np.sign(z) if z else still)
        gap = error(limit[i], torch.from_numpy(expected))
        record(
            METHOD, MODULE, f"limit of direction {i}, bias {bias}", "b + v sign(W x) in NumPy", error=gap, tolerance=1e-13, dtype=X.dtype
        )


def test_softmax_is_certain_far_away(record):
    slope = torch.tensor([[1.0, 3.0, 2.0], [2.0, 2.0, -1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    shift = torch.tensor([[9.0, -9.0, 0.0], [0.3, -0.4, 5.0], [1.0, 2.0, 3.0]], dtype=torch.float64)
    limit = softmax_limit(slope, shift)
    record(
        METHOD, MODULE, "limit", "softmax at 1e6", error=error(limit, (1e6 * slope + shift).softmax(-1)), tolerance=1e-10, dtype=slope.dtype
    )
    assert limit[0].tolist() == [0, 1, 0] and limit[1, 2] == 0
    assert torch.equal(softmax_limit(slope[1], shift[1]), limit[1])


def test_tensors_are_made_where_the_inputs_are():
    model = relu_net(3, 4, 2)
    expected = affine_piece(model, X)[0]
    with torch.device("meta"):
        assert torch.equal(affine_piece(model, X)[0], expected)


def test_a_relu_network_is_certain_of_some_class_on_every_ray():
    slope, shift, _ = relu_on_ray(relu_net(3, 6, 4), X)
    assert (softmax_limit(slope, shift).amax(-1) == 1).all()


def test_gradients_pass_to_the_weights():
    weights = [randn(4, 3, seed=2), randn(4, seed=3), randn(2, 4, seed=4), randn(2, seed=5)]
    model = relu_net(3, 4, 2)

    def pieces(*values):
        for module, name, value in ((model[0], "weight", 0), (model[0], "bias", 1), (model[2], "weight", 2), (model[2], "bias", 3)):
            del module._parameters[name]
            module.register_parameter(name, None)
            module._parameters[name] = values[value]
        return *affine_piece(model, X), *relu_on_ray(model, X)

    assert torch.autograd.gradcheck(pieces, [w.requires_grad_() for w in weights], atol=1e-6)


def test_float32():
    model = relu_net(3, 6, 2).float()
    slope, shift, beta = relu_on_ray(model, X.float())
    alpha = beta[:, None] + 1
    assert slope.dtype == shift.dtype == beta.dtype == torch.float32
    assert error(alpha * slope + shift, model.double()(alpha.double() * X)) < 1e-5
    assert affine_piece(model.float(), X[:0].float())[0].shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: affine_piece(tanh_net(), X),
            r"^affine_piece: model must be n Linear layers with ReLU between .*, got Linear, Tanh, Linear$",
        ),
        (lambda: affine_piece(nn.Sequential(), X), r"^affine_piece: model must be n Linear layers .*, got nothing$"),
        (lambda: relu_on_ray(relu_net(3, 2).append(nn.ReLU()), X), r"^relu_on_ray: model must be n Linear .*, got Linear, ReLU$"),
        (lambda: relu_on_ray(relu_net(4, 2), X), r"^relu_on_ray: inputs must be \(B, 4\), got shape \(5, 3\)$"),
        (lambda: affine_piece(relu_net(3, 2), X[0]), r"^affine_piece: inputs must be \(B, 3\), got shape \(3,\)$"),
        (lambda: tanh_limit(relu_net(3, 2), X), r"^tanh_limit: model must be 2 Linear layers with Tanh between them, got Linear$"),
        (lambda: tanh_limit(relu_net(3, 4, 2), X), r"^tanh_limit: model must be 2 Linear .*, got Linear, ReLU, Linear$"),
        (lambda: softmax_limit(X, X[:4]), r"^softmax_limit: slope and shift must have one shape \(..., K\) .*, got \(5, 3\) and \(4, 3\)$"),
        (lambda: softmax_limit(X[0, 0], X[0, 0]), r"^softmax_limit: slope and shift must have one shape .*, got \(\) and \(\)$"),
        (lambda: softmax_limit(X[:, :0], X[:, :0]), r"^softmax_limit: .* with K > 0, got \(5, 0\) and \(5, 0\)$"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
