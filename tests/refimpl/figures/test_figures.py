"""What the figures show is what the methods do; the stored data is that of today's code."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from dlatlas.evidence.figures import names, state

from refimpl.convolution.convolution import conv2d
from refimpl.figures import activation_curves, attention_map, convolution_arithmetic, loss_landscape, lstm_gates, normalization_axes
from refimpl.figures.optimizer_paths import OPTIMIZERS, STEPS, SURFACES, best, descend
from refimpl.figures.plain import numbers

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", names(ROOT))
def test_the_stored_data_was_made_with_today_s_code(name: str) -> None:
    assert state(ROOT, name) == "fresh", f"run: dlatlas figures run {name}"


def test_numbers_are_short() -> None:
    assert numbers(torch.tensor([[1 / 3, -2e-7], [4.0, 5.0]], dtype=torch.float64)) == [[0.3333, -2e-7], [4.0, 5.0]]


def test_slopes_are_differences_of_the_curves() -> None:
    data = activation_curves.data()
    x = torch.tensor(data["x"])
    for curve in data["curves"]:
        y, slope = torch.tensor(curve["y"]), torch.tensor(curve["slope"])
        middle = (y[2:] - y[:-2]) / (x[2:] - x[:-2])
        smooth = ((slope[2:] - slope[:-2]).abs() < 0.3) & ((y[2:] - y[:-2]).abs() < 1)  # not beside a kink or a jump
        assert smooth.sum() > 40
        assert torch.allclose(middle[smooth], slope[1:-1][smooth], atol=0.1), curve["id"]


def test_each_normalization_averages_its_own_set() -> None:
    data = normalization_axes.data()
    (examples, channels, positions), (n, c, _) = data["shape"], data["probe"]
    everything = set(itertools.product(range(examples), range(channels), range(positions)))
    group = range(channels - channels // data["groups"], channels)
    batch, layer = {v for v in everything if v[1] == c}, {v for v in everything if v[0] == n}
    expected = {
        "batch": batch,
        "layer": layer,
        "instance": batch & layer,
        "group": {v for v in layer if v[1] in group},
        "switchable": batch | layer,
    }
    assert {kind["id"]: {tuple(cell) for cell in kind["cells"]} for kind in data["kinds"]} == expected


@pytest.mark.parametrize("case", convolution_arithmetic.data()["cases"][:-1], ids=lambda case: case["id"])
def test_reads_are_those_of_the_convolution(case: dict) -> None:
    """An input moves exactly the outputs that read it."""
    side = case["input"] + 2 * case["padding"]
    for cell in range(side * side):
        x = torch.zeros(side * side)
        x[cell] = 1
        kernel = torch.ones(1, 1, case["kernel"], case["kernel"])
        y = conv2d(x.view(1, 1, side, side), kernel, stride=case["stride"], dilation=case["dilation"])
        assert y.flatten().nonzero().flatten().tolist() == [out for out, read in enumerate(case["reads"]) if cell in read]


def test_the_transposed_convolution_spreads_as_pytorch_s_does() -> None:
    case = convolution_arithmetic.data()["cases"][-1]
    for cell in range(case["input"] ** 2):
        x = torch.zeros(case["input"] ** 2)
        x[cell] = 1
        kernel = torch.ones(1, 1, case["kernel"], case["kernel"])
        y = torch.nn.functional.conv_transpose2d(x.view(1, 1, case["input"], -1), kernel, stride=case["stride"], padding=1)
        assert y.shape[-1] == case["output"]
        assert y.flatten().nonzero().flatten().tolist() == [out for out, read in enumerate(case["reads"]) if cell in read]


def test_paths_are_steps_along_the_gradient() -> None:
    """On the ravine, gradient descent multiplies each coordinate by one minus rate times curvature."""
    path = descend(SURFACES["ravine"], OPTIMIZERS["gradient-descent"][1], 0.01)
    start = torch.tensor(SURFACES["ravine"].start, dtype=torch.float64)
    factors = torch.tensor([1 - 0.01, 1 - 0.6], dtype=torch.float64)
    steps = torch.arange(STEPS + 1)[:, None]
    assert torch.allclose(path, start * factors**steps, rtol=1e-9)


@pytest.mark.parametrize("name", SURFACES)
def test_the_marked_minima_are_minima(name: str) -> None:
    surface = SURFACES[name]
    for place in surface.minima:
        point = torch.tensor(place, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(surface.value(*point), point)
        assert gradient.abs().max() < 1e-9
        around = point.detach() + 1e-3 * torch.randn(100, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        assert (surface.value(*around.T) > surface.lowest).all()


def test_the_best_rate_stays_in_the_picture() -> None:
    surface = SURFACES["saddle"]
    rate, path = best(surface, OPTIMIZERS["momentum"][1])
    assert surface.shows(path) and len(path) == STEPS + 1
    assert surface.value(*path[-1]) < surface.value(*descend(surface, OPTIMIZERS["momentum"][1], rate / 1000)[-1])


def test_the_middle_of_the_landscape_is_the_network_s_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss_landscape, "GRID", 3)
    net, x, y = loss_landscape.network(True), torch.randn(20, 64), torch.arange(20) % 10
    before = [p.detach().clone() for p in net.parameters()]
    losses = loss_landscape.surface(net, x, y)
    assert math.isclose(losses[1, 1], torch.nn.functional.cross_entropy(net(x), y).item(), rel_tol=1e-6)
    assert len(set(losses.flatten().tolist())) == 9
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_gates_and_cells_are_those_of_the_layer() -> None:
    torch.manual_seed(0)
    net = lstm_gates.Keeper()
    x, _, _ = lstm_gates.task(1, torch.Generator().manual_seed(0))
    with torch.no_grad():
        h, (_, last) = net.lstm(x)
        found = lstm_gates.gates(net.lstm, x[:, 0], h[:, 0])
    assert torch.allclose(found["cell"][-1], last[0, 0], atol=1e-6)
    assert torch.allclose(found["output"] * found["cell"].tanh(), h[:, 0], atol=1e-6)


def test_the_task_is_to_give_back_what_was_kept_last() -> None:
    x, answers, due = lstm_gates.task(5, torch.Generator().manual_seed(1))
    for b in range(5):
        kept = None
        for t in range(len(x)):
            kept = x[t, b, 0] if x[t, b, 1] else kept
            assert answers[t, b] == kept
    assert due.any() and torch.equal(due, x[:, :, 2] > 0)


def test_attention_weights_are_distributions_over_the_letters() -> None:
    torch.manual_seed(0)
    scores, weights = attention_map.Speller()(torch.randint(26, (2, 7)))
    assert scores.shape == (2, 7, 26) and torch.allclose(weights.sum(2), torch.ones(2, 7))
