r"""Simple recurrent unit: gates that see only their own cell, so that all matrix products leave the time loop.

Paper
    Lei, Zhang, Wang, Dai and Artzi, "Simple Recurrent Units for Highly Parallelizable Recurrence", EMNLP 2018,
    arXiv:1709.02755, section 3 (recurrence, highway) and its part on initialization (alpha). The preprint's version 1
    of 2017, "Training RNNs as Fast as CNNs", has no v_f and v_r.

Equations (x_t: D inputs, c_t, h_t: H units, * elementwise)
    candidate    u_t = W x_t
    forget       f_t = sigmoid(W_f x_t + v_f * c_{t-1} + b_f)
    cell         c_t = f_t * c_{t-1} + (1 - f_t) * u_t
    reset        r_t = sigmoid(W_r x_t + v_r * c_{t-1} + b_r)
    highway      h_t = r_t * g(c_t) + (1 - r_t) * alpha x_t,   g the identity or tanh,   alpha = sqrt(1 + 2 exp(b)), b the initial b_r
    version1     the same with v_f = v_r = 0: c_t is then linear in c_{t-1}, with the known coefficient f_t
    slope        k_t = (c_{t-1} - u_t) * f_t * (1 - f_t)
    backward     dc_{t-1} += (f_t + k_t * v_f) * dc_t,   du_t = (1 - f_t) * dc_t,   d(W_f x_t + b_f) = k_t * dc_t,
                 dv_f = sum_t k_t * dc_t * c_{t-1}

Which part is a scan
    Version 1 runs forward and backward as a scan of logarithmic depth. In the published version f_t depends on c_{t-1}
    through the sigmoid, so the forward pass is a loop over time, of three elementwise operations; its backward pass is
    linear in dc_t with known coefficients, and therefore a scan as well.

Deviations from the paper
    1. Where D and H differ the highway carries W_x x_t, a fourth product, without alpha at run time; alpha is in its
       initial weights. So does the authors' package.
    2. Initial weights have variance 1 / D, those of the gates 1 / (2 D), v 1/2, as in the authors' package; in version 1
       those of the gates have variance 1 / D too. The package's stack leaves alpha out unless told; here it is the default.
    3. No dropout; put it between layers.
    4. The loop over time is PyTorch operations; the paper has one CUDA kernel for it.
    5. bfloat16 and float16 are projected as they are; the recurrence runs in float32.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.linear_scan import propagate

__all__ = ["SRU", "SRULayer", "sru_layer"]


def sru_layer(
    u: Tensor, forget: Tensor, reset: Tensor, skip: Tensor, c0: Tensor, weight_c: Tensor | None = None, use_tanh: bool = False
) -> tuple[Tensor, Tensor]:
    """Run the recurrence and the highway of one layer over a sequence.

    Args:
        u: candidates W x_t, ``(T, B, H)``.
        forget, reset: W_f x_t + b_f and W_r x_t + b_r, like ``u``.
        skip: what the highway carries, alpha x_t, like ``u``.
        c0: initial cell, ``(B, H)``.
        weight_c: v_f and v_r, ``(2, H)``; None for version 1, which is computed by scans.
        use_tanh: g is tanh, not the identity.

    Returns:
        Outputs h_1 ... h_T and cells c_1 ... c_T, each ``(T, B, H)``.

    Raises:
        ValueError: a shape does not fit; the message names it.
    """
    _check(u, forget, reset, skip, c0, weight_c)
    wide = torch.float32 if u.dtype in (torch.bfloat16, torch.float16) else u.dtype
    kind, (u, forget, reset, skip, c0) = u.dtype, (v.to(wide) for v in (u, forget, reset, skip, c0))
    if weight_c is None:
        f = forget.sigmoid()
        states = propagate(f, torch.cat((c0.unsqueeze(0), (1 - f) * u)))  # (T + 1, B, H)
    else:
        v_f, v_r = weight_c
        states = _Recurrence.apply(u, forget, v_f, c0)  # (T + 1, B, H)
        reset = torch.addcmul(reset, v_r, states[:-1])
    c = states[1:]
    h = torch.lerp(skip, c.tanh() if use_tanh else c, reset.sigmoid())
    return h.to(kind), c.to(kind)


class _Recurrence(torch.autograd.Function):
    """Cells c_0 ... c_T of the published version: a loop forward, a scan backward."""

    @staticmethod
    def forward(ctx, u: Tensor, forget: Tensor, v_f: Tensor, c0: Tensor) -> Tensor:
        c, cells = c0, [c0]
        for u_t, forget_t in zip(u.unbind(), forget.unbind(), strict=True):
            c = torch.lerp(u_t, c, torch.addcmul(forget_t, v_f, c).sigmoid_())
            cells.append(c)
        states = torch.stack(cells)
        ctx.save_for_backward(u, forget, v_f, states)
        return states

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, ...]:
        u, forget, v_f, states = ctx.saved_tensors
        before = states[:-1]
        f = torch.addcmul(forget, v_f, before).sigmoid()
        k = (before - u) * f * (1 - f)
        dc = propagate(torch.addcmul(f, k, v_f), grad, reverse=True)  # (T + 1, B, H)
        d_forget = k * dc[1:]
        return (1 - f) * dc[1:], d_forget, (d_forget * before).sum((0, 1)), dc[0]


def _check(u: Tensor, forget: Tensor, reset: Tensor, skip: Tensor, c0: Tensor, weight_c: Tensor | None) -> None:
    if u.dim() != 3 or len(u) == 0:
        raise ValueError(f"sru_layer: u must have shape (T, B, H) with T > 0, got {tuple(u.shape)}")
    hidden = u.shape[2]
    wanted = {"forget": (forget, u.shape), "reset": (reset, u.shape), "skip": (skip, u.shape), "c0": (c0, u.shape[1:])}
    if weight_c is not None:
        wanted["weight_c"] = (weight_c, (2, hidden))
    for name, (value, shape) in wanted.items():
        if value.shape != shape:
            raise ValueError(f"sru_layer: {name} must have shape {tuple(shape)} for u {tuple(u.shape)}, got {tuple(value.shape)}")


class SRULayer(nn.Module):
    """One layer; parameters are laid out as in ``SRUCell`` of the package ``sru``.

    Args:
        input_size: number of input features D.
        hidden_size: number of units H.
        use_tanh: g is tanh, not the identity.
        highway_bias: initial b_r; negative values let more of the input pass.
        rescale: scale the highway by alpha; without it alpha is 1.
        v1: version 1, whose gates do not see the cell.

    Parameters: ``weight`` ``(D, H k)``, for each unit the k = 3 columns of W, W_f, W_r, and of W_x where D and H differ;
    ``bias`` ``(2 H,)``, b_f and b_r; ``weight_c`` ``(2 H,)``, v_f and v_r, absent in version 1. Buffer ``scale_x``: alpha.

    Shape: input ``(T, B, D)`` and c0 ``(B, H)`` to output ``(T, B, H)`` and last cell ``(B, H)``.

    Raises:
        ValueError: a size is not positive.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        use_tanh: bool = False,
        highway_bias: float = 0.0,
        rescale: bool = True,
        v1: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
            if value < 1:
                raise ValueError(f"SRULayer: {name} must be positive, got {value}")
        self.input_size, self.hidden_size, self.use_tanh = input_size, hidden_size, use_tanh
        self.highway_bias, self.rescale, self.v1 = highway_bias, rescale, v1
        self.matrices = 3 if input_size == hidden_size else 4
        new = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(input_size, hidden_size * self.matrices, **new))
        self.weight_c = None if v1 else nn.Parameter(torch.empty(2 * hidden_size, **new))
        self.bias = nn.Parameter(torch.empty(2 * hidden_size, **new))
        self.register_buffer("scale_x", torch.empty(1, **new))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Variances 1 / D, halved for the gates; biases 0 and ``highway_bias``; alpha where the highway is."""
        alpha = math.sqrt(1 + 2 * math.exp(self.highway_bias)) if self.rescale else 1.0
        gates = 1.0 if self.v1 else math.sqrt(0.5)
        with torch.no_grad():
            nn.init.uniform_(self.weight, -math.sqrt(3 / self.input_size), math.sqrt(3 / self.input_size))
            columns = self.weight.view(self.input_size, self.hidden_size, self.matrices)
            columns[:, :, 1:3] *= gates
            columns[:, :, 3:] *= alpha
            if self.weight_c is not None:
                nn.init.uniform_(self.weight_c, -math.sqrt(3), math.sqrt(3)).mul_(gates)
            self.bias.zero_()
            self.bias[self.hidden_size :] = self.highway_bias
            self.scale_x.fill_(alpha)

    def forward(self, input: Tensor, c0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if input.dim() != 3 or len(input) == 0 or input.shape[2] != self.input_size:
            raise ValueError(f"SRULayer: input must be (T, B, {self.input_size}) with T > 0, got shape {tuple(input.shape)}")
        if input.dtype != self.weight.dtype and not torch.is_autocast_enabled(input.device.type):
            raise ValueError(f"SRULayer: input must have the parameters' dtype {self.weight.dtype}, got {input.dtype}")
        hidden, matrices = self.hidden_size, self.matrices
        weight = self.weight.view(self.input_size, hidden, matrices).permute(2, 1, 0).flatten(0, 1)  # (k H, D)
        u, forget, reset, *skip = F.linear(input, weight, F.pad(self.bias, (hidden, (matrices - 3) * hidden))).chunk(matrices, 2)
        c0 = input.new_zeros(input.shape[1], hidden) if c0 is None else c0
        weight_c = None if self.weight_c is None else self.weight_c.view(2, hidden)
        h, c = sru_layer(u, forget, reset, skip[0] if skip else input * self.scale_x, c0, weight_c, self.use_tanh)
        return h, c[-1]

    def extra_repr(self) -> str:
        return (
            f"{self.input_size}, {self.hidden_size}, use_tanh={self.use_tanh}, highway_bias={self.highway_bias}, "
            f"rescale={self.rescale}, v1={self.v1}"
        )


class SRU(nn.Module):
    """Stack of :class:`SRULayer`; the state dict is that of ``sru.SRU`` without options of its own.

    Args:
        num_layers: number of layers; each reads the outputs of the one below.

    The others are those of :class:`SRULayer`. Shape: input ``(T, B, D)`` and c0 ``(num_layers, B, H)`` to output
    ``(T, B, H)`` and last cells ``(num_layers, B, H)``.

    Raises:
        ValueError: a size is not positive.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 2,
        *,
        use_tanh: bool = False,
        highway_bias: float = 0.0,
        rescale: bool = True,
        v1: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"SRU: num_layers must be positive, got {num_layers}")
        options = {"use_tanh": use_tanh, "highway_bias": highway_bias, "rescale": rescale, "v1": v1, "device": device, "dtype": dtype}
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.rnn_lst = nn.ModuleList(SRULayer(size, hidden_size, **options) for size in sizes)

    def forward(self, input: Tensor, c0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if c0 is not None and len(c0) != len(self.rnn_lst):
            raise ValueError(f"SRU: c0 must hold the cells of {len(self.rnn_lst)} layers, got shape {tuple(c0.shape)}")
        h, final = input, []
        for i, layer in enumerate(self.rnn_lst):
            h, c = layer(h, None if c0 is None else c0[i])
            final.append(c)
        return h, torch.stack(final)


if __name__ == "__main__":
    import time

    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.randn(2000, 4, 32)
    for name, v1 in (("published, loop forward", False), ("version 1, scan", True)):
        layer = SRULayer(32, 32, v1=v1)
        start = time.perf_counter()
        h, _ = layer(x)
        h.sum().backward()
        print(f"{name}: 2000 steps forward and backward in {(time.perf_counter() - start) * 1e3:.1f} ms")
    with torch.no_grad():
        published = SRULayer(32, 32)
        published.weight_c.zero_()
        layer.load_state_dict({k: v for k, v in published.state_dict().items() if k != "weight_c"})
        print(f"largest difference of the two with v_f = v_r = 0: {(published(x)[0] - layer(x)[0]).abs().max().item():.1e}")
