"""What the tests of all image networks share: cases from one description, layouts, and torchvision's own output."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pytest
import torch
from torch import nn

from tests.refimpl.convolution import layouts, numpy_layers, torch_layers
from tests.refimpl.convolution.torchvision_models import torchvision_models
from tests.refimpl.harness.bench import Bench
from tests.refimpl.harness.case import Case, Oracle, Sample, rand, randn, randomize
from tests.refimpl.harness.compare import error


def network_case(method: str, name: str, make: Callable[[], nn.Module], network: Callable[..., Any], size: tuple[int, int], **more) -> Case:
    """A case whose oracles run ``network(layers, parameters, images, training)`` in torch and in NumPy."""
    training = more.setdefault("training", True)
    images = randn(3, 3, *size, seed=1)
    more.setdefault("tolerance", {torch.float64: 1e-10} if training else {torch.float32: 1e-4})  # errors add up from layer to layer
    more.setdefault("hard", lambda: [] if training else [Sample((images * 1e4,), name="values of 1e4")])
    more.setdefault("degenerate", lambda: [] if training else [Sample((images[:0],), name="empty batch")])
    return Case(
        method,
        name,
        lambda: randomize(make(), scale=0.6),
        lambda: [Sample((images,)), Sample((images[:2, :, 1:] * 2 + 1,), name="another size")],
        (
            Oracle("the network in torch.nn.functional", lambda p, x: network(torch_layers, p, x, training)),
            Oracle("the network in NumPy", lambda p, x: network(numpy_layers, p, x, training), "numpy"),
        ),
        gradcheck=0,  # thousands of parameters, and kinks; the gradients are compared with the oracle's
        # in training each normalization divides by the spread of a few numbers, which magnifies rounding and moves ReLUs over
        # their kinks; in evaluation float32 is compared too, and two-byte types have a test of their own
        dtypes=(torch.float64,) if training else (torch.float64, torch.float32),
        hard_tolerance=1e-3,  # as above
        **more,
    )


def check_layout(name: str, model: nn.Module) -> None:
    """Names, shapes and order of the state dict, and the number of parameters, are those of torchvision's model."""
    parameters, expected = layouts.read()[name]
    lines = layouts.describe(model.state_dict())
    assert layouts.parameters(model) == parameters
    assert lines == expected if isinstance(expected, list) else layouts.digest(lines) == expected


def torchvision_model(name: str, **options: Any) -> nn.Module:
    """One of torchvision's models with distinct, well-scaled numbers everywhere; the test is skipped without torchvision.

    A name such as ``segmentation.fcn_resnet50`` is looked up from part to part.
    """
    models = torchvision_models()
    if models is None:
        pytest.skip("torchvision is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        with torch.device("meta"):
            model = attrgetter(name)(models)(**options)
    model.to_empty(device="cpu")
    return scaled(model)


def scaled(model: nn.Module) -> nn.Module:
    """Weights of He's scale, gammas and variances around one, small biases and means."""
    generator = torch.Generator().manual_seed(20_025)
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if value.dim() > 1:
                value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
            elif key.endswith("num_batches_tracked"):
                value.zero_()
            elif key.endswith(("weight", "running_var")):
                value.uniform_(0.8, 1.2, generator=generator)
            else:
                value.uniform_(-0.2, 0.2, generator=generator)
    return model


def compare_with_torchvision(
    record, method: str, module: str, name: str, ours: nn.Module, size: int, training: bool = False, **options
) -> None:
    """Load torchvision's state into ours and compare the outputs for the same images."""
    theirs = torchvision_model(name, **options).train(training)
    ours.load_state_dict(theirs.state_dict())
    images = rand(2, 3, size, size, seed=3).float()
    with torch.no_grad():
        torch.manual_seed(4)
        expected = theirs(images)
        torch.manual_seed(4)
        actual = ours.train(training)(images)
    if isinstance(actual, dict):
        assert list(actual) == list(expected)
        actual, expected = tuple(actual.values()), tuple(expected.values())
    pairs = zip(actual, expected, strict=True) if isinstance(actual, tuple) else [(actual, expected)]
    gap = max(error(a, e) for a, e in pairs)
    what = f"{name}, {'training' if training else 'evaluation'}"
    record(
        method, module, what, f"torchvision.models.{name}", error=gap, tolerance=1e-4, dtype=torch.float32, shapes=f"(2,3,{size},{size})"
    )


def check_two_byte_types(model: nn.Module, images: torch.Tensor) -> None:
    """The network runs in bfloat16 and answers in it, near its own answer in float32."""
    model = scaled(model).eval()
    expected = model(images.float())
    low = model.bfloat16()(images.bfloat16())
    assert low.dtype == torch.bfloat16 and error(low, expected) < 0.1


def check_factory_arguments(make: Callable[..., nn.Module], images: tuple[int, ...]) -> None:
    """``device`` and ``dtype`` reach every tensor."""
    model = make(device="meta", dtype=torch.float16)
    floating = [v for v in model.state_dict().values() if v.is_floating_point()]
    assert {(v.device.type, v.dtype) for v in floating} == {("meta", torch.float16)}
    assert model.eval()(torch.zeros(images, device="meta", dtype=torch.float16)).shape[0] == images[0]
    assert next(make().parameters()).dtype == torch.get_default_dtype()


def check_spread(values: torch.Tensor, std: float) -> None:
    """Mean 0 and the given standard deviation, within 5 standard errors."""
    n = values.numel()
    assert abs(values.mean().item()) < 5 * std / n**0.5
    assert abs(values.std().item() / std - 1) < 5 / (2 * n) ** 0.5


def network_bench(method: str, ours: Callable[[], nn.Module], name: str, **options: Any) -> Bench:
    """Four images of 224 x 224 pixels through our network and torchvision's."""

    def theirs() -> nn.Module | None:
        models = torchvision_models()
        return None if models is None else getattr(models, name)(**options)

    sample = rand(4, 3, 224, 224, seed=0)
    return Bench(method, "4 images of 224 x 224", ours, {f"torchvision.models.{name}": theirs}, lambda: (sample,), compiled=False)
