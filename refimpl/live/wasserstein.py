"""Generators of the ring of eight Gaussians, from the first step to the last of a WGAN-GP, and of a GAN at the end."""

from __future__ import annotations

import torch
from torch import nn

from refimpl.experiments.generative import BATCH, COVERED, MODES, NOISE, RADIUS, STD, STEPS, perceptron, train
from refimpl.live.part import Demonstration, Inputs, Part, show

__all__ = ["LIVE"]

SEED = 0
STAGES = (100, 300, 600, STEPS)
"""Steps after which a copy of the WGAN-GP's generator is kept."""


def _parts() -> dict[str, Part]:
    names = [*(f"wgan-gp-{step}" for step in STAGES), "gan"]
    return {name: Part(perceptron(NOISE, 2), ("point",), _sample, {"noise": 0}) for name in names}


def _sample(generator: torch.Generator) -> Inputs:
    return {"noise": torch.randn(BATCH, NOISE, generator=generator)}


def _train(parts: dict[str, Part]) -> dict[str, float]:
    def keep(step: int, network: nn.Module) -> None:
        if step in STAGES:
            parts[f"wgan-gp-{step}"].module.load_state_dict(network.state_dict())

    def keep_last(step: int, network: nn.Module) -> None:
        if step == STEPS:
            parts["gan"].module.load_state_dict(network.state_dict())

    shares = {"wgan_gp": train(SEED, True, keep)[0][-1], "gan": train(SEED, False, keep_last)[0][-1]}
    return {f"{name}_share_near_a_mode": share.sum().item() for name, share in shares.items()}


FACTS = {"stages": STAGES, "modes": MODES, "radius": RADIUS, "deviation": STD, "covered": COVERED}
LIVE = Demonstration(topic="wasserstein", parts=_parts, train=_train, facts=FACTS)


if __name__ == "__main__":
    show(__doc__, LIVE)
