"""Which nodes of a captured graph work number by number, chains of them as one module, and the bytes that they move.

On a CPU a chain runs block by block: while a block stays in the cache all its operations pass over it, so that memory is
read and written once and not once for each operation. Where gradients are recorded it runs operation by operation, since
autograd keeps every intermediate result anyway.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

__all__ = ["Chain", "is_elementwise", "traffic"]

BLOCK = 2**17
"""Numbers in a block for each thread: 512 KiB in float32. What has eight blocks or fewer fits into the cache as a whole."""

FUNCTIONS = {operator.add, operator.sub, operator.mul, operator.truediv, operator.neg, operator.pow, F.elu, F.gelu, F.leaky_relu}
FUNCTIONS |= {F.relu, F.silu, F.softplus, torch.abs, torch.add, torch.clamp, torch.cos, torch.div, torch.exp, torch.log, torch.mul}
FUNCTIONS |= {torch.neg, torch.pow, torch.relu, torch.sigmoid, torch.sin, torch.sqrt, torch.square, torch.sub, torch.tanh}
METHODS = {
    "abs",
    "add",
    "clamp",
    "cos",
    "div",
    "exp",
    "log",
    "mul",
    "neg",
    "pow",
    "relu",
    "sigmoid",
    "sin",
    "sqrt",
    "square",
    "sub",
    "tanh",
}
MODULES = (nn.ELU, nn.GELU, nn.Identity, nn.LeakyReLU, nn.ReLU, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Tanh)


def is_elementwise(graph: fx.GraphModule, node: fx.Node) -> bool:
    """Whether each number of the node's result depends on the numbers at its place alone."""
    if node.op == "call_module":
        return isinstance(graph.get_submodule(node.target), MODULES)
    return node.target in {"call_function": FUNCTIONS, "call_method": METHODS}.get(node.op, ())


class Chain(nn.Module):
    """Elementwise operations with one input each, one after the other.

    Args:
        graph: where the nodes come from.
        nodes: each reads the one before it; the first reads the input of the chain.
    """

    def __init__(self, graph: fx.GraphModule, nodes: list[fx.Node]) -> None:
        super().__init__()
        self.modules_called = nn.ModuleDict()
        self.steps: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = []
        for i, node in enumerate(nodes):
            target = node.target
            if node.op == "call_module":
                self.modules_called[str(i)] = graph.get_submodule(target)
                target = str(i)
            args, kwargs = fx.node.map_arg((node.args, dict(node.kwargs)), lambda _: _Input)
            self.steps.append((node.op, target, tuple(args), dict(kwargs)))

    def forward(self, input: Tensor) -> Tensor:
        recorded = torch.is_grad_enabled() and input.requires_grad
        block = BLOCK * torch.get_num_threads()
        if recorded or input.numel() <= 8 * block or not input.is_contiguous() or input.device.type != "cpu":
            return self._run(input)
        pieces = input.view(-1).split(block)
        first = self._run(pieces[0])
        output = torch.empty_like(input, dtype=first.dtype)
        into = output.view(-1).split(block)
        into[0].copy_(first)
        for piece, place in zip(pieces[1:], into[1:], strict=True):
            place.copy_(self._run(piece))
        return output

    def _run(self, x: Tensor) -> Tensor:
        for kind, target, args, kwargs in self.steps:
            filled = [x if a is _Input else a for a in args]
            named = {k: x if v is _Input else v for k, v in kwargs.items()}
            if kind == "call_module":
                x = self.modules_called[target](*filled, **named)
            else:
                x = target(*filled, **named) if kind == "call_function" else getattr(filled[0], target)(*filled[1:], **named)
        return x

    def extra_repr(self) -> str:
        return " -> ".join(str(getattr(step[1], "__name__", step[1])) for step in self.steps)


class _Input:
    """Stands for the input of a step."""


@torch.no_grad()
def traffic(graph: fx.GraphModule, *args: Tensor) -> int:
    """Bytes that the elementwise operations and chains of a graph read and write for this input, each tensor once an operation."""
    meter = _Meter(graph)
    meter.run(*args)
    return meter.bytes


class _Meter(fx.Interpreter):
    bytes = 0

    def run_node(self, node: fx.Node) -> Any:
        result = super().run_node(node)
        chain = node.op == "call_module" and isinstance(self.module.get_submodule(node.target), Chain)
        if chain or is_elementwise(self.module, node):
            moved = [self.env[n] for n in node.all_input_nodes] + [result]
            self.bytes += sum(t.nbytes for t in moved if isinstance(t, Tensor))
        return result
