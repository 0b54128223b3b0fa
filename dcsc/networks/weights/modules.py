"""Named arrays, sorted by the layers that own them: ``conv1.weight`` is the weight of conv1."""

from collections.abc import Mapping

import attrs
import numpy as np

from dcsc._arrays import Array
from dcsc._words import listed
from dcsc.errors import DcscError

__all__ = ["Module", "modules_of"]

_ALONE = "layer"  # the name of a layer that the file gives none
_PARAMETRIZED = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}


@attrs.frozen(eq=False)
class Module:
    """The weights under one name.

    Parameters
    ----------
    name : str
    tensors : dict of str to array
        By the rest of their names: ``weight``, ``bias``, ``running_mean`` and the like.
    """

    name: str
    tensors: dict[str, Array]

    def tensor(self, name: str) -> Array:
        """Return a tensor.

        Raises
        ------
        DcscError
            If there is none of this name.
        """
        if name not in self.tensors:
            raise DcscError(
                f"{self.name}: expected a tensor {self.name}.{name}, got {listed(self.tensors)}"
            )
        return self.tensors[name]


def modules_of(tensors: Mapping[str, Array]) -> tuple[dict[str, Module], tuple[str, ...]]:
    """Sort tensors into modules, in the order of their first tensors; return notes as well.

    A weight given as direction and
    length (weight norm, under its old or its new names) is put together. Tensors without a dot in
    their names belong to no layer and are left out, unless they are all there is.

    Raises
    ------
    DcscError
        If no tensor is called weight or has a name with a dot.
    """
    notes = []
    owned: dict[str, dict[str, Array]] = {}
    for name, value in tensors.items():
        plain = name
        for new, old in _PARAMETRIZED.items():
            if name.endswith("." + new):
                plain = name.removesuffix(new) + old
        prefix, _, rest = plain.rpartition(".")
        owned.setdefault(prefix, {})[rest] = value
    loose = owned.pop("", {})
    if loose.keys() & {"weight", "weight_v"} and not owned:
        owned[_ALONE] = loose
        notes.append(f"the weights have no name of a layer, which is called {_ALONE!r} here")
    elif loose and owned:
        notes.append(f"left out, for their names have no dot after a layer's: {listed(loose)}")
    elif loose:
        raise DcscError(
            "expected arrays with names like conv1.weight and conv1.bias, a layer and what is "
            f"its, got {listed(loose)}; numpy.savez(path, **{{'conv1.weight': filters}}) gives "
            "such names"
        )
    modules = {name: Module(name, _composed(name, part)) for name, part in owned.items()}
    composed = [name for name in modules if {"weight_g", "weight_v"} <= set(owned[name])]
    if composed:
        notes.append("weight norm put together in " + ", ".join(composed))
    return modules, tuple(notes)


def _composed(name: str, tensors: dict[str, Array]) -> dict[str, Array]:
    """Return the tensors with ``g v / |v|`` as weight, normed over axes where g has length 1."""
    if not {"weight_g", "weight_v"} <= set(tensors):
        return tensors
    length, direction = tensors["weight_g"], tensors["weight_v"]
    if length.ndim != direction.ndim:
        raise DcscError(
            f"{name}: weight norm: expected a length and a direction with as many axes, got "
            f"shapes {length.shape} and {direction.shape}"
        )
    axes = tuple(axis for axis, n in enumerate(length.shape) if n == 1)
    norms = np.sqrt(np.square(direction.astype(np.float64)).sum(axis=axes, keepdims=True))
    if not norms.all():
        raise DcscError(f"{name}: weight norm: expected directions, got a zero one")
    weight = (length * (direction / norms)).astype(direction.dtype)
    others = {key: value for key, value in tensors.items() if key not in ("weight_g", "weight_v")}
    return {"weight": weight} | others
