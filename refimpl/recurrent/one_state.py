"""What stacks with a single state share: the call, and the checks of one layer's arguments."""

from __future__ import annotations

import torch
from torch import Tensor

from refimpl.recurrent.stack import RecurrentStack

__all__ = ["OneStateStack", "check_layer", "check_nonlinearity", "widened"]

NONLINEARITIES = ("tanh", "relu")


class OneStateStack(RecurrentStack):
    """A recurrent stack whose state is its output. A subclass says with ``layer`` how one layer runs."""

    def layer(self, projected: Tensor, h0: Tensor, key: str) -> Tensor:
        """All states ``(T, B, H)`` of one layer in one direction; arguments as in :meth:`run`."""
        raise NotImplementedError

    def run(self, projected: Tensor, state: tuple[Tensor, ...], key: str) -> tuple[Tensor, tuple[Tensor, ...]]:
        h = self.layer(projected, *state, key)
        return h, (h[-1],)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run all layers.

        Args:
            input: ``(T, B, D)``, ``(B, T, D)`` if ``batch_first``, or ``(T, D)`` without a batch.
            hx: initial h, ``(layers directions, B, H)``, or ``(layers directions, H)`` without a batch; zero if None.

        Returns:
            Outputs of the last layer, like ``input`` with ``directions H`` features, and the final h, like ``hx``.
        """
        y, (h,) = self.run_layers(input, None if hx is None else (hx,))
        return y, h


def check_layer(function: str, rows: int, projected: Tensor, h0: Tensor, weight_hh: Tensor) -> None:
    """Raise a ``ValueError`` in the name of ``function`` where the tensors of a layer with ``rows`` rows a unit do not fit."""
    if weight_hh.dim() != 2 or weight_hh.shape[0] != rows * weight_hh.shape[1]:
        wanted = "(H, H)" if rows == 1 else f"({rows} H, H)"
        raise ValueError(f"{function}: weight_hh must have shape {wanted}, got {tuple(weight_hh.shape)}")
    height, hidden = weight_hh.shape
    if projected.dim() != 3 or len(projected) == 0 or projected.shape[2] != height:
        raise ValueError(f"{function}: projected must have shape (T, B, {height}) with T > 0, got {tuple(projected.shape)}")
    if h0.shape != (projected.shape[1], hidden):
        raise ValueError(f"{function}: h0 must have shape {(projected.shape[1], hidden)}, got {tuple(h0.shape)}")


def check_nonlinearity(function: str, nonlinearity: str) -> None:
    """Raise a ``ValueError`` in the name of ``function`` where the nonlinearity is not one of PyTorch's two."""
    if nonlinearity not in NONLINEARITIES:
        raise ValueError(f"{function}: nonlinearity must be {' or '.join(NONLINEARITIES)}, got {nonlinearity!r}")


def widened(*tensors: Tensor) -> list[Tensor]:
    """The tensors in the first one's type, or in float32 where that has two bytes."""
    kind = tensors[0].dtype
    wide = torch.float32 if kind in (torch.bfloat16, torch.float16) else kind
    return [tensor.to(wide) for tensor in tensors]
