r"""Early stopping: stop when the validation loss no longer falls, and keep the weights that were best.

Papers
    Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the Trade, 1998: the criteria GL and UP.
    Bishop, "Regularization and complexity control in feed-forward networks", ICANN 1995: equivalence to weight decay.
    Goodfellow, Bengio, Courville, "Deep Learning", 2016: Algorithm 7.1, and equations 7.33 to 7.45 for a quadratic loss.

Equations (l_t the validation loss at check t, b the best so far)
    better       l_t < b - min_delta
    stop         after ``patience`` checks in a row that are not better
    GL           100 (l_t / min_{s <= t} l_s - 1), in per cent; Prechelt stops where it first exceeds a bound
    quadratic    on sum_i h_i (w_i - w*_i)^2 / 2 from 0, t steps of size lr reach (1 - (1 - lr h_i)^t) w*_i;
                 an L2 penalty lambda_i = h_i (1 - lr h_i)^t / (1 - (1 - lr h_i)^t) has the same minimum

Deviations from the papers
    1. Algorithm 7.1 counts a check as better when the loss is lower at all; ``min_delta`` asks for more, 0 is its rule.
    2. Prechelt's UP counts consecutive increases from one strip to the next, not from the best.
    3. NaN is never better, so that a run that diverges stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isnan
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["EarlyStopping", "equivalent_l2", "generalization_loss", "steps_on_quadratic"]


class EarlyStopping:
    """Watch a loss and keep the best weights.

        stopping = EarlyStopping(patience=5)
        while not stopping.step(validate(model), model):
            train(model)
        stopping.restore(model)

    Args:
        patience: how many checks in a row may fail to be better, at least 1.
        min_delta: how much lower a loss must be to count as better, at least 0.

    Attributes:
        best: the lowest loss that counted as better; infinity before the first.
        best_step: its number, counted from 0; -1 before the first.
        bad_steps: checks since then.

    Raises:
        ValueError: patience or min_delta is out of range.
    """

    def __init__(self, patience: int = 10, min_delta: float = 0.0) -> None:
        if patience < 1:
            raise ValueError(f"EarlyStopping: patience must be at least 1, got {patience}")
        if not min_delta >= 0.0:
            raise ValueError(f"EarlyStopping: min_delta must be non-negative, got {min_delta}")
        self.patience, self.min_delta = patience, min_delta
        self.best, self.best_step, self.steps, self.bad_steps = inf, -1, 0, 0
        self._weights: dict[str, Tensor] = {}

    def step(self, loss: float | Tensor, model: nn.Module | None = None) -> bool:
        """Note one validation loss, with the model's weights if it is the best; True when it is time to stop."""
        value = float(loss)
        if not isnan(value) and (self.best_step < 0 or value < self.best - self.min_delta):
            self.best, self.best_step, self.bad_steps = value, self.steps, 0
            if model is not None:
                self._weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        else:
            self.bad_steps += 1
        self.steps += 1
        return self.bad_steps >= self.patience

    def restore(self, model: nn.Module) -> None:
        """Give the model the best weights.

        Raises:
            ValueError: no weights were kept.
        """
        if not self._weights:
            raise ValueError("EarlyStopping: no weights to restore; expected a step with a model before")
        model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on after a restart; tensors and numbers only."""
        names = ("best", "best_step", "steps", "bad_steps")
        return {**{name: getattr(self, name) for name in names}, "weights": dict(self._weights)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        self.best, self.best_step, self.steps, self.bad_steps = (state[n] for n in ("best", "best_step", "steps", "bad_steps"))
        self._weights = dict(state["weights"])


def generalization_loss(losses: Tensor) -> Tensor:
    """GL: by how many per cent each validation loss exceeds the lowest up to it, ``(T,)`` like the losses.

    Raises:
        ValueError: a loss is not positive, so that there is no ratio to the lowest.
    """
    if losses.dim() != 1 or not bool((losses > 0).all()):
        raise ValueError(f"generalization_loss: losses must be positive numbers (T,), got {losses.tolist()}")
    return 100 * (losses / losses.cummin(0).values - 1)


def steps_on_quadratic(optimum: Tensor, curvature: Tensor, lr: float, steps: int) -> Tensor:
    """Where gradient descent from zero gets on sum_i h_i (w_i - w*_i)^2 / 2 in a number of steps, in closed form."""
    return (1 - (1 - lr * curvature) ** steps) * optimum


def equivalent_l2(curvature: Tensor, lr: float, steps: int) -> Tensor:
    """The L2 penalty of each coordinate whose minimum is where ``steps`` steps get.

    Raises:
        ValueError: fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"equivalent_l2: steps must be at least 1, got {steps}")
    left = (1 - lr * curvature) ** steps
    return curvature * left / (1 - left)


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    x, y = torch.linspace(-1, 1, 14)[:, None], torch.sin(3 * torch.linspace(-1, 1, 14))[:, None] + 0.4 * torch.randn(14, 1)
    grid = torch.linspace(-1, 1, 200)[:, None]
    model = nn.Sequential(nn.Linear(1, 100), nn.Tanh(), nn.Linear(100, 1))
    optimizer, stopping = torch.optim.Adam(model.parameters(), lr=1e-2), EarlyStopping(patience=8)
    curve, stopped = [], None
    for step in range(1500):
        if step % 25 == 0:
            with torch.no_grad():
                curve.append((model(grid) - torch.sin(3 * grid)).square().mean().item())
            if stopping.step(curve[-1], model) and stopped is None:
                stopped = step
                break
        optimizer.zero_grad()
        (model(x) - y).square().mean().backward()
        optimizer.step()
    stopping.restore(model)
    restored = (model(grid) - torch.sin(3 * grid)).square().mean().item()
    print(f"best loss {stopping.best:.4f} at step {25 * stopping.best_step}, stopped at {stopped} with {curve[-1]:.4f}")
    print(f"loss with the restored weights {restored:.4f}")
