"""Names and layouts that others write, as the names and layouts of layers here.

Tensors come in under any names, and leave as ``conv1.weight``, ``conv1.bias`` and so on, filters as
(outputs, inputs, *kernel). What is done is told in notes.
"""

import operator
import re
from collections.abc import Iterable, Mapping

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._words import listed, quoted
from dcsc.errors import DcscError
from dcsc.networks.weights.channels_last import renamed
from dcsc.networks.weights.naming import last_part, under

__all__ = ["Checkpoint", "read_checkpoint"]

# What wraps a model adds its name in front, and some wrap what is wrapped.
_WRAPPERS = ("module", "_orig_mod", "model", "net", "network", "_forward_module", "backbone")
_KERAS_MODEL = re.compile(r"(sequential|functional)(_\d+)?")  # the names that it gives by itself
_BUFFERS = ("inv_freq", "anchors", "anchor_grid")
_SCALES = ("weight_scale", "weight_scale_inv")
_PARAMETRIZED = re.compile(r"parametrizations\.(\w+)\.(original|0\._u|0\._v)$")
_PLAIN = {"original": "orig", "0._u": "u", "0._v": "v"}


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


def read_checkpoint(
    tensors: Mapping[str, Array], names: Iterable[str] = (), keeps_order: bool = True
) -> Checkpoint:
    """Return tensors under the names and in the layouts of layers.

    Parameters
    ----------
    tensors : mapping of str to array
        As a file has them.
    names : iterable of str
        Layers that a table names: a prefix that they have is kept.
    keeps_order : bool
        Whether tensors lie in the file in the order in which they were saved.

    Raises
    ------
    DcscError
        If two tensors would have one name, or weights are in units of their own.
    """
    values, notes, origin = renamed(dict(tensors), keeps_order)
    values, more = _unwrapped(values, tuple(names))
    values = under(values, lambda name: _PARAMETRIZED.sub(_as_before, name))
    _check_units(values)
    values, composed = _composed(values)
    values, left = _without_buffers(values)
    return Checkpoint(values, (*notes, *more, *composed), tuple(left), origin)


# ---- prefixes and parametrisations ---------------------------------------------------------------


def _unwrapped(
    values: dict[str, Array], names: tuple[str, ...]
) -> tuple[dict[str, Array], list[str]]:
    """Return tensors without the names of wrappers in front, and without compilers' inside."""
    left = []
    while values:
        first = {name.partition(".")[0] for name in values if "." in name}
        prefix = "".join(first) + "."
        wraps = len(first) == 1 and (
            first <= set(_WRAPPERS) or _KERAS_MODEL.fullmatch(prefix[:-1]) is not None
        )
        if not wraps or any(name.startswith(prefix) for name in names):
            break
        # A layer called model is no wrapper.
        if any(name.count(".") < 2 for name in values if "." in name):
            break
        values = under(values, operator.methodcaller("removeprefix", prefix))
        left.append(prefix)
    if not any("_orig_mod." in name for name in names):
        values = under(values, lambda name: name.replace("._orig_mod.", "."))
    notes = [f"left out the prefix {quoted(''.join(left))} of all names"] if left else []
    return values, notes


def _as_before(match: re.Match[str]) -> str:
    """Return the name that a parametrised tensor had before PyTorch knew parametrisations."""
    return f"{match[1]}_{_PLAIN[match[2]]}"


def _check_units(values: Mapping[str, Array]) -> None:
    scaled = [name for name in values if last_part(name) in _SCALES]
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
        if last_part(name) in _BUFFERS
        or (value.dtype.kind in "biu" and not last_part(name).startswith(("weight", "bias")))
    ]
    rest = {name: value for name, value in values.items() if name not in set(buffers)}
    return rest, [f"left out, for they are no weights: {listed(buffers)}"] if buffers else []
