"""What is special to graph convolution: values by hand, the spectrum, equivariance, the two paths, the karate club."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from refimpl.graphs.gcn import GCNConv, dense_gcn_conv, gcn_conv, propagation_matrix
from refimpl.graphs.karate import karate_club
from tests.refimpl.graphs.cases_gcn import DENSE, EDGES, METHOD, WEIGHTS, X
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.graphs.gcn"
PLAIN = EDGES[:, :8]  # without the loop


def adjacency(edges, nodes, weights=None):
    a = torch.zeros(nodes, nodes).double()
    for e, (j, i) in enumerate(edges.T.tolist()):
        a[i, j] += 1.0 if weights is None else weights[e]
    return a


def test_path_of_three_by_hand(record):
    """Nodes 0 - 1 - 2: D = 2, 3, 2, so that P_00 = 1/2, P_01 = 1/sqrt(6), P_11 = 1/3."""
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    s = 1 / math.sqrt(6)
    expected = torch.tensor([[0.5, s, 0.0], [s, 1 / 3, s], [0.0, s, 0.5]], dtype=torch.float64)
    identity = torch.eye(3).double()
    gap = max(error(gcn_conv(identity, edges, identity), expected), error(propagation_matrix(adjacency(edges, 3)), expected))
    record(
        METHOD,
        MODULE,
        "propagation on a path of three nodes",
        "worked by hand",
        error=gap,
        tolerance=1e-7,
        dtype=torch.float64,
        shapes="(3,3)",
    )


def test_one_path_equals_the_other(record):
    """The list of edges and the matrix give the same on the karate club."""
    edges, _ = karate_club()
    x, weight, bias = randn(34, 6, seed=11), randn(3, 6, seed=12), randn(3, seed=13)
    entries = torch.rand(156, dtype=torch.float64, generator=torch.Generator().manual_seed(14)) + 0.1
    gap = error(gcn_conv(x, edges, weight, bias, entries), dense_gcn_conv(x, adjacency(edges, 34, entries), weight, bias))
    record(
        METHOD,
        MODULE,
        "list of edges on the karate club",
        "the matrix formula",
        error=gap,
        tolerance=1e-12,
        dtype=torch.float64,
        shapes="(34,6)",
    )


def test_torch_geometric(record):
    """Equal to ``torch_geometric.nn.GCNConv``, parameters exchanged, where no node has a loop of its own."""
    geometric = pytest.importorskip("torch_geometric.nn")
    for options in ({}, {"bias": False}, {"add_self_loops": False}):
        ours, theirs = randomize(GCNConv(3, 4, **options)), geometric.GCNConv(3, 4, **options).double()
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        theirs.load_state_dict(ours.state_dict())
        for weights in (None, WEIGHTS[:8]):
            gap = error(ours(X, PLAIN, weights), theirs(X, PLAIN, weights))
            record(
                METHOD,
                MODULE,
                f"layer with {options}",
                "torch_geometric.nn.GCNConv",
                error=gap,
                tolerance=1e-12,
                dtype=torch.float64,
                shapes="(5,3)",
            )


def test_a_loop_of_its_own_counts_beside_the_added_one():
    """A + I has 2 on the diagonal there, and D_22 = 1 + 1 + 1."""
    p = propagation_matrix(adjacency(EDGES, 5))
    assert p[2, 2] == pytest.approx(2 / 3, abs=1e-15)
    assert error(gcn_conv(torch.eye(5).double(), EDGES, torch.eye(5).double()), p) < 1e-14


def test_eigenvalues_lie_in_minus_one_to_one(record):
    """1 is an eigenvalue, with the eigenvector D^(1/2) 1, and with self-loops -1 is none (section 2.2, the renormalization trick)."""
    edges, _ = karate_club()
    a = adjacency(edges, 34)
    values = torch.linalg.eigvalsh(propagation_matrix(a))
    assert values.min() > -1 + 1e-6
    record(
        METHOD,
        MODULE,
        "largest eigenvalue of P",
        "1",
        error=abs(values.max().item() - 1),
        tolerance=1e-12,
        dtype=torch.float64,
        shapes="(34,34)",
    )
    root = (a.sum(1) + 1).sqrt()
    assert error(propagation_matrix(a) @ root, root) < 1e-14
    pair = adjacency(torch.tensor([[0, 1], [1, 0]]), 2)
    assert torch.linalg.eigvalsh(propagation_matrix(pair, add_self_loops=False)).tolist() == pytest.approx([-1, 1])


def test_renaming_the_nodes_renames_the_output():
    layer, new = randomize(GCNConv(3, 2)), torch.tensor([3, 0, 4, 2, 1])
    renamed = torch.empty_like(X).index_copy(0, new, X)
    assert error(layer(renamed, new[EDGES], WEIGHTS)[new], layer(X, EDGES, WEIGHTS)) < 1e-14


def test_order_of_the_edges_does_not_matter():
    layer, order = randomize(GCNConv(3, 2)), torch.tensor([4, 2, 8, 0, 1, 7, 6, 3, 5])
    assert error(layer(X, EDGES[:, order], WEIGHTS[order]), layer(X, EDGES, WEIGHTS)) < 1e-14


def test_one_layer_reaches_one_step():
    """Node 2's output depends on itself and on node 1 alone; node 4 is two steps further."""
    layer = randomize(GCNConv(3, 2))
    jacobian = torch.autograd.functional.jacobian(lambda x: layer(x, EDGES)[2], X).abs().sum((0, 2))
    assert (jacobian > 0).tolist() == [False, True, True, False, False]


def test_edges_point_from_source_to_target():
    one_way = torch.tensor([[0], [1]])
    out = gcn_conv(torch.tensor([[1.0], [0.0]]), one_way, torch.ones(1, 1), add_self_loops=False)
    assert out.tolist() == [[0.0], [0.0]]  # node 0 has no incoming edge, so that its row and column vanish
    out = gcn_conv(torch.tensor([[1.0], [0.0]]), one_way, torch.ones(1, 1))
    assert out.flatten().tolist() == pytest.approx([1.0, 1 / math.sqrt(2)])


def test_isolated_node_has_finite_gradients():
    x, entries = X.clone().requires_grad_(), WEIGHTS[:2].clone().requires_grad_()
    weight = torch.ones(1, 3).double()
    gcn_conv(x, EDGES[:, :2], weight, edge_weight=entries, add_self_loops=False).sum().backward()
    assert torch.isfinite(x.grad).all() and torch.isfinite(entries.grad).all()
    assert not x.grad[2:].any() and x.grad[:2].all()
    dense = (DENSE[0] * torch.tensor([0.0, 1, 1, 1]) * torch.tensor([[0.0], [1], [1], [1]])).requires_grad_()
    propagation_matrix(dense, add_self_loops=False).sum().backward()
    assert torch.isfinite(dense.grad).all()


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 3), (3, 4), (4, 3)])
def test_the_smaller_side_is_propagated(inputs, outputs, monkeypatch):
    """X W where it is not wider than X, else X; the value is the same."""
    widths, select = [], torch.Tensor.index_select
    monkeypatch.setattr(torch.Tensor, "index_select", lambda t, dim, index: widths.append(t.shape[-1]) or select(t, dim, index))
    x, weight = randn(5, inputs, seed=15), randn(outputs, inputs, seed=16)
    seen = []
    monkeypatch.setattr(F, "linear", lambda t, *a, f=F.linear: seen.append(t) or f(t, *a))
    gcn_conv(x, EDGES, weight)
    assert widths == [min(inputs, outputs)]
    assert (seen[0] is x) == (outputs <= inputs)


def test_initialization_and_factory_arguments():
    layer = GCNConv(300, 100)
    bound = math.sqrt(6 / 400)
    assert layer.lin.weight.abs().max() <= bound
    assert abs(layer.lin.weight.var().item() / (bound**2 / 3) - 1) < 4 * math.sqrt(0.8 / 30_000)
    assert not layer.bias.any() and GCNConv(2, 3, bias=False).bias is None
    for p in GCNConv(2, 3, device="meta", dtype=torch.float16).parameters():
        assert (p.dtype, p.device.type) == (torch.float16, "meta")
    assert "GCNConv(\n  2, 3, add_self_loops=True, bias=True" in repr(GCNConv(2, 3))
    assert GCNConv(1, 1).add_self_loops is True
    with torch.no_grad():
        layer.bias.fill_(3.0)
    layer.reset_parameters()
    assert not layer.bias.any()


def test_karate_club():
    """34 members, 78 pairs, networkx's edges, and communities of the largest modularity known, 0.4198."""
    edges, community = karate_club()
    assert edges.shape == (2, 156) and community.shape == (34,)
    assert karate_club("meta")[0].device.type == karate_club("meta")[1].device.type == "meta"
    a = adjacency(edges, 34)
    assert torch.equal(a, a.T) and a.max() == 1 and not a.diagonal().any()
    degree = a.sum(1)
    same = community[:, None] == community
    modularity = ((a - torch.outer(degree, degree) / 156) * same).sum().item() / 156
    assert modularity == pytest.approx(0.4198, abs=5e-5)
    networkx = pytest.importorskip("networkx")
    pairs = {frozenset(pair) for pair in networkx.karate_club_graph().edges()}
    assert {frozenset(pair) for pair in edges.T.tolist()} == pairs


def test_learns_the_communities_from_four_labels(record):
    """Two layers, no features, one label a community: far more of the other 30 are right than the largest community holds (40 %)."""
    edges, community = karate_club()
    labeled = torch.tensor([0, 5, 33, 31])
    assert community[labeled].unique().numel() == 4
    right = []
    for seed in range(3):
        torch.manual_seed(seed)
        first, second = GCNConv(34, 16), GCNConv(16, 4)
        optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=0.02)
        for _ in range(60):
            logits = second(torch.relu(first(torch.eye(34), edges)), edges)
            optimizer.zero_grad()
            F.cross_entropy(logits[labeled], community[labeled]).backward()
            optimizer.step()
        right.append((logits.argmax(1) == community).double().index_fill(0, labeled, 0.0).sum().item() / 30)
    record(
        METHOD,
        MODULE,
        "members placed wrongly, worst of 3 seeds",
        "the communities",
        error=1 - min(right),
        tolerance=0.25,
        dtype=torch.float32,
    )


def test_new_tensors_are_on_the_device_of_the_input():
    weight = torch.ones(2, 3).double()
    with torch.device("meta"):
        found = propagation_matrix(DENSE), dense_gcn_conv(X[:4], DENSE[0], weight), gcn_conv(X, EDGES, weight, add_self_loops=False)
    assert {z.device.type for z in found} == {"cpu"}


def test_edge_weights_of_another_dtype_keep_the_dtype():
    z = gcn_conv(X.float(), EDGES, torch.ones(2, 3), edge_weight=WEIGHTS)
    assert z.dtype == torch.float32 and error(z, gcn_conv(X, EDGES, torch.ones(2, 3).double(), edge_weight=WEIGHTS)) < 1e-6
