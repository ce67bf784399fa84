"""PyTorch modules to ONNX files and, for the weights, back."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import torch
from onnxscript.optimizer import optimize_ir

if TYPE_CHECKING:
    from refimpl.live.part import Part

__all__ = ["export", "load_weights"]

OPSET = 20


def export(part: Part) -> bytes:
    """A module as ONNX, without names of files of this machine.

    Constants are folded except for weights, which keep their names for :func:`load_weights`.
    """
    inputs = part.sample(torch.Generator().manual_seed(0))
    size = torch.export.Dim("size")
    part.module.eval()
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            part.module,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(part.outputs),
            opset_version=OPSET,
            dynamic_shapes=tuple({part.varying[name]: size} if name in part.varying else None for name in inputs),
            dynamo=True,
            optimize=False,
            verbose=False,
        )
        weights = set(part.module.state_dict())
        optimize_ir(program.model, should_fold=lambda node: False if weights.intersection(_names(node)) else None)
    model = program.model_proto
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def load_weights(part: Part, stored: bytes) -> None:
    """Give a module the weights of an ONNX file that :func:`export` made of it.

    Raises:
        ValueError: the file lacks a parameter of the module, or has it in another shape.
    """
    found = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load_from_string(stored).graph.initializer}
    wanted = part.module.state_dict()
    for name, value in wanted.items():
        if name not in found or found[name].shape != tuple(value.shape):
            has = f"shape {found[name].shape}" if name in found else "none"
            raise ValueError(f"load_weights: expected {name} of shape {tuple(value.shape)} in the file, got {has}")
    part.module.load_state_dict({name: torch.from_numpy(np.array(found[name])) for name in wanted})


def _names(node: ir.Node) -> set[str | None]:
    return {value.name for value in node.inputs if value is not None}


def _strip(model: onnx.ModelProto) -> None:
    """Remove what only debugging needs: traces of the source, with paths, and shapes of inner values."""
    graph = model.graph
    del graph.value_info[:]
    del model.metadata_props[:]
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        item.doc_string = ""
        del item.metadata_props[:]
    for node in graph.node:
        node.name = ""
    for function in model.functions:
        raise ValueError(f"export: expected a graph without functions, got {function.name}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress and its warnings about itself off the terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
