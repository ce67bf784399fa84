r"""Large mini-batches: scale the step size with the batch, and reach it by a gradual warm-up.

Paper
    Goyal, Dollar, Girshick, Noordhuis, Wesolowski, Kyrola, Tulloch, Jia, He, "Accurate, Large Minibatch SGD: Training
    ImageNet in 1 Hour", 2017, arXiv:1706.02677. Linear scaling rule, section 2.1; gradual warm-up, section 2.2;
    momentum correction, section 3 (remark 2); the schedule of section 5.1.

Equations (k workers with n examples each, base step size eta for n examples)
    scaling       eta_k = k eta,   0.1 kn / 256 for ResNet-50
    warmup        lr_t = eta + (k eta - eta) t / m                              for steps t = 0 ... m
    decay         lr_t = k eta gamma^(number of milestones <= t)                after the warm-up
    correction    v_t = mu (lr_t / lr_{t-1}) v_{t-1} + lr_t g_t,   theta_t = theta_{t-1} - v_t

Deviations from the paper
    1. The step size is set at each step t, not at each epoch; milestones are steps too.
    2. PyTorch's SGD multiplies the whole velocity by the step size, which is the corrected form; ``corrected_momentum``
       is the factor that code with the step size inside the velocity needs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

__all__ = ["WarmupMultiStepLR", "corrected_momentum", "scaled_lr"]


def scaled_lr(lr: float, batch_size: int, reference: int = 256) -> float:
    """The step size for a batch, proportional to the one that suits a reference batch.

    Raises:
        ValueError: a batch size is not positive.
    """
    for name, size in (("batch_size", batch_size), ("reference", reference)):
        if size < 1:
            raise ValueError(f"scaled_lr: {name} must be positive, got {size}")
    return lr * batch_size / reference


def corrected_momentum(momentum: float, lr: float, former_lr: float) -> float:
    """The factor of the former velocity where the velocity is a sum of steps and the step size has changed.

    Raises:
        ValueError: the former step size is not positive.
    """
    if not former_lr > 0:
        raise ValueError(f"corrected_momentum: former_lr must be positive, got {former_lr}")
    return momentum * lr / former_lr


class WarmupMultiStepLR(LRScheduler):
    """Linear warm-up from the optimizer's step size to ``scale`` times it, then decay at milestones.

    Equals ``LinearLR`` followed by ``MultiStepLR`` over an optimizer whose step size is already scaled.

    Args:
        optimizer: its groups' ``lr`` are the base step sizes eta.
        scale: k.
        warmup: m, the number of steps until k eta; 0 starts there.
        milestones: steps, in increasing order, at which the step size is multiplied by ``gamma``.
        gamma: factor at each milestone.
        last_epoch: the last step done, -1 to begin.

    Raises:
        ValueError: a scale that is not positive, a negative warm-up, or milestones out of order or inside the warm-up.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        scale: float,
        warmup: int,
        milestones: Sequence[int] = (),
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        if not scale > 0:
            raise ValueError(f"WarmupMultiStepLR: scale must be positive, got {scale}")
        if warmup < 0:
            raise ValueError(f"WarmupMultiStepLR: warmup must be non-negative, got {warmup}")
        if list(milestones) != sorted(milestones) or any(step < warmup for step in milestones):
            raise ValueError(f"WarmupMultiStepLR: milestones must increase from the end of the warm-up {warmup}, got {list(milestones)}")
        self.scale, self.warmup, self.milestones, self.gamma = scale, warmup, tuple(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The step size of each group at the current step."""
        factor = self.factor(self.last_epoch)
        return [lr * factor for lr in self.base_lrs]

    def factor(self, step: int) -> float:
        """What the base step size is multiplied by at a step."""
        if step < self.warmup:
            return 1 + (self.scale - 1) * step / self.warmup
        return self.scale * self.gamma ** bisect_right(self.milestones, step)


if __name__ == "__main__":
    import torch

    from refimpl.demo import arguments

    arguments(__doc__)
    lr = scaled_lr(0.1, 8192)
    print(f"ResNet-50: 0.1 for 256 images, {lr:g} for 8,192; 5 epochs of warm-up, a tenth at epochs 30, 60 and 80")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = WarmupMultiStepLR(optimizer, scale=8192 / 256, warmup=5, milestones=[30, 60, 80])
    for epoch in range(90):
        if epoch in (0, 1, 2, 4, 5, 29, 30, 59, 60, 80, 89):
            print(f"  epoch {epoch:2d}   lr {optimizer.param_groups[0]['lr']:.4f}")
        optimizer.step()
        schedule.step()
