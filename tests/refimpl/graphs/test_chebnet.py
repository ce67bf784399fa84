"""What is special to Chebyshev graph convolution: the spectrum, locality, torch_geometric, the way to GCN."""

from __future__ import annotations

import inspect
import math

import pytest
import torch

from refimpl.graphs.chebnet import ChebConv, cheb_conv, dense_cheb_conv, scaled_laplacian
from refimpl.graphs.gcn import gcn_conv
from refimpl.graphs.karate import karate_club
from tests.refimpl.graphs.cases_chebnet import METHOD, SYMMETRIC, W4
from tests.refimpl.graphs.cases_gcn import EDGES, WEIGHTS, X
from tests.refimpl.graphs.test_gcn import adjacency
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.graphs.chebnet"
CLUB, _ = karate_club()
CLUB_MATRIX = adjacency(CLUB, 34)


def test_filter_of_the_spectrum(record):
    """Section 2.1: with eigenvectors U of L and eigenvalues scaled to [-1, 1], each term is U cos(k arccos) U^T."""
    x, weight, bias = randn(34, 3, seed=1), randn(5, 2, 3, seed=2), randn(2, seed=3)
    root = CLUB_MATRIX.sum(1).rsqrt()
    values, u = torch.linalg.eigh(torch.eye(34).double() - root[:, None] * CLUB_MATRIX * root)
    for largest in (2.0, values[-1].item()):
        angle = torch.arccos((2 * values / largest - 1).clamp(-1, 1))
        expected = sum(u @ torch.diag(torch.cos(k * angle)) @ u.T @ x @ w.T for k, w in enumerate(weight)) + bias
        gap = error(cheb_conv(x, CLUB, weight, bias, lambda_max=largest), expected)
        record(
            METHOD,
            MODULE,
            f"karate club, lambda_max {largest:.3f}",
            "cos(k arccos) on eigenvalues",
            error=gap,
            tolerance=1e-12,
            dtype=torch.float64,
            shapes="(34,3)",
        )
    gap = error(dense_cheb_conv(x, CLUB_MATRIX, weight, bias, largest), expected)
    record(
        METHOD,
        MODULE,
        "karate club, matrix formula",
        "cos(k arccos) on eigenvalues",
        error=gap,
        tolerance=1e-12,
        dtype=torch.float64,
        shapes="(34,3)",
    )


def test_scaled_laplacian(record):
    """Eigenvalues in [-1, 1] for lambda_max = 2; -1 is one, with the eigenvector D^(1/2) 1; the graph's own lambda_max gives 1."""
    values = torch.linalg.eigvalsh(scaled_laplacian(CLUB_MATRIX))
    record(METHOD, MODULE, "smallest eigenvalue", "-1", error=abs(values[0].item() + 1), tolerance=1e-13, dtype=torch.float64)
    root = CLUB_MATRIX.sum(1).sqrt()
    assert error(scaled_laplacian(CLUB_MATRIX) @ root, -root) < 1e-13 and values[-1] <= 1
    own = torch.linalg.eigvalsh(scaled_laplacian(CLUB_MATRIX, values[-1].item() + 1))
    record(
        METHOD,
        MODULE,
        "largest eigenvalue with the graph's own lambda_max",
        "1",
        error=abs(own[-1].item() - 1),
        tolerance=1e-12,
        dtype=torch.float64,
    )
    assert error(scaled_laplacian(torch.zeros(2, 2).double(), 1.5), torch.eye(2).double() / 3) < 1e-15


def test_torch_geometric(record):
    """Equal to ``torch_geometric.nn.ChebConv``, parameters exchanged, on graphs without loops."""
    geometric = pytest.importorskip("torch_geometric.nn")
    symmetric = torch.tensor([[0, 1, 1, 2, 0, 3, 3, 4], [1, 0, 2, 1, 3, 0, 4, 3]])
    weights = torch.tensor([0.5, 0.5, 1.5, 1.5, 2.0, 2.0, 0.7, 0.7]).double()
    for options in ({}, {"bias": False}):
        for terms in (1, 2, 4):
            ours, theirs = randomize(ChebConv(3, 4, terms, **options)), geometric.ChebConv(3, 4, terms, **options).double()
            assert ours.state_dict().keys() == theirs.state_dict().keys()
            theirs.load_state_dict(ours.state_dict())
            for entries, largest in ((None, None), (weights, 1.7)):
                expected = theirs(X, symmetric, entries, lambda_max=largest)
                gap = error(ours(X, symmetric, entries, **({} if largest is None else {"lambda_max": largest})), expected)
                note = {"error": gap, "tolerance": 1e-12, "dtype": torch.float64, "shapes": "(5,3)"}
                record(METHOD, MODULE, f"K = {terms}, {options}, lambda_max {largest}", "torch_geometric.nn.ChebConv", **note)


@pytest.mark.parametrize("terms", [1, 2, 3, 4])
def test_a_filter_of_k_terms_reaches_k_minus_one_steps(terms):
    """On a path of six nodes, the answer at an end depends on the first K nodes and no other."""
    steps = torch.arange(5)
    path = torch.cat([torch.stack([steps, steps + 1]), torch.stack([steps + 1, steps])], 1)
    x = randn(6, 1, seed=4)
    jacobian = torch.autograd.functional.jacobian(lambda v: cheb_conv(v, path, W4[:terms, :1, :1])[0], x).abs().flatten()
    assert (jacobian > 1e-12).tolist() == [i < terms for i in range(6)]


def test_two_terms_with_opposite_weights_are_a_graph_convolution(record):
    """Kipf and Welling's step from ChebNet to GCN: with lambda_max = 2 and W_1 = -W_0 the layer is (I + D^-1/2 A D^-1/2) X W_0."""
    w = randn(2, 3, seed=5)
    ours = cheb_conv(X, EDGES, torch.stack([w, -w]), edge_weight=WEIGHTS)
    gap = error(ours, gcn_conv(X, EDGES, w, edge_weight=WEIGHTS, add_self_loops=False) + X @ w.T)
    record(
        METHOD,
        MODULE,
        "W_1 = -W_0",
        "graph convolution without self-loops, plus the node",
        error=gap,
        tolerance=1e-13,
        dtype=torch.float64,
        shapes="(5,3)",
    )


def test_with_lambda_two_the_second_term_takes_the_neighbors_alone():
    """(I + D^-1/2 A D^-1/2) x on one edge: what is infinite stays so, and no 0 times infinity comes in."""
    pair, x, weight = torch.tensor([[0, 1], [1, 0]]), torch.tensor([[torch.inf], [3.0]]), torch.tensor([[[1.0]], [[-1.0]]])
    assert cheb_conv(x, pair, weight).tolist() == [[torch.inf], [torch.inf]]


def test_renaming_the_nodes_renames_the_output():
    layer, new = randomize(ChebConv(3, 2, 3)), torch.tensor([3, 0, 4, 2, 1])
    renamed = torch.empty_like(X).index_copy(0, new, X)
    assert error(layer(renamed, new[EDGES], WEIGHTS)[new], layer(X, EDGES, WEIGHTS)) < 1e-13


def test_several_signals_on_one_graph():
    signals = torch.stack([X, 2 * X + 1])
    assert error(cheb_conv(signals, EDGES, W4)[1], cheb_conv(signals[1], EDGES, W4)) < 1e-14


def test_defaults_initialization_and_factory_arguments():
    layer = ChebConv(200, 100, 2)
    bound = math.sqrt(6 / 300)
    for lin in layer.lins:
        assert lin.weight.abs().max() <= bound and abs(lin.weight.var().item() / (bound**2 / 3) - 1) < 4 * math.sqrt(0.8 / 20_000)
    assert not layer.bias.any() and ChebConv(2, 3, 1, bias=False).bias is None
    with torch.no_grad():
        layer.bias.fill_(3.0)
    layer.reset_parameters()
    assert not layer.bias.any()
    for p in ChebConv(2, 3, 2, device="meta", dtype=torch.float16).parameters():
        assert (p.dtype, p.device.type) == (torch.float16, "meta")
    assert "ChebConv(\n  2, 3, K=4, bias=True" in repr(ChebConv(2, 3, 4))
    for f in (cheb_conv, dense_cheb_conv, scaled_laplacian, ChebConv.forward):
        assert inspect.signature(f).parameters["lambda_max"].default == 2.0
    with torch.device("meta"):
        assert dense_cheb_conv(X[:4], SYMMETRIC, W4).device.type == cheb_conv(X, EDGES, W4).device.type == "cpu"
