r"""Batch normalization: give each channel zero mean and unit variance over the mini-batch.

Paper
    Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", ICML 2015, arXiv:1502.03167. Algorithm 1 (forward), section 3 (backward), section 3.1 (inference).

Equations (x over m = N d1 d2 ... positions, for each channel)
    statistics   mu = mean(x),   var = mean((x - mu)^2)
    transform    y = gamma (x - mu) / sqrt(var + eps) + beta
    backward     dgamma = sum(g xhat),   dbeta = sum(g),   xhat = (x - mu) / sqrt(var + eps)
                 dx = gamma / sqrt(var + eps) (g - dbeta / m - xhat dgamma / m)
    running      r <- (1 - momentum) r + momentum s,   s the batch mean, or var m / (m - 1)

Deviations from the paper
    1. Inference uses exponential moving averages, as every framework does; the paper averages over
       several training batches (Algorithm 2, step 10).
    2. The running variance takes the unbiased estimate m / (m - 1), as the paper and PyTorch do;
       flax and others keep the biased one.
    3. dx is the paper's chain of six derivatives (section 3) multiplied out.
    4. x - mu is formed before it is scaled: gamma x / s - gamma mu / s cancels when |mu| is large.
    5. bfloat16 and float16 inputs are normalized in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "batch_norm"]


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | Tensor | None = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel; drops in for ``torch.nn.functional.batch_norm``.

    Args:
        input: ``(N, C)`` or ``(N, C, d1, ...)``.
        running_mean, running_var: moving averages, ``(C,)``; updated in place when training, used when not.
        weight, bias: gamma and beta, ``(C,)``.
        training: use and record the statistics of this batch.
        momentum: share of the new batch in the moving averages; not used unless they are updated.
        eps: added to the variance.

    Returns:
        A tensor like ``input``.

    Raises:
        ValueError: a shape or parameter does not fit; the message names it.
    """
    if input.dim() < 2 or not input.is_floating_point():
        raise ValueError(f"batch_norm: input must be floating point (N, C, ...), got {input.dtype} of shape {tuple(input.shape)}")
    check("batch_norm", input, running_mean, running_var, weight, bias, training, eps)
    x = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
    if not training:
        scale = torch.rsqrt(running_var.to(x.dtype) + eps)
        scale = scale if weight is None else weight * scale
        y = (x - _channels(running_mean, x)) * _channels(scale, x)
        return (y if bias is None else y + _channels(bias, x)).to(input.dtype)

    gamma = x.new_ones(x.shape[1]) if weight is None else weight
    beta = x.new_zeros(x.shape[1]) if bias is None else bias
    y, mean, var = Normalize.apply(x, gamma, beta, eps)
    if running_mean is not None:
        record(mean, var, running_mean, running_var, x.numel() // x.shape[1], momentum)
    return y.to(input.dtype)


class Normalize(torch.autograd.Function):
    """(x, gamma, beta, eps) to (y, mean, var), with the derived backward, which reads the data fewer times than autograd's."""

    @staticmethod
    def forward(ctx, x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        centered, mean, var = _center(x)
        inv_std = torch.rsqrt(var + eps)  # (C,)
        ctx.save_for_backward(x, gamma, mean, inv_std)
        ctx.eps = eps
        y = centered.mul_(_channels(gamma * inv_std, x)).add_(_channels(beta, x))
        return y, mean, var

    @staticmethod
    def backward(ctx, g: Tensor, _mean: Tensor, _var: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, gamma, mean, inv_std = ctx.saved_tensors
        dims, m = _reduced(x), x.numel() // x.shape[1]
        d_beta = g.sum(dims)
        if torch.is_grad_enabled():  # a second derivative is wanted: it must see how the statistics depend on x
            centered, _, var = _center(x)
            inv_std = torch.rsqrt(var + ctx.eps)
            d_gamma = (g * centered).sum(dims) * inv_std
            d_xhat = centered * _channels(-d_gamma * inv_std / m, x) + g - _channels(d_beta / m, x)
            return d_xhat * _channels(gamma * inv_std, x), d_gamma, d_beta, None
        centered = x - _channels(mean, x)  # the same in place: new memory costs more here than arithmetic
        d_gamma = (g * centered).sum(dims) * inv_std
        d_xhat = centered.mul_(_channels(-d_gamma * inv_std / m, x)).add_(g).sub_(_channels(d_beta / m, x))
        return d_xhat.mul_(_channels(gamma * inv_std, x)), d_gamma, d_beta, None


def _center(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x - mean, the mean and the variance, in two passes: several times faster than ``torch.var_mean`` over these dimensions on a CPU."""
    dims = _reduced(x)
    mean = x.mean(dims)
    centered = x - _channels(mean, x)
    return centered, mean, centered.square().mean(dims)


def _reduced(x: Tensor) -> tuple[int, ...]:
    return (0, *range(2, x.dim()))


def _channels(v: Tensor, x: Tensor) -> Tensor:
    """``(C,)`` to ``(1, C, 1, ...)``, so that it broadcasts over ``x``."""
    return v.view(1, -1, *(1,) * (x.dim() - 2))


def check(
    function: str,
    input: Tensor,
    mean: Tensor | None,
    var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool | None,
    eps: float,
) -> None:
    """Raise a ``ValueError`` in the name of ``function`` where statistics, parameters and input do not fit each other.

    Where ``training`` is None, neither statistics nor more than one value a channel are asked for.
    """
    channels = input.shape[1]
    for name, value in (("running_mean", mean), ("running_var", var), ("weight", weight), ("bias", bias)):
        if value is not None and value.shape != (channels,):
            raise ValueError(f"{function}: {name} must have shape ({channels},) for input {tuple(input.shape)}, got {tuple(value.shape)}")
    if (mean is None) != (var is None):
        raise ValueError(f"{function}: running_mean and running_var must be given together")
    if training is False and mean is None:
        raise ValueError(f"{function}: running_mean and running_var are needed when training is False")
    if training and input.numel() <= channels:
        raise ValueError(f"{function}: expected more than one value per channel when training, got input of shape {tuple(input.shape)}")
    if not eps >= 0.0:
        raise ValueError(f"{function}: eps must be non-negative, got {eps}")


def record(mean: Tensor, var: Tensor, running_mean: Tensor, running_var: Tensor, positions: int, momentum: float | Tensor) -> None:
    """Move the running averages ``(C,)`` toward a batch's mean and biased variance over ``positions`` values a channel."""
    with torch.no_grad():
        running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        running_var.lerp_((var * (positions / (positions - 1))).to(running_var.dtype), momentum)


class BatchNorm(nn.Module):
    """Batch normalization as a layer; parameters, buffers and state dict are those of ``torch.nn.BatchNorm2d``.

    Args:
        num_features: number of channels C.
        eps: added to the variance.
        momentum: share of the new batch in the moving averages; None keeps their plain mean over all batches.
        affine: learn gamma and beta.
        track_running_stats: keep moving averages for evaluation; without them every batch uses its own statistics.

    Shape: ``(N, C)`` or ``(N, C, d1, ...)`` to the same; the subclasses fix the number of dimensions.
    """

    dims: tuple[int, ...] | None = None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if num_features < 1:
            raise ValueError(f"BatchNorm: num_features must be positive, got {num_features}")
        if momentum is not None and not 0.0 <= momentum <= 1.0:
            raise ValueError(f"BatchNorm: momentum must lie in [0, 1] or be None, got {momentum}")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.ones(num_features, **new)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features, **new)) if affine else None
        self.register_buffer("running_mean", torch.zeros(num_features, **new) if track_running_stats else None)
        self.register_buffer("running_var", torch.ones(num_features, **new) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", torch.tensor(0, device=device) if track_running_stats else None)

    def begin(self, input: Tensor) -> tuple[bool, float | Tensor | None]:
        """Check the dimensions, count the batch, and return whether to use its statistics and with which momentum to record them."""
        if self.dims and input.dim() not in self.dims:
            raise ValueError(f"{type(self).__name__}: input must have {_or(self.dims)} dimensions, got shape {tuple(input.shape)}")
        momentum = self.momentum
        if self.training and self.track_running_stats:
            self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1.0 / self.num_batches_tracked.to(self.running_mean.dtype)
        return self.training or not self.track_running_stats, momentum

    def forward(self, input: Tensor) -> Tensor:
        training, momentum = self.begin(input)
        return batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, training, momentum, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(BatchNorm):
    """Over ``(N, C)`` or ``(N, C, L)``."""

    dims = (2, 3)


class BatchNorm2d(BatchNorm):
    """Over ``(N, C, H, W)``."""

    dims = (4,)


class BatchNorm3d(BatchNorm):
    """Over ``(N, C, D, H, W)``."""

    dims = (5,)


def _or(numbers: tuple[int, ...]) -> str:
    return " or ".join(map(str, numbers))


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    layer = BatchNorm2d(3)
    x = torch.randn(64, 3, 8, 8) * torch.tensor([1.0, 5.0, 0.1]).view(1, 3, 1, 1) + 7.0
    for _ in range(200):
        y = layer(x)
    print("input  mean", [round(v, 3) for v in x.mean((0, 2, 3)).tolist()], " std", [round(v, 3) for v in x.std((0, 2, 3)).tolist()])
    print("output mean", [round(abs(v), 3) for v in y.mean((0, 2, 3)).tolist()], " std", [round(v, 3) for v in y.std((0, 2, 3)).tolist()])
    evaluated = layer.eval()(x)
    print("largest change from training to evaluation after 200 batches:", f"{(evaluated - y).abs().max().item():.4f}")
