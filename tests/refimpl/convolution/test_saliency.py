"""What is special to saliency: completeness, which ReLUs are guided, Grad-CAM in closed form, captum's results."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.convolution.saliency import attribution_gradient, grad_cam, guided_backprop, integrated_gradients, saliency_map
from tests.refimpl.convolution.cases_saliency import BASE, METHOD, TARGET, Net, X
from tests.refimpl.harness.case import randn, randomize
from tests.refimpl.harness.compare import error

MODULE = "refimpl.convolution.saliency"
EXACT = {"tolerance": 1e-12, "dtype": torch.float64}


def deep(inplace=False):
    """Two convolutions, pooling, scores."""
    torch.manual_seed(1)
    layers = [
        nn.Conv2d(2, 6, 3, padding=1),
        nn.ReLU(inplace),
        nn.Conv2d(6, 5, 3),
        nn.ReLU(inplace),
        nn.AvgPool2d(3),
        nn.Flatten(),
        nn.Linear(5, 3),
    ]
    return nn.Sequential(*layers).double()


def test_integrated_gradients_add_up(record):
    """Their sum approaches the change of the score; the midpoints' error falls with the square of the steps until kinks show."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(50, 20), nn.Softplus(), nn.Linear(20, 3)).double()
    change = (model(X) - model(BASE.expand_as(X))).gather(1, TARGET[:, None]).squeeze(1)
    gaps = [(integrated_gradients(model, X, TARGET, BASE, steps).sum((1, 2, 3)) - change).abs().max().item() for steps in (10, 40)]
    assert 12 < gaps[0] / gaps[1] < 20
    gap = (
        integrated_gradients(deep(), X, TARGET, steps=2000).sum((1, 2, 3)) - (deep()(X) - deep()(X * 0)).gather(1, TARGET[:, None])[:, 0]
    ).abs()
    record(
        METHOD, MODULE, "completeness, 2,000 steps", "the change of the score", error=gap.max().item(), tolerance=1e-4, dtype=torch.float64
    )


def test_defaults_of_integrated_gradients():
    zeros = torch.zeros_like(X)
    assert torch.equal(integrated_gradients(deep(), X, TARGET), integrated_gradients(deep(), X, TARGET, zeros, 50))
    assert not torch.equal(integrated_gradients(deep(), X, TARGET), integrated_gradients(deep(), X, TARGET, zeros, 51))


def test_linear_scores_have_closed_forms():
    """The gradient is the weight, integrated gradients are weight times change, with any number of steps."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(50, 3)).double()
    w = model[1].weight[TARGET].view_as(X)
    assert error(attribution_gradient(model, X, TARGET), w) == 0
    assert error(integrated_gradients(model, X, TARGET, BASE, 1), (X - BASE) * w) < 1e-14


@pytest.mark.parametrize(
    "relu",
    [
        F.relu,
        torch.relu,
        torch.Tensor.relu,
        lambda z: z.clone().relu_(),
        lambda z: F.relu(z.clone(), inplace=True),
        nn.ReLU(),
        nn.ReLU(True),
    ],
)
def test_every_relu_is_guided(relu):
    """y = relu(x) - relu(-x): plain gradient 1 everywhere, guided gradient only where a positive signal goes through."""
    x = torch.tensor([[2.0, -3.0]])

    def model(v):
        return (relu(v * 1) - relu(v * -1)).sum(1, keepdim=True)

    assert attribution_gradient(model, x, torch.tensor([0])).tolist() == [[1.0, 1.0]]
    assert guided_backprop(model, x, torch.tensor([0])).tolist() == [[1.0, 0.0]]
    assert guided_backprop(lambda v: (relu(v * 1) * torch.tensor([[-1.0, 1.0]])).sum(1, keepdim=True), x, torch.tensor([0])).tolist() == [
        [0.0, 0.0]
    ]


def test_a_relu_at_zero_and_other_units_pass_as_usual():
    x = torch.tensor([[0.0, 1.0]])
    assert guided_backprop(lambda v: torch.relu(v * 1).sum(1, keepdim=True), x, torch.tensor([0])).tolist() == [[0.0, 1.0]]
    assert guided_backprop(lambda v: -torch.tanh(v).sum(1, keepdim=True), x * 0, torch.tensor([0])).tolist() == [[-1.0, -1.0]]
    before = F.relu(torch.tensor([-1.0, 2.0], requires_grad=True))
    assert before.grad_fn.name() == "ReluBackward0"  # outside, PyTorch's own is back


@pytest.mark.parametrize("inplace", [False, True])
def test_grad_cam_of_global_means(inplace, record):
    """Scores that are linear in the maps' means: a_c = w_c / Z, so the map is relu(sum_c w_c A_c) / Z."""
    model = deep(inplace)
    feature = model[:4](X).detach()
    w = model[6].weight[TARGET]
    expected = torch.einsum("nc,nchw->nhw", w, feature).relu() / 9
    record(
        METHOD, MODULE, f"Grad-CAM, in place {inplace}", "closed form", error=error(grad_cam(model, model[3], X, TARGET), expected), **EXACT
    )
    assert not model[3]._forward_hooks


def test_grad_cam_takes_the_layers_last_run_and_the_hook_is_removed_after_an_error():
    model = deep()
    with pytest.raises(ValueError):
        grad_cam(model, model[3], X, TARGET[:1])
    assert not model[3]._forward_hooks
    twice = nn.Conv2d(2, 2, 1).double()
    y = grad_cam(lambda x: twice(twice(x)).mean((2, 3)), twice, X, TARGET * 0)
    assert error(y, (twice(twice(X))[:, 0] / 25).relu().detach()) < 1e-14


def test_captum(record):
    """A second package."""
    attr = pytest.importorskip("captum.attr")
    model = deep()
    x = X.clone().requires_grad_()
    target = TARGET
    pairs = {
        "Saliency": (attribution_gradient(model, X, target).abs(), attr.Saliency(model).attribute(x, target=target)),
        "IntegratedGradients": (
            integrated_gradients(model, X, target, BASE, 20),
            attr.IntegratedGradients(model).attribute(x, BASE.expand_as(X), target, n_steps=20, method="riemann_middle"),
        ),
        "LayerGradCam": (
            grad_cam(model, model[3], X, target),
            attr.LayerGradCam(model, model[3]).attribute(x, target, relu_attributions=True)[:, 0],
        ),
        "GuidedBackprop": (guided_backprop(model, X, target), attr.GuidedBackprop(model).attribute(x, target=target)),
    }
    for name, (ours, theirs) in pairs.items():
        # captum holds the points of its path in float32
        record(METHOD, MODULE, name, f"captum.attr.{name}", error=error(ours, theirs), tolerance=1e-7, dtype=torch.float64)


def test_parameters_gather_no_gradients_and_modes_do_not_matter():
    model = deep()
    with torch.no_grad():
        result = saliency_map(model, X, TARGET)
        seen = grad_cam(model, model[3], X, TARGET)
    assert seen.shape == (2, 3, 3) and not seen.requires_grad and not grad_cam(model, model[3], X, TARGET).requires_grad
    assert not result.requires_grad and all(p.grad is None for p in model.parameters())
    assert torch.equal(result, attribution_gradient(model, X, TARGET).abs().amax(1))
    assert not X.requires_grad


def test_randomized_weights_change_the_map():
    """The sanity check of Adebayo and colleagues: a map that ignored the weights would stay the same."""
    x = randn(1, 2, 5, 5, seed=8)
    maps = [saliency_map(randomize(Net(), seed=s), x, TARGET[:1]) for s in (1, 2)]
    assert torch.corrcoef(torch.stack([m.flatten() for m in maps]))[0, 1] < 0.9
