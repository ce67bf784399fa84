"""What is special to LeNet-5: the paper's sizes and counts, its table, its codes, its initialization, and that it learns."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from refimpl.convolution.lenet import CODES, TABLE, LeNet5, Subsampling, TableConv2d, discriminative_loss, squash
from refimpl.data import digits_split
from tests.refimpl.convolution.cases_lenet import METHOD, PENALTY, SEEN, TARGET, numpy_loss

MODULE = "refimpl.convolution.lenet"
LAYERS = {"c1": (6, 28, 28), "s2": (6, 14, 14), "c3": (16, 10, 10), "s4": (16, 5, 5), "c5": (120, 1, 1), "f6": (84,)}
"""The sizes in section II.B."""


def test_sizes_of_the_maps():
    model, seen = LeNet5(), {}
    for name, layer in model.named_children():
        layer.register_forward_hook(lambda _, __, y, name=name: seen.update({name: tuple(y.shape[1:])}))
    assert model(torch.zeros(1, 1, 32, 32)).shape == (1, 10)
    assert seen == LAYERS


def test_trainable_parameters_are_those_of_the_paper():
    """156, 12, 1,516, 32, 48,120 and 10,164: 60,000 in all."""
    counts = {name: sum(p.numel() for p in layer.parameters()) for name, layer in LeNet5().named_children()}
    assert counts == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert sum(counts.values()) == 60_000


def test_connections_are_those_of_the_paper():
    """Each weight and bias counts once for each of its units, and the codes as 840: 340,908 in all."""
    inputs = {"c1": 26, "s2": 5, "s4": 5, "c5": 401, "f6": 121}
    counts = {name: torch.Size(LAYERS[name]).numel() * fan for name, fan in inputs.items()}
    counts["c3"] = 100 * sum(25 * len(maps) + 1 for maps in TABLE)
    assert counts == {"c1": 122_304, "s2": 5_880, "c3": 151_600, "s4": 2_000, "c5": 48_120, "f6": 10_164}
    assert sum(counts.values()) + 840 == 340_908


def test_table_is_that_of_the_paper():
    assert [[c in maps for maps in TABLE] for c in range(6)] == SEEN.tolist()
    assert all(list(maps) == sorted(maps) for maps in TABLE)


def test_squashing():
    """f(1) = 1 and f(-1) = -1 to the digits of the constants, slope near one at 0, greatest curvature near 1."""
    x = torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64)
    assert (squash(x) - x).abs().max() < 1e-5
    assert squash(torch.tensor(1e3)).item() == pytest.approx(1.7159)
    slope = torch.autograd.functional.jacobian(squash, torch.tensor(0.0, dtype=torch.float64)).item()
    assert slope == pytest.approx(1.7159 * 2 / 3)


def test_codes_are_signs_and_tell_the_digits_apart():
    codes = torch.tensor(CODES)
    assert codes.shape == (10, 84) and set(codes.flatten().tolist()) == {-1, 1}
    apart = torch.cdist(codes.double(), codes.double(), p=1) / 2
    assert apart[~torch.eye(10, dtype=torch.bool)].min() >= 11
    assert torch.equal(LeNet5().codes, codes.float())
    assert codes[1].view(12, 7)[-1].tolist() == [1, 1, 1, 1, 1, 1, -1]  # the foot of the one
    assert codes[0].view(12, 7)[1:-1].eq(codes[0].view(12, 7)[1:-1].flip(1)).all()  # the nought is symmetric


def test_an_image_of_a_code_has_no_penalty():
    model = LeNet5(dtype=torch.float64)
    with torch.no_grad():
        model.f6.weight.zero_()
        model.f6.bias.copy_(torch.atanh(model.codes[7] / 1.7159) * 1.5)
    y = model(torch.zeros(1, 1, 32, 32, dtype=torch.float64))
    assert y.argmin().item() == 7 and y.min() < 1e-25


def test_initialization():
    """Uniform on +-2.4 / fan-in: within it, reaching to its ends, and centered (4 standard errors)."""
    torch.manual_seed(3)
    model, *others = (LeNet5() for _ in range(40))
    kernels = dict(zip(map(tuple, model.c3.pairs.T.tolist()), model.c3.weight, strict=True))
    groups = [(model.c1.weight, 25), (model.c5.weight, 400), (model.f6.weight, 120), (model.c5.bias, 400), (model.f6.bias, 120)]
    for size in (3, 4, 6):
        drawn = [v for (o, _), v in kernels.items() if len(TABLE[o]) == size]
        groups.append((torch.stack(drawn), 25 * size))
        groups.append((model.c3.bias[[i for i, maps in enumerate(TABLE) if len(maps) == size]], 25 * size))
    for name in ("s2", "s4", "c1"):
        groups.append(
            (
                torch.cat([torch.cat([other.get_submodule(name).weight.flatten(), other.get_submodule(name).bias]) for other in others]),
                25 if name == "c1" else 4,
            )
        )
    for values, fan_in in groups:
        bound, count = 2.4 / fan_in, values.numel()
        assert values.abs().max() <= bound
        assert values.abs().max() > bound * (1 - 8 / count)
        assert abs(values.mean()) < 4 * bound / (3 * count) ** 0.5
    assert len(torch.unique(model.c3.weight)) > 1490


def test_rejection_limits_the_push():
    """Gradient of a wrong class's penalty: -exp(-y) / (exp(-j) + sum exp(-y)), less the larger the penalty and the smaller j."""
    gradients = {}
    for rejection in (1.0, 5.0):
        y = PENALTY.clone().requires_grad_()
        discriminative_loss(y, TARGET, rejection).backward()
        gradients[rejection] = y.grad[0, 0].item()
    row = PENALTY[0]
    assert gradients[5.0] < gradients[1.0] < 0
    share = (-row).exp()[0] / ((-row).exp().sum() + torch.tensor(-1.0).exp())
    assert gradients[1.0] == pytest.approx(-share.item() / 5)
    assert discriminative_loss(PENALTY, TARGET).item() == pytest.approx(numpy_loss(None, PENALTY.numpy(), TARGET.numpy(), 1.0))


def test_factory_arguments():
    model = LeNet5(device="meta", dtype=torch.float16)
    kinds = {(v.device.type, v.dtype) for k, v in model.state_dict().items() if k != "c3.pairs"}
    assert kinds == {("meta", torch.float16)}
    assert model.c3.pairs.device.type == "meta" and model(torch.zeros(2, 1, 32, 32, device="meta", dtype=torch.float16)).shape == (2, 10)
    assert Subsampling(3, "meta", torch.float16).weight.dtype == TableConv2d(((0,),), 3, "meta", torch.float16).bias.dtype == torch.float16


def test_reads_digits(record):
    """Three epochs on the 8 x 8 digits, enlarged to 24 and framed: at least nine in ten of the test images are read rightly."""
    torch.manual_seed(0)
    data = digits_split()
    images, tests = (F.pad(F.interpolate(x, scale_factor=3), (4, 4, 4, 4)) * 1.275 - 0.1 for x in (data.x, data.x_test))
    model = LeNet5()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for _ in range(3):
        for batch in torch.randperm(len(images)).split(32):
            optimizer.zero_grad()
            discriminative_loss(model(images[batch]), data.y[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        wrong = (model(tests).argmin(1) != data.y_test).double().mean().item()
    record(METHOD, MODULE, "digits misread after three epochs", "the labels", error=wrong, tolerance=0.1, dtype=torch.float32)
