r"""Independently recurrent network: each unit sees only its own past, through one weight whose size bounds the gradient.

Paper
    Li, Li, Cook, Zhu and Gao, "Independently Recurrent Neural Network (IndRNN): Building A Longer and Deeper RNN",
    CVPR 2018, arXiv:1803.04831, section 3 (recurrence), section 3.1 (gradient through time, range of the recurrent weights).

Equations (x_t: D inputs, h_t: H units, * elementwise; u one number a unit; f = relu or tanh)
    step         h_t = f(W x_t + u * h_{t-1} + b)
    gradient     dh_T / dh_t = prod_{k=t+1...T} u * f'(a_k),   f' = h_k > 0 for relu, 1 - h_k^2 for tanh
    bound        |u| <= gamma^(1 / T):   with relu the gradient over T steps does not grow beyond gamma
    backward     dh_t = g_t + u * f'(a_{t+1}) * dh_{t+1},   da_t = f'(a_t) * dh_t,   du = sum_t da_t * h_{t-1}

Which part is a scan
    Forward is a loop over time because of f, of two elementwise operations. Backward is linear in dh_t with known
    coefficients, and therefore a scan of logarithmic depth.

Deviations from the paper
    1. Two biases, whose sum alone matters, and W and biases uniform in +-1 / sqrt(H), as in ``torch.nn.RNN``.
    2. Recurrent weights start uniform in [0, 1], the paper's range [0, gamma^(1 / T)] for long sequences; the narrow range
       that it gives the last layer where only the end of a sequence counts is left to the caller.
    3. Batch normalization and residual connections between layers are left out.
    4. The paper has one CUDA kernel for the loop; here it is PyTorch operations.
    5. bfloat16 and float16 are projected as they are; the recurrence runs in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refimpl.recurrent.linear_scan import propagate
from refimpl.recurrent.one_state import OneStateStack, check_nonlinearity, widened

__all__ = ["IndRNN", "indrnn_layer", "recurrent_bound"]


def recurrent_bound(length: int, gamma: float = 2.0) -> float:
    """The size of a recurrent weight with which a gradient over ``length`` steps grows ``gamma`` times: gamma^(1 / length)."""
    if length < 1:
        raise ValueError(f"recurrent_bound: length must be positive, got {length}")
    if gamma <= 0:
        raise ValueError(f"recurrent_bound: gamma must be positive, got {gamma}")
    return gamma ** (1 / length)


def indrnn_layer(projected: Tensor, h0: Tensor, weight_hh: Tensor, nonlinearity: str = "relu") -> Tensor:
    """Run the recurrence of one layer over a sequence.

    Args:
        projected: W x_t + b, ``(T, B, H)``.
        h0: initial state, ``(B, H)``.
        weight_hh: u, ``(H,)``.
        nonlinearity: "relu" or "tanh".

    Returns:
        All states h_1 ... h_T, ``(T, B, H)``.

    Raises:
        ValueError: a shape does not fit, or the nonlinearity is not known; the message names it.
    """
    check_nonlinearity("indrnn_layer", nonlinearity)
    if projected.dim() != 3 or len(projected) == 0:
        raise ValueError(f"indrnn_layer: projected must have shape (T, B, H) with T > 0, got {tuple(projected.shape)}")
    for name, value, shape in (("h0", h0, projected.shape[1:]), ("weight_hh", weight_hh, projected.shape[2:])):
        if value.shape != shape:
            got = f"projected {tuple(projected.shape)}, got {tuple(value.shape)}"
            raise ValueError(f"indrnn_layer: {name} must have shape {tuple(shape)} for {got}")
    return _Recurrence.apply(*widened(projected, h0, weight_hh), nonlinearity)[1:].to(projected.dtype)


class _Recurrence(torch.autograd.Function):
    """States h_0 ... h_T: a loop forward, a scan backward."""

    @staticmethod
    def forward(ctx, projected: Tensor, h0: Tensor, u: Tensor, nonlinearity: str) -> Tensor:
        f, h, states = torch.relu_ if nonlinearity == "relu" else torch.tanh_, h0, [h0]
        for a in projected.unbind():
            h = f(torch.addcmul(a, u, h))
            states.append(h)
        states = torch.stack(states)
        ctx.save_for_backward(u, states)
        ctx.nonlinearity = nonlinearity
        return states

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        u, states = ctx.saved_tensors
        before, h = states[:-1], states[1:]
        slope = h > 0 if ctx.nonlinearity == "relu" else 1 - h * h
        dh = propagate(slope * u, grad, reverse=True)  # (T + 1, B, H)
        da = slope * dh[1:]
        return da, dh[0], (da * before).sum((0, 1)), None


class IndRNN(OneStateStack):
    """Multi-layer IndRNN; arguments and state dict are those of ``torch.nn.RNN``, but ``weight_hh_lk`` is ``(1, H)``, the diagonal.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional:
            as in :class:`~refimpl.recurrent.stack.RecurrentStack`.
        nonlinearity: "relu" or "tanh".

    Not offered: packed sequences.

    Raises:
        ValueError: a size is not positive, or an option is not known.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "relu",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        check_nonlinearity("IndRNN", nonlinearity)
        options = (bias, batch_first, dropout, bidirectional)
        new = {"vectors": {"weight_hh": 1}, "device": device, "dtype": dtype}
        super().__init__(input_size, hidden_size, num_layers, *options, rows=1, states=1, **new)
        self.nonlinearity = nonlinearity

    def recurrent_weights(self) -> list[nn.Parameter]:
        """u of each layer and direction, ``(1, H)``."""
        return [value for name, value in self.named_parameters() if name.startswith("weight_hh")]

    def reset_parameters(self) -> None:
        """As the base, but the recurrent weights uniformly from [0, 1]."""
        super().reset_parameters()
        for u in self.recurrent_weights():
            nn.init.uniform_(u)

    @torch.no_grad()
    def clip_recurrent_weights(self, bound: float) -> None:
        """Clip each u to plus or minus ``bound``, to be called after an optimizer's step; see :func:`recurrent_bound`."""
        for u in self.recurrent_weights():
            u.clamp_(-bound, bound)

    def layer(self, projected: Tensor, h0: Tensor, key: str) -> Tensor:
        return indrnn_layer(projected, h0, getattr(self, f"weight_hh_{key}").squeeze(0), self.nonlinearity)

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "relu" else f", nonlinearity={self.nonlinearity}")


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    length = 200
    print(f"dh_T / dh_0 of one relu unit over {length} steps, and u^{length}")
    for u in (0.9, 0.99, recurrent_bound(length), 1.05):
        h0 = torch.ones(1, 1, requires_grad=True)
        h = indrnn_layer(torch.full((length, 1, 1), 0.01), h0, torch.tensor([u]))
        (slope,) = torch.autograd.grad(h[-1].sum(), h0)
        print(f"  u {u:.4f}: {slope.item():10.4g} {u**length:10.4g}")
