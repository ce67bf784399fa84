"""A restricted Boltzmann machine small enough for its exact likelihood, learned by one step of sampling and by persistent chains."""

from __future__ import annotations

from typing import Any

import torch

from refimpl.data import digits_split
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.foundations.rbm import RBM

__all__ = ["persistent_chains"]

HIDDEN, BATCH, CHAINS, STEPS, CHECK, RATE = 14, 50, 50, 3000, 250, 0.05


def likelihoods(x: torch.Tensor, persistent: bool, generator: torch.Generator) -> list[float]:
    """Exact mean log-likelihood of the images in nats every ``CHECK`` steps, at a rate that falls linearly to 0."""
    model = RBM(x.shape[1], HIDDEN)
    optimizer = torch.optim.SGD(model.parameters(), RATE)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, STEPS)
    chain = (torch.rand(CHAINS, x.shape[1], generator=generator) < 0.5).float()
    found = []
    for step in range(1, STEPS + 1):
        batch = x[torch.randint(len(x), (BATCH,), generator=generator)]
        optimizer.zero_grad()
        if persistent:
            chain = model.gibbs(chain, 1, generator)
            model.contrastive_divergence(batch, 0, generator, chain).backward()
        else:
            model.contrastive_divergence(batch, 1, generator).backward()
        optimizer.step()
        decay.step()
        if step % CHECK == 0:
            with torch.no_grad():
                found.append(model.log_likelihood(x).mean().item())
    return found


def _persistent_chains(seed: int) -> Outcome:
    x = (digits_split(seed=seed).x.flatten(1) > 0.5).float()
    curves: dict[str, tuple[list[int], list[float]]] = {}
    values: dict[str, float] = {}
    for name, persistent in (("one_step", False), ("persistent", True)):
        torch.manual_seed(seed)
        found = likelihoods(x, persistent, torch.Generator().manual_seed(seed))
        curves[name] = (list(range(CHECK, STEPS + 1, CHECK)), found)
        values[name] = found[-1]
    share = x.mean(0).clamp(1e-3, 1 - 1e-3)
    values["independent"] = (x * share.log() + (1 - x) * (1 - share).log()).sum(1).mean().item()
    values["persistent_gain"] = values["persistent"] - values["one_step"]
    values["one_step_gain"] = values["one_step"] - values["independent"]
    return Outcome(values, curves)


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Exact log-likelihood of the digits", "zh": "数字图像的精确对数似然"},
        x=axis("step", "步数"),
        y=axis("nats per image", "每幅图像的奈特数"),
        series=[curve(outcomes, "persistent", "persistent chains", "持续链"), curve(outcomes, "one_step", "CD-1", "CD-1")],
        alt={
            "en": "Exact log-likelihood by step: that of the machine learned with persistent chains ends above that of one step "
            "of contrastive "
            "divergence.",
            "zh": "精确对数似然随步数的变化：用持续链学习的最后高于一步对比散度。",
        },
    )


persistent_chains = Experiment(_persistent_chains, seeds=(0, 1, 2), figure=_draw)
