"""Layers of a recurrence in one or both directions, with the parameters, arguments and checks of ``torch.nn.RNNBase``.

A subclass says how many rows of weights a hidden unit has, how many states it carries, and how one layer runs in
one direction over the projected input.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["RecurrentStack"]


class RecurrentStack(nn.Module):
    """A stack of recurrent layers whose state dict is that of the built-in of the same shape.

    Args:
        input_size: number of input features D.
        hidden_size: number of hidden units H.
        num_layers: number of layers; each reads the outputs of the one below.
        bias: learn an input and a recurrent bias.
        batch_first: input and output are ``(B, T, ...)`` instead of ``(T, B, ...)``.
        dropout: probability of dropping an output of a layer below the last, in training.
        bidirectional: run each layer in both directions and concatenate their outputs.
        rows: rows of weights for each hidden unit, the number of gates and candidates.
        states: number of states carried from step to step.
        extra: rows of weights beside those of the units.
        vectors: further parameters by name, each with its number of vectors n; layer k gets ``name_lk``, ``(n, H)``.

    Parameters of layer k: ``weight_ih_lk`` ``(rows H, D)``, or ``(rows H, directions H)`` above the first layer,
    ``weight_hh_lk`` ``(rows H, H)``, ``bias_ih_lk`` and ``bias_hh_lk`` ``(rows H,)``, each with ``extra`` rows more; those
    of the backward direction end in ``_reverse``.

    Raises:
        ValueError: a size is not positive, or ``dropout`` is no probability.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        *,
        rows: int,
        states: int,
        extra: int = 0,
        vectors: Mapping[str, int] | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if value < 1:
                raise ValueError(f"{type(self).__name__}: {name} must be positive, got {value}")
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(f"{type(self).__name__}: dropout must lie in [0, 1], got {dropout}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        self.states = states
        self.directions = ("", "_reverse") if bidirectional else ("",)
        height = rows * hidden_size + extra
        for layer in range(num_layers):
            features = input_size if layer == 0 else hidden_size * len(self.directions)
            shapes = {"weight_ih": (height, features), "weight_hh": (height, hidden_size)}
            if bias:
                shapes |= {"bias_ih": (height,), "bias_hh": (height,)}
            shapes |= {name: (n, hidden_size) for name, n in (vectors or {}).items()}
            for direction in self.directions:
                for name, shape in shapes.items():
                    self.register_parameter(f"{name}_l{layer}{direction}", nn.Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly from plus or minus ``1 / sqrt(hidden_size)``."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def run(self, projected: Tensor, state: tuple[Tensor, ...], key: str) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One layer in one direction.

        Args:
            projected: the input times ``weight_ih`` plus the biases, ``(T, B, rows H)``.
            state: initial states, each ``(B, H)``.
            key: ending of the parameter names, such as ``l0_reverse``.

        Returns:
            Outputs ``(T, B, H)`` and final states, each ``(B, H)``.
        """
        raise NotImplementedError

    def run_layers(self, input: Tensor, initial: tuple[Tensor, ...] | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """All layers.

        Args:
            input: ``(T, B, D)``, ``(B, T, D)`` if ``batch_first``, or ``(T, D)`` without a batch.
            initial: initial states, each ``(layers directions, B, H)``, or ``(layers directions, H)`` without a batch; zero if None.

        Returns:
            The last layer's outputs, like ``input`` with ``directions H`` features, and the final states, like ``initial``.

        Raises:
            ValueError: a shape or dtype does not fit; the message names it.
        """
        self._check(input, initial)
        batched = input.dim() == 3
        x = input if batched else input.unsqueeze(1)  # (T, 1, D)
        x = x.transpose(0, 1) if batched and self.batch_first else x  # (T, B, D)
        if initial is None:
            zeros = x.new_zeros(self.num_layers * len(self.directions), x.shape[1], self.hidden_size)
            initial = (zeros,) * self.states
        elif not batched:
            initial = tuple(s.unsqueeze(1) for s in initial)

        final = []
        for layer in range(self.num_layers):
            if layer > 0:
                x = F.dropout(x, self.dropout, self.training)
            outputs = []
            for direction in self.directions:
                key = f"l{layer}{direction}"
                state = tuple(s[len(final)] for s in initial)
                read = x.flip(0) if direction else x
                y, last = self.run(self._project(read, key), state, key)
                outputs.append(y.flip(0) if direction else y)
                final.append(last)
            x = torch.cat(outputs, 2)  # (T, B, directions H)

        states = tuple(torch.stack(s) for s in zip(*final, strict=True))  # (layers directions, B, H)
        if not batched:
            return x.squeeze(1), tuple(s.squeeze(1) for s in states)
        return x.transpose(0, 1) if self.batch_first else x, states

    def _project(self, x: Tensor, key: str) -> Tensor:
        bias = getattr(self, f"bias_ih_{key}") + getattr(self, f"bias_hh_{key}") if self.bias else None
        return F.linear(x, getattr(self, f"weight_ih_{key}"), bias)

    def _check(self, input: Tensor, initial: tuple[Tensor, ...] | None) -> None:
        name = type(self).__name__
        wanted = self.weight_ih_l0.dtype
        if input.dim() not in (2, 3) or input.shape[-1] != self.input_size:
            layout = "(B, T, D)" if self.batch_first else "(T, B, D)"
            raise ValueError(f"{name}: input must be {layout} or (T, D) with D = {self.input_size}, got shape {tuple(input.shape)}")
        if input.dtype != wanted and not torch.is_autocast_enabled(input.device.type):
            raise ValueError(f"{name}: input must have the parameters' dtype {wanted}, got {input.dtype}")
        batched = input.dim() == 3
        if input.shape[1 if batched and self.batch_first else 0] == 0:
            raise ValueError(f"{name}: input must have at least one time step, got shape {tuple(input.shape)}")
        if initial is None:
            return
        if len(initial) != self.states:
            raise ValueError(f"{name}: expected {self.states} initial states, got {len(initial)}")
        batch = (input.shape[0 if self.batch_first else 1],) if batched else ()
        shape = (self.num_layers * len(self.directions), *batch, self.hidden_size)
        for state in initial:
            if state.shape != shape or state.dtype != wanted:
                got = f"{state.dtype} of shape {tuple(state.shape)}"
                raise ValueError(f"{name}: each initial state must be {wanted} of shape {shape}, got {got}")

    def extra_repr(self) -> str:
        shown = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        return ", ".join(shown + [f"{k}={getattr(self, k)}" for k, default in defaults.items() if getattr(self, k) != default])
