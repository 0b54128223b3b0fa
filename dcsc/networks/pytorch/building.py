"""The graph of a module that was traced."""

import operator
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from dcsc._arrays import Array
from dcsc._tensors import host
from dcsc.errors import DcscError, NotCoveredError
from dcsc.networks.graph import Graph, Input, Node
from dcsc.networks.operations import Constant, Slice, Squeeze, Unread
from dcsc.networks.pytorch.aten import SEVERAL, translated
from dcsc.networks.pytorch.calls import Call, Step, lengths
from dcsc.networks.pytorch.refusals import fed

__all__ = ["graph_of"]


def graph_of(program: ExportedProgram, module: nn.Module) -> Graph:
    """Return the graph of a module's steps; what has no operation is `Unread`, with its reason."""
    return _Builder(program, module).graph()


class _Builder:
    """A graph in the making: every value that PyTorch's graph has gets a name or a tensor."""

    def __init__(self, program: ExportedProgram, module: nn.Module) -> None:
        self.program, self.module = program, module
        self.constants: dict[Any, Tensor] = {}
        self.names: dict[Any, str] = {}
        self.taken: set[str] = set()
        self.weighted: set[str] = set()
        self.nodes: list[Node] = []
        self.read_out: set[Any] = set()  # numbers that tensors were asked for

    def graph(self) -> Graph:
        """Return the graph of all that the outputs need."""
        given = fed(self.program)
        for node in given:
            self.names[node] = self._free(node.name)
        outputs = set(self.program.graph_signature.user_outputs)
        (last,) = (node for node in self.program.graph.nodes if node.op == "output")
        ends = [
            end for end in last.args[0] if isinstance(end, torch.fx.Node) and end.name in outputs
        ]
        if not ends:
            raise DcscError("from_torch: module: expected tensors to come out, got none")
        self._know_weights()
        steps = [n for n in _needed(self.program, ends) if n.op == "call_function"]
        steps = [node for node in steps if not self._compute(node)]
        self.weighted = {_path(node) for node in steps if self._weighs(node)}
        for node in steps:
            self._add(node)
        inputs = [_input(node, self.names[node]) for node in given]
        return Graph(inputs, self.nodes, tuple(dict.fromkeys(map(self._named, ends))))

    def _know_weights(self) -> None:
        program, signature = self.program, self.program.graph_signature
        held = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        lifted = signature.inputs_to_lifted_tensor_constants
        for node in program.graph.nodes:
            target = held.get(node.name) or lifted.get(node.name)
            if target is not None:
                tensors = program.state_dict if target in program.state_dict else program.constants
                self.constants[node] = tensors[target]

    # ---- one step --------------------------------------------------------------------------------

    def _add(self, node: Any) -> None:
        """Add a step to the graph."""
        source = node.args[0] if node.target is operator.getitem else node
        read_out = any(n in self.read_out for n in source.all_input_nodes)
        if not isinstance(node.meta.get("val"), Tensor):
            if read_out or "_local_scalar_dense" in str(node.target):
                self.read_out.add(node)
            return  # a number of PyTorch's own, or results that are taken out one by one
        name = self._free(self._name(node))
        one = node.target is operator.getitem
        try:
            if read_out:
                raise NotCoveredError("one of its numbers is read out of a tensor, by .item()")
            step = self._taken_out(node) if one else translated(Call(node, node, self.constants))
            self._enter(step, name, {})
        except NotCoveredError as error:
            unread = Unread(source.target.overloadpacket.__name__, str(error))
            tensors = [n for n in source.all_input_nodes if n in self.names or n in self.constants]
            self.nodes.append(Node(name, unread, tuple(map(self._named, tensors)), name))
        except DcscError as error:
            raise DcscError(f"from_torch: module: {name}: {error}") from None
        self.names[node] = name

    def _compute(self, node: Any) -> bool:
        """Compute a step that follows from weights alone, in PyTorch; return whether it does."""
        inputs = node.all_input_nodes
        tags = getattr(node.target, "tags", ())
        if (
            not all(n in self.constants for n in inputs)
            or torch.Tag.nondeterministic_seeded in tags
        ):
            return False
        arguments = torch.fx.map_arg((node.args, node.kwargs), self.constants.__getitem__)
        with torch.no_grad():
            self.constants[node] = node.target(*arguments[0], **arguments[1])
        return True

    def _taken_out(self, node: Any) -> Step:
        """Return the step of one of several results."""
        source, index = node.args
        kind = source.target.overloadpacket.__name__
        if "split" in kind or kind in ("chunk", "unbind"):
            call = Call(source, node, self.constants)
            (axis,) = call.axes("dim", len(call.incoming()))
            whole = kind == "unbind"
            sizes = [1 if whole else part.shape[axis] for part in source.meta["val"]]
            if not all(isinstance(size, int) for size in sizes):
                raise NotCoveredError("the batch decides the sizes of its parts")
            start = sum(sizes[:index])
            cut = Slice(((start,), (start + sizes[index],), (axis,)))
            return Step((cut, Squeeze((axis,))) if whole else (cut,), (call.data,))
        if index and kind not in SEVERAL:
            raise NotCoveredError("only its first result is computed")
        return translated(Call(source, node, self.constants, index))

    def _enter(self, step: Step, name: str, done: dict[int, str]) -> str:
        """Add a step under a name, and those before it under names that are derived from it."""
        if id(step) in done:
            return done[id(step)]
        inputs = []
        for value in step.inputs:
            if isinstance(value, Step):
                inputs.append(self._enter(value, self._free(f"{name}.part"), done))
            elif isinstance(value, np.ndarray):
                inputs.append(self._constant(value, f"{name}.constant"))
            else:
                inputs.append(self._named(value))
        *first, last = step.operations
        for operation in first:
            output = self._free(f"{name}.part")
            self.nodes.append(Node(output, operation, tuple(inputs), output))
            inputs = [output]
        self.nodes.append(Node(name, last, tuple(inputs), name))
        done[id(step)] = name
        return name

    # ---- names -----------------------------------------------------------------------------------

    def _named(self, node: Any) -> str:
        """Return the name of a value; a constant enters the graph where it is first read."""
        if node not in self.names:
            self.names[node] = self._constant(
                host(self.constants[node], f"from_torch: {node.name}"), node.name
            )
        return self.names[node]

    def _constant(self, value: Array, name: str) -> str:
        free = self._free(name)
        self.nodes.append(Node(free, Constant(value), (), free))
        return free

    def _free(self, name: str) -> str:
        free = name if name not in self.taken else f"{name}:{len(self.taken)}"
        self.taken.add(free)
        return free

    def _name(self, node: Any) -> str:
        """Return the name of the module that a step is, or of the one that it is in and its own."""
        path = _path(node)
        try:
            children = dict(self.module.get_submodule(path).named_children())
        except AttributeError:  # PyTorch has other names for some
            return str(node.name)
        alone = path not in self.weighted or self._weighs(node)
        if path and set(children) <= {"parametrizations"} and alone:
            return path
        return f"{path}.{node.name}" if path else str(node.name)

    def _weighs(self, node: Any) -> bool:
        """Return whether a step reads weights, besides what comes in."""
        source = node.args[0] if node.target is operator.getitem else node
        return len({known in self.constants for known in source.all_input_nodes}) > 1


def _path(node: Any) -> str:
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""


def _needed(program: ExportedProgram, ends: Iterable[Any]) -> Iterator[Any]:
    """Yield the nodes that some others are computed from, in their order."""
    needed = set()
    rest = list(ends)
    while rest:
        node = rest.pop()
        if node not in needed:
            needed.add(node)
            rest.extend(node.all_input_nodes)
    return (node for node in program.graph.nodes if node in needed)


def _input(node: Any, name: str) -> Input:
    shape = tuple(n if isinstance(n, int) else None for n in lengths(node))
    return Input(name, shape, integer=not node.meta["val"].dtype.is_floating_point)
