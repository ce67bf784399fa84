"""What is special to Fixup: the three rules, the size of a step at every depth, layouts."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from refimpl.convolution.resnet import BasicBlock, Bottleneck, ResNet
from refimpl.training.fixup import FixupBasicBlock, FixupBottleneck, FixupResNet, fixup_scale
from tests.refimpl.convolution import networks
from tests.refimpl.harness.case import rand, randn
from tests.refimpl.harness.compare import error
from tests.refimpl.training.cases_fixup import METHOD

MODULE = "refimpl.training.fixup"


def test_scale_by_hand(record):
    """L^(-1/2) for two layers, L^(-1/4) for three; for any m the m - 1 scaled layers together give L^(-1/2)."""
    worst = max(abs(fixup_scale(16, 2) - 0.25), abs(fixup_scale(16, 3) - 0.5), abs(fixup_scale(1, 2) - 1))
    worst = max([worst] + [abs(fixup_scale(9, m) ** (m - 1) - 1 / 3) for m in range(2, 7)])
    record(METHOD, MODULE, "factor of the weights", "L^(-1 / (2m - 2))", error=worst, tolerance=1e-15, dtype=torch.float64)


@pytest.mark.parametrize(("block", "layers"), [(FixupBasicBlock, 2), (FixupBottleneck, 3)])
def test_the_three_rules(block, layers):
    """Standard deviations within 5 standard errors; the last layers, the classifier and the biases are 0, the multipliers 1."""
    torch.manual_seed(1)
    model = FixupResNet(block, (2, 3), 10, width=24)
    convolutions = {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    for name, convolution in convolutions.items():
        out, _, kh, kw = convolution.weight.shape
        std = (2 / (out * kh * kw)) ** 0.5
        if name.endswith(f".conv{layers}"):
            assert not convolution.weight.any()
        else:
            networks.check_spread(convolution.weight, std * (fixup_scale(5, layers) if ".conv" in name else 1))
    assert not model.fc.weight.any() and not model.fc.bias.any()
    scalars = {n: p.item() for n, p in model.named_parameters() if p.shape == (1,)}
    assert len(scalars) == 5 * (2 * layers + 1) + 2
    assert all(value == n.endswith("scale") for n, value in scalars.items())


def test_resetting_gives_a_fresh_network():
    model = FixupResNet(FixupBasicBlock, (1, 1), 3, width=4)
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(7.0)
    torch.manual_seed(3)
    model.reset_parameters()
    torch.manual_seed(3)
    fresh = FixupResNet(FixupBasicBlock, (1, 1), 3, width=4)
    torch.manual_seed(3)
    fresh.reset_parameters()
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), fresh.state_dict().values(), strict=True))


@pytest.mark.parametrize("block", [FixupBasicBlock, FixupBottleneck])
def test_a_new_block_is_the_identity_and_a_new_network_says_zero(block):
    made = block(4 * block.expansion, 4).double()
    made.reset_parameters(3)
    x = rand(2, 4 * block.expansion, 5, 4, seed=5, low=0.1).requires_grad_()
    y = made(x)
    y.sum().backward()
    assert torch.equal(y, x) and torch.equal(x.grad, torch.ones_like(x))
    assert torch.equal(FixupResNet(block, (2, 1), 5, width=4)(torch.randn(3, 3, 17, 19)), torch.zeros(3, 5))


def step_of_the_output(depth: int, scaled: bool) -> float:
    """How far one step at rate 1e-6 moves the output of ``depth`` new blocks, in units of the rate."""
    torch.manual_seed(depth)
    blocks = nn.Sequential(*(FixupBasicBlock(16, 16) for _ in range(depth))).double()
    for block in blocks:
        block.reset_parameters(depth if scaled else 1)
    x, direction = rand(4, 16, 6, 5, seed=1, low=0.0), randn(4, 16, 6, 5, seed=2)
    before = blocks(x)
    (before * direction).sum().backward()
    with torch.no_grad():
        for p in blocks.parameters():
            if p.dim() == 4:
                p.sub_(p.grad, alpha=1e-6)
        return (blocks(x) - before).norm().item() / 1e-6


def test_a_step_moves_the_output_equally_at_every_depth():
    """The sum of L branches that move by eta / L each; without the scale, the step grows like L (8 times here)."""
    fixup, unscaled = ([step_of_the_output(depth, scaled) for depth in (4, 32)] for scaled in (True, False))
    assert 0.75 < fixup[1] / fixup[0] < 1.33
    assert unscaled[1] / unscaled[0] > 5


@pytest.mark.parametrize(("block", "normalized"), [(FixupBasicBlock, BasicBlock), (FixupBottleneck, Bottleneck)])
def test_layout_is_that_of_a_resnet_without_its_normalization(block, normalized):
    ours, theirs = (kind(b, (1, 2), 7, 8).state_dict() for kind, b in ((FixupResNet, block), (ResNet, normalized)))
    weights = {key: value.shape for key, value in ours.items() if value.shape != (1,)}
    expected = {key.replace("downsample.0", "downsample"): value.shape for key, value in theirs.items() if "bn" not in key}
    assert weights == {key: shape for key, shape in expected.items() if "downsample.1" not in key}


def test_scalars_are_named_as_in_the_authors_code():
    names = [name for name, p in FixupBottleneck(8, 2, 2).named_parameters() if p.shape == (1,)]
    assert all(p.item() == (name == "scale") for name, p in FixupBottleneck(8, 2, 2).named_parameters() if p.shape == (1,))
    assert sorted(names) == ["bias1a", "bias1b", "bias2a", "bias2b", "bias3a", "bias3b", "scale"]
    assert [name for name, _ in FixupResNet(FixupBasicBlock, (1,), 2, 2).named_parameters(recurse=False)] == ["bias1", "bias2"]


def test_two_byte_types_and_factory_arguments():
    networks.check_two_byte_types(FixupResNet(FixupBasicBlock, (1, 1), 10, width=8), rand(2, 3, 32, 32, seed=6))
    networks.check_factory_arguments(lambda **new: FixupResNet(FixupBottleneck, (1, 1), 4, 4, **new), (2, 3, 16, 16))


def test_defaults():
    model = FixupResNet(FixupBasicBlock, (1,), device="meta")
    assert model.conv1.out_channels == 64 and model.fc.out_features == 1000
    assert FixupResNet(FixupBasicBlock, (1,), 1, 1)(torch.zeros(2, 3, 1, 1)).shape == (2, 1)
    assert FixupBottleneck(8, 2, 2)(torch.zeros(1, 8, 4, 6)).shape == (1, 8, 2, 3)


def test_a_network_without_normalization_learns(record):
    """Sixteen images of noise are learned by heart by 8 blocks: after 60 steps nearly no loss is left."""
    torch.manual_seed(0)
    model = FixupResNet(FixupBasicBlock, (4, 4), 4, width=8)
    x, y = torch.randn(16, 3, 16, 16), torch.arange(16) % 4
    optimizer = torch.optim.Adam(model.parameters(), 0.005)
    first = F.cross_entropy(model(x), y).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    gap = error(torch.tensor(first), torch.tensor(4.0).log())
    record(METHOD, MODULE, "loss of a new network", "the logarithm of the number of classes", error=gap, tolerance=1e-6, dtype=x.dtype)
    assert loss.item() < 0.1
