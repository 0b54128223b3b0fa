"""Kinds of layers: from the table of one layer and its arrays to an operation.

A new one is a function from a `Table` and the layer's weights to an operation, and a line in
`KINDS`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from dcsc._arguments import flag
from dcsc._arrays import Array, Shape, per_axis
from dcsc._words import listed, nearest, quoted
from dcsc.errors import DcscError
from dcsc.networks import operations as ops
from dcsc.networks.operations import Operation
from dcsc.networks.operations.sliding import reach
from dcsc.networks.weights.modules import Module

__all__ = ["KINDS", "Table", "called_transposed", "kind_of", "why_unread"]

_REQUIRED = object()
# What PyTorch calls paddings and ways to pad.
_PADDINGS: dict[str, Any] = {"same": "same_upper", "valid": 0}
_TRANSPOSED = re.compile("transpos|deconv|upconv|convt|conv_t|upsampl")
_MODES = {"circular": "wrap", "replicate": "edge", "zeros": "constant"}


@attrs.define(eq=False)
class Table:
    """The keys of a table, each to be taken once.

    Parameters
    ----------
    where : str
        What errors call it.
    values : dict
    channels : int or None
        Number of channels that come in, where that is known.
    axes : int or None
        Number of spatial axes of what comes in, where that is known.
    defaults, guesses : list of str
        What was assumed where a key is missing, without and with a sign of it in the weights.
    keys : list of str
        Those that were asked for.
    """

    where: str
    values: dict[str, Any]
    channels: int | None = None
    axes: int | None = None
    defaults: list[str] = attrs.field(factory=list)
    guesses: list[str] = attrs.field(factory=list)
    keys: list[str] = attrs.field(factory=list)

    def take(self, key: str, default: Any = _REQUIRED, note: bool = False) -> Any:
        """Return and remove a key; with ``note`` a default is added to `defaults`."""
        self.keys.append(key)
        if key in self.values:
            return self.values.pop(key)
        if default is _REQUIRED:
            raise DcscError(
                f"{self.where}: expected the key {quoted(key)}, got {listed(self.values)}"
            )
        if note:
            self.defaults.append(f"{key} {default}")
        return default

    def finish(self, beside: Sequence[str] = ()) -> None:
        """Refuse keys that no builder took; those beside them were taken before."""
        if self.values:
            key, keys = next(iter(self.values)), [*self.keys, *beside]
            advice = nearest(key, keys)
            if key == "padding_mode":
                advice = '; a layer before it pads, kind = "pad" with a mode'
            raise DcscError(f"{self.where}: no key {quoted(key)}{advice}")


Builder = Callable[[Table, Module], Operation]


def _convolution(table: Table, module: Module) -> Operation:
    weight = module.tensor("weight")
    geometry = {
        "stride": table.take("stride", 1, note=True),
        "padding": _padding(table),
        "dilation": table.take("dilation", 1, note=True),
    }
    return ops.Convolve(
        weight, module.tensors.get("bias"), groups=_groups(table, weight), **geometry
    )


def _padding(table: Table) -> Any:
    """Return the padding; words of PyTorch are understood."""
    padding = table.take("padding", 0, note=True)
    return _PADDINGS.get(padding, padding) if isinstance(padding, str) else padding


def _groups(table: Table, weight: Array) -> Any:
    """Return the groups of a convolution, which only filters on one channel each suggest."""
    channels = table.channels or 1
    depthwise = weight.ndim > 1 and weight.shape[1] == 1 and len(weight) % channels == 0
    if channels == 1 or not depthwise or "groups" in table.values:
        return table.take("groups", 1, note=True)
    table.guesses.append(
        f"groups = {channels}, for {channels} channels come in and its filters have one"
    )
    return table.take("groups", channels)


def _transposed(table: Table, module: Module) -> Operation:
    weight = module.tensor("weight")
    if not flag(table.take("transpose_kernel", True), f"{table.where}: transpose_kernel"):
        # Flax correlates with (outputs, inputs, *kernel) what has zeros between its samples.
        weight = np.flip(np.swapaxes(weight, 0, 1), tuple(range(2, weight.ndim)))
    geometry = {
        "stride": table.take("stride", 1, note=True),
        "padding": table.take("padding", 0, note=True),
        "dilation": table.take("dilation", 1, note=True),
        "extra": table.take("extra", 0),
    }
    if geometry["padding"] in ("same", "valid"):
        geometry |= _by_word(geometry, weight.shape[2:], table.where)
    return ops.ConvolveTransposed(
        weight, module.tensors.get("bias"), groups=table.take("groups", 1, note=True), **geometry
    )


def _by_word(geometry: dict[str, Any], kernel: Shape, where: str) -> dict[str, Any]:
    """Return the padding that "same" and "valid" are of a transposed convolution.

    Stride times as many samples are left as there are positions; with "valid" what the kernel
    reaches beyond the stride as well. So it is in Keras and Flax.
    """
    stride, dilation = (
        per_axis(geometry[key], len(kernel), f"{where}: {key}", minimum=1)
        for key in ("stride", "dilation")
    )
    over = [span - step for span, step in zip(reach(kernel, dilation), stride, strict=True)]
    totals = [max(more, 0) * (geometry["padding"] == "same") for more in over]
    return {
        "padding": tuple((total // 2, total - total // 2) for total in totals),
        "extra": tuple(max(-more, 0) for more in over),
    }


def _linear(table: Table, module: Module) -> Operation:
    return ops.Linear(module.tensor("weight"), module.tensors.get("bias"))


def _batch_norm(table: Table, module: Module) -> Operation:
    mean = module.tensor("running_mean")
    return ops.BatchNorm.of(
        module.tensors.get("weight", np.ones_like(mean)),
        module.tensors.get("bias", np.zeros_like(mean)),
        mean,
        module.tensor("running_var"),
        table.take("epsilon", 1e-5, note=True),
    )


def _group_norm(table: Table, module: Module) -> Operation:
    groups, epsilon = table.take("groups"), table.take("epsilon", 1e-5, note=True)
    return ops.GroupNorm(module.tensor("weight"), module.tensor("bias"), groups, epsilon)


def _instance_norm(table: Table, module: Module) -> Operation:
    epsilon = table.take("epsilon", 1e-5, note=True)
    return ops.InstanceNorm(module.tensor("weight"), module.tensor("bias"), epsilon)


def _max_pool(table: Table, module: Module) -> Operation:
    return ops.MaxPool(_kernel(table), **_sliding(table))


def _average_pool(table: Table, module: Module) -> Operation:
    count = table.take("count_padding", True)
    return ops.AveragePool(_kernel(table), count_padding=count, **_sliding(table))


def _kernel(table: Table) -> Any:
    """Return the kernel of a pool; one number is that of each axis."""
    kernel = table.take("kernel")
    return (kernel,) * table.axes if isinstance(kernel, int) and table.axes else kernel


def _sliding(table: Table) -> dict[str, Any]:
    if "stride" not in table.values:
        table.defaults.append("stride 1 (PyTorch and Keras step by the kernel)")
    return {
        "stride": table.take("stride", 1),
        "padding": table.take("padding", 0),
        "dilation": table.take("dilation", 1),
        "ceil": table.take("ceil", False),
    }


def _slice(table: Table, module: Module) -> Operation:
    bounds = (table.take("start", 0), table.take("stop"), table.take("axis", 1))
    return ops.Slice(tuple((bound,) for bound in bounds))


def _plain(operation: Callable[..., Operation], **keys: Any) -> Builder:
    """Return a builder that hands some keys on, under their names and with these defaults."""
    return lambda table, module: operation(**{k: table.take(k, d) for k, d in keys.items()})


def _tupled(value: Any) -> Any:
    return tuple(map(_tupled, value)) if isinstance(value, list | tuple) else value


def _pad(table: Table, module: Module) -> Operation:
    widths, mode = _tupled(table.take("widths")), table.take("mode", "constant")
    mode = _MODES.get(mode, mode) if isinstance(mode, str) else mode
    return ops.Pad(widths, mode, table.take("value", 0.0))


KINDS: dict[str, Builder] = {
    "add": lambda table, module: ops.Elementwise("Add"),
    "average_pool": _average_pool,
    "batch_norm": _batch_norm,
    "clip": _plain(ops.Clip, low=None, high=None),
    "concatenate": _plain(ops.Concatenate, axis=1),
    "convolution": _convolution,
    "elementwise": _plain(ops.Elementwise, function=_REQUIRED),
    "elu": _plain(ops.Elu, slope=1.0),
    "flatten": _plain(ops.Flatten, axis=1),
    "gelu": _plain(ops.Gelu),
    "global_average_pool": _plain(ops.GlobalAveragePool),
    "global_max_pool": _plain(ops.GlobalMaxPool),
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "leaky_relu": _plain(ops.LeakyRelu, slope=0.01),
    "linear": _linear,
    "max_pool": _max_pool,
    "pad": _pad,
    "prelu": lambda table, module: ops.PRelu(module.tensor("weight")),
    "relu": _plain(ops.Relu),
    "reshape": lambda table, module: ops.Reshape(_tupled(table.take("shape"))),
    "sigmoid": _plain(ops.Sigmoid),
    "silu": _plain(ops.Silu),
    "slice": _slice,
    "softmax": _plain(ops.Softmax, axis=1),
    "softplus": _plain(ops.Softplus),
    "squeeze": lambda table, module: ops.Squeeze(_tupled(table.take("axes"))),
    "tanh": _plain(ops.Tanh),
    "transpose": lambda table, module: ops.Transpose(_tupled(table.take("axes"))),
    "transposed_convolution": _transposed,
    "unsqueeze": lambda table, module: ops.Unsqueeze(_tupled(table.take("axes"))),
    "unread": lambda table, module: ops.Unread(
        table.take("operation"), "the geometry says that it cannot be run"
    ),
}


def called_transposed(name: str) -> bool:
    """Return whether a layer's name is one that transposed convolutions have."""
    return _TRANSPOSED.search(name.lower()) is not None


def kind_of(module: Module) -> str:
    """Return the kind of layer that a module's tensors suggest, or ``"unread"``."""
    tensors = module.tensors
    if "running_mean" in tensors:
        return "batch_norm"
    axes = tensors["weight"].ndim if "weight" in tensors else 0
    if axes == 1 and set(tensors) == {"weight"} and "norm" not in module.name.lower():
        return "prelu"
    return {2: "linear", 3: "convolution", 4: "convolution"}.get(axes, "unread")


def why_unread(module: Module) -> str:
    """Return why no kind of layer is known by a module's tensors."""
    axes = {name: array.ndim for name, array in module.tensors.items()}
    if axes.get("weight", 0) > 4:
        return (
            f"its filters have {axes['weight'] - 2} spatial axes, not one or two; a network with "
            "such layers is run from an ONNX file"
        )
    if "heads" in axes:
        return (
            "its weights are those of attention, which tables of layers have no kind for; a "
            "network with such layers is run from an ONNX file"
        )
    if axes == {"weight": 1, "bias": 1}:
        return (
            "a norm without running statistics, whose groups are not in the file: "
            'kind = "group_norm" with groups, or kind = "instance_norm", in a table of layers'
        )
    return f"no kind of layer is known by these weights: {', '.join(module.tensors)}"
