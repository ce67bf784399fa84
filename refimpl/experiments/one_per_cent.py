"""Four workers that send one per cent of their gradients: with the rest kept for later, and with the rest thrown away."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from refimpl.data import Split
from refimpl.experiments.classification import accuracy, digit_rows
from refimpl.experiments.outcome import Experiment, Outcome, axis, curve, figure
from refimpl.foundations.softmax_cross_entropy import cross_entropy
from refimpl.training.deep_gradient_compression import accumulate_, select_, warmup_ratio

__all__ = ["one_per_cent"]

WORKERS, BATCH, WIDTH, EPOCHS, STEPS = 4, 16, 128, 12, 22
RATE, MOMENTUM, RATIO = 0.05, 0.9, 0.01


class Worker:
    """One worker's velocities and residuals; ``keep`` says whether what is not sent waits for later."""

    def __init__(self, parameters: list[Tensor], keep: bool) -> None:
        self.states = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
        self.keep = keep

    def message(self, gradients: tuple[Tensor, ...], ratio: float) -> list[Tensor]:
        """What the worker sends for each parameter, as a dense tensor with zeros where nothing is sent."""
        sent = []
        for (velocity, residual), gradient in zip(self.states, gradients, strict=True):
            accumulate_(velocity, residual, gradient / WORKERS, MOMENTUM)
            indices, values = select_(velocity, residual, ratio, masking=ratio < 1)
            sent.append(torch.zeros_like(residual).view(-1).index_add_(0, indices, values).view_as(residual))
            if not self.keep:
                residual.zero_()
        return sent


def train(data: Split, ratio: float, keep: bool, seed: int) -> list[float]:
    """Test accuracy after each epoch; the ratio falls to ``ratio`` as the paper's warm-up has it."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, WIDTH), nn.Tanh(), nn.Linear(WIDTH, 10))
    parameters = list(model.parameters())
    workers = [Worker(parameters, keep) for _ in range(WORKERS)]
    shares = []
    for epoch in range(EPOCHS):
        for _ in range(STEPS):
            sums = [torch.zeros_like(p) for p in parameters]
            for worker in workers:
                rows = torch.randint(len(data.x), (BATCH,), generator=generator)
                gradients = torch.autograd.grad(cross_entropy(model(data.x[rows]), data.y[rows]), parameters)
                torch._foreach_add_(sums, worker.message(gradients, max(ratio, warmup_ratio(epoch, ratio))))
            with torch.no_grad():
                torch._foreach_sub_(parameters, sums, alpha=RATE)
        shares.append(accuracy(model, data.x_test, data.y_test))
    return shares


def _one_per_cent(seed: int) -> Outcome:
    data = digit_rows(seed)
    found = {
        name: train(data, ratio, keep, seed)
        for name, ratio, keep in (("dense", 1.0, True), ("kept", RATIO, True), ("dropped", RATIO, False))
    }
    values = {f"{name}_accuracy": shares[-1] for name, shares in found.items()}
    values |= {f"{name}_loss_of_accuracy": values["dense_accuracy"] - values[f"{name}_accuracy"] for name in ("kept", "dropped")}
    values["kept_over_dropped"] = values["kept_accuracy"] - values["dropped_accuracy"]
    return Outcome(values, {name: (list(range(1, EPOCHS + 1)), shares) for name, shares in found.items()})


def _draw(outcomes: list[Outcome]) -> dict[str, Any]:
    labels = {
        "dense": ("all sent", "全部发送"),
        "kept": ("1 %, the rest kept", "1%，其余留待以后"),
        "dropped": ("1 %, the rest dropped", "1%，其余丢弃"),
    }
    return figure(
        "lines",
        title={"en": "Four workers on the digits", "zh": "数字数据上的四个节点"},
        x=axis("epoch", "训练轮次"),
        y=axis("test accuracy", "测试准确率"),
        series=[curve(outcomes, name, *label) for name, label in labels.items()],
        alt={
            "en": "Test accuracy by epoch with all gradients sent, with one per cent sent and the rest kept, and with the rest dropped.",
            "zh": "每轮之后的测试准确率：发送全部梯度、只发送百分之一而其余留待以后、其余丢弃三种情形。",
        },
    )


one_per_cent = Experiment(_one_per_cent, seeds=(0, 1, 2), figure=_draw)
