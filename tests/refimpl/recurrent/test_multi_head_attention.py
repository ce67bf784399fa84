"""What is special to multi-head attention: the drop-in interface, shared projections, masks, causality, independence of the heads."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from refimpl.recurrent.multi_head_attention import MultiheadAttention
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_multi_head_attention import METHOD, NONE_SEEN, K, Q, V

MODULE = "refimpl.recurrent.multi_head_attention"
OPTIONS = [{}, {"bias": False}, {"kdim": 3, "vdim": 5}, {"kdim": 3, "bias": False}, {"vdim": 3}, {"dropout": 0.3, "batch_first": True}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_state_dict_and_initialization_are_those_of_torch(options):
    """The same names, shapes and, from the same seed, numbers."""
    torch.manual_seed(1)
    ours = MultiheadAttention(8, 2, **options)
    torch.manual_seed(1)
    theirs = nn.MultiheadAttention(8, 2, **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in ours.state_dict().items())


@pytest.mark.parametrize("same", ["query, key and value", "key and value", "query and key", "none"])
@pytest.mark.parametrize("bias", [True, False])
def test_shared_inputs_give_what_apart_ones_give(same, bias, record):
    """One matrix product where inputs are shared, with the gradients of three."""
    layer = randomize(MultiheadAttention(4, 2, bias=bias))
    theirs = nn.MultiheadAttention(4, 2, bias=bias).double()
    theirs.load_state_dict(layer.state_dict())
    x = Q.clone().requires_grad_()
    y = (Q * 2 - 1).requires_grad_()
    z = (Q.flip(0) + 1).requires_grad_()
    given = {"query, key and value": (x, x, x), "key and value": (x, y, y), "query and key": (x, x, y), "none": (x, y, z)}[same]
    direction = randn(3, 2, 4, seed=21)
    gradients = []
    for module in (layer, theirs):
        leaves = [x, y, z, *module.parameters()]
        output, weights = module(*given)
        loss = (output * direction).sum() + weights.square().sum()
        found = torch.autograd.grad(loss, leaves, allow_unused=True)
        gradients.append([output, weights, *(g for g in found if g is not None)])
    worst = max(error(a, b) for a, b in zip(*gradients, strict=True))
    record(
        METHOD,
        MODULE,
        f"one input as {same}",
        "torch.nn.MultiheadAttention",
        error=worst,
        tolerance=1e-12,
        dtype=torch.float64,
        shapes="(3,2,4)",
    )


def test_defaults_are_those_of_torch():
    ours, theirs = MultiheadAttention(8, 2), nn.MultiheadAttention(8, 2)
    assert (ours.dropout, ours.batch_first, ours.kdim, ours.vdim) == (theirs.dropout, theirs.batch_first, theirs.kdim, theirs.vdim)
    theirs.load_state_dict(ours.state_dict())
    x = randn(3, 2, 8, seed=22).float()
    found, expected = ours(x, x, x), theirs(x, x, x)
    assert len(found) == 2 and all(error(a, b) < 1e-6 for a, b in zip(found, expected, strict=True))
    assert ours(x, x, x, need_weights=False)[1] is None
    assert MultiheadAttention(4, 2, dropout=1.0).dropout == 1.0


def test_query_that_sees_no_key():
    """Weights zero, output the bias of the last projection, gradients finite; PyTorch's layer gives NaN."""
    layer = randomize(MultiheadAttention(4, 2))
    q = Q.clone().requires_grad_()
    output, weights = layer(q, K, V, attn_mask=NONE_SEEN)
    assert not weights[:, 0].any() and torch.equal(output[0], layer.out_proj.bias.expand(2, 4))
    output.sum().backward()
    assert not q.grad[0].any() and all(torch.isfinite(p.grad).all() for p in layer.parameters())
    theirs = nn.MultiheadAttention(4, 2).double()
    assert theirs(Q, K, V, attn_mask=NONE_SEEN)[0][0].isnan().all()


def test_padded_keys_do_not_matter():
    layer = randomize(MultiheadAttention(4, 2))
    padded = torch.tensor([[False, False, False, True, True]]).expand(2, 5)
    assert error(layer(Q, K, V, padded)[0], layer(Q, K[:3], V[:3])[0]) < 1e-14
    assert not layer(Q, K, V, padded)[1][..., 3:].any()


def test_causal(record):
    """No output depends on a later input, alone or beside another mask."""
    layer, x = randomize(MultiheadAttention(4, 2)), randn(5, 1, 4, seed=23)
    for mask in (None, torch.eye(5, dtype=torch.bool).roll(-1, 1).tril(), torch.zeros(5, 5).double()):
        jacobian = torch.autograd.functional.jacobian(lambda z, m=mask: layer(z, z, z, attn_mask=m, is_causal=True)[0], x)
        size = jacobian.abs().sum((1, 2, 4, 5))
        assert (size.diagonal() > 0).all()
        record(METHOD, MODULE, "influence of later positions", "0", error=size.triu(1).max().item(), tolerance=0.0, dtype=torch.float64)


def test_heads_are_apart():
    """Changing the rows of one head's value projection changes only that head's part of what goes into Wo."""
    layer = randomize(MultiheadAttention(6, 3))
    with torch.no_grad():
        layer.out_proj.weight.copy_(torch.eye(6))
    x = randn(3, 2, 6, seed=24)
    before = layer(x, x, x)[0]
    with torch.no_grad():
        layer.in_proj_weight[12 + 2 : 12 + 4] += 1.0
    changed = (layer(x, x, x)[0] - before).abs().amax((0, 1)) > 0
    assert changed.tolist() == [False, False, True, True, False, False]


def test_one_head_with_identity_projections_is_scaled_dot_product_attention():
    layer = MultiheadAttention(4, 1, bias=False).double()
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.eye(4).repeat(3, 1))
        layer.out_proj.weight.copy_(torch.eye(4))
    q, k, v = (x.transpose(0, 1) for x in (Q, K, V))
    expected = torch.softmax(q @ k.mT / math.sqrt(4), -1) @ v
    assert error(layer(Q, K, V)[0].transpose(0, 1), expected) < 1e-14


def test_permuting_the_sequence_permutes_the_output():
    layer, x, order = randomize(MultiheadAttention(4, 2)), randn(5, 2, 4, seed=25), torch.tensor([3, 0, 4, 1, 2])
    assert error(layer(x[order], x[order], x[order])[0], layer(x, x, x)[0][order]) < 1e-13


def test_loads_into_torch_and_back():
    ours, theirs = randomize(MultiheadAttention(4, 2)).eval(), nn.MultiheadAttention(4, 2).double().eval()
    theirs.load_state_dict(ours.state_dict())
    assert error(ours(Q, K, V)[0], theirs(Q, K, V)[0]) < 1e-14
    MultiheadAttention(4, 2).load_state_dict(theirs.state_dict())


def test_factory_arguments_and_repr():
    for options in ({}, {"kdim": 3}):
        layer = MultiheadAttention(4, 2, device="meta", dtype=torch.float16, **options)
        assert {(p.dtype, p.device.type) for p in layer.parameters()} == {(torch.float16, "meta")}
    assert repr(MultiheadAttention(4, 2, 0.1, kdim=3)).startswith(
        "MultiheadAttention(\n  4, 2, dropout=0.1, bias=True, kdim=3, vdim=4, batch_first=False"
    )
    assert "bias=False" in repr(MultiheadAttention(4, 2, bias=False, batch_first=True))


def test_new_tensors_are_on_the_device_of_the_input():
    layer = randomize(MultiheadAttention(4, 2))
    with torch.device("meta"):
        output, _ = layer(Q, K, V, torch.zeros(2, 5, dtype=torch.bool, device="cpu"), is_causal=True)
    assert output.device.type == "cpu"


def test_smallest_sizes_are_accepted():
    assert MultiheadAttention(1, 1)(torch.ones(2, 1), torch.ones(3, 1), torch.ones(3, 1))[0].shape == (2, 1)
    output, weights = MultiheadAttention(4, 2).double()(Q[:, :0], K[:, :0], V[:, :0], attn_mask=torch.zeros(0, 3, 5, dtype=torch.bool))
    assert output.shape == (3, 0, 4) and weights.shape == (0, 3, 5)
