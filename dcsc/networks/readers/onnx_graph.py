"""ONNX files: weights, geometry and order."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

from dcsc._arguments import mapping
from dcsc._arrays import Array
from dcsc._cached import cached_property
from dcsc._fields import named_field
from dcsc._files import read_bytes
from dcsc._outside import outside
from dcsc._words import listed, quoted
from dcsc.errors import DcscError, NotCoveredError, TooLargeError
from dcsc.networks.extras import extra
from dcsc.networks.graph import Graph, Input, Node
from dcsc.networks.network import ConvNetwork
from dcsc.networks.operations import Constant, Identity, Operation, Unread
from dcsc.networks.readers.base import Geometry, Reader
from dcsc.networks.readers.later import Later
from dcsc.networks.readers.onnx_calls import Call, InnerGraph
from dcsc.networks.readers.onnx_loops import unrolled
from dcsc.networks.readers.onnx_scopes import Scope, version
from dcsc.networks.readers.onnx_tensors import is_narrow, tensor_array
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
_UNDECIDED = (
    "its condition is computed while it runs; if inputs decide it that are always the same, their "
    "values may be given when the file is read (fixed)"
)
_MOST_NODES = 2**17  # functions that call functions could make any number of them

__all__ = ["OnnxReader"]


def _fixed(value: Any, record: Any, where: str) -> Mapping[str, Any]:
    return dict(mapping(value, where))


@attrs.frozen
class OnnxReader(Reader):
    """``.onnx`` files. What follows from constants alone is computed when the file is read.

    Parameters
    ----------
    fixed : mapping of str to array_like
        Values of inputs that are the same in every run: they are constants, and no inputs.
    """

    fixed: Mapping[str, Any] = named_field(_fixed, factory=dict)

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
        return ConvNetwork(builder.graph(self.fixed), path.name, tuple(builder.notes))


class _Builder:
    """A graph in the making."""

    def __init__(self, onnx: Any, model: Any, folder: Path) -> None:
        self.onnx, self.model, self.folder = onnx, model, folder
        self.functions = {(one.domain, one.name): one for one in model.functions}
        self.constants: dict[str, Array] = {}
        self.nodes: list[Node] = []
        self.computed = self.added = 0
        self.narrow: set[str] = set()
        self.names: set[str] = set()
        self.values: set[str] = set()
        self.entered: set[str] = set()
        self.notes: list[str] = []

    def graph(self, fixed: Mapping[str, Any]) -> Graph:
        """Return the graph; values known from the file enter it where a step reads them."""
        graph = self.model.graph
        self.keep_tensors(graph, Scope())
        inputs = [_input(info) for info in graph.input if info.name not in self.constants]
        self._fix(inputs, fixed)
        self.add_all(graph.node, Scope(opset=version(self.model.opset_import, self.model)))
        outputs = [output.name for output in graph.output]
        self._enter(outputs)
        later = [n.operation for n in self.nodes if isinstance(n.operation, Later)]
        count = sum(one.label.startswith("Conv") for one in later)
        if count:
            self.notes.append(
                f"{count} convolutions have weights that other steps compute: they are run, and "
                "not read as layers"
            )
        return Graph([i for i in inputs if i.name not in fixed], self.nodes, outputs)

    def _fix(self, inputs: list[Input], fixed: Mapping[str, Any]) -> None:
        """Make constants of inputs."""
        known = {needed.name: needed for needed in inputs}
        for name, value in fixed.items():
            if name not in known:
                raise DcscError(f"fixed: expected inputs, {listed(known)}, got {quoted(name)}")
            # One number stands for an array that holds one.
            ones = known[name].shape or ()
            one = np.ndim(value) == 0 and all(length in (1, None) for length in ones)
            several = np.reshape(value, [1] * len(ones)) if one else value
            self.constants[name] = known[name].checked(several, f"fixed: {quoted(name)}")

    def keep_tensors(self, graph: Any, scope: Scope) -> None:
        """Keep the tensors of a graph, or of a branch."""
        for tensor in graph.initializer:
            name = scope.within(tensor.name)
            self.constants[name] = tensor_array(tensor, self.folder, narrow=True)
            if is_narrow(tensor):
                self.narrow.add(name)
        halves = (self.onnx.TensorProto.FLOAT16, self.onnx.TensorProto.BFLOAT16)
        count = sum(tensor.data_type in halves for tensor in graph.initializer)
        if count:
            self.notes.append(f"{count} tensors are of half precision, computed with as float32")
        if graph.sparse_initializer:
            raise DcscError("expected dense tensors, got sparse initializers")

    def add_all(self, nodes: Any, scope: Scope) -> None:
        """Add the steps of a graph, a branch or a function."""
        for node in nodes:
            self.added += 1
            if self.added > _MOST_NODES:
                raise TooLargeError(f"expected at most {_MOST_NODES} steps, got more")
            name = self._name(node, scope)
            try:
                function = self.functions.get((node.domain, node.op_type))
                if function is not None:
                    self._inline(name, node, function, scope)
                elif node.op_type == "If" and node.domain in _DEFAULT:
                    self._choose(name, node, scope)
                elif node.op_type in ("Loop", "Scan") and node.domain in _DEFAULT:
                    self._unroll(name, node, scope)
                else:
                    self._add(name, node, scope)
            except (LookupError, TypeError, ValueError) as error:
                if isinstance(error, DcscError):
                    raise
                raise DcscError(
                    f"{name} ({node.op_type}): expected other inputs or attributes: {quoted(error)}"
                ) from None

    def _inline(self, name: str, node: Any, function: Any, scope: Scope) -> None:
        """Add the steps of a function of the file in the place of its call."""
        inner = scope.of_function(node, function, name)
        self.add_all(function.node, inner)
        self._hand_on(name, node, [inner.name(output) for output in function.output], scope)

    def _choose(self, name: str, node: Any, scope: Scope) -> None:
        """Add the steps of the branch that a known condition takes; without one it is a stop."""
        condition = scope.name(node.input[0])
        if condition not in self.constants:
            self._stop(name, node, _UNDECIDED, (condition,), scope)
            return
        taken = "then_branch" if self.constants[condition].reshape(()) else "else_branch"
        (branch,) = (attribute.g for attribute in node.attribute if attribute.name == taken)
        inner = scope.of_branch(name)
        self.keep_tensors(branch, inner)
        self.add_all(branch.node, inner)
        made = [inner.name(output.name) for output in branch.output]
        self._hand_on(name, node, made, scope)

    def _unroll(self, name: str, node: Any, scope: Scope) -> None:
        """Add all rounds of a loop; if it is not known how many there are, it is a stop."""
        before, added = len(self.nodes), self.added
        try:
            self._hand_on(name, node, unrolled(self, name, node, scope), scope)
        except (NotCoveredError, TooLargeError) as error:
            del self.nodes[before:]
            if not scope.inner:
                self.added = added
            self.entered &= {step.output for step in self.nodes}
            inputs = tuple(scope.name(value) for value in node.input if value)
            self._enter(inputs)
            self._stop(name, node, str(error), inputs, scope)

    def _stop(
        self, name: str, node: Any, reason: str, inputs: tuple[str, ...], scope: Scope
    ) -> None:
        for output in filter(None, node.output):
            unread, new = Unread(node.op_type, reason), self._new(output, scope)
            self.nodes.append(Node(name, unread, inputs, new))

    def _hand_on(self, name: str, node: Any, made: list[str], scope: Scope) -> None:
        """Give the results of a branch or a function the names that the graph has for them."""
        for value, output in zip(made, node.output, strict=False):
            if output:
                final = self._new(output, scope)
                if value in self.constants:
                    self.constants[final] = self.constants[value]
                else:
                    self.nodes.append(Node(name, Identity(), (value,), final))

    def _new(self, output: str, scope: Scope) -> str:
        """Return the name that a value gets."""
        name = scope.within(output)
        while scope.inner and name in self.values:
            name = scope.names[output] = f"{name}:{len(self.values)}"
        self.values.add(name)
        return name

    def _add(self, name: str, node: Any, scope: Scope) -> None:
        try:
            with np.errstate(all="ignore"):  # what is not finite is refused where it is a weight
                call = self._call(node, scope)
                steps = list(_steps(call, node.domain, self.narrow.intersection(call.inputs)))
            for (operation, inputs), output in steps:
                self.put(name, operation, inputs, output)
        except DcscError as error:
            raise type(error)(f"{name} ({node.op_type}): {error}") from None

    def put(self, name: str, operation: Operation, inputs: tuple[str, ...], output: str) -> None:
        """Add a step, or compute it if all it reads is known."""
        known = all(i in self.constants for i in inputs)
        if known and not isinstance(operation, Unread):
            self.keep(output, operation(*(self.constants[i] for i in inputs)))
        else:
            self._enter(inputs)
            self.nodes.append(Node(name, operation, inputs, output))

    def length(self, name: str, axis: int) -> int | None:
        """Return how long a value is along an axis, if the file tells it."""
        shape = self.constants[name].shape if name in self.constants else self._shapes.get(name, ())
        return shape[axis] if -len(shape) <= axis < len(shape) else None

    @cached_property
    def _shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The shapes of values outside of branches and functions, as far as the file tells them."""
        with contextlib.suppress(Exception):  # what cannot be inferred is not known
            graph = self.onnx.shape_inference.infer_shapes(self.model, data_prop=True).graph
            shapes = (_input(info) for info in (*graph.input, *graph.value_info))
            return {one.name: one.shape for one in shapes if one.shape is not None}
        return {}

    def keep(self, name: str, value: Array) -> None:
        """Keep what was computed from constants, as long as that is not too much."""
        self.computed += value.nbytes
        if self.computed > _LARGEST:
            raise TooLargeError(
                f"expected at most {_LARGEST} bytes computed from constants, got {self.computed}"
            )
        self.constants[name] = value

    def _name(self, node: Any, scope: Scope) -> str:
        name = scope.prefix + (node.name or (node.output[0] if node.output else node.op_type))
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

    def _call(self, node: Any, scope: Scope) -> Call:
        attributes = {
            name: self._attribute(node, attribute)
            for name, attribute in scope.attributes_of(node).items()
        }
        inputs = tuple(map(scope.name, node.input))
        outputs = tuple(self._new(output, scope) if output else "" for output in node.output)
        return Call(node.op_type, inputs, outputs, attributes, self.constants, scope.opset)

    def _attribute(self, node: Any, attribute: Any) -> Any:
        kinds = self.onnx.AttributeProto
        if attribute.type in (kinds.GRAPH, kinds.GRAPHS):
            return InnerGraph()
        value = self.onnx.helper.get_attribute_value(attribute)
        if attribute.type == kinds.TENSOR:
            return tensor_array(value, self.folder)
        if attribute.type == kinds.STRING:
            value = value.decode("utf-8", "replace")
        if attribute.type == kinds.STRINGS:
            value = [text.decode("utf-8", "replace") for text in value]
        if node.op_type == "Cast" and attribute.name == "to":
            return _cast(self.onnx, value)
        return value


def _cast(onnx: Any, value: int | str) -> Any:
    """Return a dtype, or the name of one that rounds to fewer than half precision."""
    try:
        # Before version 6 the type's name was given.
        kinds = onnx.TensorProto.DataType
        kind = kinds.Value(value) if isinstance(value, str) else value
        if re.search(r"FLOAT[48]|INT[24]$", kinds.Name(kind)):
            return kinds.Name(kind)
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind))
    except (KeyError, TypeError, ValueError):
        raise DcscError(f"expected a type of numbers, got {quoted(value)}") from None
    return np.dtype(np.float32) if dtype.kind not in "biu" and dtype.itemsize <= 2 else dtype


def _steps(call: Call, domain: str, narrow: set[str]) -> Iterator[tuple[Any, str]]:
    """Yield the operations that an operator is, with the values that they make.

    Numbers of few bits are widened, which nothing knows that rounds to such ones.
    """
    every = tuple(filter(None, call.inputs))
    if domain == "com.microsoft" and call.kind == "FusedConv":
        yield from _fused(call)
        return
    reason = ""
    if domain not in _DEFAULT:
        reason = f"the operators of {quoted(domain)} are not known"
    elif any(isinstance(value, InnerGraph) for value in call.attributes.values()):
        reason = "it holds a graph of its own, which decides while it runs what is computed"
    elif narrow and call.kind in ("CastLike", "QuantizeLinear"):
        reason = "it rounds to numbers of few bits"
    for number, output in enumerate(call.outputs):
        if output:
            step = (Unread(call.kind, reason), every) if reason else translated(call, number)
            yield step, output


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


def _input(info: Any) -> Input:
    kind = info.type.tensor_type
    shape = (
        tuple(d.dim_value if d.dim_value > 0 else None for d in kind.shape.dim)
        if kind.HasField("shape")
        else None
    )
    return Input(info.name, shape, integer=kind.elem_type not in _FLOATING)
