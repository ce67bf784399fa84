r"""Elastic averaging SGD: workers that wander on their own, tied to a common center by springs.

Paper
    Zhang, Choromanska and LeCun, "Deep Learning with Elastic Averaging SGD", NIPS 2015, arXiv:1412.6651, section 3
    (synchronous) and Algorithm 1 (asynchronous).

Equations (worker i of p at x_i with gradient g_i, center c, rate eta, moving rate alpha)
    update    x_i <- x_i - eta g_i(x_i) - alpha (x_i - c),   c <- c + alpha sum_i (x_i - c)     all from the former x_i and c
    average   the center's step in other words: c <- (1 - beta) c + beta mean_i(x_i),   beta = p alpha
    conserve  with eta = 0 the sum of all x_i and c stays
    exchange  asynchronous, one worker at a time, every tau of its steps: d = alpha (x_i - c),   x_i <- x_i - d,   c <- c + d

Deviations from the paper
    1. The synchronous center has no process of its own: every worker keeps a copy and adds the sum of all differences to it.
    2. The synchronous form takes a period tau too, which the paper gives to the asynchronous one.
    3. Momentum (EAMSGD, Algorithm 2) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from refimpl.training.optimizer import Rule, need
from refimpl.training.workers import pack, unpack_, workers

__all__ = ["EASGD", "elastic_average", "exchange_", "serve_center"]


def elastic_average(x: Tensor, center: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """The pull between all workers and the center, at once.

    Args:
        x: parameters of the workers, ``(p, ...)``.
        center: ``(...)``.
        alpha: moving rate, ``beta / p``; the center stays inside the workers' hull where ``p alpha <= 1``.

    Returns:
        The workers and the center after it.
    """
    if x.shape[1:] != center.shape:
        raise ValueError(f"elastic_average: x must have shape (p, *{tuple(center.shape)}), got {tuple(x.shape)}")
    return x.lerp(center, alpha), center.lerp(x.mean(0), len(x) * alpha)


@torch.no_grad()
def exchange_(x: Tensor, center: Tensor, alpha: float) -> None:
    """The pull between one worker and the center, in place."""
    difference = alpha * (x - center)
    x.sub_(difference)
    center.add_(difference)


class EASGD(Rule):
    """The optimizer of one worker; every worker makes its own, with the same arguments.

    Args:
        params: parameters or groups; all must have gradients in every step.
        lr: step size eta.
        alpha: moving rate; the paper takes ``0.9 / p`` for p workers.
        period: tau, steps between two exchanges; the first step has one.
        master: rank of the process in :func:`serve_center`; None for the synchronous form, in which all processes work.
        group: the processes, all by default.

    The synchronous center starts at worker 0's parameters and is ``state[parameter]["center"]``.

    Raises:
        ValueError: a hyperparameter is out of range.
        RuntimeError: there is no process group.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        alpha: float,
        period: int = 1,
        master: int | None = None,
        group: dist.ProcessGroup | None = None,
    ) -> None:
        need("EASGD", "period", period, period >= 1, "at least 1")
        workers("EASGD", group)
        self.master, self.group = master, group
        super().__init__(params, lr=lr, alpha=alpha, period=period)

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        state: dict[str, Any] = {"step": 0}
        if self.master is None:
            state["center"] = parameter.clone(memory_format=torch.contiguous_format)
            dist.broadcast(state["center"], group=self.group, group_src=0)
        return state

    def update(self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor], states: list[dict[str, Any]]) -> None:
        if parameters and states[0]["step"] % group["period"] == 0:
            (self._average if self.master is None else self._exchange)(group["alpha"], parameters, states)
        for p, g, state in zip(parameters, gradients, states, strict=True):
            state["step"] += 1
            p.sub_(g, alpha=group["lr"])

    def _average(self, alpha: float, parameters: list[Tensor], states: list[dict[str, Any]]) -> None:
        centers = [state["center"] for state in states]
        difference = (pack(parameters) - pack(centers)).mul_(alpha)
        unpack_(pack(parameters) - difference, parameters)
        dist.all_reduce(difference, group=self.group)
        unpack_(pack(centers) + difference, centers)

    def _exchange(self, alpha: float, parameters: list[Tensor], states: list[dict[str, Any]]) -> None:
        message = _message(parameters, alpha)
        dist.send(message, self.master, self.group)
        dist.recv(message, self.master, self.group)
        unpack_(message[:-1], parameters)

    @torch.no_grad()
    def finish(self) -> None:
        """Tell the master that this worker has done its last step."""
        dist.send(_message(self.param_groups[0]["params"], -1.0), self.master, self.group)


def _message(parameters: Sequence[Tensor], alpha: float) -> Tensor:
    """All numbers of the parameters, and behind them the moving rate, or -1 at the end."""
    x = pack(parameters)
    return torch.cat((x, x.new_tensor([alpha])))


@torch.no_grad()
def serve_center(center: Sequence[Tensor], count: int, group: dist.ProcessGroup | None = None) -> None:
    """Keep the center for ``count`` asynchronous workers, in place, until all of them have finished.

    Args:
        center: tensors of the shapes of the workers' parameters, which are one group.
    """
    c = pack(center)
    message = c.new_empty(len(c) + 1)
    while count:
        sender = dist.recv(message, group=group)
        if message[-1] < 0:
            count -= 1
            continue
        exchange_(message[:-1], c, message[-1].item())
        dist.send(message, sender, group)
    unpack_(c, center)


def _demonstration(rank: int, seed: int) -> None:
    from torch import nn

    from refimpl.data import digits_split

    torch.manual_seed(seed)
    data = digits_split()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    centered = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    optimizer = EASGD(model.parameters(), lr=0.3, alpha=0.45, period=4)
    torch.manual_seed(seed + rank)
    for _ in range(120):
        batch = torch.randint(len(data.x), (32,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(data.x[batch]), data.y[batch]).backward()
        optimizer.step()
    unpack_(pack([optimizer.state[p]["center"] for p in model.parameters()]), list(centered.parameters()))
    distance = (pack(list(model.parameters())) - pack(list(centered.parameters()))).norm().item()
    own, common = ((net(data.x_test).argmax(1) == data.y_test).double().mean().item() for net in (model, centered))
    print(f"worker {rank}: {own:.3f} of the test digits right, the center {common:.3f}; distance to it {distance:.2f}")


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.training.workers import demonstrate

    arguments(__doc__)
    demonstrate(_demonstration, 2, torch.initial_seed())
