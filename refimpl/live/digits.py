"""LeNet-5 that reads a digit drawn on 8 x 8 pixels, with its maps and the code that it answers."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.convolution.lenet import CODES, LeNet5, discriminative_loss, squash
from refimpl.data import digits_split
from refimpl.live.part import Demonstration, Inputs, Part, show

__all__ = ["LIVE", "ReadDigit", "moved"]

SEED, EPOCHS, BATCH, RATE = 0, 60, 32, 3e-3
TURN, STRETCH, SHIFT = 0.2, 0.15, 0.12
"""How far a training image is turned (radians), scaled and sheared (share), and shifted (share of half its side)."""


class ReadDigit(nn.Module):
    """LeNet-5 on enlarged images, with what its layers show."""

    def __init__(self) -> None:
        super().__init__()
        self.net = LeNet5()

    @staticmethod
    def enlarge(ink: Tensor) -> Tensor:
        """``ink`` from 0 to 1, ``(N, 1, 8, 8)``, as the paper's pixels, ``(N, 1, 32, 32)``, with a margin of four."""
        return F.pad(F.interpolate(ink, size=(24, 24), mode="bilinear"), (4, 4, 4, 4)) * 1.275 - 0.1

    def forward(self, ink: Tensor) -> tuple[Tensor, ...]:
        """Read ``ink`` ``(1, 1, 8, 8)``.

        Returns:
            The penalties ``(1, 10)``, the image, and the outputs of C1, S2, C3, S4 and F6.
        """
        image = self.enlarge(ink)
        c1 = squash(self.net.c1(image))
        s2 = self.net.s2(c1)
        c3 = squash(self.net.c3(s2))
        s4 = self.net.s4(c3)
        f6 = squash(self.net.f6(squash(self.net.c5(s4)).flatten(1)))
        return self.net(image), image, c1, s2, c3, s4, f6


def moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each of ``images`` ``(N, 1, H, W)`` turned, stretched, sheared and shifted a little, in its own way."""

    def draw(bound: float) -> Tensor:
        return (torch.rand(len(images), generator=generator) * 2 - 1) * bound

    turn, shear = draw(TURN), draw(STRETCH)
    across, down = 1 + draw(STRETCH), 1 + draw(STRETCH)
    first = torch.stack((across * turn.cos(), shear - turn.sin(), draw(SHIFT)), 1)
    second = torch.stack((turn.sin(), down * turn.cos(), draw(SHIFT)), 1)
    grid = F.affine_grid(torch.stack((first, second), 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False, padding_mode="border")


def _sample(generator: torch.Generator) -> Inputs:
    images = digits_split().x_test
    return {"ink": images[torch.randint(len(images), (1,), generator=generator)]}


def _train(parts: dict[str, Part]) -> dict[str, float]:
    model = parts["digits"].module
    data = digits_split()
    images, tests = model.enlarge(data.x), model.enlarge(data.x_test)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS * math.ceil(len(images) / BATCH))
    draws = torch.Generator().manual_seed(SEED)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images), generator=draws).split(BATCH):
            optimizer.zero_grad()
            discriminative_loss(model.net(moved(images[batch], draws)), data.y[batch]).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        right = model.net(tests).argmin(1) == data.y_test
    return {"accuracy": right.double().mean().item(), "tested": len(tests)}


def _examples() -> list[list[int]]:
    """The first test image of each class, as 64 counts of 0 to 16."""
    data = digits_split()
    return [(data.x_test[(data.y_test == digit).nonzero()[0, 0]].flatten() * 16).int().tolist() for digit in range(10)]


LIVE = Demonstration(
    topic="cnn-architectures",
    parts=lambda: {"digits": Part(ReadDigit(), ("penalties", "image", "c1", "s2", "c3", "s4", "f6"), _sample)},
    train=_train,
    facts={"codes": CODES, "examples": _examples()},
)


if __name__ == "__main__":
    show(__doc__, LIVE)
