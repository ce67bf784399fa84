"""What is special to spectral normalization: the singular value, PyTorch's layers and state, the gradient, Lipschitz constants."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from refimpl.generative.spectral_norm import SpectralNorm, power_iteration, spectral_norm
from tests.refimpl.generative.cases_spectral_norm import METHOD
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.generative.spectral_norm"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def settled(layer: nn.Module, steps: int = 300) -> nn.Module:
    """The layer, normalized, with its vectors at their limits."""
    layer = spectral_norm(layer.double())
    for _ in range(steps):
        layer.weight  # noqa: B018  reading it is one step
    return layer.eval()


@pytest.mark.parametrize("make", [lambda: nn.Linear(5, 4), lambda: nn.Conv2d(2, 3, (2, 3)), lambda: nn.ConvTranspose1d(4, 3, 3)])
def test_largest_singular_value_is_one(make, record):
    """After many steps sigma is the largest singular value, of a transposed convolution's kernel too, by its outputs."""
    torch.manual_seed(1)
    layer = settled(make())
    rows = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose1d) else layer.weight
    gap = abs(torch.linalg.svdvals(rows.flatten(1))[0].item() - 1)
    record(METHOD, MODULE, f"largest singular value, {type(layer).__name__}", "torch.linalg.svdvals", error=gap, **EXACT)
    u, v = layer.parametrizations.weight[0]._u, layer.parametrizations.weight[0]._v
    left, _, right = torch.linalg.svd(rows.flatten(1), full_matrices=False)
    record(
        METHOD,
        MODULE,
        "singular vectors",
        "torch.linalg.svd",
        error=max(error(u * (u @ left[:, 0]), left[:, 0]), abs((v @ right[0]).item() ** 2 - 1)),
        **EXACT,
    )


@pytest.mark.parametrize(
    "make", [lambda: nn.Linear(5, 3), lambda: nn.Conv2d(2, 4, 3), lambda: nn.ConvTranspose2d(2, 4, 3), lambda: nn.Conv1d(2, 3, 2)]
)
@pytest.mark.parametrize("steps", [1, 2])
def test_layers_of_torch(make, steps, record):
    """The same output, gradients, vectors and state dict as torch.nn.utils.parametrizations.spectral_norm, call after call."""
    torch.manual_seed(1)
    ours, theirs = make().double(), make().double()
    theirs.load_state_dict(ours.state_dict())
    spectral_norm(ours, n_power_iterations=steps), parametrizations.spectral_norm(theirs, n_power_iterations=steps)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    theirs.load_state_dict(ours.state_dict())
    x = randn(2, 5, seed=4) if isinstance(ours, nn.Linear) else randn(2, 2, *(6,) * (ours.weight.dim() - 2), seed=4)
    theirs.load_state_dict(ours.state_dict())
    gaps = []
    for mode in (True, True, False):
        a, b = ours.train(mode)(x), theirs.train(mode)(x)
        gaps.append(error(a, b))
        a.square().sum().backward(), b.square().sum().backward()
    gaps += [error(p.grad, q.grad) for p, q in zip(ours.parameters(), theirs.parameters(), strict=True)]
    gaps += [error(p, q) for p, q in zip(ours.buffers(), theirs.buffers(), strict=True)]
    oracle = "torch.nn.utils.parametrizations.spectral_norm"
    record(METHOD, MODULE, f"{type(ours).__name__}, {steps} steps", oracle, error=max(gaps), **EXACT, shapes=str(tuple(x.shape)))


def test_gradient_of_section_2_3(record):
    """(grad - (grad . W_sn) u v^T) / sigma; so the gradient is orthogonal to W, which only changes the length."""
    layer = settled(nn.Linear(5, 4))
    upstream = randn(4, 5, seed=2)
    w = layer.parametrizations.weight.original
    (actual,) = torch.autograd.grad((layer.weight * upstream).sum(), w)
    left, values, right = torch.linalg.svd(w.detach())
    expected = (upstream - (upstream * layer.weight).sum() * torch.outer(left[:, 0], right[0])) / values[0]
    record(
        METHOD,
        MODULE,
        "gradient by W",
        "section 2.3, with torch.linalg.svd",
        error=error(actual, expected),
        tolerance=1e-10,
        dtype=torch.float64,
    )
    assert abs((actual * w).sum().item()) < 1e-12


def test_lipschitz_constant_of_convolutions(record):
    """The norm of a convolution lies between sigma of its kernel and sqrt(kernel size) times it, as a matrix on images shows."""
    torch.manual_seed(3)
    layer = settled(nn.Conv2d(2, 3, 2, padding=1, bias=False))
    columns = torch.stack([layer(unit.view(1, 2, 4, 5)).flatten() for unit in torch.eye(40).double()], 1)
    norm = torch.linalg.matrix_norm(columns, 2).item()
    assert 1.01 < norm <= 2
    ones = spectral_norm(nn.Conv2d(1, 1, 2, bias=False).double())
    with torch.no_grad():
        ones.weight = torch.ones(1, 1, 2, 2).double()  # sigma is the Euclidean norm, 2; in the mean direction the convolution sums to 4
    ones.weight  # noqa: B018  one step, which is enough for a single row
    answer = ones.eval()(torch.ones(1, 1, 9, 9).double())
    record(METHOD, MODULE, "a kernel of ones on ones", "sqrt(4)", error=error(answer, torch.full((1, 1, 8, 8), 2.0).double()), **EXACT)


def test_scale_of_the_weight_does_not_matter():
    made = SpectralNorm(w := randn(4, 3, seed=5)).eval()
    assert error(made(7 * w), made(w)) < 1e-14


def test_vectors_of_weights_are_divided_by_their_norm(record):
    """A weight of one dimension keeps no vectors."""
    w = randn(5, seed=6).requires_grad_()
    made = SpectralNorm(w)
    assert not list(made.buffers())
    expected = w / w.square().sum().sqrt()
    gaps = [error(made(w), expected)]
    gaps += [error(*(torch.autograd.grad((y * randn(5, seed=7)).sum(), w, retain_graph=True)[0] for y in (made(w), expected)))]
    record(METHOD, MODULE, "a weight of one dimension", "division by its norm", error=max(gaps), **EXACT)
    assert not SpectralNorm(w, eps=2.0)(torch.zeros(5)).any()
    assert error(SpectralNorm(w, eps=100.0)(w), w / 100) < 1e-14


def test_power_iteration_by_hand():
    """diag(4, 3) from (1, 1) / sqrt 2: the ratio of the coordinates of v changes by 16/9 with each step; none changes nothing."""
    matrix, start = torch.diag(torch.tensor([4.0, 3.0])).double(), torch.ones(2).double() / 2**0.5
    for steps in (1, 2, 5):
        u, v = power_iteration(matrix, torch.zeros(2).double(), start, steps)
        assert (v[0] / v[1]).item() == pytest.approx((16 / 9) ** steps) and (u[0] / u[1]).item() == pytest.approx((16 / 9) ** steps * 0.75)
        assert u.norm().item() == pytest.approx(1) and v.norm().item() == pytest.approx(1)
    assert power_iteration(matrix, start, start, 0) == (start, start)
    _, v = power_iteration(matrix, start, start, 1, eps=100.0)
    assert v.tolist() == pytest.approx([16e-4 / 2**0.5, 9e-4 / 2**0.5])


@pytest.mark.parametrize("eps", [1e-12, 10.0])
def test_it_begins_with_fifteen_steps(eps, record):
    """From random vectors of length 1, or shorter where eps is larger, that follow the global generator, before the first call."""
    w = randn(6, 4, seed=8)
    torch.manual_seed(2)
    made = SpectralNorm(w, eps=eps)
    torch.manual_seed(2)
    u, v = (x / max(x.norm().item(), eps) for x in (torch.empty(6).double().normal_(), torch.empty(4).double().normal_()))
    for _ in range(15):
        u = w @ v / max((w @ v).norm().item(), eps)
        v = w.T @ u / max((w.T @ u).norm().item(), eps)
    gap = max(error(made._u, u), error(made._v, v))
    record(METHOD, MODULE, f"vectors at the beginning, eps {eps:g}", "15 steps", error=gap, **EXACT)


def test_two_uses_in_one_graph():
    """The steps of a second use do not disturb the backward pass of the first, as in D(real) - D(fake)."""
    layer = spectral_norm(nn.Linear(3, 1).double())
    x = rand(4, 3, seed=9)
    (layer(x).mean() - layer(x + 1).mean()).backward()
    assert torch.isfinite(layer.parametrizations.weight.original.grad).all()
    w = layer.parametrizations.weight.original
    (expected,) = torch.autograd.grad(layer.eval()(x).mean(), w)
    first = layer(x).mean()
    layer.train()(x)
    assert torch.equal(torch.autograd.grad(first, w)[0], expected)  # a step in between does not change the vectors of the first


def test_assigning_a_weight():
    layer = spectral_norm(nn.Linear(3, 2).double())
    layer.weight = randn(2, 3, seed=10)
    assert torch.equal(layer.parametrizations.weight.original, randn(2, 3, seed=10))


def test_half_precision_iterates_in_float32():
    for dtype, allowed in ((torch.bfloat16, 2e-2), (torch.float16, 2e-3)):
        layer = spectral_norm(nn.Linear(64, 48).to(dtype))
        for _ in range(60):
            layer.weight  # noqa: B018
        made = layer.parametrizations.weight[0]
        assert layer.weight.dtype == made._u.dtype == made._v.dtype == dtype
        assert abs(torch.linalg.svdvals(layer.weight.float())[0].item() - 1) < allowed
    large = torch.full((4, 400), 3000.0, dtype=torch.float16)  # its sigma, 120,000, is beyond float16
    assert error(SpectralNorm(large)(large), torch.full((4, 400), 0.025)) < 2e-3
    small = torch.full((100, 400), 1e-3, dtype=torch.float16, requires_grad=True)  # of rank 1: to make it larger changes nothing
    (slope,) = torch.autograd.grad(SpectralNorm(small.detach())(small), small, torch.full_like(small, 1000.0))
    assert slope.abs().max() < 0.01 * 1000 / 0.2, "two parts of 5,000 each, whose factor of 1e6 is beyond float16"


def test_defaults_and_repr():
    assert repr(SpectralNorm(torch.ones(2, 3))) == "SpectralNorm(n_power_iterations=1, dim=0, eps=1e-12)"
    assert SpectralNorm(torch.ones(2, 3), dim=-2).dim == 0
    assert repr(SpectralNorm(torch.ones(2, 3), 2, -1, 1e-6)) == "SpectralNorm(n_power_iterations=2, dim=1, eps=1e-06)"
    ours, theirs = (inspect.signature(f).parameters for f in (spectral_norm, parametrizations.spectral_norm))
    assert {n: p.default for n, p in ours.items()} == {n: p.default for n, p in theirs.items()} and list(ours) == list(theirs)
    assert inspect.signature(power_iteration).parameters["eps"].default == 1e-12
    named = spectral_norm(nn.LSTMCell(3, 4), "weight_hh", 3, 1e-5, 1)
    assert repr(named.parametrizations.weight_hh[0]) == "SpectralNorm(n_power_iterations=3, dim=1, eps=1e-05)"
    assert spectral_norm(layer := nn.ConvTranspose3d(2, 3, 1)) is layer and layer.parametrizations.weight[0].dim == 1
