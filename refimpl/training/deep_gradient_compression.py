r"""Deep gradient compression: each worker sends its largest updates alone and keeps the others for later.

Paper
    Lin, Han, Mao, Wang and Dally, "Deep Gradient Compression: Reducing the Communication Bandwidth for Distributed
    Training", ICLR 2018, arXiv:1712.01887, sections 3.1 to 3.3 and the algorithms of its appendix.

Equations (worker k of N with gradient g_k of its share of the batch, momentum m, ratio r)
    clip       g_k <- g_k / N, then scaled down to a norm of at most c / sqrt(N)
    velocity   u_k <- m u_k + g_k                   nesterov: u_k <- m (u_k + g_k)
    residual   v_k <- v_k + u_k                     nesterov: v_k <- v_k + u_k + g_k
    select     S_k = the ceil(r n) entries of v_k that are largest in magnitude, tensor by tensor
    clear      after sending, v_k = 0 on S_k, and u_k = 0 on S_k as well ("momentum factor masking")
    step       w <- w - eta sum_k sparse(v_k),      sparse(v) being v on S and 0 elsewhere
    warmup     r_e = max(r, 4^-(e + 1))   in epoch e = 0, 1, ...: 25%, 6.25%, 1.5625%, 0.39%, then 0.1%

Where r = 1, all is sent: with masking this is gradient descent without momentum, without masking momentum SGD.

Deviations from the paper
    1. The largest entries are found exactly; the paper estimates a threshold from a sample.
    2. Every tensor is compressed; the messages are indices and values without further coding.
    3. The norm of ``clip`` is that of one parameter group.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from refimpl.training.optimizer import Rule, need
from refimpl.training.workers import workers

__all__ = ["DGC", "accumulate_", "select_", "warmup_ratio"]


@torch.no_grad()
def accumulate_(velocity: Tensor, residual: Tensor, gradient: Tensor, momentum: float, nesterov: bool = False) -> None:
    """Add a gradient to the velocity and the velocity to the residual, in place; all of one shape."""
    if nesterov:
        velocity.add_(gradient).mul_(momentum)
        residual.add_(velocity).add_(gradient)
    else:
        velocity.mul_(momentum).add_(gradient)
        residual.add_(velocity)


@torch.no_grad()
def select_(velocity: Tensor, residual: Tensor, ratio: float, masking: bool = True) -> tuple[Tensor, Tensor]:
    """The largest entries of the residual, which is cleared there, and with it the velocity if ``masking``.

    Args:
        velocity, residual: contiguous, of one shape with n numbers.
        ratio: share r of the entries in (0, 1].

    Returns:
        Flat indices and values of ``ceil(r n)`` entries.
    """
    flat = residual.view(-1)
    indices = flat.abs().topk(math.ceil(ratio * len(flat)), sorted=False).indices
    values = flat[indices]
    flat.index_fill_(0, indices, 0.0)
    if masking:
        velocity.view(-1).index_fill_(0, indices, 0.0)
    return indices, values


def warmup_ratio(epoch: int, ratio: float = 0.001) -> float:
    """The share of entries sent in an epoch, counted from 0: a quarter at first, then a quarter of the last one, down to ``ratio``."""
    return max(ratio, 4.0 ** -(epoch + 1))


class DGC(Rule):
    """SGD with momentum whose gradients are compressed; every worker makes its own, with the same arguments.

    Args:
        params: parameters or groups, the same on every worker; all must have gradients in every step.
        lr: step size eta.
        momentum: m.
        ratio: share of the entries sent, in (0, 1]; set ``group["ratio"]`` between steps for a warm-up.
        clip: norm c to which the sum of the gradients would be clipped; None for no clipping.
        nesterov: look ahead along the velocity.
        masking: clear the velocity too where an entry has been sent.
        group: the processes, all by default.

    Raises:
        ValueError: a hyperparameter is out of range.
        RuntimeError: there is no process group.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.9,
        ratio: float = 0.001,
        clip: float | None = None,
        nesterov: bool = False,
        masking: bool = True,
        group: dist.ProcessGroup | None = None,
    ) -> None:
        need("DGC", "ratio", ratio, 0.0 < ratio <= 1.0, "in (0, 1]")
        clip = math.inf if clip is None else clip
        need("DGC", "clip", clip, clip > 0.0, "positive")
        self.workers, self.group = workers("DGC", group), group
        super().__init__(params, lr=lr, momentum=momentum, ratio=ratio, clip=clip, nesterov=nesterov, masking=masking)

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        new = torch.zeros_like(parameter, memory_format=torch.contiguous_format)
        return {"velocity": new, "residual": new.clone()}

    def update(self, group: dict[str, Any], parameters: list[Tensor], gradients: list[Tensor], states: list[dict[str, Any]]) -> None:
        gradients = [g / self.workers for g in gradients]
        if gradients and group["clip"] < math.inf:
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
            torch._foreach_mul_(gradients, (group["clip"] / math.sqrt(self.workers) / norm).clamp(max=1.0))
        for p, g, state in zip(parameters, gradients, states, strict=True):
            accumulate_(state["velocity"], state["residual"], g, group["momentum"], group["nesterov"])
            chosen = select_(state["velocity"], state["residual"], group["ratio"], group["masking"])
            indices, values = (self._gather(piece) for piece in chosen)
            total = torch.zeros_like(state["residual"]).view(-1).index_add_(0, indices, values)
            p.sub_(total.view_as(p), alpha=group["lr"])

    def _gather(self, piece: Tensor) -> Tensor:
        """The vectors of all workers, one behind the other."""
        found = [torch.empty_like(piece) for _ in range(self.workers)]
        dist.all_gather(found, piece, group=self.group)
        return torch.cat(found)


def _demonstration(rank: int, seed: int) -> None:
    from torch import nn

    from refimpl.data import digits_split

    data = digits_split()
    for ratio in (1.0, 0.01):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
        optimizer = DGC(model.parameters(), lr=0.2, ratio=ratio, masking=ratio < 1)
        torch.manual_seed(seed + rank)
        for _ in range(200):
            batch = torch.randint(len(data.x), (32,))
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(data.x[batch]), data.y[batch]).backward()
            optimizer.step()
        right = (model(data.x_test).argmax(1) == data.y_test).double().mean().item()
        if rank == 0:
            print(f"two workers, {ratio:4.0%} of the gradients sent: {right:.3f} of the test digits right after 200 steps")


if __name__ == "__main__":
    from refimpl.demo import arguments
    from refimpl.training.workers import demonstrate

    arguments(__doc__)
    demonstrate(_demonstration, 2, torch.initial_seed())
