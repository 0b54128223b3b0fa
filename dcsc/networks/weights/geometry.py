"""The table of layers beside weights: their names, their order and their geometry.

Formats that carry weights only say neither strides nor order. A table of layers does, in TOML or
as nested dicts and lists::

    input = [3, 24, 24]                      # channels, then the extent

    [[layers]]
    name = "conv1"                           # whose weights: conv1.weight, conv1.bias
    stride = 1
    padding = [[1, 0], [1, 0]]               # an int, or an int or a pair per axis, or "same"
    norm = "bn1"                             # a batch norm, by the name of its weights
    activation = { kind = "leaky_relu", slope = 0.1 }
    pool = { kind = "max_pool", kernel = 2, stride = 2 }
    order = ["norm", "activation", "pool"]   # how the three come, here the default

    [[layers]]
    kind = "flatten"                         # `KINDS` lists them
    from = "conv1"                           # what it reads; by default the layer before
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dcsc._arguments import mapping
from dcsc._arrays import instance, shape_tuple
from dcsc._words import listed, nearest, quoted
from dcsc.errors import DcscError
from dcsc.networks.graph import Graph, Input, Node
from dcsc.networks.misfits import channel_causes, norm_causes
from dcsc.networks.operations import (
    Activation,
    BatchNorm,
    Concatenate,
    Convolve,
    ConvolveTransposed,
    Elementwise,
    Equivariance,
    GroupNorm,
    InstanceNorm,
    Linear,
    Operation,
    Unread,
)
from dcsc.networks.weights.kinds import KINDS, Table, called_transposed, kind_of, why_unread
from dcsc.networks.weights.modules import Module
from dcsc.networks.weights.questions import check_filled

__all__ = ["build", "default_layers"]

_PARTS = ("norm", "activation", "pool")
_WEIGHTED = ("convolution", "linear")
_NORMS = BatchNorm | GroupNorm | InstanceNorm
_OWNERS = Convolve | ConvolveTransposed | Linear


def build(
    modules: Mapping[str, Module], geometry: Mapping[str, Any], origin: str = ""
) -> tuple[Graph, tuple[str, ...]]:
    """Return the graph of a table of layers with these weights, and what was assumed.

    Parameters
    ----------
    modules : mapping of str to Module
    geometry : mapping
    origin : str
        ``"keras"`` or ``"flax"``, if the weights come from there.
    """
    modules = _modules(modules, "build: modules")
    check_filled(mapping(geometry, "geometry"))
    table = Table("geometry", dict(geometry))
    layers, shape = table.take("layers"), table.take("input", None)
    table.finish()
    tables = isinstance(layers, Sequence) and all(isinstance(x, Mapping) for x in layers)
    if not tables or not layers:
        raise DcscError(f"geometry: layers: expected a list of tables, got {quoted(layers)}")
    if shape is not None:
        shape = shape_tuple(shape, "geometry: input", minimum=1)
        if not shape:
            raise DcscError("geometry: input: expected channels and an extent, got nothing")
    builder = _Builder(modules, shape, instance(origin, str, "build: origin"))
    for number, layer in enumerate(layers, start=1):
        where = f"geometry: layer {number}"
        try:
            builder.add_layer(dict(layer), where)
        except DcscError:
            raise
        except (TypeError, ValueError) as error:
            raise DcscError(f"{where}: expected values of other types: {error}") from None
    return builder.finish()


def _modules(value: Any, where: str) -> Mapping[str, Module]:
    for module in mapping(value, where).values():
        instance(module, Module, where)
    return value


def default_layers(modules: Mapping[str, Module]) -> dict[str, Any]:
    """Return the table of layers that weights alone suggest: their order, with rectifiers between.

    A rectifier follows each convolution or linear layer but the last, after its batch norm where
    one comes next, unless a PReLU does. Weights like those of a PReLU are none where no such layer
    comes before them, or no other after: those of a loss look the same.
    """
    modules = _between(_modules(modules, "default_layers: modules"))
    names = list(modules)
    kinds = [kind_of(module) for module in modules.values()]
    weighted = [i for i, kind in enumerate(kinds) if kind in _WEIGHTED]
    layers: list[dict[str, Any]] = []
    for i, name in enumerate(names):
        if kinds[i] == "linear" and i in weighted[1:] and "linear" not in kinds[:i]:
            layers.append({"name": "flatten", "kind": "flatten"})
        layers.append({"name": name})
        owner = i - 1 if kinds[i] == "batch_norm" else i
        if owner in weighted[:-1] and kinds[i + 1] not in ("batch_norm", "prelu"):
            layers[-1]["activation"] = "relu"
    return {"layers": layers}


def _between(modules: Mapping[str, Module]) -> dict[str, Module]:
    """Return the modules without those that look like a PReLU where none can be."""
    kinds = {name: kind_of(module) for name, module in modules.items()}
    last = max((i for i, kind in enumerate(kinds.values()) if kind in _WEIGHTED), default=0)
    kept: dict[str, Module] = {}
    outputs, follows = 0, False
    for i, (name, module) in enumerate(modules.items()):
        if kinds[name] in _WEIGHTED:
            outputs, follows = len(module.tensor("weight")), True
        elif kinds[name] == "prelu":
            if not follows or i > last or len(module.tensor("weight")) not in (1, outputs):
                continue
            follows = False
        elif kinds[name] != "batch_norm":
            follows = False
        kept[name] = module
    return kept


class _Builder:
    """A graph in the making."""

    def __init__(
        self, modules: Mapping[str, Module], shape: tuple[int, ...] | None, origin: str
    ) -> None:
        self.modules = modules
        self.origin = origin
        self.shape = shape
        self.nodes: list[Node] = []
        self.notes: list[str] = []
        self.defaults: dict[str, list[str]] = {}
        self.used: set[str] = set()
        self.square: list[str] = []
        self.norms: dict[str, list[str]] = {}
        self.ends: dict[str, str] = {"input": "input"}
        self.channels: dict[str, int | None] = {"input": None if shape is None else shape[0]}
        self.last = "input"

    def add_layer(self, layer: dict[str, Any], where: str) -> None:
        """Add a layer with what belongs to it."""
        name = str(layer.pop("name", None) or layer.get("kind") or where)
        layer.setdefault("weights", name)
        if name in self.ends:  # a second time, with the same weights
            name = f"{name}_{len(self.nodes)}"
        where = f"{where} ({name})"
        order = layer.pop("order", _PARTS)
        if sorted(order) != sorted(_PARTS):
            raise DcscError(f"{where}: order: expected {_PARTS} in some order, got {quoted(order)}")
        parts = {part: layer.pop(part) for part in order if part in layer}
        self._add(name, layer, where, ("name", *_PARTS, "order"))
        self._check_norm(self.nodes[-1])
        for part, value in parts.items():
            self._add(f"{name}.{part}", self._part(part, value), f"{where}: {part}")
        self.ends[name] = self.last

    def _part(self, part: str, value: Any) -> dict[str, Any]:
        """Return the table of a part, which may be just the name of its kind or of its weights."""
        if isinstance(value, Mapping):
            return dict(value)
        if value in self.modules:
            return {"weights": value}
        return {"kind": value}

    def _add(
        self, name: str, values: dict[str, Any], where: str, beside: tuple[str, ...] = ()
    ) -> None:
        # The operation takes its keys off the table; what is left then is a mistake.
        table = Table(where, values)
        module = self._module(table.take("weights", name))
        kind = table.take("kind", None)
        guessed = kind is None
        if guessed:
            kind = self._kind(module, where)
        sources = self._sources(table)
        table.channels, table.axes = self.channels[sources[0]], self._axes()
        if guessed:
            self._check_guess(kind, table, module)
        operation = self._operation(kind, table, module)
        table.finish(beside)
        self._check(operation, table, sources)
        if isinstance(operation, _NORMS):
            before = next((n for n in self.nodes if n.output == sources[0]), None)
            owned = before is not None and isinstance(before.operation, _OWNERS)
            owner = f" of {before.name}" if before and owned else " alone"
            self.norms.setdefault(listed(module.tensors), []).append(module.name + owner)
        self.nodes.append(Node(name, operation, tuple(sources), name))
        self.channels[name] = _channels(operation, [self.channels[source] for source in sources])
        self.last = name
        if table.defaults:
            self.defaults.setdefault(", ".join(table.defaults), []).append(name)
        self.notes.extend(f"{name}: guessed {guess}" for guess in table.guesses)

    def _axes(self) -> int | None:
        """Return the number of spatial axes, which the last convolution or the input tells."""
        for node in reversed(self.nodes):
            if isinstance(node.operation, Convolve | ConvolveTransposed):
                return node.operation.weight.ndim - 2
        return None if self.shape is None else len(self.shape) - 1

    def _module(self, name: str) -> Module:
        self.used.add(name)
        return self.modules.get(name, Module(name, {}))

    def _kind(self, module: Module, where: str) -> str:
        if not module.tensors:
            raise DcscError(
                f"{where}: expected a kind, or weights under one of the names "
                f"{listed(self.modules)}, got {quoted(module.name)}"
            )
        return kind_of(module)

    def _sources(self, table: Table) -> list[str]:
        names = table.take("from", None)
        if names is None:
            return [self.last]
        names = [names] if isinstance(names, str) else list(names)
        if not names:
            raise DcscError(f"{table.where}: from: expected earlier layers, got none")
        for name in names:
            if name not in self.ends:
                raise DcscError(
                    f"{table.where}: from: expected an earlier layer, one of "
                    f"{listed(self.ends)}, got {quoted(name)}"
                )
        return [self.ends[name] for name in names]

    def _operation(self, kind: Any, table: Table, module: Module) -> Operation:
        if kind == "unread" and "operation" not in table.values:
            return Unread(module.name, why_unread(module))
        if kind not in KINDS:
            raise DcscError(f"{table.where}: no kind {quoted(kind)}{nearest(kind, KINDS)}")
        try:
            return KINDS[kind](table, module)
        except DcscError as error:
            inside = str(error).startswith(table.where)
            raise error if inside else DcscError(f"{table.where}: {error}") from None

    def _check_guess(self, kind: str, table: Table, module: Module) -> None:
        """Say what was guessed of a layer, and refuse to guess where it could be two things."""
        if kind == "prelu":
            count = len(module.tensor("weight"))
            table.guesses.append(
                'kind = "prelu", for its weights are '
                + ("one number a channel" if count > 1 else "one number")
            )
        if kind != "convolution":
            return
        outputs, width = module.tensor("weight").shape[:2]
        bias = module.tensors.get("bias")
        flax = self.origin == "flax"  # whose transposed kernels have the layout of all others
        turned = bias is not None and len(bias) == width != outputs
        fits = (bias is None or len(bias) == width) and table.channels in (None, outputs)
        if turned or (called_transposed(module.name) and (flax or fits)):
            raise DcscError(
                f"{table.where}: expected to be told in a table of layers "
                'whether it is kind = "convolution" or kind = "transposed_convolution"'
                + (" (with transpose_kernel = false, unless the layer has it)" if flax else "")
                + f", got weights of shape {module.tensor('weight').shape}"
                + (f" and {len(bias)} biases" if bias is not None else "")
            )
        square = outputs == width > 1 and table.channels in (None, width)
        if square:
            self.square.append(module.name)

    def _check(self, operation: Operation, table: Table, sources: list[str]) -> None:
        """Check a convolution or a norm against the channels that come in."""
        if isinstance(operation, Convolve):
            needed = operation.weight.shape[1] * operation.groups
        elif isinstance(operation, ConvolveTransposed):
            needed = len(operation.weight)
        elif isinstance(operation, BatchNorm):
            needed = len(operation.scale)
        else:
            return
        channels = table.channels
        if channels in (None, needed):
            return
        if isinstance(operation, BatchNorm):
            norms = (each for each in self.modules.values() if kind_of(each) == "batch_norm")
            sizes = {each.name: len(each.tensor("running_mean")) for each in norms}
            causes = norm_causes(channels, sizes)
        else:
            ends = reversed(self.ends.items())
            others = [name for name, end in ends if self.channels[end] == needed]
            causes = channel_causes(operation, channels, others, sources == ["input"])
        raise DcscError(
            f"{table.where}: expected {needed} channels to come in, got {channels}; say in a table "
            f"of layers how it is: {', '.join([*causes, 'another order'])}"
        )

    def _check_norm(self, node: Node) -> None:
        """Say where a batch norm that is a layer of its own comes after an activation."""
        before = {each.output: each for each in self.nodes}.get(node.inputs[0])
        if not (before and isinstance(node.operation, BatchNorm)):
            return
        owner, _, part = before.name.rpartition(".")
        if part == "activation" and owner in self.ends:
            self.notes.append(
                f"{node.name}: this norm comes after the activation of {owner}; if it comes "
                f"before, say norm = {quoted(node.name)} in the table of {owner}"
            )

    def finish(self) -> tuple[Graph, tuple[str, ...]]:
        """Return the graph; its outputs are the values that no layer reads."""
        used = {name for node in self.nodes for name in node.inputs}
        outputs = [node.output for node in self.nodes if node.output not in used]
        if len(outputs) > 1:
            self.notes.append(
                f"nothing reads {listed(outputs[:-1])}: outputs of the network beside "
                f"{outputs[-1]}, or layers that others should have in their from"
            )
        for assumed, names in self.defaults.items():
            self.notes.append(f"by default {assumed}: {listed(names)}")
        for tensors, norms in self.norms.items():
            self.notes.append(f"read as norms, by their {tensors}: {listed(norms)}")
        if self.square:
            self.notes.append(
                f"guessed convolutions: {listed(self.square)}; transposed ones have weights of "
                'these shapes as well, kind = "transposed_convolution" says so'
            )
        idle = [name for name in self.modules if name not in self.used]
        if idle:
            self.notes.append("weights that no layer uses: " + ", ".join(idle))
        return Graph((self._input(),), tuple(self.nodes), tuple(outputs)), tuple(self.notes)

    def _input(self) -> Input:
        if self.shape is not None:
            return Input("input", (None, *self.shape))
        first = self.nodes[0].operation
        if isinstance(first, Convolve):
            free = (None,) * (first.weight.ndim - 2)
            return Input("input", (None, first.weight.shape[1] * first.groups, *free))
        return Input("input")


def _channels(operation: Operation, sources: list[int | None]) -> int | None:
    """Return the number of channels that come out, where that is known."""
    before = sources[0] if len(set(sources)) == 1 else None
    if isinstance(operation, Convolve):
        return len(operation.weight)
    if isinstance(operation, Concatenate):
        known = [count for count in sources if count is not None]
        return sum(known) if operation.axis == 1 and len(known) == len(sources) else None
    if isinstance(operation, ConvolveTransposed):
        return operation.weight.shape[1] * operation.groups
    kept = isinstance(operation, Activation | BatchNorm | Elementwise)
    return before if kept or operation.equivariance > Equivariance.NONE else None
