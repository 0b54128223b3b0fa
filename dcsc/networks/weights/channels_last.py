"""Weights of Keras and Flax, whose kernels have their channels last: names, layouts, defaults."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from dcsc._arrays import Array
from dcsc._numerics.products import matmul
from dcsc._words import listed
from dcsc.errors import DcscError
from dcsc.networks.operations.base import checked_size
from dcsc.networks.weights.kinds import called_transposed, kind_of
from dcsc.networks.weights.modules import Module
from dcsc.networks.weights.naming import last_part, under

__all__ = ["renamed", "with_defaults"]

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
_FLAX_NORMS = {"scale", "mean", "var"}
_ATTENTION = re.compile(r"attention|attn|(^|[.])(query|key|value)$")
_DEPTHWISE = re.compile(r"depthwise|dw_?conv|(^|[._])dw([._]|$)")


def renamed(values: dict[str, Array], keeps_order: bool) -> tuple[dict[str, Array], list[str], str]:
    """Return tensors of Keras and Flax under names with dots, filters turned round."""
    plain = {name: re.sub(r":\d+$", "", name).replace("/", ".") for name in values}
    kernels = [name for name in plain.values() if last_part(name) in ("kernel", "depthwise_kernel")]
    if not kernels:
        return values, [], ""
    layers: dict[str, dict[str, Array]] = {}
    for name, value in values.items():
        layer, _, leaf = plain[name].rpartition(".")
        layers.setdefault(layer, {})[leaf] = value
    flax = _is_flax(plain.values(), layers, keeps_order)
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
    return under(turned, in_torch), notes, origin


def _is_flax(
    names: Iterable[str], layers: Mapping[str, Mapping[str, Array]], keeps_order: bool
) -> bool:
    """Return whether names are those of Flax and not of Keras, which has many of them as well."""
    leaves = set().union(*layers.values())
    if any(name.split(".")[0] in _COLLECTIONS for name in names):
        return True
    if leaves & _FLAX_NORMS:
        return not leaves & {"gamma", "moving_mean", "moving_variance"}
    # jax sorts by name, and Keras has kernels first.
    both = [list(layer) for layer in layers.values() if {"kernel", "bias"} <= set(layer)]
    return keeps_order and bool(both) and all(b.index("bias") < b.index("kernel") for b in both)


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
    if kernel.ndim != 3 or "conv" in last_part(layer).lower():
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
    taps = matmul(weights, deep.reshape(channels, multiplier, -1))
    return np.moveaxis(taps, 1, 0).reshape(filters, channels, *extent)


def _channels_first(leaf: str, value: Array) -> Array:
    if leaf == "kernel" and value.ndim > 1:
        return np.moveaxis(value, (-1, -2), (0, 1))
    return value


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
