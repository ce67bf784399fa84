r"""Adam: gradient steps scaled by running estimates of each coordinate's mean and mean square. With AdaMax and NAdam.

Papers
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, arXiv:1412.6980.
    Algorithm 1 (Adam) in the order of the end of section 2; Algorithm 2, section 7.1 (AdaMax).
    Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop (NAdam).

Equations (g_t gradient at step t = 1, 2, ...; m, v, u start at zero)
    mean          m_t = b1 m_{t-1} + (1 - b1) g_t
    square        v_t = b2 v_{t-1} + (1 - b2) g_t^2
    adam          theta_t = theta_{t-1} - lr (m_t / (1 - b1^t)) / (sqrt(v_t / (1 - b2^t)) + eps)
    adamax        u_t = max(b2 u_{t-1}, |g_t| + eps),   theta_t = theta_{t-1} - lr / (1 - b1^t) m_t / u_t
    schedule      mu_t = b1 (1 - 0.96^(t psi) / 2)
    nadam         theta_t = theta_{t-1} - lr ((1 - mu_t) g_t / (1 - prod_{i<=t} mu_i)
                            + mu_{t+1} m_t / (1 - prod_{i<=t+1} mu_i)) / (sqrt(v_t / (1 - b2^t)) + eps)

Deviations from the papers
    1. ``weight_decay`` adds weight_decay * theta to the gradient (an L2 penalty), as in PyTorch; the papers have none.
    2. AdaMax adds eps to |g_t|, as PyTorch does, so that a zero gradient does not divide by zero.
    3. The square root of the bias correction is moved to eps and the step size, which saves a pass over
       the parameters: m / (sqrt(v) + eps sqrt(1 - b2^t)) * lr sqrt(1 - b2^t) / (1 - b1^t). It is exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from refimpl.training.optimizer import Rule

__all__ = ["AdaMax", "Adam", "Moments", "NAdam"]


class Moments(Rule):
    """What the family shares: the step count, the running mean ``exp_avg``, and a second statistic beside it."""

    second = "exp_avg_sq"

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        return {"step": 0, "exp_avg": torch.zeros_like(parameter), self.second: torch.zeros_like(parameter)}

    def move(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        state["step"] += 1
        state["exp_avg"].lerp_(g, 1 - group["betas"][0])
        self.follow(group, p, g, state)

    def follow(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        """Change the second statistic and the parameter, the running mean being up to date."""
        raise NotImplementedError


class Adam(Moments):
    """Adam; drops in for ``torch.optim.Adam``.

    Args:
        params: parameters or parameter groups.
        lr: step size; each coordinate moves by about ``lr`` a step at most.
        betas: decay of the running mean and of the running mean square, each in [0, 1).
        eps: added to the root of the mean square.
        weight_decay: factor of an L2 penalty added to the gradient.
        maximize: climb instead of descend.

    Raises:
        ValueError: a hyperparameter is out of range, or a gradient is sparse.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def follow(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        b1, b2 = group["betas"]
        m, v = state["exp_avg"], state["exp_avg_sq"].mul_(b2).addcmul_(g, g, value=1 - b2)
        correction = sqrt(1 - b2 ** state["step"])
        p.addcdiv_(m, v.sqrt().add_(group["eps"] * correction), value=-group["lr"] * correction / (1 - b1 ** state["step"]))


class AdaMax(Moments):
    """Adam with the largest recent gradient in place of the root mean square; drops in for ``torch.optim.Adamax``.

    Arguments and errors are those of :class:`Adam`; ``betas[1]`` is the decay of the largest magnitude.
    """

    second = "exp_inf"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def follow(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        b1, b2 = group["betas"]
        u = state["exp_inf"]
        torch.maximum(u.mul_(b2), g.abs().add_(group["eps"]), out=u)
        p.addcdiv_(state["exp_avg"], u, value=-group["lr"] / (1 - b1 ** state["step"]))


class NAdam(Moments):
    """Adam that looks ahead along its mean, as Nesterov's momentum does; drops in for ``torch.optim.NAdam``.

    Args:
        momentum_decay: psi, how fast mu_t approaches b1.

    The other arguments and the errors are those of :class:`Adam`.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay, maximize=maximize
        )

    def begin(self, group: dict[str, Any], parameter: Tensor) -> dict[str, Any]:
        return {**super().begin(group, parameter), "mu_product": 1.0}

    def follow(self, group: dict[str, Any], p: Tensor, g: Tensor, state: dict[str, Any]) -> None:
        (b1, b2), t = group["betas"], state["step"]
        mu, mu_next = (b1 * (1 - 0.5 * 0.96 ** (i * group["momentum_decay"])) for i in (t, t + 1))
        state["mu_product"] *= mu
        m, v = state["exp_avg"], state["exp_avg_sq"].mul_(b2).addcmul_(g, g, value=1 - b2)
        correction = sqrt(1 - b2**t)
        root = v.sqrt().add_(group["eps"] * correction)
        p.addcdiv_(g, root, value=-group["lr"] * correction * (1 - mu) / (1 - state["mu_product"]))
        p.addcdiv_(m, root, value=-group["lr"] * correction * mu_next / (1 - state["mu_product"] * mu_next))


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("steps to bring f(x, y) = x^2 + 100 y^2 from (3, 3) below 1e-3")
    for rule, lr in ((Adam, 0.1), (AdaMax, 0.2), (NAdam, 0.1), (torch.optim.SGD, 0.005)):
        point = torch.tensor([3.0, 3.0], requires_grad=True)
        optimizer = rule([point], lr=lr)
        step, loss = 0, torch.tensor(torch.inf)
        while loss >= 1e-3 and step < 3000:
            step += 1
            optimizer.zero_grad()
            loss = point[0] ** 2 + 100 * point[1] ** 2
            loss.backward()
            optimizer.step()
        print(f"  {rule.__name__:8s} lr {lr:<6} {step:5d} steps, loss {loss.item():.2e}")
