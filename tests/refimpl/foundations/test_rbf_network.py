"""What is special to radial basis function networks: interpolation, least squares with and without a ridge, XOR."""

from __future__ import annotations

import pytest
import torch

from refimpl.foundations.rbf_network import KERNELS, RBFNetwork, interpolate, radial_basis
from tests.refimpl.foundations.cases_rbf_network import METHOD, C, X, Y
from tests.refimpl.harness.case import randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.rbf_network"


@pytest.mark.parametrize("kernel", KERNELS)
def test_interpolation(kernel, record):
    """At the data, and between them as SciPy has it: its epsilon is 1 / s, and 1 / (s sqrt 2) for the Gaussian."""
    scipy = pytest.importorskip("scipy.interpolate")
    network = interpolate(X, Y, 0.8, kernel)
    gap = error(network(X), Y)
    record(METHOD, MODULE, f"{kernel} at the data", "the data", error=gap, tolerance=1e-12, dtype=torch.float64, shapes="(5,3)")
    epsilon = 1 / 0.8 / (2**0.5 if kernel == "gaussian" else 1)
    theirs = scipy.RBFInterpolator(X.numpy(), Y.numpy(), kernel=kernel.replace(" ", "_"), epsilon=epsilon, degree=-1)
    new = randn(7, 3, seed=5)
    gap = error(network(new), torch.tensor(theirs(new.numpy())))
    record(
        METHOD, MODULE, f"{kernel} between the data", "scipy.interpolate.RBFInterpolator", error=gap, tolerance=1e-11, dtype=torch.float64
    )


def test_defaults_of_interpolation():
    network = interpolate(X, Y)
    assert (network.width, network.kernel, network.bias) == (1.0, "gaussian", None) and torch.equal(network.centers, X)


@pytest.mark.parametrize(("bias", "ridge"), [(True, 0.0), (True, 0.3), (False, 0.3)])
def test_least_squares(bias, ridge, record):
    """The normal equations, with no penalty of the bias."""
    x, y = randn(20, 3, seed=6), randn(20, 2, seed=7)
    network = RBFNetwork(3, 4, 2, 0.9, bias=bias, dtype=torch.float64)
    network.fit(x, y, ridge)
    phi = radial_basis(x, network.centers, 0.9).detach()
    penalty = ridge * torch.eye(4 + bias, dtype=torch.float64)
    if bias:
        phi, penalty[-1, -1] = torch.cat([phi, torch.ones(20, 1, dtype=torch.float64)], 1), 0
    expected = torch.linalg.solve(phi.T @ phi + penalty, phi.T @ y).T
    actual = torch.cat([network.weight, network.bias[:, None]], 1) if bias else network.weight
    record(
        METHOD,
        MODULE,
        f"fit, bias {bias}, ridge {ridge}",
        "normal equations",
        error=error(actual, expected),
        tolerance=1e-11,
        dtype=torch.float64,
    )


def test_fit_without_options_is_plain_least_squares():
    first, second = RBFNetwork(3, 4, 2, dtype=torch.float64), RBFNetwork(3, 4, 2, dtype=torch.float64)
    second.load_state_dict(first.state_dict())
    first.fit(X, Y), second.fit(X, Y, 0.0)
    assert error(first(X), second(X)) < 1e-8 and error(first(X), Y) < 1e-8  # as many numbers as rows: exact


def test_new_tensors_are_on_the_device_of_the_input():
    first, second = (interpolate(X, Y) for _ in range(2))
    first.fit(X, Y, 0.3)
    with torch.device("meta"):
        second.fit(X, Y, 0.3)
    assert error(first.weight, second.weight) < 1e-12


def test_xor_with_two_centers(record):
    """With bumps at (0, 0) and (1, 1) the four corners lie in a plane with their targets."""
    corners = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
    xor = torch.tensor([[0.0], [1], [1], [0]], dtype=torch.float64)
    network = RBFNetwork(2, 2, width=0.7, dtype=torch.float64)
    with torch.no_grad():
        network.centers.copy_(corners[[0, 3]])
    network.fit(corners, xor)
    record(
        METHOD, MODULE, "XOR with two centers", "its truth table", error=error(network(corners), xor), tolerance=1e-12, dtype=torch.float64
    )


def test_kernels_at_and_far_from_the_center():
    assert radial_basis(C, C).diagonal().tolist() == [1] * 4
    matrix = radial_basis(X, X, 0.8)
    assert torch.linalg.eigvalsh(matrix).min() > 0 and torch.equal(matrix, matrix.T)
    assert [k(torch.tensor(9.0)).item() for k in KERNELS.values()] == pytest.approx([0.011109, 3.162278, 0.316228], rel=1e-4)


def test_first_state_and_representation():
    torch.manual_seed(0)
    network = RBFNetwork(3, 4)
    assert not network.weight.any() and not network.bias.any() and network.centers.std() > 0.3
    assert (network.width, network.kernel, network.weight.shape) == (1.0, "gaussian", (1, 4))
    assert repr(network) == "RBFNetwork(3, centers=4, out_features=1, width=1.0, kernel=gaussian, bias=True)"
    network(X.float()).sum().backward()
    assert network.centers.grad is not None
