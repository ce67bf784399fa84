"""What is special to the graph compiler: each pass on a graph made for it, whole networks, and the bytes that chains move."""

from __future__ import annotations

import copy
import operator

import pytest
import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.fx.experimental.optimization import fuse

from refimpl.compression import elementwise
from refimpl.compression.elementwise import Chain
from refimpl.compression.graph_compiler import compile_graph, roofline, traffic
from refimpl.convolution.resnet import BasicBlock, Bottleneck
from tests.refimpl.compression.cases_graph_compiler import METHOD
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.compression.graph_compiler"
BLOCK = 64


class Net(nn.Module):
    """A network from a function of the input and of its own layers."""

    def __init__(self, call, **layers):
        super().__init__()
        self.call = call
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.call(self, x)


def made(call, **layers):
    return randomize(Net(call, **layers)).eval()


def operations(graph):
    """Targets of the graph's nodes, by name, without its input and output."""
    return [getattr(n.target, "__name__", n.target) for n in graph.graph.nodes if n.op not in ("placeholder", "output", "get_attr")]


def test_networks_of_residual_blocks(record):
    """Two kinds of blocks with projections: as before, without normalizations and in-place operations, beside PyTorch's own fusion."""
    model = randomize(nn.Sequential(BasicBlock(3, 4, 2), Bottleneck(4, 2, 2), Bottleneck(8, 2)), scale=0.6).eval()
    before, x = copy.deepcopy(model.state_dict()), randn(2, 3, 9, 8, seed=1)
    compiled = compile_graph(model)
    note = {"tolerance": 1e-12, "dtype": x.dtype, "shapes": "(2,3,9,8)"}
    record(METHOD, MODULE, "residual blocks, compiled", "the network as it was", error=error(compiled(x), model(x)), **note)
    record(
        METHOD,
        MODULE,
        "residual blocks, folded",
        "torch.fx.experimental.optimization.fuse",
        error=error(compiled(x), fuse(model)(x)),
        **note,
    )
    assert not any(isinstance(m, nn.BatchNorm2d) for m in compiled.modules())
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items()), "the network is left alone"
    assert len(list(compiled.parameters())) == 2 * sum(isinstance(m, nn.Conv2d) for m in model.modules())


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_normalizations_are_folded_into_convolutions(dims):
    convolution, norm = getattr(nn, f"Conv{dims}d"), getattr(nn, f"BatchNorm{dims}d")
    x = randn(2, 2, *(5, 4, 3)[:dims], seed=1)
    for options in ({}, {"bias": False}, {"padding": 1, "stride": 2}):
        model = made(lambda m, x: m.norm(m.conv(x)), conv=convolution(2, 3, 2, **options), norm=norm(3, eps=0.2))
        compiled = compile_graph(model)
        assert operations(compiled) == ["conv"] and error(compiled(x), model(x)) < 1e-13
    plain = made(lambda m, x: m.norm(m.conv(x)), conv=convolution(2, 3, 2), norm=norm(3, affine=False))
    assert operations(compile_graph(plain)) == ["conv"] and error(compile_graph(plain)(x), plain(x)) < 1e-13


@pytest.mark.parametrize(
    ("call", "layers", "shape"),
    [
        (lambda m, x: m.norm(m.conv(x)) + m.conv(x[:1]), {"conv": nn.Conv2d(2, 3, 2), "norm": nn.BatchNorm2d(3)}, (2, 2, 4, 5)),
        (lambda m, x: (lambda y: m.norm(y) + y)(m.conv(x)), {"conv": nn.Conv2d(2, 3, 2), "norm": nn.BatchNorm2d(3)}, (2, 2, 4, 5)),
        (lambda m, x: m.norm(m.conv(x)), {"conv": nn.Conv2d(2, 3, 2), "norm": nn.BatchNorm2d(3, track_running_stats=False)}, (2, 2, 4, 5)),
        (lambda m, x: m.norm(m.conv(x)), {"conv": nn.ConvTranspose2d(2, 3, 2), "norm": nn.BatchNorm2d(3)}, (2, 2, 4, 5)),
        (lambda m, x: m.norm(m.conv(x)), {"conv": nn.Linear(5, 2), "norm": nn.BatchNorm1d(3)}, (2, 3, 5)),
        (lambda m, x: m.norm(input=m.conv(x)), {"conv": nn.Conv2d(2, 3, 2), "norm": nn.BatchNorm2d(3)}, (2, 2, 4, 5)),
        (lambda m, x: m.norm(m.conv(x)), {"conv": nn.Conv2d(2, 3, 2), "norm": nn.PReLU(3)}, (2, 2, 4, 5)),
        (lambda m, x: m.norm(x), {"norm": nn.BatchNorm1d(3)}, (2, 3)),
        (lambda m, x: m.norm(x.tanh()), {"norm": nn.BatchNorm1d(3)}, (2, 3)),
    ],
    ids=[
        "convolution used twice",
        "its result used twice",
        "no statistics",
        "transposed",
        "linear",
        "by keyword",
        "another layer",
        "no convolution",
        "after a function",
    ],
)
def test_normalizations_that_must_stay(call, layers, shape):
    model, x = made(call, **layers), randn(*shape, seed=2)
    compiled = compile_graph(model)
    assert "norm" in operations(compiled) and error(compiled(x), model(x)) < 1e-14


def test_in_place_operations_become_ordinary():
    relu = nn.ReLU(inplace=True)
    model = made(lambda m, x: F.relu((m.relu(x * 2) - 1).mul_(3).matmul(x.mT), inplace=True).sum(0), relu=relu)
    x = randn(2, 3, 4, seed=3)
    compiled, expected = compile_graph(model), model(x.clone())
    kept = x.clone()
    assert error(compiled(x), expected) < 1e-14 and torch.equal(x, kept) and relu.inplace
    assert not any(getattr(m, "inplace", False) for m in compiled.modules())
    assert not any(n.kwargs.get("inplace") for n in compiled.graph.nodes)


def test_what_depends_on_no_input_is_computed_once():
    model = made(lambda m, x: x @ (m.a.tanh() * 2 + m.b[0]) + torch.ones(2, dtype=torch.float64).cumsum(0), a=None, b=None)
    model.a, model.b = nn.Parameter(randn(3, 2, seed=4)), nn.Parameter(randn(2, 3, 2, seed=5))
    x = randn(4, 3, seed=6)
    compiled = compile_graph(model)
    assert operations(compiled) == ["matmul", "add"] and error(compiled(x), model(x)) < 1e-14
    sized = made(lambda m, x: x * m.w.shape[0] + m.w.sum(), w=None)
    sized.w = nn.Parameter(randn(3, seed=13))
    assert error(compile_graph(sized)(x), sized(x)) < 1e-14, "constants that are no tensors"
    with torch.no_grad():
        model.a.zero_()
    assert error(compiled(x), model(x)) > 0.01, "at its value when compiled"


def test_random_numbers_stay_random():
    model = made(lambda m, x: x + torch.rand_like(m.w) - torch.rand_like(m.w), w=None)
    model.w = nn.Parameter(randn(5, seed=12))
    compiled, x = compile_graph(model), randn(5, seed=7)
    assert operations(compiled).count("rand_like") == 2 and not torch.equal(compiled(x), compiled(x))
    noisy = Net(lambda m, x: F.dropout(x, 0.5) + F.dropout(x, 0.5)).eval()
    assert operations(compile_graph(noisy)).count("dropout") == 2


def test_what_is_computed_twice_is_computed_once():
    model = made(
        lambda m, x: torch.outer(x.sin(), x.sin()) + torch.clamp(x, min=0.1) * torch.clamp(x, min=0.2) - (x.sin() + 1) * (x.sin() + 1)
    )
    compiled, x = compile_graph(model), randn(5, seed=8)
    assert error(compiled(x), model(x)) < 1e-14
    names = operations(compiled)
    assert names.count("sin") == 1 and names.count("clamp") == 2 and names.count("add") == 1
    assert names.count("chain_add_1") == 1, "(sin x + 1) squared, of one sum"
    for w in (nn.Parameter(randn(5, 2, seed=9)), nn.Buffer(randn(5, 2, seed=9))):
        weighted = made(lambda m, x: x @ m.w + x @ m.w, w=w)
        compiled = compile_graph(weighted)
        assert operations(compiled) == ["matmul", "add"] and compiled.state_dict().keys() == {"w"}


def chain_of(k):
    def call(_, x):
        for i in range(k):
            x = x * (i + 1.5)
        return x

    return Net(call).eval()


@pytest.mark.parametrize("k", [2, 5])
def test_traffic_of_a_chain(k, record):
    """2 k n s bytes apart, 2 n s fused; an addition of two tensors reads both."""
    x = torch.ones(6, 50)
    model = chain_of(k)
    found = traffic(fx.symbolic_trace(model), x), traffic(compile_graph(model), x)
    expected = 2 * k * 300 * 4, 2 * 300 * 4
    gap = max(abs(a - b) for a, b in zip(found, expected, strict=True))
    record(METHOD, MODULE, f"bytes of {k} operations", "2 k n s and 2 n s", error=gap, tolerance=0.0, dtype=x.dtype, shapes="(6,50)")
    assert traffic(compile_graph(Net(lambda _, x: x.tanh() + x).eval()), x) == (2 + 3) * 1200
    assert traffic(compile_graph(Net(lambda _, x: x @ x.mT).eval()), x) == 0
    assert traffic(compile_graph(nn.Sequential(nn.Linear(50, 3)).eval()), x) == 0
    assert traffic(fx.symbolic_trace(Net(lambda _, x: torch.relu(x) * x).eval()), x.double()) == (2 + 3) * 2400


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 64 numbers, whatever the number of threads."""
    monkeypatch.setattr(elementwise, "BLOCK", 32)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)


def curve(m, x):
    y = torch.clamp(input=1 - m.act(x * 2).abs(), max=0.9)
    return torch.sub(3.0, (y * y).add(other=0.5), alpha=2)


@pytest.mark.parametrize("size", [(5, 7), (9 * BLOCK + 17,), (8 * BLOCK + 1,), (8 * BLOCK,), (7, 3, 50)])
def test_chains_give_what_their_operations_give(size, record, small_blocks):
    model = made(curve, act=nn.SiLU())
    compiled, x = compile_graph(model), randn(*size, seed=10)
    assert len(operations(compiled)) == 1 and isinstance(next(compiled.children()), Chain)
    with torch.no_grad():
        gap = error(compiled(x), model(x))
    record(METHOD, MODULE, f"chain of seven operations on {size}", "one by one", error=gap, tolerance=1e-15, dtype=x.dtype)
    for strided in (torch.stack([x, x], -1)[..., 0], x.movedim(0, -1).contiguous().movedim(-1, 0)):
        assert error(compiled(strided), model(x)) < 1e-15
    leaf = x.clone().requires_grad_()
    slopes = [torch.autograd.grad(net(leaf).sum(), leaf)[0] for net in (compiled, model)]
    assert error(*slopes) < 1e-14
    assert "sub" in repr(compiled) and " -> " in repr(compiled)


def test_chains_run_in_blocks(monkeypatch, small_blocks):
    """Each step sees at most a block where there are more than eight, and the dtype of the result is that of the last step."""
    seen = []
    original = Chain._run
    monkeypatch.setattr(Chain, "_run", lambda self, x: seen.append(len(x)) or original(self, x))
    compiled = compile_graph(Net(lambda _, x: torch.sqrt(x * 4)).eval())
    x = torch.arange(9 * BLOCK + 3)
    y = compiled(x)
    assert seen == [BLOCK] * 9 + [3] and y.dtype == torch.float32
    assert torch.equal(y, torch.sqrt(x * 4))
    recorded = x.double().requires_grad_()
    seen.clear()
    compiled(recorded)
    with torch.no_grad():
        compiled(recorded)
    assert seen == [len(x)] + [BLOCK] * 9 + [3]
    for count, device, expected in ((8 * BLOCK, "cpu", [8 * BLOCK]), (8 * BLOCK + 1, "cpu", [BLOCK] * 8 + [1]), (600, "meta", [600])):
        seen.clear()
        compiled(torch.ones(count, device=device))
        assert seen == expected


def test_where_chains_end():
    """At a second reader, at an operation of two tensors, at one that is not elementwise; one operation is no chain."""
    x = randn(4, 4, seed=11)
    for call, expected in (
        (lambda _, x: (lambda y: (y + 1).exp() + y)(x.sin().cos()), 2),
        (lambda _, x: (x.sin() * 2) @ x.cos().neg(), 2),
        (lambda _, x: x.tanh().sum(0).abs(), 0),
        (lambda _, x: (x.tanh() * x).abs() + 1, 1),
        (lambda _, x: -x.tanh().abs() / 2, 1),
    ):
        model = Net(call).eval()
        compiled = compile_graph(model)
        assert sum(isinstance(m, Chain) for m in compiled.modules()) == expected and error(compiled(x), model(x)) < 1e-14
    assert operator.add in elementwise.FUNCTIONS


def test_roofline():
    """Eight operations on a float, fused, need eight bytes: one operation a byte."""
    assert roofline(1e12, 1e11, 1.0) == 1e11 and roofline(1e12, 1e11, 10.0) == roofline(1e12, 1e11, 50.0) == 1e12
