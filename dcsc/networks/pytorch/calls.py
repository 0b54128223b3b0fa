"""What PyTorch's graphs say of one step: its arguments by their names, and the shapes around it."""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from dcsc._arrays import Array, Shape
from dcsc._tensors import host
from dcsc.errors import NotCoveredError
from dcsc.networks.operations import Flatten, Foreign, Operation, Reshape

__all__ = [
    "OPSET",
    "Call",
    "Step",
    "Translation",
    "batched",
    "demand",
    "foreign",
    "lengths",
    "plain",
    "reshaped",
    "static",
]

OPSET = 18  # of the operators that the package onnx runs


@attrs.frozen(eq=False)
class Step:
    """Operations one after the other, of which the first reads some values.

    Parameters
    ----------
    operations : tuple of Operation
    inputs : tuple
        Nodes of PyTorch's graph, arrays, and other steps.
    """

    operations: tuple[Operation, ...]
    inputs: tuple[Any, ...]

    @classmethod
    def of(cls, operation: Operation, *inputs: Any) -> "Step":
        """Return a step of one operation."""
        return cls((operation,), inputs)


# Arguments that say where and how PyTorch computes, or that matter to training alone.
_WITHOUT_EFFECT = (
    *("layout", "device", "pin_memory", "memory_format", "non_blocking", "copy", "implicit"),
    *("momentum", "cudnn_enabled", "cudnn_enable", "scale_grad_by_freq", "sparse", "sparse_grad"),
)


@attrs.frozen(eq=False)
class Call:
    """A node that calls one of PyTorch's operators.

    Parameters
    ----------
    node, result : torch.fx.Node
        The call, and its result: each of several is a node of its own.
    constants : dict of node to Tensor
        What is known without the inputs.
    number : int
        Which of the results is meant.
    """

    node: Any
    result: Any
    constants: dict[Any, Tensor]
    number: int = 0
    arguments: dict[str, Any] = attrs.field(init=False)
    asked: set[str] = attrs.field(factory=set, init=False)

    @arguments.default
    def _arguments(self) -> dict[str, Any]:
        schema = self.node.target._schema.arguments
        values = {argument.name: argument.default_value for argument in schema}
        names = [argument.name for argument in schema]
        return values | dict(zip(names, self.node.args, strict=False)) | dict(self.node.kwargs)

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument, or the default where the operator has none of this name."""
        self.asked.add(name)
        return self.arguments.get(name, default)

    def unheeded(self) -> list[str]:
        """Return what is not as it is by default and was not asked for, the data excepted."""
        schema = self.node.target._schema.arguments
        defaults = {argument.name: argument.default_value for argument in schema}
        asked = {next(iter(defaults)), *self.asked, *_WITHOUT_EFFECT}
        if "dtype" in {*self.arguments} - asked and self.keeps_dtype:
            asked.add("dtype")
        return [
            name
            for name, value in self.arguments.items()
            if name not in asked and value is not defaults[name] and value != defaults[name]
        ]

    @property
    def data(self) -> Any:
        """The first argument: what the operator acts on."""
        return self.arguments[next(iter(self.arguments))]

    @property
    def shape(self) -> tuple[Any, ...]:
        """The shape of what comes out; symbols stand for what the batch decides."""
        return lengths(self.result)

    @property
    def dtype(self) -> Any:
        """The dtype of what comes out, as NumPy has it."""
        return _numpy(self.result)

    @property
    def keeps_dtype(self) -> bool:
        """Whether what comes out is of the dtype of what goes in."""
        return _numpy(self.data) == self.dtype

    def incoming(self, name: str = "") -> tuple[Any, ...]:
        """Return the shape of a tensor that goes in."""
        return lengths(self[name] if name else self.data)

    def axes(self, name: str, rank: int) -> Shape:
        """Return axes, an int or a list of them, counted from the first; none given are all."""
        value = self[name]
        numbers = [value] if isinstance(value, int) else value or range(rank)
        return tuple(number % rank for number in numbers)

    def constant(self, name: str) -> Tensor:
        """Return a tensor that has to be known without the inputs."""
        if self[name] not in self.constants:
            raise NotCoveredError(f"its {name} is computed from the inputs")
        return self.constants[self[name]]

    def weight(self, name: str) -> Array | None:
        """Return a weight, or None if there is none."""
        return None if self.get(name) is None else host(self.constant(name), f"from_torch: {name}")

    def scalar(self, value: Any) -> Any:
        """Return a number as an array of the dtype that it is computed with, a node as it is."""
        if not isinstance(value, int | float):
            return value
        dtype = _numpy(self.data) if self.dtype.kind == "b" else self.dtype
        whole = dtype.kind != "f" and isinstance(value, float)
        return np.array(value, np.float64 if whole else dtype)


def lengths(node: Any) -> tuple[Any, ...]:
    """Return the shape of a node's tensor; symbols stand for what the batch decides."""
    shape = node.meta["val"].shape
    fixed = (n if isinstance(n, int) else n.node.maybe_as_int() for n in shape)
    return tuple(n if m is None else m for n, m in zip(shape, fixed, strict=True))


def _numpy(node: Any) -> np.dtype[Any]:
    kind = node.meta["val"].dtype
    if kind.is_floating_point:
        return np.dtype(np.float64 if kind == torch.float64 else np.float32)
    return np.dtype(str(kind).removeprefix("torch."))


def demand(holds: bool, reason: str) -> None:
    """Raise `NotCoveredError` with a reason, unless something holds."""
    if not holds:
        raise NotCoveredError(reason)


def batched(call: Call, rank: int) -> None:
    """Raise `NotCoveredError` unless the data have as many axes as a batch has."""
    shape = call.incoming()
    demand(len(shape) == rank, f"its data have {len(shape)} axes, not {rank}: give a batch")


def static(shape: Any) -> tuple[int, ...]:
    """Return a shape with -1 where the batch decides; that may be one axis."""
    numbers = tuple(n if isinstance(n, int) else -1 for n in shape)
    demand(numbers.count(-1) < 2, "the batch decides more than one axis of its result")
    return numbers


def reshaped(call: Call) -> Operation:
    """Return the operation that gives data the shape of the call's result."""
    shape, before = static(call.shape), call.incoming()
    if len(shape) == 2 and len(before) > 1 and before[0] == call.shape[0]:
        return Flatten(1)
    return Reshape(shape, keep_zeros=True)


Translation = Callable[[Call], Operation | Step]
"""What an operator of PyTorch is: an operation on its first argument, or a step."""


def plain(operation: Callable[..., Operation], **names: str) -> Translation:
    """Return a translation that hands arguments on, ``field=argument``."""
    return lambda call: operation(**{field: call[name] for field, name in names.items()})


def foreign(kind: str, **attributes: str) -> Translation:
    """Return a translation to an operator of ONNX, ``attribute=argument``."""
    return lambda call: Foreign(kind, OPSET, {key: call[n] for key, n in attributes.items()})
