r"""Supervised training loop: mini-batches in a random order, evaluation, early stopping, and a state from which it goes on exactly.

Sources
    Robbins and Monro, "A Stochastic Approximation Method", Annals of Mathematical Statistics 22, 1951.
    Goodfellow, Bengio, Courville, "Deep Learning", 2016: algorithm 8.1 (stochastic gradient descent), section 7.8 (early stopping).

Equations (f the network, theta its parameters, (x_i, y_i) n examples, B a mini-batch)
    objective    theta* = argmin over theta of 1/n sum_i l(f(x_i; theta), y_i)
    step         theta <- theta - lr 1/|B| sum over i in B of d l(f(x_i; theta), y_i) / d theta
    epoch        each example once, in an order drawn anew; its loss is the mean over all examples, each before its own step

Deviations from the sources
    1. The algorithm draws each mini-batch anew; here an epoch visits every example once, as is usual.
    2. Any optimizer takes the step.
    3. The last mini-batch of an epoch may be smaller and is kept; each step divides by the size of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from refimpl.training.early_stopping import EarlyStopping

__all__ = ["Epoch", "Trainer", "evaluate"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""From outputs and targets to the mean over their rows, a scalar."""


class Epoch(NamedTuple):
    """Mean loss of the steps of an epoch, and what ``validate`` said after it."""

    loss: float
    validation: float | None


@torch.no_grad()
def evaluate(model: nn.Module, input: Tensor, target: Tensor, loss: Loss, batch_size: int = 1024) -> float:
    """The mean loss over all rows in evaluation mode; the mode of the model stays as it was.

    Args:
        input, target: ``(N, ...)`` each.
        loss: the mean over the rows that it is given.
        batch_size: rows at a time.

    Raises:
        ValueError: there is no row, the lengths differ, or the batch size is below 1.
    """
    _check("evaluate", input, target, batch_size)
    mode = model.training
    model.eval()
    try:
        total = sum(loss(model(x), y) * len(x) for x, y in zip(input.split(batch_size), target.split(batch_size), strict=True))
    finally:
        model.train(mode)
    return float(total) / len(input)


class Trainer:
    """Fit a model to examples.

        trainer = Trainer(model, optimizer, cross_entropy, x, y, validate=lambda model: evaluate(model, x_v, y_v, cross_entropy),
                          stopping=EarlyStopping(5))
        history = trainer.fit(50)

    Args:
        model, optimizer: the optimizer holds the model's parameters.
        loss: mean over a mini-batch.
        input, target: ``(N, ...)`` each, where the model is.
        batch_size: rows of a mini-batch.
        seed: of the orders of the examples.
        validate: a number for the model after each epoch, such as a loss on other examples.
        stopping: stops on that number, and gives the model its best weights in the end.
        scheduler: takes a step after each epoch.
        report: called with the number of epochs so far and the last one.

    Attributes:
        history: an :class:`Epoch` for each that is over.
        stopped: whether ``stopping`` has ended the training.

    Raises:
        ValueError: there is no example, the lengths differ, the batch size is below 1, or there is nothing to stop on.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        loss: Loss,
        input: Tensor,
        target: Tensor,
        batch_size: int = 32,
        seed: int = 0,
        *,
        validate: Callable[[nn.Module], float] | None = None,
        stopping: EarlyStopping | None = None,
        scheduler: LRScheduler | None = None,
        report: Callable[[int, Epoch], None] | None = None,
    ) -> None:
        _check("Trainer", input, target, batch_size)
        if stopping is not None and validate is None:
            raise ValueError("Trainer: stopping needs validate, the number to stop on; got None")
        self.model, self.optimizer, self.loss, self.input, self.target = model, optimizer, loss, input, target
        self.batch_size, self.validate, self.stopping, self.scheduler, self.report = batch_size, validate, stopping, scheduler, report
        self.generator = Generator().manual_seed(seed)
        self.order = torch.empty(0, dtype=torch.int64)
        self.position, self.total, self.stopped = 0, 0.0, False
        self.history: list[Epoch] = []

    def fit(self, epochs: int) -> list[Epoch]:
        """Train until so many epochs are over, counted from the first, or until it is time to stop; the history."""
        while len(self.history) < epochs and not self.stopped:
            while not self.step():
                pass
        return self.history

    def step(self) -> bool:
        """One mini-batch; True when it was the last of its epoch."""
        if self.position == 0:
            self.order = torch.randperm(len(self.input), generator=self.generator)
        rows = self.order[self.position : self.position + self.batch_size].to(self.input.device)
        self.model.train()
        loss = self.loss(self.model(self.input[rows]), self.target[rows])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.total = self.total + loss.detach().double() * len(rows)  # read once an epoch
        self.position += len(rows)
        if self.position < len(self.input):
            return False
        self._end_epoch()
        return True

    def _end_epoch(self) -> None:
        mean, self.position, self.total = float(self.total) / len(self.input), 0, 0.0
        if self.scheduler is not None:
            self.scheduler.step()
        validation = None if self.validate is None else float(self.validate(self.model))
        self.history.append(Epoch(mean, validation))
        if self.report is not None:
            self.report(len(self.history), self.history[-1])
        if self.stopping is not None and self.stopping.step(validation, self.model):
            self.stopped = True
            self.stopping.restore(self.model)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on, between any two steps: tensors and numbers only, the global random state included.

        As in PyTorch the tensors are those of the model: save or copy the state before the next step.
        """
        device = self.input.device
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "stopping": None if self.stopping is None else self.stopping.state_dict(),
            "generator": self.generator.get_state(),
            "random": torch.get_rng_state(),
            "random on device": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            "order": self.order,
            "position": self.position,
            "total": float(self.total),
            "stopped": self.stopped,
            "history": [tuple(epoch) for epoch in self.history],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state_dict`, with the same examples and options.

        Raises:
            ValueError: the state is that of another number of examples, or of other options.
        """
        if len(state["order"]) not in (0, len(self.input)):
            raise ValueError(f"Trainer: expected a state of {len(self.input)} examples, got one of {len(state['order'])}")
        for name in ("scheduler", "stopping"):
            if (getattr(self, name) is None) != (state[name] is None):
                wanted, got = ("without" if p is None else "with" for p in (getattr(self, name), state[name]))
                raise ValueError(f"Trainer: expected a state {wanted} {name}, got one {got}")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        if self.stopping is not None:
            self.stopping.load_state_dict(state["stopping"])
        self.generator.set_state(state["generator"].cpu())
        torch.set_rng_state(state["random"].cpu())
        if self.input.device.type == "cuda" and state["random on device"] is not None:
            torch.cuda.set_rng_state(state["random on device"].cpu(), self.input.device)
        self.order, self.position, self.total = state["order"].cpu(), state["position"], state["total"]
        self.stopped, self.history = state["stopped"], [Epoch(*epoch) for epoch in state["history"]]


def _check(function: str, input: Tensor, target: Tensor, batch_size: int) -> None:
    if len(input) < 1 or len(target) != len(input):
        raise ValueError(f"{function}: expected as many targets as inputs, and at least one, got {len(input)} and {len(target)}")
    if batch_size < 1:
        raise ValueError(f"{function}: batch_size must be at least 1, got {batch_size}")


if __name__ == "__main__":
    import io

    from refimpl.data import digits_split
    from refimpl.demo import arguments
    from refimpl.foundations.mlp import MLP
    from refimpl.foundations.softmax_cross_entropy import cross_entropy

    device = arguments(__doc__)
    data = digits_split(device=device)
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)

    def trainer(**options: Any) -> Trainer:
        torch.manual_seed(0)
        model = MLP((64, 32, 10), "relu")
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        return Trainer(model, optimizer, cross_entropy, x[:1000], data.y[:1000], 64, **options)

    def accuracy(output: Tensor, y: Tensor) -> Tensor:
        return (output.argmax(1) == y).double().mean()

    watched = trainer(
        validate=lambda model: evaluate(model, x[1000:], data.y[1000:], cross_entropy),
        stopping=EarlyStopping(4),
        report=lambda n, e: print(f"epoch {n:2d}: loss {e.loss:.3f}, on 437 others {e.validation:.3f}") if n % 5 == 0 else None,
    )
    watched.fit(60)
    print(f"stopped after {len(watched.history)} epochs; right on test digits {evaluate(watched.model, x_test, data.y_test, accuracy):.3f}")
    through, broken = trainer(), trainer()
    through.fit(3)
    for _ in range(20):
        broken.step()
    file = io.BytesIO()
    torch.save(broken.state_dict(), file)
    file.seek(0)
    resumed = trainer()
    resumed.load_state_dict(torch.load(file, weights_only=True))
    resumed.fit(3)
    same = all(torch.equal(a, b) for a, b in zip(through.model.parameters(), resumed.model.parameters(), strict=True))
    print("stopped in the second epoch, saved, resumed: the same weights to the last bit" if same else "the weights differ")
