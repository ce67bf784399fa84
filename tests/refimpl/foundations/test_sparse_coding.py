"""What is special to sparse coding: minima found in other ways, the rates of both iterations, what LISTA begins with and learns."""

from __future__ import annotations

import inspect
import itertools

import pytest
import torch
from torch.nn.functional import normalize

from refimpl.foundations.sparse_coding import (
    LISTA,
    dictionary_step,
    fista,
    ista,
    optimality_gap,
    soft_threshold,
    sparse_objective,
)
from tests.refimpl.foundations.cases_sparse_coding import METHOD, TALL, D, X, Z
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error

MODULE = "refimpl.foundations.sparse_coding"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}
BOTH = pytest.mark.parametrize("method", [ista, fista])


def by_signs(x, dictionary, penalty):
    """The minimum for one input: for each choice of signs the linear equations of the optimality conditions, and the best of all."""
    inputs, codes = dictionary.shape
    best = torch.zeros(codes, dtype=x.dtype)
    for signs in itertools.product((-1.0, 0.0, 1.0), repeat=codes):
        s = torch.tensor(signs, dtype=x.dtype)
        used = s != 0
        if not 0 < used.sum() <= inputs:
            continue
        part = dictionary[:, used]
        z = torch.zeros(codes, dtype=x.dtype)
        z[used] = torch.linalg.solve(part.T @ part, part.T @ x - penalty * s[used])
        if sparse_objective(x, z, dictionary, penalty) < sparse_objective(x, best, dictionary, penalty):
            best = z
    return best


@BOTH
@pytest.mark.parametrize("penalty", [0.05, 0.3, 1.0])
def test_minimum_by_all_signs(method, penalty, record):
    found = method(X, D, penalty, 5000)
    expected = torch.stack([by_signs(x, D, penalty) for x in X])
    what = f"{method.__name__}, penalty {penalty}"
    record(METHOD, MODULE, what, "all choices of signs", error=error(found, expected), tolerance=1e-9, dtype=X.dtype, shapes="(3,4) (4,6)")
    assert torch.equal(found == 0, expected == 0) and (expected == 0).any()


@BOTH
def test_minimum_against_scikit_learn(method, record):
    """Its Lasso divides the squared error by the number of rows; its sparse_encode does not."""
    linear_model, decomposition = pytest.importorskip("sklearn.linear_model"), pytest.importorskip("sklearn.decomposition")
    dictionary = normalize(randn(8, 12, seed=11), dim=0)
    x, penalty = randn(5, 8, seed=12), 0.15
    found = method(x, dictionary, penalty, 5000)
    lasso = linear_model.Lasso(penalty / 8, fit_intercept=False, tol=1e-14, max_iter=100_000)
    one = torch.stack([torch.from_numpy(lasso.fit(dictionary.numpy(), row.numpy()).coef_) for row in x])
    options = {"algorithm": "lasso_lars", "alpha": penalty}
    two = torch.from_numpy(decomposition.sparse_encode(x.numpy(), dictionary.T.numpy(), **options))
    for name, expected in (("sklearn.linear_model.Lasso", one), ("sklearn.decomposition.sparse_encode", two)):
        note = {"error": error(found, expected), "tolerance": 1e-6, "dtype": torch.float64, "shapes": "(5,8) (8,12)"}
        record(METHOD, MODULE, f"codes by {method.__name__}", name, **note)


@BOTH
def test_conditions_of_the_minimum(method, record):
    """The slope of the squared error is -lambda sign(z) where z is not 0, and at most lambda elsewhere."""
    z, penalty = method(X, D, 0.3, 5000), 0.3
    slope = (z @ D.T - X) @ D
    used = z != 0
    gap = max(
        error(slope[used], -penalty * z[used].sign()),
        (slope.abs().max() - penalty).relu().item(),
        optimality_gap(X, z, D, penalty).max().item(),
    )
    note = {"error": gap, "tolerance": 1e-9, "dtype": torch.float64, "shapes": "(3,4) (4,6)"}
    record(METHOD, MODULE, f"slopes after {method.__name__}", "optimality conditions", **note)
    assert (optimality_gap(X, z + 0.01, D, penalty) > 1e-3).all()


@BOTH
def test_atoms_at_right_angles_need_one_step(method, record):
    """D'D = c I: the minimum is the shrunk projection, each number for itself."""
    q = torch.linalg.qr(randn(6, 4, seed=13)).Q * 3
    x = randn(5, 6, seed=14)
    expected = soft_threshold(x @ q, 0.8) / 9
    note = {"error": error(method(x, q, 0.8, 1), expected), "shapes": "(5,6) (6,4)"}
    record(METHOD, MODULE, f"one step of {method.__name__}, orthogonal atoms", "closed form", **note, **EXACT)


@BOTH
def test_large_penalties_leave_nothing(method):
    """From lambda = max |D'x| on the code is 0; just below it is not. Without a penalty and with few atoms: least squares."""
    largest = (X @ D).abs().amax()
    assert not method(X, D, largest.item() * (1 + 1e-12), 50).any()
    assert method(X, D, largest.item() * 0.999, 50).any()
    x = randn(2, 5, seed=9)
    assert error(method(x, TALL, 0.0, 5000), torch.linalg.lstsq(TALL, x.T).solution.T) < 1e-10


def test_rates(record):
    """F - F* is at most L |z*|^2 / (2 k) after k steps of ISTA and 2 L |z*|^2 / (k + 1)^2 after k of FISTA."""
    dictionary, x, penalty = randn(10, 20, seed=15), randn(30, 10, seed=16), 0.1
    best = fista(x, dictionary, penalty, 8000)
    least, length = sparse_objective(x, best, dictionary, penalty), best.square().sum(-1)
    big = torch.linalg.matrix_norm(dictionary, 2) ** 2
    worst, above = 0.0, {}
    for k in (1, 2, 5, 20, 100):
        for method, bound in ((ista, big * length / (2 * k)), (fista, 2 * big * length / (k + 1) ** 2)):
            above[method, k] = sparse_objective(x, method(x, dictionary, penalty, k), dictionary, penalty) - least
            worst = max(worst, (above[method, k] / bound).max().item())
    record(METHOD, MODULE, "objective above the minimum", "bounds of Beck and Teboulle", error=worst, tolerance=1, dtype=torch.float64)
    assert above[fista, 100].mean() < above[ista, 100].mean() / 5 and above[fista, 100].min() > 0


def test_ista_never_climbs():
    """And each step goes on from the one before."""
    values, z = [], Z
    for _ in range(30):
        values.append(sparse_objective(X, z, D, 0.3))
        z = ista(X, D, 0.3, 1, z)
    assert all((b <= a).all() for a, b in itertools.pairwise(values))
    assert error(z, ista(X, D, 0.3, 30, Z)) < 1e-13


@BOTH
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_dictionary_of_zeros_gives_codes_of_zeros(method, dtype):
    for penalty in (0.0, 0.3):
        assert torch.equal(method(X.to(dtype), 0 * D.to(dtype), penalty, 3), torch.zeros(3, 6, dtype=dtype))


@BOTH
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_two_byte_types_are_computed_in_float32(method, dtype):
    x, dictionary, start = X.to(dtype), D.to(dtype), Z.to(dtype)
    expected = method(x.float(), dictionary.float(), 0.3, 200, start.float()).to(dtype)
    assert torch.equal(method(x, dictionary, 0.3, 200, start), expected)


def test_lista_begins_as_ista():
    """And so it is with one step: the shrunk W x."""
    for steps in (1, 2, 7):
        model = LISTA(D, 0.3, steps)
        assert error(model(X), ista(X, D, 0.3, steps)) < 1e-13
        assert repr(model) == f"LISTA(inputs=4, codes=6, steps={steps})"
    big = torch.linalg.matrix_norm(D, 2) ** 2
    assert error(model.encoder, D.T / big) < 1e-14 and error(model.threshold, torch.full((6,), 0.3) / big) < 1e-7
    assert error(model.inhibition, torch.eye(6) - D.T @ D / big) < 1e-14
    assert {name: tuple(p.shape) for name, p in model.named_parameters()} == {"encoder": (6, 4), "inhibition": (6, 6), "threshold": (6,)}
    assert LISTA(D, 0.3).steps == 3


def test_lista_has_weights_of_its_own():
    dictionary = D.clone().requires_grad_()
    model = LISTA(dictionary, 0.3)
    model(X).sum().backward()
    assert dictionary.grad is None and all(p.is_leaf and p.grad is not None for p in model.parameters())
    model = LISTA(torch.eye(3), 0.3)
    pointers = {p.data_ptr() for p in model.parameters()}
    assert len(pointers) == 3 and LISTA(D.float(), 0.3).encoder.dtype == torch.float32
    assert all(p.is_contiguous() for p in model.parameters())


def test_the_default_dtype_does_not_matter():
    torch.set_default_dtype(torch.float64)
    try:
        assert {p.dtype for p in LISTA(D.float(), 0.3).parameters()} == {torch.float32}
        assert ista(X.float(), D.float(), 0.3, 2).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_lista_learns_to_be_nearer_than_ista(record):
    """Three steps trained on codes of FISTA, tested on others: less than half of ISTA's squared distance."""
    dictionary = normalize(randn(8, 16, seed=17), dim=0)
    sparse = randn(600, 16, seed=18) * (rand(600, 16, seed=19, low=0.0, high=1.0) < 0.15)
    x = sparse @ dictionary.T
    best = fista(x, dictionary, 0.1, 500)
    model = LISTA(dictionary, 0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(300):
        optimizer.zero_grad()
        (model(x[:500]) - best[:500]).square().sum(1).mean().backward()
        optimizer.step()
    learned = (model(x[500:]) - best[500:]).square().sum().item()
    plain = (ista(x[500:], dictionary, 0.1, 3) - best[500:]).square().sum().item()
    note = {"error": learned / plain, "tolerance": 0.5, "dtype": torch.float64, "shapes": "(100,8)"}
    record(METHOD, MODULE, "squared distance after 3 steps", "that of ISTA", **note)


def test_dictionary_learning_lowers_the_objective():
    """Codes and steps of the dictionary in turns, from random atoms, towards those that made the inputs."""
    atoms = normalize(randn(8, 10, seed=20), dim=0)
    x = (randn(400, 10, seed=21) * (rand(400, 10, seed=22, low=0.0, high=1.0) < 0.2)) @ atoms.T
    dictionary = normalize(randn(8, 10, seed=23), dim=0)
    values = []
    for _ in range(150):
        z = fista(x, dictionary, 0.1, 50)
        values.append(sparse_objective(x, z, dictionary, 0.1).mean().item())
        dictionary = dictionary_step(x, z, dictionary, 2.0)
    truth = sparse_objective(x, fista(x, atoms, 0.1, 500), atoms, 0.1).mean().item()
    assert values[-1] - truth < (values[0] - truth) / 4
    assert error(dictionary.norm(dim=0), torch.ones(10)) < 1e-14


def test_an_atom_of_length_zero_stays():
    dictionary = D.clone()
    dictionary[:, 2] = 0
    z = Z.clone()
    z[:, 2] = 0
    after = dictionary_step(X, z, dictionary, 0.1)
    assert not after[:, 2].any() and after.isfinite().all()


def test_shrinkage_by_hand():
    v = torch.tensor([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    assert soft_threshold(v, 1.0).tolist() == [-2, 0, 0, 0, 0, 0, 2]
    assert soft_threshold(v, 0.0).tolist() == v.tolist()


def test_defaults():
    for method in (ista, fista):
        found = {name: parameter.default for name, parameter in inspect.signature(method).parameters.items()}
        assert found["steps"] == 100 and found["start"] is None


def test_random_starts_do_not_matter():
    """The objective is convex: from anywhere to the same minimum."""
    found = [fista(X, D, 0.3, 5000, 10 * randn(3, 6, seed=seed)) for seed in range(24, 27)]
    assert max(error(z, found[0]) for z in found) < 1e-8
