r"""Quasi-recurrent neural network: gates by convolution over time, then a pooling that is linear in the state.

Paper
    Bradbury, Merity, Xiong and Socher, "Quasi-Recurrent Neural Networks", ICLR 2017, arXiv:1611.01576, section 2
    (convolution, pooling, equations 1 to 5) and its part on regularization (zoneout).

Equations (x_t: D inputs, c_t, h_t: H units, * elementwise, (W x)_t = sum_{j=0...k-1} W_j x_{t-k+1+j} a causal convolution)
    gates        z_t = tanh((W_z x)_t + b_z),   f_t, o_t, i_t = sigmoid((W_f x)_t + b_f) and so on
    f-pool       h_t = f_t * h_{t-1} + (1 - f_t) * z_t
    fo-pool      c_t = f_t * c_{t-1} + (1 - f_t) * z_t,   h_t = o_t * c_t
    ifo-pool     c_t = f_t * c_{t-1} + i_t * z_t,         h_t = o_t * c_t
    zoneout      f_t = 1 - m_t * (1 - sigmoid(...)),   m_t ~ Bernoulli(1 - p): a unit dropped keeps its state

Deviations from the paper
    1. The pooling is a scan of logarithmic depth; the paper runs a loop over time in one CUDA kernel.
    2. In evaluation zoneout multiplies 1 - f_t by 1 - p, its mean, as Zoneout (arXiv:1606.01305) does; the paper does not say.
    3. A gate has a bias; the paper's equations leave it out. All parameters are uniform in +-1 / sqrt(k D), as in ``torch.nn.Conv1d``.
    4. Dense connections between layers and the encoder-decoder with attention are left out.
    5. bfloat16 and float16 are convolved as they are; the pooling runs in float32.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.recurrent.linear_scan import linear_scan
from refimpl.recurrent.one_state import widened
from refimpl.training.dropout import original_dropout

__all__ = ["QRNN", "QRNNLayer", "causal_windows", "qrnn_pool"]

GATES = {"f": 2, "fo": 3, "ifo": 4}
State = tuple[Tensor, Tensor]


def causal_windows(input: Tensor, window: int, before: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Each step together with the ``window - 1`` steps before it.

    Args:
        input: ``(T, B, D)``.
        window: number of steps k.
        before: the k - 1 steps that precede the input, ``(k - 1, B, D)``; zero if None.

    Returns:
        Windows, oldest step first, ``(T, B, k D)``, and the last k - 1 steps, like ``before``.
    """
    shape = (window - 1, *input.shape[1:])
    before = input.new_zeros(shape) if before is None else before
    if before.shape != shape:
        raise ValueError(f"causal_windows: before must have shape {shape} for a window of {window}, got {tuple(before.shape)}")
    padded, steps = torch.cat((before, input)), len(input)  # (T + k - 1, B, D)
    return torch.cat([padded[j : j + steps] for j in range(window)], 2), padded[steps:]


def qrnn_pool(
    z: Tensor, forget: Tensor, output: Tensor | None = None, input: Tensor | None = None, c0: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Pool candidates over time: f-pooling, fo-pooling with an output gate, ifo-pooling with an input gate too.

    Args:
        z: candidates, ``(T, B, H)``.
        forget: f, like ``z``; 1 keeps the state.
        output: o, like ``z``; None for 1.
        input: i, like ``z``; None for 1 - f.
        c0: initial state, ``(B, H)``; zero if None.

    Returns:
        Outputs h_1 ... h_T and states c_1 ... c_T, each ``(T, B, H)``.

    Raises:
        ValueError: a shape does not fit; the message names it.
    """
    if z.dim() != 3:
        raise ValueError(f"qrnn_pool: z must have shape (T, B, H), got {tuple(z.shape)}")
    wanted = {"forget": (forget, z.shape), "output": (output, z.shape), "input": (input, z.shape), "c0": (c0, z.shape[1:])}
    for name, (value, shape) in wanted.items():
        if value is not None and value.shape != shape:
            raise ValueError(f"qrnn_pool: {name} must have shape {tuple(shape)} for z {tuple(z.shape)}, got {tuple(value.shape)}")
    wide_z, f = widened(z, forget)
    i = 1 - f if input is None else input
    c = linear_scan(f, i * wide_z, None if c0 is None else c0.to(f.dtype))
    h = c if output is None else output * c
    return h.to(z.dtype), c.to(z.dtype)


class QRNNLayer(nn.Module):
    """One layer.

    Args:
        input_size: number of input features D.
        hidden_size: number of units H.
        window: steps that the convolution sees, k.
        pooling: "f", "fo" or "ifo".
        zoneout: probability that a unit keeps its state at a step, in training.
        bias: learn a bias for each gate.

    Parameters: ``weight`` ``(gates H, D, k)``, laid out as in ``torch.nn.Conv1d``, and ``bias`` ``(gates H,)``, in the
    order z, f, o, i.

    Shape: input ``(T, B, D)`` to output ``(T, B, H)`` and the state to go on from: the last c, ``(B, H)``, and the last
    k - 1 inputs, ``(k - 1, B, D)``.

    Raises:
        ValueError: a size is not positive, ``zoneout`` is no probability, or the pooling is not known.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        window: int = 2,
        pooling: str = "fo",
        zoneout: float = 0.0,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("window", window)):
            if value < 1:
                raise ValueError(f"QRNNLayer: {name} must be positive, got {value}")
        if pooling not in GATES:
            raise ValueError(f"QRNNLayer: pooling must be f, fo or ifo, got {pooling!r}")
        if not 0.0 <= zoneout <= 1.0:
            raise ValueError(f"QRNNLayer: zoneout must lie in [0, 1], got {zoneout}")
        self.input_size, self.hidden_size, self.window, self.pooling, self.zoneout = input_size, hidden_size, window, pooling, zoneout
        rows, new = GATES[pooling] * hidden_size, {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(rows, input_size, window, **new))
        self.bias = nn.Parameter(torch.empty(rows, **new)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly from plus or minus ``1 / sqrt(window input_size)``."""
        bound = 1.0 / math.sqrt(self.window * self.input_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, input: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        if input.dim() != 3 or len(input) == 0 or input.shape[2] != self.input_size:
            raise ValueError(f"QRNNLayer: input must be (T, B, {self.input_size}) with T > 0, got shape {tuple(input.shape)}")
        if input.dtype != self.weight.dtype and not torch.is_autocast_enabled(input.device.type):
            raise ValueError(f"QRNNLayer: input must have the parameters' dtype {self.weight.dtype}, got {input.dtype}")
        c0, before = state or (None, None)
        windows, before = causal_windows(input, self.window, before)
        gates = F.linear(windows, self.weight.transpose(1, 2).flatten(1), self.bias)  # (T, B, gates H)
        z, f, *rest = gates.split(self.hidden_size, 2)
        f, rest = f.sigmoid(), [gate.sigmoid() for gate in rest]
        if self.zoneout > 0:
            f = 1 - original_dropout(1 - f, self.zoneout, self.training)
        h, c = qrnn_pool(z.tanh(), f, *rest, c0=c0)
        return h, (c[-1], before)

    def extra_repr(self) -> str:
        options = f"window={self.window}, pooling={self.pooling}, zoneout={self.zoneout}, bias={self.bias is not None}"
        return f"{self.input_size}, {self.hidden_size}, {options}"


class QRNN(nn.Module):
    """A stack of layers; arguments as in :class:`QRNNLayer`, and as in ``torch.nn.LSTM`` where they share a name.

    Shape: input ``(T, B, D)``, or ``(B, T, D)`` if ``batch_first``, to output with H features, and each layer's state.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        *,
        window: int = 2,
        pooling: str = "fo",
        zoneout: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"QRNN: num_layers must be positive, got {num_layers}")
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(f"QRNN: dropout must lie in [0, 1], got {dropout}")
        self.batch_first, self.dropout = batch_first, dropout
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        options = (window, pooling, zoneout, bias, device, dtype)
        self.layers = nn.ModuleList(QRNNLayer(size, hidden_size, *options) for size in sizes)

    def forward(self, input: Tensor, states: tuple[State, ...] | None = None) -> tuple[Tensor, tuple[State, ...]]:
        if states is not None and len(states) != len(self.layers):
            raise ValueError(f"QRNN: states must hold the states of {len(self.layers)} layers, got {len(states)}")
        h, last = input.transpose(0, 1) if self.batch_first else input, []
        for k, layer in enumerate(self.layers):
            if k > 0:
                h = F.dropout(h, self.dropout, self.training)
            h, state = layer(h, None if states is None else states[k])
            last.append(state)
        return h.transpose(0, 1) if self.batch_first else h, tuple(last)

    def extra_repr(self) -> str:
        return f"batch_first={self.batch_first}, dropout={self.dropout}"


if __name__ == "__main__":
    import time

    from refimpl.demo import arguments

    arguments(__doc__)
    x = torch.randn(2000, 4, 32)
    for name, model in (("QRNN, window 2, fo-pooling", QRNN(32, 32)), ("torch.nn.LSTM", nn.LSTM(32, 32))):
        model(x[:50])[0].sum().backward()
        start = time.perf_counter()
        model(x)[0].sum().backward()
        print(f"{name}: 2000 steps forward and backward in {(time.perf_counter() - start) * 1e3:.0f} ms")
    model = QRNN(32, 32, 2)
    whole, _ = model(x)
    first, states = model(x[:700])
    second, _ = model(x[700:], states)
    print(f"in one piece or in two, states carried over: largest difference {(whole - torch.cat((first, second))).abs().max().item():.1e}")
