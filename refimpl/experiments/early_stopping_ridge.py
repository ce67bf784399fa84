"""Gradient descent stopped early beside ridge regression, weight by weight and in test error."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.training.early_stopping import equivalent_l2
from refimpl.training.gradient_descent import GradientDescent

__all__ = ["early_stopping_ridge"]

EXAMPLES, SIZE, NOISE, TESTS = 60, 40, 2.0, 2000
STEPS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987)


def _early_stopping_ridge(seed: int) -> Outcome:
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, dtype=torch.float64, generator=generator)

    scale = torch.logspace(0, -1, SIZE, dtype=torch.float64)
    truth = normal(SIZE)
    x, x_test = normal(EXAMPLES, SIZE) * scale, normal(TESTS, SIZE) * scale
    y, y_test = x @ truth + NOISE * normal(EXAMPLES), x_test @ truth
    matrix, toward = x.t() @ x / EXAMPLES, x.t() @ y / EXAMPLES
    curvature, basis = torch.linalg.eigh(matrix)
    rate = 0.5 / curvature.max().item()

    def error(w: Tensor) -> float:
        return (x_test @ w - y_test).square().mean().item()

    w = torch.zeros(SIZE, dtype=torch.float64, requires_grad=True)
    rule = GradientDescent([w], lr=rate)
    stopped, single, exact, apart = [], [], [], []
    for step in range(1, STEPS[-1] + 1):
        w.grad = matrix @ w.detach() - toward
        rule.step()
        if step in STEPS:
            at = w.detach().clone()
            own = basis @ ((basis.t() @ toward) / (curvature + equivalent_l2(curvature, rate, step)))  # a penalty for each direction
            ridge = torch.linalg.solve(matrix + torch.eye(SIZE, dtype=torch.float64) / (rate * step), toward)  # one for all
            stopped.append(error(at))
            single.append(error(ridge))
            exact.append((at - own).norm().item() / at.norm().item())
            apart.append((at - ridge).norm().item() / at.norm().item())
    values = {
        "own_penalty_distance": max(exact),
        "one_penalty_distance": max(apart),
        "best_error_ratio": min(stopped) / min(single),
        "last_over_best": stopped[-1] / min(stopped),
    }
    return Outcome(values, {"stopped": (STEPS, stopped), "ridge": (STEPS, single)})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    return figure(
        "lines",
        title={"en": "Test error of a linear model", "zh": "线性模型的测试误差"},
        x=axis("steps t, or 1 / (step size × penalty)", "步数 t，或 1 /（步长 × 惩罚系数）", scale="log"),
        y=axis("test error", "测试误差", scale="log"),
        series=[curve(outcomes, "stopped", "stopped after t steps", "t 步后停止"), curve(outcomes, "ridge", "L2 penalty", "L2 惩罚")],
        alt={
            "en": "Test error against the number of steps, and of ridge regression against the inverse of its penalty: the two "
            "curves fall "
            "and rise together.",
            "zh": "测试误差随步数的变化，以及岭回归的测试误差随惩罚系数倒数的变化：两条曲线同降同升。",
        },
    )


early_stopping_ridge = Experiment(_early_stopping_ridge, seeds=(0, 1, 2, 3, 4), figure=_draw)
