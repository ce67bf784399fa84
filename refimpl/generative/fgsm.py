r"""Fast gradient sign method: move every pixel a little in the direction that raises the loss, and learn from the result.

Paper
    Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015, arXiv:1412.6572.
    Section 4 (the method), 5 (linear models) and 6 (training). The iterated form is that of Madry, Makelov, Schmidt,
    Tsipras and Vladu, "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018, arXiv:1706.06083.

Equations (J the loss of a model with weights theta on inputs x, (N, ...), with labels y; epsilon the largest change of an entry)
    fgsm-perturbation         x~ = x + epsilon sign(grad_x J(theta, x, y))
    fgsm-training             J~ = alpha J(theta, x, y) + (1 - alpha) J(theta, x~, y),   alpha = 0.5
    adversarial-examples-pgd  x^0 = x + u,  u uniform in [-epsilon, epsilon] or 0
                              x^(t+1) = P(x^t + step sign(grad_x J(theta, x^t, y))),   P clamps each entry to x -+ epsilon
    fgsm-logistic             J~ = log(1 + exp(epsilon |w|_1 - y (w x + b))) for the loss log(1 + exp(-y (w x + b))), y = +-1

Deviations from the paper
    1. The perturbed input can be clamped to the range of the data as well.
    2. The gradients of a batch come from one backward pass over the sum of its losses, which are those of the single examples
       where no example's output depends on another's; batch normalization in training mode breaks this.
    3. No gradient passes through the sign, whose derivative is zero almost everywhere; by x it passes as through x + constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["adversarial_loss", "fgsm", "pgd"]

Model = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


def fgsm(
    model: Model, x: Tensor, y: Tensor, epsilon: float, *, loss: Loss = F.cross_entropy, bounds: tuple[float, float] | None = None
) -> Tensor:
    """The input moved by ``epsilon`` in the direction of the sign of its gradient.

    Args:
        model: from inputs to what ``loss`` takes; used in the mode it is in. No parameter's ``grad`` changes.
        x: inputs, floating point, ``(N, ...)``.
        y: labels, as ``loss`` takes them.
        epsilon: the largest change of an entry.
        loss: of outputs and labels, a scalar or one number an example.
        bounds: smallest and largest value of the data, to which the result is clamped.

    Returns:
        x~, like ``x``.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """
    return _ascend("fgsm", model, x, y, epsilon, epsilon, 1, loss, bounds)


def pgd(
    model: Model,
    x: Tensor,
    y: Tensor,
    epsilon: float,
    step_size: float,
    steps: int,
    *,
    random_start: bool = True,
    loss: Loss = F.cross_entropy,
    bounds: tuple[float, float] | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Projected gradient ascent on the loss: :func:`fgsm` in several smaller steps, clamped to the cube of half-width ``epsilon``.

    Args:
        step_size: how far each step goes.
        steps: their number.
        random_start: begin at a random point of the cube instead of at ``x``.
        generator: where that comes from; PyTorch's global one by default.
        model, x, y, epsilon, loss, bounds: as in :func:`fgsm`.

    Returns:
        The last point, like ``x``.

    Raises:
        ValueError: an argument is out of range; the message names it.
    """
    if not 0.0 <= step_size < math.inf:
        raise ValueError(f"pgd: step_size must be non-negative and finite, got {step_size}")
    if steps < 1:
        raise ValueError(f"pgd: steps must be positive, got {steps}")
    return _ascend("pgd", model, x, y, epsilon, step_size, steps, loss, bounds, random_start, generator)


def adversarial_loss(
    model: Model,
    x: Tensor,
    y: Tensor,
    epsilon: float,
    alpha: float = 0.5,
    *,
    loss: Loss = F.cross_entropy,
    bounds: tuple[float, float] | None = None,
) -> Tensor:
    """The objective of adversarial training: the losses of the input, with weight ``alpha``, and of :func:`fgsm`'s answer to it.

    Raises:
        ValueError: ``alpha`` lies outside [0, 1], or see :func:`fgsm`.
    """
    if not 0.0 <= alpha <= 1.0:
        raise ValueError(f"adversarial_loss: alpha must lie in [0, 1], got {alpha}")
    adversary = fgsm(model, x, y, epsilon, loss=loss, bounds=bounds)
    return alpha * loss(model(x), y) + (1.0 - alpha) * loss(model(adversary), y)


def _ascend(
    function: str,
    model: Model,
    x: Tensor,
    y: Tensor,
    epsilon: float,
    step_size: float,
    steps: int,
    loss: Loss,
    bounds: tuple[float, float] | None,
    random_start: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Both methods, after the checks that they share."""
    if not x.is_floating_point():
        raise ValueError(f"{function}: x must be floating point, got {x.dtype}")
    if not 0.0 <= epsilon < math.inf:
        raise ValueError(f"{function}: epsilon must be non-negative and finite, got {epsilon}")
    if bounds is not None and not bounds[0] < bounds[1]:
        raise ValueError(f"{function}: bounds must be (smallest, largest), got {bounds}")
    lower, upper = x - epsilon, x + epsilon
    if bounds is not None:
        lower, upper = lower.clamp(*bounds), upper.clamp(*bounds)
    adversary = x
    if random_start:
        place = torch.rand(x.shape, dtype=x.dtype, device=x.device, generator=generator)  # in the cube, from 0 to 1
        adversary = torch.clamp(x + epsilon * (2.0 * place - 1.0), lower, upper)
    for _ in range(steps):
        with torch.enable_grad():
            point = adversary.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(loss(model(point), y).sum(), point)
        adversary = torch.clamp(adversary + step_size * gradient.sign(), lower, upper)
    return adversary


if __name__ == "__main__":
    from refimpl.data import digits_split
    from refimpl.demo import arguments

    device = arguments(__doc__)
    data = digits_split(device=device)
    x, x_test = data.x.flatten(1), data.x_test.flatten(1)
    print("right on 360 test digits of 8 x 8 pixels in [0, 1]")
    for name, epsilon in (("plain training", 0.0), ("adversarial training, epsilon 0.1", 0.1)):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
        adam = torch.optim.Adam(net.parameters(), lr=0.005)
        for _ in range(120):
            adam.zero_grad()
            adversarial_loss(net, x, data.y, epsilon, bounds=(0.0, 1.0)).backward()
            adam.step()
        attacked = {
            "clean": x_test,
            "random signs of 0.1": (x_test + 0.1 * torch.randn_like(x_test).sign()).clamp(0, 1),
            "FGSM 0.1": fgsm(net, x_test, data.y_test, 0.1, bounds=(0.0, 1.0)),
            "10 steps within 0.1": pgd(net, x_test, data.y_test, 0.1, 0.025, 10, bounds=(0.0, 1.0)),
        }
        right = {kind: (net(z).argmax(1) == data.y_test).float().mean().item() for kind, z in attacked.items()}
        print(f"  {name}: " + ", ".join(f"{kind} {r:.0%}" for kind, r in right.items()))
