r"""Gradient noise scale: the batch size at which the noise in a batch's gradient is as large as the gradient itself.

Paper
    McCandlish, Kaplan, Amodei and OpenAI Dota Team, "An Empirical Model of Large-Batch Training", 2018, arXiv:1812.06162.
    Section 2.2 for the step and the noise scales; appendix A.1 for their estimates from two batch sizes.

Equations (G the true gradient, Sigma the covariance of one example's gradient, H the Hessian, G_B the gradient of B examples)
    norm        E |G_B|^2 = |G|^2 + tr(Sigma) / B
    simple      B_simple = tr(Sigma) / |G|^2
    noise       B_noise = tr(H Sigma) / (G^T H G)
    step        eps(B) = eps_max / (1 + B_noise / B),   eps_max = |G|^2 / (G^T H G)
    decrease    dL(B) = dL_max / (1 + B_noise / B),     dL_max = eps_max |G|^2 / 2
    estimates   N = (B |G_B|^2 - b |G_b|^2) / (B - b),  S = (|G_b|^2 - |G_B|^2) / (1/b - 1/B),   E N = |G|^2, E S = tr(Sigma)

Deviations from the paper
    1. Of the gradients of K batches of b examples the small norm is the mean over all K and the big one that of their mean;
       S is then b times their sample variance, which does not cancel where the gradients are large and nearly alike.
    2. The ratio of the estimates is biased; as in the paper both are averaged over steps before. Averages that start at zero need no
       correction in a ratio.
    3. The step is |G|^2 / (G^T H G + tr(H Sigma) / B), which is the same and holds where G^T H G is zero too.
    4. In bfloat16 and float16 the estimates are computed in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refimpl.training.optimizer import need

__all__ = ["RunningNoiseScale", "best_step", "gradient_moments", "moments_of_norms", "noise_scale"]


def noise_scale(gradient: Tensor, covariance: Tensor, hessian: Tensor | None = None) -> Tensor:
    """B_noise of known moments, or B_simple where there is no Hessian.

    Args:
        gradient: G, ``(P,)``.
        covariance: Sigma, ``(P, P)``.
        hessian: H, ``(P, P)``; a multiple of the identity gives B_simple.

    Returns:
        A scalar, in examples.

    Raises:
        ValueError: a shape does not fit.
    """
    _check("noise_scale", gradient, covariance=covariance, **({} if hessian is None else {"hessian": hessian}))
    if hessian is None:
        return covariance.trace() / _square(gradient)
    return (hessian * covariance.mT).sum() / (gradient @ hessian @ gradient)


def best_step(gradient: Tensor, covariance: Tensor, hessian: Tensor, batch_size: float) -> tuple[Tensor, Tensor]:
    """The step size after which the loss is lowest on average, and by how much it falls, on a quadratic.

    Args:
        gradient, covariance, hessian: see :func:`noise_scale`.
        batch_size: B, the number of examples in the gradient that is followed; infinite for the true gradient.

    Returns:
        Step size and decrease, scalars.

    Raises:
        ValueError: a shape does not fit or ``batch_size`` is not positive.
    """
    need("best_step", "batch_size", batch_size, batch_size > 0, "positive")
    _check("best_step", gradient, covariance=covariance, hessian=hessian)
    squared_norm = _square(gradient)
    step = squared_norm / (gradient @ hessian @ gradient + (hessian * covariance.mT).sum() / batch_size)
    return step, step * squared_norm / 2


def moments_of_norms(small: Tensor, big: Tensor, small_batch: int, big_batch: int) -> tuple[Tensor, Tensor]:
    """Unbiased estimates of |G|^2 and tr(Sigma) from the squared norms of two gradients.

    Args:
        small, big: squared norms of the gradients, of any shape; may be averages over several gradients.
        small_batch, big_batch: how many examples each gradient averages, b and B.

    Returns:
        N and S, like the norms; either may be negative.

    Raises:
        ValueError: the batch sizes are not positive and increasing.
    """
    need("moments_of_norms", "small_batch", small_batch, small_batch >= 1, "at least 1")
    need("moments_of_norms", "big_batch", big_batch, big_batch > small_batch, f"above small_batch {small_batch}")
    squared_norm = (big_batch * big - small_batch * small) / (big_batch - small_batch)
    return squared_norm, (small - big) / (1 / small_batch - 1 / big_batch)


def gradient_moments(gradients: Tensor, batch_size: int = 1) -> tuple[Tensor, Tensor]:
    """Unbiased estimates of |G|^2 and tr(Sigma) from the gradients of several batches of one size.

    Both add up over parameters: sum what this gives for each of them.

    Args:
        gradients: of K batches, ``(K, ...)``, K at least 2.
        batch_size: b, how many examples each of them averages; 1 for gradients of single examples.

    Returns:
        N, which may be negative, and S, scalars.

    Raises:
        ValueError: there are fewer than two gradients, or ``batch_size`` is not positive.
    """
    if gradients.dim() < 1 or len(gradients) < 2:
        raise ValueError(f"gradient_moments: gradients must be (K, ...) with K at least 2, got shape {tuple(gradients.shape)}")
    need("gradient_moments", "batch_size", batch_size, batch_size >= 1, "at least 1")
    wide = gradients.to(torch.promote_types(gradients.dtype, torch.float32))
    mean = wide.mean(0)
    variance = _square(wide - mean) / (len(gradients) - 1)
    squared_norm = _square(mean) - variance / len(gradients)
    return squared_norm.to(gradients.dtype), (batch_size * variance).to(gradients.dtype)


class RunningNoiseScale(nn.Module):
    """B_simple as the ratio of running averages of both estimates.

    Args:
        decay: how much of the averages stays at each call, in [0, 1).
        device, dtype: of the averages.

    Raises:
        ValueError: ``decay`` is out of range.
    """

    squared_norm: Tensor
    trace: Tensor

    def __init__(self, decay: float = 0.99, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        need("RunningNoiseScale", "decay", decay, 0.0 <= decay < 1.0, "in [0, 1)")
        self.decay = decay
        for name in ("squared_norm", "trace"):
            self.register_buffer(name, torch.zeros((), device=device, dtype=dtype))

    @torch.no_grad()
    def forward(self, squared_norm: Tensor, trace: Tensor) -> Tensor:
        """Take the estimates of one step; returns B_simple so far, negative while the average of N is."""
        self.squared_norm.lerp_(squared_norm.to(self.squared_norm), 1 - self.decay)
        self.trace.lerp_(trace.to(self.trace), 1 - self.decay)
        return self.trace / self.squared_norm

    def extra_repr(self) -> str:
        return f"decay={self.decay}"


def _square(x: Tensor) -> Tensor:
    return torch.dot(x.flatten(), x.flatten())


def _check(function: str, gradient: Tensor, **matrices: Tensor) -> None:
    if gradient.dim() != 1:
        raise ValueError(f"{function}: gradient must be (P,), got shape {tuple(gradient.shape)}")
    for name, matrix in matrices.items():
        if matrix.shape != (len(gradient), len(gradient)):
            raise ValueError(f"{function}: {name} must be ({len(gradient)}, {len(gradient)}), got shape {tuple(matrix.shape)}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    hessian, theta = torch.linspace(0.5, 2.0, 20).diag(), torch.linspace(0.5, 0.1, 20)
    gradient, covariance = hessian @ theta, hessian @ hessian
    print("loss (theta - x)^T H (theta - x) / 2 over x ~ N(0, I), 20 parameters 0.5 to 0.1 away from the minimum")
    simple, noise = noise_scale(gradient, covariance).item(), noise_scale(gradient, covariance, hessian).item()
    running = RunningNoiseScale()
    for step in range(1, 1001):
        batches = (theta - torch.randn(8, 4, 20)).mean(1) @ hessian  # (K, P): 8 batches of 4 examples
        estimate = running(*gradient_moments(batches, batch_size=4)).item()
        if step in (1, 10, 100, 1000):
            print(f"  estimate after {step:4d} steps of 8 batches of 4: {estimate:8.1f}, B_simple is {simple:.1f}")
    _, most = best_step(gradient, covariance, hessian, float("inf"))
    print(f"decrease of the loss in one best step, beside that of the true gradient; B_noise is {noise:.1f}")
    for batch in (1, 4, 16, 64, 256):
        step, decrease = best_step(gradient, covariance, hessian, batch)
        examples = theta - torch.randn(20_000, 20) / batch**0.5  # the mean of a batch is drawn, not its examples
        after = theta - step * (examples @ hessian)
        measured = (theta @ hessian @ theta - ((after @ hessian) * after).sum(1).mean()) / 2
        print(f"  batch {batch:3d}: step {step:.3f}   {decrease / most:6.1%}, measured {measured / most:6.1%}")
