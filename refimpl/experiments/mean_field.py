"""Bayes by Backprop on a linear model whose posterior is known: what independent weights get right and what they do not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.bayesian.bayes_by_backprop import BayesByBackprop, log_normal
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.experiments.sequences import learn

__all__ = ["mean_field"]

EXAMPLES, NOISE, PRIOR, STEPS, RATE = 30, 0.5, 1.0, 1200, 0.02
CORRELATIONS = (0.0, 0.5, 0.8, 0.9)


def inputs(correlation: float, generator: torch.Generator) -> Tensor:
    """Two standard normal inputs with this correlation, ``(EXAMPLES, 2)``."""
    x = torch.randn(EXAMPLES, 2, generator=generator)
    return torch.stack((x[:, 0], correlation * x[:, 0] + (1 - correlation**2) ** 0.5 * x[:, 1]), 1)


def fitted(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Means and standard deviations of both weights, averaged over the last quarter of the steps."""
    model, kept = BayesByBackprop(nn.Linear(2, 1, bias=False), sigma=0.1, prior=(PRIOR,)), []

    def loss() -> Tensor:
        output = torch.func.functional_call(model.module, model.draw(), (x,))
        return model.kl() - log_normal(y, output.squeeze(1), NOISE)

    def keep(step: int) -> None:
        if step > 3 * STEPS // 4:
            ((_, mean, sigma),) = model.distributions()
            kept.append(torch.stack((mean.detach()[0], sigma.detach()[0])))

    learn(loss, model.parameters(), STEPS, RATE, after=keep)
    mean, sigma = torch.stack(kept).mean(0)
    return mean, sigma


def _mean_field(seed: int) -> Outcome:
    found: dict[str, list[float]] = {"mean_error": [], "over_conditional": [], "over_marginal": []}
    for correlation in CORRELATIONS:
        generator = torch.Generator().manual_seed(seed)
        x = inputs(correlation, generator)
        y = x @ torch.tensor([1.0, -0.5]) + NOISE * torch.randn(EXAMPLES, generator=generator)
        precision = x.t() @ x / NOISE**2 + torch.eye(2) / PRIOR**2
        exact = torch.linalg.solve(precision, x.t() @ y / NOISE**2)
        marginal, conditional = torch.linalg.inv(precision).diagonal().sqrt(), precision.diagonal().rsqrt()
        mean, sigma = fitted(x, y)
        found["mean_error"].append(((mean - exact).abs() / marginal).max().item())
        found["over_conditional"].append((sigma / conditional).mean().item())
        found["over_marginal"].append((sigma / marginal).mean().item())
    values = {
        "mean_error": max(found["mean_error"]),
        "over_conditional_least": min(found["over_conditional"]),
        "over_conditional_most": max(found["over_conditional"]),
        "over_marginal_at_0_9": found["over_marginal"][-1],
    }
    return Outcome(values, {name: (CORRELATIONS, found[name]) for name in ("over_conditional", "over_marginal")})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Learned standard deviation of a weight", "zh": "学到的权重标准差"},
        x=axis("correlation of the two inputs", "两个输入的相关系数"),
        y=axis("ratio to the exact one", "与精确值之比"),
        series=[
            curve(outcomes, "over_conditional", "given the other weight", "给定另一权重"),
            curve(outcomes, "over_marginal", "of the weight alone", "该权重的边缘分布"),
        ],
        alt={
            "en": "Learned standard deviation over the exact one against the correlation of the inputs: level at 1 for the "
            "conditional deviation, "
            "falling for the marginal one.",
            "zh": "学到的标准差与精确值之比随输入相关系数的变化：与条件标准差之比保持为 1，与边缘标准差之比下降。",
        },
    )


mean_field = Experiment(_mean_field, seeds=(0, 1, 2), figure=_draw)
