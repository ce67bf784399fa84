r"""Simple recurrent network: the hidden state is a squashed sum of the input and the state before.

Papers
    Elman, "Finding Structure in Time", Cognitive Science 14, 1990, doi:10.1207/s15516709cog1402_1: the copied state.
    Schuster and Paliwal, "Bidirectional Recurrent Neural Networks", IEEE Transactions on Signal Processing 45, 1997.
    Werbos, "Backpropagation Through Time: What It Does and How to Do It", Proceedings of the IEEE 78, 1990: the gradient.

Equations (x_t: D inputs, h_t: H units, * elementwise; f = tanh or relu)
    step         h_t = f(W x_t + b + U h_{t-1} + d)
    backward     da_t = f'(a_t) * dh_t,   dh_{t-1} += U^T da_t,   f' = 1 - h_t^2 for tanh, h_t > 0 for relu
    weights      dU = sum_t da_t h_{t-1}^T
    gradient     dh_T / dh_t = prod_{k=T...t+1} diag(f'(a_k)) U
    both         a second set of weights reads from the end; the outputs are concatenated
    deep         layer j reads the outputs of layer j - 1

Deviations from the papers
    1. Elman's units are logistic; tanh and relu are PyTorch's choice.
    2. Two biases, b and d, whose sum alone matters, and all parameters uniform in +-1 / sqrt(H), as in PyTorch.
    3. dU is one product over all steps.
    4. bfloat16 and float16 are projected as they are; the recurrence runs in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.recurrent.one_state import OneStateStack, check_layer, check_nonlinearity, widened

__all__ = ["RNN", "rnn_layer"]


def rnn_layer(projected: Tensor, h0: Tensor, weight_hh: Tensor, nonlinearity: str = "tanh") -> Tensor:
    """Run the recurrence of one layer over a sequence.

    Args:
        projected: W x_t + b + d, ``(T, B, H)``.
        h0: initial state, ``(B, H)``.
        weight_hh: U, ``(H, H)``.
        nonlinearity: "tanh" or "relu".

    Returns:
        All states h_1 ... h_T, ``(T, B, H)``.

    Raises:
        ValueError: a shape does not fit, or the nonlinearity is not known; the message names it.
    """
    check_nonlinearity("rnn_layer", nonlinearity)
    check_layer("rnn_layer", 1, projected, h0, weight_hh)
    inputs = widened(projected, h0, weight_hh)
    h = _Recurrence.apply(*inputs, nonlinearity) if torch.is_grad_enabled() else _states(*inputs, nonlinearity)
    return h.to(projected.dtype)


def _states(projected: Tensor, h: Tensor, weight_hh: Tensor, nonlinearity: str) -> Tensor:
    """All states; differentiable any number of times, step by step."""
    f, transposed, steps = getattr(torch, nonlinearity), weight_hh.t(), []
    for a in projected.unbind():
        h = f(torch.addmm(a, h, transposed))
        steps.append(h)
    return torch.stack(steps)


class _Recurrence(torch.autograd.Function):
    """The forward loop and the derived backward through time."""

    @staticmethod
    def forward(ctx, projected: Tensor, h0: Tensor, weight_hh: Tensor, nonlinearity: str) -> Tensor:
        h = _states(projected, h0, weight_hh, nonlinearity)
        ctx.save_for_backward(projected, h0, weight_hh, h)
        ctx.nonlinearity = nonlinearity
        return h

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        projected, h0, weight_hh, h = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted: differentiate the loop itself
            _, pull_back = torch.func.vjp(lambda *v: _states(*v, ctx.nonlinearity), projected, h0, weight_hh)
            return (*pull_back(grad), None)
        da = 1 - h * h if ctx.nonlinearity == "tanh" else (h > 0).to(h.dtype)  # (T, B, H), the slopes at first
        steps, below, dh = da.unbind(), grad.unbind(), grad[-1]
        for t in range(len(h) - 1, 0, -1):
            dh = torch.addmm(below[t - 1], steps[t].mul_(dh), weight_hh)
        dh = steps[0].mul_(dh) @ weight_hh
        before = torch.cat((h0.unsqueeze(0), h[:-1]))
        return da, dh, da.flatten(0, 1).t() @ before.flatten(0, 1), None


class RNN(OneStateStack):
    """Multi-layer simple recurrent network; arguments, initialization and state dict are those of ``torch.nn.RNN``.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional:
            as in :class:`~refimpl.recurrent.stack.RecurrentStack`.
        nonlinearity: "tanh" or "relu".

    Not offered: packed sequences.

    Raises:
        ValueError: a size is not positive, or an option is not known.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_nonlinearity("RNN", nonlinearity)
        options = (bias, batch_first, dropout, bidirectional)
        super().__init__(input_size, hidden_size, num_layers, *options, rows=1, states=1, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity

    def layer(self, projected: Tensor, h0: Tensor, key: str) -> Tensor:
        return rnn_layer(projected, h0, getattr(self, f"weight_hh_{key}"), self.nonlinearity)

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    print("length of dh_T / dh_1 along a direction, for U scaled to a largest singular value s, 32 tanh units")
    for s in (0.5, 1.0, 1.5, 3.0):
        u = torch.randn(32, 32)
        u *= s / torch.linalg.matrix_norm(u, 2)
        lengths = []
        for steps in (5, 20, 80):
            h0 = (0.1 * torch.randn(1, 32)).requires_grad_()
            h = rnn_layer(torch.zeros(steps, 1, 32), h0, u)
            (slope,) = torch.autograd.grad(h[-1].sum(), h0)
            lengths.append(f"{slope.norm().item():.1e}")
        print(f"  s {s:<4g} after 5, 20 and 80 steps:", *lengths)
