"""ONNX files: weights, geometry and order."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._files import read_bytes
from dcsc._outside import outside
from dcsc._words import listed, quoted
from dcsc.errors import DcscError, NotCoveredError, TooLargeError
from dcsc.networks.extras import extra
from dcsc.networks.graph import Graph, Input, Node
from dcsc.networks.network import ConvNetwork
from dcsc.networks.operations import Constant, Part, Slice, Unread
from dcsc.networks.readers.base import Geometry, Reader
from dcsc.networks.readers.onnx_calls import Call
from dcsc.networks.readers.onnx_tensors import tensor_array
from dcsc.networks.readers.translation import translated

_LARGEST = 2**31
_FLOATING = (1, 10, 11, 16)  # float, float16, double and bfloat16 in TensorProto.DataType
# The activations that ONNX Runtime joins with a convolution, and their numbers.
_FUSED = {
    "Clip": ("min", "max"),
    "HardSigmoid": ("alpha", "beta"),
    "LeakyRelu": ("alpha",),
    "Relu": (),
    "Sigmoid": (),
    "Tanh": (),
}
_DEFAULT = ("", "ai.onnx")  # two spellings of the domain of ONNX' own operators
_MOST_BYTES = 2**31  # protobuf holds no more

__all__ = ["OnnxReader"]


class OnnxReader(Reader):
    """``.onnx`` files. What follows from constants alone is computed when the file is read."""

    suffixes: ClassVar[tuple[str, ...]] = (".onnx",)

    def _read(self, path: Path, geometry: Geometry | None) -> ConvNetwork:
        if geometry is not None:
            raise DcscError("geometry: expected none, for an ONNX file carries its own")
        onnx = extra("onnx", "onnx")
        with outside("expected a whole ONNX file, got a broken one"):
            model = onnx.load_model_from_string(read_bytes(path, path.name, _MOST_BYTES))
        if not model.graph.node:
            raise DcscError("expected an ONNX graph, got none")
        builder = _Builder(onnx, model, path.parent)
        return ConvNetwork(builder.graph(), path.name, tuple(builder.notes))


class _Builder:
    """A graph in the making."""

    def __init__(self, onnx: Any, model: Any, folder: Path) -> None:
        self.onnx, self.model, self.folder = onnx, model, folder
        self.opset = _version(model)
        self.constants: dict[str, Array] = {}
        self.nodes: list[Node] = []
        self.computed = 0
        self.names: set[str] = set()
        self.entered: set[str] = set()
        self.notes: list[str] = []

    def graph(self) -> Graph:
        """Return the graph; values known from the file enter it where a step reads them."""
        graph = self.model.graph
        for tensor in graph.initializer:
            self.constants[tensor.name] = tensor_array(tensor, self.folder)
        self._note_halves(graph.initializer)
        if graph.sparse_initializer:
            raise DcscError("expected dense tensors, got sparse initializers")
        inputs = [_input(info) for info in graph.input if info.name not in self.constants]
        for node in graph.node:
            self._add(node)
        outputs = [output.name for output in graph.output]
        self._enter(outputs)
        return Graph(inputs, self.nodes, outputs)

    def _note_halves(self, tensors: Any) -> None:
        halves = (self.onnx.TensorProto.FLOAT16, self.onnx.TensorProto.BFLOAT16)
        count = sum(tensor.data_type in halves for tensor in tensors)
        if count:
            self.notes.append(f"{count} tensors are of half precision, computed with as float32")

    def _add(self, node: Any) -> None:
        name = self._name(node)
        outputs = tuple(filter(None, node.output))
        try:
            with np.errstate(all="ignore"):  # what is not finite is refused where it is a weight
                steps = list(_steps(self._call(node, outputs), node.domain))
            for (operation, inputs), output in steps:
                known = all(i in self.constants for i in inputs)
                if known and not isinstance(operation, Unread):
                    self._keep(output, operation(*(self.constants[i] for i in inputs)))
                else:
                    self._enter(inputs)
                    self.nodes.append(Node(name, operation, inputs, output))
        except DcscError as error:
            raise type(error)(f"{name} ({node.op_type}): {error}") from None
        except (LookupError, TypeError, ValueError) as error:
            raise DcscError(
                f"{name} ({node.op_type}): expected other inputs or attributes: {quoted(error)}"
            ) from None

    def _keep(self, name: str, value: Array) -> None:
        """Keep what was computed from constants, as long as that is not too much."""
        self.computed += value.nbytes
        if self.computed > _LARGEST:
            raise TooLargeError(
                f"expected at most {_LARGEST} bytes computed from constants, got {self.computed}"
            )
        self.constants[name] = value

    def _name(self, node: Any) -> str:
        name = node.name or (node.output[0] if node.output else node.op_type)
        if name in self.names:
            name = f"{name}:{len(self.names)}"
        self.names.add(name)
        return str(name)

    def _enter(self, names: Any) -> None:
        """Make sure that these values are in the graph."""
        for name in names:
            if name in self.constants and name not in self.entered:
                self.entered.add(name)
                self.nodes.append(Node(name, Constant(self.constants[name]), (), name))

    def _call(self, node: Any, outputs: tuple[str, ...]) -> Call:
        attributes = {a.name: self._attribute(node, a) for a in node.attribute}
        inputs = tuple(node.input)
        return Call(node.op_type, inputs, outputs, attributes, self.constants, self.opset)

    def _attribute(self, node: Any, attribute: Any) -> Any:
        kinds = self.onnx.AttributeProto
        if attribute.type in (kinds.GRAPH, kinds.GRAPHS):
            raise DcscError(
                "holds a graph of its own, which decides at run time what is computed; dcsc reads "
                "no If, Loop or Scan: export the network with the branch that you want"
            )
        value = self.onnx.helper.get_attribute_value(attribute)
        if attribute.type == kinds.TENSOR:
            return tensor_array(value, self.folder)
        if attribute.type == kinds.STRING:
            value = value.decode("utf-8", "replace")
        if node.op_type == "Cast" and attribute.name == "to":
            return _cast(self.onnx, value)
        return value


def _version(model: Any) -> int:
    """Return the version of ONNX' operators, whose domain may be spelled in full."""
    versions = [o.version for o in model.opset_import if o.domain in _DEFAULT]
    if not versions and model.ir_version > 2:
        domains = listed(quoted(o.domain) for o in model.opset_import)
        raise DcscError(f"expected a version of ONNX' own operators, got those of {domains}")
    return max(versions, default=1)


def _cast(onnx: Any, value: int | str) -> Any:
    try:
        # Before version 6 the type's name was given.
        kind = onnx.TensorProto.DataType.Value(value) if isinstance(value, str) else value
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind))
    except (KeyError, TypeError, ValueError):
        raise DcscError(f"expected a type of numbers, got {quoted(value)}") from None
    return np.dtype(np.float32) if dtype.kind not in "biu" and dtype.itemsize <= 2 else dtype


def _steps(call: Call, domain: str) -> Iterator[tuple[Any, str]]:
    """Yield the operations that an operator is, with the values that they make."""
    first, *others = call.outputs
    if domain == "com.microsoft" and call.kind == "FusedConv":
        yield from _fused(call)
    elif domain not in _DEFAULT:
        reason = f"the operators of {quoted(domain)} are not known"
        for output in call.outputs:
            yield (Unread(call.kind, reason), tuple(filter(None, call.inputs))), output
    elif call.kind == "Split":
        yield from _split(call)
    else:
        operation, inputs = translated(call)
        yield (operation, inputs), first
        for output in others:
            reason = "only its first result is computed"
            more = operation if isinstance(operation, Unread) else Unread(call.kind, reason)
            yield (more, inputs), output


def _fused(call: Call) -> Iterator[tuple[Any, str]]:
    """Yield a convolution and its activation, of which ONNX Runtime makes one operator."""
    (output,) = call.outputs
    kind, numbers = call.get("activation", ""), call.get("activation_params", ())
    if kind not in _FUSED or any(call.inputs[3:]):
        reason = f"it joins a convolution with {quoted(kind)}" + " and a sum" * any(call.inputs[3:])
        yield (Unread(call.kind, reason), tuple(filter(None, call.inputs))), output
        return
    rest = {name: value for name, value in call.attributes.items() if name not in call.asked}
    inner = f"{output}:conv"
    conv = attrs.evolve(call, kind="Conv", inputs=call.inputs[:3], attributes=rest)
    given = dict(zip(_FUSED[kind], numbers, strict=False))
    yield translated(conv), inner
    yield (
        translated(attrs.evolve(call, kind=kind, inputs=(inner,), attributes=given)),
        output,
    )


def _split(call: Call) -> Iterator[tuple[Any, str]]:
    """Yield one stretch for each part; those of equal parts need not be given."""
    axis, data, count = call.get("axis", 0), call.inputs[:1], len(call.outputs)
    parts: list[Any]
    try:
        sizes = call.listed("split", 1)
    except NotCoveredError as error:
        parts = [Unread("Split", str(error))] * count
    else:
        if sizes is None:
            parts = [Part(number, count, axis) for number in range(count)]
        else:
            ends = [int(end) for end in np.cumsum(sizes)]
            starts = [end - size for end, size in zip(ends, sizes, strict=True)]
            parts = [
                Slice(((start,), (end,), (axis,))) for start, end in zip(starts, ends, strict=True)
            ]
    for output, part in zip(call.outputs, parts, strict=True):
        yield (part, data), output


def _input(info: Any) -> Input:
    kind = info.type.tensor_type
    shape = (
        tuple(d.dim_value if d.dim_value > 0 else None for d in kind.shape.dim)
        if kind.HasField("shape")
        else None
    )
    return Input(info.name, shape, integer=kind.elem_type not in _FLOATING)
