"""Modules as networks."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dcsc._arrays import numeric_array
from dcsc._words import listed, quoted
from dcsc.errors import DcscError
from dcsc.networks.network import ConvNetwork
from dcsc.networks.pytorch.building import graph_of
from dcsc.networks.pytorch.refusals import call_of, check_batch, check_inputs, input_of
from dcsc.networks.pytorch.tracing import traced
from dcsc.networks.simplification import simplified, zero_filters

__all__ = ["read_module"]

_WHERE = "from_torch"


def read_module(module: nn.Module, example: Any) -> ConvNetwork:
    """Return a module as a network; see `dcsc.networks.from_torch`."""
    if not isinstance(module, nn.Module):
        raise DcscError(
            f"{_WHERE}: module: expected a torch.nn.Module, got {quoted(module)}{_way(module)}"
        )
    if isinstance(module, torch.jit.ScriptModule):
        raise DcscError(
            f"{_WHERE}: module: expected a module of Python, got TorchScript: give the module that "
            "it was made of, or torch.onnx.export it to a file"
        )
    if any(nn.parameter.is_lazy(parameter) for parameter in module.parameters()):
        raise DcscError(f"{_WHERE}: module: expected weights, got lazy ones: run it once")
    if any(parameter.is_meta for parameter in module.parameters()):
        raise DcscError(
            f"{_WHERE}: module: expected weights, got those of the device meta, which hold no "
            "numbers: load them first"
        )
    made = input_of(module) if example is None else None
    if example is None and made is None:
        raise DcscError(f"{_WHERE}: example: expected an input, got none: {call_of(module)}")
    if made is not None:
        example = made[0]
    if isinstance(example, tuple | list) and example and all(type(n) is int for n in example):
        raise DcscError(
            f"{_WHERE}: example: expected a tensor or an array, got {quoted(example)}: of this "
            f"shape it is torch.zeros({listed(example)})"
        )
    if isinstance(example, Mapping):
        raise DcscError(
            f"{_WHERE}: example: expected a tensor, an array, or a tuple of them in the order of "
            f"forward's arguments, got a mapping with {listed(example)}"
        )
    if isinstance(example, list) and any(isinstance(item, Tensor) for item in example):
        raise DcscError(
            f"{_WHERE}: example: expected a tensor, an array, or a tuple of them for several "
            f"inputs, got a list of {len(example)}: of a batch of a loader it is example[0]"
        )
    several = example if isinstance(example, tuple) else (example,)
    if not several:
        raise DcscError(f"{_WHERE}: example: expected an input or a tuple of them, got ()")
    examples = tuple(_tensor(value, module) for value in several)
    for tensor in examples:
        if tensor.ndim and not tensor.shape[0]:
            raise DcscError(
                f"{_WHERE}: example: expected a batch of one input or more, got shape "
                f"{tuple(tensor.shape)}"
            )
    check_inputs(module, examples)
    program = traced(module, examples)
    check_batch(program)
    graph = simplified(graph_of(program, module))
    weights = _narrow(module.parameters())
    steps = _narrow(node.meta.get("val") for node in program.graph.nodes)
    notes = [] if made is None else [made[1]]
    notes += [f"weights are {kind}, computed with as float32" for kind in weights]
    notes += [f"steps in {kind} are computed in float32" for kind in steps if kind not in weights]
    fixed = sorted({n.shape[0] for n in graph.inputs if n.shape and n.shape[0] is not None})
    notes += [f"the module takes batches of {size} and no others" for size in fixed]
    return ConvNetwork(graph, type(module).__name__, (*notes, *zero_filters(graph)))


def _way(value: Any) -> str:
    """Return what makes a network of something else than a module."""
    if isinstance(value, str | os.PathLike):
        return "; networks.load reads files"
    if isinstance(value, Mapping):
        return "; these weights go into a module by load_state_dict, or by torch.save into a file"
    return ""


def _narrow(values: Iterable[Any]) -> list[str]:
    """Return the floating dtypes of tensors that are narrower than float32."""
    kinds = {value.dtype for value in values if isinstance(value, torch.Tensor)}
    return sorted(
        str(kind).removeprefix("torch.")
        for kind in kinds
        if kind.is_floating_point and kind.itemsize < 4
    )


def _tensor(value: Any, module: nn.Module) -> Tensor:
    """Return a tensor as it is, and an array where the weights are and of their dtype."""
    if isinstance(value, Tensor):
        return value.detach()
    array = np.array(numeric_array(value, f"{_WHERE}: example"))
    tensor = torch.from_numpy(array)
    weights = next((p for p in module.parameters() if p.is_floating_point()), None)
    if weights is None:
        return tensor
    return tensor.to(weights.device, weights.dtype if array.dtype.kind == "f" else None)
