r"""JANET: the LSTM with only its forget gate; what is not forgotten is written.

Paper
    van der Westhuizen and Lasenby, "The unreasonable effectiveness of the forget gate", 2018, arXiv:1804.04849.
    Equations of section 2 and 3, with beta; chrono initialization after Tallec and Ollivier, ICLR 2018, arXiv:1804.11188.

Equations (x_t: D inputs, h_t: H units, * elementwise; a_t = W x_t + b + U h_{t-1} + d, one of each for s, g)
    gate         f_t = sigmoid(a_s),   i_t = 1 - sigmoid(a_s - beta)
    candidate    g_t = tanh(a_g)
    state        h_t = f_t * h_{t-1} + i_t * g_t
    backward     da_s = dh_t * (h_{t-1} * f_t (1 - f_t) - g_t * i_t (1 - i_t)),   da_g = dh_t * i_t * (1 - g_t^2)
                 dh_{t-1} += dh_t * f_t + U^T da
    chrono       b_s = log(u),   u uniform in [1, T_max - 1];   b_g = 0

Deviations from the paper
    1. Two biases, b and d, whose sum alone matters, and weights uniform in +-1 / sqrt(H), as in PyTorch's layers; with chrono
       initialization b_s is the paper's and the other biases are zero.
    2. Layers above the first and both directions are those of the other stacks here; the paper has one layer.
    3. bfloat16 and float16 are projected as they are; the recurrence runs in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.recurrent.one_state import OneStateStack, check_layer, widened

__all__ = ["JANET", "janet_layer"]


def janet_layer(projected: Tensor, h0: Tensor, weight_hh: Tensor, beta: float = 1.0) -> Tensor:
    """Run the recurrence of one layer over a sequence.

    Args:
        projected: W x_t + b + d, ``(T, B, 2 H)`` in the order s, g.
        h0: initial state, ``(B, H)``.
        weight_hh: U, ``(2 H, H)``.
        beta: how much more is written than is forgotten.

    Returns:
        All states h_1 ... h_T, ``(T, B, H)``.

    Raises:
        ValueError: a shape does not fit; the message names it.
    """
    check_layer("janet_layer", 2, projected, h0, weight_hh)
    inputs = widened(projected, h0, weight_hh)
    h = _Recurrence.apply(*inputs, beta) if torch.is_grad_enabled() else _unroll(*inputs, beta)[0]
    return h.to(projected.dtype)


def _unroll(projected: Tensor, h: Tensor, weight_hh: Tensor, beta: float) -> list[Tensor]:
    """All h, f, i and g, each ``(T, B, H)``; differentiable any number of times."""
    transposed, steps = weight_hh.t(), []
    for a in projected.unbind():
        s, g = torch.addmm(a, h, transposed).chunk(2, 1)
        f, i, g = s.sigmoid(), (beta - s).sigmoid(), g.tanh()
        h = torch.addcmul(f * h, i, g)
        steps.append((h, f, i, g))
    return [torch.stack(values) for values in zip(*steps, strict=True)]


class _Recurrence(torch.autograd.Function):
    """The forward loop and the derived backward through time."""

    @staticmethod
    def forward(ctx, projected: Tensor, h0: Tensor, weight_hh: Tensor, beta: float) -> Tensor:
        h, f, i, g = _unroll(projected, h0, weight_hh, beta)
        ctx.save_for_backward(projected, h0, weight_hh, h, f, i, g)
        ctx.beta = beta
        return h

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        projected, h0, weight_hh, h, f, i, g = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted: differentiate the loop itself
            _, pull_back = torch.func.vjp(lambda *v: _unroll(*v, ctx.beta)[0], projected, h0, weight_hh)
            return (*pull_back(grad), None)
        before = torch.cat((h0.unsqueeze(0), h[:-1]))
        slopes = torch.stack((before * f * (1 - f) - g * i * (1 - i), i * (1 - g * g)), 2)  # (T, B, 2, H): da by dh
        steps, flat, keep, dh = slopes.unbind(), slopes.flatten(2).unbind(), f.unbind(), grad[-1]
        below = (torch.zeros_like(h0), *grad[:-1].unbind())
        for t in range(len(h) - 1, -1, -1):
            steps[t].mul_(dh.unsqueeze(1))
            dh = torch.addcmul(torch.addmm(below[t], flat[t], weight_hh), dh, keep[t])
        da = slopes.flatten(2)  # (T, B, 2 H)
        return da, dh, da.flatten(0, 1).t() @ before.flatten(0, 1), None


class JANET(OneStateStack):
    """Multi-layer JANET; arguments are those of ``torch.nn.GRU``, parameters have two rows a unit in the order s, g.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional:
            as in :class:`~refimpl.recurrent.stack.RecurrentStack`.
        beta: how much more is written than is forgotten; 0 writes exactly what is forgotten.
        longest: T_max, the longest dependency that is expected, for chrono initialization; None leaves it out.

    Raises:
        ValueError: a size is not positive, longest is below 2 or given without bias, or ``dropout`` is no probability.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        beta: float = 1.0,
        longest: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if longest is not None and (longest < 2 or not bias):
            raise ValueError(f"JANET: longest must be at least 2, with bias=True, got {longest} and bias={bias}")
        options = (bias, batch_first, dropout, bidirectional)
        self.longest = longest
        super().__init__(input_size, hidden_size, num_layers, *options, rows=2, states=1, device=device, dtype=dtype)
        self.beta = beta

    def reset_parameters(self) -> None:
        """Uniform in plus or minus ``1 / sqrt(hidden_size)``; with ``longest``, biases by chrono initialization."""
        super().reset_parameters()
        if self.longest is None:
            return
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.startswith("bias"):
                    parameter.zero_()
                if name.startswith("bias_ih"):
                    parameter[: self.hidden_size].uniform_(1, self.longest - 1).log_()

    def layer(self, projected: Tensor, h0: Tensor, key: str) -> Tensor:
        return janet_layer(projected, h0, getattr(self, f"weight_hh_{key}"), self.beta)

    def extra_repr(self) -> str:
        more = f", beta={self.beta}" + ("" if self.longest is None else f", longest={self.longest}")
        return super().extra_repr() + more


if __name__ == "__main__":
    from torch import nn

    from refimpl.demo import arguments

    arguments(__doc__)
    length, batch = 30, 64
    print(f"adding problem, length {length}: add the two marked numbers; always answering 1 has error 0.167")
    for name, longest in (("uniform biases", None), ("chrono biases", length)):
        model, read = JANET(2, 16, longest=longest), nn.Linear(16, 1)
        optimizer = torch.optim.Adam([*model.parameters(), *read.parameters()], lr=0.01)
        errors = []
        for step in range(301):
            numbers, marks = torch.rand(length, batch), torch.zeros(length, batch)
            first, second = torch.randint(length // 2, (batch,)), torch.randint(length // 2, length, (batch,))
            marks[first, range(batch)] = marks[second, range(batch)] = 1.0
            output, _ = model(torch.stack((numbers, marks), 2))
            loss = (read(output[-1]).squeeze(1) - (numbers * marks).sum(0)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 100 == 0:
                errors.append(f"{loss.item():.4f}")
        print(f"  {name:15s} error after 0, 100, 200 and 300 steps:", *errors)
