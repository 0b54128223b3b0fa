"""Names and layouts that others write, as the names and layouts of layers here.

Tensors come in under any names, and leave as ``conv1.weight``, ``conv1.bias`` and so on, filters as
(outputs, inputs, *kernel). What is done is told in notes.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._words import listed, quoted
from dcsc.errors import DcscError
from dcsc.networks.operations.base import checked_size
from dcsc.networks.weights.kinds import called_transposed, kind_of
from dcsc.networks.weights.modules import Module

__all__ = ["Checkpoint", "read_checkpoint", "with_defaults"]

# What wraps a model adds its name in front, and some wrap what is wrapped.
_WRAPPERS = ("module", "_orig_mod", "model", "net", "network", "_forward_module", "backbone")
_BUFFERS = ("inv_freq", "anchors", "anchor_grid")
_SCALES = ("weight_scale", "weight_scale_inv")
_PARAMETRIZED = re.compile(r"parametrizations\.(\w+)\.(original|0\._u|0\._v)$")
_PLAIN = {"original": "orig", "0._u": "u", "0._v": "v"}

# Names of Keras and of Flax, of norms besides kernels.
_CHANNELS_LAST = {
    "kernel": "weight",
    "depthwise_kernel": "weight",
    "scale": "weight",
    "gamma": "weight",
    "beta": "bias",
    "mean": "running_mean",
    "moving_mean": "running_mean",
    "var": "running_var",
    "moving_variance": "running_var",
}
_COLLECTIONS = ("params", "batch_stats")
_ATTENTION = re.compile(r"attention|attn|(^|[.])(query|key|value)$")
_DEPTHWISE = re.compile(r"depthwise|dw_?conv|(^|[._])dw([._]|$)")


@attrs.frozen(eq=False)
class Checkpoint:
    """Tensors under the names that layers have here.

    Parameters
    ----------
    tensors : dict of str to array
    notes, left : tuple of str
        What was renamed, put together and turned round, and what was left out.
    origin : str
        ``"keras"`` or ``"flax"`` if the names are theirs, whose defaults are not PyTorch's.
    """

    tensors: dict[str, Array]
    notes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    origin: str = ""


def read_checkpoint(tensors: Mapping[str, Array], names: Iterable[str] = ()) -> Checkpoint:
    """Return tensors under the names and in the layouts of layers.

    Parameters
    ----------
    tensors : mapping of str to array
        As a file has them.
    names : iterable of str
        Layers that a table names: a prefix that they have is kept.

    Raises
    ------
    DcscError
        If two tensors would have one name, or weights are in units of their own.
    """
    values, notes, origin = _renamed(dict(tensors))
    values, more = _unwrapped(values, tuple(names))
    values = _under(values, lambda name: _PARAMETRIZED.sub(_as_before, name))
    _check_units(values)
    values, composed = _composed(values)
    values, left = _without_buffers(values)
    return Checkpoint(values, (*notes, *more, *composed), tuple(left), origin)


# ---- Keras and Flax ------------------------------------------------------------------------------


def _renamed(values: dict[str, Array]) -> tuple[dict[str, Array], list[str], str]:
    """Return tensors of Keras and Flax under names with dots, filters turned round."""
    plain = {name: re.sub(r":\d+$", "", name).replace("/", ".") for name in values}
    kernels = [name for name in plain.values() if _leaf(name) in ("kernel", "depthwise_kernel")]
    if not kernels:
        return values, [], ""
    flax = any(name.split(".")[0] in _COLLECTIONS for name in plain.values())
    layers: dict[str, dict[str, Array]] = {}
    for name, value in values.items():
        layer, _, leaf = plain[name].rpartition(".")
        layers.setdefault(layer, {})[leaf] = value
    turned: dict[str, Array] = {}
    attention: list[str] = []
    depthwise, separable = [], []
    for name, value in values.items():
        layer, _, leaf = plain[name].rpartition(".")
        beside = layers[layer]
        if leaf == "kernel" and _of_heads(layer, value, beside.get("bias")):
            turned[name] = value
            attention.append(name)
        elif leaf == "kernel" and not flax and _is_depthwise(layer, value, beside.get("bias")):
            turned[name] = _filter_by_filter(name, value)
            depthwise.append(layer)
        elif leaf == "depthwise_kernel":
            turned[name] = _filter_by_filter(name, value)
            if "pointwise_kernel" in beside:
                turned[name] = _combined(layer, turned[name], value, beside["pointwise_kernel"])
                separable.append(layer)
        elif leaf != "pointwise_kernel" or "depthwise_kernel" not in beside:
            turned[name] = _channels_first(leaf, value)

    def in_torch(name: str) -> str:
        *path, leaf = plain[name].split(".")
        if name in attention:
            leaf = "heads"  # no weight of a convolution
        if flax and path[:1] and path[0] in _COLLECTIONS:
            path = path[1:]
        return ".".join([*path, _CHANNELS_LAST.get(leaf, leaf)])

    origin = "flax" if flax else "keras"
    notes = [
        f"names and layouts are those of {origin.capitalize()}: kernels (*extent, inputs, outputs) "
        "are turned to (outputs, inputs, *extent)"
    ]
    if depthwise:
        notes.append(f"guessed depthwise kernels, by names and biases: {listed(depthwise)}")
    if separable:
        notes.append(
            f"kernels of separable layers put together, for nothing lies between: "
            f"{listed(separable)}"
        )
    return _under(turned, in_torch), notes, origin


def _is_depthwise(layer: str, kernel: Array, bias: Array | None) -> bool:
    """Return whether a kernel is (*extent, channels, multiplier), as Keras 3 also calls it kernel.

    There is a bias for each output; a transposed one (*extent, outputs, 1) has as many.
    """
    if kernel.ndim < 3:
        return False
    channels, multiplier = kernel.shape[-2:]
    named = _DEPTHWISE.search(layer.lower()) is not None
    if bias is None or channels == 1:
        return named and not called_transposed(layer)
    outputs = bias.size == channels * multiplier
    return outputs and (named or not called_transposed(layer))


def _of_heads(layer: str, kernel: Array, bias: Array | None) -> bool:
    """Return whether a kernel is (inputs, heads, width), as those of attention are."""
    if kernel.ndim != 3 or "conv" in _leaf(layer).lower():
        return False
    several = bias is not None and bias.ndim > 1
    return several or _ATTENTION.search(layer.lower()) is not None


def _filter_by_filter(name: str, kernel: Array) -> Array:
    """Return filters on one channel each; channel c has the outputs from c·multiplier on."""
    if kernel.ndim < 3:
        raise DcscError(f"{name}: expected (*extent, channels, multiplier), got {kernel.shape}")
    *extent, channels, multiplier = kernel.shape
    turned = np.moveaxis(kernel, (-2, -1), (0, 1))
    return turned.reshape(channels * multiplier, 1, *extent)


def _combined(layer: str, deep: Array, kernel: Array, point: Array) -> Array:
    """Return the filters that a depthwise convolution and the matrix after it are together."""
    *extent, channels, multiplier = kernel.shape
    wanted = (*[1] * len(extent), channels * multiplier)
    if point.shape[:-1] != wanted:
        raise DcscError(
            f"{layer}.pointwise_kernel: expected shape {(*wanted, 'filters')}, got {point.shape}"
        )
    filters = point.shape[-1]
    checked_size((filters, channels, *extent), layer)
    # Output o has, of channel c, the sum over m of P[cM + m, o] times the filter of cM + m.
    weights = np.moveaxis(point.reshape(channels, multiplier, filters), 2, 1)
    taps = weights @ deep.reshape(channels, multiplier, -1)
    return np.moveaxis(taps, 1, 0).reshape(filters, channels, *extent)


def _channels_first(leaf: str, value: Array) -> Array:
    if leaf == "kernel" and value.ndim > 1:
        return np.moveaxis(value, (-1, -2), (0, 1))
    return value


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


# ---- prefixes and parametrisations ---------------------------------------------------------------


def _unwrapped(
    values: dict[str, Array], names: tuple[str, ...]
) -> tuple[dict[str, Array], list[str]]:
    """Return tensors without the names of wrappers in front, and without compilers' inside."""
    left = []
    while values:
        first = {name.partition(".")[0] for name in values if "." in name}
        prefix = "".join(first) + "."
        wraps = len(first) == 1 and first <= set(_WRAPPERS)
        if not wraps or any(name.startswith(prefix) for name in names):
            break
        # A layer called model is no wrapper.
        if any(name.count(".") < 2 for name in values if "." in name):
            break
        values = _under(values, operator.methodcaller("removeprefix", prefix))
        left.append(prefix)
    if not any("_orig_mod." in name for name in names):
        values = _under(values, lambda name: name.replace("._orig_mod.", "."))
    notes = [f"left out the prefix {quoted(''.join(left))} of all names"] if left else []
    return values, notes


def _under(values: dict[str, Array], new: Callable[[str], str]) -> dict[str, Array]:
    """Return tensors under new names, of which each has to be that of one."""
    result: dict[str, Array] = {}
    for name, value in values.items():
        if new(name) in result:
            raise DcscError(f"{name}: expected one tensor for {new(name)}, got two")
        result[new(name)] = value
    return result


def _as_before(match: re.Match[str]) -> str:
    """Return the name that a parametrised tensor had before PyTorch knew parametrisations."""
    return f"{match[1]}_{_PLAIN[match[2]]}"


def _check_units(values: Mapping[str, Array]) -> None:
    scaled = [name for name in values if _leaf(name) in _SCALES]
    if scaled:
        raise DcscError(
            f"{scaled[0]}: expected weights as they are, got some in units of another tensor: "
            "multiply them and save that"
        )


def _composed(values: dict[str, Array]) -> tuple[dict[str, Array], list[str]]:
    """Return tensors with pruned and spectrally normed ones put together."""
    result, pruned, normed = dict(values), [], []
    for name, original in values.items():
        if not name.endswith("_orig"):
            continue
        plain = name.removesuffix("_orig")
        if plain in values:
            raise DcscError(f"{name}: expected one tensor for {plain}, got two")
        mask, left, right = (values.get(f"{plain}_{part}") for part in ("mask", "u", "v"))
        if mask is not None:
            if mask.shape != original.shape:
                raise DcscError(f"{plain}_mask: expected shape {original.shape}, got {mask.shape}")
            value, used = (original * mask).astype(original.dtype), {"orig", "mask"}
            pruned.append(plain)
        elif left is not None and right is not None:
            value, used = _over_norm(plain, original, left, right), {"orig", "u", "v"}
            normed.append(plain)
        else:
            continue
        # The tensor stands where its first part stood.
        parts = {f"{plain}_{part}" for part in used}
        result = {
            (plain if key == name else key): (value if key == name else held)
            for key, held in result.items()
            if key == name or key not in parts
        }
    notes = [f"pruned weights masked in {listed(pruned)}"] if pruned else []
    return result, notes + ([f"divided by their norm: {listed(normed)}"] if normed else [])


def _over_norm(name: str, weight: Array, left: Array, right: Array) -> Array:
    """Return a weight divided by uᵀ W v, with the outputs of W on the axis that u and v fit."""
    best, found = np.inf, None
    for axis in range(min(weight.ndim, 2)):
        matrix = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(np.float64)
        if left.ndim != 1 or right.ndim != 1 or matrix.shape != (left.size, right.size):
            continue
        image = matrix @ right
        norm = float(left @ image)
        # u is close to W v / |W v|, on the right axis.
        off = float(np.abs(image - norm * left).max())
        if norm > 0 and off < best:
            best, found = off, norm
    if found is None:
        raise DcscError(
            f"{name}: spectral norm: expected vectors that fit a weight of shape {weight.shape}, "
            f"got {left.shape} and {right.shape}"
        )
    return (weight / found).astype(weight.dtype)


# ---- what is no weight ---------------------------------------------------------------------------


def _without_buffers(values: dict[str, Array]) -> tuple[dict[str, Array], list[str]]:
    """Return tensors without counters, indices and other buffers that layers have no use for."""
    buffers = [
        name
        for name, value in values.items()
        if _leaf(name) in _BUFFERS
        or (value.dtype.kind in "biu" and not _leaf(name).startswith(("weight", "bias")))
    ]
    rest = {name: value for name, value in values.items() if name not in set(buffers)}
    return rest, [f"left out, for they are no weights: {listed(buffers)}"] if buffers else []


# ---- defaults that are not PyTorch's -------------------------------------------------------------

_EPSILON = {"keras": 1e-3, "flax": 1e-5}


def with_defaults(
    table: Mapping[str, Any], modules: Mapping[str, Module], origin: str
) -> tuple[dict[str, Any], list[str]]:
    """Return a table of layers with what is the default where the weights come from, and notes.

    Parameters
    ----------
    table : mapping
        As `default_layers` makes it.
    modules : mapping of str to Module
    origin : str
        ``"keras"``, ``"flax"`` or nothing.
    """
    if not origin:
        return dict(table), []
    layers, guesses, axes = [], [], 0
    for given in table["layers"]:
        layer = dict(given)
        kind = kind_of(modules[layer["name"]]) if layer["name"] in modules else ""
        if kind == "convolution":
            axes = modules[layer["name"]].tensor("weight").ndim - 2
            if origin == "flax":
                layer.setdefault("padding", "same_upper")
                guesses.append("padding same_upper of convolutions")
        elif kind == "batch_norm":
            layer.setdefault("epsilon", _EPSILON[origin])
            guesses.append(f"epsilon {_EPSILON[origin]} of norms")
        elif layer.get("kind") == "flatten" and axes:
            # Channels come last where numbers are laid out in a line.
            last = [0, *range(2, axes + 2), 1]
            layers.append({"name": "channels_last", "kind": "transpose", "axes": last})
            guesses.append("channels last where they are flattened")
        layers.append(layer)
    told = ", ".join(dict.fromkeys(guesses))
    notes = [f"guessed by the defaults of {origin.capitalize()}: {told}"] if told else []
    return {**table, "layers": layers}, notes
