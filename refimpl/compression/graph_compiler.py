r"""A small graph compiler: capture a network as a graph, rewrite the graph, and run what is left with less work and less traffic.

Paper
    Li, Liu, Liu, Sun, You, Yang, Luan, Gan, Yang and Qian, "The Deep Learning Compiler: A Comprehensive Survey", 2020,
    arXiv:2002.03794: its section on the optimizations of the frontend.

Equations (convolution W, b before a batch normalization; k operations with one input each on n numbers of s bytes)
    batch-norm  W' = gamma / sqrt(var + eps) W,   b' = gamma (b - mean) / sqrt(var + eps) + beta,   for each output channel
    traffic     Q_separate = 2 k n s,   Q_fused = 2 n s
    roofline    P <= min(P_peak, I B),   I operations a byte, B bytes a second

Passes, in this order
    1. In-place operations become ordinary ones, where nothing else reads their input.
    2. A batch normalization in evaluation mode is folded into the convolution before it.
    3. What depends on no input is computed once.
    4. What is computed twice is computed once.
    5. Chains of elementwise operations with one input each become one module (see ``refimpl.compression.elementwise``).

Deviations from the paper
    1. A survey has no algorithm of its own; these are the passes that need no shapes and no device.
    2. No code is generated: a fused chain is run by PyTorch's own operations on blocks that stay in the cache.
    3. Capture is that of ``torch.fx``: what the network makes from neither input nor parameters is made once, at capture.

Constants are taken at their present value: the result is for inference. The network itself is left alone.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, fx, nn

from refimpl.compression.elementwise import Chain, is_elementwise, traffic

__all__ = ["compile_graph", "fold_batch_norm", "roofline", "traffic"]

NORMALIZED = {nn.Conv1d: nn.BatchNorm1d, nn.Conv2d: nn.BatchNorm2d, nn.Conv3d: nn.BatchNorm3d}
RANDOM = ("bernoulli", "dropout", "multinomial", "normal", "poisson", "rand")
"""Parts of the names of functions that draw random numbers, which must not be computed once only."""


def fold_batch_norm(
    weight: Tensor,
    bias: Tensor | None,
    mean: Tensor,
    var: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that normalizes too.

    Args:
        weight, bias: of the convolution, ``(O, ...)`` and ``(O,)`` or None.
        mean, var: running statistics, ``(O,)``.
        gamma, beta: of the normalization, ``(O,)`` or None.
        eps: added to the variance.

    Raises:
        ValueError: the statistics do not fit the weight.
    """
    if mean.shape != weight.shape[:1] or var.shape != mean.shape:
        shapes = f"{tuple(mean.shape)} and {tuple(var.shape)}"
        raise ValueError(f"fold_batch_norm: mean and var must have shape ({len(weight)},), got {shapes}")
    scale = torch.rsqrt(var + eps)
    scale = scale if gamma is None else gamma * scale
    shift = -mean * scale if bias is None else (bias - mean) * scale
    return weight * scale.view(-1, *(1,) * (weight.dim() - 1)), shift if beta is None else shift + beta


def roofline(peak: float, bandwidth: float, intensity: float) -> float:
    """Attainable operations a second, for a peak rate, bytes a second, and operations a byte."""
    return min(peak, intensity * bandwidth)


@torch.no_grad()
def compile_graph(module: nn.Module) -> fx.GraphModule:
    """Capture and rewrite a network in evaluation mode.

    Raises:
        ValueError: the network is in training mode, or an in-place operation changes what others read.
        torch.fx.proxy.TraceError: the control flow depends on data.
    """
    if module.training:
        raise ValueError(f"compile_graph: expected a network in evaluation mode, got {type(module).__name__} in training mode")
    graph = fx.symbolic_trace(module).eval()
    for rewrite in (_without_in_place, _fold_normalizations, _fold_constants, _share_common, _fuse_chains):
        rewrite(graph)
        graph.graph.eliminate_dead_code()
        graph.recompile()
    graph.delete_all_unused_submodules()
    return graph


def _without_in_place(graph: fx.GraphModule) -> None:
    for node in graph.graph.nodes:
        method = node.op == "call_method" and node.target.endswith("_")
        module = graph.get_submodule(node.target) if node.op == "call_module" else None
        if not (method or node.kwargs.get("inplace") or getattr(module, "inplace", False)):
            continue
        source = node.all_input_nodes[0]
        if len(source.users) > 1 or source.op in ("placeholder", "get_attr"):
            raise ValueError(f"compile_graph: in-place operation {node.name} changes {source.name}, which others may read")
        if method:
            node.target = node.target.removesuffix("_")
        elif module is not None:
            ordinary = copy.copy(module)
            ordinary.inplace = False
            graph.add_submodule(node.target, ordinary)
        else:
            node.kwargs = {**node.kwargs, "inplace": False}


def _fold_normalizations(graph: fx.GraphModule) -> None:
    called = [node.target for node in graph.graph.nodes if node.op == "call_module"]
    for node in graph.graph.nodes:
        source = node.args[0] if node.args else None
        if node.op != "call_module" or not isinstance(source, fx.Node) or source.op != "call_module":
            continue
        norm, layer = graph.get_submodule(node.target), graph.get_submodule(source.target)
        fits = type(layer) in NORMALIZED and type(norm) is NORMALIZED[type(layer)] and norm.running_mean is not None
        if not fits or len(source.users) > 1 or called.count(source.target) > 1:
            continue
        folded = copy.deepcopy(layer)
        weight, bias = fold_batch_norm(layer.weight, layer.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.eps)
        folded.weight, folded.bias = nn.Parameter(weight), nn.Parameter(bias)
        graph.add_submodule(source.target, folded)
        node.replace_all_uses_with(source)


def _repeatable(node: fx.Node) -> bool:
    """Whether the node computes the same whenever it gets the same."""
    name = getattr(node.target, "__name__", str(node.target))
    return node.op in ("call_function", "call_method") and not any(part in name for part in RANDOM)


def _fold_constants(graph: fx.GraphModule) -> None:
    values: dict[fx.Node, Any] = {}
    interpreter = fx.Interpreter(graph)
    for node in list(graph.graph.nodes):
        known = node.op == "get_attr" or (_repeatable(node) and all(n in values for n in node.all_input_nodes))
        if not known:
            continue
        interpreter.env = values
        values[node] = interpreter.run_node(node)
        if node.op != "get_attr" and isinstance(values[node], Tensor):
            name = f"constant_{node.name}"
            graph.register_buffer(name, values[node])
            with graph.graph.inserting_after(node):
                constant = graph.graph.get_attr(name)
            values[constant] = values[node]
            node.replace_all_uses_with(constant)


def _share_common(graph: fx.GraphModule) -> None:
    seen: dict[str, fx.Node] = {}
    for node in list(graph.graph.nodes):
        if node.op == "get_attr" or _repeatable(node):
            first = seen.setdefault(repr((node.op, node.target, node.args, node.kwargs)), node)
            if first is not node:
                node.replace_all_uses_with(first)


def _fuse_chains(graph: fx.GraphModule) -> None:
    def joins(node: fx.Node) -> bool:
        return is_elementwise(graph, node) and len(node.all_input_nodes) == 1

    taken: set[fx.Node] = set()
    for node in list(graph.graph.nodes):
        chain = []
        while joins(node) and node not in taken:
            chain.append(node)
            taken.add(node)
            if len(node.users) != 1:
                break
            node = next(iter(node.users))
        if len(chain) > 1:
            name = f"chain_{chain[0].name}"
            graph.add_submodule(name, Chain(graph, chain))
            last = chain[-1]
            with graph.graph.inserting_after(last):
                fused = graph.graph.call_module(name, (chain[0].all_input_nodes[0],))
            last.replace_all_uses_with(fused)


if __name__ == "__main__":
    import time

    from refimpl.convolution.resnet import resnet18
    from refimpl.demo import arguments

    device = arguments(__doc__)
    network = resnet18()
    model = nn.Sequential(network.conv1, network.bn1, nn.ReLU(), network.layer1, network.layer2).eval()  # what has no checks of shapes
    compiled = compile_graph(model)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        gap = ((model(x) - compiled(x)).abs().max() / model(x).abs().max()).item()
    count = [sum(isinstance(m, nn.BatchNorm2d) for m in net.modules()) for net in (model, compiled)]
    print(f"half of ResNet-18: {count[0]} normalizations before, {count[1]} after, largest difference {gap:.1e} of the output")

    class Curve(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return ((x * 2 + 1).abs().sqrt() - 0.5).square() * 3

    torch.set_num_threads(1)
    curve, x = Curve().eval(), torch.randn(16_000_000)
    plain, fused = fx.symbolic_trace(curve), compile_graph(curve)
    for name, graph in (("separate", plain), ("fused   ", fused)):
        best = float("inf")
        for _ in range(4):
            start = time.perf_counter()
            graph(x)
            best = min(best, time.perf_counter() - start)
        print(f"seven operations on one thread, {name}: {traffic(graph, x) / 1e6:4.0f} MB, {best * 1e3:5.1f} ms")
