r"""Gated recurrent unit: one gate mixes the old state with a candidate, another decides how much of the old state the candidate sees.

Papers
    Cho, van Merrienboer, Gulcehre, Bahdanau, Bougares, Schwenk, Bengio, "Learning Phrase Representations using RNN
    Encoder-Decoder for Statistical Machine Translation", EMNLP 2014, arXiv:1406.1078, equations 5 to 8.
    Chung, Gulcehre, Cho, Bengio, "Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling", 2014,
    arXiv:1412.3555.

Equations (x_t: D inputs, h_t: H units, * elementwise; v_t = W x_t + b and u_t = U h_{t-1} + d, one of each for r, z, n)
    gates            r_t = sigmoid(v_r + u_r),   z_t = sigmoid(v_z + u_z)
    candidate-after  n_t = tanh(v_n + r_t * u_n)
    candidate        n_t = tanh(v_n + U_n (r_t * h_{t-1}) + d_n)       with ``reset_after=False``
    update           h_t = (1 - z_t) * n_t + z_t * h_{t-1}
    backward         dn = dh_t * (1 - z_t) * (1 - n_t^2),   dz = dh_t * (h_{t-1} - n_t) * z_t (1 - z_t),
                     dr = dn * u_n * r_t (1 - r_t),   du = (dr, dz, dn * r_t),   dh_{t-1} += dh_t * z_t + U^T du
    weights          dU = sum_t du_t h_{t-1}^T

Deviations from the papers
    1. The reset gate acts after the product with U, on its bias too, as in cuDNN and PyTorch: one product a step serves all three
       rows this way. ``reset_after=False`` gives the papers' candidate.
    2. z keeps the old state, as in the first paper; the second exchanges z and 1 - z.
    3. The papers leave out the biases.
    4. All parameters are uniform in +-1 / sqrt(H), as in PyTorch.
    5. bfloat16 and float16 are projected as they are; the recurrence runs in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.recurrent.one_state import OneStateStack, check_layer, widened

__all__ = ["GRU", "gru_layer"]


def gru_layer(projected: Tensor, h0: Tensor, weight_hh: Tensor, bias_n: Tensor | None = None, *, reset_after: bool = True) -> Tensor:
    """Run the recurrence of one layer over a sequence.

    Args:
        projected: W x_t + b, and d for the gates, ``(T, B, 3 H)`` in the order r, z, n.
        h0: initial state, ``(B, H)``.
        weight_hh: U, ``(3 H, H)``.
        bias_n: d of the candidate, ``(H,)``, which the reset gate multiplies if it acts after the product; None for none.
        reset_after: whether it does; without it the gate acts on the state before the product, as in the papers.

    Returns:
        All states h_1 ... h_T, ``(T, B, H)``.

    Raises:
        ValueError: a shape does not fit; the message names it.
    """
    check_layer("gru_layer", 3, projected, h0, weight_hh)
    hidden = h0.shape[1]
    if bias_n is not None and bias_n.shape != (hidden,):
        raise ValueError(f"gru_layer: bias_n must have shape ({hidden},), got {tuple(bias_n.shape)}")
    inputs = widened(projected, h0, weight_hh, projected.new_zeros(hidden) if bias_n is None else bias_n)
    if not reset_after:
        return _reset_before(*inputs).to(projected.dtype)
    h = _Recurrence.apply(*inputs) if torch.is_grad_enabled() else _unroll(*inputs)[0]
    return h.to(projected.dtype)


def _reset_before(projected: Tensor, h: Tensor, weight_hh: Tensor, bias_n: Tensor) -> Tensor:
    """The papers' recurrence, with two products a step; autograd derives its backward."""
    hidden = h.shape[1]
    gates_hh, n_hh = weight_hh.t().split((2 * hidden, hidden), 1)
    steps = []
    for v in projected.unbind():
        r, z = torch.addmm(v[:, : 2 * hidden], h, gates_hh).sigmoid().chunk(2, 1)
        n = torch.addmm(v[:, 2 * hidden :] + bias_n, r * h, n_hh).tanh()
        h = torch.lerp(n, h, z)
        steps.append(h)
    return torch.stack(steps)


def _unroll(projected: Tensor, h: Tensor, weight_hh: Tensor, bias_n: Tensor) -> list[Tensor]:
    """All h, gates r and z side by side, candidates n and u_n, each ``(T, B, ...)``; differentiable any number of times."""
    transposed, hidden = weight_hh.t(), h.shape[1]
    d = torch.cat((bias_n.new_zeros(2 * hidden), bias_n))
    steps = []
    for v in projected.unbind():
        u = torch.addmm(d, h, transposed)
        gates = (v[:, : 2 * hidden] + u[:, : 2 * hidden]).sigmoid()
        r, z, u_n = gates[:, :hidden], gates[:, hidden:], u[:, 2 * hidden :]
        n = torch.addcmul(v[:, 2 * hidden :], r, u_n).tanh()
        h = torch.lerp(n, h, z)
        steps.append((h, gates, n, u_n))
    return [torch.stack(values) for values in zip(*steps, strict=True)]


class _Recurrence(torch.autograd.Function):
    """The forward loop and the derived backward through time."""

    @staticmethod
    def forward(ctx, projected: Tensor, h0: Tensor, weight_hh: Tensor, bias_n: Tensor) -> Tensor:
        h, gates, n, u_n = _unroll(projected, h0, weight_hh, bias_n)
        ctx.save_for_backward(projected, h0, weight_hh, bias_n, h, gates, n, u_n)
        return h

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, ...]:
        projected, h0, weight_hh, bias_n, h, gates, n, u_n = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted: differentiate the loop itself
            _, pull_back = torch.func.vjp(lambda *v: _unroll(*v)[0], projected, h0, weight_hh, bias_n)
            return pull_back(grad)
        before = torch.cat((h0.unsqueeze(0), h[:-1]))
        r, z = gates.chunk(2, 2)
        to_n = (1 - z) * (1 - n * n)
        slopes = torch.stack((to_n * u_n * r * (1 - r), (before - n) * z * (1 - z), to_n * r), 2)  # (T, B, 3, H): du by dh
        steps, flat, keep, dh = slopes.unbind(), slopes.flatten(2).unbind(), z.unbind(), grad[-1]
        below = (torch.zeros_like(h0), *grad[:-1].unbind())
        later = []
        for t in range(len(h) - 1, -1, -1):
            later.append(dh)
            steps[t].mul_(dh.unsqueeze(1))
            dh = torch.addcmul(torch.addmm(below[t], flat[t], weight_hh), dh, keep[t])
        du = slopes.flatten(2)  # (T, B, 3 H)
        dn = to_n * torch.stack(later[::-1])
        d_projected = torch.cat((du[:, :, : 2 * h.shape[2]], dn), 2)
        return d_projected, dh, du.flatten(0, 1).t() @ before.flatten(0, 1), slopes[:, :, 2].sum((0, 1))


class GRU(OneStateStack):
    """Multi-layer GRU; arguments, initialization and state dict are those of ``torch.nn.GRU``.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional:
            as in :class:`~refimpl.recurrent.stack.RecurrentStack`.
        reset_after: as in :func:`gru_layer`.

    Not offered: packed sequences.

    Raises:
        ValueError: a size is not positive, or ``dropout`` is no probability.
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
        reset_after: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        options = (bias, batch_first, dropout, bidirectional)
        super().__init__(input_size, hidden_size, num_layers, *options, rows=3, states=1, device=device, dtype=dtype)
        self.reset_after = reset_after

    def _project(self, x: Tensor, key: str) -> Tensor:
        """W x + b, with d added for the gates alone."""
        if not self.bias:
            return super()._project(x, key)
        d = getattr(self, f"bias_hh_{key}")
        gates = torch.cat((d[: 2 * self.hidden_size], d.new_zeros(self.hidden_size)))
        bias = getattr(self, f"bias_ih_{key}") + gates
        return torch.nn.functional.linear(x, getattr(self, f"weight_ih_{key}"), bias)

    def layer(self, projected: Tensor, h0: Tensor, key: str) -> Tensor:
        bias_n = getattr(self, f"bias_hh_{key}")[2 * self.hidden_size :] if self.bias else None
        return gru_layer(projected, h0, getattr(self, f"weight_hh_{key}"), bias_n, reset_after=self.reset_after)

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.reset_after else ", reset_after=False")


if __name__ == "__main__":
    from torch import nn

    from refimpl.demo import arguments

    arguments(__doc__)
    length, batch = 30, 64
    model, read = GRU(2, 16), nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*model.parameters(), *read.parameters()], lr=0.02)
    print(f"adding problem, length {length}: add the two marked numbers; always answering 1 has error 0.167")
    for step in range(401):
        numbers, marks = torch.rand(length, batch), torch.zeros(length, batch)
        first, second = torch.randint(length // 2, (batch,)), torch.randint(length // 2, length, (batch,))
        marks[first, range(batch)] = marks[second, range(batch)] = 1.0
        output, _ = model(torch.stack((numbers, marks), 2))
        loss = (read(output[-1]).squeeze(1) - (numbers * marks).sum(0)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step:4d}  error {loss.item():.4f}")
