r"""LSTM: a cell state changed by addition, with gates for what enters, what stays and what is shown.

Paper
    Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997, doi:10.1162/neco.1997.9.8.1735
    (input and output gates). Gers, Schmidhuber and Cummins, "Learning to Forget: Continual Prediction with LSTM",
    Neural Computation 12(10), 2000, doi:10.1162/089976600300015015 (forget gate). Gers, Schraudolph and Schmidhuber,
    "Learning Precise Timing with LSTM Recurrent Networks", JMLR 3, 2002 (peepholes). Greff et al., "LSTM: A Search
    Space Odyssey", arXiv:1503.04069, sections II.A and II.B (all of it in vectors, with the full gradient).

Equations (x_t: D inputs, h_t, c_t: H units, * elementwise; a_t = W x_t + b + R h_{t-1} + d, one a for each gate)
    input        i_t = sigmoid(a_i + p_i * c_{t-1})
    forget       f_t = sigmoid(a_f + p_f * c_{t-1}),   f_t = 1 without a forget gate
    candidate    g_t = tanh(a_g)
    cell         c_t = f_t * c_{t-1} + i_t * g_t
    output       o_t = sigmoid(a_o + p_o * c_t)
    hidden       h_t = o_t * tanh(c_t)
    slopes       k_i = g_t i_t (1 - i_t),   k_f = c_{t-1} f_t (1 - f_t),   k_g = i_t (1 - g_t^2),   k_o = tanh(c_t) o_t (1 - o_t)
    backward     dc_t += dh_t * (o_t (1 - tanh(c_t)^2) + k_o p_o)
                 da_i, da_f, da_g = dc_t * (k_i, k_f, k_g),   da_o = dh_t * k_o
                 dc_{t-1} += dc_t * (f_t + k_i p_i + k_f p_f),   dh_{t-1} += R^T da
    weights      dR = sum_t da h_{t-1}^T,   dp_i = sum_t da_i * c_{t-1},   dp_f alike,   dp_o = sum_t da_o * c_t

Deviations from the papers
    1. One cell to a block and tanh for both squashing functions; the 1997 and 2000 papers have blocks of several
       cells, g in [-2, 2] and h in [-1, 1].
    2. The gradient is exact, as in Greff et al.; the papers of 1997 to 2002 cut it where it leaves a block.
    3. Two biases, b and d, whose sum alone matters, and all parameters uniform in +-1 / sqrt(H), as in PyTorch. The
       2000 paper starts the forget bias positive; set it where memory must be long.
    4. Backward multiplies the slopes, known for all steps at once, into dh_t and dc_t, and forms dR and dp in one
       product over all steps: the sums above in another order.
    5. bfloat16 and float16 are projected as they are; the recurrence runs in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refimpl.recurrent.stack import RecurrentStack

__all__ = ["LSTM", "lstm_layer"]


def lstm_layer(projected: Tensor, h0: Tensor, c0: Tensor, weight_hh: Tensor, peephole: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Run the recurrence of one layer over a sequence.

    Args:
        projected: W x_t + b + d, ``(T, B, 4 H)`` in the order i, f, g, o, or ``(T, B, 3 H)`` in the order i, g, o for no forget gate.
        h0, c0: initial output and cell, ``(B, H)``.
        weight_hh: R, ``(4 H, H)`` or ``(3 H, H)``.
        peephole: p, ``(3, H)`` in the order i, f, o, or ``(2, H)`` in the order i, o; None for no peepholes.

    Returns:
        All outputs h_1 ... h_T and all cells c_1 ... c_T, each ``(T, B, H)``.

    Raises:
        ValueError: a shape does not fit; the message names it.
    """
    _check(projected, h0, c0, weight_hh, peephole)
    wide = torch.float32 if projected.dtype in (torch.bfloat16, torch.float16) else projected.dtype
    inputs = [v if v is None else v.to(wide) for v in (projected, h0, c0, weight_hh, peephole)]
    h, c = _Recurrence.apply(*inputs) if torch.is_grad_enabled() else _states(*inputs)
    return h.to(projected.dtype), c.to(projected.dtype)


def _unroll(projected: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor, peephole: Tensor | None) -> list[tuple[Tensor, ...]]:
    """Step through time.

    Returns:
        h, c, g, o, each as T tensors ``(B, H)``, and the early gates, i and f or i alone, as T tensors ``(B, 2 H)`` or ``(B, H)``.
    """
    transposed, hidden = weight_hh.t(), h.shape[1]
    sizes = (len(weight_hh) - 2 * hidden, hidden, hidden)
    steps = []
    for a in projected.unbind():
        early, g, o = torch.addmm(a, h, transposed).split_with_sizes(sizes, 1)
        if peephole is not None:
            early = torch.addcmul(early, c.repeat(1, len(peephole) - 1), peephole[:-1].flatten())
        early, g = early.sigmoid(), g.tanh()
        i, *forget = early.split_with_sizes((hidden,) * (sizes[0] // hidden), 1)
        c = torch.addcmul(forget[0] * c if forget else c, i, g)
        if peephole is not None:
            o = torch.addcmul(o, c, peephole[-1])
        o = o.sigmoid()
        h = o * c.tanh()
        steps.append((h, c, g, o, early))
    return list(zip(*steps, strict=True))


def _states(projected: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor, peephole: Tensor | None) -> tuple[Tensor, Tensor]:
    """All h and c; differentiable any number of times, step by step."""
    h_steps, c_steps, *_ = _unroll(projected, h, c, weight_hh, peephole)
    return torch.stack(h_steps), torch.stack(c_steps)


class _Recurrence(torch.autograd.Function):
    """The forward loop and the derived backward through time, whose loop holds one matrix product and four elementwise ones."""

    @staticmethod
    def forward(ctx, projected: Tensor, h0: Tensor, c0: Tensor, weight_hh: Tensor, peephole: Tensor | None) -> tuple[Tensor, Tensor]:
        h, c, g, o, early = (torch.stack(steps) for steps in _unroll(projected, h0, c0, weight_hh, peephole))
        ctx.save_for_backward(projected, h0, c0, weight_hh, peephole, h, c, g, o, early)
        return h, c

    @staticmethod
    def backward(ctx, grad_h: Tensor, grad_c: Tensor) -> tuple[Tensor | None, ...]:
        projected, h0, c0, weight_hh, peephole, h, c, g, o, early = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted: differentiate the loop itself
            return _differentiable_backward((projected, h0, c0, weight_hh, peephole), (grad_h, grad_c))

        h_before = torch.cat((h0.unsqueeze(0), h[:-1]))
        c_before = torch.cat((c0.unsqueeze(0), c[:-1]))
        tanh_c, (i, *forget) = c.tanh(), early.split(h.shape[2], 2)
        slopes = [g * i * (1 - i), *(c_before * f * (1 - f) for f in forget), i * (1 - g * g), tanh_c * o * (1 - o)]
        k = torch.stack(slopes, 2)  # (T, B, rows, H)
        to_c = o * (1 - tanh_c * tanh_c)  # dh_t / dc_t
        keep = forget[0] if forget else torch.ones_like(c)  # dc_t / dc_{t-1}
        if peephole is not None:
            to_c = torch.addcmul(to_c, k[:, :, -1], peephole[-1])
            keep = keep + (k[:, :, :-2] * peephole[:-1]).sum(2)

        early_da, output_da, da = k[:, :, :-1].unbind(), k[:, :, -1].unbind(), k.flatten(2).unbind()  # views: k becomes da
        zero = torch.zeros_like(h0)
        below_h, below_c = (zero, *grad_h[:-1].unbind()), (zero, *grad_c[:-1].unbind())
        to_c, keep = to_c.unbind(), keep.unbind()
        dh, dc = grad_h[-1], grad_c[-1]
        for t in reversed(range(len(h))):
            dc = torch.addcmul(dc, dh, to_c[t])
            early_da[t].mul_(dc.unsqueeze(1))
            output_da[t].mul_(dh)
            dh = torch.addmm(below_h[t], da[t], weight_hh)
            dc = torch.addcmul(below_c[t], dc, keep[t])

        da = k.flatten(2)  # (T, B, rows H)
        d_weight = da.flatten(0, 1).t() @ h_before.flatten(0, 1)
        d_peephole = None
        if peephole is not None:
            d_early = (k[:, :, :-2] * c_before.unsqueeze(2)).sum((0, 1))
            d_peephole = torch.cat((d_early, (k[:, :, -1] * c).sum((0, 1)).unsqueeze(0)))
        return da, dh, dc, d_weight, d_peephole


def _differentiable_backward(inputs: tuple[Tensor | None, ...], gradients: tuple[Tensor, Tensor]) -> tuple[Tensor | None, ...]:
    *dense, peephole = inputs
    if peephole is None:
        _, pull_back = torch.func.vjp(lambda *v: _states(*v, None), *dense)
        return (*pull_back(gradients), None)
    _, pull_back = torch.func.vjp(_states, *inputs)
    return pull_back(gradients)


def _check(projected: Tensor, h0: Tensor, c0: Tensor, weight_hh: Tensor, peephole: Tensor | None) -> None:
    if weight_hh.dim() != 2 or weight_hh.shape[0] not in (3 * weight_hh.shape[1], 4 * weight_hh.shape[1]):
        raise ValueError(f"lstm_layer: weight_hh must have shape (4 H, H) or (3 H, H), got {tuple(weight_hh.shape)}")
    rows, hidden = weight_hh.shape
    if projected.dim() != 3 or len(projected) == 0 or projected.shape[2] != rows:
        raise ValueError(f"lstm_layer: projected must have shape (T, B, {rows}) with T > 0, got {tuple(projected.shape)}")
    for name, value in (("h0", h0), ("c0", c0)):
        if value.shape != (projected.shape[1], hidden):
            raise ValueError(f"lstm_layer: {name} must have shape {(projected.shape[1], hidden)}, got {tuple(value.shape)}")
    if peephole is not None and peephole.shape != (rows // hidden - 1, hidden):
        raise ValueError(f"lstm_layer: peephole must have shape {(rows // hidden - 1, hidden)}, got {tuple(peephole.shape)}")


class LSTM(RecurrentStack):
    """Multi-layer LSTM; arguments, initialization and state dict are those of ``torch.nn.LSTM``.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional: as in :class:`RecurrentStack`.
        forget_gate: False gives the LSTM of 1997; its weights have three rows a unit, in the order i, g, o.
        peepholes: let the gates see the cell; adds ``peephole_lk``, ``(3, H)`` in the order i, f, o or ``(2, H)`` in the order i, o.

    Not offered: ``proj_size`` and packed sequences.
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
        forget_gate: bool = True,
        peepholes: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            rows=4 if forget_gate else 3,
            states=2,
            vectors={"peephole": 3 if forget_gate else 2} if peepholes else {},
            device=device,
            dtype=dtype,
        )
        self.forget_gate, self.peepholes = forget_gate, peepholes

    def run(self, projected: Tensor, state: tuple[Tensor, ...], key: str) -> tuple[Tensor, tuple[Tensor, ...]]:
        peephole = getattr(self, f"peephole_{key}") if self.peepholes else None
        h, c = lstm_layer(projected, *state, getattr(self, f"weight_hh_{key}"), peephole)
        return h, (h[-1], c[-1])

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run all layers.

        Args:
            input: ``(T, B, D)``, ``(B, T, D)`` if ``batch_first``, or ``(T, D)`` without a batch.
            hx: initial (h, c), each ``(layers directions, B, H)``, or ``(layers directions, H)`` without a batch; zero if None.

        Returns:
            Outputs of the last layer, like ``input`` with ``directions H`` features, and the final (h, c), each like ``hx``.
        """
        return self.run_layers(input, hx)

    def extra_repr(self) -> str:
        more = ("" if self.forget_gate else ", forget_gate=False") + (", peepholes=True" if self.peepholes else "")
        return super().extra_repr() + more


if __name__ == "__main__":
    from refimpl.demo import arguments

    arguments(__doc__)
    length, batch = 10, 64
    model, read = LSTM(2, 16), nn.Linear(16, 1)
    with torch.no_grad():
        model.bias_ih_l0[16:32] = 1.0  # the forget gate
    optimizer = torch.optim.Adam([*model.parameters(), *read.parameters()], lr=0.02)
    print(f"adding problem, length {length}: add the two marked numbers; always answering 1 has error 0.167")
    for step in range(501):
        numbers = torch.rand(length, batch)
        marks = torch.zeros(length, batch)
        first, second = torch.randint(length // 2, (batch,)), torch.randint(length // 2, length, (batch,))
        marks[first, range(batch)] = marks[second, range(batch)] = 1.0
        output, _ = model(torch.stack((numbers, marks), 2))
        loss = (read(output[-1]).squeeze(1) - (numbers * marks).sum(0)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step:4d}  error {loss.item():.4f}")
