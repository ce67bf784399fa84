"""What is special to Adadelta: its first step, its indifference to the loss's scale, its defaults."""

from __future__ import annotations

import torch

from refimpl.training.adadelta import Adadelta
from tests.refimpl.harness.compare import error
from tests.refimpl.harness.rule import GRADIENTS, check_defaults, walk
from tests.refimpl.training.cases_adadelta import METHOD

MODULE = "refimpl.training.adadelta"
START = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)


def test_defaults_are_those_of_torch():
    check_defaults(Adadelta, torch.optim.Adadelta)


def test_state_has_the_names_of_torch():
    """PyTorch counts steps besides, which the rule does not need."""
    mine, torchs = (next(iter(walk(c)[1].state.values())) for c in (Adadelta, torch.optim.Adadelta))
    assert mine.keys() == torchs.keys() - {"step"}
    assert all(error(mine[k], torchs[k]) < 1e-12 for k in mine)


def test_first_step(record):
    """sqrt(eps) g / sqrt((1 - rho) g^2 + eps): eps makes the first step."""
    end, _ = walk(Adadelta, GRADIENTS[:1], rho=0.7, eps=0.04)
    g = GRADIENTS[0]
    gap = error(START - end, 0.2 * g / torch.sqrt(0.3 * g**2 + 0.04))
    record(METHOD, MODULE, "first step", "closed form", error=gap, tolerance=1e-13, dtype=torch.float64, shapes="(3,)")


def test_scale_of_the_loss_hardly_matters():
    """With gradients far above sqrt(eps), a hundredfold loss gives the same path to the order of eps / g^2."""
    paths = [walk(Adadelta, [scale * (g + 3) for g in GRADIENTS], eps=1e-9)[0] for scale in (1.0, 100.0)]
    assert 0 < error(*paths) < 1e-8


def test_boundaries_are_accepted():
    end, _ = walk(Adadelta, lr=0.0, rho=0.0, eps=0.0, weight_decay=0.0)
    assert torch.equal(end, START)
