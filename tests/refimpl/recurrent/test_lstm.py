"""What is special to the LSTM: the drop-in interface, the carousel, causality, directions, second derivatives of its parts."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from refimpl.recurrent import lstm
from refimpl.recurrent.lstm import LSTM, lstm_layer
from refimpl.recurrent.stack import RecurrentStack
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error
from tests.refimpl.recurrent.cases_lstm import LONG, METHOD, layer_sample, state

MODULE = "refimpl.recurrent.lstm"
OPTIONS = [
    {},
    {"num_layers": 3, "dropout": 0.3},
    {"bidirectional": True, "num_layers": 2, "batch_first": True},
    {"bias": False, "bidirectional": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_seed_gives_the_parameters_of_torch(options):
    torch.manual_seed(3)
    ours = LSTM(3, 5, **options).state_dict()
    torch.manual_seed(3)
    theirs = nn.LSTM(3, 5, **options).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[k], theirs[k]) for k in theirs)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_drops_in_for_torch(options, record):
    theirs = nn.LSTM(3, 5, **options).double().eval()
    ours = LSTM(3, 5, **options).double().eval()
    ours.load_state_dict(theirs.state_dict())
    worst = 0.0
    for x in (LONG, LONG[:, 1], LONG[:, :1]):
        (y, (h, c)), (y2, (h2, c2)) = ours(x), theirs(x)
        worst = max(worst, error(y, y2), error(h, h2), error(c, c2))
    record(METHOD, MODULE, f"evaluation with {options or 'defaults'}", "torch.nn.LSTM", error=worst, tolerance=1e-12, dtype=torch.float64)


def test_onnx_agrees_on_peepholes(record):
    """ONNX's reference evaluator: gates in the order i, o, f, g and peepholes in the order i, o, f."""
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    reference = pytest.importorskip("onnx.reference")
    ours = randomize(LSTM(3, 4, peepholes=True))
    p, hidden = dict(ours.named_parameters()), 4

    def ordered(value, names):
        rows = dict(zip(names, value.detach().split(hidden), strict=True))
        return torch.cat([rows[n] for n in "iofg" if n in rows])

    make, kind = onnx.helper, onnx.TensorProto.DOUBLE
    names = ["X", "W", "R", "B", "", "", "", "P"]
    node = make.make_node("LSTM", names, ["Y", "H", "C"], hidden_size=hidden)
    inputs = [make.make_tensor_value_info(n, kind, None) for n in names if n]
    outputs = [make.make_tensor_value_info(n, kind, None) for n in ("Y", "H", "C")]
    model = make.make_model(make.make_graph([node], "lstm", inputs, outputs), opset_imports=[make.make_opsetid("", 14)])
    feed = {
        "X": LONG.numpy(),
        "W": ordered(p["weight_ih_l0"], "ifgo")[None].numpy(),
        "R": ordered(p["weight_hh_l0"], "ifgo")[None].numpy(),
        "B": torch.cat([ordered(p[f"bias_{k}_l0"], "ifgo") for k in ("ih", "hh")])[None].numpy(),
        "P": ordered(p["peephole_l0"].flatten(), "ifo")[None].numpy(),
    }
    y, h, c = (torch.as_tensor(v) for v in reference.ReferenceEvaluator(model).run(None, feed))
    ours_y, (ours_h, ours_c) = ours(LONG)
    worst = max(error(ours_y, y.squeeze(1)), error(ours_h, h), error(ours_c, c))
    record(METHOD, MODULE, "peepholes", "onnx.reference", error=worst, tolerance=1e-12, dtype=torch.float64)


def test_parameters_of_the_variants():
    shapes = {k: tuple(v.shape) for k, v in LSTM(3, 4, forget_gate=False, peepholes=True, bidirectional=True).named_parameters()}
    one = {"weight_ih_l0": (12, 3), "weight_hh_l0": (12, 4), "bias_ih_l0": (12,), "bias_hh_l0": (12,), "peephole_l0": (2, 4)}
    assert shapes == one | {f"{k}_reverse": v for k, v in one.items()}
    assert LSTM(3, 4, peepholes=True).peephole_l0.shape == (3, 4)


def test_initialization_is_uniform():
    """Mean 0 and standard deviation bound / sqrt(3), within 4 standard errors, and every value inside the bound."""
    torch.manual_seed(0)
    hidden = 100
    for parameter in LSTM(200, hidden, peepholes=True).parameters():
        bound, n = 1 / math.sqrt(hidden), parameter.numel()
        assert parameter.abs().max() <= bound
        assert abs(parameter.mean()) < 4 * bound / math.sqrt(3 * n)
        # the variance of a uniform sample's variance is (mu4 - sigma^4) / n = bound^4 (1/5 - 1/9) / n
        assert abs(parameter.var() - bound**2 / 3) < 4 * bound**2 * math.sqrt((1 / 5 - 1 / 9) / n)


def test_without_a_forget_gate_the_cell_carries_gradients_unchanged(record):
    """The constant error carousel: with R = 0 the derivative of c_T by c_0 is exactly 1."""
    c0 = randn(2, 4, seed=5).requires_grad_()
    _, c = lstm_layer(randn(50, 2, 12, seed=6), torch.zeros(2, 4).double(), c0, torch.zeros(12, 4).double())
    (slope,) = torch.autograd.grad(c[-1].sum(), c0)
    gap = error(slope, torch.ones(2, 4))
    record(METHOD, MODULE, "derivative of the 50th cell by the first", "closed form, 1", error=gap, tolerance=0.0)


def test_a_constant_forget_gate_forgets_exponentially(record):
    """With R = 0 and forget preactivation a the derivative of c_T by c_0 is sigmoid(a)^T."""
    a = torch.full((30, 1, 4), -9.0).double()
    a[:, :, 1] = 2.0
    c0 = torch.ones(1, 1).double().requires_grad_()
    _, c = lstm_layer(a, torch.zeros(1, 1).double(), c0, torch.zeros(4, 1).double())
    (slope,) = torch.autograd.grad(c[-1].sum(), c0)
    expected = torch.sigmoid(torch.tensor([[2.0]]).double()) ** 30
    record(METHOD, MODULE, "derivative of the 30th cell by the first", "closed form", error=error(slope, expected), tolerance=1e-12)


def test_outputs_do_not_see_the_future():
    x = LONG.clone().requires_grad_()
    y, _ = randomize(LSTM(3, 4, num_layers=2, peepholes=True))(x)
    (slope,) = torch.autograd.grad(y[6].sum(), x)
    assert slope[7:].abs().max() == 0 < slope[6].abs().min()
    assert slope[0].abs().max() > 0


def test_a_sequence_may_be_cut_in_two():
    model = randomize(LSTM(3, 4, num_layers=2))
    whole, last = model(LONG)
    first, carried = model(LONG[:6])
    second, final = model(LONG[6:], carried)
    assert error(torch.cat((first, second)), whole) < 1e-13
    assert max(error(a, b) for a, b in zip(final, last, strict=True)) < 1e-13


def test_the_backward_direction_reads_from_the_end():
    model = randomize(LSTM(3, 4, bidirectional=True))
    one = LSTM(3, 4).double()
    one.load_state_dict({k.removesuffix("_reverse"): v for k, v in model.state_dict().items() if k.endswith("_reverse")})
    y, (h, c) = model(LONG)
    expected, (h2, c2) = one(LONG.flip(0))
    assert torch.equal(y[:, :, 4:], expected.flip(0))
    assert torch.equal(h[1:], h2) and torch.equal(c[1:], c2)


def test_dropout_acts_between_layers_in_training_only():
    model = randomize(LSTM(3, 4, num_layers=2, dropout=1.0))
    without = LSTM(3, 4, num_layers=2).double()
    without.load_state_dict(model.state_dict())
    assert torch.equal(model.eval()(LONG)[0], without(LONG)[0])
    (_, (h, _)), (_, (h2, _)) = model.train()(LONG), without(LONG)
    assert torch.equal(h[0], h2[0])
    assert torch.equal(model(LONG)[0], model(LONG * 2)[0])  # everything that the second layer reads is dropped
    single = randomize(LSTM(3, 4, dropout=1.0))
    assert torch.equal(single(LONG)[0], single.eval()(LONG)[0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_recurrence_runs_in_float32(dtype):
    shapes = ((40, 2, 12), (2, 3), (2, 3), (12, 3), (3, 3))
    low = [randn(*shape, seed=i).to(dtype) for i, shape in enumerate(shapes)]
    for ours, expected in zip(lstm_layer(*low), lstm_layer(*(v.float() for v in low)), strict=True):
        assert ours.dtype == dtype
        assert torch.equal(ours, expected.to(dtype))


def test_backward_works_under_autocast():
    model, x = LSTM(3, 4, num_layers=2, peepholes=True), LONG.float().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = model(x)
        assert error(model(x.bfloat16())[0], y) < 3e-2  # as a layer before would give it
    y.float().sum().backward()
    assert x.grad.dtype == torch.float32 and torch.isfinite(x.grad).all()
    exact = model(x)[0]
    assert error(y, exact) < 3e-2


@pytest.mark.parametrize("given", [4, 5], ids=["plain", "peepholes"])
def test_both_ways_of_the_backward_agree(given, record):
    """The derived backward, and the differentiable one that takes its place where second derivatives are wanted."""
    arguments = [v.requires_grad_() for v in layer_sample(4, 6, 2, 3, 100).args[:given]]
    loss = sum((output * (k + output)).sum() for k, output in enumerate(lstm_layer(*arguments)))
    derived = torch.autograd.grad(loss, arguments, retain_graph=True)
    stepwise = torch.autograd.grad(loss, arguments, create_graph=True)
    gap = max(error(a, b) for a, b in zip(derived, stepwise, strict=True))
    record(METHOD, MODULE, f"gradients, {given} inputs", "autograd through the loop", error=gap, tolerance=1e-12, dtype=torch.float64)


def test_second_derivative_of_one_output_alone(record):
    """Only the final cell is used, and only one input wants a gradient."""
    shapes = ((3, 2, 8), (2, 2), (2, 2), (8, 2))
    arguments = [randn(*shape, seed=i) for i, shape in enumerate(shapes)]
    arguments[0].requires_grad_()
    (first,) = torch.autograd.grad(lstm_layer(*arguments)[1][-1].sum(), arguments[0], create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), arguments[0])
    model = nn.LSTM(8, 2, bias=False).double()
    with torch.no_grad():
        model.weight_ih_l0.copy_(torch.eye(8))
        model.weight_hh_l0.copy_(arguments[3])
    x = arguments[0].detach().clone().requires_grad_()
    c = model(x, (arguments[1][None], arguments[2][None]))[1][1]
    (first2,) = torch.autograd.grad(c.sum(), x, create_graph=True)
    (second2,) = torch.autograd.grad(first2.square().sum(), x)
    record(METHOD, MODULE, "second derivative of the last cell", "torch.nn.LSTM", error=error(second, second2), tolerance=1e-12)


def test_backward_runs_the_loop_again_only_for_second_derivatives(monkeypatch):
    calls = []
    monkeypatch.setattr(lstm, "_unroll", lambda *a, unroll=lstm._unroll: calls.append(1) or unroll(*a))
    x = LONG.clone().requires_grad_()
    y = randomize(LSTM(3, 4))(x)[0].sum()
    torch.autograd.grad(y, x, retain_graph=True)
    assert len(calls) == 1
    torch.autograd.grad(y, x, create_graph=True)
    assert len(calls) == 2


def test_evaluation_without_gradients_keeps_no_gates(monkeypatch):
    model = randomize(LSTM(3, 4, peepholes=True))
    expected = model(LONG)[0]
    monkeypatch.setattr(lstm, "_Recurrence", None)
    with torch.no_grad():
        assert torch.equal(model(LONG)[0], expected)


def test_sizes_of_one_and_limits_of_dropout_are_allowed():
    y, (h, c) = LSTM(1, 1, 1, dropout=0.0)(torch.zeros(1, 1, 1))
    assert y.shape == h.shape == c.shape == (1, 1, 1)
    assert LSTM(1, 1, 2, dropout=1.0).dropout == 1.0


def test_representation():
    assert repr(LSTM(3, 4)) == "LSTM(3, 4)"
    shown = repr(LSTM(3, 4, 2, False, True, 0.5, True, forget_gate=False, peepholes=True))
    options = "num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True, forget_gate=False, peepholes=True"
    assert shown == f"LSTM(3, 4, {options})"


def test_factory_arguments():
    assert {p.dtype for p in LSTM(2, 3, peepholes=True, dtype=torch.float16).parameters()} == {torch.float16}
    assert LSTM(2, 3, device="meta").weight_hh_l0.device.type == "meta"


def test_a_stack_alone_has_no_recurrence():
    stack = RecurrentStack(3, 2, 1, True, False, 0.0, False, rows=4, states=2)
    with pytest.raises(NotImplementedError):
        stack.run_layers(torch.zeros(5, 1, 3), None)
    assert state(1, 2, 3, 0)[0].shape == (1, 2, 3)
